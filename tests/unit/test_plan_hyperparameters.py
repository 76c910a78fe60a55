"""What a table tells of models that are files stands beside what is measured of them, as the axes of a grid do."""

import json
from pathlib import Path

import pytest

from topodepth import plan
from topodepth.errors import InputError
from topodepth.experiments.generalization import records
from topodepth.plan import configuration
from topodepth.plan.units import Model

ROOT = Path(__file__).parents[2]
TABLE = "file,width,label_noise,optimizer,seed\na,8,0.0,sgd,0\nb,16,0.2,adam,1\nunused,16,,sgd,2\n"


@pytest.fixture
def planned(tmp_path, monkeypatch):
    """Plan a folder of two files with a table of them."""
    (tmp_path / "zoo").mkdir()
    for name in ("a.keras", "b.h5"):
        (tmp_path / "zoo" / name).write_text("")
    monkeypatch.chdir(tmp_path)

    def planned(table, **asked):
        (tmp_path / "zoo.csv").write_text(table, encoding="utf-8")
        zoo = {"directory": "zoo", "dataset": "digits", "layers": ["logits"], "hyperparameters": "zoo.csv"}
        item = {"name": "zoo", "models": ["zoo"]} | asked
        own = {"models": {"zoo": zoo}, "experiments": {"generalization": [item]}}
        config = configuration.laid_over(ROOT, own)
        return plan.Plan(configuration.complete(config, ROOT / "workflow/schemas/config.schema.yaml"))

    return planned


def test_hyperparameters_of_files_are_columns_of_models_csv(planned, monkeypatch):
    monkeypatch.setattr(Model, "architecture", "cnn")  # the files are empty
    listing = planned(TABLE).experiments["generalization"]["zoo"].listing
    told = json.loads(json.dumps(listing))["models"]
    assert [record["axes"] for record in told] == [
        {"width": 8, "label_noise": 0.0, "optimizer": "sgd", "seed": 0},
        {"width": 16, "label_noise": 0.2, "optimizer": "adam", "seed": 1},
    ]
    rows, columns = records.model_rows(told, [None, None])
    assert {"width", "label_noise", "optimizer", "seed"} <= set(columns)
    assert [(row["model"], row["width"], row["seed"]) for row in rows] == [("zoo@a", 8, 0), ("zoo@b", 16, 1)]
    assert "run" not in columns  # a seed that a file's table tells makes no snapshots of it


def test_those_that_differ_are_the_axes_of_the_grid_and_any_column_may_be_the_group(planned):
    experiment = planned(TABLE.replace("16", "8"), groups="label_noise").experiments["generalization"]["zoo"]
    assert experiment.association_settings["axes"] == ["label_noise", "optimizer"]
    assert experiment.association_settings["groups"] == "label_noise"


def test_an_experiment_may_ask_for_some_values_only(planned):
    experiment = planned(TABLE, only={"label_noise": [0.2, 0.4]}).experiments["generalization"]["zoo"]
    assert [unit.name for unit in experiment.members] == ["zoo@b"]
    assert [path.rpartition("/")[0] for path in experiment.metrics] == ["<results>/evaluations/zoo@b"]
    assert len(planned(TABLE, only={}).experiments["generalization"]["zoo"].members) == 2
    for only in ({"label_noise": [0.4]}, {"lable_noise": [0.2]}):
        with pytest.raises(InputError, match=r"generalization.zoo.only': expected values that some of the 2 models"):
            planned(TABLE, only=only)


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("", r"expected a first line of different names, one of them 'file'. Received: \[\]"),
        ("name,width\na,8\n", "one of them 'file'"),
        ("file,width,width\na,8,8\n", "different names"),
        ("file,test_accuracy\na,0.9\nb,0.8\n", "hyper-parameters only. Received: 'test_accuracy', a column of models"),
        ("file,margin\na,0.9\nb,0.8\n", "Received: 'margin'"),
        ("file,width\na,8\nb\n", "row 3: expected 2 cells. Received: 1"),
        ("file,width\na,8\na,16\n", "row 3: expected each file once. Received: 'a' again"),
        ("file,width\na,8\n", "expected a row with 'b' in the column 'file'. Received: none"),
    ],
)
def test_a_table_that_cannot_be_meant_is_refused(planned, table, told):
    with pytest.raises(InputError, match=rf"'models.zoo.hyperparameters': zoo.csv.*{told}"):
        planned(table)


def test_a_table_that_is_not_there_is_refused(planned, tmp_path):
    config = planned(TABLE).config
    (tmp_path / "zoo.csv").unlink()
    with pytest.raises(InputError, match=r"'models.zoo.hyperparameters': zoo.csv: expected a CSV file.*No such file"):
        plan.units(config, {"zoo"})


def test_numbers_are_numbers_and_what_json_does_not_have_is_text_or_unknown(planned):
    table = "file,x\na,nan\nb,\n"
    units = planned(table).entries["zoo"]
    assert [unit.model.axes["x"] for unit in units] == ["nan", None]
    assert [unit.model.axes["x"] for unit in planned("file,x\na,1e-3\nb,-2\n").entries["zoo"]] == [0.001, -2]


def test_a_network_that_is_trained_here_has_no_such_table():
    own = {"models": {"vgg": {"architecture": "vgg", "dataset": "digits", "hyperparameters": "zoo.csv"}}}
    experiments = {"depth": [{"name": "one", "models": ["vgg"]}]}
    config = configuration.laid_over(ROOT, own | {"experiments": experiments})
    with pytest.raises(InputError, match=r"models.vgg.hyperparameters.*expected of a file"):
        configuration.complete(config, ROOT / "workflow/schemas/config.schema.yaml")
