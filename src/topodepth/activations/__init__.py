"""Data through a network to activations files; what a file says of itself; pixels; accuracy."""
