"""A tag of the repository is deployed: by snakedeploy, from Git elsewhere, from a clone, under a prefix or none."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import topodepth
from tests.workflow.conftest import ROOT, copy_repository

TAG = f"v{topodepth.__version__}"
ADDRESS = "https://github.com/owner/topodepth"
# what snakedeploy 0.17.1 writes of that address and tag
DEPLOYED = f"""from snakemake.utils import min_version


min_version("6.10.0")


configfile: "config/config.yaml"


# declare {ADDRESS} as a module
module topodepth:
    snakefile: 
        github("owner/topodepth", path="workflow/Snakefile", tag="{TAG}")
    config:
        config


# use all rules from {ADDRESS}
use rule * from topodepth
"""  # noqa: W291
OWN = """
rule mine:
    output:
        "mine.txt",
    shell:
        "echo mine > {output}"


module topodepth:
    snakefile: SNAKEFILE
    config: config


use rule * from topodepth as td_*
"""


def git(folder, *arguments):
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """A folder that stands for GitHub, with a repository that holds the tag, and a later commit that does not work."""
    folder = tmp_path_factory.mktemp("hub")
    clone = copy_repository(folder / "owner/topodepth").path
    for part in ("config", ".test"):
        shutil.copytree(ROOT / part, clone / part, symlinks=True)
    git(clone, "init", "--quiet")
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "--message", "a version")
    git(clone, "tag", TAG)
    git(clone, "rm", "--quiet", "-r", "workflow", "src")
    git(clone, "commit", "--quiet", "--message", "a later one, which does not work")
    return folder


@pytest.fixture
def redirected(hub, tmp_path, monkeypatch):
    """Git and Snakemake find that folder under the addresses of GitHub."""
    values = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.file://{hub}/.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://github.com/",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    for name in ("GITHUB_TOKEN", "PYTHONPATH", "SNAKEMAKE_PROFILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def study(tmp_path):
    (tmp_path / "study").mkdir()
    return tmp_path / "study"


def dry_run(folder, *arguments, code=0):
    command = [str(Path(sys.executable).with_name("snakemake")), "--cores", "2", "--dry-run", *map(str, arguments)]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    said = result.stdout + result.stderr
    assert result.returncode == code, said
    return said


def jobs(said):
    table = re.search(r"^job +count\n-[- ]+\n(.*?)^total", said, flags=re.MULTILINE | re.DOTALL)
    return {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", table[1], re.MULTILINE)}


def test_the_demo_is_planned_where_a_tag_was_deployed_as_it_is_in_a_clone(redirected, study):
    (study / "workflow").mkdir()
    (study / "workflow/Snakefile").write_text(DEPLOYED)
    for part in ("config", "profiles"):  # as snakedeploy does: what links mean
        shutil.copytree(ROOT / part, study / part)
    planned = jobs(dry_run(study))
    assert planned == jobs(dry_run(ROOT, "--configfile", "examples/demo.yaml", "--directory", study / "beside", "all"))
    assert planned["all"] == 1
    assert planned["train_model"] > 1
    # the library of that commit, whole, and nothing else
    (commit,) = (study / ".snakemake/topodepth").iterdir()
    expected = {path.relative_to(ROOT) for path in (ROOT / "src").rglob("*.py")}
    assert {path.relative_to(commit) for path in (commit / "src").rglob("*.py")} == expected
    # bytes as they are: in its cache Snakemake 9.27.1 keeps files without the line break at their end
    for name in ("requirements.lock", "workflow/schemas/config.schema.yaml"):
        assert (commit / name).read_bytes() == (ROOT / name).read_bytes()


def test_a_tag_of_a_clone_is_a_module_beside_rules_of_ones_own(hub, study, monkeypatch):
    monkeypatch.delenv("PYTHONPATH", raising=False)
    source = f"git+file://{hub}/owner/topodepth/workflow/Snakefile@{TAG}"
    (study / "Snakefile").write_text(OWN.replace("SNAKEFILE", repr(source)))
    where = ["--configfile", ROOT / ".test/config/config.yaml"]
    assert jobs(dry_run(study, *where)) == {"mine": 1}
    planned = jobs(dry_run(study, *where, "--", "td_all"))
    assert planned["td_train_model"] == planned["td_draw_depth"] == 1
    assert planned["td_compute_diagrams"] == 2


def test_a_package_that_is_missing_beside_snakemake_is_one_line_with_the_command(study, monkeypatch):
    monkeypatch.delenv("PYTHONPATH", raising=False)
    clone = copy_repository(study / "clone").path
    module = clone / "src/topodepth/plan/__init__.py"
    module.write_text(f"import absent_package\n{module.read_text()}")
    said = dry_run(study, "--snakefile", clone / "workflow/Snakefile", code=1).strip()
    expected = "error: topodepth: expected the package absent_package beside Snakemake, in "
    assert said.splitlines()[-1].startswith(expected)
    assert said.endswith(f"Install what it needs: pip install '{clone}[all]'")
    assert "Traceback" not in said


def test_snakedeploy_writes_what_is_tested_here(redirected, study):
    if not importlib.util.find_spec("snakedeploy"):
        pytest.skip("snakedeploy is not installed; pip install snakedeploy, in an environment beside this one")
    command = [sys.executable, "-m", "snakedeploy.client", "deploy-workflow", ADDRESS, ".", "--tag", TAG]
    subprocess.run(command, cwd=study, check=True, capture_output=True, env={**os.environ})
    written = (study / "workflow/Snakefile").read_text()
    assert written.split() == DEPLOYED.split()
    assert (study / "config/config.yaml").read_bytes() == (ROOT / "examples/demo.yaml").read_bytes()
    assert not (study / "config/config.yaml").is_symlink()
    assert (study / "profiles/default/profile.yaml").is_file()
