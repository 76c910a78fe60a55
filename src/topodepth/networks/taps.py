"""Which layers of a network to tap: the choice is the same for a file and for the model opened from it."""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

from topodepth.errors import InputError, unknown_name
from topodepth.networks.graph import ELEMENTWISE, MERGES, Application, Choice, LayerGraph

Layers = str | int | Sequence[str | int]  # "auto", or names, patterns and indices

AUTO_TAPS = 12


def auto_tokens(graph: LayerGraph) -> list[str]:
    """Return the taps that suit a model nobody described, in order of depth; at most twelve unless declared."""
    from topodepth.architectures import registry

    declared = registry.attribute(graph.name, "layers") if graph.name in registry.names() else None
    # a file does not say the depth of an architecture that has several
    named = {application.name for application in graph.applications}
    if declared and not callable(declared) and named.issuperset(declared):
        return list(declared)
    try:
        ends, tokens = [graph.head()[0]], ["logits"]
    except InputError:
        ends, tokens = [], [graph.tap_name(output) for output in graph.outputs]
    sources = {use.source for use in (*ends, *graph.outputs)}
    chosen = [use for use in graph.applications if use.kind in MERGES]
    if len(chosen) < 3:
        first = {use.key[:2]: use for use in reversed(graph.applications) if use.has_weights}  # of several outputs
        weighted = [use for use in graph.applications if first.get(use.key[:2]) is use and use not in sources]
        chosen = [_after_activation(graph, use) for use in weighted]
    chosen = [use for use in dict.fromkeys(chosen) if use not in sources]
    room = max(2, AUTO_TAPS - len(tokens))
    if len(chosen) > room:
        chosen = [chosen[round(k * (len(chosen) - 1) / (room - 1))] for k in range(room)]
    return [graph.tap_name(use) for use in chosen] + tokens


def _after_activation(graph: LayerGraph, application: Application) -> Application:
    """Follow a layer with weights through the normalisation and activation that belong to it."""
    while True:
        following = graph.consumers(application)
        if len(following) != 1 or following[0].core not in ELEMENTWISE or following[0].is_softmax:
            return application
        application = following[0]


def matching(graph: LayerGraph, layers: Layers) -> Layers:
    """Return ``layers`` with the names of the graph in place of each pattern of a shell (``conv*``, ``block?/relu``).

    Raises
    ------
    InputError
        If a pattern matches no layer; the message lists them.
    """
    given = [layers] if isinstance(layers, str | int) else layers
    if not isinstance(given, Sequence) or not any(is_pattern(token) for token in given):
        return layers
    known = [graph.tap_name(use) for use in graph.applications if use.inputs and not use.nested]
    return matched(given, known, f"layer of {graph.name}")


def is_pattern(token: object) -> bool:
    """Tell whether a token stands for all names that match it."""
    return isinstance(token, str) and any(sign in token for sign in "*?[")


def matched(tokens: Sequence, known: Sequence[str], kind: str) -> list:
    """Return tokens with known names, in their order and each once, in place of patterns; ``kind`` is for messages."""
    found = []
    for token in tokens:
        names = [name for name in known if fnmatchcase(name, token)] if is_pattern(token) else [token]
        if not names:
            raise unknown_name(kind, token, known)
        found += [name for name in names if name not in found]
    return found


def choose(graph: LayerGraph, layers: Layers) -> list[Choice]:
    """Find what :func:`topodepth.networks.models.tap_layers` describes in a graph, be its model opened or not."""
    if isinstance(layers, str | int):
        layers = auto_tokens(graph) if layers == "auto" else [layers]
    if not isinstance(layers, Sequence) or not layers:
        raise InputError(
            f"{graph.name}: layers expected as 'auto' or a list of names and indices. Received: {layers!r}"
        )
    seen: dict[object, str] = {}
    choices = [_choice(graph, str(token)) for token in layers]
    for choice in choices:
        same = (choice.application.source.key, choice.before_activation)
        if same in seen:
            raise InputError(
                f"{graph.name}: layers {seen[same]!r} and {choice.token!r} are the same tensor, expected each once."
            )
        seen[same] = choice.token
    return choices


def _choice(graph: LayerGraph, text: str) -> Choice:
    paths = {graph.path(uses[0]): uses for uses in graph.by_layer.values()}
    if text == "logits":
        application, inside = graph.head()
        return Choice(text, application, text, before_activation=inside)
    if text == "penultimate" and text not in paths:
        return Choice(text, _penultimate(graph), text)
    number, shared = None, re.fullmatch(r"(.+)@(\d+)", text)
    if text in paths:
        uses = paths[text]
    elif re.fullmatch(r"-?\d+", text):
        index, last = int(text), len(graph.order)
        if not -last <= index < last:
            expected = f"an index from {-last} to {last - 1}"
            raise InputError(f"{graph.name}: layer expected as {expected}. Received: {index}")
        uses = graph.by_layer.get(graph.order[index], [])
    else:
        name, number = (shared[1], int(shared[2])) if shared else (text, None)
        uses = paths.get(name, [])
    if not uses:
        raise _unknown_layer(graph, text)
    if (number is None and len(uses) > 1) or (number is not None and number >= len(uses)):
        name = graph.path(uses[0])
        known = f"{name}@0 to {name}@{len(uses) - 1}"
        raise InputError(
            f"{graph.name}: layer {name!r} is applied {len(uses)} times, expected one of {known}. Received: {text!r}"
        )
    return Choice(text, uses[number or 0], graph.tap_name(uses[number or 0]))


def _unknown_layer(graph: LayerGraph, text: str) -> InputError:
    known = [
        f"{graph.path(uses[0])}@k (k < {len(uses)})" if len(uses) > 1 else graph.path(uses[0])
        for uses in graph.by_layer.values()
    ]
    inside = [path for path in known if path.endswith(f"/{text}")]
    if inside:
        return InputError(f"{graph.name}: layer {text!r} is inside an inner model, expected as {' or '.join(inside)}.")
    return unknown_name(f"layer of {graph.name}", text, [*known, "logits", "penultimate"])


def _penultimate(graph: LayerGraph) -> Application:
    graph.check_one_output()
    dense = [application for application in graph.applications if application.core == "Dense"]
    if dense:
        last = max(dense, key=lambda application: application.depth)
    else:
        last, _ = graph.head()
        while last.inputs and not last.has_kernel:
            last = last.inputs[0]
    if not last.inputs:
        raise InputError(f"{graph.name}: layer 'penultimate' expected before a dense or convolutional head.")
    return last.inputs[0]
