"""What the jobs of a run really enter of the library is in the digest of their code."""

import pytest

from topodepth.jobs import reach

# the import of a module with a registry makes it, and on what it holds depends only who asks it; every `from topodepth
# import room` asks the package first, which answers with a public name or with none
APART = {("topodepth.registry", "Registry"), ("topodepth", "__getattr__")}
TRAJECTORY = "models/cnn/trajectory.json"


def entered(repository):
    """Return the definitions that each script entered in the tiny run: ``{script: {(module, name)}}``."""
    found = {}
    for path in (repository.path / "entered").iterdir():
        lines = path.read_text().splitlines()
        found.setdefault(path.name.split(".")[0], set()).update(tuple(line.split(" ")) for line in lines)
    return found


@pytest.fixture
def all_logic(monkeypatch):
    """What a script reaches, functions that are held by tests and all that these reach too."""
    monkeypatch.setattr(reach, "HELD", "NOTHING")
    reach.module.cache_clear()
    yield lambda script: {*reach.reached(reach.SOURCE.parent / "workflow/scripts" / f"{script}.py")}
    reach.module.cache_clear()


def test_every_definition_that_a_job_enters_is_in_its_digest(finished, all_logic):
    jobs = entered(finished)
    scripts = {path.stem for path in (finished.path / "workflow/scripts").glob("*.py")}
    never_in_this_run = {
        "check_activations",
        "check_provenance",
        "draw_bars",  # see below
        "fetch_asset",
        "find_layers",
        "list_bars",
        "measure_trajectory",
        "tabulate_times",
        "unpack_asset",
    }  # fmt: skip; layers are found of PyTorch models, see tests/torch/test_workflow.py
    assert {*jobs} == scripts - never_in_this_run
    assert sum(map(len, jobs.values())) > 500
    assert not missed(jobs, all_logic)


def test_so_it_is_of_jobs_that_have_to_be_asked_for(repository, all_logic):
    config = repository.configure(ask_for_more, "more.yaml")
    targets = [f"results/tiny/{name}" for name in ("depth/one/bars.csv", "depth/one/bars/cnn.png", TRAJECTORY)]
    repository.make_recorded("--cores", "2", "--", *targets, config=config)
    jobs = entered(repository)
    assert {"draw_bars", "list_bars", "measure_trajectory"} <= {*jobs}
    assert not missed(jobs, all_logic)


def ask_for_more(config):
    own = {"dataset": "digits", "architecture": "cnn", "width": 4, "depth": 1, "seeds": [], "layers": ["logits"]}
    config["models"]["cnn"] = own | {"training": {"trajectory_every": 2}}
    config["experiments"]["depth"].append({"name": "one", "models": ["cnn"], "bars": 1})


def missed(jobs, all_logic):
    """Return the definitions that scripts entered and their digests leave out."""
    found = {
        script: sorted(name for name in names - all_logic(script) - APART if name[0] != reach.MESSAGES)
        for script, names in jobs.items()
    }
    return {script: names for script, names in found.items() if names}
