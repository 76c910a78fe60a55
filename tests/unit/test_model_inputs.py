"""A network that takes whole numbers gets pixels as they are, or its configuration is refused; never cut fractions."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from topodepth import datasets
from topodepth.activations import extraction
from topodepth.activations.file import read_activations
from topodepth.attacks import attacks
from topodepth.attacks.keras_victim import KerasVictim, scores_tap
from topodepth.errors import InputError
from topodepth.networks import runtime
from topodepth.networks.normalisation import normalisation

SCRIPTS = Path(__file__).parents[2] / "workflow/scripts"
IMAGES = np.random.default_rng(0).integers(0, 256, (30, 8, 8, 3)).astype(np.uint8)


def network(framework, *first, dtype="float32", nested=False):
    """A small classifier with these layers behind its input, or with all of it inside another model."""
    layers = framework.layers
    images = framework.Input((8, 8, 3), dtype=dtype)
    x = images
    for layer in first:
        x = layer(x)
    x = layers.Dense(3, activation="softmax")(layers.Flatten()(x))
    model = framework.Model(images, x)
    if nested:
        outer = framework.Input((8, 8, 3), dtype=dtype)
        model = framework.Model(outer, model(outer))
    return model


def kinds(framework):
    layers = framework.layers
    yield "float", network(framework), "global", ""
    yield "uint8", network(framework, layers.Rescaling(1 / 255), dtype="uint8"), "raw", "takes whole numbers (uint8)"
    yield "int32", network(framework, dtype="int32"), "raw", "takes whole numbers (int32)"
    nested = network(framework, layers.Rescaling(1 / 255), dtype="uint8", nested=True)
    yield "inner", nested, "raw", "takes whole numbers (uint8)"
    yield (
        "rescaling",
        network(framework, layers.Rescaling(1 / 127.5, offset=-1)),
        "raw",
        "begins with Rescaling by 0.00784",
    )
    yield "inner rescaling", network(framework, layers.Rescaling(1 / 255), nested=True), "raw", "begins with Rescaling"
    yield "doubling", network(framework, layers.Rescaling(2.0)), "global", ""
    words = [framework.Input((12,)), layers.Embedding(20, 4), layers.Flatten(), layers.Dense(3)]
    yield "embedding", framework.Sequential(words), "raw", "begins with Embedding"
    plain = [framework.Input((8, 8, 3), dtype="uint8"), layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(3)]
    yield "sequential", framework.Sequential(plain), "raw", "takes whole numbers (uint8)"


@pytest.mark.parametrize("ending", [".keras", ".h5"])
@pytest.mark.parametrize("framework", ["keras", "tf_keras"])
def test_auto_is_raw_where_a_network_takes_whole_numbers_or_scales_pixels_itself(framework, ending, tmp_path):
    for name, model, expected, reason in kinds(pytest.importorskip(framework)):
        path = tmp_path / f"{name}{ending}"
        model.save(path)
        how, why = normalisation("auto", path)
        assert (name, how) == (name, expected)
        assert why.startswith(reason)
        assert bool(why) == (how == "raw")
        for asked in ("unit", "centred", "channel", "global"):
            if name in ("uint8", "int32", "inner", "embedding", "sequential"):
                with pytest.raises(InputError, match=rf"{name}.*`normalisation: raw`.*`normalisation: {asked}`"):
                    normalisation(asked, path)
            else:
                assert normalisation(asked, path) == (asked, "")
        assert normalisation("raw", path) == ("raw", "")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A network for whole numbers, a data set, and a sample of it."""
    import keras

    made = tmp_path_factory.mktemp("whole")
    keras.utils.set_random_seed(0)
    network(keras, keras.layers.Rescaling(1 / 255), dtype="uint8").save(made / "whole.keras")
    datasets.write_dataset(made / "d.h5", dict.fromkeys(datasets.SPLITS, (IMAGES, np.arange(30) % 3)), ["a", "b", "c"])
    (made / "s.csv").write_text("index,label\n" + "".join(f"{k},{k % 3}\n" for k in range(30)))
    return made


def extracted(folder, how, out):
    command = [sys.executable, SCRIPTS / "extract_activations.py", "--name", "whole", "--model", folder / "whole.keras",
               "--dataset", folder / "d.h5", "--sample", folder / "s.csv", "--split", "train", "--normalisation", how,
               "--layers", '["logits"]', "--out", out]  # fmt: skip
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)


def test_a_job_measures_what_the_network_makes_of_the_pixels_themselves_or_ends_in_one_line(folder, tmp_path):
    import keras

    model = keras.models.load_model(folder / "whole.keras")
    kernel, bias = model.layers[-1].get_weights()
    expected = (IMAGES.astype(np.float32) / 255).reshape(30, -1) @ kernel + bias
    done = extracted(folder, "auto", tmp_path / "a.h5")
    assert done.returncode == 0, done.stderr
    assert "normalisation raw, for it takes whole numbers (uint8)" in done.stderr
    np.testing.assert_allclose(read_activations(tmp_path / "a.h5").points("logits"), expected, rtol=1e-4, atol=1e-4)

    done = extracted(folder, "global", tmp_path / "b.h5")
    assert done.returncode == 1
    assert "`normalisation: raw`" in done.stderr.strip().splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "b.h5").exists()


def test_fractions_are_refused_by_the_library_too(folder, tmp_path):
    opened = runtime.open_network(folder / "whole.keras", ["logits"])
    with pytest.raises(InputError, match=r"takes whole numbers.*`normalisation: raw`.*Received: fractions"):
        extraction.write_activations(
            opened, IMAGES, out=tmp_path / "a.h5", normalise=lambda images: images / np.float32(255)
        )
    assert not any(tmp_path.iterdir())
    extraction.write_activations(opened, IMAGES, out=tmp_path / "a.h5")


def test_a_network_without_a_gradient_is_not_attacked(folder):
    import keras

    model = keras.models.load_model(folder / "whole.keras")
    normalise = datasets.Normaliser(np.float32(0), np.float32(1))
    with pytest.raises(InputError, match=r"attacks expected a network that takes real numbers.*uint8"):
        KerasVictim(model, scores_tap(model, "logits"), normalise, attacks.AttackSettings([0.1]))
