"""Ways in: from another folder, as a module of another workflow, on another machine, with files that are not there."""

import os
import re

import h5py
import numpy as np
import pandas
import pytest
import yaml

import topodepth as td
from tests.workflow.conftest import ROOT, copy_repository
from tests.workflow.preloaded import snakemake
from topodepth import architectures

SNIPPET = re.search(r"```snakemake\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)[1]
CORES = len(os.sched_getaffinity(0))
STUDY = {
    "run": "mine",
    "activations": {"mine": {"file": "mine.h5"}},
    "samples": {"few": {"images": 100}},
    "topology": {"null_draws": 1},
    "dimension": {"draws": 3, "estimators": ["ph_dimension"]},
    "experiments": {"depth": [{"name": "mine", "models": ["mine"], "diagrams": 1}]},
}
# of the data sets that config.yaml brings
SAMPLE = "results/mine/samples/digits/few.csv"
# What the shell of a rule of one's own is like: nothing of ours may reach it.
OWN_RULE = """
rule own:
    output:
        "own.txt",
    shell:
        "words='a b'; set -- $words; echo $# ${{SCRIPTS:-none}} ${{PYTHONPATH:-none}} *.yaml > {output}"
"""


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A copy of the repository in a folder whose name splits where it is not quoted."""
    return copy_repository(tmp_path_factory.mktemp("elsewhere") / "a clone")


@pytest.fixture
def study(tmp_path):
    """A folder of one's own with activations, a configuration, and a config.yaml that means another program."""
    rng = np.random.default_rng(0)
    with h5py.File(tmp_path / "mine.h5", "w") as file:
        file.attrs["model"] = "mine"
        for layer in range(2):
            file[f"layers/{layer:03d}_layer{layer}"] = rng.normal(size=(80, 4 + layer)).astype(np.float32)
        file["labels"], file["indices"] = np.arange(80) % 2, np.arange(80)
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(STUDY))
    (tmp_path / "study.yaml").write_text(yaml.safe_dump({"topodepth": STUDY, "colour": "red"}))
    (tmp_path / "config.yaml").write_text("colour: red\n")
    return tmp_path


