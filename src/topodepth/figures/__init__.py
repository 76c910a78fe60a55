"""Figures, one module each: ``draw`` reads a table and returns a matplotlib Figure; ``style.save`` writes it."""
