"""One call from a model, arrays or an activations file to a table, diagrams and figures: no configuration, no files.

It runs what the pipeline's jobs run, with the same defaults, and gives the same numbers.
"""
