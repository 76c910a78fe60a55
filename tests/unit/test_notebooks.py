"""The notebooks of docs/ run, and what is committed of them is what a run gives."""

import base64
import copy
import io
import json
import re
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
import yaml
from matplotlib.image import imsave

from tests import notebooks
from topodepth.plan import configuration
from topodepth.plan.plan import Plan

ROOT = notebooks.FOLDER.parents[1]
SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"
NAMES = ["own_arrays.ipynb", "own_pytorch_model.ipynb"]


def test_those_are_all():
    assert sorted(path.name for path in ROOT.glob("docs/**/*.ipynb")) == NAMES


def test_your_own_arrays():
    """The network is trained in double precision: rounding of another machine moves no digit that is shown."""
    found = notebooks.runner().executed(notebooks.FOLDER / NAMES[0])
    assert notebooks.differences(found, notebooks.committed(NAMES[0]), share=0.005, least=0.011) == []


@pytest.mark.parametrize("name", NAMES)
def test_what_is_committed_is_a_whole_run_without_what_is_of_one_machine(name):
    book = notebooks.committed(name)
    nbformat.validate(book)
    assert book.metadata == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell.outputs]
    assert {output.get("name", "stdout") for output in outputs} == {"stdout"}  # no warning
    assert {output.output_type for output in outputs} == {"stream", "execute_result"}
    told = "\n".join(text for cell in code for text in notebooks.texts(cell))
    assert not re.search(r"/(home|root|tmp|Users|usr|opt|var)/|\\Users\\|site-packages|0x[0-9a-f]{6}", told)
    assert (notebooks.FOLDER / name).stat().st_size < 600_000


@pytest.mark.parametrize("name", NAMES)
def test_every_picture_is_followed_by_what_to_read_from_it(name):
    cells = notebooks.committed(name).cells
    shown = [k for k, cell in enumerate(cells) if cell.cell_type == "code" and list(notebooks.pictures(cell))]
    assert len(shown) >= 4
    for k in shown:
        assert cells[k + 1].source.startswith("**What to read.**")


@pytest.mark.parametrize("name", NAMES)
def test_they_are_found_from_the_readme_and_from_the_guide(name):
    assert f"(docs/notebooks/{name})" in (ROOT / "README.md").read_text()
    assert f"(notebooks/{name})" in (ROOT / "docs/python.md").read_text()


def test_the_configuration_in_a_notebook_is_one(tmp_path, monkeypatch):
    sources = [cell.source for cell in notebooks.committed(NAMES[1]).cells]
    (block,) = re.findall(r"```yaml\n(.*?)```", "\n".join(sources), flags=re.DOTALL)
    monkeypatch.chdir(tmp_path)
    Path("digits_net.py").write_text(next(source for source in sources if "class Digits" in source))
    Path("trained.pth").touch()
    plan = Plan(configuration.complete({"samples": {"default": {}}, **yaml.safe_load(block)}, SCHEMA))
    assert list(plan.units) == ["trained", "untrained"]


def test_a_notebook_runs_in_this_python_and_leaves_its_file_as_it_was(tmp_path, monkeypatch):
    other = tmp_path / "kernels/python3"
    other.mkdir(parents=True)
    (other / "kernel.json").write_text(json.dumps({"argv": ["false"], "display_name": "Other", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    cell = nbformat.v4.new_code_cell("import os, sys\nprint(sys.executable, os.listdir())")
    path = tmp_path / "book.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    before = path.read_bytes()
    told = notebooks.runner().executed(path).cells[0].outputs[0].text
    assert told.startswith(f"{sys.executable} ")
    assert "book.ipynb" not in told
    assert path.read_bytes() == before


def book_of(text, picture):
    stored = io.BytesIO()
    imsave(stored, picture, format="png")
    data = {"text/plain": text, "image/png": base64.b64encode(stored.getvalue()).decode()}
    cell = nbformat.v4.new_code_cell("pass", id="a", outputs=[nbformat.v4.new_output("display_data", data=data)])
    return nbformat.v4.new_notebook(cells=[cell])


SQUARES = np.kron([[0.0, 1.0], [1.0, 0.0]], np.ones((8, 8)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("layer  a 3  0.501", []),  # another width of the column, and the last digit
        ("layer a 3 0.6", ["a: 0.6 in place of 0.5"]),
        ("layer a 4 0.5", ["a: 4 in place of 3"]),
        ("layer a 3 NaN", ["a: other words: 'layer a 3 NaN' in place of 'layer a 3 0.5'"]),
    ],
)
def test_the_comparison_sees_what_differs(text, expected):
    found = notebooks.differences(book_of(text, SQUARES), book_of("layer a 3 0.5", SQUARES), share=0.01, least=0.01)
    assert found == expected


def test_the_comparison_sees_a_picture_that_is_empty_or_not_there():
    whole = book_of("a", SQUARES)
    empty, none = book_of("a", np.ones((8, 8))), copy.deepcopy(whole)
    del none.cells[0].outputs[0].data["image/png"]
    compared = [notebooks.differences(book, whole, share=0, least=0) for book in (whole, empty, none)]
    assert compared == [[], ["a: an empty picture"], ["a: 0 pictures in place of 1"]]
