"""The configuration: checked against its schema, completed with defaults, and against the names that exist."""

import copy
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from topodepth import plugins
from topodepth.errors import InputError, unknown_name
from topodepth.plan import original, parameters, unused_keys
from topodepth.registry import Registry
from topodepth.topology.clouds import check_groups

if TYPE_CHECKING:
    import jsonschema

TYPES = {"object": "a map", "array": "a list", "null": "null", "string": "a text", "number": "a number",
         "integer": "a whole number", "boolean": "true or false"}  # fmt: skip

PATTERNS = {
    "^[A-Za-z0-9][A-Za-z0-9_.-]*$": "letters, digits, '_', '-' and '.', not first '_', '-' or '.'",
    "^[A-Za-z0-9_-]+$": "letters, digits, '_' and '-'",
    "^.+\\.py:[A-Za-z_][A-Za-z0-9_]*$": "a Python file and a name in it, my_nets.py:resnet20",
    "^https?://": "an address that begins with https:// or http://",
    "^[0-9a-f]{64}$": "64 hexadecimal digits in lower case",
}

# What knows the names that a configuration may use, without importing what they name.
REGISTRIES = {
    kind: Registry(module, kind)
    for kind, module in {
        "descriptor": "topodepth.topology.descriptors",
        "estimator": "topodepth.topology.dimension",
        "loader": "topodepth.datasets",
        "architecture": "topodepth.architectures",
        "attack": "topodepth.attacks.attacks",
        "measure of similarity": "topodepth.similarity",
    }.items()
}
KINDS = Registry("topodepth.plan.kinds", "kind of experiment")

# What the spoofing experiment does where the configuration does not say it; the rest is as for the other experiments.
OF_SPOOFING = {
    "topology": {"engine": "auto", "null_draws": 1, "jackknife_groups": 10, "descriptors": ["lifespan_sum"]},
    "dimension": {"estimators": ["ph_dimension", "two_nn", "mle"], "scaling": "none", "null_draws": 1, "sizes": None},
}


def laid_over(folder: str | Path, config: Mapping) -> dict:
    """Return a configuration laid over the one that comes with the pipeline.

    Maps are merged key by key, everything else is replaced. The paper's experiments are selected where nothing else is:
    a configuration that names experiments runs those and no others.

    Parameters
    ----------
    folder
        The pipeline's own, with ``config.yaml`` and ``examples/paper.yaml``.
    config
        The user's, empty if there is none; it is not changed.
    """
    base = _read(Path(folder, "config.yaml"))
    if "experiments" not in {**base, **config}:
        base = merged(base, _read(Path(folder, "examples/paper.yaml")))
    return copy.deepcopy(merged(base, config))  # what was read is kept, and must not change with its copies


def merged(below: Any, above: Any) -> Any:
    """Return one map laid over another, as Snakemake does with several files: key by key, lists are replaced."""
    if not (isinstance(below, Mapping) and isinstance(above, Mapping)):
        return copy.deepcopy(above)
    return {**below, **{key: merged(below.get(key), value) for key, value in above.items()}}


def complete(config: dict, schema_path: str | Path) -> dict:
    """Return the configuration with every default filled in; the plugins that it trusts are known from then on.

    Parameters
    ----------
    config
        The configuration as read from YAML; it is not changed.
    schema_path
        A JSON schema, as YAML.

    Raises
    ------
    InputError
        If a key is unknown, missing, of the wrong type or out of range, or names a model, data set, sample,
        architecture, descriptor or estimator that does not exist; if a plugin is not trusted, or no plugin. The
        message names the key.
    """
    try:
        return _completed(config, schema(schema_path))
    except RecursionError:
        raise InputError("config: expected values less deep in each other. Received: too deep ones.") from None


@cache
def _read(path: str | Path) -> Mapping:
    import yaml

    return yaml.safe_load(Path(path).read_text(encoding="utf-8"))


def schema(path: str | Path) -> dict:
    """Return the schema with a list for each kind of experiment; what an item of it holds is in ``$defs``."""
    schema, lists = _read(path), {}
    for kind in KINDS.names():
        description = schema["$defs"][kind]["description"]
        items = {"$ref": f"#/$defs/{kind}"}
        lists[kind] = {"description": description, "type": "array", "default": [], "items": items}
    experiments = {**schema["properties"]["experiments"], "properties": lists}
    return {**schema, "properties": {**schema["properties"], "experiments": experiments}}


