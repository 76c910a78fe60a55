"""Data that are not height × width × channels: measured where a network takes them, else refused in one line."""

import json
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from topodepth import datasets, plan
from topodepth.activations import pixels
from topodepth.activations.file import read_activations
from topodepth.attacks import keras_victim
from topodepth.attacks.attacks import AttackSettings
from topodepth.attacks.sweep import LabelledImages, write_sweep
from topodepth.errors import InputError
from topodepth.files import hdf5
from topodepth.networks import inputs
from topodepth.networks.runtime import by_keras

DRIVER = Path(__file__).with_name("shapes_driver.py")
RESHAPED = {
    "images to a dense network": "(n, 28, 28, 1) are reshaped to (n, 784)",
    "flat pixels": None,
    "rows of images": "(n, 28, 28, 1) are reshaped to (n, 28, 28)",
    "flat pixels to a convolution": "(n, 784) are reshaped to (n, 28, 28, 1)",
    "signals": None,
    "signals of free length": "(n, 150) are reshaped to (n, 150, 1)",
    "sequences": None,
    "tables": None,
    "tokens": None,
}
KEPT = {
    "images to a dense network": "uint8 images (n, 28, 28, 1)",
    "flat pixels": "uint8 arrays (n, 784)",
    "rows of images": "uint8 images (n, 28, 28, 1)",
    "flat pixels to a convolution": "uint8 arrays (n, 784)",
    "signals": "float32 arrays (n, 150, 1)",
    "signals of free length": "float32 arrays (n, 150)",
    "sequences": "float32 arrays (n, 30, 15)",
    "tables": "float32 arrays (n, 12)",
    "tokens": "float32 arrays (n, 20)",
}


