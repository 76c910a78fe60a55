"""What holds for every module of this folder: it needs PyTorch, one thread is enough, and models are seeded."""

import contextlib
import importlib.util

import pytest

if importlib.util.find_spec("torch") is None:  # `make test-torch` has it; `make test` goes without
    collect_ignore_glob = ["test_*.py"]
else:
    # Triton 3.8.0, which compiling a model loads, ends the whole process if TensorFlow 2.21.0 was loaded before it; the
    # other order works. Which test comes first in a process is chance.
    with contextlib.suppress(ImportError):
        importlib.import_module("triton._C.libtriton")


@pytest.fixture(autouse=True)
def seeded():
    """Let models built in a test have the same weights, whatever ran before, and leave the other cores alone."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
