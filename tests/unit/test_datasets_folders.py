"""Folders of images: both layouts, every kind of PNG and JPEG, nothing outside the folder, faults named and counted."""

import os
import struct
import zlib

import numpy as np
import pytest
from dataset_files import pixels, write_folders, write_image, write_lcc_fasd
from PIL import Image

from topodepth import datasets
from topodepth.errors import InputError
from topodepth.files import hdf5


def load(source, **options):
    return datasets.load("images_folder", source, {"validation": 0.2, "test": 0.3, "seed": 0} | options)


def write(path, loaded):
    """Write and read back: images, labels and positions of each split."""
    datasets.write_dataset(path, *loaded)
    with hdf5.open_h5(path) as file:
        return {split: {key: file[split][key][()] for key in file[split]} for split in datasets.SPLITS}


def test_a_folder_of_classes_is_split_by_seed(tmp_path):
    images = write_folders(tmp_path / "in", ["cat", "ant"][::-1])
    (tmp_path / "in/.hidden").mkdir()
    write_image(tmp_path / "in/cat/.hidden.png", images[0])
    (tmp_path / "in/cat/Thumbs.db").write_bytes(b"x")
    (tmp_path / "in/list.txt").write_text("x")
    splits, names = load(tmp_path / "in")
    assert names == ["ant", "cat"]
    made = write(tmp_path / "d.h5", (splits, names))
    assert {split: len(part["labels"]) for split, part in made.items()} == {"train": 10, "validation": 4, "test": 6}
    for part in made.values():
        np.testing.assert_array_equal(part["images"], images[part["positions"]])
        np.testing.assert_array_equal(part["labels"], part["positions"] // 10)


@pytest.mark.parametrize("own_validation", [True, False])
def test_a_folder_of_splits_keeps_its_own(tmp_path, own_validation):
    wanted = {}
    for k, split in enumerate(["train", "test", "validation"][: 2 + own_validation]):
        wanted[split] = write_folders(tmp_path / "in" / split, ["a/deep/er", "b"], each=5, seed=k)
    made = write(tmp_path / "d.h5", load(tmp_path / "in"))
    np.testing.assert_array_equal(made["test"]["images"], wanted["test"])
    source = "validation" if own_validation else "train"
    np.testing.assert_array_equal(made["validation"]["images"], wanted[source][made["validation"]["positions"]])
    assert len(made["train"]["labels"]) == (10 if own_validation else 8)


def test_every_kind_of_image_is_decoded_to_the_channels_asked(tmp_path):
    colour = pixels(1, 9)[0]
    grey = np.arange(81, dtype=np.uint8).reshape(9, 9)
    clear = np.dstack([colour, np.full((9, 9), 0, np.uint8)])
    half = np.dstack([np.zeros((9, 9, 3), np.uint8), np.full((9, 9), 128, np.uint8)])
    few = Image.fromarray(colour // 128 * 128).convert("P", palette=Image.Palette.ADAPTIVE, colors=8)
    kinds = {
        "0colour": Image.fromarray(colour),
        "1grey": Image.fromarray(grey),
        "2clear": Image.fromarray(clear),
        "3half": Image.fromarray(half),
        "4palette": few,
        "5grey16": Image.fromarray(grey.astype(np.uint16) * 257),
        "6bits": Image.fromarray(grey > 40),
        "7grey alpha": Image.fromarray(grey).convert("LA"),
    }
    for name, image in kinds.items():
        for label in "ab":
            write_image(tmp_path / f"in/{label}/{name}.png", image)
    images, _ = load(tmp_path / "in", channels=3)[0]["train"]
    whole = type(images)(
        sorted((tmp_path / "in/a").iterdir(), key=lambda path: path.as_posix()), images.shape[1:], images.unreadable
    )[:]
    three = dict(zip(kinds, whole, strict=True))
    np.testing.assert_array_equal(three["0colour"], colour)
    np.testing.assert_array_equal(three["1grey"], np.dstack([grey] * 3))
    np.testing.assert_array_equal(three["2clear"], np.full((9, 9, 3), 255))
    np.testing.assert_allclose(three["3half"], 127, atol=1)
    np.testing.assert_array_equal(three["4palette"], np.asarray(few.convert("RGB")))
    np.testing.assert_array_equal(three["5grey16"], np.dstack([grey] * 3))
    np.testing.assert_array_equal(three["6bits"], np.dstack([(grey > 40) * 255] * 3))
    np.testing.assert_array_equal(three["7grey alpha"], np.dstack([grey] * 3))
    one = load(tmp_path / "in", channels=1)[0]["train"][0]
    assert one.shape[1:] == (9, 9, 1)
    np.testing.assert_array_equal(type(one)([tmp_path / "in/a/1grey.png"], (9, 9, 1), None)[0][..., 0], grey)


def test_jpeg_and_odd_endings_count_and_sizes_are_brought_to_one(tmp_path):
    for k, name in enumerate(["a/1.JPG", "a/2.jpeg", "b/1.jpg", "b/2.PNG", "a/3.png", "b/3.png"]):
        write_image(tmp_path / "in" / name, np.full((20 + k, 30, 3), 90, np.uint8))
    with pytest.raises(
        InputError, match=r"expected images of one size, .* 'a/1\.JPG' of 30×20 and 'a/2\.jpeg' of 30×21"
    ):
        load(tmp_path / "in")
    made = write(tmp_path / "d.h5", load(tmp_path / "in", size=8, validation=0.34, test=0.34))
    assert made["train"]["images"].shape == (2, 8, 8, 3)
    np.testing.assert_allclose(made["train"]["images"], 90, atol=2)


def half_of(path):
    """Cut a file of noise where its header is whole and its pixels are not."""
    write_image(path, pixels(1, 12)[0])
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])


