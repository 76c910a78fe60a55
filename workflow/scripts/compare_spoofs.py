"""Compare the clouds of real and spoof images in one layer: dimension, topology and a permutation test."""

import argparse

from topodepth import datasets
from topodepth.activations.file import read_activations
from topodepth.errors import InputError
from topodepth.experiments import spoofing
from topodepth.files import texts
from topodepth.jobs.commands import record_of, run, settings


def main() -> None:
    """Parse, read one layer, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--activations", required=True, help="activations file")
    parser.add_argument("--dataset", required=True, help="data set file, which names the classes")
    parser.add_argument("--layer", required=True, help="layer, as the activations file names it")
    parser.add_argument("--settings", type=settings, required=True, help="JSON: classes, fields of SpoofSettings")
    parser.add_argument("--columns", type=settings, default={}, help="JSON: run, dataset, representation, subset")
    parser.add_argument("--out", required=True, help="CSV of values and tests to make")
    parser.add_argument("--curves", required=True, help="CSV of lifespan sums against the number of points to make")
    parser.add_argument("--permutations", required=True, help="CSV of differences under each permutation to make")
    arguments = parser.parse_args()
    file = read_activations(arguments.activations)
    layer = file.layer(arguments.layer)
    with datasets.open_dataset(arguments.dataset) as dataset:
        known = dataset.class_names
    names = arguments.settings.pop("classes") or known[:2]
    how = record_of(spoofing.SpoofSettings, arguments.settings)
    if not set(names) <= set(known):
        raise InputError(f"{arguments.dataset}: expected the classes {names}. Received: {known}.")
    about = {"representation": file.model, **arguments.columns}
    found = spoofing.compare(
        file.points(arguments.layer),
        file.labels,
        {name: known.index(name) for name in names},
        how,
        where=f"{about['representation']}, layer {layer.token}",
        about=about | {"layer": layer.token, "relative_depth": layer.relative_depth},
    )
    texts.write_table(arguments.out, found.rows, spoofing.COLUMNS)
    texts.write_table(arguments.curves, found.curves, spoofing.CURVE_COLUMNS)
    texts.write_table(arguments.permutations, found.permutations, spoofing.PERMUTATION_COLUMNS)


run(main)
