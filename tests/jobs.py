"""Scripts of the pipeline, run as its rules run them, and benchmarks, as modules."""

import importlib.util
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "workflow/scripts"


def job(name, /, *flags, **options):
    """Run a script with flags, and with options by their names in Python."""
    told = [part for key, value in options.items() for part in (f"--{key.replace('_', '-')}", str(value))]
    command = [sys.executable, SCRIPTS / f"{name}.py", *flags, *told]
    subprocess.run(command, check=True, capture_output=True, text=True)


def benchmark(name):
    """Return a script of benchmarks/ as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
