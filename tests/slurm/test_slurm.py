"""A depth experiment through a real Slurm, one job cancelled in the middle, gives the tables of a run on one machine.

Slurm is this machine alone, started by start_slurm.sh; without Slurm's daemons or root the test is skipped. The
experiment is a tiny one; TOPODEPTH_SLURM_CONFIG names a configuration of the repository to run instead.
"""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from tests.workflow.conftest import ROOT, SMALL, TINY, copy_repository

START = ROOT / "tests/slurm/start_slurm.sh"
CANNOT = 77  # the script's exit code where Slurm cannot run

CLUSTER = {
    "partitions": {"cpu": {"max_threads": 2}, "gpu": {"max_threads": 2, "max_gpu": 1}},
    "jobs": 20,
    "status": "squeue",
    "first_check": 10,
}
ONE_MODEL = TINY | {
    "run": "slurm",
    "models": {"vgg": SMALL | {"layers": ["block3_conv1", "logits"], "training": {"epochs": 40}}},
    "experiments": {"depth": [{"name": "pair", "models": ["vgg"]}], "dynamics": []},
}


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    """The environment in which Slurm's commands speak to a cluster of this machine alone."""
    folder = tmp_path_factory.mktemp("slurm")
    started = subprocess.run([START, "start", folder], capture_output=True, text=True, check=False)
    if started.returncode == CANNOT:
        pytest.skip(started.stderr.strip())
    try:
        assert started.returncode == 0, started.stderr
        path = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        yield os.environ | {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": path}
    finally:
        subprocess.run([START, "stop", folder], check=True, timeout=60)


def experiment():
    """The configuration to run, and the target that makes its tables and no more than it must."""
    name = os.environ.get("TOPODEPTH_SLURM_CONFIG")
    if name:
        return yaml.safe_load((ROOT / name).read_text()), "depth"
    return ONE_MODEL, "results/slurm/depth/pair/depth.csv"


def start(folder, environment, *arguments):
    """Snakemake at work in a copy of the repository; what it says goes to run.log there."""
    config, target = experiment()
    repository = copy_repository(folder)
    (repository.path / "run.yaml").write_text(yaml.safe_dump(config))
    (repository.path / "profiles/slurm/cluster.yaml").write_text(yaml.safe_dump(CLUSTER))
    snakemake = [str(Path(sys.executable).with_name("snakemake")), "--configfile", "run.yaml", *arguments, "--", target]
    with (folder / "run.log").open("w") as log:
        return subprocess.Popen(
            snakemake, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )


def cancel_training(process, folder, environment, timeout):
    """Cancel the job that trains vgg once it has kept its first epoch; the Slurm job's number."""
    kept = folder / f"results/{experiment()[0]['run']}/checkpoints/vgg"
    end = time.monotonic() + timeout
    while not any(kept.glob("epoch_*")):
        assert time.monotonic() < end, "no training began"
        assert process.poll() is None, (folder / "run.log").read_text()
        time.sleep(0.05)
    jobs = subprocess.check_output(["squeue", "--noheader", "--format", "%i %P %k"], env=environment, text=True)
    number, partition = re.search(r"^(\d+) (\S+) rule_train_model_wildcards_vgg$", jobs, flags=re.MULTILINE).groups()
    assert partition == "gpu"
    subprocess.run(["scancel", number], env=environment, check=True)
    return number


def tables(folder):
    results = folder / "results" / experiment()[0]["run"]
    return {str(path.relative_to(results)): path.read_bytes() for path in results.rglob("*.csv")}


def test_a_run_on_slurm_survives_a_cancelled_job_and_gives_the_tables_of_a_local_run(slurm, tmp_path):
    timeout = 3600 if "TOPODEPTH_SLURM_CONFIG" in os.environ else 900
    here = start(tmp_path / "here", os.environ, "--cores", "1")
    there = start(tmp_path / "there", slurm, "--profile", "profiles/slurm", "--latency-wait", "10")
    try:
        number = cancel_training(there, tmp_path / "there", slurm, timeout)
        codes = here.wait(timeout), there.wait(timeout)
    finally:
        for process in (here, there):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(60)
    log = (tmp_path / "there/run.log").read_text()
    assert codes == (0, 0), log
    assert f"SLURM-job '{number}' failed, SLURM status is: 'CANCELLED'" in log
    asked = re.findall(r"^rule train_model:.*?wildcards: model=vgg\n.*?mem_mb=(\d+)", log, re.MULTILINE | re.DOTALL)
    assert str(2 * int(asked[0])) in asked  # the second attempt
    assert tables(tmp_path / "here")
    assert tables(tmp_path / "there") == tables(tmp_path / "here")
