"""How a measurement is made: keyword arguments with the defaults and ranges of the pipeline's configuration."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from topodepth.errors import InputError, is_whole, unknown_name
from topodepth.homology import DEVICES
from topodepth.networks.onnx_input import LAYOUTS
from topodepth.networks.torch_pooling import CHANNELS, POOLINGS
from topodepth.plan.parameters import check, of_descriptors, of_estimators
from topodepth.registry import Registry
from topodepth.tables.dimensions import DimensionSettings
from topodepth.topology.clouds import SCALINGS, WHOLE, check_groups
from topodepth.topology.diagrams import DiagramSettings

# whole numbers: least and most; a setting of MAY_BE_NONE may be None too
WHOLE_NUMBERS = {
    "max_dim": (0, 2), "points": (2, None), "null_draws": (0, 100), "jackknife_groups": (0, 100), "draws": (1, 1000),
    "dimension_null_draws": (0, 100), "seed": (0, 2**32 - 1), "batch_size": (1, None), "threads": (1, None),
    "tokens": (1, None), "shuffled_draws": (0, 100),
}  # fmt: skip
MAY_BE_NONE = {"points", "classes", "sizes", "batch_size", "threads", "tokens"}
POSITIVE = {"alpha": 10, "weight": None, "dimension_alpha": 10}  # numbers above 0: and at most
CHOICES = {
    "engine": ("auto", "ripser", "gudhi", "redzed"),
    "device": DEVICES,
    "scaling": SCALINGS,
    "dimension_scaling": SCALINGS,
    "clouds": ("class", WHOLE, "both"),
}
PASSING_CHOICES = {
    "pooling": POOLINGS,
    "channels": CHANNELS,
    "layout": ("auto", *LAYOUTS),
}
# settings that are of some models only, and of which
OF_TORCH = ("pooling", "tokens", "shuffled_draws", "special_tokens", "channels")
OF_SOME = {**dict.fromkeys(OF_TORCH, "a PyTorch model"), "layout": "an ONNX model"}
NAMES = {
    "descriptors": Registry("topodepth.topology.descriptors", "descriptor"),
    "estimators": Registry("topodepth.topology.dimension", "dimension estimator"),
}
PARAMETERS = {"parameters": ("topology", "descriptors"), "dimension_parameters": ("dimension", "estimators")}


@dataclass(frozen=True)
class Settings:
    """What is measured of each layer, and how; the configuration's keys of the same names say more.

    Attributes
    ----------
    descriptors
        Registered summaries of a diagram.
    max_dim
        Highest homology dimension, 0 to 2.
    clouds
        ``"class"`` measures each class alone and averages over classes, ``"all"`` all points as one cloud, ``"both"``
        both. Without labels: all.
    points
        At most this many points a cloud, for diagrams; None: all.
    classes
        Labels of the classes that are measured; None: all. Dimensions are of all points.
    null_draws
        Draws of the null model (each feature permuted within the cloud).
    jackknife_groups
        Groups of points left out in turn, for the interval of a cloud of all points.
    engine, scaling, alpha, weight
        ``topology:`` in the configuration: engine for H_1; scaling of each feature; power and weight of lifespan sums.
    device
        Where dimensions, and H_0 with ``max_dim=0``, of 1000 points and more are computed: ``"cpu"``; ``"cuda"``, a
        GPU, by PyTorch; or ``"auto"``, the GPU where PyTorch is loaded already (of a PyTorch model it is) and sees one.
    estimators
        Registered estimators of intrinsic dimension; none switches them off.
    dimension_scaling, dimension_alpha, sizes, draws, dimension_null_draws
        ``dimension:`` in the configuration: ``scaling``, ``alpha``, ``sizes``, ``draws`` and ``null_draws``.
    parameters, dimension_parameters
        Further keyword arguments of descriptors and of estimators, by their names: ``{"mle": {"neighbours": 10}}``.
    seed
        Of all that is drawn; the same for every layer and model.

    Raises
    ------
    InputError
        If a value is out of its range or a name unknown.
    """

    descriptors: Sequence[str] = ("lifespan_sum", "persistent_entropy", "longest_bar", "betti_peak")
    max_dim: int = 1
    clouds: str = "class"
    points: int | None = 250
    classes: Sequence[int] | None = None
    null_draws: int = 3
    jackknife_groups: int = 5
    engine: str = "auto"
    device: str = field(default="auto", compare=False)  # numbers are the same on every one
    scaling: str = "minmax"
    alpha: float = 1.0
    weight: float = 0.5
    estimators: Sequence[str] = ("ph_dimension", "two_nn", "mle")
    dimension_scaling: str = "none"
    dimension_alpha: float = 1.0
    sizes: Sequence[int] | None = None
    draws: int = 10
    dimension_null_draws: int = 1
    parameters: Mapping[str, Mapping] = field(default_factory=dict)
    dimension_parameters: Mapping[str, Mapping] = field(default_factory=dict)
    seed: int = 0

    def __post_init__(self) -> None:
        for name in NAMES:
            value = getattr(self, name)
            object.__setattr__(self, name, (value,) if isinstance(value, str) else tuple(value))
        for name in ("classes", "sizes"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, _whole_list(name, getattr(self, name)))
        _check_numbers(self)
        for name, most in POSITIVE.items():
            _check_positive(name, getattr(self, name), most)
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise unknown_name(name, getattr(self, name), known)
        self._check_names()

    def _check_names(self) -> None:
        for name, registry in NAMES.items():
            for each in getattr(self, name):
                registry.module_of(each)
        for name, (where, selected) in PARAMETERS.items():
            _check_parameters(name, getattr(self, name))
            check(where, NAMES[selected], getattr(self, name), getattr(self, selected))
        if not self.descriptors:
            raise InputError("descriptors: expected at least one. Received: none.")
        check_groups(self.jackknife_groups)

    @property
    def diagrams(self) -> DiagramSettings:
        """What is computed of a layer's clouds."""
        keys = ("clouds", "classes", "max_dim", "engine", "scaling", "null_draws", "jackknife_groups", "seed")
        return DiagramSettings(**{key: getattr(self, key) for key in keys}, limit=self.points)

    @property
    def dimensions(self) -> DimensionSettings:
        """What is estimated of a layer's points."""
        return DimensionSettings(
            estimators=self.estimators,
            parameters=of_estimators(self.configuration()["dimension"]),
            scaling=self.dimension_scaling,
            null_draws=self.dimension_null_draws,
            seed=self.seed,
        )

    @property
    def of_descriptors(self) -> dict[str, Mapping]:
        """Keyword arguments of descriptors, by their names."""
        return of_descriptors(self.configuration()["topology"])

    def configuration(self) -> dict:
        """Return the keys of a configuration with which the pipeline measures in the same way."""
        keys = ("max_dim", "engine", "scaling", "null_draws", "jackknife_groups", "alpha", "weight")
        topology = {key: getattr(self, key) for key in (*keys, "parameters")} | {"descriptors": list(self.descriptors)}
        dimension = {
            "estimators": list(self.estimators), "scaling": self.dimension_scaling, "alpha": self.dimension_alpha,
            "sizes": _as_list(self.sizes), "draws": self.draws, "null_draws": self.dimension_null_draws,
            "parameters": self.dimension_parameters,
        }  # fmt: skip
        sample = {"clouds": self.clouds, "points": self.points, "classes": _as_list(self.classes), "images": None}
        return {"seed": self.seed, "topology": topology, "dimension": dimension, "samples": {"default": sample}}


