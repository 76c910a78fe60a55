"""Say what is in an activations file, or exactly what is wrong with it (exit code 1)."""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HELP = f"error: this needs Python 3.11 with numpy and h5py. Use {ROOT / '.venv/bin/python'}, which `make demo` installs"


def main() -> None:
    """Parse, validate, describe."""
    import numpy as np

    from topodepth.activations.file import read_activations, validate
    from topodepth.jobs.commands import log

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", help="HDF5 file, see docs/activations.md")
    arguments = parser.parse_args()
    problems = validate(arguments.file)
    for problem in problems:
        log.error("error: %s", problem)
    if problems:
        sys.exit(f"error: {arguments.file}: {len(problems)} problems, see above and docs/activations.md")
    found = read_activations(arguments.file)
    lines = [f"{arguments.file}: model {found.model!r}, {len(found.layers)} layers, {found.n} points"]
    width = max(len(layer.token) for layer in found.layers)
    for layer in found.layers:
        lines.append(f"  {layer.token:{width}}  relative depth {layer.relative_depth:.3f}  {layer.d} features")
    if found.labels is None:
        lines.append("  no labels: only one cloud of all points can be measured (clouds: all)")
    else:
        classes, counts = np.unique(found.labels, return_counts=True)
        lines.append(f"  {len(classes)} classes of {counts.min()} to {counts.max()} points")
    sys.stdout.write("\n".join(lines) + "\n")


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
