"""Data of many shapes through the pipeline's own scripts, in one process, as TensorFlow starts slowly.

Called as ``python shapes_driver.py FOLDER``. For each case it makes a data set and a network, runs prepare_dataset,
draw_sample, extract_activations, evaluate_model and compute_diagrams, and keeps what they said, and what the network
gives by Keras alone on data that are normalised here by hand.
"""

import contextlib
import io
import json
import logging
import runpy
import sys
from pathlib import Path

import numpy as np

SCRIPTS = Path(__file__).parents[2] / "workflow/scripts"
CLASSES, N = 3, 60


def cases(layers):
    """Return data, normalisation, the same data as the network takes them, input shape and layers of each case."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (N, 28, 28), dtype=np.uint8)
    grey, flat = pixels[..., None], pixels.reshape(N, 784)
    signals = rng.normal(5, 2, (N, 150, 1))
    sequences = rng.normal(size=(N, 30, 15)) * np.arange(1, 16) + 20
    table = (rng.normal(size=(N, 12)) * np.arange(1, 13)).astype(np.float32)
    tokens = rng.integers(0, 1000, (N, 20))

    def dense():
        return layers.Dense(8, activation="tanh", name="middle")

    return {
        "images to a dense network": (grey, "unit", lambda x: x.reshape(-1, 784) / 255, (784,), [dense()]),
        "flat pixels": (flat, "unit", lambda x: x / 255, (784,), [dense()]),
        "rows of images": (pixels, "unit", lambda x: x / 255, (28, 28), [layers.Flatten(), dense()]),
        "flat pixels to a convolution": (
            flat, "raw", lambda x: x.reshape(-1, 28, 28, 1), (28, 28, 1),
            [layers.Conv2D(4, 3, name="middle"), layers.GlobalAveragePooling2D()],
        ),
        "signals": (
            signals, "global", lambda x: (x - TRAIN(x).mean()) / TRAIN(x).std(), (150, 1),
            [layers.Conv1D(6, 5, name="middle"), layers.GlobalAveragePooling1D()],
        ),
        "signals of free length": (
            signals[..., 0], "raw", lambda x: x[..., None], (None, 1),
            [layers.Conv1D(6, 5, name="middle"), layers.GlobalAveragePooling1D()],
        ),
        "sequences": (
            sequences, "channel",
            lambda x: (x - TRAIN(x).mean(axis=(0, 1))) / TRAIN(x).std(axis=(0, 1)), (30, 15),
            [layers.LSTM(7, name="middle")],
        ),
        "tables": (table, "channel", lambda x: (x - TRAIN(x).mean(axis=0)) / TRAIN(x).std(axis=0), (12,), [dense()]),
        "tokens": (
            tokens, "raw", lambda x: x, (20,),
            [layers.Embedding(1000, 5), layers.Flatten(), layers.Dense(8, name="middle")],
        ),
        "refused: too few": (table[:, :11], "raw", None, (12,), [dense()]),
        "refused: turned": (sequences.transpose(0, 2, 1), "raw", None, (30, 15), [layers.LSTM(7, name="middle")]),
    }  # fmt: skip


def TRAIN(x):  # noqa: N802
    """The rows of the training split, whose statistics normalise all splits."""
    return x[: N // 2]


def script(command, /, **options):
    """Run a script as a command line would; return its exit code's text and what it logged."""
    sys.argv = [command]
    for key, value in options.items():
        sys.argv += [f"--{key.replace('_', '-')}", str(value)]
    logged = io.StringIO()
    handler = logging.StreamHandler(logged)
    logging.getLogger("topodepth").addHandler(handler)
    logging.getLogger("topodepth").setLevel(logging.INFO)
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            runpy.run_path(str(SCRIPTS / f"{command}.py"), run_name="__main__")
            end = ""
        except SystemExit as error:
            end = str(error.code)
        finally:
            logging.getLogger("topodepth").removeHandler(handler)
    return {"end": end, "log": logged.getvalue()}


def pass_through(folder, keras, case):
    """Pass one case through all scripts; return what each said."""
    data, normalisation, by_hand, shape, middle = case
    labels, third = np.arange(N) % CLASSES, (N // 2, 3 * N // 4)
    folder.mkdir()
    splits, arrays = ("train", "validation", "test"), {"x": np.split(data, third), "y": np.split(labels, third)}
    np.savez(
        folder / "d.npz",
        **{f"{key}_{split}": parts[k] for key, parts in arrays.items() for k, split in enumerate(splits)},
    )
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input(shape), *middle, keras.layers.Dense(CLASSES, "softmax", name="head")])
    model.save(folder / "m.keras")
    dataset, activations, on_model = folder / "d.h5", folder / "a.h5", {"normalisation": normalisation}
    said = {}
    said["prepare_dataset"] = script(
        "prepare_dataset", loader="npz", source=folder / "d.npz", settings="{}", out=dataset
    )
    said["draw_sample"] = script(
        "draw_sample", dataset=dataset, settings='{"split": "test", "images": 12, "seed": 0}', out=folder / "s.csv"
    )
    said["extract_activations"] = script(
        "extract_activations", name="m", model=folder / "m.keras", dataset=dataset, sample=folder / "s.csv",
        split="test", layers='["middle", "logits"]', out=activations, **on_model,
    )  # fmt: skip
    said["evaluate_model"] = script(
        "evaluate_model", model=folder / "m.keras", dataset=dataset, out=folder / "metrics.json", **on_model
    )
    if by_hand is not None:
        said["compute_diagrams"] = script(
            "compute_diagrams", activations=activations, layer="middle", out=folder / "h.h5"
        )
        inputs = by_hand(data.astype(np.float64)).astype(np.float32)[third[1] :]
        values = np.asarray(keras.Model(model.inputs, model.get_layer("middle").output)(inputs))
        probabilities = np.asarray(model(inputs))
        np.savez(folder / "expected.npz", middle=values.reshape(len(values), -1, values.shape[-1]).mean(axis=1),
                 accuracy=np.mean(probabilities.argmax(axis=1) == labels[third[1] :]))  # fmt: skip
    return said


def main(folder):
    """Pass all cases through."""
    import keras

    said = {
        name: pass_through(folder / name.replace(" ", "_"), keras, case) for name, case in cases(keras.layers).items()
    }
    (folder / "said.json").write_text(json.dumps(said))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
