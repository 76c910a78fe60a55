"""Users' files with @register: through every way in, in tables and figures, one line for what goes wrong in them."""

import json
import re
import subprocess
import sys

import pytest
import yaml

from tests.workflow.conftest import ROOT, copy_repository
from tests.workflow.preloaded import snakemake
from tests.workflow.test_doors import SNIPPET, STUDY, last_line, study  # noqa: F401
from topodepth.files import texts

DESCRIPTOR, ESTIMATOR = re.findall(r"```python\n(.*?)```", (ROOT / "docs/plugins.md").read_text(), re.DOTALL)[:2]
TRUSTED = [{"file": "code/bars.py", "trust": True}, {"file": "code/spread.py", "trust": True}]
OWN = STUDY | {
    "plugins": TRUSTED,
    "topology": {"null_draws": 1, "descriptors": ["median_bar"], "parameters": {"median_bar": {"least": 0.1}}},
    "dimension": {"estimators": ["pca_dimension"], "parameters": {"pca_dimension": {"share": 1.0}}},
}
TABLE = "results/mine/tables/mine/default.csv"


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    return copy_repository(tmp_path_factory.mktemp("plugins") / "a clone")


@pytest.fixture
def own(study):  # noqa: F811
    """A study with two files of its own."""
    (study / "code").mkdir()
    (study / "code/bars.py").write_text(DESCRIPTOR)
    (study / "code/spread.py").write_text(ESTIMATOR)
    configure(study)
    return study


def configure(folder, **changes):
    (folder / "mine.yaml").write_text(yaml.safe_dump(OWN | changes))
    (folder / "study.yaml").write_text(yaml.safe_dump({"topodepth": OWN | changes}))


def run(clone, folder, *arguments):
    where = ["--snakefile", clone.path / "Snakefile", "--configfile", "mine.yaml"]
    return snakemake(folder, "--cores", "2", *where, *arguments)


def check_table(folder):
    """The points are normal in 4 and 5 dimensions, all of which it takes to explain all variance."""
    table = texts.read_table(folder / TABLE).set_index(["descriptor", "layer"])
    assert table.loc["pca_dimension", "value"].tolist() == [4.0, 5.0]
    assert set(table.loc["median_bar", "homology_dimension"]) == {0, 1}
    h0 = table.loc["median_bar"][table.loc["median_bar", "homology_dimension"] == 0]
    assert (h0["value"] > 0.1).all()
    assert h0["null_value"].notna().all()


def test_entries_of_a_users_files_are_measured_drawn_told_and_recorded(clone, own):
    result = run(clone, own, "--", "all")
    assert result.returncode == 0, result.stdout + result.stderr
    check_table(own)
    folder = own / "results/mine/depth/mine"
    assert {"depth.png", "depth_models.png", "dimension.png"} <= {path.name for path in folder.iterdir()}
    assert "median bar" in (folder / "depth.svg").read_text()
    assert "pca dimension" in (folder / "dimension.svg").read_text().lower()
    assert "median bar of H_0" in (folder / "summary.html").read_text()
    record = own / "results/mine/provenance.json"
    assert {"plugin code/bars.py", "plugin code/spread.py"} <= set(json.loads(record.read_text())["code"])
    assert checked(clone, own).returncode == 0
    (own / "code/bars.py").write_text(DESCRIPTOR.replace("> least", ">= least"))
    (own / "code/spread.py").unlink()
    told = checked(clone, own).stderr
    assert told.count("code, plugin code/bars.py: ") == 1
    assert re.search(r"code, plugin code/spread.py: [0-9a-f+]+ recorded, absent here", told)
    assert "2 differences" in told


def checked(clone, folder):
    script = clone.path / "workflow/scripts/check_provenance.py"
    command = [sys.executable, str(script), "--provenance", "results/mine/provenance.json", "--config", "again.json"]
    environment = {"PYTHONPATH": str(clone.path / "src"), "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("way", ["directory", "module"])
def test_the_files_are_found_from_every_way_in_whatever_their_names(clone, own, way):
    name = "code/it's {mine}; touch $HOME *.py"
    (own / "code/bars.py").rename(own / name)
    configure(own, plugins=[{"file": name, "trust": True}, TRUSTED[1]])
    if way == "directory":
        where = ["--directory", own, "--configfile", own / "mine.yaml"]
        result = snakemake(clone.path, "--cores", "2", *where, "--", TABLE)
    else:
        text = SNIPPET.replace("path/to/topodepth/workflow/Snakefile", str(clone.path / "workflow/Snakefile"))
        (own / "Snakefile").write_text(text)
        result = snakemake(own, "--cores", "2", "--configfile", "study.yaml", "--", TABLE)
    assert result.returncode == 0, result.stdout + result.stderr
    check_table(own)


def test_without_trust_nothing_runs(clone, own):
    (own / "code/bars.py").write_text("open('ran.txt', 'w').close()\n" + DESCRIPTOR)
    configure(own, plugins=["code/bars.py", TRUSTED[1]])
    result = run(clone, own, "--", TABLE)
    assert result.returncode != 0
    told = last_line(result.stderr)
    assert told.startswith("error: config key 'plugins.0': code/bars.py is a program, and would run with your rights")
    assert "{file: code/bars.py, trust: true}" in told
    assert "Traceback" not in result.stderr
    assert not (own / "ran.txt").exists()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("import numpy", "import nampy", r"plugin code/bars.py, line 1: ModuleNotFoundError: No module named 'nampy'"),
        (
            "np.median(lengths)",
            "np.median(length)",
            r"model mine, layer layer0: descriptor 'median_bar' of plugin code/bars.py, line 11: "
            r"NameError: name 'length' is not defined",
        ),
    ],
)
def test_a_mistake_in_a_file_is_the_last_word_of_its_job(clone, own, old, new, message):
    (own / "code/bars.py").write_text(DESCRIPTOR.replace(old, new, 1))
    result = run(clone, own, "--", TABLE)
    assert result.returncode != 0
    assert re.search(rf"^error: describe_model model=mine sample=default: {message}", result.stderr, re.MULTILINE)
    log = (own / "results/mine/logs/describe_model/mine-default.log").read_text()
    assert len(log.strip().splitlines()) == 1


def test_a_mistake_in_its_syntax_ends_the_plan(clone, own):
    (own / "code/bars.py").write_text(DESCRIPTOR.replace("def median_bar(", "def median_bar(("))
    result = run(clone, own, "--dry-run", "--", TABLE)
    assert result.returncode != 0
    assert last_line(result.stderr).startswith("error: config key 'plugins.0': code/bars.py, line 7: SyntaxError: ")
    assert "Traceback" not in result.stderr
