"""A job runs again when its inputs, its parameters or its logic changed, and for no other reason: docs/reruns.md."""

import ast
import os
import random
import re
import shutil

import h5py
import numpy as np
import pytest

from tests.workflow import test_reruns_plugins
from tests.workflow.conftest import ROOT, Repository
from topodepth.files import hdf5, texts

pytestmark = pytest.mark.xdist_group("workflow")

FIGURES = {"draw_depth", "draw_depth_models", "draw_dimension", "draw_training"}
AGGREGATES = {"join_depth_tables", "join_histories", "tabulate_accuracy", "summarize_depth"} | FIGURES
PROVENANCE = {"all", "list_provenance", "provenance"}
NETWORKS = {"train_model", "evaluate_model", "extract_activations", "attack_model"}
LAYERS = {"compute_diagrams", "compute_attacked_diagrams", "estimate_dimensions", "compare_spoofs"}


def rules(jobs):
    return {rule for rule, _ in jobs}


def of_model(jobs, model):
    return {rule for rule, wildcards in jobs if f"model={model}" in wildcards.split(", ")}


def change_logic(repository, module):
    """Change what all functions of a module do, as a digest sees it."""
    path = repository.path / "src/topodepth" / module
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.body.append(ast.parse("REMARK = 1").body[0])
    path.write_text(ast.unparse(tree))


def test_every_line_of_the_table_in_the_documentation_has_its_test():
    text = (ROOT / "docs/reruns.md").read_text()
    named = re.findall(r"^\| .+ \| .+ \| `(test_\w+)` \|$", text, flags=re.MULTILINE)
    own = "test_every_line_of_the_table_in_the_documentation_has_its_test"
    assert len(named) >= 20
    known = {name for name in {**globals(), **vars(test_reruns_plugins)} if name.startswith("test_")}
    assert sorted(named) == sorted(known - {own, "test_reruns_plugins"})


def test_a_finished_run_moved_elsewhere_has_nothing_to_do(repository):
    assert repository.planned() == set()


def test_a_fresh_clone_with_results_copied_in_has_nothing_to_do(finished, tmp_path):
    """A clone gives its files times of its own, in any order."""
    copy = Repository(tmp_path / "clone")
    shutil.copytree(finished.path, copy.path)
    files = sorted(path for part in ("src", "workflow", "profiles") for path in (copy.path / part).rglob("*"))
    random.Random(0).shuffle(files)
    for age, path in enumerate([*files, *copy.path.glob("*.*")]):
        os.utime(path, (2e9 - age, 2e9 - age))
    assert copy.planned() == set()


def test_results_copied_without_their_times_measure_again_only_what_reads_folders(finished, tmp_path):
    """Snakemake has no checksum of a folder: those of snapshots and of attacked activations."""
    copy = Repository(tmp_path / "clone")
    shutil.copytree(finished.path, copy.path)
    files = sorted(path for path in (copy.path / "results").rglob("*"))
    random.Random(0).shuffle(files)
    for age, path in enumerate(files):
        os.utime(path, (2e9 - age, 2e9 - age))
    jobs = copy.planned()
    assert not {"prepare_dataset", "draw_sample", "train_model", "attack_model"} & rules(jobs)
    measured = {wildcards for rule, wildcards in jobs if rule in NETWORKS | LAYERS}
    assert all(re.match(r"model=\w+@(\d{4}|attack\.)|attack=", wildcards) for wildcards in measured)


def test_comments_docstrings_and_layout_change_nothing(repository):
    repository.edit("src/topodepth/homology/rips.py", '"""', '"""Another first line. ')
    names = ("homology/rips.py", "training/training.py", "files/storage.py", "architectures/vgg.py", "figures/depth.py")
    for name in names:
        path = repository.path / "src/topodepth" / name
        path.write_text(path.read_text() + "\n\n# a closing remark\n")
    assert repository.planned() == set()


