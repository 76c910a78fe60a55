"""Changing images so that a network errs, and measuring at each strength."""
