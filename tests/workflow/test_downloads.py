"""The original's inputs, downloaded: a data set from a mirror and a model from Drive, on a server of one's own."""

import re

import pytest
import yaml

from tests.unit.dataset_files import pack, write_cifar10
from tests.unit.drive_server import Server
from tests.workflow.conftest import copy_repository
from topodepth import architectures


@pytest.fixture(scope="module")
def mirror(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cifar10")
    write_cifar10(folder / "bin", each=30)
    pack(folder / "bin", folder / "archive.tar.gz", "cifar-10-batches-bin")
    with Server((folder / "archive.tar.gz").read_bytes()) as server:
        yield server


@pytest.fixture(scope="module")
def drive(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "vgg.h5"
    architectures.build("vgg", input_shape=(32, 32, 3), classes=10, width=2).save(path)
    with Server(path.read_bytes()) as server:
        yield server


@pytest.fixture
def repository(tmp_path, mirror, drive, monkeypatch):
    monkeypatch.setenv("TOPODEPTH_DRIVE_URL", drive.drive_url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    def configure(drive_id, **others):
        copy = copy_repository(tmp_path / "repository")
        config = {
            "run": "theirs",
            "assets": {
                "cifar10": {"urls": [f"{mirror.url}/mirror"], "sha256": None, "size": None},
                "vgg_model": {"drive": drive_id},
            },
            "models": {"vgg_authors": {"layers": [2, -2]}},
            "samples": {"default": {"images": None, "points": 10}},
            "experiments": {
                "depth": [{"name": "authors", "models": ["vgg_authors"]}],
                "dynamics": [],
                "adversarial": [],
            },
        }
        (copy.path / "tiny.yaml").write_text(yaml.safe_dump(config | others))
        return copy

    return configure


def test_the_authors_model_and_cifar10_are_fetched_and_measured(repository):
    copy = repository("large_0123456789abcdefghijklmn")
    result = copy.snakemake("--cores", "2", "depth", "models")
    assert result.returncode == 0, result.stdout + result.stderr
    made = copy.path / "results/theirs"
    assert (made / "depth/authors/depth.png").exists()
    assert (made / "evaluations/vgg_authors/metrics.json").exists()
    lock = (copy.path / "resources/assets.lock.json").read_text()
    assert {"cifar10", "vgg_model"} <= set(yaml.safe_load(lock))
    assert copy.planned("depth", "models") == set()


def test_drives_quota_page_ends_in_one_line_that_says_where_to_put_the_file(repository):
    copy = repository("quota_0123456789abcdefghijklmn")
    result = copy.snakemake("--cores", "1", "resources/vgg.h5")
    assert result.returncode != 0
    assert "Traceback" not in result.stderr
    said = re.search(r"^error: .*vgg_model.*$", result.stderr, flags=re.MULTILINE)
    assert said
    assert "quota" in said[0].lower()
    assert "path" in said[0]
    assert not (copy.path / "resources/vgg.h5").exists()


def test_the_originals_protocol_plans_its_layers_and_sizes(repository):
    copy = repository("large_0123456789abcdefghijklmn", protocol="original")
    jobs = copy.planned("depth")
    assert len([rule for rule, _ in jobs if rule == "compute_diagrams"]) == 2
    original = yaml.safe_load((copy.path / "tiny.yaml").read_text())
    original["experiments"]["depth"] = [{"name": "own", "models": ["vgg"]}]
    original["models"]["vgg"] = {"seeds": []}
    (copy.path / "tiny.yaml").write_text(yaml.safe_dump(original))
    layers = {
        re.search(r"layer=(\S+)", wildcards)[1] for rule, wildcards in copy.planned("depth") if "layer=" in wildcards
    }
    assert layers == {"2", "5", "7", "10", "12", "15", "17", "20", "22", "-2"}