def _completed(config: dict, schema: Mapping) -> dict:
    _refuse_first(_validator(schema), config)
    unused_keys.refuse(config, schema)
    completed = _with_defaults(config, schema, schema)
    _use_plugins(completed["plugins"])
    for name, model in completed["models"].items():
        _refuse_first(_part(schema, "training"), model["training"], f"models.{name}.training.")
        if model["architecture"]:
            model["training"] = {**completed["training"], **model["training"]}
        _check_grid(f"models.{name}", model, schema)
    if completed["protocol"] == "original":
        original.follow(completed)
    for item in completed["experiments"].get("spoofing", []):
        for part, own in OF_SPOOFING.items():
            where = f"experiments.spoofing.{item['name']}.{part}."
            _refuse_first(_validator(schema["properties"][part]), item[part], where)
            item[part] = {**completed[part], **own, **config.get(part, {}), **item[part]}
    _check_names(completed, schema)
    return completed


def _use_plugins(items: list) -> None:
    """Make the entries of users' files known; refuse a file that is not trusted."""
    for number, item in enumerate(items):
        file = item if isinstance(item, str) else item["file"]
        if isinstance(item, str) or not item["trust"]:
            raise InputError(
                f"config key 'plugins.{number}': {file} is a program, and would run with your rights: it can read, "
                f"change and send all that you can. If you know what it does, say {{file: {file}, trust: true}}. "
                f"Received: {item!r}."
            )
        try:
            plugins.use([file])
        except InputError as error:
            raise InputError(f"config key 'plugins.{number}': {error}") from None
    for registry in REGISTRIES.values():
        registry.names()  # which refuses a name of two entries


def _check_spoofing(item: Mapping) -> None:
    """Refuse subsamples that are larger than the clouds they are drawn from."""
    sizes, points = item["dimension"]["sizes"], item["points"]
    if sizes and points and sizes[-1] > points:
        raise InputError(
            f"config key 'dimension.sizes': expected at most {points}, the `points` of experiments.spoofing."
            f"{item['name']}. Received: {sizes[-1]}. Give it more points, or a run of its own."
        )


def _part(schema: Mapping, name: str) -> "jsonschema.protocols.Validator":
    return _validator({**schema["$defs"][name], "$defs": schema["$defs"]})


def _validator(schema: Mapping) -> "jsonschema.protocols.Validator":
    return _with_whole_patterns()(schema)


@cache
def _with_whole_patterns() -> "type[jsonschema.protocols.Validator]":
    """Return the validators whose patterns end where the text ends: Python's ``$`` lets a line break follow."""
    from jsonschema import Draft202012Validator, ValidationError, validators

    def pattern(validator: object, wanted: str, value: object, schema: Mapping) -> Iterator[ValidationError]:
        if isinstance(value, str) and not re.search(re.sub(r"\$\Z", r"\\Z", wanted), value):
            yield ValidationError(f"{value!r} does not match {wanted!r}")

    return validators.extend(Draft202012Validator, {"pattern": pattern})


def _refuse_first(validator: "jsonschema.protocols.Validator", value: object, prefix: str = "") -> None:
    """Raise the deepest, then first error of a schema as one line."""
    errors = sorted(validator.iter_errors(value), key=lambda error: (-len(error.absolute_path), str(error.json_path)))
    if errors:
        raise _as_line(errors[0], prefix)


