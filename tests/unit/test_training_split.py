"""What a network learns from: fewer images, or wrong labels among them, drawn so that models can be compared."""

import numpy as np
import pytest

from topodepth.errors import InputError
from topodepth.training.augmentation import training_split

LABELS = np.repeat(np.arange(5), 40)
IMAGES = np.arange(200)[:, None, None, None]


def split(images=None, label_noise=0.0, seed=0):
    pixels, labels = training_split(
        (IMAGES, LABELS), images=images, label_noise=label_noise, classes=5, seed=seed
    )  # fmt: skip
    return pixels.ravel(), labels


def test_nothing_asked_for_changes_nothing():
    pixels, labels = split()
    np.testing.assert_array_equal(pixels, np.arange(200))
    np.testing.assert_array_equal(labels, LABELS)


def test_a_smaller_set_is_part_of_every_larger_one_and_holds_classes_in_equal_shares():
    small, large = split(images=50), split(images=120)
    assert set(small[0]) < set(large[0])
    assert np.bincount(small[1]).tolist() == [10] * 5
    assert np.bincount(large[1]).tolist() == [24] * 5


def test_images_keep_their_own_labels():
    pixels, labels = split(images=77)
    np.testing.assert_array_equal(labels, LABELS[pixels])


def test_noise_replaces_its_share_of_labels_by_other_classes():
    labels = np.concatenate([split(label_noise=0.3, seed=seed)[1] for seed in range(20)])
    wrong = labels != np.tile(LABELS, 20)
    assert 0.27 < wrong.mean() < 0.33  # 4000 labels: the standard error is 0.007
    assert split(label_noise=1.0)[1].tolist() != LABELS.tolist()
    assert not (split(label_noise=1.0)[1] == LABELS).any()
    assert set(labels) == set(range(5))


def test_a_label_wrong_at_little_noise_is_wrong_in_the_same_way_at_more():
    little, much = split(label_noise=0.2)[1], split(label_noise=0.5)[1]
    wrong = little != LABELS
    assert 0 < wrong.sum() < (much != LABELS).sum()
    np.testing.assert_array_equal(little[wrong], much[wrong])


def test_another_seed_draws_other_images_and_the_same_seed_the_same():
    assert split(images=50, seed=1)[0].tolist() == split(images=50, seed=1)[0].tolist()
    assert split(images=50, seed=1)[0].tolist() != split(images=50, seed=2)[0].tolist()


@pytest.mark.parametrize("images", [4, 201])
def test_more_images_than_there_are_or_fewer_than_classes_are_refused(images):
    with pytest.raises(InputError, match=f"images expected from 5 to 200. Received: {images}"):
        split(images=images)
