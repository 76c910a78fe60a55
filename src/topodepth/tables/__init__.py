"""Tidy rows: values of descriptors and dimensions with interval, null value and ratio."""
