"""A paper-size plan, of ten thousand jobs: drawn in seconds, and found finished in seconds. Outputs are simulated."""

import re
import resource
import subprocess
import sys

import pytest
import yaml

from tests.workflow.conftest import ROOT, copy_repository

pytestmark = pytest.mark.slow

JOBS = 10_000
BOUND = 60  # s of processor time, wherever and beside whatever this runs; docs/reruns.md says what was measured
AXES = {"depth": [1, 2, 3, 4, 5], "label_noise": [0, 0.1, 0.2, 0.3, 0.4], "l2": [0, 1e-4, 1e-3]}
GRID = {**AXES, "batch_size": [32, 64, 128, 256]}
SEEDED = ["vgg", "resnet", "se_resnet", "mobilenet_v2", "vgg_swish", "vgg_tanh", "vgg_relu6", "vgg_sigmoid", "vgg_elu",
          "resnet_svhn", "resnet_buildings"]  # fmt: skip
PAPER = {
    "models": {
        **{name: {"seeds": list(range(12))} for name in SEEDED},
        "grid": {"dataset": "cifar10", "architecture": "cnn", "seeds": [0, 1, 2], "grid": GRID},
    },
    "experiments": yaml.safe_load((ROOT / "examples/paper.yaml").read_text())["experiments"]
    | {"generalization": [{"name": "grid", "models": ["grid"], "sample": "head"}]},
}

# Snakemake itself, whose jobs make empty files and are recorded as finished once the plan is drawn
SIMULATE = """
import resource
import sys
from pathlib import Path
from snakemake.cli import main
from snakemake.io import is_flagged
from snakemake.scheduling.job_scheduler import JobScheduler


def schedule(self):
    taken = resource.getrusage(resource.RUSAGE_SELF)
    print("drawn in", taken.ru_utime + taken.ru_stime, "s")

    async def finish():
        for level in self.workflow.dag.toposorted():
            for job in level:
                for output in job.output:
                    path = Path(output)
                    (path if is_flagged(output, "directory") else path.parent).mkdir(parents=True, exist_ok=True)
                    if not path.is_dir():
                        path.touch()
                await self.workflow.persistence.finished(job)

    self.workflow.async_run(finish())
    return True


JobScheduler.schedule = schedule
main(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def paper(tmp_path_factory):
    copy = copy_repository(tmp_path_factory.mktemp("paper") / "repository")
    (copy.path / "paper.yaml").write_text(yaml.safe_dump(PAPER, sort_keys=False))
    return copy


def timed(command, folder):
    """What a command says, and the processor time that it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=3000, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = result.stdout + result.stderr
    assert result.returncode == 0, said[-3000:]
    return said, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_a_paper_size_plan_is_drawn_and_found_finished_in_seconds(paper, record_property):
    arguments = ["--cores", "16", "all", "--configfile", "paper.yaml"]
    said, _ = timed([sys.executable, "-c", SIMULATE, "--no-hooks", *arguments], paper.path)
    assert int(re.search(r"^total +(\d+)$", said, flags=re.MULTILINE)[1]) >= JOBS
    seconds = float(re.search(r"^drawn in (\S+) s$", said, flags=re.MULTILINE)[1])
    record_property("plan", seconds)
    assert 0 < seconds < BOUND

    said, seconds = timed([sys.executable, "-m", "snakemake", *arguments], paper.path)
    assert "Nothing to be done" in said
    record_property("nothing to do", seconds)
    assert 0 < seconds < BOUND
