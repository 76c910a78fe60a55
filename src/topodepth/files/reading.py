"""Reading what others wrote, one call of a library at a time: damage of a file is told from mistakes of ours."""

from collections.abc import Callable
from typing import TypeVar

from topodepth.errors import InputError

Answer = TypeVar("Answer")


def of_file(where: str, call: Callable[..., Answer], *arguments: object, expected: str = "whole") -> Answer:
    """Return what one call of a library that reads files (h5py, zipfile, Pillow, ...) returns.

    Parameters
    ----------
    where
        What is read, for messages: ``"{path}: layer 'a'"``.
    call, arguments
        A call that only reads. A hostile file may make it raise anything, so what it raises is taken for the file's
        fault: code that computes does not belong here, or a mistake of ours would be told as damage.
    expected
        What should be there.

    Raises
    ------
    InputError
        If the call raises anything but a lack of memory: the file is damaged there, or of another kind.
    """
    try:
        return call(*arguments)
    except (InputError, MemoryError):
        raise
    except Exception as error:
        raise InputError(f"{where} expected {expected}. Received: {reason_of(error)}") from error


def reason_of(error: Exception) -> str:
    """Return what a library says of a file, in one line."""
    text = error.args[0] if isinstance(error, KeyError) and error.args else error
    return " ".join(str(text).split())[:300] or type(error).__name__
