"""The similarity experiment's plan: which networks are compared, and what is refused before any job runs."""

from pathlib import Path

import pytest
import yaml

from topodepth.errors import InputError
from topodepth.plan import Plan, configuration, similarity_megabytes

ROOT = Path(__file__).parents[2]
SMALL = {"dataset": "digits", "architecture": "cnn", "width": 4, "seeds": []}


def plan_of(further=None, **item):
    """The plan of one experiment on small models, and further ones."""
    given = yaml.safe_load((ROOT / "config.yaml").read_text())
    given["models"] = {"a": SMALL, "b": {**SMALL, "training": {"snapshots": [0, 2]}}, **(further or {})}
    given["experiments"] = {"similarity": [{"name": "mine", "models": ["a", "b"], **item}]}
    return Plan(configuration.complete(given, ROOT / "workflow/schemas/config.schema.yaml"), check_inputs=False)


def experiment(further=None, **item):
    return plan_of(further, **item).of("similarity")[0]


def test_each_network_is_compared_with_each_once_and_with_itself():
    pairs = [path.partition("/pairs/")[2] for path in experiment().pairs]
    assert pairs == ["a/a.csv", "a/b.csv", "b/b.csv"]
    seeds = experiment({"c": {**SMALL, "seeds": [0, 1]}}, models=["c", "a"])
    assert [label for _, label in seeds.labels("similarity_layers")] == ["c, seed 0", "c, seed 1", "a"]
    assert [path.partition("/pairs/")[2] for path in seeds.pairs][:3] == [
        "c@s0/c@s0.csv",
        "c@s0/c@s1.csv",
        "c@s0/a.csv",
    ]


def test_snapshots_take_the_place_of_the_trained_networks():
    item = experiment(models=["b"], snapshots=True)
    assert [path.partition("/pairs/")[2] for path in item.pairs] == [
        "b@0000/b@0000.csv", "b@0000/b@0002.csv", "b@0002/b@0002.csv",
    ]  # fmt: skip
    assert [label for _, label in item.labels("similarity_layers")] == ["epoch 0", "epoch 2"]
    both = experiment({"c": {**SMALL, "training": {"snapshots": [1]}}}, models=["b", "c"], snapshots=True)
    assert [label for _, label in both.labels("similarity_layers")] == ["b, epoch 0", "b, epoch 2", "c, epoch 1"]
    with pytest.raises(InputError, match=r"models\.a\.training\.snapshots': expected epochs of a model trained here"):
        experiment(models=["a"], snapshots=True)


def test_what_is_drawn_fits_what_is_measured():
    assert experiment().drawn == ["similarity_layers", "similarity_networks", "similarity_labels"]
    assert experiment(models=["a"], measures=["procrustes"]).drawn == ["similarity_layers"]
    assert experiment(measures=["rtd", "procrustes"]).options("similarity_networks") == {
        "measures": ["rtd", "procrustes"]
    }


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"measures": ["cka"]}, r"experiments\.similarity\.mine\.measures': unknown measure of similarity 'cka'"),
        (
            {"models": ["a", "other"]},
            r"expected models on the images of one data set\. Received: a on digits, other on",
        ),
        ({"parameters": {"rtd": {"points": 9}}}, r"mine\.parameters': unknown selected measure of similarity 'rtd'"),
        ({"parameters": {"mutual_knn": {"k": 5}}}, r"mutual_knn': unknown parameter 'k'.*neighbours"),
        ({"parameters": {"procrustes": {"b": 5}}}, r"procrustes': unknown parameter 'b'"),
        ({"jackknife_groups": 1}, r"mine\.jackknife_groups': expected 0, or 2 groups and more"),
        ({"points": 5}, r"points': expected a value ≥ 10"),
        ({"layer": 5}, r"unknown key 'layer'. Did you mean 'layers'"),
    ],
)
def test_what_cannot_be_meant_is_refused(item, message):
    with pytest.raises(InputError, match=message):
        experiment({"other": {**SMALL, "dataset": "cifar10"}}, **item)


def test_memory_follows_points_and_layers():
    plan = plan_of(points=300)
    small = similarity_megabytes(plan, plan.of("similarity")[0])
    for item, factor in (({"points": 900}, 3), ({"points": 300, "layers": 48}, 2)):
        larger = plan_of(**item)
        assert similarity_megabytes(larger, larger.of("similarity")[0]) > factor * small
