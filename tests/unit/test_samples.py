"""Samples: drawn at random, the first images as others count them, or those that a file lists."""

import numpy as np
import pytest

from topodepth import datasets
from topodepth.datasets import samples
from topodepth.datasets._images import ArrayImages
from topodepth.errors import InputError
from topodepth.files import hdf5

TRAIN, TEST = 90, 30


@pytest.fixture
def path(tmp_path):
    """A data set whose images say where in the source they stand: training images from 0, test images from 100."""

    def images(start, n):
        return np.broadcast_to(np.arange(start, start + n, dtype=np.uint8)[:, None, None, None], (n, 4, 4, 1)).copy()

    train, test = (images(0, TRAIN), np.arange(TRAIN) % 3), (images(100, TEST), np.arange(TEST) % 3)
    splits = datasets.three_splits(train, test, validation=0.2, seed=1)
    datasets.write_dataset(tmp_path / "d.h5", splits, ["a", "b", "c"])
    return tmp_path / "d.h5"


def shown(path, split, **settings):
    """What stands in the images that a sample chooses, and their labels."""
    with hdf5.open_h5(path) as file:
        dataset = datasets.DataSet(file)
        rows = samples.choose(dataset, split, **settings)
        pixels = datasets.take(dataset.images(split), rows)
        np.testing.assert_array_equal(dataset.labels(split)[rows], (pixels[:, 0, 0, 0] % 100) % 3)
        np.testing.assert_array_equal(dataset.positions(split)[rows], pixels[:, 0, 0, 0] % 100)
        return pixels[:, 0, 0, 0].tolist()


def listed(tmp_path, *lines):
    path = tmp_path / "positions.txt"
    path.write_text("\n".join(map(str, lines)))
    return path


def test_the_first_training_images_are_the_sources_first_whatever_was_set_aside_for_validation(path):
    assert shown(path, "train+validation", indices="first", images=50) == list(range(50))
    assert shown(path, "train+validation", indices="first", images=None) == list(range(TRAIN))
    assert shown(path, "test", indices="first", images=5) == [100, 101, 102, 103, 104]


def test_the_first_of_a_split_are_its_first_in_the_sources_order(path):
    train = shown(path, "train", indices="first")
    assert len(train) == 72
    assert train == sorted(train)
    assert shown(path, "train", indices="first", images=7) == train[:7]
    assert sorted([*train, *shown(path, "validation", indices="first")]) == list(range(TRAIN))


def test_a_file_names_images_by_their_position_in_the_source_in_its_own_order(path, tmp_path):
    positions = listed(tmp_path, "# the ones of the paper", 71, 3, "", 89, 0)
    assert shown(path, "train+validation", indices="file", positions=positions) == [71, 3, 89, 0]
    assert shown(path, "train+validation", indices="file", positions=positions, images=2) == [71, 3]
    assert shown(path, "test", indices="file", positions=listed(tmp_path, 29, 0)) == [129, 100]


def test_what_numpy_writes_is_read(path, tmp_path):
    np.savetxt(tmp_path / "rows.txt", np.array([5, 2, 80]), fmt="%d")
    assert list(samples.read_positions(tmp_path / "rows.txt")) == [5, 2, 80]


def test_a_random_draw_of_all_training_images_is_seeded_and_meets_both_splits(path):
    drawn = shown(path, "train+validation", images=40, seed=3)
    assert drawn == shown(path, "train+validation", images=40, seed=3)
    assert len(set(drawn)) == 40
    assert set(drawn) & set(shown(path, "validation", indices="first"))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([3, 90], r"positions.txt, line 2: .*'train\+validation'.*90 images from 0 to 89. Received: 90\."),
        ([3, "", 4, 3], r"positions.txt, line 4: expected every position once. Received: 3 again, as on line 1"),
        ([3, 1.5], r"positions.txt, line 2: expected a position, a whole number from 0. Received: '1.5'"),
        ([-1], r"positions.txt, line 1: expected a position, a whole number from 0. Received: '-1'"),
        (["cat"], r"positions.txt, line 1: .*Received: 'cat'"),
        (["9" * 10], r"positions.txt, line 1: .*Received: '9999999999'"),
        (["# nothing"], r"positions.txt: expected at least one position. Received: none"),
    ],
)
def test_a_bad_file_of_positions_is_refused_with_its_line(path, tmp_path, lines, message):
    with pytest.raises(InputError, match=message) as caught:
        shown(path, "train+validation", indices="file", positions=listed(tmp_path, *lines))
    assert "\n" not in str(caught.value)


def test_a_position_of_another_split_says_which_split_has_them_all(path, tmp_path):
    validation = shown(path, "validation", indices="first")
    with pytest.raises(InputError, match=rf"line 1: .*Received: {validation[0]}\. `split: train\+validation`"):
        shown(path, "train", indices="file", positions=listed(tmp_path, validation[0]))


def test_a_file_that_is_missing_or_no_text_is_refused(path, tmp_path):
    with pytest.raises(InputError, match=r"gone.txt: expected a file of positions"):
        samples.read_positions(tmp_path / "gone.txt")
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"bytes.txt: expected a text file"):
        samples.read_positions(tmp_path / "bytes.txt")


def test_validation_images_of_their_own_source_have_no_common_order(tmp_path):
    splits = dict.fromkeys(datasets.SPLITS, (ArrayImages(np.zeros((6, 4, 4, 1), np.uint8)), np.arange(6) % 2))
    datasets.write_dataset(tmp_path / "d.h5", splits, ["a", "b"])
    with pytest.raises(InputError, match=r"split 'train\+validation': .*two sources"):
        shown(tmp_path / "d.h5", "train+validation", indices="first")
