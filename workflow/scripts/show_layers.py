"""Gather what the page to explore shows of the layers of one network, or of one under an attack."""

import argparse
import json
from pathlib import Path

from topodepth.activations.file import read_activations
from topodepth.figures.explore import layers
from topodepth.files import storage, texts
from topodepth.jobs.commands import run
from topodepth.topology.diagrams import read_diagrams


def main() -> None:
    """Parse, read, project, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--activations", required=True, help="activations file, or folder of an attack")
    parser.add_argument("--diagrams", nargs="+", required=True, help="diagrams of each layer: a file or a folder")
    parser.add_argument("--scaling", required=True, help="of features, as for diagrams: minmax or none")
    parser.add_argument("--out", required=True, help="JSON to make")
    arguments = parser.parse_args()
    steps = [read_activations(path) for path in files(arguments.activations, "activations")]
    diagrams = ([read_diagrams(file) for file in files(path, "diagrams")] for path in arguments.diagrams)
    shown = layers.of_network(steps, diagrams, scaling=arguments.scaling)
    texts.write_text(arguments.out, json.dumps(shown, separators=(",", ":")))


def files(path: str, what: str) -> list[Path]:
    """Return a file, or those of a folder by strength."""
    return storage.numbered_files(path, what) if Path(path).is_dir() else [Path(path)]


run(main)
