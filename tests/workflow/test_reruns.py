"""A job runs again when its inputs, its parameters or its logic changed, and for no other reason."""

import os

import pytest

pytestmark = pytest.mark.xdist_group("workflow")

FIGURES = {"draw_depth", "draw_depth_models", "draw_dimension", "draw_training"}
AGGREGATES = {"join_depth_tables", "join_histories"} | FIGURES


def rules(jobs):
    return {rule for rule, _ in jobs}


def of_model(jobs, model):
    return {rule for rule, wildcards in jobs if f"model={model}" in wildcards.split(", ")}


def test_a_finished_run_moved_elsewhere_has_nothing_to_do(repository):
    assert repository.planned() == set()


def test_comments_docstrings_and_layout_change_nothing(repository):
    repository.edit("src/topodepth/homology.py", '"""', '"""Another first line. ')
    for name in ("homology.py", "training.py", "storage.py", "architectures/vgg.py", "figures/depth.py"):
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


def test_a_models_parameter_changes_its_chain_and_the_aggregates_no_more(repository):
    config = repository.configure(lambda config: config["models"]["vgg"].update(seed=7))
    jobs = repository.planned(config=config)
    chain = {"train_model", "extract_activations", "compute_diagrams", "estimate_dimensions", "describe_model"}
    assert of_model(jobs, "vgg") == chain | {"tabulate_diagrams", "draw_diagrams"}
    assert not any("resnet" in wildcards for _, wildcards in jobs)
    assert rules(jobs) - of_model(jobs, "vgg") == AGGREGATES | {"all", "provenance"}


def test_a_changed_function_in_homology_changes_diagrams_and_after_but_no_training(repository):
    repository.edit("src/topodepth/homology.py", "weights.sort()", "weights.sort(kind='stable')")
    changed = rules(repository.planned())
    assert {"compute_diagrams", "describe_model", "join_depth_tables", "draw_depth"} <= changed
    assert not {"prepare_dataset", "draw_sample", "train_model", "extract_activations"} & changed


def test_an_edited_architecture_changes_its_own_models_only(repository):
    path = repository.path / "src/topodepth/architectures/vgg.py"
    path.write_text(path.read_text() + "\nREMARK = 1\n")
    jobs = repository.planned()
    assert "train_model" in of_model(jobs, "vgg")
    assert of_model(jobs, "resnet") == set()


def test_a_changed_figure_draws_that_figure_only(repository):
    path = repository.path / "src/topodepth/figures/training.py"
    path.write_text(path.read_text() + "\nREMARK = 1\n")
    jobs = repository.planned()
    assert jobs - {("all", "")} == {("draw_training", "comparison=pair")}


def test_a_model_added_trains_only_itself(repository):
    def add(config):
        config["models"]["vgg_small"] = {**config["models"]["vgg"], "architecture": "vgg", "width": 3}
        config["experiments"]["depth"][0]["models"].append("vgg_small")

    jobs = repository.planned(config=repository.configure(add))
    assert {wildcards for rule, wildcards in jobs if rule == "train_model"} == {"model=vgg_small"}
    assert of_model(jobs, "vgg") == of_model(jobs, "resnet") == set()


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
