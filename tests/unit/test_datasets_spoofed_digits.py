"""Simulated spoofs: other digits than the real ones, changed as documented, the same for the same seed."""

import numpy as np
import pytest
from dataset_files import write_lcc_fasd
from sklearn.datasets import load_digits

from topodepth import datasets
from topodepth.datasets import spoofed_digits
from topodepth.errors import InputError
from topodepth.files import hdf5

SETTINGS = {"size": 16, "validation": 0.15, "test": 0.15, "seed": 3}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    path = tmp_path_factory.mktemp("spoofed") / "d.h5"
    splits, names = datasets.load("spoofed_digits", None, SETTINGS)
    datasets.write_dataset(path, splits, names)
    with hdf5.open_h5(path) as file:
        dataset = datasets.DataSet(file)
        return dataset.class_names, [
            (dataset.images(split)[:], dataset.labels(split), dataset.positions(split)) for split in datasets.SPLITS
        ]


def joined(made):
    return [np.concatenate(parts) for parts in zip(*made[1], strict=True)]


def test_spoofs_are_called_simulated(made):
    assert made[0] == ["real", "simulated spoof"]


def test_every_digit_is_in_one_class_and_split_only(made):
    images, labels, positions = joined(made)
    assert images.shape == (1797, 16, 16, 1)
    np.testing.assert_array_equal(np.sort(positions), np.arange(1797))
    assert abs(2 * labels.sum() - 1797) <= 10  # halves of ten numerals


def test_real_and_spoofed_digits_show_the_same_numerals_in_every_split(made):
    numerals = load_digits().target
    for _, labels, positions in made[1]:
        real, spoof = (np.bincount(numerals[positions[labels == label]], minlength=10) for label in (0, 1))
        assert np.abs(real - spoof).max() <= 1


def test_real_digits_are_those_of_the_digits_loader_and_spoofs_are_not(made):
    images, labels, positions = joined(made)
    splits, _ = datasets.load("digits", None, SETTINGS)
    genuine = np.empty_like(images)
    for part, _ in splits.values():
        genuine[part.positions] = part[:]
    differ = (images != genuine[positions]).mean(axis=(1, 2, 3))
    assert (differ[labels == 0] == 0).all()
    assert (differ[labels == 1] > 0.3).all()
    # still the same digit: correlated with its own original far beyond what it is with another's
    flat = [part[labels == 1].reshape((labels == 1).sum(), -1).astype(float) for part in (images, genuine[positions])]
    own = [np.corrcoef(a, b)[0, 1] for a, b in zip(*flat, strict=True)]
    other = [np.corrcoef(a, b)[0, 1] for a, b in zip(flat[0], np.roll(flat[1], 1, axis=0), strict=True)]
    assert np.median(own) > 0.8 > np.median(other) + 0.2


def test_the_seed_decides_all(made):
    again = datasets.load("spoofed_digits", None, SETTINGS)[0]["train"]
    other = datasets.load("spoofed_digits", None, SETTINGS | {"seed": 4})[0]["train"]
    np.testing.assert_array_equal(again[0][:], made[1][0][0])
    assert not np.array_equal(other[0].positions[other[1] == 1], again[0].positions[again[1] == 1])


def test_the_size_is_32_by_default():
    splits, _ = datasets.load("spoofed_digits", None, SETTINGS | {"size": None})
    assert splits["test"][0].shape[1:] == (32, 32, 1)


def test_a_perspective_takes_the_corners_at_most_as_far_as_documented():
    for seed in range(20):
        a, b, c, d, e, f, g, h = spoofed_digits._perspective(64, np.random.default_rng(seed))
        for x, y in ((0, 0), (64, 0), (0, 64), (64, 64)):
            scale = g * x + h * y + 1
            moved = np.array([(a * x + b * y + c) / scale - x, (d * x + e * y + f) / scale - y])
            assert 0 < np.abs(moved).max() <= spoofed_digits.PERSPECTIVE * 64 + 1e-6


def test_the_sensor_noise_is_as_strong_as_documented():
    """On a flat grey card nothing but the grating and the noise is left; its high frequencies are the noise alone."""
    card = np.full((256, 256), 128, dtype=np.uint8)
    for seed in range(5):
        inner = spoofed_digits.print_and_photograph(card, np.random.default_rng(seed))[64:-64, 64:-64] / 255.0
        # second differences in both directions: white noise of variance v gives 36 v, a long wave nearly nothing
        rough = np.diff(np.diff(inner, 2, axis=0), 2, axis=1)
        low, high = spoofed_digits.NOISE
        assert 0.95 * low < np.sqrt(rough.var() / 36) < 1.05 * high + 1 / 255


def test_empty_and_cut_faces_of_lcc_fasd_are_named_counted_and_left_out_when_asked(tmp_path):
    write_lcc_fasd(tmp_path)
    empty, cut = (tmp_path / f"LCC_FASD_{name}.png" for name in ("training/real/3", "development/spoof/1"))
    empty.write_bytes(b"")
    cut.write_bytes(cut.read_bytes()[:20])  # within the header
    message = r"2 of 32 unreadable: 'LCC_FASD_training/real/3\.png' \(empty file\), 'LCC_FASD_development/spoof/1\.png'"
    with pytest.raises(InputError, match=message):
        datasets.load("lcc_fasd", tmp_path, {"size": 16})
    splits, names = datasets.load("lcc_fasd", tmp_path, {"size": 16, "skip_unreadable": True})
    datasets.write_dataset(tmp_path / "d.h5", splits, names)
    with hdf5.open_h5(tmp_path / "d.h5") as file:
        dataset = datasets.DataSet(file)
        assert dataset.labels("train").tolist() == [0] * 7 + [1] * 8
        assert dataset.labels("validation").tolist() == [0] * 4 + [1] * 3
        assert 3 not in dataset.positions("train")
