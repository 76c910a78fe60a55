"""What a configuration says of a network that was trained elsewhere or here, as arguments of a job."""

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from topodepth.registry import Registry

registry = Registry("topodepth.networks.openers", "kind of network")
register = registry.register


@dataclass(frozen=True)
class Source:
    """A network to open.

    Attributes
    ----------
    path
        A model file of Keras or ONNX, or the Python file that builds a PyTorch model.
    torch
        Of a PyTorch model the ``name`` in that file, its ``arguments``, and its file of ``weights``, None for those
        that the code makes; empty of others.
    trust
        Run code that the file carries, or is.
    layout
        Whether it takes ``"channels_first"`` or ``"channels_last"``; ``"auto"`` finds out. Keras files tell it.
    threads, gpu
        What the job may use.
    """

    path: str
    torch: Mapping[str, Any] = field(default_factory=dict)
    trust: bool = False
    layout: str = "auto"
    threads: int = 1
    gpu: bool = False

    @property
    def kind(self) -> str:
        """What opens it: the name of an entry of the registry."""
        return "torch" if self.torch else "file"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Let a command take what :func:`source_of` makes a source of, and the normalisation of its input."""
    parser.add_argument("--model", required=True, help="model file, of Keras or ONNX; or the code of a PyTorch model")
    parser.add_argument("--torch", type=json.loads, default={}, help="JSON: name in the code, arguments, weights")
    parser.add_argument("--trust", action="store_true", help="run code that the file carries, or is")
    parser.add_argument("--layout", default="auto", help="auto, channels_first or channels_last, of ONNX and PyTorch")
    parser.add_argument("--normalisation", required=True, help="auto, raw, unit, centred, channel, global, or JSON")
    parser.add_argument("--threads", type=int, default=1, help="threads of the network")
    parser.add_argument("--gpus", type=int, default=0, help="GPUs that this job may use; 0: ONNX Runtime, where it can")


def source_of(arguments: argparse.Namespace) -> Source:
    """Return the source that a command was given."""
    return Source(
        arguments.model, arguments.torch, arguments.trust, arguments.layout, arguments.threads, arguments.gpus > 0
    )
