"""Models from a grid, from an archive whose contents are not known before it is unpacked, and from a folder."""

import shutil
import zipfile

import pytest

from tests.workflow.test_reruns import of_model, rules
from topodepth.files import texts

CHAIN = {"extract_activations", "compute_diagrams", "estimate_dimensions", "describe_model"}
AGGREGATES = {"list_generalization", "join_generalization", "associate_measures", "draw_generalization_scatter",
              "draw_generalization_forest", "draw_generalization_depth"}  # fmt: skip
NAMES = ["Resnet32_a_0.89", "Resnet32_b_0.91", "Resnet56_a_0.5", "Resnet110_c_0.95"]


def grid_models(repository):
    return sorted((repository.path / "results/tiny/models").glob("grid@*/model.keras"))


def brought(repository, folder=False, **changes):
    """Bring the four networks of the grid as the authors' archive, of files named by architecture and accuracy."""
    with zipfile.ZipFile(repository.path / "models.zip", "w") as archive:
        for name, path in zip(NAMES, grid_models(repository), strict=True):
            archive.write(path, f"ResNets/{name}.keras")
    if folder:
        with zipfile.ZipFile(repository.path / "models.zip") as archive:
            archive.extractall(repository.path / "zoo")

    def change(config):
        config["assets"] = {"theirs": {"file": "models.zip", "path": "models.zip", "unpack": True}}
        config["models"]["theirs"] = {"dataset": "digits"} | (
            {"directory": "zoo/ResNets"} if folder else {"asset": "theirs"}
        )
        experiment = config["experiments"]["generalization"][0] | {"name": "theirs", "models": ["theirs"]}
        config["experiments"] = {"generalization": [experiment | {"controls": ["architecture"]} | changes]}
        config["experiments"] |= {kind: [] for kind in ("depth", "dynamics", "adversarial", "spoofing")}

    return repository.configure(change, "theirs.yaml")


@pytest.fixture(scope="module")
def measured(finished, tmp_path_factory):
    """A repository in which the networks of a folder were measured."""
    repository = finished.copied(tmp_path_factory.mktemp("measured") / "repository")
    result = repository.snakemake("--cores", "2", "generalization", config=brought(repository, folder=True))
    assert result.returncode == 0, result.stdout + result.stderr
    return repository


def test_every_cell_of_the_grid_is_a_row_with_its_values_and_its_measured_accuracy(finished):
    folder = finished.path / "results/tiny/generalization/grid"
    models = texts.read_table(folder / "models.csv")
    assert sorted(zip(models["depth"], models["label_noise"], strict=True)) == [(1, 0), (1, 0.5), (2, 0), (2, 0.5)]
    for _, row in models.iterrows():
        metrics = texts.read_json(finished.path / f"results/tiny/models/{row['model']}/metrics.json")
        assert row["test_accuracy"] == metrics["test"]["accuracy"]
        assert row["gap"] == pytest.approx(metrics["train"]["accuracy"] - metrics["test"]["accuracy"])
    measures = texts.read_table(folder / "measures.csv")
    assert {"lifespan_sum H0, logits", "lifespan_sum H1, penultimate, relative", "margin"} <= set(measures["measure"])
    # four models allow no verdict, and the page says so
    assert "cannot be said" in (folder / "summary.html").read_text()


def test_models_of_an_archive_are_known_once_it_is_unpacked_and_measured_here(repository):
    config = brought(repository)
    planned = repository.planned("generalization", config=config)
    assert "unpack_asset" in rules(planned)
    result = repository.snakemake("--cores", "2", "generalization", config=config)
    assert result.returncode == 0, result.stdout + result.stderr
    models = texts.read_table(repository.path / "results/tiny/generalization/theirs/models.csv")
    assert list(models["label"]) == sorted(NAMES)
    # names say nothing unless asked: the networks of depth 2 are one architecture, by the layers that they hold
    assert models["architecture"].nunique() == 2
    assert models.groupby("architecture")["weight_layers"].nunique().tolist() == [1, 1]
    assert models["stated_accuracy"].isna().all()
    # what was measured on the test images is what the trained network had
    known = {
        name: texts.read_json(path.parent / "metrics.json")["test"]["accuracy"]
        for name, path in zip(NAMES, grid_models(repository), strict=True)
    }
    assert dict(zip(models["label"], models["test_accuracy"], strict=True)) == pytest.approx(known, abs=1e-9)
    assert repository.planned("generalization", config=config) == set()


def test_stated_accuracies_spare_the_test_images(repository):
    config = brought(repository, folder=True, accuracy="stated")
    jobs = repository.planned("generalization", config=config)
    assert {rule for rule, _ in jobs} == CHAIN | AGGREGATES | {"generalization"}


def test_stated_accuracies_are_the_names_and_other_names_are_refused_before_any_job(measured, tmp_path):
    repository = measured.copied(tmp_path / "copy")
    config = brought(repository, folder=True, accuracy="stated")
    listing = "results/tiny/generalization/theirs/listing.json"
    result = repository.snakemake("--cores", "2", listing, config=config)
    assert result.returncode == 0, result.stdout + result.stderr
    told = {model["label"]: model for model in texts.read_json(repository.path / listing)["models"]}
    assert {name: told[name]["stated_accuracy"] for name in NAMES} == dict(
        zip(NAMES, (0.89, 0.91, 0.5, 0.95), strict=True)
    )
    assert {told[name]["architecture"] for name in NAMES} == {"Resnet32", "Resnet56", "Resnet110"}

    zoo = repository.path / "zoo/ResNets"
    (zoo / f"{NAMES[0]}.keras").rename(zoo / "model_1.keras")
    result = repository.snakemake("--cores", "2", "-n", "generalization", config=config)
    assert result.returncode != 0
    assert "Traceback" not in result.stderr
    assert "Received: zoo/ResNets/model_1.keras" in result.stderr.strip().splitlines()[-1]


def test_one_file_replaced_by_another_recomputes_that_model_and_the_aggregates(measured, tmp_path):
    repository, config = measured.copied(tmp_path / "copy"), "theirs.yaml"
    assert repository.planned("generalization", config=config) == set()
    zoo = repository.path / "zoo/ResNets"
    shutil.copy(zoo / f"{NAMES[0]}.keras", zoo / f"{NAMES[2]}.keras")
    jobs = repository.planned("generalization", config=config)
    changed = f"theirs@{NAMES[2]}"
    assert of_model(jobs, changed) == CHAIN | {"evaluate_model"}
    assert rules({job for job in jobs if f"model={changed}" not in job[1]}) == AGGREGATES | {"generalization"}


def test_one_cell_of_the_grid_changed_by_hand_spares_the_others(repository):
    def change(config):
        config["models"]["grid"]["grid"]["label_noise"] = [0.0, 0.25]

    jobs = repository.planned("generalization", config=repository.configure(change))
    trained = {wildcards for rule, wildcards in jobs if rule == "train_model"}
    assert trained == {f"model=grid@depth{depth}-label_noise0.25-s0" for depth in (1, 2)}
    assert all("label_noise0.25" in wildcards for rule, wildcards in jobs if "model=" in wildcards)
    assert rules(jobs) >= AGGREGATES
