"""What a model file says of itself, read without Keras: its layers, code that it carries, layers worth tapping.

A plan needs one job per layer before anything runs, and must not pay for TensorFlow. So the file's own configuration,
JSON inside a ``.keras`` archive or an HDF5 attribute, is read here, and the choice of layers is made on a graph that
looks the same whether it comes from that JSON or from an opened model (see :mod:`topodepth.networks.graph`).
"""

import json
import re
import zipfile
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from topodepth.errors import InputError
from topodepth.files import hdf5
from topodepth.files.reading import of_file
from topodepth.networks.code import code_in
from topodepth.networks.graph import LayerGraph
from topodepth.networks.kinds import not_a_model, weights_only
from topodepth.networks.onnx_file import OnnxFile, is_onnx
from topodepth.networks.onnx_file import inspect as inspect_onnx
from topodepth.networks.records import file_graph, layer_name
from topodepth.networks.taps import auto_tokens

CONFIG_LIMIT = 2**26  # bytes of JSON; that of the largest published networks is under 2 MB
WEIGHTS = "model.weights.h5"


@dataclass(frozen=True)
class ModelFile:
    """What a model file says of itself.

    Attributes
    ----------
    path, format
        The file; ``"keras"`` (an archive) or ``"hdf5"``.
    keras_version
        The version of Keras that wrote it, such as ``"2.2.4"``.
    name, class_name
        The model's; its class is ``Functional``, ``Sequential`` or ``Model``.
    layers
        (index, name, class) of each layer, as in ``model.layers``.
    code
        Descriptions of what runs code that is not Keras' own; empty for a plain file.
    config
        The model's whole configuration.
    """

    path: Path
    format: str
    keras_version: str
    name: str
    class_name: str
    layers: tuple[tuple[int, str, str], ...]
    code: tuple[str, ...]
    config: dict = field(repr=False, compare=False)

    @property
    def legacy(self) -> bool:
        """Whether only the legacy Keras 2 opens it."""
        return int(self.keras_version.split(".")[0]) < 3

    def graph(self) -> LayerGraph:
        """Return the graph that the file describes.

        Raises
        ------
        InputError
            If its layers form no network.
        """
        order = [name for _, name, _ in self.layers]
        try:
            return file_graph(self.name, self.class_name, self.config["config"], order)
        except (AttributeError, KeyError, TypeError, IndexError, RecursionError) as error:  # any JSON can be there
            reason = f"{type(error).__name__} {error}"
            raise InputError(f"{self.path}: unreadable architecture. Received: {reason}") from error


def inspect(path: str | Path, *, trust: bool = False) -> ModelFile | OnnxFile:
    """Read what a model file says of itself, without opening the model: no Keras is imported, no code is run.

    Parameters
    ----------
    path
        A whole Keras model: ``.keras`` or HDF5, of Keras 3 or 2. Or an ONNX file, by its ending ``.onnx``.
    trust
        Accept a file that carries code.

    Raises
    ------
    InputError
        If the file is missing, truncated, holds weights only, is neither functional nor sequential, or carries code
        and is not trusted; of ONNX see :func:`topodepth.networks.onnx_file.inspect`.
    """
    return inspect_onnx(path) if is_onnx(path) else inspect_keras(path, trust=trust)


def inspect_keras(path: str | Path, *, trust: bool = False) -> ModelFile:
    """Read what a Keras file says of itself; parameters and errors as of :func:`inspect`."""
    path = Path(path)
    if not path.is_file():
        raise not_a_model(path)
    about = path.stat()
    return _inspected(path, trust, about.st_mtime_ns, about.st_size)


