"""From the start of Python to a diagram of ten points: what a small job costs before it does anything."""

import subprocess
import sys
from collections.abc import Callable

from measure import Case

CODE = {
    "topodepth, H0": "import h5py; from topodepth import homology; from topodepth.topology import diagrams;"
    "import numpy; homology.persistence_diagrams(numpy.eye(10), max_dim=0)",
    "topodepth, H1": "import h5py; from topodepth import homology; from topodepth.topology import diagrams;"
    "import numpy; homology.persistence_diagrams(numpy.eye(10), max_dim=1)",
    "ripser.py": "import h5py, numpy; from ripser import ripser; ripser(numpy.eye(10), maxdim=1)",
    "GUDHI": "import h5py, numpy; from gudhi.sklearn.rips_persistence import RipsPersistence;"
    "RipsPersistence([0, 1], input_type='full distance matrix').fit_transform([1 - numpy.eye(10)])",
    "giotto-ph": "import h5py, numpy; from gph import ripser_parallel; ripser_parallel(numpy.eye(10), maxdim=1)",
}


def cases(quick: bool) -> list[Case]:
    """Return the cases, which are quick."""
    targets = {"topodepth, H0": "0.6 s", "topodepth, H1": "1.2 s"}
    return [
        Case("start of a worker", tool, "groups.startup:worker", 10, {"code": code}, targets.get(tool, ""))
        for tool, code in CODE.items()
    ]


def worker(code: str) -> Callable[[], None]:
    """A process that runs the code."""

    def start() -> None:
        subprocess.run([sys.executable, "-c", code], check=True)

    return start
