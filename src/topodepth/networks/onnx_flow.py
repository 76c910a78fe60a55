"""What flows through an ONNX graph from its input to its outputs, as a graph of layers.

Weights, and shapes that are computed on the way, are nodes of an ONNX graph like any other. Here only what the values
of the input reach counts; of that, what a layer of Keras does in one is one application.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from topodepth.errors import InputError
from topodepth.files.reading import of_file
from topodepth.networks.graph import Application, LayerGraph
from topodepth.networks.onnx_kinds import ELEMENTARY, MOVES, RECURRENT, SHAPES, Kind, composite, kind_of
from topodepth.networks.onnx_names import names_of
from topodepth.networks.onnx_tensors import subgraphs

if TYPE_CHECKING:
    import onnx

LONGEST = 16  # nodes of an activation function or a normalisation that is written out


def used_by(node: "onnx.NodeProto") -> list[str]:
    """Return the values that a node takes, those that its subgraphs take from outside too; each once, in order."""
    found = dict.fromkeys(filter(None, node.input))
    for graph in subgraphs(node):
        found.update(dict.fromkeys(_captured(graph)))
    return list(found)


def _captured(graph: "onnx.GraphProto") -> Iterator[str]:
    own = {value.name for value in graph.input} | {tensor.name for tensor in graph.initializer}
    for node in graph.node:
        yield from (name for name in used_by(node) if name not in own)
        own.update(node.output)
    yield from (value.name for value in graph.output if value.name not in own)


def reached(graph: "onnx.GraphProto", source: str) -> set[str]:
    """Return the names of all values that the values of an input reach; a shape that is asked for carries none."""
    found = {source}
    for node in graph.node:
        if node.op_type not in SHAPES and not found.isdisjoint(used_by(node)):
            found.update(filter(None, node.output))
    return found


def constants_of(graph: "onnx.GraphProto") -> dict[str, "onnx.TensorProto"]:
    """Return the tensors that a graph holds, by the name of their value: initializers and constants."""
    found = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            found.update((node.output[0], a.t) for a in node.attribute if a.name == "value" and a.HasField("t"))
        elif node.op_type == "Identity" and node.input[0] in found:  # of weights that several nodes share
            found[node.output[0]] = found[node.input[0]]
    return found


def truth_of(graph: "onnx.GraphProto", name: str) -> bool | None:
    """Return the truth of a constant; None of what is computed."""
    return _truth(constants_of(graph).get(name))


def _truth(tensor: "onnx.TensorProto | None") -> bool | None:
    value = as_array(tensor)
    return None if value is None or value.size != 1 else bool(value.reshape(-1)[0])


class Flow:
    """The nodes that the values of an input reach, what they are, and how they are called.

    Parameters
    ----------
    model
        The ``onnx.ModelProto``; its nodes stand in the order in which they are computed.
    name
        The network's, for messages.
    source
        The name of its input.

    Attributes
    ----------
    nodes
        These nodes, in order.
    made_by, users
        The number of the node that makes a value; the numbers of those that take it.
    kinds
        What each of them is.
    """

    def __init__(self, model: "onnx.ModelProto", name: str, source: str) -> None:
        self.name, self.source = name, source
        self.constants = constants_of(model.graph)
        self.values = reached(model.graph, source)
        self.nodes = [node for node in model.graph.node if not self.values.isdisjoint(node.output)]
        self.outputs = [value.name for value in model.graph.output]
        self.made_by = {name: k for k, node in enumerate(self.nodes) for name in node.output if name}
        self.inputs = [[name for name in used_by(node) if name in self.values] for node in self.nodes]
        self.users: dict[str, list[int]] = defaultdict(list)
        for k, names in enumerate(self.inputs):
            for value in names:
                self.users[value].append(k)
        self.kinds = [kind_of(node, self.values, self.constants) for node in self.nodes]
        self._wrap_recurrent()
        self.whole = self._written_out()
        self._tell_merges()
        self.names, self.aliases = names_of(self, model)

    def truth(self, name: str) -> bool | None:
        """Return the truth of a constant; None of what is computed."""
        return _truth(self.constants.get(name))

    def leaves(self, value: str) -> bool:
        """Tell whether a value is an output of the network."""
        return value in self._ends

    @cached_property
    def _ends(self) -> set[str]:
        return set(self.outputs)

    def _wrap_recurrent(self) -> None:
        """Let what only moves the values of a recurrent layer stand for it: ONNX has steps, not images, come first."""
        for k, node in enumerate(self.nodes):
            if node.op_type not in RECURRENT:
                continue
            last, value = k, node.output[0] if node.output else ""
            while not self.leaves(value) and len(self.users[value]) == 1:
                following = self.users[value][0]
                if self.nodes[following].op_type not in MOVES:
                    break
                last, value = following, self.nodes[following].output[0]
            if last != k:
                self.kinds[last], self.kinds[k] = self.kinds[k], Kind("RecurrentSteps")

    def _written_out(self) -> dict[str, tuple[str, Kind]]:
        """Find activation functions and normalisations that are written out in operators.

        Returns
        -------
        dict
            ``{output: (input, what it is)}`` of each.
        """
        found: dict[str, tuple[str, Kind]] = {}
        inside: set[int] = set()
        for value in [self.source, *(name for node in self.nodes for name in node.output)]:
            users = self.users.get(value, [])
            if len(users) < 2 or self.leaves(value) or inside & set(users):
                continue
            members, end = self._meeting(value, users)
            if end:
                operators = {self.nodes[k].op_type for k in members}
                found[end] = self._softmax(value, found, operators) or (value, composite(operators))
                inside |= members
        for k, kind in enumerate(self.kinds):
            if kind.name == "Bias" and self._is_dense(self.inputs[k][0]):
                layer = self.made_by[self.inputs[k][0]]
                found[self.nodes[k].output[0]] = (self.inputs[layer][0], self.kinds[layer])
        return found

    def _softmax(self, value: str, found: Mapping, operators: set[str]) -> tuple[str, Kind] | None:
        """Return where a softmax begins whose last part divides exponentials by their sum: before its largest value."""
        maker = self.nodes[self.made_by[value]] if value in self.made_by else None
        if maker is None or maker.op_type != "Exp" or not {"ReduceSum", "Div"} <= operators:
            return None
        start = maker.input[0]
        return found[start][0] if start in found and found[start][1].name == "Shift" else start, Kind("Softmax")

    def _is_dense(self, value: str) -> bool:
        """Tell whether a value is that of a layer with weights and no bias yet, of one input, not taken elsewhere."""
        maker = self.made_by.get(value, -1)
        alone = maker >= 0 and len(self.users[value]) == 1 and not self.leaves(value)
        return alone and self.kinds[maker].weighted and len(self.inputs[maker]) == 1

    def _meeting(self, value: str, users: Iterable[int]) -> tuple[set[int], str]:
        """Follow a value through elementary operators to where all its ways meet again; ``""`` if they do not."""
        members: set[int] = set()
        pending, made = set(users), {value}
        while pending and len(members) < LONGEST:
            k = min(pending)
            if self.nodes[k].op_type not in ELEMENTARY or self.kinds[k].weighted or not made.issuperset(self.inputs[k]):
                return set(), ""
            pending.remove(k)
            members.add(k)
            outputs = [name for name in self.nodes[k].output if name in self.values]
            made.update(outputs)
            open_ends = [name for name in made - {value} if self.leaves(name) or set(self.users[name]) - members]
            if not pending and len(open_ends) == 1 and open_ends == outputs:
                return members, open_ends[0]
            pending.update(user for name in outputs for user in self.users[name] if user not in members)
            if any(self.leaves(name) for name in outputs):
                break
        return set(), ""

    def _tell_merges(self) -> None:
        """Take for a merge only what joins ways through different layers with weights, such as a block's shortcut.

        ``x + f(x)`` without weights in ``f``, as in rotary positions, is none. Sets of layers are the bits of a number.
        """
        nearest = {self.source: 1}
        bit = 1
        for k, node in enumerate(self.nodes):
            ways = [nearest[name] for name in self.inputs[k]]
            if self.kinds[k].merges and len(set(ways)) < 2:
                self.kinds[k] = Kind("Addition" if self.kinds[k].name == "Add" else "Concatenation")
            if self.kinds[k].weighted:
                bit <<= 1
                own = bit
            else:
                own = 0
                for way in ways:
                    own |= way
            nearest.update((name, own) for name in node.output if name)

    @cached_property
    def graph(self) -> LayerGraph:
        """The graph of its layers."""
        ends = [name for name in self.outputs if name in self.values]
        if not ends:
            raise InputError(f"{self.name}: expected an output that depends on the input. Received: none.")
        graph = LayerGraph(self.name, ends, self._describe)
        made = sorted(graph.applications, key=lambda use: self.made_by.get(use.output, -1))
        graph.order = list(dict.fromkeys(use.key[0] for use in made))
        return graph

    def _describe(self, value: str) -> tuple[Application, list[str]]:
        base, call = self.names[value]
        if value == self.source:
            return Application((base, call, 0), base, "InputLayer", None, "InputLayer"), []
        number = self.made_by[value]
        node, kind, inputs = self.nodes[number], self.kinds[number], self.inputs[number]
        if value in self.whole:
            start, kind = self.whole[value]
            inputs = [start]
        which = [name for name in node.output if name].index(value)
        application = Application((base, call, which), base, kind.name, None, kind.core)
        application.counts = kind.counts and not (application.is_softmax and self._is_last(value))
        application.output = value
        return application, inputs

    def _is_last(self, value: str) -> bool:
        """Tell whether a value leaves the network as it is, moved at most."""
        while not self.leaves(value):
            users = self.users[value]
            if len(users) != 1 or self.nodes[users[0]].op_type not in MOVES:
                return False
            value = self.nodes[users[0]].output[0]
        return True

    def value_of(self, application: Application) -> str:
        """Return the name of the value that an application makes."""
        return application.output or self.source

    def kernels(self) -> Iterator[tuple["onnx.NodeProto", Kind]]:
        """Yield the nodes that have weights, each kind with the place of its kernel among the node's inputs."""
        return ((node, kind) for node, kind in zip(self.nodes, self.kinds, strict=True) if kind.weighted)

    def hidden(self) -> Mapping[str, int]:
        """Return how many nodes stand in the branches and bodies of each control structure."""
        counts: dict[str, int] = {}
        for node in self.nodes:
            inner = sum(len(graph.node) for graph in subgraphs(node))
            if inner:
                counts[node.op_type] = counts.get(node.op_type, 0) + inner
        return counts


def as_array(tensor: "onnx.TensorProto | None") -> np.ndarray | None:
    """Return a tensor that lies in the file itself; None of any other."""
    from onnx import numpy_helper

    if tensor is None or tensor.data_location == tensor.EXTERNAL:
        return None
    return of_file(f"tensor {tensor.name!r}:", numpy_helper.to_array, tensor)
