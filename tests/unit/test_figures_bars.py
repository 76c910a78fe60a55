"""Images of bars: every thumbnail is the image that the table names, beside its label and index."""

import runpy
import sys
from pathlib import Path

import numpy as np
import pandas
import pytest

from topodepth.datasets import write_dataset
from topodepth.errors import InputError
from topodepth.figures import bars
from topodepth.files import texts
from topodepth.tables.long_bars import LONG_BAR_COLUMNS

SCRIPT = Path(__file__).parents[2] / "workflow/scripts/draw_bars.py"


def row(layer, depth, degree, label, death, *, rank=1, born="", died="", model="m"):
    birth = 0.0 if degree == 0 else 1.0
    labels = {
        f"{end}_labels": " ".join(label for _ in of.split()) or None for end, of in (("birth", born), ("death", died))
    }
    return {"model": model, "layer": layer, "relative_depth": depth, "class": label, "homology_dimension": degree,
            "rank": rank, "birth": birth, "death": death, "birth_indices": born or None, "death_indices": died,
            **labels}  # fmt: skip


def table():
    return pandas.DataFrame([
        row("first", 0.2, 0, "0", 0.5, died="1 2"),
        row("first", 0.2, 0, "1", 0.7, died="3 4"),  # the longest of H_0 in this layer
        row("first", 0.2, 0, "1", 0.6, rank=2, died="5 6"),
        row("first", 0.2, 1, "0", 3.0, born="1 5", died="2 7 1"),  # the longest of H_1
        row("first", 0.2, 1, "1", 2.0, born="3 4", died="3 6 8"),
        row("last", 1.0, 0, "0", 0.9, died="7 8"),  # this layer has no loop
    ])  # fmt: skip


def pixels():
    return {index: np.full((4, 4, 3), index / 10) for index in range(10)}


def drawn(figure):
    """The images of each row of thumbnails, and what stands below them."""
    shown = [axes for axes in figure.axes if axes.images]
    return [(round(10 * float(axes.images[0].get_array()[0, 0, 0])), axes.get_xlabel()) for axes in shown]


def test_thumbnails_are_the_images_that_the_longest_bars_of_each_layer_name():
    figure = bars.draw(table(), pixels(), class_names={"0": "cat", "1": "dog"}, title="m")
    found = drawn(figure)
    assert sorted(found) == sorted(
        [(index, f"dog\n#{index}") for index in (3, 4)]
        + [(index, f"cat\n#{index}") for index in (1, 5, 2, 7, 1)]
        + [(index, f"cat\n#{index}") for index in (7, 8)]
    )
    titles = [axes.get_title(loc="left") for axes in figure.axes if axes.get_title(loc="left")]
    assert titles.count("no loop") == 2  # the edge and the triangle that the last layer lacks
    assert {"death 0.7", "birth 1", "death 3", "death 0.9"} <= {*titles}


def test_foremost_bars_are_of_six_layers_at_most_the_first_and_the_last_among_them():
    many = pandas.DataFrame([row(f"l{k:02d}", k / 20, 0, "0", 1.0, died="1 2") for k in range(20)])
    found = list(bars.foremost(many)["layer"])
    assert len(found) == 6
    assert (found[0], found[-1]) == ("l00", "l19")
    assert bars.indices(bars.foremost(table())) == [1, 2, 3, 4, 5, 7, 8]


def test_a_token_is_shown_by_the_image_that_it_is_of():
    tokens = pandas.DataFrame([row("a", 1.0, 0, "0", 0.5, died="3:0 4:17")])
    assert bars.indices(bars.foremost(tokens)) == [3, 4]
    assert drawn(bars.draw(tokens, pixels())) == [(3, "0\n#3:0"), (4, "0\n#4:17")]


def test_what_is_no_image_has_an_empty_frame_and_its_index():
    figure = bars.draw(table(), {})
    assert not drawn(figure)
    assert "#3" in {axes.get_xlabel().split("\n")[-1] for axes in figure.axes}


def test_a_table_without_images_or_of_two_models_is_refused():
    with pytest.raises(InputError, match="lacks death_indices"):
        bars.draw(table().drop(columns="death_indices"), {})
    two = pandas.concat([table(), table().assign(model="other")])
    with pytest.raises(InputError, match="expected one model"):
        bars.draw(two, {})


@pytest.mark.parametrize("kind", ["images", "arrays"])
def test_the_script_reads_the_images_of_the_split_that_the_table_is_of(tmp_path, monkeypatch, kind):
    rng = np.random.default_rng(0)
    shape = (9, 5, 5, 3) if kind == "images" else (9, 6)
    splits = {split: (rng.integers(0, 256, size=shape, dtype=np.uint8), np.arange(9) % 2)
              for split in ("train", "validation", "test")}  # fmt: skip
    write_dataset(tmp_path / "d.h5", splits, ["cat", "dog"])
    texts.write_table(tmp_path / "bars.csv", table().to_dict("records"), LONG_BAR_COLUMNS)
    seen, draw = [], bars.draw
    monkeypatch.setattr(bars, "draw", lambda *a, **b: seen.append((a, b)) or draw(*a, **b))
    monkeypatch.setattr(sys, "argv", [
        "draw_bars.py", "--table", str(tmp_path / "bars.csv"), "--dataset", str(tmp_path / "d.h5"), "--split", "test",
        "--code", "digest", "--out", str(tmp_path / "bars.png"),
    ])  # fmt: skip
    runpy.run_path(str(SCRIPT))
    (_, found), options = seen[0]
    assert options["class_names"] == {"0": "cat", "1": "dog"}
    assert sorted(found) == ([1, 2, 3, 4, 5, 7, 8] if kind == "images" else [])
    for index, image in found.items():
        np.testing.assert_array_equal(image, splits["test"][0][index] / 255)
    assert (tmp_path / "bars.png").stat().st_size > 1000
