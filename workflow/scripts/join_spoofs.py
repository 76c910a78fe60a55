"""Join the comparisons of real and spoof images: correct the tests together and say in words what they show."""

import argparse

from topodepth.experiments import spoofing
from topodepth.files import pages, texts
from topodepth.jobs.commands import run
from topodepth.tables.rows import measure

SHOWN = ("representation", "subset", "layer", "measure", "n_points", "value", "ci_low", "ci_high", "p_value",
         "p_corrected")  # fmt: skip
METHOD = (
    "Both clouds have the same number of images, the same ones in every layer. p: the labels real and spoof are "
    "shuffled over the pooled images and the difference is computed again; it is the share of shuffles (the observed "
    "labels count as one) with a difference at least as large. Corrected p: step-down maximum over all layers and "
    "descriptors of one subset and representation (Westfall & Young 1993). Intervals of differences join those of the "
    "two clouds."
)


def main() -> None:
    """Parse, join, correct, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", nargs="+", required=True, help="CSV files of values and tests")
    parser.add_argument("--curves", nargs="+", required=True, help="CSV files of lifespan sums")
    parser.add_argument("--permutations", nargs="+", required=True, help="CSV files of permuted differences")
    parser.add_argument("--title", required=True, help="title of the page")
    parser.add_argument("--table-out", required=True, help="CSV to make")
    parser.add_argument("--curves-out", required=True, help="CSV to make")
    parser.add_argument("--summary", required=True, help="HTML page to make")
    arguments = parser.parse_args()
    import pandas

    table, curves, permutations = (
        pandas.concat(map(texts.read_table, paths), ignore_index=True)
        for paths in (arguments.tables, arguments.curves, arguments.permutations)
    )
    table = spoofing.adjust(table, permutations)
    texts.write_table(arguments.table_out, table.to_dict("records"), spoofing.COLUMNS)
    texts.write_table(arguments.curves_out, curves.to_dict("records"), spoofing.CURVE_COLUMNS)
    differences = table[table["cloud"] == spoofing.DIFFERENCE]
    names = list(map(measure, differences["descriptor"], differences["homology_dimension"]))
    differences = differences.assign(measure=names)
    shown = pages.Table("Differences, real − spoof", SHOWN, differences[list(SHOWN)].to_numpy().tolist())
    page = pages.page(arguments.title, spoofing.sentences(table), [shown], [METHOD])
    texts.write_text(arguments.summary, page)


run(main)
