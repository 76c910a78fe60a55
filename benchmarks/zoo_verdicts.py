"""What the generalisation experiment says of the zoo of docs/claims.md, from the tables that are kept of it.

The networks themselves are no part of the repository: docs/zoo holds `models.csv` and `measures.csv` of them, and
docs/claims.md says how these were made. This takes the experiments of examples/zoo.yaml, and prints the coefficients of
each scope, and the verdicts. `--tables` takes another folder of such tables, as
`snakemake generalization --configfile examples/zoo.yaml` makes them.

    python benchmarks/zoo_verdicts.py
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import pandas
import yaml

from topodepth.experiments.generalization import associations
from topodepth.files import texts

ROOT = Path(__file__).resolve().parents[1]
AXES = ["augmentation", "batch", "label_noise", "learning_rate", "width"]


def verdicts(tables: Path, target: str = "test_error", **settings: int) -> Iterator[tuple[str, pandas.DataFrame]]:
    """Yield name and rows of associations of each experiment of examples/zoo.yaml.

    Parameters
    ----------
    tables
        Folder with models.csv and measures.csv.
    target
        What descriptors are compared with.
    **settings
        ``resamples`` and ``permutations``, in place of the experiment's own numbers.
    """
    models, measures = texts.read_table(tables / "models.csv"), texts.read_table(tables / "measures.csv")
    config = yaml.safe_load((ROOT / "examples/zoo.yaml").read_text(encoding="utf-8"))
    for experiment in config["experiments"]["generalization"]:
        kept = pandas.Series(data=True, index=models.index)
        for axis, values in experiment.get("only", {}).items():
            kept &= models[axis].isin(values)
        own = models[kept].reset_index(drop=True)
        told = measures[measures["model"].isin(own["model"])]
        asked = {**experiment, "targets": [target], "axes": AXES, **settings}
        yield experiment["name"], pandas.DataFrame(associations.associate(own, told, asked).associations)


def main() -> None:
    """Parse, compute, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tables", type=Path, default=ROOT / "docs/zoo", help="folder of models.csv and measures.csv")
    parser.add_argument("--target", default="test_error", help="what descriptors are compared with")
    arguments = parser.parse_args()
    columns = ["scope", "measure", "n", "kendall", "kendall_low", "kendall_high", "p_corrected", "partial",
               "partial_low", "partial_high", "partial_corrected", "verdict_class"]  # fmt: skip
    for name, rows in verdicts(arguments.tables, arguments.target):
        print(f"\n{name}: {arguments.target}")
        print(rows.reindex(columns=columns).round(3).to_string(index=False, na_rep=""))


if __name__ == "__main__":
    main()
