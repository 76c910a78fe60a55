"""Killed, starved, locked out or run twice: nothing is lost, nothing half-written is taken for whole."""

import csv
import fcntl
import io
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import h5py
import matplotlib.image
import numpy as np
import pytest
import yaml

from tests.workflow.conftest import ROOT, copy_repository

KILLS = 20
LAYERS = 3
CONFIG = {
    "run": "faults",
    "activations": {name: {"file": f"{name}.h5"} for name in ("mine", "other")},
    "topology": {"null_draws": 1},
    "dimension": {"draws": 3, "estimators": ["ph_dimension"]},
    "experiments": {
        "depth": [{"name": "pair", "models": ["mine", "other"], "diagrams": 1}],
        **{kind: [] for kind in ("dynamics", "generalization", "adversarial", "spoofing")},
    },
}


def brought(path):
    """A copy of the repository and two activations files: a whole run without a network."""
    copy = copy_repository(path)
    for seed, name in enumerate(CONFIG["activations"]):
        rng = np.random.default_rng(seed)
        with h5py.File(copy.path / f"{name}.h5", "w") as file:
            file.attrs["model"] = name
            for layer in range(LAYERS):
                file[f"layers/{layer:03d}_layer{layer}"] = rng.normal(size=(80, 4 + layer)).astype(np.float32)
            file["labels"], file["indices"] = np.arange(80) % 2, np.arange(80)
    (copy.path / "tiny.yaml").write_text(yaml.safe_dump(CONFIG))
    return copy


def start(repository, *arguments, prefix=()):
    """Start Snakemake; a file takes what it says, for a pipe is held open by jobs that outlive it."""
    command = [*prefix, str(Path(sys.executable).with_name("snakemake")), *arguments, "--configfile", "tiny.yaml"]
    with (repository.path / f"said-{time.monotonic_ns()}.txt").open("w+") as said:
        process = subprocess.Popen(
            [*command, "--cores", "2"], cwd=repository.path, stdout=said, stderr=subprocess.STDOUT
        )
    process.said = Path(said.name)
    return process


def end(process, timeout=900):
    """Wait for its end; what it said."""
    process.wait(timeout)
    return process.said.read_text()


def jobs_of(process):
    """The processes below Snakemake's own, children first."""
    found = []
    for path in Path("/proc").glob(f"{process if isinstance(process, int) else process.pid}/task/*/children"):
        try:
            for child in path.read_text().split():
                found += [int(child), *jobs_of(int(child))]
        except OSError:
            continue  # it has ended meanwhile
    return found


def running(process, timeout=300):
    """Wait until a job runs; the jobs, or none if Snakemake ended first."""
    limit = time.monotonic() + timeout
    while process.poll() is None and time.monotonic() < limit:
        if found := jobs_of(process):
            return found
        time.sleep(0.02)
    return []


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def tables(repository):
    made = repository.path / "results/faults"
    return {str(path.relative_to(made)): path.read_bytes() for path in made.rglob("[!.]*.csv") if path.name[0] != "."}


def check_files(folder):
    """Read every result to its end; the number of files."""
    paths = [path for path in folder.rglob("*") if path.suffix in READERS and path.name[0] != "."]
    for path in paths:
        READERS[path.suffix](path)
    return len(paths)


def read_h5(path):
    found = {}
    with h5py.File(path, "r") as file:
        file.visititems(lambda name, item: found.update({name: item[()].tobytes()} if hasattr(item, "shape") else {}))
    assert found, path
    return found


def read_csv(path):
    with path.open() as file:
        assert len({len(row) for row in csv.reader(file)}) == 1, path


READERS = {
    ".h5": read_h5,
    ".csv": read_csv,
    ".json": lambda path: json.loads(path.read_text()),
    ".png": matplotlib.image.imread,
    ".svg": ElementTree.parse,
}


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory):
    """A repository whose run had a second one started beside it, and what that said."""
    copy = brought(tmp_path_factory.mktemp("uninterrupted") / "repository")
    first = start(copy)
    assert running(first)
    second = start(copy)
    refused = end(second)
    assert second.returncode != 0
    said = end(first)
    assert first.returncode == 0, said
    return copy, refused


