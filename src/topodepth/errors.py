"""The one exception for a user's mistake, and what tells the commonest one."""

import difflib
from collections.abc import Iterable
from numbers import Integral

LONGEST = 4000  # characters of a message; lists of known names are long


class InputError(ValueError):
    """Bad input: its message is one line that names what was wrong, what was expected and what was received.

    Commands print it without a traceback and end with exit code 1. What a file or a configuration says of itself can
    be part of the message, so it is held to printable characters and a length here: it could otherwise rewrite the
    terminal.
    """

    def __init__(self, message: object) -> None:
        text = " ".join(str(message).split())
        text = text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
        super().__init__("".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text))


def unknown_name(kind: str, name: object, known: Iterable[object]) -> InputError:
    """Return the error for a misspelt name: it lists the known ones and the nearest of them.

    Parameters
    ----------
    kind
        What the name should be the name of, such as ``"architecture"``.
    name
        The name received.
    known
        The names that exist.
    """
    names = sorted({str(item) for item in known})
    nearest = difflib.get_close_matches(str(name), names, n=1)
    hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
    return InputError(f"unknown {kind} {str(name)!r}.{hint} Known: {', '.join(names) or 'none'}.")


def is_whole(value: object, least: int, most: int | None = None) -> bool:
    """Tell whether a value is a whole number of Python or NumPy in a range; True and False are none."""
    if not isinstance(value, Integral) or isinstance(value, bool):
        return False
    return least <= int(value) and (most is None or int(value) <= most)
