"""Give a reader thousands of bad inputs: each must be read or refused in one line, soon, and in little memory."""

import resource
import signal
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from topodepth.errors import InputError

HANG = 60  # seconds for one input; the machine may be busy with other things
ROOM = 2 << 30  # bytes of address space that a reader may take beyond what the process has
GROWTH = 700 << 10  # KiB by which the memory in use may grow during thousands of inputs
SENTINEL = b"TOPODEPTH-SECRET"  # content of files that no reader may open

# How many inputs each test makes; test_sum.py holds them to 14,000 in all.
INPUTS: dict[str, int] = {
    "activations, bytes": 600, "activations, structure": 500,
    "diagrams, bytes": 450, "diagrams, structure": 300,
    "data set file, bytes": 300, "data set file, structure": 250,
    "hdf5, bytes": 400, "hdf5, structure": 500,
    "npz, bytes": 700, "svhn, bytes": 500, "cifar10, bytes": 400, "buildings, bytes": 800,
    "images, bytes": 500, "archives, bytes": 900,
    "keras, bytes": 600, "keras hdf5, bytes": 400, "keras hdf5, structure": 200, "keras, configuration": 1200,
    "keras, opened": 60, "networks, bytes": 400, "networks, configuration": 1200,
    "onnx, bytes": 1500,
    "tables, bytes": 400, "json, bytes": 400, "drive pages, bytes": 500,
    "configuration": 1300,
}  # fmt: skip


class HangError(BaseException):
    """A reader took too long; no reader may catch it."""


class Case:
    """One input; values can be too deep to be printed."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __repr__(self) -> str:
        try:
            return repr(self.value)
        except RecursionError:
            return "a value too deep to be printed"


@st.composite
def _cases(draw, inputs: st.SearchStrategy) -> Case:
    return Case(draw(inputs))


@contextmanager
def _in_time():
    def stop(*_):
        raise HangError(f"over {HANG} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, HANG)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def in_little_memory():
    """Refuse the process memory beyond :data:`ROOM` while the block runs; a reader that asks for it fails the test."""
    with open("/proc/self/statm") as handle:
        taken = int(handle.read().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (taken + ROOM, hard))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < GROWTH, f"{grown >> 10} MiB more in use"


def fuzz(name: str, inputs: st.SearchStrategy, read: Callable[[object], object], refused: float = 0.5) -> Counter:
    """Read as many inputs as :data:`INPUTS` says; at least a part ``refused`` of them must have been bad.

    The same inputs come in every run. Anything but :class:`InputError` fails, also a lack of memory.
    """
    tally: Counter = Counter()

    @settings(
        max_examples=INPUTS[name],
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(_cases(inputs))
    def one(case):
        value = case.value
        tally["inputs"] += 1
        try:
            with _in_time():
                read(value)
        except InputError as error:
            tally["refused"] += 1
            text = str(error)
            assert text
            assert text.isprintable()
            assert "allocate" not in text, "memory was asked for before the claim was checked"

    with in_little_memory():
        one()
    assert tally["inputs"] >= INPUTS[name], tally
    assert tally["refused"] >= refused * INPUTS[name], tally
    return tally
