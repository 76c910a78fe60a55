"""What holds for every module of this folder: it needs PyTorch, one thread is enough, and models are seeded."""

import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch: make test-torch")
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def seeded():
    """Let models built in a test have the same weights, whatever ran before."""
    torch.manual_seed(0)
