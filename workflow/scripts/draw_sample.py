"""Draw the images that are measured and write down their positions and labels."""

import argparse

from topodepth import datasets, storage
from topodepth.commands import run, settings


def main() -> None:
    """Parse, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", required=True, help="data set file")
    parser.add_argument("--settings", type=settings, required=True, help="JSON: split, images (null: all), seed")
    parser.add_argument("--out", required=True, help="CSV to make: index, label")
    arguments = parser.parse_args()
    options = arguments.settings
    with storage.open_h5(arguments.dataset) as file:
        labels = datasets.DataSet(file).labels(options["split"])
    chosen = datasets.draw_sample(labels, options["images"], options["seed"])
    rows = [{"index": index, "label": labels[index]} for index in chosen]
    storage.write_table(arguments.out, rows, ["index", "label"])


run(main)
