"""The one list of references, and those of them that a text cites.

``references.bib`` has an entry on each line, so that no parser of BibTeX is needed to pick some.
"""

import re
from functools import cache
from pathlib import Path

from topodepth.errors import InputError

FILE = Path(__file__).with_name("references.bib")
ENTRY = re.compile(r"@[a-z]+\{([a-z]+\d{4}), .+\}")
CITATION = re.compile(r"(?<![\w`])@([a-z]+\d{4})\b")


@cache
def entries() -> dict[str, str]:
    """Return all entries by their keys."""
    lines = FILE.read_text(encoding="utf-8").splitlines()
    return {found[1]: line for line in lines if (found := ENTRY.fullmatch(line))}


def cited(text: str) -> list[str]:
    """Return the keys that a text cites as ``[@key]``, each once, sorted."""
    return sorted(set(CITATION.findall(text)))


def bibliography(text: str) -> str:
    """Return the BibTeX entries of what a text cites.

    Raises
    ------
    InputError
        If it cites what is no entry.
    """
    known = entries()
    missing = [key for key in cited(text) if key not in known]
    if missing:
        raise InputError(f"citations: expected keys of {FILE.name}. Received: {', '.join(missing)}.")
    return "".join(f"{known[key]}\n" for key in cited(text))
