"""What the generalisation experiment says of the zoos of docs/claims.md, from the tables that are kept of them.

The networks themselves are no part of the repository: docs/zoo and docs/own_zoo hold `models.csv` and `measures.csv` of
them, as `snakemake generalization --configfile examples/zoo.yaml` (own_zoo.yaml) makes them. This takes the experiments
of that configuration, and prints the coefficients of each scope, and the verdicts. `--tables` takes another folder.

    python benchmarks/zoo_verdicts.py
    python benchmarks/zoo_verdicts.py --zoo own_zoo
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import pandas
import yaml

from topodepth.experiments.generalization import associations
from topodepth.files import texts

ROOT = Path(__file__).resolve().parents[1]
AXES = {
    "zoo": ["augmentation", "batch", "label_noise", "learning_rate", "width"],
    "own_zoo": ["depth", "label_noise", "learning_rate", "width"],
}


def verdicts(
    zoo: str = "zoo", tables: Path | None = None, target: str = "test_error", **settings: int
) -> Iterator[tuple[str, pandas.DataFrame]]:
    """Yield name and rows of associations of each experiment of a zoo's configuration.

    Parameters
    ----------
    zoo
        ``"zoo"`` or ``"own_zoo"``: examples/<zoo>.yaml, docs/<zoo>.
    tables
        Folder with models.csv and measures.csv; None: those in docs.
    target
        What descriptors are compared with.
    **settings
        ``resamples`` and ``permutations``, in place of the experiment's own numbers.
    """
    tables = tables or ROOT / "docs" / zoo
    models, measures = texts.read_table(tables / "models.csv"), texts.read_table(tables / "measures.csv")
    config = yaml.safe_load((ROOT / "examples" / f"{zoo}.yaml").read_text(encoding="utf-8"))
    for experiment in config["experiments"]["generalization"]:
        kept = pandas.Series(data=True, index=models.index)
        for axis, values in experiment.get("only", {}).items():
            kept &= models[axis].isin(values)
        own = models[kept].reset_index(drop=True)
        told = measures[measures["model"].isin(own["model"])]
        asked = {**experiment, "targets": [target], "axes": AXES[zoo], **settings}
        yield experiment["name"], pandas.DataFrame(associations.associate(own, told, asked).associations)


def main() -> None:
    """Parse, compute, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--zoo", choices=list(AXES), default="zoo", help="whose tables and configuration")
    parser.add_argument("--tables", type=Path, help="another folder of models.csv and measures.csv")
    parser.add_argument("--target", default="test_error", help="what descriptors are compared with")
    arguments = parser.parse_args()
    columns = ["scope", "measure", "n", "kendall", "kendall_low", "kendall_high", "p_corrected", "partial",
               "partial_low", "partial_high", "partial_corrected", "verdict_class"]  # fmt: skip
    for name, rows in verdicts(arguments.zoo, arguments.tables, arguments.target):
        print(f"\n{name}: {arguments.target}")
        print(rows.reindex(columns=columns).round(3).to_string(index=False, na_rep=""))


if __name__ == "__main__":
    main()
