import re
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from topodepth import architectures
from topodepth.activations import extraction
from topodepth.activations.file import read_activations, validate
from topodepth.errors import InputError

ROOT = Path(__file__).parents[2]
N = 50
IMAGES = np.random.default_rng(0).integers(0, 256, (N, 8, 8, 1)).astype(np.uint8)
LABELS = np.arange(N) % 3
LAYERS = ["block1_conv2", "dense1", "logits"]


def normalise(batch):
    return batch.astype(np.float32) / 255


@pytest.fixture(scope="module")
def model():
    return architectures.build("vgg", input_shape=(8, 8, 1), classes=3, width=8)


def extract(model, path, images=IMAGES, layers=LAYERS, **options):
    options = {"batch_size": 16, "labels": LABELS, "normalise": normalise, **options}
    extraction.extract(model, images, layers, out=path, **options)
    return read_activations(path)


def test_the_file_holds_what_the_model_computes(model, tmp_path):
    import keras

    found = extract(model, tmp_path / "a.h5", attributes={"model": "mine", "dataset": "noise"})
    whole = keras.Model(model.inputs, [model.get_layer(name).output for name in LAYERS])(normalise(IMAGES))
    convolution, dense, logits = (np.asarray(values) for values in whole)
    np.testing.assert_allclose(found.points("block1_conv2"), convolution.mean(axis=(1, 2)), atol=1e-5)
    np.testing.assert_allclose(found.points("dense1"), dense, atol=1e-5)
    np.testing.assert_allclose(found.points("logits"), logits, atol=1e-5)
    np.testing.assert_array_equal(found.labels, LABELS)
    np.testing.assert_array_equal(found.indices, np.arange(N))
    assert (found.model, found.n, found.attributes["dataset"]) == ("mine", N, "noise")


def test_layers_are_named_in_order_with_their_attributes(model, tmp_path):
    found = extract(model, tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        assert list(file["layers"]) == ["000_block1_conv2", "001_dense1", "002_logits"]
        assert all(dataset.dtype == np.float32 for dataset in file["layers"].values())
        assert (file.attrs["format"], file.attrs["version"], file.attrs["model"]) == ("topodepth-activations", 1, "vgg")
    assert [(layer.token, layer.d, layer.reduction) for layer in found.layers] == [
        ("block1_conv2", 8, "mean"),
        ("dense1", 32, "none"),
        ("logits", 3, "none"),
    ]
    depths = [layer.relative_depth for layer in found.layers]
    assert 0 < depths[0] < depths[1] < depths[2] <= 1


@pytest.mark.parametrize("batch_size", [1, 7, 50, 999])
def test_the_batch_size_does_not_change_the_result(model, tmp_path, batch_size):
    whole = extract(model, tmp_path / "a.h5", batch_size=N)
    other = extract(model, tmp_path / "b.h5", batch_size=batch_size)
    for token in LAYERS:
        np.testing.assert_allclose(other.points(token), whole.points(token), atol=1e-5)


@pytest.mark.parametrize("source", ["array", "hdf5"])
def test_indices_choose_rows_in_their_own_order_even_twice(model, tmp_path, source):
    rows = np.array([7, 3, 40, 3, 0, 21])
    whole = extract(model, tmp_path / "a.h5")
    with h5py.File(tmp_path / "images.h5", "w") as file:
        file["images"], file["labels"] = IMAGES, LABELS
        images, labels = (IMAGES, LABELS) if source == "array" else (file["images"], file["labels"])
        part = extract(model, tmp_path / "b.h5", images, labels=labels, indices=rows, batch_size=4)
    np.testing.assert_array_equal(part.indices, rows)
    np.testing.assert_array_equal(part.labels, LABELS[rows])
    np.testing.assert_allclose(part.points("logits"), whole.points("logits")[rows], atol=1e-5)


class Watched:
    """Images that notice how many are asked for at once."""

    def __init__(self):
        self.shape, self.largest = IMAGES.shape, 0

    def __len__(self):
        return N

    def __getitem__(self, rows):
        taken = IMAGES[rows]
        self.largest = max(self.largest, len(taken))
        return taken


@pytest.mark.parametrize(("indices", "size"), [(None, 8), (np.arange(N)[::-3], 6)])  # 7 and 3 equal batches
def test_no_more_than_a_batch_of_images_is_ever_held(model, tmp_path, indices, size):
    images = Watched()
    extract(model, tmp_path / "a.h5", images, indices=indices, batch_size=8)
    assert images.largest == size


def test_a_shared_layer_is_written_once_an_application(tmp_path):
    mobilenet = architectures.build("mobilenet_v2", input_shape=(8, 8, 1), classes=3, width=8)
    found = extract(mobilenet, tmp_path / "a.h5", layers=["activation@0", "activation@31"])
    assert [layer.name for layer in found.layers] == ["activation@0", "activation@31"]
    assert not np.array_equal(found.points("activation@0"), found.points("activation@31"))


def test_an_infinite_activation_names_model_and_layer_and_leaves_no_file(tmp_path):
    broken = architectures.build("vgg", input_shape=(8, 8, 1), classes=3, width=8)
    dense = broken.get_layer("dense2")
    kernel, bias = dense.get_weights()
    dense.set_weights([kernel, np.full_like(bias, np.inf)])
    with pytest.raises(InputError, match="model 'vgg', layer 'logits': activations expected to be finite"):
        extract(broken, tmp_path / "a.h5")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"images": IMAGES[:, :7]}, r"expected \(n, 8, 8, 1\), .*Received: data of shape \(n, 7, 8, 1\)"),
        ({"labels": LABELS[:3]}, "one label for each of 50 images. Received: 3"),
        ({"indices": [0, 50]}, "indices expected from 0 to 49. Received: 0 to 50"),
        ({"indices": []}, "indices expected as whole numbers"),
        ({"batch_size": 0}, "batch_size expected to be at least 1"),
        ({"layers": ["dense3"]}, "unknown layer of vgg 'dense3'. Did you mean 'dense[12]'"),
    ],
)
def test_what_does_not_fit_the_model_is_refused(model, tmp_path, options, expected):
    with pytest.raises(InputError, match=expected):
        extract(model, tmp_path / "a.h5", **options)
    assert list(tmp_path.iterdir()) == []