@pytest.fixture(scope="module")
def uninterrupted(two_runs):
    return two_runs[0]


@pytest.mark.slow
def test_a_run_killed_twenty_times_ends_with_the_same_tables(uninterrupted, tmp_path):
    copy, rng, kills, whole = brought(tmp_path / "repository"), random.Random(7), 0, 0
    results = copy.path / "results/faults"
    process = start(copy)
    while process.poll() != 0:
        if kills < KILLS and running(process):
            time.sleep(rng.uniform(0, 0.8))
            found = jobs_of(process)
            if rng.random() < 0.25:  # Snakemake itself: its jobs go on, and its lock stays
                kills += kill(process.pid)
                process.wait()
            elif found:
                kills += kill(rng.choice(found))
        else:
            end(process)
        if process.poll():
            whole += check_files(results)
            if any(copy.path.glob(".snakemake/locks/*")):  # Snakemake itself was killed
                unlocked = copy.snakemake("--unlock")
                assert unlocked.returncode == 0, unlocked.stderr
            process = start(copy)
    assert process.returncode == 0
    assert whole > 0
    assert kills == KILLS
    expected = tables(uninterrupted)
    assert len(expected) >= 4 * LAYERS
    assert tables(copy) == expected
    assert check_files(results) >= check_files(uninterrupted.path / "results/faults") > 0
    assert copy.planned() == set()


def test_a_training_killed_after_an_epoch_goes_on_and_ends_with_the_same_weights(repository):
    """Snakemake's own retry takes it up again."""
    made = repository.path / "results/tiny/models/vgg"
    expected = {path.name: path.read_bytes() for path in made.glob("*.*")}
    shutil.rmtree(made)
    process = start(repository, "results/tiny/models/vgg/model.keras")
    checkpoint = repository.path / "results/tiny/checkpoints/vgg"
    while process.poll() is None and not list(checkpoint.glob("epoch_*")):
        time.sleep(0.005)
    assert [kill(pid) for pid in jobs_of(process)]
    said = end(process)
    assert process.returncode == 0, said
    log = (repository.path / "results/tiny/logs/train_model/vgg.log").read_text()
    assert re.search(r"continues after epoch [12]", log)
    assert (made / "history.csv").read_bytes() == expected["history.csv"]
    assert weights(made / "model.keras") == weights(io.BytesIO(expected["model.keras"]))


def weights(keras_file):
    with zipfile.ZipFile(keras_file) as archive:
        return read_h5(io.BytesIO(archive.read("model.weights.h5")))


def test_two_runs_in_one_folder_the_second_is_refused_and_the_first_unharmed(two_runs):
    """What the first made are the tables that the others of this file are compared with."""
    copy, refused = two_runs
    assert "cannot be locked" in refused
    assert "--unlock" in refused
    assert "Traceback" not in refused
    assert check_files(copy.path / "results/faults") > 0
    assert copy.planned() == set()


STARVED = """
import sys
from pathlib import Path
given = dict(word.split("=", 1) for word in sys.argv if "=" in word)
model = given["--name"]
tried = Path(f"tried-{model}-{given['--layer']}")
starved = model == "other" or not tried.exists()
tried.touch()


def main() -> None:
    if starved:
        raise MemoryError("Unable to allocate 9.9 GiB")
"""


