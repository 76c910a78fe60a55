"""Model files, damaged: what they say of themselves read without Keras, and opened by it."""

import json
import zipfile

import h5py
import pytest
from hypothesis import strategies as st

from tests.fuzz import files
from tests.fuzz.damage import damaged_bytes, damaged_values, odd_values
from tests.fuzz.harness import fuzz
from topodepth import plan
from topodepth.errors import InputError
from topodepth.networks.files import auto_layers, inspect
from topodepth.networks.models import load_model, tap_layers
from topodepth.networks.weights import check_self_contained


def planned(path):
    """As the plan asks a file for its layers; each becomes a part of a file name."""
    found = inspect(path)
    assert not found.code
    for token in auto_layers(path):
        assert "/" not in plan.as_file_name(token)


def wholes(kind):
    configs = [json.dumps(config).encode() for config in files.keras_configs()]
    if kind == "keras":
        return [files.keras_archive(config) for config in configs[:2]] + [files.keras_archive(configs[2], "2.15.0")]
    return [files.keras_hdf5(config, version) for config, version in zip(configs, ("3.12.0", "3.12.0", "2.15.0"), strict=True)]  # fmt: skip  # noqa: E501


@pytest.mark.parametrize("kind", ["keras", "keras hdf5"])
def test_the_whole_files_are_planned(kind, scratch):
    for content in wholes(kind):
        assert len(auto_layers(scratch.file(content))) > 1


@pytest.mark.parametrize("kind", ["keras", "keras hdf5"])
def test_model_files_with_damaged_bytes(kind, scratch):
    refused = 0.3 if kind == "keras" else 0.2  # damage to weights alone does not change a plan
    fuzz(f"{kind}, bytes", damaged_bytes(wholes(kind)), lambda content: planned(scratch.file(content)), refused)


def test_model_files_with_a_damaged_structure(scratch):
    made = wholes("keras hdf5")
    fuzz(
        "keras hdf5, structure",
        scratch.structures(made),
        lambda steps: (planned(scratch.file(steps, made)), check_self_contained(scratch.out("file"))),
    )


STRANGE = [
    {"class_name": "Lambda", "config": {"name": "x", "function": "os.system"}},
    {"class_name": "__lambda__", "config": {"value": "AAAA"}},
    {"class_name": "__keras_tensor__", "config": {"keras_history": ["d1", 0, 0]}},
    {"class_name": "TFOpLambda", "config": {"function": "io.read_file"}},
    {"module": "os", "class_name": "system", "config": {}, "registered_name": "a>b"},
    [["d1", 0, 0, {}]], [["d1", 10**9, 0, {}]], [["nobody", 0, 0]], ["d1", 0, 0], ["d1", -1, -5], "d1", "in",
    "Sequential", "InputLayer", "Dense", "softmax",
]  # fmt: skip


def test_configurations_of_models_damaged(scratch):
    inputs = st.tuples(
        damaged_values(files.keras_configs(), st.one_of(odd_values, st.sampled_from(STRANGE))),
        st.sampled_from(["3.12.0", "2.15.0", "2.1.0", "", "x", "10" * 3000]),
        st.sampled_from([files.keras_archive, files.keras_hdf5]),
    )

    def read(value):
        config, version, make = value
        try:
            content = json.dumps(config, skipkeys=True, ensure_ascii=True).encode()
        except RecursionError:
            content = b'{"class_name": "Functional", "config": ' * 3000
        if make is files.keras_hdf5 and len(content) > 60_000:  # more than an attribute holds
            make = files.keras_archive
        planned(scratch.file(make(content, version)))

    fuzz("keras, configuration", inputs, read, refused=0.3)


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """Models as the two Keras write them."""
    import keras
    import tf_keras

    folder = tmp_path_factory.mktemp("real")
    for framework in (keras, tf_keras):
        layers = framework.layers
        chain = [layers.Dense(3, activation="relu", name=f"d{k}") for k in range(2)]
        model = framework.Sequential([framework.Input((4,)), *chain, layers.Dense(2, name="head")], name="net")
        for suffix in (".keras", ".h5"):
            model.save(folder / f"{framework.__name__}{suffix}")
    return {path.name: path for path in sorted(folder.iterdir())}


