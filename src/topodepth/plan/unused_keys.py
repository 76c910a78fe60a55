"""Keys of a configuration that nothing would ever read where they stand: refused, so that nobody believes in them."""

from collections.abc import Iterator, Mapping
from functools import partial

from topodepth.errors import InputError
from topodepth.networks.onnx_file import is_onnx

SOURCES = ("architecture", "file", "directory", "asset", "torch")  # of a model, one of them
OF_TRAINING = ("activation", "width", "depth", "seed", "seeds", "grid", "training")
OF_FILES = ("trust", "stated_accuracy", "hyperparameters", "mean", "std", "layout")
OF_TORCH = ("weights", "arguments")
ONE_STEP = ("fgsm",)  # attacks without iterations
OF_STEPS = ("steps", "step_size")


def refuse(config: Mapping, schema: Mapping) -> None:
    """Refuse the first key that is set where nothing reads it.

    Parameters
    ----------
    config
        A configuration that its schema accepts, before its defaults are filled in: only what was written counts, and
        what a recorded run wrote are defaults.
    schema
        Its schema.

    Raises
    ------
    InputError
        Names the key, where it would count, and what was received.
    """
    for key, reason, received in _unused(config, schema):
        raise InputError(f"config key {key!r}: {reason}. Received: {received!r}.")


def _unused(config: Mapping, schema: Mapping) -> Iterator[tuple[str, str, object]]:
    for name, model in config["models"].items():
        yield from _of_model(f"models.{name}", model)
    for name, dataset in config["datasets"].items():
        if dataset.get("source") and dataset.get("assets"):
            reason = f"expected in place of its assets {dataset['assets']}; to read it, add `assets: []`"
            yield f"datasets.{name}.source", reason, dataset["source"]
    for item in config["experiments"].get("adversarial") or []:
        known = schema["$defs"]["adversarial"]["properties"]
        yield from _of_attack(f"experiments.adversarial.{item['name']}", item, known)
    for item in config["experiments"].get("spoofing") or []:
        yield from _of_spoofing(f"experiments.spoofing.{item['name']}", item)


def _of_model(where: str, model: Mapping) -> Iterator[tuple[str, str, object]]:
    sources = [key for key in SOURCES if model.get(key)]
    foreign: tuple[str, ...] = ()
    reason = ""
    if sources == ["architecture"]:
        foreign, reason = OF_FILES, "expected of a file; nothing reads it of a network trained here"
    elif len(sources) == 1:
        foreign, reason = OF_TRAINING, "expected in a model with an architecture; nothing reads it of a file"
    if len(sources) == 1 and sources != ["torch"]:
        for key in filter(partial(_is_set, model), OF_TORCH):
            yield f"{where}.{key}", "expected with `torch: my_nets.py:name`; nothing reads it here", model[key]
    if sources == ["file"]:
        yield from _of_file(where, model)
    for key in filter(partial(_is_set, model), foreign):
        yield f"{where}.{key}", reason, model[key]
    if model.get("seeds") and model.get("seed") is not None:
        yield f"{where}.seed", "expected without `seeds`, which come in its place (or `seeds: []`)", model["seed"]


def _of_file(where: str, model: Mapping) -> Iterator[tuple[str, str, object]]:
    if is_onnx(model["file"]):
        if model.get("trust"):
            yield f"{where}.trust", "expected of a Keras file; an ONNX file carries no code", model["trust"]
    elif model.get("layout", "auto") != "auto":
        reason = "expected of an ONNX file or a PyTorch model; Keras files tell it themselves"
        yield f"{where}.layout", reason, model["layout"]


def _of_attack(where: str, item: Mapping, known: Mapping) -> Iterator[tuple[str, str, object]]:
    for key in OF_STEPS if item.get("attack", ONE_STEP[0]) in ONE_STEP else ():
        default = known[key]["default"]
        if item.get(key, default) != default:
            yield f"{where}.{key}", "expected with an attack of several steps (bim, pgd); fgsm makes one", item[key]


def _of_spoofing(where: str, item: Mapping) -> Iterator[tuple[str, str, object]]:
    models = item.get("models")
    if "pixels" in item and item["pixels"] is None and not models:
        yield f"{where}.pixels", "expected a map, or models in whose layers to measure", None
    if item.get("layers") and not models:
        yield f"{where}.layers", "expected with `models`, whose layers they are", item["layers"]


def _is_set(settings: Mapping, key: str) -> bool:
    value = settings.get(key)
    return value is not None and value is not False and value not in ([], {}, "auto")
