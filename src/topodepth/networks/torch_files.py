"""PyTorch models from files: the code that builds one, run only if trusted, and its weights, which run none."""

import ast
import pickle
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from topodepth import plugins
from topodepth.errors import InputError, unknown_name
from topodepth.files.kinds import kind_of
from topodepth.plugins import UserFile

if TYPE_CHECKING:
    import torch

SAFE = (".safetensors",)
PICKLED = (".pth", ".th", ".pt", ".bin", ".ckpt")
NESTED = ("state_dict", "model_state_dict", "model_state", "model", "module", "net", "network", "weights", "params")
DEEPEST = 3  # maps that weights are looked for in
WRAPPERS = {"module", "_orig_mod"}
HOW = "save model.state_dict(), best as .safetensors"
# with these a module can hold names that no line binds
AT_RUN_TIME = {"globals", "exec", "setattr", "__getattr__", "*"}


def load_torch(
    source: str, *, weights: str | Path | None = None, trust: bool = False, arguments: Mapping | None = None
) -> "torch.nn.Module":
    """Build a model by a user's own code, and load its weights.

    Parameters
    ----------
    source
        A Python file and the name of a function or class in it, ``"my_nets.py:resnet20"``.
    weights
        A file of weights, see :func:`read_weights`; as the code makes them if None.
    trust
        Run the file's code; without, it is refused.
    arguments
        Of the function or class.

    Returns
    -------
    torch.nn.Module
        In ``eval()`` mode.

    Raises
    ------
    InputError
        If the code is not trusted or fails, makes no module, or the weights are not those of it.
    """
    import torch

    user, name = code_of(source, trust=trust)
    try:
        module = user.run("topodepth_torch_" + re.sub(r"\W", "_", user.file.stem))
        build = getattr(module, name, None)
        if not callable(build):
            known = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
            raise _unknown(user, name, known)
        model = build if isinstance(build, torch.nn.Module) else build(**(arguments or {}))
    except InputError:
        raise
    except (Exception, SystemExit) as error:
        raise InputError(f"{source}: its code failed, {user.told(error)}") from error
    if not isinstance(model, torch.nn.Module):
        raise InputError(f"{source}: expected to return a torch.nn.Module. Received: {type(model).__name__}")
    if weights is not None:
        load_weights(model, weights)
    return model.eval()