@lru_cache(maxsize=2)  # a plan asks several times of one file
def _inspected(path: Path, trust: bool, _changed: int, _size: int) -> ModelFile:
    form, config, version = _read_config(path)
    inner = config.get("config") if isinstance(config, dict) else None
    if not isinstance(inner, dict | list):
        received = f"{type(config).__name__} without one"
        raise InputError(f"{path}: unreadable architecture, expected a model's configuration. Received: {received}")
    kind, legacy = config.get("class_name"), int(version.split(".")[0]) < 3
    # how it was trained is not read when a model is opened to be measured
    network = {key: value for key, value in config.items() if key != "compile_config"}
    code = _code(path, network, legacy)
    if code and not trust:
        raise InputError(
            f"{path}: carries code, expected plain Keras layers; open it with trust=True only if you trust whoever "
            f"made it. Received: {code[0]}"
        )
    records = inner if isinstance(inner, list) else inner.get("layers")  # Keras 2.1 wrote a bare list
    if not isinstance(records, list):
        raise InputError(f"{path}: expected a functional or sequential model. Received: {kind}")
    name = inner.get("name", "") if isinstance(inner, dict) else ""
    listed = _layers(path, records)
    if kind == "Sequential":
        listed = [entry for entry in listed if entry[1] != "InputLayer"]
    layers = tuple((index, *entry) for index, entry in enumerate(listed))
    return ModelFile(path, form, version, str(name), str(kind), layers, code, config)


def _code(path: Path, network: dict, legacy: bool) -> tuple[str, ...]:
    try:
        return tuple(code_in(network, legacy))
    except RecursionError as error:
        raise InputError(f"{path}: unreadable architecture. Received: values too deep in each other") from error


def _layers(path: Path, records: list) -> list[tuple[str, str]]:
    """Return name and class of each layer; functions of Keras 3 stand among them, and not in ``model.layers``."""
    named = []
    for item in records:
        if isinstance(item, dict) and ".ops." in f"{item.get('module')}.":
            continue
        whole = isinstance(item, dict) and isinstance(item.get("config"), dict) and "class_name" in item
        if not whole or not (item["config"].get("name") or "name" in item):
            raise InputError(f"{path}: unreadable architecture, expected layers with names. Received: another item")
        named.append((layer_name(item), str(item["class_name"])))
    return named


def auto_layers(path: str | Path, *, trust: bool = False) -> list[str]:
    """Return the layers that ``layers: auto`` taps in a model file, in order of depth, without opening the model.

    They are the tokens of ``models.tap_layers(models.load_model(path), "auto")``: the same choice, made on the graph
    that the file describes.

    Raises
    ------
    InputError
        As :func:`inspect`; also if the model has several inputs, or layers that form no network.
    """
    found = inspect(path, trust=trust)
    try:
        return found.auto() if isinstance(found, OnnxFile) else auto_tokens(found.graph())
    except InputError as error:
        raise error if str(path) in str(error) else InputError(f"{path}: {error}") from None


def _read_config(path: Path) -> tuple[str, Any, str]:
    """Return the kind of a model file, the configuration inside it and the version of Keras that wrote it."""
    with path.open("rb") as handle:
        head = handle.read(len(hdf5.START))
    if head == hdf5.START:
        form = "hdf5"
        with hdf5.open_h5(path) as file:
            config = hdf5.attribute_of(f"{path}:", file, "model_config")
            version = hdf5.attribute_of(f"{path}:", file, "keras_version", "2.0")
        if config is None:
            raise weights_only(path)
    elif zipfile.is_zipfile(path):
        form, (config, version) = "keras", _read_archive(path)
    else:
        raise not_a_model(path)
    if not re.match(r"\d{1,4}(\.|$)", str(version)):
        raise InputError(f"{path}: unreadable Keras version. Received: {version!r:.60}")
    return form, of_file(f"{path}: unreadable architecture,", json.loads, config, expected="JSON"), str(version)


def _read_archive(path: Path) -> tuple[bytes, object]:
    """Return the configuration and the version of Keras in a ``.keras`` archive."""
    where, whole = f"{path}:", "a whole Keras file"
    with of_file(where, zipfile.ZipFile, path, expected=whole) as archive:
        if "config.json" not in archive.namelist():
            raise not_a_model(path)
        for member in ("config.json", "metadata.json"):
            if of_file(where, archive.getinfo, member, expected=whole).file_size > CONFIG_LIMIT:
                raise InputError(f"{path}: {member} expected below {CONFIG_LIMIT} bytes. Received: more.")
        of_file(where, archive.getinfo, WEIGHTS, expected=whole)
        config = of_file(where, archive.read, "config.json", expected=whole)
        metadata = of_file(where, archive.read, "metadata.json", expected=whole)
    about = of_file(f"{path}: metadata.json", json.loads, metadata, expected="as JSON")
    if not isinstance(about, dict) or "keras_version" not in about:
        raise InputError(f"{path}: metadata.json expected to state 'keras_version'. Received: {about!r:.60}")
    return config, about["keras_version"]
