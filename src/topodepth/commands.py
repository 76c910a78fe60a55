"""What every command of ``workflow/scripts`` shares: one clear line for a user's mistake, progress on stderr."""

import gc
import json
import logging
import os
import sys
from collections.abc import Callable

from topodepth.errors import InputError

log = logging.getLogger("topodepth")


def run(main: Callable[[], None]) -> None:
    """Call ``main``; a user's mistake, a full disk or too little memory ends it with one line and exit code 1."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    try:
        main()
    except (InputError, OSError, MemoryError) as error:
        sys.exit(f"error: {' '.join(str(error).split()) or type(error).__name__}")


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


def prepare_networks(count: int) -> None:
    """Let the network libraries use ``count`` threads and start quickly; call it before they are imported.

    Half of a small job is their import, and a third of that is what nothing here uses, which Keras takes in where it is
    installed, and collecting garbage between thousands of modules.
    """
    for unused in ("sklearn", "matplotlib"):
        sys.modules.setdefault(unused, None)  # "not installed", unless it is in use already
    gc.set_threshold(100_000, 50, 50)
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
        os.environ[name] = str(count)
    os.environ["TF_NUM_INTEROP_THREADS"] = "1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