def test_a_job_out_of_memory_gets_more_once_and_is_reported_while_other_models_go_on(uninterrupted, tmp_path):
    copy = brought(tmp_path / "repository")
    copy.edit("workflow/scripts/compute_diagrams.py", "\ndef main() -> None:\n", STARVED)
    result = copy.snakemake("--cores", "2")
    said = result.stdout + result.stderr
    assert result.returncode != 0
    job = r"^(?:local)?rule compute_diagrams:\n(?: .*\n)*?    wildcards: (.+)\n    resources: .*mem_mb=(\d+)"
    asked = {(wildcards, int(megabytes)) for wildcards, megabytes in re.findall(job, said, re.MULTILINE)}
    first, more = sorted({megabytes for _, megabytes in asked})
    assert more == 2 * first
    assert {wildcards for wildcards, megabytes in asked if megabytes == more} == {wildcards for wildcards, _ in asked}
    assert "error: Unable to allocate 9.9 GiB" in said
    assert "results missing" in said
    assert "Traceback" not in said
    table = "tables/mine/default.csv"
    assert tables(copy)[table] == tables(uninterrupted)[table]
    assert not (copy.path / "results/faults/tables/other").exists()
    assert re.search(r"Error in rule compute_diagrams.*model=other|diagrams/other/default/layer", said, re.DOTALL)


def as_ordinary_user():
    """What makes root mind a file's permissions, as everyone else must."""
    if os.geteuid() != 0:
        return ()
    if shutil.which("setpriv") is None:
        pytest.skip("root is not held by a file's permissions, and there is no setpriv to change that")
    return ("setpriv", "--inh-caps=-all", "--bounding-set=-all")


def test_read_only_results_end_in_a_clear_message(uninterrupted, tmp_path):
    copy = brought(tmp_path / "repository")
    results = copy.path / "results"
    results.mkdir()
    results.chmod(0o555)
    process = start(copy, prefix=as_ordinary_user())
    said = end(process)
    results.chmod(0o755)
    assert process.returncode != 0
    assert re.search(r"Permission denied:? .*results", said)
    assert not list(results.iterdir())


def compute_diagrams(repository, out, **options):
    script = ROOT / "workflow/scripts/compute_diagrams.py"
    command = [sys.executable, script, "--activations", repository.path / "mine.h5", "--layer", "layer0", "--out", out]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, **options)


def test_a_full_disk_is_named_and_leaves_nothing(uninterrupted, tmp_path):
    """The HDF5 library may have words of its own before, and crash after it: the last line is ours."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = os.geteuid() == 0 and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", folder], capture_output=True, check=False
    )
    if not mounted or mounted.returncode:
        pytest.skip("a disk small enough to fill needs root")
    try:
        result = compute_diagrams(uninterrupted, folder / "layer0.h5")
        assert result.returncode != 0
        assert result.stderr.strip().splitlines()[-1] == f"error: {folder}/layer0.h5: No space left on device"
        assert list(folder.iterdir()) == []
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_table_over_the_limit_of_a_files_size_ends_in_one_line_and_leaves_nothing(uninterrupted, tmp_path):
    script = ROOT / "workflow/scripts/tabulate_diagrams.py"
    diagrams = uninterrupted.path / "results/faults/diagrams/mine/default/layer0.h5"
    result = subprocess.run(
        [sys.executable, script, "--diagrams", diagrams, "--bars", tmp_path / "b.csv", "--betti", tmp_path / "c.csv"],
        capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024)),
    )  # fmt: skip
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert re.fullmatch(r"error: .*File too large", result.stderr.strip())
    assert list(tmp_path.iterdir()) == []


def test_files_are_read_and_written_without_hdf5_locks(uninterrupted, tmp_path):
    """On a disk without locks every attempt to take one fails; here another process holds it for good."""
    with (uninterrupted.path / "mine.h5").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        result = compute_diagrams(uninterrupted, tmp_path / "layer0.h5")
    assert result.returncode == 0, result.stderr
    made = uninterrupted.path / "results/faults/diagrams/mine/default/layer0.h5"
    with h5py.File(made, "r") as expected, h5py.File(tmp_path / "layer0.h5", "r") as found:
        assert np.array_equal(expected["class_0/H0"], found["class_0/H0"])