def test_unreadable_images_are_named_and_counted_or_left_out(tmp_path):
    images = write_folders(tmp_path / "in", ["a", "b"])
    half_of(tmp_path / "in/a/004.png")
    half_of(tmp_path / "in/b/005.png")
    with pytest.raises(InputError, match=r"2 of 20 unreadable: '\w/00\d\.png' \(.*truncated"):
        datasets.write_dataset(tmp_path / "d.h5", *load(tmp_path / "in"))
    assert not (tmp_path / "d.h5").exists()
    (tmp_path / "in/a/000.png").write_bytes(b"")
    (tmp_path / "in/a/001.png").write_text("<html>not an image</html>")
    (tmp_path / "in/a/002.png").write_bytes(b"GIF89a" + bytes(50))
    message = r"3 of 20 unreadable: 'a/000\.png' \(empty file\), 'a/001\.png' \(no PNG or JPEG image\), 'a/002"
    with pytest.raises(InputError, match=message):
        load(tmp_path / "in")
    made = write(tmp_path / "d.h5", load(tmp_path / "in", skip_unreadable=True))
    positions = np.sort(np.concatenate([part["positions"] for part in made.values()]))
    np.testing.assert_array_equal(positions, [3, *range(5, 15), *range(16, 20)])
    for part in made.values():
        np.testing.assert_array_equal(part["images"], images[part["positions"]])
        np.testing.assert_array_equal(part["labels"], part["positions"] // 10)
    with hdf5.open_h5(tmp_path / "d.h5") as file:
        np.testing.assert_allclose(
            file["statistics/mean_image"][()], made["train"]["images"].mean(axis=0), rtol=1e-12
        )  # what was left out does not count


@pytest.mark.parametrize("side", [10_000, 60_000])
def test_a_decompression_bomb_is_refused_by_its_header(tmp_path, side):
    write_folders(tmp_path / "in", ["a", "b"])
    content = {b"IHDR": struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0), b"IDAT": zlib.compress(bytes(2**20))}
    chunks = [struct.pack(">I", len(c)) + n + c + struct.pack(">I", zlib.crc32(n + c)) for n, c in content.items()]
    (tmp_path / "in/a/bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    with pytest.raises(InputError, match=r"1 of 21 unreadable: 'a/bomb\.png' \(more than \d+ pixels\)"):
        load(tmp_path / "in", size=8)


def test_links_out_of_the_folder_are_not_followed(tmp_path):
    write_folders(tmp_path / "in", ["a", "b"])
    write_folders(tmp_path / "out", ["c"])
    for link, target in [("in/c", "out/c"), ("in/a/more", "out/c"), ("in/a/x.png", "out/c/000.png"), ("in/d", "in/a")]:
        (tmp_path / link).symlink_to(tmp_path / target)
        with pytest.raises(InputError, match=r"a link out of it or to a folder"):
            load(tmp_path / "in")
        (tmp_path / link).unlink()
    (tmp_path / "in/a/again.png").symlink_to("000.png")
    os.mkfifo(tmp_path / "in/a/pipe.png")  # opening it would wait for ever
    assert sum(len(labels) for _, labels in load(tmp_path / "in")[0].values()) == 21
    (tmp_path / "in/a/loop.png").symlink_to("loop.png")
    assert sum(len(labels) for _, labels in load(tmp_path / "in")[0].values()) == 21


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channels": 2}, "channels: expected 1"),
        ({"skip_unreadable": "yes"}, "skip_unreadable: expected true or false"),
    ],
)
def test_bad_options_of_folders_are_named(tmp_path, options, message):
    write_folders(tmp_path / "in", ["a", "b"])
    with pytest.raises(InputError, match=message):
        load(tmp_path / "in", **options)


