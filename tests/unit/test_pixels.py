"""Pixel space is a representation like any other: an activations file with one layer."""

import numpy as np
import pytest
from dataset_files import pixels as random_images

from topodepth import datasets
from topodepth.activations import pixels
from topodepth.activations.file import read_activations, validate
from topodepth.errors import InputError
from topodepth.files import hdf5


@pytest.fixture
def dataset(tmp_path):
    images, labels = random_images(40, 8), np.arange(40) % 2
    datasets.write_dataset(tmp_path / "d.h5", dict.fromkeys(datasets.SPLITS, (images, labels)), ["real", "spoof"])
    with hdf5.open_h5(tmp_path / "d.h5") as file:
        yield datasets.DataSet(file), images, labels, tmp_path / "a.h5"


def test_a_point_holds_the_pixels_of_its_image_from_0_to_1_in_the_order_asked_for(dataset):
    source, images, labels, out = dataset
    rows = np.array([7, 30, 2])
    pixels.write_pixels(out, source, "test", indices=rows)
    file = read_activations(out)
    assert validate(out) == []
    assert [(layer.token, layer.relative_depth) for layer in file.layers] == [("pixels", 0.0)]
    np.testing.assert_allclose(file.points("pixels"), images[rows].reshape(3, -1) / 255, rtol=1e-6)
    np.testing.assert_array_equal(file.labels, labels[rows])
    np.testing.assert_array_equal(file.indices, rows)


def test_grey_is_the_luma_and_size_the_new_side(dataset):
    source, images, _, out = dataset
    pixels.write_pixels(out, source, "train", indices=range(40), colour="grey")
    luma = images @ [0.299, 0.587, 0.114] / 255
    np.testing.assert_allclose(read_activations(out).points("pixels"), luma.reshape(40, -1), rtol=1e-5)
    pixels.write_pixels(out, source, "train", indices=range(40), size=4)
    assert read_activations(out).points("pixels").shape == (40, 4 * 4 * 3)


def test_an_image_of_one_channel_is_as_grey_as_it_was(tmp_path):
    images = random_images(6, 8, channels=1)
    datasets.write_dataset(tmp_path / "d.h5", dict.fromkeys(datasets.SPLITS, (images, np.arange(6) % 2)), ["a", "b"])
    with hdf5.open_h5(tmp_path / "d.h5") as file:
        for colour in pixels.COLOURS:
            pixels.write_pixels(tmp_path / "a.h5", datasets.DataSet(file), "test", indices=range(6), colour=colour)
            found = read_activations(tmp_path / "a.h5").points("pixels")
            np.testing.assert_allclose(found, images.reshape(6, -1) / 255, rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"split": "tset"}, "unknown split 'tset'. Did you mean 'test'"),
        ({"colour": "gray"}, "unknown colour 'gray'. Did you mean 'grey'"),
        ({"size": 0}, "size: expected a whole number of pixels from 1"),
        ({"indices": []}, "indices: expected whole numbers"),
        ({"indices": [0, 40]}, "indices: expected from 0 to 39. Received: 0 to 40"),
    ],
)
def test_bad_requests_are_named(dataset, change, message):
    source, _, _, out = dataset
    options = {"split": "test", "indices": [0, 1]} | change
    with pytest.raises(InputError, match=message):
        pixels.write_pixels(out, source, options.pop("split"), **options)
    assert not out.exists()
