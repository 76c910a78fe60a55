"""Write the page on which a run is explored: networks, layers and classes to choose, in one file for a browser."""

import argparse
import json
from pathlib import Path

from topodepth import datasets
from topodepth.figures.explore import data, page
from topodepth.files import pages, texts
from topodepth.jobs.commands import run


def main() -> None:
    """Parse, read, gather, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contents", type=json.loads, required=True, help="JSON: what each of the files is")
    parser.add_argument("--tables", nargs="*", default=[], help="CSV of each view")
    parser.add_argument("--trends", nargs="*", default=[], help="CSV of the trends of each attack")
    parser.add_argument("--layers", nargs="*", default=[], help="JSON of the layers of each network")
    parser.add_argument("--pages", nargs="*", default=[], help="page of each experiment")
    parser.add_argument("--datasets", nargs="*", default=[], help="data set file of each sheet of thumbnails")
    parser.add_argument("--out", required=True, help="HTML page to make")
    arguments = parser.parse_args()
    contents = arguments.contents
    networks = [texts.read_json(path) for path in arguments.layers]
    for network, sheet in zip(networks, contents["sheets"], strict=True):
        network["sheet"] = sheet
    shown = data.of_run(
        contents["run"],
        data.views(contents["views"], arguments.tables, arguments.trends),
        networks,
        [
            thumbnails(path, split, [network["indices"] for network in networks if network["sheet"] == place])
            for place, (path, split) in enumerate(zip(arguments.datasets, contents["splits"], strict=True))
        ],
        [
            {"kind": kind, **dict(zip(("title", "said"), pages.head(Path(path).read_text("utf-8")), strict=True))}
            for kind, path in zip(contents["kinds"], arguments.pages, strict=True)
        ],
    )
    shown["limits"] |= {"layers": contents["most"], "left": contents["left"]}
    texts.write_text(arguments.out, page.page(f"Explore {contents['run']}", shown))


def thumbnails(path: str, split: str, indices: list[list[int]]) -> dict | None:
    """Return the sheet of the images that some networks show."""
    with datasets.open_dataset(path) as dataset:
        return data.sheet(dataset, split, {index for own in indices for index in own})


run(main)
