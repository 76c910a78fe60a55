"""What each kind of experiment says of its tables: comparisons, verdicts, pages."""
