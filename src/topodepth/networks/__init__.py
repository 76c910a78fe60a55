"""Opening a network from a file, finding and naming its layers, running it."""
