"""The package starts at once, and names what is public in one place."""

import ast
import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import pytest

import topodepth as td
from topodepth.study.settings import Passing, Settings

ROOT = Path(__file__).parents[2]
HEAVY = ("numpy", "scipy", "pandas", "h5py", "matplotlib", "gudhi", "sklearn", "tensorflow", "keras", "tf_keras",
         "torch", "onnx", "onnxruntime", "snakemake", "yaml")  # fmt: skip


def run(code):
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def test_importing_takes_a_blink_and_nothing_heavy():
    code = f"""
import sys, time
start = time.perf_counter()
import topodepth as td
took = time.perf_counter() - start
assert not [name for name in {HEAVY} if name in sys.modules]
td.InputError
assert not [name for name in {HEAVY} if name in sys.modules]
print(took)
"""
    assert min(float(run(code)) for _ in range(3)) < 0.3


def test_measuring_arrays_needs_no_framework_and_no_pipeline():
    code = f"""
import sys, numpy
import topodepth as td
m = td.measure(layers={{"a": numpy.random.default_rng(0).normal(size=(60, 3))}}, progress=False, draws=1)
td.draw.depth(m), m._repr_html_()
heavy = set({HEAVY}) - {{"numpy", "scipy", "pandas", "h5py", "matplotlib", "gudhi"}}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    run(code)


def test_public_names_are_told_to_editors_and_type_checkers():
    stub = ast.parse((ROOT / "src/topodepth/__init__.pyi").read_text())
    told = {
        alias.asname: node.module.removeprefix("topodepth.")
        for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }  # fmt: skip
    assert told == {name: "study" if name == "draw" else module for name, module in td.PUBLIC.items()}
    assert (ROOT / "src/topodepth/py.typed").exists()


@pytest.mark.parametrize("name", list(td.PUBLIC))
def test_every_public_name_is_there_and_described(name):
    found = getattr(td, name)
    assert found.__doc__
    assert name in dir(td)


def test_the_page_of_python_says_what_works(tmp_path):
    page = (ROOT / "docs/python.md").read_text()
    code = "\n".join(re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL))
    checks = """
assert set(result.table["layer"]) == set(result.layers) and result.activations.n == 90
assert again.table["value"].equals(mine.table["value"])
assert {"conv1", "fc"} == set(both.differences["layer"])
"""
    subprocess.run([sys.executable, "-c", code + checks], check=True, capture_output=True, text=True, cwd=tmp_path)
    assert {"mine.h5", "mine.yaml", "depth.png"} <= {path.name for path in tmp_path.iterdir()}


def test_the_page_of_python_names_every_setting_with_its_default():
    page = (ROOT / "docs/python.md").read_text()
    told = {}
    for names, defaults, _ in re.findall(r"^\| (`\w+`.*?) \| (.*?) \| (.*?) \|$", page, flags=re.MULTILINE):
        keys = re.findall(r"`(\w+)`", names)
        values = [defaults] if len(keys) == 1 else re.split("; " if ";" in defaults else ", ", defaults)
        told |= dict(zip(keys, values, strict=True))
    plain = Settings()
    own = {field.name: getattr(plain, field.name) for field in dataclasses.fields(Settings)}
    assert told == {key: ", ".join(value) if isinstance(value, tuple) else str(value) for key, value in own.items()}
    for field in dataclasses.fields(Passing):
        assert f"`{field.name}`" in page


def test_an_unknown_name_is_no_attribute():
    with pytest.raises(AttributeError, match="'topodepth' has no attribute 'mesure'"):
        td.mesure  # noqa: B018
