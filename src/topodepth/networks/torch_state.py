"""A live PyTorch model during a pass: as in ``eval()`` without gradients, and afterwards bit for bit as it was found.

Nothing here imports PyTorch before it is called: who has a live model has it imported.
"""

import random
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from topodepth.errors import InputError
from topodepth.networks.frameworks import is_torch

if TYPE_CHECKING:
    import torch

LARGEST_BUFFER = (
    2**26
)  # bytes; weights that a library keeps as buffers are larger than statistics, and no pass moves them
# parts of names that a wrapper adds; ``module`` is one only below a wrapper of that kind
WRAPPED = {"_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}
WRAPPERS = {"DataParallel", "DistributedDataParallel", "AveragedModel"}
ACTIVATIONS = "or write its activations to a file as docs/activations.md says"


def live_module(model: Any) -> "torch.nn.Module":
    """Return the module within compiled and parallel wrappers, if its inner modules can be listened to.

    Raises
    ------
    InputError
        If it is scripted, traced or exported, has weights that do not exist yet, or is no module of PyTorch at all.
    """
    import torch

    name = type(model).__name__
    expected = f"expected a live torch.nn.Module. Received: {name}"
    if isinstance(model, torch.export.ExportedProgram):
        raise InputError(f"{expected}, whose layers are gone; pass torch.export.unflatten(program), {ACTIVATIONS}.")
    if not is_torch(model) or not isinstance(model, torch.nn.Module):
        raise InputError(f"{expected}.")
    while True:
        if type(model).__name__ == "OptimizedModule" and "_orig_mod" in model._modules:
            model = model._orig_mod
        elif type(model).__name__ in WRAPPERS and "module" in model._modules:
            model = model.module
        else:
            break
    if isinstance(model, torch.jit.ScriptModule):
        raise InputError(
            f"{expected}, a scripted or traced module, whose layers cannot be listened to; pass the module that it was "
            f"made from, {ACTIVATIONS}."
        )
    for key, inner in model.named_modules():
        if type(inner).__name__ in WRAPPERS and len(getattr(inner, "device_ids", None) or ()) > 1:
            raise InputError(f"{name}: {key!r} expected on one device, use its .module. Received: copies on several.")
    for key, weight in (*model.named_parameters(), *model.named_buffers()):
        if torch.nn.parameter.is_lazy(weight) or weight.is_meta:
            raise InputError(
                f"{name}: {key!r} expected to have values. Received: none yet; load or run the model first."
            )
    return model


def named_modules(model: "torch.nn.Module") -> dict[str, "torch.nn.Module"]:
    """Return all inner modules by name, without what wrappers add to it; a module used under two names has both."""
    found: dict[str, torch.nn.Module] = {}

    def walk(module: "torch.nn.Module", prefix: str, around: set) -> None:
        found[prefix] = module  # of a wrapper and what it wraps, the latter comes last
        for key, child in module._modules.items():
            if child is not None and child not in around:  # some keep the module that they are part of
                hidden = key in WRAPPED or (key == "module" and type(module).__name__ in WRAPPERS)
                walk(child, prefix if hidden else f"{prefix}.{key}".lstrip("."), {*around, child})

    walk(model, "", {model})
    return found


@contextmanager
def random_state(*loaders: object) -> Iterator[None]:
    """Put random states back: PyTorch's on all devices, NumPy's, Python's, and those of loaders of their own.

    Every ``iter()`` of a DataLoader draws from PyTorch's global state, or from its own generator, without shuffling
    too (PyTorch 2.14.1), and the epoch that is trained next would be another one.
    """
    import torch

    generators = _generators(loaders)
    states = [generator.get_state() for generator in generators]
    cpu, numbers, python = torch.get_rng_state(), np.random.get_state(), random.getstate()  # noqa: NPY002
    devices = [room for room in (torch.cuda, torch.xpu) if room.is_available() and room.is_initialized()]
    accelerators = [room.get_rng_state_all() for room in devices]
    apple = torch.mps.get_rng_state() if torch.backends.mps.is_available() else None
    try:
        yield
    finally:
        torch.set_rng_state(cpu)
        np.random.set_state(numbers)  # noqa: NPY002
        random.setstate(python)
        for room, state in zip(devices, accelerators, strict=True):
            room.set_rng_state_all(state)
        if apple is not None:
            torch.mps.set_rng_state(apple)
        for generator, state in zip(generators, states, strict=True):
            generator.set_state(state)


def _generators(loaders: Iterable[object]) -> list:
    """Return the generators of their own that DataLoaders and their samplers draw from."""
    import torch

    found = {}
    for loader in loaders:
        samplers = [getattr(loader, key, None) for key in ("sampler", "batch_sampler")]
        for owner in (loader, *samplers, getattr(samplers[1], "sampler", None)):
            generator = getattr(owner, "generator", None)
            if isinstance(generator, torch.Generator):
                found[id(generator)] = generator
    return list(found.values())


@contextmanager
def as_found(model: "torch.nn.Module") -> Iterator[ExitStack]:
    """Let a model compute as after ``eval()``, in its own precision and without gradients; then put everything back.

    Flags are set one by one: ``eval()`` and ``train()`` would unfreeze a frozen BatchNorm, and some layers change their
    weights in them (LoRA merges). All attributes, hooks and buffers of all modules are put back, so that neither what
    a module keeps of the pass nor hooks that it has left (transformers' ``output_hidden_states``, 5.24) outlive it.
    Yields an exit stack, for hooks that must go.
    """
    import torch

    modules = list(model.modules())
    devices = {weight.device.type for weight in (*model.parameters(), *model.buffers())} | {"cpu"}
    with ExitStack() as stack:
        stack.enter_context(random_state())
        stack.enter_context(torch.no_grad())  # and not inference_mode: what a module keeps of it breaks training
        stack.enter_context(_attributes(modules))
        stack.enter_context(_contents(modules))
        for device in sorted(devices):
            if torch.amp.is_autocast_available(device):
                stack.enter_context(torch.autocast(device, enabled=False))
        if "torch._dynamo" in sys.modules:  # compiled code does not see hooks that come later
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        for module in modules:
            module.training = False
        yield stack


@contextmanager
def _attributes(modules: list) -> Iterator[None]:
    """Put back all attributes of modules, and the entries of the registries that PyTorch keeps in them."""
    import torch

    registries = [key for key, value in vars(torch.nn.Module()).items() if isinstance(value, Mapping)]
    scripted = [module for module in modules if isinstance(module, torch.jit.ScriptModule)]
    flags = [module.training for module in scripted]
    plain = [vars(module) for module in modules if not isinstance(module, torch.jit.ScriptModule)]
    found = [(held, dict(held)) for held in plain]
    found += [(held[key], dict(held[key])) for held in plain for key in registries if key in held]
    try:
        yield
    finally:
        for held, before in found:
            if [(key, id(value)) for key, value in held.items()] != [(key, id(value)) for key, value in before.items()]:
                held.clear()
                held.update(before)
        for module, flag in zip(scripted, flags, strict=True):
            module.training = flag


@contextmanager
def _contents(modules: list) -> Iterator[None]:
    """Put back the values of buffers: statistics, counters, what a module remembers."""
    import torch

    buffers = {id(buffer): buffer for module in modules for buffer in module.buffers(recurse=False)}.values()
    small = [
        buffer
        for buffer in buffers
        if buffer.layout == torch.strided and buffer.numel() * buffer.element_size() <= LARGEST_BUFFER
    ]
    copies = [buffer.clone() for buffer in small]
    try:
        yield
    finally:
        for buffer, copied in zip(small, copies, strict=True):
            if not torch.equal(buffer, copied):
                buffer.copy_(copied)