def code_of(source: str, *, trust: bool) -> tuple[UserFile, str]:
    """Return the code of a model, and the name in it, from its source alone: nothing is run.

    Parameters
    ----------
    source, trust
        As for :func:`load_torch`.

    Raises
    ------
    InputError
        If the code is not trusted, missing, no Python, or binds no such name.
    """
    file, _, name = str(source).rpartition(":")
    if not file.endswith(".py") or not name.isidentifier():
        raise InputError(f"{source!r}: expected a Python file and a name in it, 'my_nets.py:resnet20'.")
    if not Path(file).is_file():
        raise InputError(f"{file}: no such file, expected the code of a PyTorch model.")
    if not trust:
        raise InputError(f"{source}: runs the code of this file, expected `trust: true`. Received: no trust.")
    path, trees = plugins.sources(file)
    user = UserFile(path, file, tuple(trees))
    bound = set(_bound(trees[path]))
    if name not in bound and not bound & AT_RUN_TIME:
        defined = [node.name for node in trees[path].body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
        raise _unknown(user, name, [key for key in defined if not key.startswith("_")])
    return user, name


def _unknown(user: UserFile, name: str, known: Iterable[str]) -> InputError:
    return unknown_name(f"function or class of {user.shown}", name, known)


def _bound(tree: ast.Module) -> Iterable[str]:
    """Yield the names that a source binds, wherever in it, and those by which it could bind others."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and (isinstance(node.ctx, ast.Store) or node.id in AT_RUN_TIME):
            yield node.id
        elif isinstance(node, ast.alias):
            yield node.asname or node.name.partition(".")[0]


def load_weights(model: "torch.nn.Module", path: str | Path) -> None:
    """Load a file of weights into a model: all of them, and no others.

    Names may have what DataParallel, torch.compile or Lightning put before them.

    Raises
    ------
    InputError
        If the file is none of weights, or names or shapes are not the model's.
    """
    own = model.state_dict()
    found = _renamed(read_weights(path), set(own))
    missing, unknown = sorted(set(own) - set(found)), sorted(set(found) - set(own))
    held = {own[key].data_ptr() for key in found if key in own}
    # Of weights that modules share, safetensors (0.8, `save_model`) keeps one name. Older PyTorch kept no counter of
    # batches, which nothing that is measured depends on.
    missing = [key for key in missing if own[key].data_ptr() not in held and not key.endswith("num_batches_tracked")]
    if missing or unknown:
        parts = [f"without {_some(missing)}"] * bool(missing) + [f"with {_some(unknown)} beside them"] * bool(unknown)
        raise InputError(
            f"{path}: expected the weights of {type(model).__name__}. Received: some {' and '.join(parts)}."
        )
    for key, value in found.items():
        if value.shape != own[key].shape:
            raise InputError(
                f"{path}: {key!r} expected as {tuple(own[key].shape)} in {type(model).__name__}. Received: "
                f"{tuple(value.shape)}"
            )
    model.load_state_dict(found, strict=False)


def _some(names: list[str]) -> str:
    return ", ".join(map(repr, names[:3])) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _renamed(found: dict, own: set[str]) -> dict:
    """Return weights by the names that a model has for them, without what wrappers put into them."""
    while not set(found) & own:
        heads = {key.partition(".")[0] for key in found}
        inner = {key.partition(".")[2]: value for key, value in found.items()}
        if len(heads) != 1 or "" in inner:
            break
        found = inner
    if set(found) - own:
        inner = {".".join(part for part in key.split(".") if part not in WRAPPERS): key for key in found}
        if len(inner) == len(found) and set(inner) <= own:
            found = {name: found[key] for name, key in inner.items()}
    return found


def read_weights(path: str | Path) -> "dict[str, torch.Tensor]":
    """Return the weights in a file by name; no code in it is run.

    Parameters
    ----------
    path
        ``.safetensors``, or a file of ``torch.save`` (``.pth``, ``.th``, ``.pt``, ``.bin``, ``.ckpt``), which is opened
        with ``weights_only``. Weights may lie in it under ``state_dict``, ``model`` or alike.

    Raises
    ------
    InputError
        If it is none of these, damaged, or holds more than weights.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: expected a file of weights. Received: {kind_of(path)}.")
    if path.suffix not in (*SAFE, *PICKLED):
        raise InputError(
            f"{path}: expected weights in {', '.join((*SAFE, *PICKLED))}. Received: {kind_of(path)}; {HOW}."
        )
    found = _weights(_safe(path) if path.suffix in SAFE else _pickled(path), DEEPEST)
    if found is None:
        raise InputError(
            f"{path}: expected a map of names to tensors, or one with it as `state_dict`. Received: none; {HOW}."
        )
    return found


def _safe(path: Path) -> dict:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(f"{path}: expected a whole .safetensors file. Received: {error}") from error


def _pickled(path: Path) -> Any:
    import torch

    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        reason = str(error).partition("WeightsUnpickler error:")[2].partition("\n")[0].strip()[:120]
        what = "more than weights, a whole model or settings" + (f" ({reason})" if reason else "")
        raise InputError(
            f"{path}: expected weights only, since a pickle can run code. Received: {what}; {HOW}."
        ) from error
    except (RuntimeError, OSError, ValueError, EOFError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: expected a whole file of weights. Received: {first_line(error)}; {HOW}.") from error


def first_line(error: Exception, most: int = 120) -> str:
    """Return the kind of an error, and the first line of what it says, of at most so many letters."""
    return f"{type(error).__name__}, {str(error).strip().partition(chr(10))[0][:most]}"


def _weights(value: Any, depth: int) -> dict | None:
    """Return the weights in what a file holds: itself, or what lies in it under one of the usual names."""
    import torch

    if not isinstance(value, Mapping) or not depth:
        return None
    tensors = {key: item for key, item in value.items() if isinstance(key, str) and isinstance(item, torch.Tensor)}
    others = [item for item in value.values() if isinstance(item, Mapping)]
    if tensors and not others:
        return tensors
    held = (_weights(value.get(key), depth - 1) for key in NESTED)
    return next((item for item in held if item is not None), tensors or None)