def test_a_folder_without_classes_or_images_is_named(tmp_path):
    write_folders(tmp_path / "in", ["a"])
    with pytest.raises(InputError, match=r"two or more classes. Received: 'a'"):
        load(tmp_path / "in")
    (tmp_path / "in/b").mkdir()
    with pytest.raises(InputError, match=r"in/b: expected \.png, .* images of class 'b'. Received: none"):
        load(tmp_path / "in")
    write_folders(tmp_path / "two/train", ["a", "b"])
    write_folders(tmp_path / "two/test", ["a", "c"])
    with pytest.raises(InputError, match=r"two/test: expected classes of the training images: a, b. Received: a, c"):
        load(tmp_path / "two")
    with pytest.raises(InputError, match=r"Received: a PNG image. Put the images of each class"):
        load(write_image(tmp_path / "x.png", pixels(1)[0]))


@pytest.mark.parametrize("inside", [True, False])
def test_lcc_fasd_keeps_its_three_parts(tmp_path, inside):
    write_lcc_fasd(tmp_path / "LCC_FASD")
    source = tmp_path / "LCC_FASD" if inside else tmp_path
    splits, names = datasets.load("lcc_fasd", source, {"size": 16})
    assert names == ["real", "spoof"]
    made = write(tmp_path / "d.h5", (splits, names))
    assert {split: part["labels"].tolist() for split, part in made.items()} == {
        "train": [0] * 8 + [1] * 8, "validation": [0] * 4 + [1] * 4, "test": [0] * 4 + [1] * 4,
    }  # fmt: skip
    for part in made.values():
        assert part["images"].shape[1:] == (16, 16, 3)
        np.testing.assert_array_equal(part["images"][:, 0, 0, 0], np.where(part["labels"] == 0, 40, 200))
        np.testing.assert_array_equal(part["positions"], np.arange(len(part["labels"])))


def test_a_missing_part_of_lcc_fasd_is_named(tmp_path):
    write_lcc_fasd(tmp_path)
    (tmp_path / "LCC_FASD_development").rename(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=r"LCC_FASD_development: expected the folders real and spoof. Received: none"):
        datasets.load("lcc_fasd", tmp_path, {"size": 16})


def test_a_broken_face_is_left_out_when_asked(tmp_path):
    write_lcc_fasd(tmp_path / "in")
    half_of(tmp_path / "in/LCC_FASD_evaluation/spoof/0.png")
    with pytest.raises(InputError, match=r"1 of 32 unreadable: 'LCC_FASD_evaluation/spoof/0.png'"):
        datasets.write_dataset(tmp_path / "d.h5", *datasets.load("lcc_fasd", tmp_path / "in", {"size": 16}))
    made = write(tmp_path / "d.h5", datasets.load("lcc_fasd", tmp_path / "in", {"size": 16, "skip_unreadable": True}))
    assert made["test"]["positions"].tolist() == [0, 1, 2, 3, 5, 6, 7]
    assert made["test"]["labels"].tolist() == [0, 0, 0, 0, 1, 1, 1]