def _as_line(error: "jsonschema.ValidationError", prefix: str) -> InputError:
    where = prefix + ".".join(str(part) for part in error.absolute_path)
    where = where.rstrip(".")
    at = f"config key {where!r}" if where else "config"
    received = f"Received: {error.instance!r}."
    limit = error.validator_value
    text: InputError | str
    match error.validator:
        case "additionalProperties":
            known = error.schema.get("properties", {})
            text = unknown_name("key", sorted(set(error.instance) - set(known), key=str)[0], known)
        case "required":
            missing = next(key for key in limit if key not in error.instance)
            text = f"key {missing!r} is missing. Received keys: {', '.join(map(str, error.instance))}."
        case "type":
            kinds = [limit] if isinstance(limit, str) else limit
            text = f"expected {' or '.join(TYPES[kind] for kind in kinds)}. {received}"
        case "enum":
            text = unknown_name("value", error.instance, ["null" if value is None else value for value in limit])
        case "pattern":
            text = f"expected {PATTERNS.get(limit, f'a text like {limit}')}. {received}"
        case "minimum" | "exclusiveMinimum" | "maximum" | "exclusiveMaximum":
            sign = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}[error.validator]
            text = f"expected a value {sign} {limit}. {received}"
        case "minItems":
            text = f"expected at least {limit} entries. {received}"
        case "maxItems":
            text = f"expected at most {limit} entries. {received}"
        case "uniqueItems":
            text = f"expected entries that differ. {received}"
        case _:
            text = error.message
    return InputError(f"{at}: {text}")


def resolved(root: Mapping, schema: Mapping) -> Mapping:
    """Return a part of a schema with what it refers to; its own words stand before those."""
    if "$ref" not in schema:
        return schema
    return {**root["$defs"][schema["$ref"].rpartition("/")[2]], **schema}


def _with_defaults(value: Any, schema: Mapping, root: Mapping) -> Any:
    """Return a copy of ``value`` in which every key that has a default and is absent is filled in."""
    schema = resolved(root, schema)
    if isinstance(value, list):
        return [_with_defaults(item, schema.get("items", {}), root) for item in value]
    if not isinstance(value, Mapping):
        return value
    properties = schema.get("properties", {})
    others = schema.get("additionalProperties") or {}
    filled = {key: _with_defaults(item, properties.get(key, others), root) for key, item in value.items()}
    for key, part in properties.items():
        if key not in filled and "default" in part:
            filled[key] = _with_defaults(part["default"], part, root)
    return filled


def _check_names(config: Mapping, schema: Mapping) -> None:
    """Refuse every name that stands for nothing, and every seed or list that cannot be meant."""
    for key, kind, name, known in _references(config, schema):
        if name not in known:
            raise InputError(f"config key {key!r}: {unknown_name(kind, name, known)}")
    for name, model in config["models"].items():
        _check_model(f"models.{name}", model)
    twice = set(config["models"]) & set(config["activations"])
    if twice:
        raise InputError(f"config key 'activations': expected names that no model has. Received: {sorted(twice)[0]!r}.")
    for kind, experiments in config["experiments"].items():
        names = [experiment["name"] for experiment in experiments]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            where = f"config key 'experiments.{kind}'"
            raise InputError(f"{where}: expected names that differ. Received twice: {', '.join(repeated)}.")
    for where, part in _measuring(config):
        _check_measuring(where, part["topology"], part["dimension"])
        for key, kind in (("topology", "descriptor"), ("dimension", "estimator")):
            selected = {name for each in (config, part) for name in each[key][f"{kind}s"]}
            parameters.check(f"{where}{key}", REGISTRIES[kind], part[key]["parameters"], selected)
    for item in config["experiments"].get("spoofing", []):
        _check_spoofing(item)


def _measuring(config: Mapping) -> list[tuple[str, Mapping]]:
    """Return what has settings of topology and dimension: the run, and each spoofing experiment; each after its key."""
    spoofs = config["experiments"].get("spoofing", [])
    return [("", config), *((f"experiments.spoofing.{item['name']}.", item) for item in spoofs)]


def _check_measuring(where: str, topology: Mapping, dimension: Mapping) -> None:
    check_groups(topology["jackknife_groups"], f"config key '{where}topology.jackknife_groups'")
    sizes = dimension["sizes"]
    if sizes and sizes != sorted(sizes):
        raise InputError(f"config key '{where}dimension.sizes': expected ascending sizes. Received: {sizes}.")


