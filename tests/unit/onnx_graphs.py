"""Small ONNX files, written node by node."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from topodepth.networks import files, runtime

FLOAT = TensorProto.FLOAT


def node(operator, inputs, outputs, **settings):
    """A node from names of its inputs and outputs, in texts."""
    return helper.make_node(operator, inputs.split(), outputs.split(), **settings)


def value(name, shape, kind=FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def model(nodes, weights=None, *, shape=("n", 3, 8, 8), outputs=("y",), opset=17, kind=FLOAT, **about):
    """A model from nodes and ``{name: array}``; its input is ``x`` unless others are given as ``inputs``."""
    initializers = [numpy_helper.from_array(np.asarray(array), name) for name, array in (weights or {}).items()]
    inputs = about.pop("inputs", [value("x", shape, kind)])
    ends = [item if not isinstance(item, str) else value(item, None) for item in outputs]
    functions = about.pop("functions", [])
    opsets = [helper.make_opsetid("", opset), *about.pop("opsets", [])]
    graph = helper.make_graph(nodes, about.pop("name", "net"), inputs, ends, initializers)
    return helper.make_model(graph, opset_imports=opsets, ir_version=8, functions=functions, **about)


def written(path, *args, **options):
    """Write such a model to a file; return its path."""
    onnx.save_model(model(*args, **options), path)
    return path


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def residual(**changes):
    """Nodes and weights of a stem, three blocks with a shortcut each, and a head of ten classes."""
    nodes, weights = [node("Conv", "x stem", "s0", pads=[1] * 4)], {"stem": normal(6, 3, 3, 3)}
    for k in range(3):
        weights[f"w{k}"] = normal(6, 6, 3, 3, seed=k + 1)
        nodes += [
            node("Conv", f"s{k} w{k}", f"c{k}", pads=[1] * 4),
            node("Relu", f"c{k}", f"r{k}"),
            node("Add", f"s{k} r{k}", f"s{k + 1}"),
        ]
    weights["head"] = normal(6, 10, seed=9)
    nodes += [node("GlobalAveragePool", "s3", "p"), node("Flatten", "p", "f"), node("Gemm", "f head", "y")]
    return nodes, weights | changes


def of_single_pixels(kernel, head, size):
    """A named model: a convolution of single pixels, a ReLU, their mean over space, and a head; NumPy can follow it."""
    nodes = [
        node("Conv", "images kernel", "a", name="conv"),
        node("Relu", "a", "b", name="relu"),
        node("GlobalAveragePool", "b", "c", name="pool"),
        node("Flatten", "c", "d", name="flatten"),
        node("Gemm", "d head", "e", name="fc", transB=1),
    ]
    ends = {"inputs": [value("images", ["n", 3, *size])], "outputs": [value("e", ["n", len(head)])]}
    return model(nodes, {"kernel": kernel, "head": head}, name="small", **ends)


def scoped(made, module, name):
    """The node with the metadata that PyTorch's exporter writes: of which module, and its name in the traced graph."""
    scopes = ["", *(".".join(module.split(".")[: k + 1]) for k in range(module.count(".") + 1))] if module else [""]
    item = made.metadata_props.add()
    item.key, item.value = "pkg.torch.onnx.name_scopes", repr([*scopes, name])
    return made


IMAGES = normal(5, 8, 8, 3, seed=3)


def auto(path):
    return files.auto_layers(path)


def taps(path, layers="auto", **options):
    """What is known of each tap, and its values on the images."""
    network = runtime.open_network(path, layers, **options)
    return network.taps, network.predict(IMAGES, len(IMAGES))


def convolved(images, kernel):
    """A convolution of images (n, height, width, channels) with a border of zeros, by its definition."""
    n, height, width, _ = images.shape
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    made = np.zeros((n, height, width, len(kernel)))
    for row in range(3):
        for column in range(3):
            window = padded[:, row : row + height, column : column + width]
            made += window @ kernel[:, :, row, column].T
    return made
