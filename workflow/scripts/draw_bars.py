"""Draw the images behind the longest bars of one model."""

import argparse

from topodepth import datasets
from topodepth.figures import bars, style
from topodepth.files import texts
from topodepth.jobs import provenance
from topodepth.jobs.commands import run


def main() -> None:
    """Parse, read the bars and their images, draw, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", required=True, help="CSV of the longest bars of one model")
    parser.add_argument("--dataset", required=True, help="data set file")
    parser.add_argument("--split", required=True, help="split of which the table tells rows")
    parser.add_argument("--title", default="", help="title of the figure")
    parser.add_argument("--code", required=True, help="digest of the code, which the metadata of the files tell")
    parser.add_argument("--out", nargs="+", required=True, help="files to make: .png, .svg, .pdf")
    arguments = parser.parse_args()
    table = texts.read_table(arguments.table)
    with datasets.open_dataset(arguments.dataset) as dataset:
        stored = dataset.images(arguments.split)
        shown = bars.indices(bars.foremost(table)) if dataset.kind == "images" else []
        pixels = {index: stored[index : index + 1][0] / 255 for index in shown}
        names = {str(label): name for label, name in enumerate(dataset.class_names)}
    figure = bars.draw(table, pixels, class_names=names, title=arguments.title)
    made_from = provenance.made_from(arguments.code, [arguments.table, arguments.dataset])
    for path in arguments.out:
        style.save(figure, path, made_from=made_from)


run(main)