def by_hand(path, **layers):
    with h5py.File(path, "w") as file:
        for name, values in layers.items():
            file[f"layers/{name}"] = values
    return path


POINTS = np.random.default_rng(1).random((6, 3))


def test_a_file_made_by_hand_needs_only_layers(tmp_path):
    found = read_activations(
        by_hand(tmp_path / "hand.h5", **{"0_first": POINTS, "1_second": np.arange(12).reshape(6, 2)})
    )
    assert [(layer.token, layer.relative_depth, layer.d) for layer in found.layers] == [
        ("first", 0.5, 3),
        ("second", 1, 2),
    ]
    assert found.points("second").dtype == np.float32
    np.testing.assert_array_equal(found.points("first"), POINTS.astype(np.float32))
    assert found.labels is None
    np.testing.assert_array_equal(found.indices, np.arange(6))
    assert found.model == "hand"


def test_an_unknown_layer_of_a_file_lists_the_known_ones(tmp_path):
    found = read_activations(by_hand(tmp_path / "hand.h5", first=POINTS))
    with pytest.raises(InputError, match=r"hand.h5 'last'.*Known: first"):
        found.points("last")


def malformed():
    yield "no layers", lambda file: file.pop("layers"), "expected a group '/layers'"
    yield "three axes", lambda file: file.create_dataset("layers/c", data=np.zeros((6, 2, 2))), r"'c' expected as real"
    yield "words", lambda file: file.create_dataset("layers/c", data=[b"x"] * 6), "'c' expected as real numbers"
    yield "a group", lambda file: file.create_group("layers/c"), "'c' expected as real numbers .* a group"
    yield "fewer points", lambda file: file.create_dataset("layers/c", data=POINTS[:5]), "'c' expected 6 points.*: 5"
    yield "no points", lambda file: file.create_dataset("layers/0", data=POINTS[:0]), "'0' expected at least one point"
    yield "twins", lambda file: file["layers/b"].attrs.update(token="a"), "expected to differ. Received: 'a' twice"
    yield "depth", lambda file: file["layers/b"].attrs.update(relative_depth=2.0), "from 0 to 1. Received: 2.0"
    yield "depth text", lambda file: file["layers/b"].attrs.update(relative_depth="half"), "Received: 'half'"
    yield "labels", lambda file: file.create_dataset("labels", data=np.zeros(5, int)), "'/labels' expected as 6 whole"
    yield "real labels", lambda file: file.create_dataset("labels", data=np.zeros(6)), "'/labels' expected as 6 whole"
    yield "format", lambda file: file.attrs.update(format="other"), "expected 'topodepth-activations'"
    yield "version", lambda file: file.attrs.update(version=2), "'version' expected 1. Received: 2"


