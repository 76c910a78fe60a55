"""The tables of a run, and what each of their columns means: one module for what belongs together."""
