"""A run can be repeated from its provenance.json alone, and a place that differs is told so."""

import json
import shutil
import subprocess
import sys

import pytest

from tests.workflow.conftest import copy_repository


@pytest.fixture
def elsewhere(finished, tmp_path):
    """A fresh copy of the repository that holds the record of the finished run and nothing else of it."""
    copy = copy_repository(tmp_path / "fresh")
    (copy.path / "tiny.yaml").unlink()
    shutil.copy(finished.path / "results/tiny/provenance.json", copy.path / "provenance.json")
    return copy


def check(repository, *arguments):
    script = repository.path / "workflow/scripts/check_provenance.py"
    command = [sys.executable, str(script), "--provenance", "provenance.json", "--config", "again.json", *arguments]
    environment = {"PYTHONPATH": str(repository.path / "src"), "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, cwd=repository.path, env=environment, capture_output=True, text=True, check=False)


def test_the_same_run_again_from_its_record_gives_the_same_tables_and_figures_byte_for_byte(finished, elsewhere):
    checked = check(elsewhere)
    assert checked.returncode == 0, checked.stderr
    result = elsewhere.snakemake("--cores", "2", "depth", config="again.json")
    assert result.returncode == 0, result.stdout + result.stderr
    assert len(list((elsewhere.path / "results/tiny/depth").rglob("*.csv"))) >= 5
    made = [path for ending in ("csv", "png", "svg") for path in elsewhere.path.glob(f"results/**/*.{ending}")]
    assert len(made) > 20
    for path in made:
        assert path.read_bytes() == (finished.path / path.relative_to(elsewhere.path)).read_bytes(), path


def test_changed_code_is_named_and_the_configuration_is_written_only_if_asked(elsewhere):
    elsewhere.edit("src/topodepth/homology/subset_trees.py", "return np.sqrt(", "return 1.0 * np.sqrt(")
    refused = check(elsewhere)
    assert refused.returncode == 1
    assert "code, estimate_dimensions.py" in refused.stderr  # the tree of a subset, for the PH dimension
    assert "code, compute_diagrams.py" not in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (elsewhere.path / "again.json").exists()
    assert check(elsewhere, "--anyway").returncode == 0
    assert json.loads((elsewhere.path / "again.json").read_text())["run"] == "tiny"


def test_the_record_holds_the_seeds_the_versions_and_the_checksums_of_what_was_read(finished):
    record = json.loads((finished.path / "results/tiny/provenance.json").read_text())
    assert record["config"]["seed"] == 0
    assert record["versions"]["numpy"]
    assert "train_model.py, vgg" in record["code"]
    assert record["inputs"] == {}  # the digits come with a package


def test_a_record_that_is_none_is_refused_in_one_line(elsewhere):
    (elsewhere.path / "provenance.json").write_text("{}")
    result = check(elsewhere)
    assert result.returncode == 1
    assert "provenance.json: expected the key 'config'" in result.stderr
    assert "Traceback" not in result.stderr
