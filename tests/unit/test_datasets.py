"""Data set files hold what they promise: disjoint stratified splits, exact normalisations, whole samples."""

import json

import numpy as np
import pytest

from topodepth import datasets
from topodepth.errors import InputError
from topodepth.files import hdf5


@pytest.fixture(scope="module")
def digits():
    return datasets.registry.get("digits")(size=16, validation=0.15, test=0.2, seed=3)


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, size=(60, 8, 8, 3), dtype=np.uint8), np.arange(60) % 3


def test_digits_are_all_there_in_three_stratified_splits(digits):
    splits, names = digits
    assert names == [str(k) for k in range(10)]
    assert sum(len(labels) for _, labels in splits.values()) == 1797
    for split, part in [("validation", 0.15), ("test", 0.2)]:
        counts = np.bincount(splits[split][1], minlength=10)
        total = sum(np.bincount(labels, minlength=10) for _, labels in splits.values())
        np.testing.assert_allclose(counts / total, part, atol=0.005)


def test_resized_digits_keep_their_ink(digits):
    from sklearn.datasets import load_digits

    splits, _ = digits
    mean = np.concatenate([images for images, _ in splits.values()]).mean()
    assert mean == pytest.approx(load_digits().images.mean() * 255 / 16, rel=0.02)


def test_a_split_is_a_function_of_its_seed(digits):
    again, _ = datasets.registry.get("digits")(size=16, validation=0.15, test=0.2, seed=3)
    other, _ = datasets.registry.get("digits")(size=16, validation=0.15, test=0.2, seed=4)
    np.testing.assert_array_equal(digits[0]["train"][0], again["train"][0])
    assert not np.array_equal(digits[0]["train"][1], other["train"][1])


def test_normalisations_do_what_their_names_say(tmp_path, images):
    splits = dict.fromkeys(datasets.SPLITS, images)
    datasets.write_dataset(tmp_path / "d.h5", splits, ["a", "b", "c"])
    with hdf5.open_h5(tmp_path / "d.h5") as file:
        dataset = datasets.DataSet(file)
        made = {how: dataset.normaliser(how)(images[0]) for how in ("raw", "unit", "centred", "channel", "global")}
    assert all(values.dtype == np.float32 for values in made.values())
    np.testing.assert_array_equal(made["raw"], images[0])
    np.testing.assert_allclose(made["unit"], images[0] / 255, rtol=1e-6)
    np.testing.assert_allclose(made["centred"].mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(made["channel"].mean(axis=(0, 1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(made["channel"].std(axis=(0, 1, 2)), 1, atol=1e-5)
    assert made["global"].mean() == pytest.approx(0, abs=1e-5)
    assert made["global"].std() == pytest.approx(1, abs=1e-5)
    with pytest.raises(InputError, match="Received: 'whiten'"):
        datasets.normaliser("whiten", dataset.statistics)


MEAN, STD = [0.5, 0.25, 0.75], [0.5, 0.2, 0.1]


@pytest.mark.parametrize("kind", ["images", "arrays"])
def test_a_given_mean_and_deviation_count_pixels_from_0_to_1_and_other_numbers_as_they_are(kind, tmp_path, images):
    values, labels = images
    values = values if kind == "images" else values.astype(np.float32) / 100
    datasets.write_dataset(tmp_path / "d.h5", dict.fromkeys(datasets.SPLITS, (values, labels)), ["a", "b", "c"])
    with datasets.open_dataset(tmp_path / "d.h5") as dataset:
        each = dataset.normaliser(json.dumps({"mean": MEAN, "std": STD}))(values)
        one = dataset.normaliser('{"mean": [0.5], "std": [2]}')(values)
        with pytest.raises(InputError, match=r"mean: expected one number, or one for each of 3 channels. Received: 2"):
            dataset.normaliser('{"mean": [1, 2], "std": [1]}')
    counted = values.astype(float) / (255 if kind == "images" else 1)
    assert each.dtype == np.float32
    np.testing.assert_allclose(each, (counted - MEAN) / STD, atol=1e-5)
    np.testing.assert_allclose(one, (counted - 0.5) / 2, atol=1e-6)


@pytest.mark.parametrize(
    "how",
    ['{"mean": [1]}', '{"mean": [1], "std": [0]}', '{"mean": [1], "std": [-1]}', '{"mean": [NaN], "std": [1]}',
     '{"mean": 1, "std": [1]}', '{"mean": ["a"], "std": [1]}', '{"mean": [1], "std": [1], "more": 1}', "{", "{1: 2}"],
)  # fmt: skip
def test_a_mean_and_deviation_that_are_none_are_refused(how, tmp_path, images):
    datasets.write_dataset(tmp_path / "d.h5", dict.fromkeys(datasets.SPLITS, images), ["a", "b", "c"])
    with (
        datasets.open_dataset(tmp_path / "d.h5") as dataset,
        pytest.raises(InputError, match="normalisation: expected"),
    ):
        dataset.normaliser(how)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda images, labels: (images[:0], labels[:0]), "split 'test': expected at least one item"),
        (lambda images, labels: (images, labels[:-1]), "split 'test' needs images"),
        (
            lambda images, labels: (images.astype(np.float32), labels),
            "one kind, type and shape in all .*'test': 'arrays of float32 \\(8, 8, 3\\)'",
        ),
        (lambda images, labels: (images, labels + 1), "expected labels 0 to 2. Received: 1 to 3"),
    ],
)
def test_a_bad_split_is_refused_and_nothing_is_written(tmp_path, images, change, message):
    splits = {"train": images, "validation": images, "test": change(*images)}
    with pytest.raises(InputError, match=message):
        datasets.write_dataset(tmp_path / "d.h5", splits, ["a", "b", "c"])
    assert list(tmp_path.iterdir()) == []


def test_a_sample_is_seeded_sorted_and_without_repeats():
    labels = np.arange(1000) % 10
    sample = datasets.draw_sample(labels, 300, seed=5)
    assert len(np.unique(sample)) == 300
    assert (np.diff(sample) > 0).all()
    np.testing.assert_array_equal(sample, datasets.draw_sample(labels, 300, seed=5))
    assert not np.array_equal(sample, datasets.draw_sample(labels, 300, seed=6))


def test_more_images_than_there_are_means_all():
    np.testing.assert_array_equal(datasets.draw_sample(np.arange(20) % 2, 3000, seed=0), np.arange(20))
    np.testing.assert_array_equal(datasets.draw_sample(np.arange(20) % 2, None, seed=0), np.arange(20))


def test_a_class_missing_from_the_sample_is_named():
    labels = np.zeros(1000, dtype=int)
    labels[0] = 7
    with pytest.raises(InputError, match="class 7 is missing"):
        datasets.draw_sample(labels, 2, seed=0)
