"""Draw one figure from its tables."""

import argparse
import importlib
import json

from topodepth.figures import style
from topodepth.files import texts
from topodepth.jobs import provenance
from topodepth.jobs.commands import run


def main() -> None:
    """Parse, read the tables, draw, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("figure", help="module of topodepth.figures, such as depth")
    parser.add_argument("--tables", nargs="+", required=True, help="CSV files that the figure shows")
    parser.add_argument("--labels", type=json.loads, default=[], help="JSON: [[model, label], ...] in order")
    parser.add_argument("--title", default="", help="title of the figure")
    parser.add_argument("--options", type=json.loads, default={}, help="JSON: further arguments of the figure's draw")
    parser.add_argument("--code", required=True, help="digest of the code, which the metadata of the files tell")
    parser.add_argument("--out", nargs="+", required=True, help="files to make: .png, .svg, .pdf")
    arguments = parser.parse_args()
    labels = dict(arguments.labels)
    figure = importlib.import_module(f"topodepth.figures.{arguments.figure}").draw(
        *map(texts.read_table, arguments.tables),
        models=list(labels) or None,
        labels=labels,
        title=arguments.title,
        **arguments.options,
    )
    made_from = provenance.made_from(arguments.code, arguments.tables)
    for path in arguments.out:
        style.save(figure, path, made_from=made_from)


run(main)
