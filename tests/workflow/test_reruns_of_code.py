"""A job runs again when the logic of its code changed, and for no other change of code: docs/reruns.md."""

import ast

import h5py
import numpy as np

from tests.workflow.planned import NETWORKS, PROVENANCE, of_model, rules


def change_logic(repository, module):
    """Change what all functions of a module do, as a digest sees it."""
    path = repository.path / "src/topodepth" / module
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.body.append(ast.parse("REMARK = 1").body[0])
    path.write_text(ast.unparse(tree))


def test_comments_docstrings_and_layout_change_nothing(repository):
    repository.edit("src/topodepth/homology/rips.py", '"""', '"""Another first line. ')
    names = ("homology/rips.py", "training/training.py", "files/storage.py", "architectures/vgg.py", "figures/depth.py")
    for name in names:
        path = repository.path / "src/topodepth" / name
        path.write_text(path.read_text() + "\n\n# a closing remark\n")
    assert repository.planned() == set()


def test_a_branch_switched_to_and_back_has_nothing_to_do(repository):
    changed = [
        repository.path / "src/topodepth" / name
        for name in ("training/training.py", "topology/clouds.py", "figures/depth.py")
    ]
    before = {path: path.read_text() for path in changed}
    for path in changed:
        change_logic(repository, path)
    assert {"train_model", "compute_diagrams", "draw_depth"} <= rules(repository.planned())
    for path in changed:
        path.write_text(before[path])
    assert repository.planned() == set()


# of training, and of the data set and the sample
CAUSES_OF_TRAINING = {"training", "networks/batches", "architectures", "datasets", "files", "registry", "plugins",
                      "jobs/commands"}  # fmt: skip


def test_training_survives_changes_of_everything_that_is_not_its_cause(repository):
    package = repository.path / "src/topodepth"
    modules = [path.relative_to(package) for path in package.rglob("*.py")]
    others = [
        path for path in modules
        if not {path.parts[0].removesuffix(".py"), path.with_suffix("").as_posix()} & CAUSES_OF_TRAINING
    ]  # fmt: skip
    assert len(others) > 90
    for path in others:
        change_logic(repository, path)
    changed = rules(repository.planned())
    assert {"compute_diagrams", "describe_model", "draw_depth"} <= changed
    assert not {"prepare_dataset", "draw_sample", "train_model"} & changed


def test_another_wording_changes_nothing(repository):
    """Of errors, of log lines, and of the help of every command."""
    package = repository.path / "src/topodepth"
    for path in [*package.rglob("*.py"), *(repository.path / "workflow/scripts").glob("*.py")]:
        text = path.read_text()
        if path.name not in ("assets.py", "verdicts.py", "_array_pickle.py"):
            text = text.replace(". Received: ", ". Got: ").replace('help="', 'help="In short: ')
        path.write_text(text)
    repository.edit("src/topodepth/errors.py", "names = sorted(", "names = list(")
    repository.edit("workflow/scripts/extract_activations.py", "%s: %d points", "%s: made, with %d points")
    assert repository.planned() == set()


def test_an_edited_function_changes_the_jobs_that_reach_it_only(repository):
    """Beside it in the same file lies what all tables are made of."""
    repository.edit("src/topodepth/tables/tables.py", "np.linspace(0, last * 1.02", "np.linspace(0, last * 1.03")
    assert {"tabulate_diagrams"} <= rules(repository.planned()) <= {"tabulate_diagrams", "draw_diagrams"} | PROVENANCE


def test_a_changed_function_in_homology_changes_diagrams_and_after_but_no_training(repository):
    change_logic(repository, "homology/rips.py")
    changed = rules(repository.planned())
    assert {"compute_diagrams", "describe_model", "join_depth_tables", "draw_depth"} <= changed
    assert not {"prepare_dataset", "draw_sample"} & changed
    assert not NETWORKS & changed


def test_an_edited_architecture_changes_its_own_models_only(repository):
    change_logic(repository, "architectures/vgg.py")
    jobs = repository.planned()
    assert "train_model" in of_model(jobs, "vgg")
    assert of_model(jobs, "resnet") == set()


def test_a_changed_figure_draws_that_figure_only(repository):
    change_logic(repository, "figures/training.py")
    jobs = repository.planned()
    assert {job for job in jobs if job[0] not in PROVENANCE} == {("draw_training", "comparison=pair")}


NEW_DESCRIPTOR = """

@register("number_of_bars")
def number_of_bars(diagram: np.ndarray) -> float:
    return float(len(diagram))
"""


def test_a_new_descriptor_spares_diagrams_and_dimensions(repository):
    path = repository.path / "src/topodepth/topology/descriptors.py"
    path.write_text(path.read_text() + NEW_DESCRIPTOR)
    jobs = repository.planned()
    assert "describe_model" in rules(jobs)
    assert not (NETWORKS | {"compute_diagrams", "estimate_dimensions"}) & rules(jobs)


def test_a_new_descriptor_that_is_selected_spares_diagrams_and_dimensions(repository):
    path = repository.path / "src/topodepth/topology/descriptors.py"
    path.write_text(path.read_text() + NEW_DESCRIPTOR)
    names = ["lifespan_sum", "number_of_bars"]
    config = repository.configure(lambda config: config.update(topology={"descriptors": names}))
    jobs = repository.planned(config=config)
    assert {"describe_model", "draw_depth"} <= rules(jobs)
    assert not (NETWORKS | {"compute_diagrams", "estimate_dimensions"}) & rules(jobs)


def test_a_changed_descriptor_changes_the_tables_and_spares_diagrams_and_dimensions(repository):
    repository.edit("src/topodepth/topology/descriptors.py", "float(weight * np.sum(", "float(1.0 * weight * np.sum(")
    jobs = repository.planned()
    assert {"describe_model", "draw_depth"} <= rules(jobs)
    assert not (NETWORKS | {"compute_diagrams", "estimate_dimensions"}) & rules(jobs)


def test_code_of_networks_spares_activations_that_were_brought(repository):
    """Reading activations needs no code of training, data sets or extraction, so their diagrams stay."""
    rng = np.random.default_rng(0)
    with h5py.File(repository.path / "mine.h5", "w") as file:
        file["layers/000_first"] = rng.normal(size=(60, 3))
        file["labels"] = np.arange(60) % 3

    def bring(config):
        config["activations"] = {"mine": {"file": "mine.h5"}}
        config["experiments"]["depth"] = [{"name": "mine", "models": ["mine"]}]

    config, table = repository.configure(bring), "results/tiny/tables/mine/default.csv"
    result = repository.snakemake("--cores", "2", table, config=config)
    assert result.returncode == 0, result.stdout + result.stderr
    for module in (
        "training/training.py",
        "training/augmentation.py",
        "activations/extraction.py",
        "networks/models.py",
        "datasets/_loading.py",
    ):
        change_logic(repository, module)
    assert repository.planned(table, config=config) == set()
    change_logic(repository, "activations/file.py")
    assert "compute_diagrams" in rules(repository.planned(table, config=config))


def test_another_lock_file_is_recorded_and_runs_nothing_else(repository):
    path = repository.path / "requirements.lock"
    path.write_text(path.read_text().replace("\nnumpy==", "\n# numpy\nnumpy=="))
    assert rules(repository.planned()) == PROVENANCE
