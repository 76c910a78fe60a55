"""Profiles agree with the rules and with each other; the container and the example of a cluster hold what they name."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from snakemake.profiles import ProfileConfigFileParser

ROOT = Path(__file__).parents[2]
RULES = "".join(path.read_text() for path in [ROOT / "workflow/Snakefile", *(ROOT / "workflow/rules").glob("*.smk")])
GPU_RULES = {
    block.split(":")[0]
    for block in re.split(r"^(?:rule|checkpoint) ", RULES, flags=re.MULTILINE)
    if "\n        gpu=1," in block
}
WITHOUT_GPU = {"partitions": {"main": {"max_threads": 8}}}
WITH_GPU = {"account": "shapes", "partitions": {"main": {}, "fast": {"max_gpu": 2}}, "jobs": 7, "status": "squeue"}


def default_profile():
    return yaml.safe_load((ROOT / "profiles/default/profile.yaml").read_text())


@pytest.fixture
def slurm_profile(tmp_path, monkeypatch):
    """What Snakemake reads in profiles/slurm when cluster.yaml says this."""

    def read(cluster):
        folder = tmp_path / "profiles/slurm"
        folder.mkdir(parents=True)
        (folder / "cluster.yaml").write_text(yaml.safe_dump(cluster))
        profile = Path(shutil.copy(ROOT / "profiles/slurm/profile.yaml", folder))
        monkeypatch.chdir(tmp_path)
        with Path("profiles/slurm/profile.yaml").open() as stream:
            assert profile.exists()
            return ProfileConfigFileParser().parse(stream)

    return read


def settings(resources):
    return dict(resource.split("=", 1) for resource in resources)


def test_every_rule_that_a_profile_names_exists():
    named = {*default_profile()["set-resources"], *default_profile()["set-threads"]}
    assert named <= {*re.findall(r"^(?:rule|checkpoint) (\w+):", RULES, flags=re.MULTILINE)}


def test_every_rule_that_uses_a_gpu_says_how_much_memory_and_time_it_takes():
    assert {"train_model", "extract_activations"} <= GPU_RULES
    assert not GPU_RULES - {*default_profile()["set-resources"]}


def test_memory_and_time_grow_with_each_attempt_and_there_is_a_second_attempt(slurm_profile):
    slurm = slurm_profile(WITH_GPU)
    wishes = {
        f"{rule}: {resource}": wish
        for rule, resources in default_profile()["set-resources"].items()
        for resource, wish in resources.items()
    } | settings(slurm["default-resources"])
    wishes.pop("slurm_account")
    assert {"mem_mb", "runtime"} <= {*wishes}
    for name, wish in wishes.items():
        first, second = (eval(wish, {"attempt": attempt}) for attempt in (1, 2))
        assert second == 2 * first > 0, name
    assert int(slurm["retries"]) >= 1


def test_the_slurm_profile_leaves_to_the_default_profile_what_results_depend_on(slurm_profile):
    """The default profile applies under any other and wins: a key in both would be dead in the other."""
    assert not {*default_profile()} & {*slurm_profile(WITH_GPU)}
    assert {*default_profile()["rerun-triggers"]} == {"code", "input", "mtime", "params"}


def test_one_file_names_account_partitions_and_status_command(slurm_profile):
    profile = slurm_profile(WITH_GPU)
    assert settings(profile["default-resources"])["slurm_account"] == "shapes"
    assert profile["slurm-partition-config"] == "profiles/slurm/cluster.yaml"
    assert profile["slurm-status-command"] == "squeue"
    assert profile["jobs"] == "7"
    assert "resources" not in profile


def test_without_account_and_accounting_and_gpus_nothing_is_asked_for(slurm_profile):
    profile = slurm_profile(WITHOUT_GPU)
    assert "slurm_account" not in settings(profile["default-resources"])
    assert "slurm-status-command" not in profile
    assert profile["resources"] == ["gpu=0"]


def test_the_example_of_a_cluster_sends_gpu_jobs_to_its_gpu_partition_and_the_others_elsewhere():
    from snakemake_executor_plugin_slurm.partitions import get_best_partition, read_partition_file

    class Quiet:
        info = warning = debug = staticmethod(lambda *_: None)

    class Job:
        name, threads = "job", 1

        def __init__(self, **resources):
            self.resources = resources

    partitions = read_partition_file(ROOT / "profiles/slurm/cluster.example.yaml")
    small = {"mem_mb": 1500, "runtime": 30}
    large = {"mem_mb": 8000, "runtime": 1440}
    for resources in (small, large):
        assert get_best_partition(partitions, Job(**resources), Quiet) == "cpu"
        assert get_best_partition(partitions, Job(**resources, gpu=1), Quiet) == "gpu"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file or directory: 'profiles/slurm/cluster.yaml'"),
        ("acount: shapes\npartitions: {main: {}}", "profiles/slurm/cluster.yaml: keys"),
        ("account: shapes", "profiles/slurm/cluster.yaml: keys"),
    ],
)
def test_a_cluster_file_that_is_missing_or_misspelt_is_named(tmp_path, content, message):
    folder = tmp_path / "profiles/slurm"
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "profiles/slurm/profile.yaml", folder)
    if content:
        (folder / "cluster.yaml").write_text(content)
    command = [str(Path(sys.executable).with_name("snakemake")), "--profile", "profiles/slurm", "-n"]
    (tmp_path / "Snakefile").touch()
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode != 0
    assert message in result.stderr


def test_the_container_installs_the_lock_file_with_hashes_and_runs_without_privileges():
    text = (ROOT / "envs/Dockerfile").read_text()
    instructions = re.findall(r"^([A-Z]+) (.*(?:\\\n.*)*)", text, flags=re.MULTILINE)
    arguments = {name: [value for other, value in instructions if other == name] for name, _ in instructions}
    copied = arguments["COPY"][0].split()[0]
    assert (ROOT / copied).is_file()
    assert "--require-hashes" in arguments["RUN"][0]
    assert copied in arguments["RUN"][0]
    assert arguments["USER"] not in ([], ["root"])
    version = re.search(r"python:(\d+\.\d+)", arguments["FROM"][0])[1]
    for path in (ROOT / "envs").glob("*.yaml"):
        assert f"python={version}" in yaml.safe_load(path.read_text())["dependencies"], path.name


def test_the_script_that_starts_slurm_says_how_it_is_used_and_touches_nothing():
    script = ROOT / "tests/slurm/start_slurm.sh"
    assert os.access(script, os.X_OK)
    result = subprocess.run([script], capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr.startswith("usage:")