@pytest.fixture(scope="module")
def passed(tmp_path_factory):
    """All cases, passed through the pipeline's scripts once."""
    folder = tmp_path_factory.mktemp("shapes")
    done = subprocess.run([sys.executable, str(DRIVER), str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder, json.loads((folder / "said.json").read_text())


@pytest.mark.parametrize("case", RESHAPED)
def test_data_of_every_shape_go_through_all_scripts_as_keras_alone_takes_them(passed, case):
    folder, said = passed[0] / case.replace(" ", "_"), passed[1][case]
    assert {script: words["end"] for script, words in said.items()} == dict.fromkeys(said, "")
    assert KEPT[case] in said["prepare_dataset"]["log"]
    logged = said["extract_activations"]["log"]
    assert RESHAPED[case] in logged if RESHAPED[case] else "reshaped" not in logged
    found = read_activations(folder / "a.h5")
    with np.load(folder / "expected.npz") as expected:
        np.testing.assert_allclose(found.points("middle"), expected["middle"][found.indices], rtol=1e-4, atol=1e-5)
        metrics = json.loads((folder / "metrics.json").read_text())
        assert metrics["test"]["accuracy"] == pytest.approx(expected["accuracy"])
    with h5py.File(folder / "h.h5") as file:
        assert all(len(file[f"class_{label}/H0"]) for label in np.unique(found.labels))


@pytest.mark.parametrize(
    ("case", "words"),
    [
        (
            "refused: too few",
            "m.keras: the network expected (n, 12), or as many values each. Received: data of shape (n, 11).",
        ),
        ("refused: turned", "(n, 15, 30). The axes are in another order: channels first? Transpose to (n, positions,"),
    ],
)
def test_data_that_do_not_fit_are_one_line_and_no_file(passed, case, words):
    folder, said = passed[0] / case.replace(" ", "_"), passed[1][case]
    for script in ("extract_activations", "evaluate_model"):
        assert words in said[script]["end"]
    assert not (folder / "a.h5").exists()


@pytest.mark.parametrize(
    ("expected", "shape", "made"),
    [
        ((784,), (28, 28, 1), (784,)),
        ((28, 28), (28, 28, 1), (28, 28)),
        ((28, 28, 1), (28, 28), (28, 28, 1)),
        ((None, None, 3), (32, 48, 3), (32, 48, 3)),
        ((None, 28), (28, 28, 1), (28, 28)),
        ((None, 1), (150,), (150, 1)),
        ((1, 150), (150, 1), (1, 150)),
        ((), (1,), ()),
    ],
)
def test_as_many_values_are_reshaped(expected, shape, made):
    assert inputs.fitted(expected, shape, "net") == made


@pytest.mark.parametrize(
    ("expected", "shape", "turned"),
    [
        ((32, 32, 3), (3, 32, 32), True),
        ((None, None, 3), (3, 32, 32), True),
        ((3, 32, 32), (32, 32, 3), True),
        ((15, 30), (30, 15), True),
        ((32, 32, 3), (28, 28, 3), False),
        ((None, 16), (28, 28, 1), False),  # 784 is 49 × 16, but no axis of the data is
        ((None, None, 3), (32, 32, 1), False),
        ((12,), (11,), False),
    ],
)
def test_what_reshaping_would_mix_up_is_refused(expected, shape, turned):
    with pytest.raises(InputError, match=r"^net: the network expected") as raised:
        inputs.fitted(expected, shape, "net")
    assert ("channels first?" in str(raised.value)) == turned


def write_npz(path, items, **more):
    labels = np.arange(len(items)) % 2
    np.savez(path, images=items, labels=labels, **more)
    return path


RNG = np.random.default_rng(3)
SERIES = RNG.normal(size=(40, 30, 4)) * [1, 10, 0.1, 0] + [0, 1e6, -3, 7]  # the second would drown in its mean's square


def opened(tmp_path, items, **options):
    path = write_npz(tmp_path / "d.npz", items)
    datasets.write_dataset(tmp_path / "d.h5", *datasets.load("npz", path, {"validation": 0.2, "test": 0.3, **options}))
    return hdf5.open_h5(tmp_path / "d.h5")


def test_normalisations_of_numbers_are_by_the_training_split_and_the_last_axis(tmp_path):
    with opened(tmp_path, SERIES) as file:
        dataset = datasets.DataSet(file)
        train = dataset.images("train")[:].astype(np.float64)
        np.testing.assert_array_equal(train, SERIES[dataset.positions("train")].astype(np.float32))
        made = {how: dataset.normaliser(how)(train) for how in ("raw", "channel", "global")}
        np.testing.assert_allclose(dataset.statistics["channel_std"], train.std(axis=(0, 1)), rtol=1e-9)
        np.testing.assert_allclose(dataset.statistics["global_mean"], train.mean(), rtol=1e-12)
        for how in ("unit", "centred"):
            with pytest.raises(InputError, match=rf"d.h5: normalisation {how} divides by 255.*Use raw"):
                dataset.normaliser(how)
    np.testing.assert_array_equal(made["raw"], train)
    np.testing.assert_allclose(made["channel"].std(axis=(0, 1)), [1, 1, 1, 0], atol=1e-2)
    np.testing.assert_allclose(made["global"].std(), 1, rtol=1e-5)


@pytest.mark.parametrize(
    "values", [RNG.integers(0, 256, (40, 12)).astype(float), RNG.integers(0, 256, (40, 12), np.uint8)]
)
def test_numbers_from_0_to_255_may_be_divided_by_255(tmp_path, values):
    with opened(tmp_path, values) as file:
        dataset = datasets.DataSet(file)
        train = dataset.images("train")[:]
        np.testing.assert_allclose(dataset.normaliser("unit")(train), train / 255, rtol=1e-6)


PIXELS = RNG.integers(0, 256, (40, 9, 7, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("values", "options", "made"),
    [
        (PIXELS, {}, ("images", (9, 7, 3))),
        (PIXELS / 255, {}, ("images", (9, 7, 3))),
        (PIXELS, {"size": 8}, ("images", (8, 8, 3))),
        (PIXELS[..., 0], {}, ("images", (9, 7, 1))),
        (PIXELS[..., 0] / 255, {}, ("arrays", (9, 7))),
        (PIXELS[..., 0] / 255, {"kind": "images"}, ("images", (9, 7, 1))),
        (PIXELS, {"kind": "arrays"}, ("arrays", (9, 7, 3))),
        (PIXELS.reshape(40, -1), {}, ("arrays", (189,))),
        (SERIES, {}, ("arrays", (30, 4))),
    ],
)
@pytest.mark.parametrize("loader", ["npz", "hdf5"])
def test_what_a_file_will_be_is_known_from_its_header(tmp_path, loader, values, options, made):
    path = write_npz(tmp_path / "d.npz", values)
    if loader == "hdf5":
        path = tmp_path / "d.hdf5"
        with h5py.File(path, "w") as file:
            file["images"], file["labels"] = values, np.arange(40) % 2
    assert datasets.form(loader, path, options) == made
    datasets.write_dataset(tmp_path / "d.h5", *datasets.load(loader, path, options))
    with hdf5.open_h5(tmp_path / "d.h5") as file:
        dataset = datasets.DataSet(file)
        assert (dataset.kind, dataset.image_shape) == made


@pytest.mark.parametrize(
    "name", [name for name in datasets.registry.names() if datasets.registry.get(name).source is None]
)
@pytest.mark.parametrize("size", [None, 12])
def test_what_a_built_in_set_will_be_is_what_it_is(name, size):
    settings = {"size": size, "validation": 0.1, "test": 0.1, "seed": 0}
    splits, _ = datasets.load(name, None, settings)
    assert datasets.form(name, None, settings) == ("images", splits["train"][0].shape[1:])


def test_what_a_folder_will_be_is_told_by_one_image(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/0.png").write_bytes(b"damaged")
    Image.fromarray(PIXELS[0]).save(tmp_path / "a/1.png")
    assert datasets.form("images_folder", tmp_path, {}) == ("images", (9, 7, 3))
    assert datasets.form("images_folder", tmp_path, {"size": 16, "channels": 1}) == ("images", (16, 16, 1))
    assert datasets.form("images_folder", tmp_path / "missing", {}) is None
    assert datasets.form("npz", tmp_path / "missing.npz", {}) is None


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e200])
def test_numbers_that_are_not_finite_name_file_key_and_items(tmp_path, bad):
    table = RNG.normal(size=(40, 5))
    table[17, 2] = bad
    with pytest.raises(
        InputError, match=r"d.npz/images: expected finite numbers .*Received: 1 that .*first in item 17"
    ):
        opened(tmp_path, table)
    assert not (tmp_path / "d.h5").exists()


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        (SERIES, {"size": 8}, r"size: expected none for arrays of numbers.*kind: images.*d.npz/images"),
        (SERIES, {"kind": "image"}, "unknown value of the option kind 'image'. Did you mean 'images'"),
        (SERIES[:, 0, 0], {}, r"images: expected images .*or arrays \(n, …\). Received: \(40,\)"),
        (SERIES.astype(complex), {}, r"images: expected real numbers .*complex128"),
        (
            PIXELS.transpose(0, 3, 1, 2),
            {},
            r"Received: \(40, 3, 9, 7\). Channels first\? Save np.moveaxis\(images, 1, -1\)",
        ),
    ],
)
def test_arrays_that_are_neither_say_what_to_do(tmp_path, values, options, message):
    with pytest.raises(InputError, match=message):
        opened(tmp_path, values, **options)


