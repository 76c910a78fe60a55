"""From points to numbers: clouds and their null model, diagrams, descriptors, dimension. No deep-learning framework."""
