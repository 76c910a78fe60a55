"""Say what is in an activations file, or exactly what is wrong with it (exit code 1)."""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HELP = f"error: this needs Python 3.11 with numpy and h5py. Use {ROOT / '.venv/bin/python'}, which `make demo` installs"


def main() -> None:
    """Parse, validate, describe."""
    from topodepth.activations.report import report

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", help="HDF5 file, see docs/activations.md")
    sys.stdout.write(report(parser.parse_args().file))


# called by hand, with whatever Python is at hand
if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit(f"{HELP}. Received: Python {sys.version.split()[0]}.")
sys.path.insert(0, str(ROOT / "src"))
try:
    import h5py  # noqa: F401
    import numpy  # noqa: F401

    from topodepth.jobs.commands import run
except ImportError as error:
    sys.exit(f"{HELP}. Received: {sys.executable}, without {error.name}.")
run(main)
