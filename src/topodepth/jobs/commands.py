"""What every command of ``workflow/scripts`` shares: one clear line for a user's mistake, progress on stderr."""

import gc
import importlib
import json
import logging
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any, TypeVar

from topodepth import plugins
from topodepth.errors import InputError, unknown_name
from topodepth.jobs import extras

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Record = TypeVar("Record", bound="DataclassInstance")
log = logging.getLogger("topodepth")

HELD_BY_TESTS = {"run": 1}  # it calls what it is given, see topodepth.files.texts


class Once(logging.Filter):
    """Lets the first of each kind of message pass, and counts the others of its kind."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether this is the first message of its kind."""
        self.counts[str(record.msg)] += 1
        return self.counts[str(record.msg)] == 1

    def say(self) -> None:
        """Log how many messages of each kind were held back."""
        for kind, count in self.counts.items():
            if count > 1:
                log.warning("%d more like: %s", count - 1, kind)


def run(main: Callable[[], None]) -> None:
    """Call ``main``; a user's mistake, a missing package, a full disk or too little memory is one line, exit code 1.

    What the statistics say of every single interval is said once, with its number. The plugins that the environment
    names are known to ``main``.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    try:
        with extras.one_line(), said_once():
            plugins.use(json.loads(os.environ.get(plugins.FILES, "[]")))
            main()
    except (InputError, OSError, MemoryError) as error:
        sys.exit(f"error: {' '.join(str(error).split()) or type(error).__name__}")


@contextmanager
def said_once() -> Iterator[None]:
    """Let what the statistics say of every single interval be said once, and at the end with its number."""
    once, repeated = Once(), logging.getLogger("topodepth.statistics.intervals")
    repeated.addFilter(once)
    try:
        yield
        once.say()
    finally:
        repeated.removeFilter(once)


def settings(text: str) -> dict:
    """Parse a ``--settings`` argument, a JSON object.

    Raises
    ------
    InputError
        If the text is no JSON object.
    """
    try:
        value = json.loads(text)
    except ValueError as error:
        raise InputError(f"--settings: expected a JSON object. Received: {text!r}") from error
    if not isinstance(value, dict):
        raise InputError(f"--settings: expected a JSON object. Received: {text!r}")
    return value


def record_of(kind: type[Record], given: Mapping[str, object]) -> Record:
    """Return the frozen record that the keys of a ``--settings`` argument are the fields of.

    Raises
    ------
    InputError
        If a key is unknown or one is missing, or the record refuses a value.
    """
    known = {field.name: field for field in fields(kind)}
    for key in given:
        if key not in known:
            raise unknown_name("setting", key, known)
    for name, field in known.items():
        if name not in given and field.default is MISSING and field.default_factory is MISSING:
            raise InputError(f"--settings: expected the key {name!r}. Received: {', '.join(given) or 'none'}.")
    return kind(**given)


def prepare_networks(count: int) -> None:
    """Let the network libraries use ``count`` threads and start quickly; call it before they are imported.

    Half of a small job is their import, and part of that is collecting garbage between thousands of modules.
    """
    gc.set_threshold(100_000, 50, 50)
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
        os.environ[name] = str(count)
    os.environ["TF_NUM_INTEROP_THREADS"] = "1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def start_keras() -> None:
    """Import Keras without scikit-learn and matplotlib, a third of its start, where a job needs neither through Keras.

    Keras 3.15 imports both, where they are installed, for its own wrappers and galleries (``keras.wrappers``,
    ``keras.visualization``); these alone stay without them. For any other code they are there as always.
    """
    hidden = {"sklearn", "matplotlib"} - set(sys.modules)
    absent: dict[str, Any] = dict.fromkeys(hidden)  # None: "not installed"
    sys.modules.update(absent)
    try:
        importlib.import_module("keras")
    finally:
        for name in hidden:
            del sys.modules[name]
