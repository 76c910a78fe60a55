"""Run notebooks from the top, and write their outputs into them: `make notebooks` does it for all of them.

Only what a reader sees is kept: no times, no machine's paths, no versions, so that the same outputs are the same file.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

import nbformat
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbformat import NotebookNode

LIBRARY = str(Path(__file__).resolve().parents[2] / "src")  # of this clone, whatever is installed
LONGEST = 300  # seconds that a cell may take
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


class ThisPython(KernelSpecManager):
    """Knows one kernel, whatever it is called: the Python that runs this, and none that somebody installed."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """Return how that kernel is started."""
        launcher = [sys.executable, "-Xfrozen_modules=off", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=launcher, display_name=kernel_name, language="python")


def executed(path: str | Path) -> NotebookNode:
    """Return a notebook with the outputs that it has here; the file is as it was.

    It runs in an empty folder, which is removed, and without a user's settings of IPython and Matplotlib.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        If a cell raises.
    """
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        own = {
            "IPYTHONDIR": f"{folder}/.ipython",
            "MPLCONFIGDIR": f"{folder}/.matplotlib",
            "PYTHONPATH": os.pathsep.join([LIBRARY, os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
        }
        kernel = AsyncKernelManager(
            kernel_name="python3", kernel_spec_manager=ThisPython(),
            transport="ipc", connection_file=f"{folder}/kernel.json",
        )  # fmt: skip
        client = NotebookClient(
            notebook, km=kernel, timeout=LONGEST, record_timing=False, resources={"metadata": {"path": folder}}
        )
        client.execute(env={**os.environ, **own}, cleanup_kc=True)
    return stripped(notebook)


def stripped(notebook: NotebookNode) -> NotebookNode:
    """Return a notebook without what differs from machine to machine and from run to run."""
    notebook.metadata = NotebookNode(kernelspec=NotebookNode(KERNEL), language_info=NotebookNode(name="python"))
    for cell in notebook.cells:
        cell.metadata = NotebookNode()
        for output in cell.get("outputs", []):
            if "metadata" in output:
                output.metadata = NotebookNode()
    return notebook


def main() -> None:
    """Run the notebooks named."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("notebooks", nargs="+", type=Path)
    for path in parser.parse_args().notebooks:
        nbformat.write(executed(path), path)


if __name__ == "__main__":
    main()