def rules_planned(folder, *arguments):
    """How often each rule would run."""
    result = snakemake(folder, "--cores", "2", "--dry-run", *arguments)
    said = result.stdout + result.stderr
    assert result.returncode == 0, said
    table = re.search(r"^job +count\n-[- ]+\n(.*?)^total", said, flags=re.MULTILINE | re.DOTALL)
    return {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", table[1] if table else "", re.MULTILINE)}


def last_line(text):
    return text.strip().splitlines()[-1]


def check_results(study):
    made = study / "results/mine"
    assert (made / "depth/mine/depth.png").stat().st_size > 0
    assert (made / "depth/mine/dimension.svg").stat().st_size > 0
    assert len((study / SAMPLE).read_text().splitlines()) == 101


@pytest.mark.parametrize("way", ["snakefile", "directory"])
def test_a_study_in_another_folder_runs_there(clone, study, way):
    if way == "snakefile":
        where = ["--snakefile", clone.path / "Snakefile", "--configfile", "mine.yaml"]
        result = snakemake(study, "--cores", "2", *where, "--", "depth", SAMPLE)
    else:
        where = ["--directory", study, "--configfile", study / "mine.yaml"]
        result = snakemake(clone.path, "--cores", "2", *where, "--", "depth", SAMPLE)
    assert result.returncode == 0, result.stdout + result.stderr
    check_results(study)
    assert not (clone.path / "results").exists()


def test_the_module_of_the_readme_runs_reports_and_leaves_the_other_workflow_alone(clone, study):
    text = SNIPPET.replace("path/to/topodepth/workflow/Snakefile", str(clone.path / "workflow/Snakefile"))
    assert str(clone.path) in text
    (study / "Snakefile").write_text(text + OWN_RULE)
    arguments = ["--configfile", "study.yaml"]
    assert rules_planned(study, *arguments)["all"] == 1  # its own default target, not ours
    result = snakemake(study, "--cores", "2", *arguments, "--", "td_depth", SAMPLE, "own.txt")
    assert result.returncode == 0, result.stdout + result.stderr
    check_results(study)
    files = " ".join(sorted(path.name for path in study.glob("*.yaml")))
    assert (study / "own.txt").read_text() == f"2 none none {files}\n"
    assert rules_planned(study, *arguments, "--", "td_depth") == {}
    result = snakemake(study, *arguments, "--report", "report.html", "--", "td_depth")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "Descriptors against depth" in (study / "report.html").read_text()


def test_a_rule_of_the_other_workflow_may_make_what_a_module_reads(clone, study):
    model = {"file": "made.keras", "dataset": "made", "layers": ["logits"]}
    own = STUDY | {
        "datasets": {"made": {"loader": "npz", "source": "made.npz"}},
        "models": {"net": model},
        "experiments": {"depth": [{"name": "mine", "models": ["net"]}]},
    }
    (study / "study.yaml").write_text(yaml.safe_dump({"topodepth": own}))
    text = SNIPPET.replace("path/to/topodepth/workflow/Snakefile", str(clone.path / "workflow/Snakefile"))
    (study / "Snakefile").write_text(
        text + '\nrule make:\n    output: "made.npz", "made.keras"\n    shell: "touch {output}"\n'
    )
    planned = rules_planned(study, "--configfile", "study.yaml", "--", "td_all")
    assert planned["make"] == planned["td_prepare_dataset"] == planned["td_extract_activations"] == 1


def test_experiments_of_a_configuration_are_run_and_no_others(clone, study):
    """A file that names experiments selects those; without one, or where it names none, the paper's run."""
    where = ["--snakefile", clone.path / "Snakefile"]
    mine = rules_planned(study, *where, "--configfile", "mine.yaml", "--", "all")
    assert mine["compute_diagrams"] == 2
    assert not {"train_model", "fetch_asset", "prepare_dataset", "attack_model", "join_generalization"} & {*mine}
    (study / "label.yaml").write_text("models: {vgg: {label: mine}}\n")
    paper = rules_planned(study, *where, "--configfile", "label.yaml", "--", "all")
    assert paper == rules_planned(study, *where, "--", "all")
    assert paper["train_model"] == 37
    assert paper["draw_dynamics"] == paper["associate_measures"] == paper["compare_attacks"] == 1
    assert rules_planned(study, *where, "--configfile", "mine.yaml", "--", "adversarial") == {"adversarial": 1}


@pytest.mark.parametrize(
    "change",
    [{"samples": {"default": {"dimensions": False}}}, {"dimension": {"estimators": []}}],
    ids=lambda c: next(iter(c)),
)
def test_without_dimensions_their_figure_is_not_asked_for_and_the_others_are(clone, study, change):
    (study / "mine.yaml").write_text(yaml.safe_dump(STUDY | change))
    planned = rules_planned(study, "--snakefile", clone.path / "Snakefile", "--configfile", "mine.yaml", "--", "depth")
    assert planned["draw_depth"] == planned["draw_depth_models"] == planned["draw_diagrams"] == 1
    assert "draw_dimension" not in planned


def test_the_images_of_the_longest_bars_are_listed_where_that_is_asked_for(clone, study):
    own = STUDY | {"experiments": {"depth": [STUDY["experiments"]["depth"][0] | {"bars": 2}]}}
    (study / "mine.yaml").write_text(yaml.safe_dump(own))
    where = ["--snakefile", clone.path / "Snakefile", "--configfile", "mine.yaml"]
    assert rules_planned(study, *where, "--", "depth")["join_bars"] == 1
    result = snakemake(study, "--cores", "2", *where, "--", "results/mine/depth/mine/bars.csv")
    assert result.returncode == 0, result.stdout + result.stderr
    found = pandas.read_csv(study / "results/mine/depth/mine/bars.csv", float_precision="round_trip")
    expected = td.measure(study / "mine.h5", progress=False, estimators=()).longest_bars(2)
    pandas.testing.assert_frame_equal(found, expected.assign(**{"class": expected["class"].astype(int)}))
    (study / "mine.yaml").write_text(yaml.safe_dump(STUDY))
    assert not {"list_bars", "join_bars", "draw_bars"} & {*rules_planned(study, *where, "--", "depth")}


def test_a_run_of_one_model_with_all_that_can_be_switched_off_makes_its_figures(clone, study):
    """No null model, no interval, no dimension, no descriptor that figures show by themselves."""
    bare = {"null_draws": 0, "jackknife_groups": 0, "max_dim": 0, "descriptors": ["persistent_entropy"]}
    (study / "mine.yaml").write_text(yaml.safe_dump(STUDY | {"topology": bare, "dimension": {"estimators": []}}))
    where = ["--snakefile", clone.path / "Snakefile", "--configfile", "mine.yaml"]
    result = snakemake(study, "--cores", "2", *where, "--", "depth")
    assert result.returncode == 0, result.stdout + result.stderr
    made = {path.name for path in (study / "results/mine/depth/mine").glob("*.png")}
    assert made == {"depth.png", "depth_models.png"}


def test_more_cores_than_there_are_become_those_there_are_with_one_line_of_notice(clone, study):
    where = ["--snakefile", clone.path / "Snakefile", "--configfile", "mine.yaml"]
    result = snakemake(study, "--cores", str(CORES + 14), *where, "--", SAMPLE)
    assert result.returncode == 0, result.stdout + result.stderr
    notice = f"notice: --cores {CORES + 14} asked, this machine has {CORES}: it uses {CORES}."
    assert result.stderr.count("notice:") == result.stderr.count(notice) == 1
    assert f"Provided cores: {CORES}" in result.stderr
    assert (study / SAMPLE).exists()


def test_a_job_that_asks_for_more_memory_than_there_is_gets_what_there_is_with_one_line_of_notice(clone, study):
    where = ["--snakefile", clone.path / "Snakefile", "--configfile", "mine.yaml"]
    much = ["--set-resources", "draw_sample:mem_mb=888888888 * attempt"]
    result = snakemake(study, "--cores", str(CORES), *where, *much, "--", SAMPLE)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stderr.count("notice:") == 1
    assert "notice: draw_sample asks for 888888888 MB of memory, this machine has " in result.stderr
    assert (study / SAMPLE).exists()


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Images and a network for them."""
    folder, rng = tmp_path_factory.mktemp("images"), np.random.default_rng(0)
    splits = {f"x_{split}": rng.integers(0, 256, (80, 16, 16, 1), dtype=np.uint8) for split in ("train", "test")}
    np.savez(folder / "mine.npz", **splits, y_train=np.arange(80) % 2, y_test=np.arange(80) % 2)
    architectures.build("vgg", input_shape=(16, 16, 1), classes=2, width=2).save(folder / "mine.keras")
    return folder


MISSING = {
    "datasets.own.source": "gone.npz",
    "models.net.file": "mine.keras",
    "activations.acts.file": "acts.h5",
    "assets.kept.path": "kept.h5",
}


def with_files(study, images, changed=None):
    """Write a configuration that names files of every kind, one of which may be missing; the arguments that use it."""
    own = {
        "run": "mine",
        "assets": {"kept": {"file": "kept.h5", "path": str(images / "mine.keras")}},
        "datasets": {"own": {"loader": "npz", "source": str(images / "mine.npz")}},
        "models": {
            "net": {"file": str(images / "mine.keras"), "dataset": "own", "layers": ["logits"]},
            "kept": {"asset": "kept", "dataset": "own", "layers": ["logits"]},
        },
        "activations": {"acts": {"file": "mine.h5"}},
        "experiments": {"depth": [{"name": "mine", "models": ["net", "kept", "acts"]}]},
    }
    if changed:
        part, name, last = changed.split(".")
        own[part][name][last] = MISSING[changed]
    (study / "own.yaml").write_text(yaml.safe_dump(own))
    return ["--configfile", "own.yaml", "--", "depth"]


def test_files_that_are_there_are_planned(clone, study, images):
    where = ["--snakefile", clone.path / "Snakefile"]
    assert rules_planned(study, *where, *with_files(study, images))["prepare_dataset"] == 1


@pytest.mark.parametrize("key", MISSING)
def test_a_missing_file_is_told_once_with_its_key_before_any_job_runs(clone, study, images, key):
    where = ["--snakefile", clone.path / "Snakefile", *with_files(study, images, key)]
    for dry in ([], ["--dry-run"]):
        result = snakemake(study, "--cores", "2", *dry, *where)
        said = result.stdout + result.stderr
        assert result.returncode != 0
        assert said.count(MISSING[key]) == 1
        expected = f"expected a file or folder that is there, seen from {study}."
        assert f"error: config key '{key}': {expected} Received: {MISSING[key]}" == last_line(result.stderr)
        assert "Traceback" not in said
        assert "same command" not in said
    assert not (study / "results").exists()


def test_a_source_may_go_once_its_data_set_is_made(clone, study, images):
    own = STUDY | {"datasets": {"own": {"loader": "npz", "source": "images.npz"}}}
    (study / "own.yaml").write_text(yaml.safe_dump(own))
    (study / "images.npz").write_bytes((images / "mine.npz").read_bytes())
    where = ["--snakefile", clone.path / "Snakefile", "--configfile", "own.yaml"]
    result = snakemake(study, "--cores", "2", *where, "--", "results/mine/datasets/own.h5")
    assert result.returncode == 0, result.stdout + result.stderr
    (study / "images.npz").unlink()
    assert rules_planned(study, *where, "--", "results/mine/samples/own/few.csv") == {"draw_sample": 1}


def test_the_last_lines_of_a_run_with_a_mistake_say_what_to_mend(clone, study):
    with h5py.File(study / "mine.h5", "r+") as file:
        file["layers/001_layer1"][3] = np.nan
    where = ["--snakefile", clone.path / "Snakefile", "--configfile", "mine.yaml"]
    result = snakemake(study, "--cores", "2", *where, "--", "depth")
    assert result.returncode != 0
    own = [line for line in result.stderr.splitlines() if line.startswith("error: compute_diagrams")]
    assert len(own) == 1
    assert re.search(r"model=mine sample=default layer=layer1: .*to be finite.*compute_diagrams/.*\.log\)$", own[0])
    assert "results missing: " in result.stderr
    assert "Mend that, and the same command makes them." in result.stderr


def test_the_last_lines_of_a_run_whose_job_was_killed_say_that_the_same_command_goes_on(clone, study):
    script = clone.path / "workflow/scripts/describe_model.py"
    text = script.read_text()
    script.write_text(
        text.replace("def main() -> None:\n", "import os\nos.kill(os.getpid(), 9)\n\n\ndef main() -> None:\n")
    )
    where = ["--snakefile", clone.path / "Snakefile", "--configfile", "mine.yaml"]
    result = snakemake(study, "--cores", "2", *where, "--", "results/mine/tables/mine/default.csv")
    script.write_text(text)
    assert result.returncode != 0
    assert "error: describe_model model=mine sample=default: ended without a last word" in result.stderr
    assert re.search(r"results missing: \S+\. The same command makes them\.$", result.stderr, flags=re.MULTILINE)
    assert snakemake(study, "--cores", "2", *where, "--", "results/mine/tables/mine/default.csv").returncode == 0
