"""Fitting a network, and going on where it was stopped."""
