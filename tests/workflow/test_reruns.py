"""A job runs again when its inputs or its parameters changed, and for no other reason: docs/reruns.md."""

import os
import random
import re
import shutil
from pathlib import Path

import numpy as np

from tests.workflow.conftest import ROOT
from tests.workflow.planned import AGGREGATES, LAYERS, NETWORKS, PROVENANCE, of_model, rules
from topodepth.files import hdf5, texts


def test_every_line_of_the_table_in_the_documentation_has_its_test():
    text = (ROOT / "docs/reruns.md").read_text()
    named = re.findall(r"^\| .+ \| .+ \| `(test_\w+)` \|$", text, flags=re.MULTILINE)
    files = Path(__file__).parent.glob("test_reruns*.py")
    tests = re.findall(r"^def (test_\w+)", "\n".join(path.read_text() for path in files), flags=re.MULTILINE)
    tests.remove("test_every_line_of_the_table_in_the_documentation_has_its_test")
    assert len(named) >= 20
    assert sorted(named) == sorted(tests)


def test_a_finished_run_moved_elsewhere_has_nothing_to_do(repository):
    assert repository.planned() == set()


def test_a_fresh_clone_with_results_copied_in_has_nothing_to_do(repository):
    """A clone gives its files times of its own, in any order."""
    files = sorted(path for part in ("src", "workflow", "profiles") for path in (repository.path / part).rglob("*"))
    random.Random(0).shuffle(files)
    for age, path in enumerate([*files, *repository.path.glob("*.*")]):
        os.utime(path, (2e9 - age, 2e9 - age))
    assert repository.planned() == set()


def test_results_copied_without_their_times_measure_again_only_what_reads_folders(repository):
    """Snakemake has no checksum of a folder: those of snapshots and of attacked activations."""
    files = sorted(path for path in (repository.path / "results").rglob("*"))
    random.Random(0).shuffle(files)
    for age, path in enumerate(files):
        os.utime(path, (2e9 - age, 2e9 - age))
    jobs = repository.planned()
    assert not {"prepare_dataset", "draw_sample", "train_model", "attack_model"} & rules(jobs)
    measured = {wildcards for rule, wildcards in jobs if rule in NETWORKS | LAYERS}
    assert all(re.match(r"model=\w+@(\d{4}|attack\.)|attack=", wildcards) for wildcards in measured)


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


def test_a_models_parameter_changes_its_chain_and_the_aggregates_no_more(repository):
    config = repository.configure(lambda config: config["models"]["vgg"].update(seed=7))
    jobs = repository.planned(config=config)
    chain = {"train_model", "extract_activations", "compute_diagrams", "estimate_dimensions", "describe_model"}
    assert of_model(jobs, "vgg") == chain | {"tabulate_diagrams", "draw_diagrams", "show_layers"}
    assert not any("resnet" in wildcards for _, wildcards in jobs)
    spoofing = {"join_spoofs", "draw_spoofing_growth", "draw_spoofing_layers"}
    assert of_model(jobs, "vgg@spoof.digits") == {"extract_activations", "compare_spoofs"}
    others = {rule for rule, wildcards in jobs if "model=vgg" not in wildcards}
    assert others == AGGREGATES | spoofing | PROVENANCE


def test_another_device_makes_no_result_again(repository):
    config = repository.configure(lambda config: [each.update(device="cuda") for each in config["samples"].values()])
    assert rules(repository.planned(config=config)) <= PROVENANCE


def test_other_panels_draw_their_figures_only(repository):
    panels = ["longest_bar H1", "two_nn"]
    jobs = repository.planned(config=repository.configure(lambda config: config.update(figures={"panels": panels})))
    figures = {"draw_depth", "draw_depth_models", "draw_dynamics", "draw_adversarial_depth", "draw_adversarial_success",
               "draw_generalization_scatter", "draw_generalization_forest", "draw_generalization_depth",
               "draw_spoofing_layers"}  # fmt: skip
    assert rules(jobs) - PROVENANCE == figures


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
        "explore",
        "join_spoofs",
        "tabulate_accuracy",
        "summarize_depth",
    }


def test_a_model_file_replaced_by_another_is_measured_again_and_by_its_like_is_not(repository):
    """The files are networks that the run trained; one is brought in under a name of its own."""
    made = repository.path / "results/tiny/models"
    first, second = (made / f"grid@depth1-label_noise{noise}-s0/model.keras" for noise in ("0", "0.5"))
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
        config["experiments"] = {"depth": config["experiments"]["depth"]}

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
    jobs = repository.planned(config=repository.configure(lambda config: config["models"]["grid"].update(seeds=[0, 1])))
    cells = [f"grid@depth{depth}-label_noise{noise}" for depth in (1, 2) for noise in ("0", "0.5")]
    assert {wildcards for rule, wildcards in jobs if rule == "train_model"} == {f"model={cell}-s1" for cell in cells}
    assert not any(of_model(jobs, f"{cell}-s0") for cell in cells)
    assert "join_generalization" in rules(jobs)