def test_a_touched_file_changes_nothing(repository):
    for pattern in (
        "results/tiny/datasets/*.h5",
        "results/tiny/models/*/*",
        "results/tiny/diagrams/*/*/*",
        "src/**/*.py",
    ):
        for path in repository.path.glob(pattern):
            os.utime(path)
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
CAUSES_OF_TRAINING = {"training", "networks/batches", "architectures", "datasets", "files", "registry",
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
        if path.name not in ("assets.py", "verdicts.py"):
            text = text.replace(". Received: ", ". Got: ").replace('help="', 'help="In short: ')
        path.write_text(text)
    repository.edit("src/topodepth/errors.py", "names = sorted(", "names = list(")
    repository.edit("workflow/scripts/extract_activations.py", "%s: %d points", "%s: made, with %d points")
    assert repository.planned() == set()


def test_an_edited_function_changes_the_jobs_that_reach_it_only(repository):
    """Beside it in the same file lies what all tables are made of."""
    repository.edit("src/topodepth/tables/tables.py", "np.linspace(0, last * 1.02", "np.linspace(0, last * 1.03")
    assert {"tabulate_diagrams"} <= rules(repository.planned()) <= {"tabulate_diagrams", "draw_diagrams"} | PROVENANCE


def test_a_models_parameter_changes_its_chain_and_the_aggregates_no_more(repository):
    config = repository.configure(lambda config: config["models"]["vgg"].update(seed=7))
    jobs = repository.planned(config=config)
    chain = {"train_model", "extract_activations", "compute_diagrams", "estimate_dimensions", "describe_model"}
    assert of_model(jobs, "vgg") == chain | {"tabulate_diagrams", "draw_diagrams"}
    assert not any("resnet" in wildcards for _, wildcards in jobs)
    spoofing = {"join_spoofs", "draw_spoofing_growth", "draw_spoofing_layers"}
    assert of_model(jobs, "vgg@spoof.digits") == {"extract_activations", "compare_spoofs"}
    others = {rule for rule, wildcards in jobs if "model=vgg" not in wildcards}
    assert others == AGGREGATES | spoofing | PROVENANCE


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


def test_a_model_added_trains_only_itself(repository):
    def add(config):
        config["models"]["vgg_small"] = {**config["models"]["vgg"], "architecture": "vgg", "width": 3}
        config["experiments"]["depth"][0]["models"].append("vgg_small")

    jobs = repository.planned(config=repository.configure(add))
    assert {wildcards for rule, wildcards in jobs if rule == "train_model"} == {"model=vgg_small"}
    assert of_model(jobs, "vgg") == of_model(jobs, "resnet") == set()


def test_a_model_removed_changes_the_aggregates_only(repository):
    def remove(config):
        del config["models"]["vgg"]
        config["experiments"]["depth"][0]["models"] = ["resnet"]
        config["experiments"]["spoofing"] = []

    jobs = repository.planned(config=repository.configure(remove))
    assert "join_depth_tables" in rules(jobs)
    assert rules(jobs) <= AGGREGATES | PROVENANCE


def test_a_renamed_model_is_a_new_one(repository):
    def rename(config):
        config["models"]["small"] = {**config["models"].pop("vgg"), "architecture": "vgg"}
        config["experiments"]["depth"][0]["models"] = ["small", "resnet"]
        config["experiments"]["spoofing"][0]["models"] = ["small"]

    jobs = repository.planned(config=repository.configure(rename))
    assert {"train_model", "extract_activations", "compute_diagrams"} <= of_model(jobs, "small")
    assert of_model(jobs, "resnet") == set()


def test_another_label_of_a_model_draws_only(repository):
    jobs = repository.planned(config=repository.configure(lambda config: config["models"]["vgg"].update(label="Mine")))
    assert {"draw_depth", "draw_diagrams"} <= rules(jobs)
    assert {rule for rule in rules(jobs) - PROVENANCE if not rule.startswith("draw_")} <= {
        "join_spoofs",
        "tabulate_accuracy",
        "summarize_depth",
    }


def test_a_model_file_replaced_by_another_is_measured_again_and_by_its_like_is_not(repository):
    """The files are networks that the run trained; one is brought in under a name of its own."""
    made = repository.path / "results/tiny/models"
    first, second = made / "grid@depth1-label_noise0/model.keras", made / "grid@depth1-label_noise0.5/model.keras"
    assert first.read_bytes() != second.read_bytes()
    mine = repository.path / "mine.keras"
    shutil.copy(first, mine)

    def bring(config):
        config["models"]["mine"] = {"file": "mine.keras", "dataset": "digits", "layers": ["logits"]}
        config["experiments"]["depth"].append({"name": "mine", "models": ["mine"]})

    config, table = repository.configure(bring), "results/tiny/tables/mine/default.csv"
    result = repository.snakemake("--cores", "2", table, config=config)
    assert result.returncode == 0, result.stdout + result.stderr
    mine.write_bytes(first.read_bytes())
    assert repository.planned(table, config=config) == set()
    mine.write_bytes(second.read_bytes())
    jobs = repository.planned(table, config=config)
    assert rules(jobs) == {"extract_activations", "compute_diagrams", "estimate_dimensions", "describe_model"}
    assert of_model(jobs, "mine") == rules(jobs)


def test_a_layer_added_measures_that_model_again_and_trains_nothing(repository):
    config = repository.configure(lambda config: config["models"]["vgg"]["layers"].append("block2_conv1"))
    jobs = repository.planned(config=config)
    assert {"extract_activations", "compute_diagrams", "describe_model"} <= of_model(jobs, "vgg")
    assert "train_model" not in rules(jobs)
    assert of_model(jobs, "resnet") == set()


def test_another_line_in_a_file_of_positions_measures_again_and_trains_nothing(repository):
    def listed(config):
        config["samples"]["default"] |= {"split": "train", "indices": "positions.txt"}
        config["experiments"] |= {kind: [] for kind in ("dynamics", "generalization", "adversarial", "spoofing")}

    positions = repository.path / "positions.txt"
    with hdf5.open_h5(repository.path / "results/tiny/datasets/digits.h5") as file:
        of_train = file["train/positions"][:121]  # the test images are drawn from the same source
    positions.write_text("\n".join(map(str, of_train[:120])))
    config = repository.configure(listed, "listed.yaml")
    result = repository.snakemake("--cores", "2", "--until", "extract_activations", config=config)
    assert result.returncode == 0, result.stdout + result.stderr
    drawn = texts.read_indices(repository.path / "results/tiny/samples/digits/default.csv")
    assert drawn.tolist() == list(range(120))
    until = ("--until", "extract_activations")
    assert repository.planned(*until, config=config) == set()
    positions.write_text("\n".join(map(str, of_train[1:])))
    assert rules(repository.planned(*until, config=config)) == {"draw_sample", "extract_activations"}


def test_more_points_per_class_change_diagrams_and_after_only(repository):
    config = repository.configure(lambda config: config["samples"]["default"].update(points=14))
    jobs = repository.planned(config=config)
    assert "compute_diagrams" in rules(jobs)
    assert not (NETWORKS | {"draw_sample", "estimate_dimensions"}) & rules(jobs)
    assert all("sample=default" in wildcards for rule, wildcards in jobs if rule == "compute_diagrams")


def test_a_new_homology_dimension_spares_the_activations(repository):
    jobs = repository.planned(config=repository.configure(lambda config: config.update(topology={"max_dim": 2})))
    assert {"compute_diagrams", "describe_model"} <= rules(jobs)
    assert not (NETWORKS | {"estimate_dimensions"}) & rules(jobs)


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


def test_a_data_set_downloaded_again_with_the_same_content_changes_nothing(repository):
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (120, 8, 8, 1), np.uint8), np.arange(120) % 3
    np.savez(repository.path / "mirror.npz", images=images, labels=labels)

    def bring(config):
        config["assets"] = {"mine": {"file": "mine.npz", "path": "mirror.npz"}}
        config["datasets"]["mine"] = {"loader": "npz", "assets": ["mine"]}

    config, made = repository.configure(bring), ["resources/mine.npz", "results/tiny/datasets/mine.h5"]
    result = repository.snakemake("--cores", "2", *made, config=config)
    assert result.returncode == 0, result.stdout + result.stderr
    (repository.path / made[0]).unlink()
    assert repository.planned(made[1], config=config) == set()
    assert repository.snakemake("--cores", "2", made[0], config=config).returncode == 0
    assert repository.planned(*made, config=config) == set()


def test_a_null_model_with_more_draws_spares_the_networks(repository):
    jobs = repository.planned(config=repository.configure(lambda config: config.update(topology={"null_draws": 4})))
    assert "compute_diagrams" in rules(jobs)
    assert not {"train_model", "extract_activations", "estimate_dimensions"} & rules(jobs)


def test_a_descriptors_parameter_spares_the_diagrams(repository):
    jobs = repository.planned(config=repository.configure(lambda config: config.update(topology={"alpha": 2.0})))
    assert "describe_model" in rules(jobs)
    assert not {"compute_diagrams", "estimate_dimensions", "extract_activations"} & rules(jobs)


def test_another_seed_of_a_model_trains_only_itself(repository):
    first = repository.configure(lambda config: config["models"]["vgg"].update(seeds=[0]))
    assert repository.snakemake("--cores", "2", config=first).returncode == 0
    second = repository.configure(lambda config: config["models"]["vgg"].update(seeds=[0, 1]), "more.yaml")
    jobs = repository.planned(config=second)
    assert {wildcards for rule, wildcards in jobs if rule == "train_model"} == {"model=vgg@s1"}
    assert of_model(jobs, "vgg@s0") == set()
    assert "join_depth_tables" in rules(jobs)
