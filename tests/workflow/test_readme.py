"""What the README tells people to type works."""

import re
import subprocess
import sys

import pytest
import yaml

from tests.workflow.conftest import ROOT, copy_repository
from topodepth import architectures

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, flags=re.DOTALL)


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    repository = copy_repository(tmp_path_factory.mktemp("readme") / "repository")
    overlays = [block for kind, block in BLOCKS if kind == "yaml"]
    (repository.path / "mine.yaml").write_text(overlays[0])
    for name in ("path/to/model.keras", "model.h5", "models/Resnet32_a_0.89.h5"):
        path = repository.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        architectures.build("vgg", input_shape=(32, 32, 3), classes=10, width=2).save(path)
    return repository


def commands():
    lines = [line.partition("#")[0].strip() for kind, block in BLOCKS if kind == "sh" for line in block.splitlines()]
    return [line for line in lines if line]


def test_there_are_commands():
    assert {"make demo", "make test"} <= set(commands())


@pytest.mark.parametrize("command", [line for line in commands() if "snakemake" in line])
def test_every_snakemake_command_can_be_planned(clone, command):
    program, *arguments = command.split()
    assert program == ".venv/bin/snakemake"
    if "--configfile" not in arguments:
        arguments += ["--configfile", "config.yaml"]
    where = arguments.index("--configfile")
    config = arguments[where + 1]
    result = clone.snakemake(*arguments[:where], *arguments[where + 2 :], "--dry-run", config=config)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "compute_diagrams" in result.stdout + result.stderr


def test_every_target_can_be_planned(clone):
    targets = re.findall(r"^\| `(\w+)` \|", README, flags=re.MULTILINE)
    assert {"all", "depth", "times"} <= {*targets}
    result = clone.snakemake("--cores", "2", "--dry-run", "--quiet", "rules", "--", *targets)
    assert result.returncode == 0, result.stdout + result.stderr


ROWS = re.findall(
    r"^\| `python .*?`(models: .*?)`, (?:then `snakemake --cores 16 (\w+)|likewise)", README, re.MULTILINE
)


def test_both_experiments_after_depth_have_a_row():
    assert {"generalization", "adversarial"} <= {target for _, target in ROWS}


@pytest.mark.parametrize(("models", "target"), ROWS)
def test_every_command_of_the_original_has_a_configuration_that_can_be_planned(clone, models, target):
    target = target or "depth"
    config = yaml.safe_load(models)
    selected = {"name": "theirs", "models": list(config["models"])}
    config |= {"run": "theirs", "experiments": {"dynamics": [], target: [selected]}}
    (clone.path / "theirs.yaml").write_text(yaml.safe_dump(config))
    result = clone.snakemake("--cores", "16", "--dry-run", target, config="theirs.yaml")
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"draw_{target}" in result.stdout + result.stderr


@pytest.mark.parametrize("command", [line for line in commands() if line.startswith("make ")])
def test_every_make_target_exists(command):
    target = command.split()[1]
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)


def test_the_five_lines_of_python_measure(tmp_path):
    example = next(block for kind, block in BLOCKS if kind == "python")
    assert len([line for line in example.splitlines() if line]) == 5
    check = "\nassert len(result.diagrams['last'].data['3']) == 2 and set(result.table['layer']) == {'first', 'last'}"
    subprocess.run([sys.executable, "-c", example + check], check=True, capture_output=True, text=True, cwd=tmp_path)
    assert (tmp_path / "depth.png").exists()


def test_the_python_example_says_what_its_comments_say():
    example = [block for kind, block in BLOCKS if kind == "python"][1]
    check = (
        "\nlong = h1[:, 1] - h1[:, 0]\nassert (long > 0.5).sum() == 1\nassert abs(ph_dimension(circle).value - 1) < 0.1"
    )
    subprocess.run([sys.executable, "-c", example + check], check=True, capture_output=True, text=True)


def test_every_linked_file_exists():
    for target in re.findall(r"\]\((?!https?://)([^)#]+)\)", README + (ROOT / "CONTRIBUTING.md").read_text()):
        assert (ROOT / target).exists(), target