@dataclass(frozen=True)
class Passing:
    """How data are passed through a model.

    Attributes
    ----------
    batch_size
        Items at a time; None: by their size.
    normalise
        Function from a batch as it is given to the model's float32 input; None: the numbers as they are.
    indices
        Rows of the data to measure, in this order; None: all. They are kept in the activations file.
    trust
        Open a model file that carries code, which runs on this machine.
    threads
        Of ONNX Runtime; None: one for each core.
    pooling
        Of a PyTorch model, what is taken of a sequence: the ``"mean"`` over the mask, the ``"first"`` token, the
        ``"last"``, or all ``"tokens"``, each a point of its own with the label of its item.
    tokens
        With ``pooling="tokens"``, at most so many of all tokens are kept, drawn with ``seed``; None: all.
    shuffled_draws
        Of a PyTorch model, draws of the null model of shuffled tokens: the same items with their tokens in another
        order, through the same network. It stands beside the null model of permuted features.
    special_tokens
        Ids of tokens that stay where they are then, such as ``tokenizer.all_special_ids``.
    channels
        Of a PyTorch model, whether maps of images have their features ``"first"`` or ``"last"``; ``"auto"`` infers it.
    layout
        Of an ONNX model, whether it takes ``"channels_first"`` or ``"channels_last"``; ``"auto"`` infers it.
    """

    batch_size: int | None = None
    normalise: Callable[[np.ndarray], np.ndarray] | None = None
    indices: Sequence[int] | np.ndarray | None = None
    trust: bool = False
    threads: int | None = None
    pooling: str = "mean"
    tokens: int | None = 3000
    shuffled_draws: int = 0
    special_tokens: Sequence[int] = ()
    channels: str = "auto"
    layout: str = "auto"

    def __post_init__(self) -> None:
        for name, known in PASSING_CHOICES.items():
            if getattr(self, name) not in known:
                raise unknown_name(name, getattr(self, name), known)
        _check_numbers(self)
        if self.tokens != Passing.tokens and self.pooling != "tokens":
            raise InputError(f"tokens: expected with pooling='tokens'. Received: {self.tokens} with {self.pooling!r}.")
        if len(self.special_tokens):
            object.__setattr__(self, "special_tokens", _whole_list("special_tokens", self.special_tokens))
        if self.normalise is not None and not callable(self.normalise):
            raise InputError(f"normalise: expected a function of a batch. Received: {self.normalise!r}.")

    def require(self, known: Collection[str], what: str) -> None:
        """Refuse settings that would change nothing.

        Parameters
        ----------
        known
            Those of ``OF_SOME`` that say something of what is measured.
        what
            What that is, for the message.

        Raises
        ------
        InputError
            If another of them is set.
        """
        for name, kind in OF_SOME.items():
            if name not in known and getattr(self, name) != getattr(Passing, name):
                raise InputError(f"{name}: expected for {kind}. Received: {getattr(self, name)!r} for {what}.")


