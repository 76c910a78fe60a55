"""Names, titles and paths of a configuration never reach a shell unquoted."""

import json
import re
import shlex
import subprocess
from pathlib import Path

import numpy as np
import pytest
import yaml

from tests.fuzz import files
from tests.unit.dataset_files import pixels
from tests.workflow.conftest import Repository, copy_repository

ROOT = Path(__file__).parents[2]
PLACEHOLDER = re.compile(r"\{([^{}]+)\}")

# What stands in a command without :q, and why it can hold nothing of a stranger's
UNQUOTED = {
    "threads": "a whole number that Snakemake makes",
    "resources.gpu": "a whole number that Snakemake makes",
    "params.trust": "--trust or nothing (trust_flag in common.smk)",
    "params.size": "--size= and a whole number that the schema checks, or nothing",
    "params.epochs": "whole numbers that the schema checks",
    "params.stated": "--stated-accuracy= and a number that the schema checks, or nothing (stated_flag in common.smk)",
    "params.positions": "--positions= and a path that shlex has quoted, or nothing (datasets.smk)",
}

HOSTILE = ["'; touch PWNED; '", '"; touch PWNED; "', "$(touch PWNED)", "`touch PWNED`", "a b  c", "日本 é",
           "x\ntouch PWNED\n", "| touch PWNED", "&& touch PWNED", "\\'; touch PWNED #", "{wildcards.model} {{x}}", "*",
           "~", "$HOME"]  # fmt: skip


def commands():
    """Every shell command of the rules: (file, text)."""
    for path in [ROOT / "workflow/Snakefile", *sorted((ROOT / "workflow/rules").glob("*.smk"))]:
        text = path.read_text()
        found = re.findall(r"^( *)shell:\n((?:\1 +(?:f?\".*\")\n)+)", text, flags=re.MULTILINE)
        assert len(found) == len(re.findall(r"^ *shell:", text, flags=re.MULTILINE)), path
        for _, block in found:
            yield path.name, "".join(re.findall(r"\"(.*)\"\n", block))


def test_every_command_quotes_what_comes_from_the_configuration():
    found = list(commands())
    assert len(found) > 20
    met = set()
    for name, command in found:
        for placeholder in PLACEHOLDER.findall(command):
            expression, _, form = placeholder.partition(":")
            if form == "q":
                continue
            assert expression in UNQUOTED, f"{name}: {{{placeholder}}} in {command}"
            met.add(expression)
        # what :q gives is one word only where no quotes stand around it
        assert "'" not in command, f"{name}: {command}"
    assert met == {*UNQUOTED}, "an exception that no rule needs any more"


def test_rules_have_no_other_way_to_a_shell():
    for path in [ROOT / "workflow/Snakefile", *sorted((ROOT / "workflow/rules").glob("*.smk"))]:
        assert not re.search(r"\bshell\(|subprocess|os\.system|popen|^ *(script|notebook):", path.read_text(), re.M), (
            path
        )
    for path in sorted((ROOT / "workflow/scripts").glob("*.py")):
        assert not re.search(r"subprocess|os\.system|popen|shell=True|\beval\(|\bexec\(", path.read_text()), path


@pytest.mark.parametrize("text", HOSTILE)
def test_snakemakes_quoting_makes_one_word_of_anything(text, tmp_path):
    from snakemake.utils import format as snakemake_format

    command = snakemake_format("python -c 'import sys, json; print(json.dumps(sys.argv[1:]))' {text:q}", text=text)
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert json.loads(done.stdout) == [text]
    assert not list(tmp_path.iterdir())


def hostile_run(folder: Path) -> dict:
    """A configuration in which everything that may be any text is hostile, and the files that it names."""
    evil = folder / "it's; touch PWNED; $(touch PWNED) é"
    evil.mkdir(parents=True)
    images = {"images": pixels(60, 4).reshape(60, -1)[:, :4] / 255, "labels": np.arange(60) % 2}  # as the network takes
    np.savez(evil / "'; touch PWNED; '.npz", **images)
    (evil / "$(touch PWNED).h5").write_bytes(activations_file())
    models = evil / "models `touch PWNED`"
    models.mkdir()
    config = json.dumps(files.keras_configs()[1]).encode()
    for name in ("'; touch PWNED; '.keras", "$(touch PWNED)_0.5.keras", "a\ntouch PWNED\n.keras"):
        (models / name).write_bytes(files.keras_archive(config))
    return {
        "run": "hostile",
        "datasets": {"evil": {"loader": "npz", "source": str(evil / "'; touch PWNED; '.npz"), "options": {}}},
        "activations": {"acts": {"file": str(evil / "$(touch PWNED).h5"), "label": HOSTILE[0], "dataset": HOSTILE[2]}},
        "models": {
            "zoo": {"directory": str(models), "dataset": "evil", "label": HOSTILE[3]},
            "one": {"file": str(models / "'; touch PWNED; '.keras"), "dataset": "evil", "label": HOSTILE[1],
                    "layers": ["'; touch PWNED; '", "$(touch PWNED)"]},
        },
        "samples": {"default": {"images": 20, "points": 10}},
        "experiments": {
            "depth": [{"name": "mine", "title": " ".join(HOSTILE), "models": ["acts"]},
                      {"name": "zoo", "title": HOSTILE[0], "models": ["zoo", "one"]}],
            "dynamics": [], "generalization": [], "adversarial": [], "spoofing": [],
        },
    }  # fmt: skip


def activations_file() -> bytes:
    import io

    import h5py

    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file.attrs["model"] = "'; touch PWNED; '"
        for k, name in enumerate(["'; touch PWNED; '", "$(touch PWNED)"]):
            points = np.random.default_rng(k).normal(size=(120, 4)).astype("f4")
            file.create_dataset(f"layers/{k}", data=points).attrs["token"] = name
        file["labels"] = np.arange(120) % 2
    return stream.getvalue()


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    made = copy_repository(tmp_path_factory.mktemp("hostile") / "repository")
    (made.path / "hostile.yaml").write_text(yaml.safe_dump(hostile_run(made.path / "brought"), allow_unicode=True))
    return made


def assert_unharmed(repository: Repository):
    found = [path for path in repository.path.parent.rglob("*") if path.name.startswith("PWNED")]
    assert not found


def test_hostile_texts_are_only_texts_in_every_command_of_a_plan(repository):
    result = repository.snakemake("--cores", "1", "-n", "--printshellcmds", "depth", config="hostile.yaml")
    assert result.returncode == 0, result.stdout + result.stderr
    assert_unharmed(repository)
    output = result.stdout + result.stderr
    jobs = re.findall(r"Shell command: (python .*?2> \S+)\n", output, flags=re.DOTALL)
    jobs = jobs or re.findall(r"^ +(python \$SCRIPTS.*?2> \S+)$", output, flags=re.DOTALL | re.MULTILINE)
    assert len(jobs) > 10
    for job in jobs:
        words = shlex.split(job)
        assert "touch" not in words, job  # a hostile text is always inside one word


def test_a_run_full_of_hostile_texts_makes_its_figures_and_nothing_else(repository):
    result = repository.snakemake(
        "--cores",
        "2",
        "results/hostile/depth/mine/depth.png",
        "results/hostile/datasets/evil.h5",
        config="hostile.yaml",
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert (repository.path / "results/hostile/depth/mine/depth.png").exists()
    assert_unharmed(repository)
