"""Groups of benchmarks: each module has ``cases(quick)``, a list of cases, and the functions that these name."""
