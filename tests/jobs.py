"""Scripts of the pipeline, run as its rules run them."""

import subprocess
import sys
from pathlib import Path

SCRIPTS = Path(__file__).parents[1] / "workflow/scripts"


def job(name, /, *flags, **options):
    """Run a script with flags, and with options by their names in Python."""
    told = [part for key, value in options.items() for part in (f"--{key.replace('_', '-')}", str(value))]
    command = [sys.executable, SCRIPTS / f"{name}.py", *flags, *told]
    subprocess.run(command, check=True, capture_output=True, text=True)