def from_keywords(given: Mapping[str, Any]) -> tuple[Settings, Passing]:
    """Return the settings that keyword arguments say, and the defaults of the others.

    Raises
    ------
    InputError
        If a keyword is unknown; the message lists the known ones.
    """
    parts: list[dict[str, Any]] = []
    for kind in (Settings, Passing):
        parts.append({key: value for key, value in given.items() if key in {field.name for field in fields(kind)}})
    known = [field.name for kind in (Settings, Passing) for field in fields(kind)]
    for key in given:
        if key not in known:
            raise unknown_name("setting", key, known)
    return Settings(**parts[0]), Passing(**parts[1])


def _check_parameters(name: str, value: Any) -> None:
    if not isinstance(value, Mapping) or not all(isinstance(options, Mapping) for options in value.values()):
        raise InputError(f"{name}: expected {{name: {{argument: value}}}}. Received: {value!r:.100}.")


def _check_numbers(settings: "Settings | Passing") -> None:
    names = {each.name for each in fields(settings)}
    for name, (least, most) in WHOLE_NUMBERS.items():
        if name in names and (getattr(settings, name) is not None or name not in MAY_BE_NONE):
            _check_whole(name, getattr(settings, name), least, most)


def _check_whole(name: str, value: Any, least: int, most: int | None = None) -> None:
    if not is_whole(value, least, most):
        end = "" if most is None else f" to {most}"
        none = " or None" if name in MAY_BE_NONE else ""
        raise InputError(f"{name}: expected a whole number from {least}{end}{none}. Received: {value!r}.")


def _check_positive(name: str, value: Any, most: float | None) -> None:
    is_number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not is_number or not 0 < value < np.inf or (most is not None and value > most):
        end = "" if most is None else f", at most {most}"
        raise InputError(f"{name}: expected a number above 0{end}. Received: {value!r}.")


def _whole_list(name: str, values: Any) -> tuple[int, ...]:
    array = np.asarray(values)
    if array.ndim != 1 or not len(array) or array.dtype.kind not in "iu":
        raise InputError(f"{name}: expected a list of whole numbers, or None. Received: {values!r}.")
    return tuple(array.tolist())


def _as_list(values: Sequence | None) -> list | None:
    return None if values is None else list(values)
