"""Another kind of experiment is a handful of new files: nothing that is there needs to know of it."""

import shutil

import pytest
import yaml

from tests.workflow.conftest import ROOT
from tests.workflow.planned import PROVENANCE
from topodepth.files import texts

ROOM = '''
"""How wide the layers are."""

from typing import ClassVar

from topodepth.plan.experiment import Experiment, Figure
from topodepth.plan.kinds import register


@register("widths")
class Widths(Experiment):
    """A comparison of models by the width of their layers."""

    kind, wildcard, category = "widths", "widths", "Widths"
    figures: ClassVar = {"widths": Figure(("widths",), "widths of layers")}

    @property
    def results(self):
        return [f"<results>/widths/{self.name}/widths.png"]
'''
RULES = """
rule tabulate_widths:
    input:
        experiment("widths", lambda item: [unit.activations(item["sample"]) for unit in item.members]),
    output:
        "<widths>/widths.csv",
    log:
        "<logs>/tabulate_widths/{widths}.log",
    params:
        code=code("tabulate_widths.py"),
    shell:
        "python $SCRIPTS/tabulate_widths.py --activations {input:q} --out {output:q} 2> {log:q}"
"""
SCRIPT = '''
"""Tabulate how wide the layers of networks are."""

import argparse

from topodepth.activations.file import read_activations
from topodepth.files import texts
from topodepth.jobs.commands import run


def main() -> None:
    """Parse, read, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--activations", nargs="+", required=True)
    parser.add_argument("--out", required=True)
    arguments = parser.parse_args()
    rows = []
    for file in map(read_activations, arguments.activations):
        rows += [{"model": file.model, "depth": layer.relative_depth, "d": layer.d} for layer in file.layers]
    texts.write_table(arguments.out, rows, ("model", "depth", "d"))


run(main)
'''
FIGURE = '''
"""Widths of layers against relative depth."""

from matplotlib.figure import Figure


def draw(table, models=None, labels=None, title=""):
    """Draw the widths."""
    figure = Figure()
    figure.subplots().plot(table["depth"], table["d"], "o")
    figure.suptitle(title)
    return figure
'''
BLOCK = """
  widths:
    description: Comparisons of models by the width of their layers.
    type: object
    additionalProperties: false
    required: [name, models]
    properties:
      name: {$ref: "#/$defs/name"}
      title:
        type: [string, "null"]
        default: null
      models:
        type: array
        items: {type: string}
      sample:
        type: string
        default: default
"""
SCHEMA = "workflow/schemas/config.schema.yaml"
EXAMPLE = {"experiments": {"widths": [{"name": "both", "models": ["vgg", "resnet"], "title": "How wide?"}]}}
ADDED = {
    "src/topodepth/plan/kinds/widths.py": ROOM,
    "workflow/rules/widths.smk": RULES,
    "workflow/scripts/tabulate_widths.py": SCRIPT,
    "src/topodepth/figures/widths.py": FIGURE,
    "workflow/report/widths.rst": "Widths of the layers of {{ snakemake.config['run'] }}.\n",
    "examples/widths.yaml": yaml.safe_dump(EXAMPLE),
    "docs/widths.md": "# How wide are the layers?\n",
}


@pytest.fixture
def with_widths(repository):
    for name, text in ADDED.items():
        path = repository.path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    path = repository.path / SCHEMA
    path.write_text(path.read_text() + BLOCK)
    repository.configure(lambda config: config["experiments"].update(EXAMPLE["experiments"]), "widths.yaml")
    return repository


def test_another_kind_of_experiment_touches_eight_files_at_most():
    assert len([*ADDED, SCHEMA]) <= 8
    assert not [name for name in ADDED if (ROOT / name).exists()]


def test_another_kind_of_experiment_is_planned_run_drawn_and_reported(with_widths):
    rules = {rule for rule, _ in with_widths.planned("all", config="widths.yaml")}
    assert rules == {"tabulate_widths", "draw_widths"} | PROVENANCE
    result = with_widths.snakemake("--cores", "2", "widths", config="widths.yaml")
    assert result.returncode == 0, result.stdout + result.stderr
    folder = with_widths.path / "results/tiny/widths/both"
    table = texts.read_table(folder / "widths.csv")
    assert set(table["model"]) == {"vgg", "resnet"}
    assert (folder / "widths.png").stat().st_size > 1000
    assert with_widths.planned("widths", config="widths.yaml") == set()
    made = with_widths.snakemake("--cores", "2", "widths", "--report", "report.zip", config="widths.yaml")
    assert made.returncode == 0, made.stdout + made.stderr
    shutil.unpack_archive(with_widths.path / "report.zip", with_widths.path / "report")
    pages = "".join(path.read_text() for path in (with_widths.path / "report").rglob("*.html"))
    for words in ("Widths of the layers of tiny.", "widths of layers"):
        assert words in pages


def test_a_key_of_another_kind_of_experiment_is_checked(with_widths):
    with_widths.configure(
        lambda config: config["experiments"].update(widths=[{"name": "both", "models": ["vgg", "nobody"]}]), "bad.yaml"
    )
    result = with_widths.snakemake("--cores", "2", "--dry-run", config="bad.yaml")
    assert result.returncode != 0
    assert "config key 'experiments.widths.both.models': unknown model 'nobody'" in result.stderr
