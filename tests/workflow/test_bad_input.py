"""A mistake ends in one clear line and an exit code, before or instead of half-written results."""

import re
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml

from tests.workflow.conftest import ROOT, TINY, copy_repository
from topodepth.files import texts

SCRIPTS = ROOT / "workflow/scripts"


def script(name, *arguments):
    return subprocess.run(
        [sys.executable, str(SCRIPTS / name), *map(str, arguments)], capture_output=True, text=True, check=False
    )


def last_line(text):
    return text.strip().splitlines()[-1]


@pytest.fixture
def activations_file(tmp_path):
    """A small activations file, as anyone could write it by hand."""

    def make(points):
        path = tmp_path / "activations.h5"
        with h5py.File(path, "w") as file:
            file.attrs["model"] = "mine"
            file["layers/000_first"] = np.asarray(points, dtype=np.float32)
            file["labels"] = np.arange(len(points)) % 2
            file["indices"] = np.arange(len(points))
        return path

    return make


def diagrams_of(path, out):
    return script("compute_diagrams.py", "--activations", path, "--layer", "first", "--out", out)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_activations_that_are_not_finite_name_model_and_layer(activations_file, tmp_path, bad):
    points = np.random.default_rng(0).normal(size=(20, 3))
    points[3, 1] = bad
    result = diagrams_of(activations_file(points), tmp_path / "out.h5")
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert "mine" in last_line(result.stderr)
    assert "first" in last_line(result.stderr)
    assert not (tmp_path / "out.h5").exists()


def test_a_constant_layer_is_named(activations_file, tmp_path):
    result = diagrams_of(activations_file(np.ones((20, 3))), tmp_path / "out.h5")
    assert result.returncode == 1
    assert "constant" in last_line(result.stderr)
    assert "first" in last_line(result.stderr)


def test_fewer_points_than_a_dimension_estimate_needs_says_how_many(activations_file, tmp_path):
    path = activations_file(np.random.default_rng(0).normal(size=(5, 3)))
    settings = '{"estimators": ["ph_dimension"], "parameters": {}}'
    result = script("estimate_dimensions.py", "--activations", path, "--layer", "first", "--settings", settings,
                    "--out", tmp_path / "out.csv")  # fmt: skip
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert re.search(r"model mine, layer first.*at least \d+ points. Received: 5$", last_line(result.stderr))
    assert not (tmp_path / "out.csv").exists()


def test_an_unknown_layer_lists_the_known_ones(activations_file, tmp_path):
    path = activations_file(np.random.default_rng(0).normal(size=(20, 3)))
    result = script("compute_diagrams.py", "--activations", path, "--layer", "frist", "--out", tmp_path / "out.h5")
    assert result.returncode == 1
    assert "first" in last_line(result.stderr)


@pytest.mark.parametrize("kept", [0, 0.5])
def test_a_truncated_activations_file_is_named(activations_file, tmp_path, kept):
    path = activations_file(np.random.default_rng(0).normal(size=(2000, 3)))
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    result = diagrams_of(path, tmp_path / "out.h5")
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert "activations.h5" in last_line(result.stderr)


def test_a_class_missing_from_the_sample_is_named(tmp_path):
    splits = (np.zeros((500, 8, 8, 1), np.uint8), np.r_[np.zeros(499, int), 1])
    from topodepth import datasets

    datasets.write_dataset(tmp_path / "d.h5", dict.fromkeys(datasets.SPLITS, splits), ["a", "b"])
    result = script("draw_sample.py", "--dataset", tmp_path / "d.h5", "--settings",
                    '{"split": "train", "images": 10, "seed": 0}', "--out", tmp_path / "s.csv")  # fmt: skip
    assert result.returncode == 1
    assert "class 1 is missing" in last_line(result.stderr)
    assert not (tmp_path / "s.csv").exists()


@pytest.fixture(scope="module")
def unstarted(tmp_path_factory):
    return copy_repository(tmp_path_factory.mktemp("unstarted") / "repository")


def with_change(repository, change, name):
    config = yaml.safe_load(yaml.safe_dump(TINY))
    change(config)
    (repository.path / name).write_text(yaml.safe_dump(config))
    return name


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda config: config.update(sample={}), ["unknown key 'sample'", "Did you mean 'samples'?"]),
        (lambda config: config["experiments"]["depth"][0].update(models=["vgq"]), ["'vgq'", "Did you mean 'vgg'?"]),
    ],
)
def test_a_misspelt_configuration_ends_the_plan_in_one_line(unstarted, change, words):
    result = unstarted.snakemake("--cores", "1", "-n", config=with_change(unstarted, change, "bad.yaml"))
    assert result.returncode != 0
    assert "Traceback" not in result.stderr
    assert all(word in last_line(result.stderr) for word in words)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda config: None, ["'models.grid'", "trained on images, data set 'digits'", "Received: arrays (n, 12)"]),
        (lambda config: config["datasets"]["digits"].update(size=8), ["'datasets.digits'", "size: expected none"]),
        (
            lambda config: config["datasets"]["digits"].update(source="first.npz"),
            ["'datasets.digits'", "first.npz/images", "Received: (40, 3, 16, 16). Channels first?"],
        ),
    ],
)
def test_data_that_cannot_fit_are_refused_before_any_job(unstarted, change, words):
    labels = np.arange(40) % 2
    np.savez(unstarted.path / "table.npz", images=np.random.default_rng(0).normal(size=(40, 12)), labels=labels)
    np.savez(unstarted.path / "first.npz", images=np.zeros((40, 3, 16, 16), np.uint8), labels=labels)

    def bring(config):
        config["datasets"]["digits"] = {"loader": "npz", "source": "table.npz", "size": None}
        change(config)

    result = unstarted.snakemake("--cores", "1", "-n", config=with_change(unstarted, bring, "shapes.yaml"))
    assert result.returncode != 0
    assert "Traceback" not in result.stderr
    assert all(word in last_line(result.stderr) for word in words), result.stderr


def test_a_failed_jobs_last_words_are_on_the_terminal_and_other_models_go_on(repository):
    damaged = repository.path / "results/tiny/activations/vgg/default.h5"
    damaged.write_bytes(damaged.read_bytes()[:3000])
    result = repository.snakemake("--cores", "2", "--forcerun", "compute_diagrams", "--until", "describe_model")
    assert result.returncode != 0
    assert re.search(r"error: results/tiny/activations/vgg/default\.h5: not a readable HDF5 file", result.stderr)
    assert "Finished jobid" in result.stderr
    assert (repository.path / "results/tiny/tables/resnet/default.csv").exists()
    assert not (repository.path / "results/tiny/diagrams/vgg/default/logits.h5").exists()


def test_every_script_explains_itself_by_hand():
    scripts = sorted(SCRIPTS.glob("*.py"))
    assert scripts
    for path in scripts:
        result = script(path.name, "--help")
        assert result.returncode == 0, result.stderr
        assert "usage" in result.stdout
        assert len(Path(path).read_text().splitlines()) < 61


def test_a_table_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "full").write_text("a file where a folder should be")
    with pytest.raises(OSError, match="full"):
        texts.write_table(tmp_path / "full/t.csv", [], ["a"])
