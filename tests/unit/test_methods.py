"""The methods of a run say what it did and nothing else, and every citation has its reference."""

import re
from pathlib import Path

import pytest
import yaml

from topodepth.errors import InputError
from topodepth.experiments.methods import bibliography
from topodepth.experiments.methods.run import Run
from topodepth.experiments.methods.text import methods
from topodepth.files import texts
from topodepth.plan import configuration

ROOT = Path(__file__).parents[2]
VERSIONS = {"redzed-tda": "0.1.1", "gudhi": "3.13.0", "ripser": "0.6.15", "cleverhans": "4.0.0"}
INPUTS = {"zoo/a.onnx": "", "zoo/b.onnx": "", "other/c.keras": ""}
CONFIG = {
    "run": "mine",
    "datasets": {"digits": {"loader": "digits", "size": 16}},
    "models": {
        "vgg": {"dataset": "digits", "architecture": "vgg"},
        "brought": {"dataset": "digits", "file": "b.keras"},
    },
    "samples": {"default": {"images": 120, "points": 12}},
}
DEPTH = {"depth": [{"name": "one", "models": ["vgg"]}]}


@pytest.fixture
def told(tmp_path):
    """Return the methods of a run of a configuration, whose tables hold these rows."""

    def tell(experiments, tables=None, **sections):
        config = yaml.safe_load(yaml.safe_dump(CONFIG | sections | {"experiments": experiments}))
        config = configuration.complete(config, ROOT / "workflow/schemas/config.schema.yaml")
        rows = {"depth/one/depth.csv": [{"model": "vgg", "layer": name} for name in ("a", "b", "c")]} | (tables or {})
        for path, own in rows.items():
            texts.write_table(tmp_path / path, own, list(own[0]))
        found = methods(
            Run({"config": config, "versions": VERSIONS, "tables": list(rows), "inputs": INPUTS}, tmp_path), "1.2.3"
        )
        bibliography.bibliography(found)  # every citation resolves
        return found

    return tell


def test_numbers_are_those_of_the_configuration_and_the_tables(told):
    text = told(DEPTH, {"depth/one/accuracy.csv": [{"accuracy": 0.25}]}, topology={"null_draws": 7}, seed=5)
    for words in (
        "at most 120 images of the training split, drawn at random (seed 5)",
        "each of at most 12 points",
        "3 layers of each network",
        "7 draws of it",
        "measured was 0.250",
        "RedZeD 0.1.1",
        "topodepth 1.2.3",
    ):
        assert words in text  # fmt: skip


@pytest.mark.parametrize(
    ("sections", "there", "gone"),
    [
        ({}, ["The null model permutes", "**Intrinsic dimension.**", "@facco2017"], ["@denti2022", "@bauer2021"]),
        ({"topology": {"null_draws": 0}}, ["Persistence diagrams"], ["The null model permutes"]),
        ({"topology": {"engine": "ripser"}}, ["Ripser [@bauer2021; @tralie2018] (ripser.py 0.6.15)"], ["RedZeD"]),
        ({"topology": {"max_dim": 2}}, ["H_0 to H_2", "GUDHI 3.13.0"], ["RedZeD"]),
        ({"topology": {"max_dim": 0}}, ["from the minimum spanning tree"], ["RedZeD", "GUDHI"]),
        ({"topology": {"scaling": "none"}}, [], ["scaled to [0, 1] over the sample"]),
        ({"topology": {"descriptors": ["longest_bar"]}}, ["longest finite bar"], ["@chintakunta2015", "lifespan sum"]),
        ({"dimension": {"estimators": []}}, [], ["**Intrinsic dimension.**", "@facco2017", "@schweinhart2020"]),
        ({"dimension": {"estimators": ["gride_1", "gride_2"]}}, ["order 1 and 2 [@denti2022]"], ["@facco2017"]),
        ({"protocol": "original"}, ["choices of the original code"], []),
    ],
)  # fmt: skip
def test_a_sentence_is_there_only_where_the_run_did_it(told, sections, there, gone):
    text = told(DEPTH, **sections)
    assert not [words for words in there if words not in text]
    assert not [words for words in gone if words in text]


