"""Compare the layers of two networks, or of one among themselves, on the same images."""

import argparse
import json

from topodepth.activations.file import read_activations
from topodepth.experiments import similarity
from topodepth.experiments.similarity import loading
from topodepth.files import texts
from topodepth.jobs.commands import record_of, run, settings


def main() -> None:
    """Parse, read, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--activations", nargs=2, required=True, help="activations files; one file twice: one network")
    parser.add_argument("--names", nargs=2, required=True, help="names of the networks in the table")
    parser.add_argument("--layers", type=json.loads, default=[None, None],
                        help="JSON: the layers of each network, as its file names them; null takes all")  # fmt: skip
    parser.add_argument("--settings", type=settings, default={}, help="JSON: fields of SimilaritySettings")
    parser.add_argument("--columns", type=settings, default={}, help="JSON: run, dataset")
    parser.add_argument("--out", required=True, help="CSV to make")
    arguments = parser.parse_args()
    how = record_of(similarity.SimilaritySettings, arguments.settings)
    files = [read_activations(path) for path in arguments.activations]
    labels = loading.same_images(*files)
    rows = loading.drawn(files[0].n, how)
    one, other = (
        loading.network(*given, rows, how) for given in zip(files, arguments.names, arguments.layers, strict=True)
    )
    if arguments.names[0] == arguments.names[1]:
        other = one
    found = similarity.compare(one, other, None if labels is None else labels[rows], how, arguments.columns)
    texts.write_table(arguments.out, found, similarity.COLUMNS)


run(main)