def _check_model(where: str, model: Mapping) -> None:
    sources = [key for key in unused_keys.SOURCES if model[key]]
    if len(sources) != 1:
        raise InputError(
            f"config key {where!r}: expected one of {', '.join(unused_keys.SOURCES)}. "
            f"Received: {', '.join(sources) or 'none'}."
        )
    given = [key for key in ("mean", "std") if model[key]]
    _check_plain(f"{where}.arguments", model["arguments"])
    if len(given) == 1 or (given and model["normalisation"] != "auto"):
        received = ", ".join([*given, *["normalisation"] * (model["normalisation"] != "auto")])
        raise InputError(
            f"config key {where!r}: expected `mean` and `std` together, in place of `normalisation`. "
            f"Received: {received}."
        )
    if isinstance(model["layers"], str) and model["layers"] != "auto":
        raise InputError(f"config key '{where}.layers': expected 'auto' or a list. Received: {model['layers']!r}.")


def _check_plain(where: str, value: object) -> None:
    """Refuse what YAML makes of some texts and a command cannot be told: dates."""
    if isinstance(value, Mapping | list):
        for key, item in value.items() if isinstance(value, Mapping) else enumerate(value):
            _check_plain(f"{where}.{key}", item)
    elif not isinstance(value, str | int | float | None):
        raise InputError(
            f"config key '{where}': expected a text, number, list or map. Received: {value}; quote a text."
        )


def _check_grid(where: str, model: Mapping, schema: Mapping) -> None:
    """Refuse an axis that is no setting of a model trained here, and values that the setting cannot have."""
    own = ("architecture", "depth", "width", "activation")
    kept = ("snapshots", "trajectory_")  # what is kept of a training, not how it goes
    known = [*own, *(key for key in schema["$defs"]["training"]["properties"] if not key.startswith(kept))]
    for axis, values in model["grid"].items():
        if axis not in known:
            raise InputError(f"config key '{where}.grid': {unknown_name('axis', axis, known)}")
        part, key = ("model", "dataset") if axis in own else ("training", None)
        for value in values:
            settings = {axis: value} | ({key: model[key]} if key else {})
            _refuse_first(_part(schema, part), settings, f"{where}.grid.")


def _references(config: Mapping, schema: Mapping) -> Iterator[tuple[str, str, str, list[str]]]:
    """Yield (key, kind, name, known names) of everything in the configuration that must exist elsewhere."""
    known = {kind: registry.names() for kind, registry in REGISTRIES.items()}
    for name, dataset in config["datasets"].items():
        yield f"datasets.{name}.loader", "loader", dataset["loader"], known["loader"]
        for asset in dataset["assets"]:
            yield f"datasets.{name}.assets", "asset", asset, list(config["assets"])
    for name, model in config["models"].items():
        yield f"models.{name}.dataset", "data set", model["dataset"], list(config["datasets"])
        for architecture in [model["architecture"], *model["grid"].get("architecture", [])]:
            if architecture:
                yield f"models.{name}.architecture", "architecture", architecture, known["architecture"]
        if model["asset"]:
            yield f"models.{name}.asset", "asset", model["asset"], list(config["assets"])
    yield from _experiment_references(config, schema)
    for where, item in _measuring(config):
        for descriptor in item["topology"]["descriptors"]:
            yield f"{where}topology.descriptors", "descriptor", descriptor, known["descriptor"]
        for estimator in item["dimension"]["estimators"]:
            yield f"{where}dimension.estimators", "estimator", estimator, known["estimator"]


def _experiment_references(config: Mapping, schema: Mapping) -> Iterator[tuple[str, str, str, list[str]]]:
    attacks, measures = REGISTRIES["attack"].names(), REGISTRIES["measure of similarity"].names()
    for kind, experiments in config["experiments"].items():
        brought = config["activations"] if schema["$defs"][kind].get("takesActivations") else []
        known = [*config["models"], *brought]
        for experiment in experiments:
            where = f"experiments.{kind}.{experiment['name']}"
            if "sample" in experiment:
                yield f"{where}.sample", "sample", experiment["sample"], list(config["samples"])
            if "dataset" in experiment:
                yield f"{where}.dataset", "data set", experiment["dataset"], list(config["datasets"])
            if "attack" in experiment:
                yield f"{where}.attack", "attack", experiment["attack"], attacks
            for measure in experiment.get("measures", []):
                yield f"{where}.measures", "measure of similarity", measure, measures
            for model in experiment["models"]:
                yield f"{where}.models", "model", model, known