@pytest.mark.parametrize(
    ("settings", "keys"),
    [
        ({"architecture": "vgg"}, ["abadi2016", "chollet2015"]),
        ({"file": "b.keras"}, ["abadi2016", "chollet2015"]),
        ({"file": "b.onnx"}, ["onnxruntime2021"]),
        ({"directory": "zoo"}, ["onnxruntime2021"]),
        ({"torch": "net.py:Net", "trust": True}, ["paszke2019"]),
    ],
)
def test_what_ran_the_networks_is_cited_and_nothing_else(told, settings, keys):
    text = told(DEPTH, models={"vgg": {"dataset": "digits", **settings}})
    frameworks = {"abadi2016", "chollet2015", "onnxruntime2021", "paszke2019"}
    assert [key for key in bibliography.cited(text) if key in frameworks] == keys


def test_a_network_that_was_brought_is_not_called_trained(told):
    text = told({"depth": [{"name": "one", "models": ["brought"]}]})
    assert "`brought` was not trained here; it was read from `b.keras`" in text
    assert "trained and ran" not in text


@pytest.mark.parametrize(
    ("kind", "settings", "table", "words"),
    [
        ("dynamics", {}, ("dynamics", {"epoch": 4}), "after 4 epochs"),
        ("generalization", {"resamples": 321}, ("models", {"model": "a"}), "321 resamples) [@efron1987]"),
        ("generalization", {}, ("models", {"model": "a", "run": "r"}), "snapshots of 1 training runs"),
        ("adversarial", {"attack": "pgd"}, None, "projected gradient descent [@madry2018] in 10 steps"),
        ("adversarial", {"attack": "bim", "target": 3}, None, "[@kurakin2017]"),
        ("similarity", {"measures": ["rtd_lite"]}, ("similarity", {"n_points": 77}), "77 images by RTD-lite"),
        ("spoofing", {"dataset": "digits"}, ("spoofing", {"n_points": 50, "note": "test on 20 points a cloud"}),
         "took at most 20 points of each cloud"),
    ],
)  # fmt: skip
def test_each_kind_of_experiment_has_its_own_paragraph(told, kind, settings, table, words):
    tables = {f"{kind}/it/{table[0]}.csv": [table[1]]} if table else {}
    text = told({kind: [{"name": "it", "models": ["vgg"], **settings}]}, tables)
    assert words in text
    assert "**Comparison by depth.**" not in text


def test_every_reference_is_whole_and_is_cited_somewhere():
    lines = bibliography.FILE.read_text(encoding="utf-8").splitlines()
    entries = bibliography.entries()
    assert len(entries) == len(lines) > 30
    code = "".join(path.read_text() for path in bibliography.FILE.parent.glob("*.py"))
    # the engine's key stands alone, in a table of engines
    assert {*entries} == {*bibliography.cited(code.replace("`[@key]`", ""))} | {"kapulkin2026"}
    for key, entry in entries.items():
        assert entry.count("{") == entry.count("}"), key
        assert all(f" {field} = {{" in entry for field in ("author", "title", "year")), key
        assert key.endswith(re.search(r"year = \{(\d{4})\}", entry)[1]), key


def test_a_citation_without_a_reference_is_refused_and_others_are_left_out():
    assert bibliography.bibliography("see [@kott2001]").startswith("@article{kott2001,")
    assert bibliography.bibliography("none").strip() == ""
    with pytest.raises(InputError, match=r"references.bib. Received: nobody1999"):
        bibliography.bibliography("[@nobody1999; @kott2001]")


def beginning(title):
    """The first words of a title."""
    return re.findall(r"[a-z]+", title.lower())[:4]


def test_the_page_of_the_method_names_works_as_the_references_do():
    body, sources = (ROOT / "docs/method.md").read_text(encoding="utf-8").split("\n## Sources\n")
    listed = {}
    for line in sources.strip().splitlines():
        name = re.match(r"\* ([A-Za-z]+)", line)[1].lower()
        for year, title in re.findall(r"\((\d{4})\), ([^;]+)", line):
            listed[f"{name}{year}"] = title
    entries = bibliography.entries()
    for key, title in listed.items():
        assert beginning(title) == beginning(entries[key].split(" title = ")[1]), key
    authors = r"([A-Z][A-Za-z]+)(?:(?:, [A-Z][a-z]+)* & [A-Z][a-z]+| et al\.)? \(?(\d{4})\b"
    cited = {name.lower() + year for name, year in re.findall(authors, " ".join(body.split()))}
    assert cited == {*listed}