def refusal(path, change, expected):
    """Write a good file, change it, and return the one line by which it is refused."""
    by_hand(path, a=POINTS, b=POINTS)
    with h5py.File(path, "a") as file:
        change(file)
    with pytest.raises(InputError, match=expected) as caught:
        read_activations(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(("change", "expected"), [pytest.param(*case[1:], id=case[0]) for case in malformed()])
def test_a_malformed_file_is_refused_in_one_line_that_names_it(tmp_path, change, expected):
    assert str(tmp_path / "hand.h5") in refusal(tmp_path / "hand.h5", change, expected)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_value_that_is_not_finite_names_file_model_and_layer(tmp_path, value):
    points = POINTS.copy()
    points[2, 1] = value
    found = read_activations(by_hand(tmp_path / "hand.h5", good=POINTS, wrong=points))
    assert found.points("good").shape == (6, 3)
    with pytest.raises(InputError, match=r"hand.h5: model 'hand', layer 'wrong'.*Received: 1 NaN or infinite of 18"):
        found.points("wrong")


def test_a_truncated_file_is_refused(tmp_path):
    path = by_hand(tmp_path / "hand.h5", first=np.zeros((500, 30)))
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(InputError, match=r"hand.h5: not a readable HDF5 file"):
        read_activations(path)


def test_reading_imports_no_deep_learning_library(tmp_path):
    path = by_hand(tmp_path / "hand.h5", first=POINTS)
    code = (
        "import sys; from topodepth.activations.file import read_activations;"
        f"read_activations({str(path)!r}).points('first');"
        "print(sorted({'keras', 'tensorflow', 'tf_keras'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def hostile():
    def link(name, target):
        return lambda file: file.__setitem__(name, target)

    def external(file):
        file.create_dataset("layers/c", (6, 3), "float32", external=[("/etc/hostname", 0, h5py.h5f.UNLIMITED)])

    def virtual(file):
        layout = h5py.VirtualLayout((6, 3), "float64")
        layout[:] = h5py.VirtualSource("/elsewhere.h5", "a", (6, 3))
        file.create_virtual_dataset("layers/c", layout)

    def swapped(file):
        del file["layers"]
        file["layers"] = h5py.ExternalLink("/elsewhere.h5", "/layers")

    yield "external link", link("layers/c", h5py.ExternalLink("/elsewhere.h5", "/a")), "'c' expected to be stored in"
    yield "soft link", link("layers/c", h5py.SoftLink("/layers/a")), "'c' expected to be stored in the file itself"
    yield "dangling link", link("layers/c", h5py.SoftLink("/nowhere")), "'c' expected to be stored in the file itself"
    yield "external labels", link("labels", h5py.ExternalLink("/elsewhere.h5", "/a")), "'/labels' expected to be stored"
    yield "linked indices", link("indices", h5py.SoftLink("/labels")), "'/indices' expected to be stored"
    yield "linked layers", swapped, "'/layers' expected to be stored in the file itself"
    yield "external storage", external, "'c' expected to be stored in the file itself. Received: data of other files"
    yield "virtual", virtual, "'c' expected to be stored in the file itself. Received: data of other files"
    yield (
        "huge", lambda file: file.create_dataset("layers/a0", (6, 10**12), "float32", chunks=(1, 100)),
        "'a0' expected whole. Received: 24000000000000 bytes declared, 0 stored",
    )  # fmt: skip
    yield (
        "bomb", lambda file: file.create_dataset("layers/c", (10**6, 10**6), "float32", chunks=(6, 3), compression=9),
        "'c' expected whole",
    )  # fmt: skip
    yield "empty", lambda file: file.create_dataset("layers/c", data=h5py.Empty("f")), "'c' expected as real numbers"
    yield "two lines", lambda file: file["layers/a"].attrs.update(token="a\nb"), "'token' expected as one line"
    yield "a long name", lambda file: file.attrs.update(model="x" * 999), "'model' expected as one line of at most 200"
    yield (
        "a number for a name",
        lambda file: file["layers/a"].attrs.update(token=[1, 2]),
        "'token' expected as one line",
    )


@pytest.mark.parametrize(("change", "expected"), [pytest.param(*case[1:], id=case[0]) for case in hostile()])
def test_a_hostile_file_is_refused_before_it_is_read(tmp_path, change, expected):
    assert refusal(tmp_path / "hand.h5", change, expected) in validate(tmp_path / "hand.h5")


def test_a_layer_swapped_for_a_link_after_opening_is_not_followed(tmp_path):
    path = by_hand(tmp_path / "hand.h5", a=POINTS, b=POINTS)
    found = read_activations(path)
    with h5py.File(path, "a") as file:
        del file["layers/b"]
        file["layers/b"] = h5py.SoftLink("/layers/a")
    with pytest.raises(InputError, match="stored in the file itself"):
        found.points("b")


def test_layers_are_ordered_by_their_numbers(tmp_path):
    path = by_hand(tmp_path / "hand.h5", **dict.fromkeys(("10_c", "2_b", "1_a", "z", "y"), POINTS))
    assert [layer.token for layer in read_activations(path).layers] == ["a", "b", "c", "y", "z"]


def test_the_validator_names_every_mistake_at_once(tmp_path):
    wrong = POINTS.copy()
    wrong[0, 0] = np.nan
    path = by_hand(tmp_path / "hand.h5", a=POINTS, b=wrong, c=np.ones((6, 2)), d=POINTS[:4], e=POINTS * 1e300)
    with h5py.File(path, "a") as file:
        file["labels"] = np.zeros(3, int)
        file.attrs["version"] = 7
    problems = validate(path)
    expected = ["version", "'b' expected as finite", "'c' expected as points that differ", "'d' expected 6 points",
                "'e' expected as finite", "'/labels' expected as 6 whole"]  # fmt: skip
    assert len(problems) == len(expected)
    for words, problem in zip(expected, problems, strict=True):
        assert words in problem
        assert str(path) in problem
        assert "\n" not in problem
    assert validate(by_hand(tmp_path / "good.h5", a=POINTS)) == []


def script(name, *arguments, folder=None):
    command = [sys.executable, str(ROOT / "workflow/scripts" / name), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)


def test_the_least_file_of_the_documentation_is_what_it_says(tmp_path):
    text = (ROOT / "docs/activations.md").read_text()
    example = re.search(r"```python\n(.*?)```", text, re.S)[1]
    subprocess.run([sys.executable, "-c", example], check=True, cwd=tmp_path)
    done = script("check_activations.py", "mine.h5", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"```text\n{done.stdout}```" in text
    assert validate(tmp_path / "mine.h5") == []


def test_the_checking_command_says_what_is_wrong_and_fails(tmp_path):
    path = by_hand(tmp_path / "hand.h5", a=POINTS, b=POINTS[:3], c=np.ones((6, 1)))
    done = script("check_activations.py", path)
    assert done.returncode == 1
    assert "'b' expected 6 points" in done.stderr
    assert "'c' expected as points that differ" in done.stderr
    assert "2 problems" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    missing = script("check_activations.py", tmp_path / "absent.h5")
    assert (missing.returncode, missing.stderr.strip()) == (
        1,
        f"error: {tmp_path / 'absent.h5'}: no such file, expected an HDF5 file.",
    )


def test_the_checking_command_runs_in_a_bare_python_or_says_which_to_use(tmp_path):
    path = by_hand(tmp_path / "hand.h5", a=POINTS)
    command = [sys.executable, "-I", "-S", str(ROOT / "workflow/scripts/check_activations.py"), str(path)]
    bare = subprocess.run(command, capture_output=True, text=True, check=False)
    assert bare.returncode == 1
    assert bare.stderr.count("\n") == 1
    assert re.search(r"^error: this needs Python 3.11 with numpy and h5py. Use .*\.venv/bin/python", bare.stderr)
    # numpy and h5py are enough: nothing else of this environment, topodepth itself included, is asked for
    packages = Path(np.__file__).parents[1]
    code = f"""
import importlib.abc, runpy, sys
class Only(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {sorted({p.stem for p in packages.iterdir()} - {"numpy", "h5py"})}:
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Only())
sys.path.append({str(packages)!r})
sys.argv = ["check_activations.py", {str(path)!r}]
runpy.run_path({str(ROOT / "workflow/scripts/check_activations.py")!r}, run_name="__main__")
"""
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 layers, 6 points" in done.stdout


@pytest.mark.parametrize(
    ("shape", "advice", "expected"),
    [
        ((6, 4, 5, 3), r"average over space before you write: values.mean\(axis=\(1, 2\)\)", (6, 3)),
        ((6, 4, 3), r"average over positions before you write: values.mean\(axis=1\)", (6, 3)),
        ((6, 4, 5, 2, 3), r"average over space before you write: values.mean\(axis=\(1, 2, 3\)\)", (6, 3)),
        ((6,), r"one feature\? Write values\[:, None\]", (6, 1)),
    ],
)
def test_activations_with_space_are_told_how_to_average(tmp_path, shape, advice, expected):
    values = np.random.default_rng(0).random(shape)
    (problem,) = validate(by_hand(tmp_path / "hand.h5", conv=values))
    assert re.search(advice, problem, re.IGNORECASE)
    advised = eval(re.search(r"values[^,]*(?:\(axis=\([^)]*\)\)|\(axis=1\)|, None\])", problem)[0], {"values": values})
    assert advised.shape == expected  # what is advised works
    assert str(tmp_path / "hand.h5") in problem
    assert "'conv'" in problem


def test_the_pytorch_example_writes_a_good_file(tmp_path):
    pytest.importorskip("torch", reason="PyTorch is no part of topodepth; the example is tried where it is installed")
    subprocess.run([sys.executable, ROOT / "docs/pytorch_activations.py", "torch.h5"], check=True, cwd=tmp_path)
    assert validate(tmp_path / "torch.h5") == []
