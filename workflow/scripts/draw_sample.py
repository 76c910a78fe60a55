"""Choose the images that are measured and write down their rows in the split and their labels."""

import argparse

from topodepth import datasets
from topodepth.datasets import samples
from topodepth.files import texts
from topodepth.jobs.commands import log, run, settings


def main() -> None:
    """Parse, choose, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", required=True, help="data set file")
    parser.add_argument(
        "--settings",
        type=settings,
        required=True,
        help="JSON: split, images (null: all), seed, indices (random, first or file)",
    )
    parser.add_argument("--positions", help="file of positions, one on a line, for indices: file")
    parser.add_argument("--out", required=True, help="CSV to make: index, label")
    arguments = parser.parse_args()
    with datasets.open_dataset(arguments.dataset) as dataset:
        labels = dataset.labels(arguments.settings["split"])
        chosen = samples.choose(dataset, **arguments.settings, positions=arguments.positions)
    rows = [{"index": index, "label": labels[index]} for index in chosen]
    texts.write_table(arguments.out, rows, ["index", "label"])
    log.info("%s: %d of %d images", arguments.out, len(chosen), len(labels))


run(main)
