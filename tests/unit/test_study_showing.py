"""How results show themselves: in a notebook, in a console."""

import io
import re
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.image import imread

import topodepth as td

RNG = np.random.default_rng(5)
LABELS = np.arange(90) % 3
FIRST = RNG.normal(size=(90, 6)) + LABELS[:, None]
QUICK = {"progress": False, "draws": 2, "null_draws": 1}
LAYERS = {"first": FIRST, "second": np.tanh(FIRST), "third": FIRST[:, :2]}


@pytest.fixture(scope="module")
def measured():
    return td.measure(layers=LAYERS, labels=LABELS, name="mine", **QUICK)


def table_of(page):
    """The cells of the page's table, its first row the headings."""
    rows = re.findall(r"<tr>(.*?)</tr>", page, flags=re.DOTALL)
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows]


def number_in(table, layer, descriptor, degree, column):
    query = f"layer == '{layer}' and descriptor == '{descriptor}' and `class` in ['mean', 'all']"
    found = table.query(query)
    return found[found["homology_dimension"] == degree][column].item()


def test_every_layer_has_a_row_with_the_numbers_of_the_figure(measured):
    head, *rows = table_of(measured._repr_html_())
    assert head == [
        "model", "layer", "relative depth", "lifespan sum E₀", "null model", "ratio",
        "lifespan sum E₁", "null model", "ratio", "PH dimension", "null model", "ratio",
    ]  # fmt: skip
    assert [row[1] for row in rows] == list(LAYERS)
    for row in rows:
        expected = [
            number_in(measured.table, row[1], *panel, column)
            for panel in (("lifespan_sum", 0), ("lifespan_sum", 1), ("ph_dimension", 0))
            for column in ("value", "null_value", "relative_value")
        ]
        np.testing.assert_allclose([float(cell.replace("−", "-")) for cell in row[3:]], expected, rtol=6e-3)


def test_two_models_have_a_row_each_and_what_was_not_measured_has_no_column(measured):
    other = td.measure(layers=LAYERS, labels=LABELS, name="other", **QUICK)
    _, *rows = table_of(measured.compare(other)._repr_html_())
    assert sorted(tuple(row[:2]) for row in rows) == [(name, layer) for name in ("mine", "other") for layer in LAYERS]
    plain = td.measure(layers=LAYERS, **{**QUICK, "null_draws": 0, "max_dim": 0, "estimators": []})
    head, *rows = table_of(plain._repr_html_())
    assert head == ["model", "layer", "relative depth", "lifespan sum E₀"]
    assert all(row[3] for row in rows)


def test_many_layers_are_cut_aloud():
    layers = {f"layer{k}": FIRST[:, :2] for k in range(30)}
    page = td.measure(layers=layers, **{**QUICK, "null_draws": 0, "max_dim": 0, "estimators": []})._repr_html_()
    assert len(table_of(page)) == 1 + 24
    assert "The first 24 of 30 layers" in page


def test_a_figure_shows_itself_where_nobody_imported_pyplot(measured):
    picture = imread(io.BytesIO(td.draw.depth(measured)._repr_png_()))
    assert picture.shape[0] > 400
    assert picture.std() > 0.02  # something is drawn
    code = "import sys\nfrom topodepth.figures import style\nstyle.new_figure(4, 3)._repr_png_()\n"
    subprocess.run([sys.executable, "-c", f"{code}assert 'matplotlib.pyplot' not in sys.modules"], check=True)


def test_one_line_stands_for_results_with_thousands_of_numbers(measured):
    assert repr(measured) == "Measurement('mine': 3 layers, 90 points, 3 classes)"
    assert repr(measured.activations) == "Activations('mine': first 90 × 6, second 90 × 6, third 90 × 2)"
    assert repr(measured.diagrams["first"]) == "Diagrams(data of 0, 1, 2: H_0 to H_1; null=1, jackknife=0)"
    one = td.measure(layers={"a": FIRST}, labels=LABELS * 0, classes=[0], **QUICK)
    assert repr(one) == "Measurement('arrays': 1 layer, 90 points, 1 class)"


def test_a_cost_reads_as_a_sentence_in_a_console_too():
    cost = td.estimate(layers={"a": FIRST}, labels=LABELS)
    assert repr(cost) == str(cost)
    assert re.fullmatch(r"arrays, 1 layer: about 1 s, \d+ MB of memory, 2 kB on disk", str(cost))  # 90 × 6 × 4 bytes