def test_numbers_as_points_are_as_they_are(tmp_path):
    with opened(tmp_path, SERIES) as file:
        dataset = datasets.DataSet(file)
        pixels.write_pixels(tmp_path / "a.h5", dataset, "test", indices=[3, 1])
        with pytest.raises(InputError, match="size: expected none for arrays"):
            pixels.write_pixels(tmp_path / "b.h5", dataset, "test", indices=[3, 1], size=4)
        expected = dataset.images("test")[:][[3, 1]].reshape(2, -1)
    np.testing.assert_array_equal(read_activations(tmp_path / "a.h5").points("pixels"), expected)


def test_attacks_are_of_images():
    with pytest.raises(InputError, match=r"attacks expected images \(n, height, width, channels\). Received: \(40, 30"):
        LabelledImages(SERIES, np.zeros(40, int), ["a"], normalise=None)


def test_an_attack_on_a_network_of_flat_input_is_that_on_the_same_network_of_images(tmp_path):
    import keras

    images, labels = RNG.integers(0, 256, (12, 8, 8, 1), dtype=np.uint8), np.arange(12) % 3
    dense = [keras.layers.Dense(6, activation="tanh", name="middle"), keras.layers.Dense(3, "softmax", name="head")]
    of_images = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), *dense])
    flat = keras.Sequential([keras.Input((64,)), *dense])
    sample = LabelledImages(
        images, labels, ["a", "b", "c"], datasets.Normaliser(np.float32(0), np.float32(255))
    )  # fmt: skip
    for name, model in (("images", of_images), ("flat", flat)):
        network = by_keras(model, ["middle", "logits"], scores=True)
        settings = AttackSettings([0.1], attack="pgd", steps=2)
        victim = keras_victim.attacked(model, images.shape[1:], sample.normalise, settings)
        write_sweep(tmp_path / name, victim, network, sample, name=name)
    for strength in ("00", "01"):
        ours, expected = (read_activations(tmp_path / name / f"{strength}.h5") for name in ("flat", "images"))
        np.testing.assert_allclose(ours.points("middle"), expected.points("middle"), rtol=1e-5, atol=1e-6)
    with h5py.File(tmp_path / "flat/images.h5") as ours, h5py.File(tmp_path / "images/images.h5") as expected:
        assert ours["pixels"].shape[2:] == (8, 8, 1)
        np.testing.assert_allclose(ours["pixels"][:], expected["pixels"][:], atol=1e-6)


