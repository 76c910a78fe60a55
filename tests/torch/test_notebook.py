"""The notebook of a PyTorch model runs, and what is committed of it is what a run gives."""

from tests import notebooks


def test_your_own_pytorch_model():
    """A training in single precision ends a little elsewhere on another processor; whole numbers and words do not."""
    name = "own_pytorch_model.ipynb"
    found = notebooks.runner().executed(notebooks.FOLDER / name)
    assert notebooks.differences(found, notebooks.committed(name), share=0.1, least=0.05) == []