def test_models_opened_by_keras_damaged(scratch, real):
    def read(content):
        model = load_model(scratch.file(content, name="file.keras" if content[:2] == b"PK" else "file.h5"))
        tap_layers(model)

    fuzz("keras, opened", damaged_bytes([path.read_bytes() for path in real.values()]), read, refused=0.3)


def with_change(path, out, change):
    """Copy a model file with its configuration changed."""
    if path.suffix == ".h5":
        out.write_bytes(path.read_bytes())
        with h5py.File(out, "a") as file:
            config = json.loads(file.attrs["model_config"])
            change(config)
            file.attrs["model_config"] = json.dumps(config)
        return out
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(out, "w") as target:
        for item in source.namelist():
            content = source.read(item)
            if item == "config.json":
                config = json.loads(content)
                change(config)
                content = json.dumps(config)
            target.writestr(item, content)
    return out


FRAMEWORKS = ["keras.keras", "keras.h5", "tf_keras.keras", "tf_keras.h5"]


@pytest.mark.parametrize("name", FRAMEWORKS)
@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("TFSMLayer", {"filepath": "SECRET", "call_endpoint": "serve"}),
        ("TorchModuleWrapper", {"module": "AAAA"}),
        ("JaxLayer", {"call_fn": {"class_name": "__lambda__", "config": {}}}),
        ("FlaxLayer", {"module": "x"}),
        ("Lambda", {"function": "x"}),
        ("StringLookup", {"vocabulary": "SECRET"}),
        ("IntegerLookup", {"vocabulary": "SECRET"}),
        ("TextVectorization", {"vocabulary": "SECRET"}),
    ],
)
def test_layers_of_keras_that_run_or_read_files_are_refused(scratch, real, name, kind, settings):
    def change(config):
        record = config["config"]["layers"][-1]
        record["class_name"] = kind
        record["config"] = {
            "name": "odd",
            **{k: str(scratch.secret) if v == "SECRET" else v for k, v in settings.items()},
        }
        record.pop("registered_name", None)

    path = with_change(real[name], scratch.inside / name, change)
    with pytest.raises(InputError, match="carries code") as caught:
        load_model(path)
    assert kind in str(caught.value)


@pytest.mark.parametrize("name", FRAMEWORKS)
@pytest.mark.parametrize("what", ["external link", "soft link", "external storage", "huge"])
def test_weights_come_from_the_model_file_only(scratch, real, name, what):
    def spoil(path):
        with h5py.File(path, "a") as file:
            found = []
            file.visititems(
                lambda key, item: found.append(key) if isinstance(item, h5py.Dataset) and item.shape else None
            )
            key, shape = found[0], file[found[0]].shape
            del file[key]
            if what == "external link":
                file[key] = h5py.ExternalLink(str(scratch.other), "/secret")
            elif what == "soft link":
                file[key] = h5py.SoftLink("/")
            elif what == "external storage":
                file.create_dataset(key, shape, "f4", external=[(str(scratch.secret), 0, 4096)])
            else:
                file.create_dataset(key, (2**20, 2**20), "f4", chunks=(64, 64), maxshape=(None, None))

    path = scratch.inside / name
    path.write_bytes(real[name].read_bytes())
    if path.suffix == ".h5":
        spoil(path)
    else:
        weights = scratch.inside / "weights.h5"
        with zipfile.ZipFile(real[name]) as source, zipfile.ZipFile(path, "w") as target:
            weights.write_bytes(source.read("model.weights.h5"))
            spoil(weights)
            for item in source.namelist():
                target.writestr(item, weights.read_bytes() if item.endswith(".h5") else source.read(item))
    with pytest.raises(InputError, match=r"holds all its weights itself|expected whole"):
        load_model(path)


def test_weights_that_unpack_to_more_than_weights_can_are_refused(scratch, real):
    path = scratch.inside / "bomb.keras"
    with zipfile.ZipFile(real["keras.keras"]) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for item in source.namelist():
            target.writestr(item, bytes(80 << 20) if item.endswith(".h5") else source.read(item))
    assert path.stat().st_size < 1 << 20
    with pytest.raises(InputError, match=r"model\.weights\.h5 expected as numbers"):
        load_model(path)
