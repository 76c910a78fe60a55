"""What a type checker knows of the public names, as a user's script would find it."""

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import get_type_hints

import numpy as np
import pytest

from topodepth.study import keywords, settings

ROOT = Path(__file__).parents[2]
PANDAS = "class DataFrame: ..."  # pandas tells no types; this stands for those of pandas-stubs
SCRIPT = """\
import numpy as np
import topodepth as td
from pathlib import Path

points = np.zeros((60, 3))
result = td.measure(layers={"fc": points}, labels=np.zeros(60), seed=1, draws=2, classes=[0, 1])
td.measure("model.keras", points, indices=np.arange(50), descriptors=["longest_bar"], points=None)
reveal_type(result)  # topodepth.study.measurement.Measurement
reveal_type(result.table)  # pandas.DataFrame
reveal_type(result.bars)  # pandas.DataFrame
reveal_type(result.layers)  # list[str]
reveal_type(result.diagrams["fc"].data["all"][1])  # ndarray
reveal_type(result.save("a.h5"))  # Path
reveal_type(result.compare(result).differences)  # pandas.DataFrame
reveal_type(td.features(result))  # pandas.DataFrame
reveal_type(td.taps("model.onnx", layers="*", layout="channels_first"))  # pandas.DataFrame
reveal_type(td.estimate("model.onnx", points).memory)  # int
reveal_type(td.draw.depth(result, title="Mine"))  # matplotlib.figure.Figure
monitor = td.Monitor(points, layers="block*", every=5, dataset="digits", null_draws=1)
reveal_type(monitor(object(), 1))  # Mapping
reveal_type(monitor.table)  # pandas.DataFrame
if not points.size:
    raise td.InputError("mine")
td.measure(points, seed="a")  # error
td.measure(points, sed=1)  # error
td.estimate(points, points="all")  # error
td.taps(points, pooled="mean")  # error
td.Monitor(points, every="often")  # error
td.Monitor(points, weight="large")  # error
td.features(points)  # error
td.draw.depth(3)  # error
result.tables  # error
td.mesure(points)  # error
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What mypy says of each line of the script: ``{line: texts}``, and the script's lines."""
    folder = tmp_path_factory.mktemp("types")
    (folder / "pandas").mkdir()
    (folder / "pandas/__init__.pyi").write_text(PANDAS)
    (folder / "script.py").write_text(SCRIPT)
    # on the path of modules it is like any installed package: what its py.typed does not vouch for has no types
    environment = {"MYPYPATH": str(folder), "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-m", "mypy", "--config-file=", "--cache-dir", folder / "cache", "script.py"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder, env=environment)
    found = {}
    for line, text in re.findall(r"^script\.py:(\d+): (.*)$", done.stdout, flags=re.MULTILINE):
        found.setdefault(int(line), []).append(text)
    assert found, done.stdout + done.stderr
    return found, SCRIPT.splitlines()


def test_what_is_right_is_no_error_and_what_is_wrong_is_one(told):
    found, lines = told
    expected = {number for number, line in enumerate(lines, 1) if line.endswith("# error")}
    assert expected
    assert {number for number, texts in found.items() if any(text.startswith("error") for text in texts)} == expected


def test_results_have_the_types_that_the_page_names(told):
    found, lines = told
    revealed = {number: line.split("# ")[1] for number, line in enumerate(lines, 1) if line.startswith("reveal_type")}
    assert revealed
    wrong = {name: found[number] for number, name in revealed.items() if name not in found[number][0]}
    assert not wrong


def test_keywords_are_the_fields_of_the_settings_with_their_types():
    own = {field.name: hint for kind in (settings.Settings, settings.Passing) for field in fields(kind)
           for hint in [get_type_hints(kind)[field.name]]}  # fmt: skip
    told = get_type_hints(keywords.Keywords)
    assert told.keys() == own.keys()
    # lists of whole numbers may be given as arrays
    wider = {key for key in told if told[key] != own[key]}
    assert {key: told[key] for key in wider} == {
        key: own[key] | np.ndarray for key in ("classes", "sizes", "special_tokens")
    }
