"""Together the tests of this folder make ten thousand bad inputs and more."""

import re
from pathlib import Path

from tests.fuzz.harness import INPUTS


def test_at_least_ten_thousand_bad_inputs_are_read():
    """Each entry is asked for by a test, which counts what it made and what was refused of it (harness.fuzz)."""
    sources = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    for name in INPUTS:
        kind, _, damage = name.partition(", ")
        assert f'"{name}"' in sources or re.search(rf'"{kind}"[:,\]].*', sources), name
        assert not damage or f'"{name}"' in sources or f'{{kind}}, {damage}"' in sources, name
    assert sum(INPUTS.values()) >= 14_000
