"""What belongs to a release says one version, and what others' tools read here is what they expect."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.specifiers import SpecifierSet
from packaging.version import Version

import topodepth
from topodepth import cli
from topodepth.plan import Plan, configuration

ROOT = Path(__file__).parents[2]
FORMS = sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"))
# https://docs.github.com/en/communities/using-templates-to-encourage-useful-issues-and-pull-requests
FIELDS = {"markdown": {"value"}, "textarea": {"label"}, "input": {"label"}, "dropdown": {"label", "options"},
          "checkboxes": {"label", "options"}}  # fmt: skip


def read(name):
    return yaml.safe_load((ROOT / name).read_text())


def locked(name):
    lock = (ROOT / "requirements.lock").read_text()
    return re.search(rf"^{name}==(\S+)", lock, flags=re.MULTILINE)[1]


def test_all_that_names_the_version_names_the_same(capsys):
    version = topodepth.__version__
    assert str(Version(version)) == version
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "version" in project["project"]["dynamic"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "topodepth.__version__"}
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"topodepth {version}\n"
    citation = read("CITATION.cff")
    heading = re.search(r"^## (\S+), (\S+)$", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert (citation["version"], str(citation["date-released"])) == heading.groups()
    assert heading[1] == version
    page = (ROOT / "docs/deploy.md").read_text()
    assert {*re.findall(r"\bv\d+\.\d+\.\d+", page)} == {f"v{version}"}


def test_the_citation_has_what_the_format_asks_for():
    citation = read("CITATION.cff")
    assert {"cff-version", "message", "title", "authors"} <= {*citation}
    assert citation["license"] == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["license"]
    assert [author["family-names"] for author in citation["references"][0]["authors"]] == ["Magai", "Ayzenberg"]


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.name)
def test_forms_for_issues_are_forms(path):
    form = yaml.safe_load(path.read_text())
    assert {"name", "description", "body"} <= {*form} <= {"name", "description", "body", "labels", "title"}
    names = [field["id"] for field in form["body"] if field["type"] != "markdown"]
    assert len({*names}) == len(names)
    for field in form["body"]:
        assert {*field} <= {"type", "id", "attributes", "validations"}
        assert FIELDS[field["type"]] <= {*field["attributes"]}
    assert any(field.get("validations", {}).get("required") for field in form["body"])


def test_there_is_a_form_for_each_kind_of_issue():
    assert {path.stem for path in FORMS} == {"bug", "wrong_number", "addition"}


def test_hooks_before_a_commit_are_those_of_make_lint_at_the_locked_versions():
    repositories = read(".pre-commit-config.yaml")["repos"]
    versions = {each["hooks"][0]["id"].partition("-")[0]: each["rev"] for each in repositories}
    assert versions == {name: f"v{locked(name)}" for name in ("ruff", "snakefmt")}
    lint = re.search(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)[1]
    assert {"ruff check .", "ruff format --check ."} <= {*re.findall(r"\$\(BIN\)/(.*)", lint)}
    (formatted,) = re.findall(r"snakefmt --check (.*)", lint)
    pattern = next(each for each in repositories if each["hooks"][0]["id"] == "snakefmt")["hooks"][0]["files"]
    rules = [str(path.relative_to(ROOT)) for path in (ROOT / "workflow/rules").glob("*.smk")]
    for name in ("Snakefile", "workflow/Snakefile"):
        assert name in formatted.split()
        assert re.search(pattern, name)
    assert all(re.search(pattern, name) for name in rules)


def test_the_catalogue_finds_what_it_asks_for():
    """The standard usage of https://github.com/snakemake/snakemake-workflow-catalog, and what it formats."""
    usage = read(".snakemake-workflow-catalog.yml")["usage"]
    assert {*usage} == {"mandatory-flags", "software-stack-deployment", "report"}
    assert {*usage["mandatory-flags"]} == {"desc", "flags"}
    assert (ROOT / "config/README.md").is_file()
    for word in ("snakemake", "workflow"):  # by which it finds repositories
        assert word in (ROOT / "README.md").read_text().lower()
    files = [ROOT / "workflow/Snakefile", *(ROOT / "workflow/rules").glob("*.smk")]
    command = [Path(sys.executable).with_name("snakefmt"), "--check", "-v", *files]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["config/config.yaml", ".test/config/config.yaml"])
def test_configurations_that_are_deployed_can_be_planned(name):
    config = configuration.laid_over(ROOT, read(name))
    plan = Plan(configuration.complete(config, ROOT / "workflow/schemas/config.schema.yaml"))
    assert plan.of("depth")


def test_links_of_the_readme_of_the_configuration_and_of_deployment_lead_somewhere():
    for page in (ROOT / "config/README.md", ROOT / "docs/deploy.md"):
        links = [link for link in re.findall(r"\]\(([^)#]+)", page.read_text()) if "://" not in link]
        assert links
        for link in links:
            assert (page.parent / link).exists(), f"{page}: {link}"


def test_an_image_gets_what_it_copies_and_nothing_else():
    ignored = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    copied = re.findall(r"^COPY (\S+)", (ROOT / "envs/Dockerfile").read_text(), flags=re.MULTILINE)
    assert ignored == ["*", *(f"!{name}" for name in copied)]
    version = re.search(r"^FROM python:(\d+\.\d+)", (ROOT / "envs/Dockerfile").read_text(), flags=re.MULTILINE)[1]
    supported = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert SpecifierSet(supported).contains(f"{version}.0")