CONFIG = {"size": None, "options": {}, "assets": [], "loader": "npz"}


@pytest.fixture
def planned(tmp_path):
    """Check a plan of one model of a kind on a table and on images."""
    import keras

    keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(2)]).save(tmp_path / "m.h5")
    sources = {
        "table": write_npz(tmp_path / "table.npz", RNG.normal(size=(20, 12))),
        "images": write_npz(tmp_path / "images.npz", RNG.integers(0, 256, (20, 784), dtype=np.uint8)),
        "missing": tmp_path / "missing.npz",
        "broken": write_npz(tmp_path / "broken.npz", RNG.normal(size=20)),
    }
    config = {"datasets": {name: {**CONFIG, "source": str(path)} for name, path in sources.items()}}

    def check(kind, dataset, attacked=(), **settings):
        file = str(tmp_path / "m.h5") if kind == "file" else ""
        path = {"file": file, "trained": "<results>/models/m/model.keras", "pixels": ""}[kind]
        model = plan.Model("m", "m", "m", settings | {"dataset": dataset, "trust": False, "file": file}, {}, path)
        inputs.check_plan(config, [plan.Unit("m", model, plan.Images(dataset))], attacked)

    return check


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("trained", "table"),
            r"key 'models.m': architectures are trained on images, data set 'table': expected images",
        ),
        (("file", "table"), r"key 'models.m': .*m.h5 on data set 'table': the network expected \(n, 28, 28, 1\)"),
        (("file", "images", ["m"]), "key 'models.m': attacks change images, data set 'images': expected images"),
        (("file", "broken"), r"key 'datasets.broken': .*broken.npz/images: expected images"),
    ],
)
def test_a_plan_names_the_keys_of_what_does_not_fit(planned, arguments, message):
    with pytest.raises(InputError, match=message):
        planned(*arguments)


def test_a_plan_of_numbers_as_points_wants_no_size(planned):
    with pytest.raises(InputError, match=r"spoofing', data set 'table': arrays .* expected `pixels: {size: null}`"):
        planned("pixels", "table", size=32)
    planned("pixels", "table", size=None)
    planned("pixels", "missing", size=32)


def test_a_plan_lets_through_what_fits_or_is_not_there_yet(planned):
    planned("file", "images")
    planned("file", "missing")
    planned("trained", "missing")
