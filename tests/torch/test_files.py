"""Models from files: code is run only if trusted, weights run none, and what wrappers put into names is understood."""

import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import save_file, save_model
from torch import nn

from tests.torch.nets import Residual
from topodepth.errors import InputError
from topodepth.networks.torch_files import load_torch, load_weights, read_weights

CODE = """
import torch
from beside_me import WIDTH

def net(classes=3):
    return torch.nn.Sequential(torch.nn.Linear(4, WIDTH), torch.nn.ReLU(), torch.nn.Linear(WIDTH, classes))

def broken():
    raise RuntimeError("no luck")

def number():
    return 3
"""


@pytest.fixture
def code(tmp_path):
    (tmp_path / "beside_me.py").write_text("WIDTH = 5\n")
    (tmp_path / "my_nets.py").write_text(CODE)
    return tmp_path / "my_nets.py"


def equal(model, state):
    return all(torch.equal(value, state[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"state_dict": state, "epoch": 3, "optimizer": {"momentum": torch.zeros(2)}},
        lambda state: {f"module.{key}": value for key, value in state.items()},
        lambda state: {"model": {f"module._orig_mod.{key}": value for key, value in state.items()}},
        lambda state: {"state_dict": {f"net.{key}": value for key, value in state.items()}},
        lambda state: {key.replace("blocks.", "blocks.module."): value for key, value in state.items()},
    ],
    ids=["plain", "nested", "DataParallel", "compiled and nested", "Lightning", "DataParallel inside"],
)
@pytest.mark.parametrize("suffix", [".pth", ".th", ".pt", ".bin", ".safetensors"])
def test_weights_are_found_under_the_names_of_wrappers(wrap, suffix, tmp_path):
    state, path = Residual().state_dict(), tmp_path / f"weights{suffix}"
    wrapped = wrap(state)
    if suffix == ".safetensors":
        if not all(isinstance(value, torch.Tensor) for value in wrapped.values()):
            wrapped = next(value for value in wrapped.values() if isinstance(value, dict))
        save_file({key: value.clone() for key, value in wrapped.items()}, path)
    else:
        torch.save(wrapped, path)
    model = Residual()
    assert not equal(model, state)
    load_weights(model, path)
    assert equal(model, state)


def test_code_is_run_only_if_trusted(code, tmp_path):
    with pytest.raises(InputError, match=r"runs the code of this file, expected `trust: true`"):
        load_torch(f"{code}:net")
    model = load_torch(f"{code}:net", trust=True, arguments={"classes": 7})
    assert model[2].out_features == 7
    assert not model.training
    torch.save(model.state_dict(), tmp_path / "w.pth")
    again = load_torch(f"{code}:net", weights=tmp_path / "w.pth", trust=True, arguments={"classes": 7})
    assert equal(again, model.state_dict())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nat", "unknown function or class of .*my_nets.py 'nat'. Did you mean 'net'"),
        ("broken", "its code failed, .*my_nets.py, line 9: RuntimeError: no luck"),
        ("number", "expected to return a torch.nn.Module. Received: int"),
        ("no name", "expected a Python file and a name in it"),
    ],
)
def test_code_that_makes_no_model_is_refused_in_one_line(code, name, message):
    with pytest.raises(InputError, match=message):
        load_torch(f"{code}:{name}", trust=True)


class Harmful:
    """A pickle of it would write a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: torch.save(nn.Linear(4, 3), path), "Received: more than weights, a whole model or settings"),
        (lambda path: torch.save({"w": torch.ones(2), "x": Harmful(path.with_name("ran"))}, path), "more than weights"),
        (
            lambda path: path.write_bytes(pickle.dumps(Harmful(path.with_name("ran")))),
            "expected weights only|a whole file",
        ),
        (lambda path: torch.jit.script(nn.Linear(4, 3)).save(path), "expected a whole file of weights"),
        (lambda path: torch.save({"epoch": 3}, path), "expected a map of names to tensors"),
        (lambda path: path.write_bytes(b"PK\x03\x04 and no more"), "expected a whole file of weights"),
        (lambda path: path.write_bytes(b""), "expected a whole file of weights"),
        (lambda path: None, "expected a file of weights. Received: no such file"),
    ],
    ids=["model", "code inside", "code", "scripted", "no weights", "truncated", "empty", "absent"],
)
def test_files_with_more_or_less_than_weights_are_refused_in_one_line(write, message, tmp_path):
    path = tmp_path / "weights.pth"
    write(path)
    with pytest.raises(InputError, match=message) as caught:
        read_weights(path)
    assert "\n" not in str(caught.value)
    assert not path.with_name("ran").exists()


def test_damaged_safetensors_and_other_files_are_refused(tmp_path):
    path = tmp_path / "w.safetensors"
    save_file({"w": torch.ones(100)}, path)
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(InputError, match=r"expected a whole .safetensors file"):
        read_weights(path)
    np.save(tmp_path / "w.npy", np.ones(3))
    with pytest.raises(InputError, match=r"expected weights in .safetensors, .*Received: a NumPy array"):
        read_weights(tmp_path / "w.npy")


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(4, 4), nn.Linear(4, 4)
        self.last.weight = self.first.weight


def test_weights_that_modules_share_may_have_one_name(tmp_path):
    saved = Tied()
    save_model(saved, str(tmp_path / "w.safetensors"))
    assert len(read_weights(tmp_path / "w.safetensors")) == 3
    model = Tied()
    load_weights(model, tmp_path / "w.safetensors")
    assert equal(model, saved.state_dict())
    apart = nn.ModuleDict({"first": nn.Linear(4, 4), "last": nn.Linear(4, 4)})
    with pytest.raises(InputError, match=r"weights of ModuleDict. Received: some without '(first|last).weight'"):
        load_weights(apart, tmp_path / "w.safetensors")


def test_weights_of_another_model_are_refused_with_the_names(tmp_path):
    path = tmp_path / "w.pth"
    torch.save(Residual(blocks=4).state_dict(), path)
    with pytest.raises(
        InputError, match=r"weights of Residual. Received: some with 'blocks.3.bn1.bias'.* more beside them"
    ):
        load_weights(Residual(), path)
    torch.save(Residual(classes=9).state_dict(), path)
    with pytest.raises(InputError, match=r"'head.weight' expected as \(5, 8\) in Residual. Received: \(9, 8\)"):
        load_weights(Residual(), path)
    torch.save({"head.weight": torch.ones(5, 8)}, path)
    with pytest.raises(InputError, match=r"some without 'blocks.0.bn1.bias'"):
        load_weights(Residual(), path)
