"""Activations of tokens in a file: of which item each is, and the layers once more with tokens shuffled."""

import h5py
import numpy as np
import pytest

from topodepth.activations.file import read_activations, validate
from topodepth.activations.report import report
from topodepth.errors import InputError

RANDOM = np.random.default_rng(1)
POINTS, OTHERS = RANDOM.random((2, 6, 3)), RANDOM.random((2, 2, 6, 3))  # (layer, …), (draw, layer, …)
ITEMS, PLACES = np.array([0, 0, 0, 4, 4, 9]), np.array([0, 1, 5, 0, 1, 0])


@pytest.fixture
def tokens(tmp_path):
    path = tmp_path / "tokens.h5"
    with h5py.File(path, "w") as file:
        for k, name in enumerate(("0_first", "1_second")):
            file[f"layers/{name}"] = POINTS[k]
            for draw in range(2):
                file[f"shuffled/{draw}/{name}"] = OTHERS[draw, k]
        file["labels"], file["indices"], file["places"] = ITEMS % 2, ITEMS, PLACES
    return path


def test_tokens_are_read_with_their_items_and_places(tokens):
    found = read_activations(tokens)
    assert (found.indices.tolist(), found.places.tolist()) == (ITEMS.tolist(), PLACES.tolist())
    assert found.draws == 2
    for k, name in enumerate(("first", "second")):
        for draw, points in enumerate(found.shuffled(name)):
            np.testing.assert_array_equal(points, OTHERS[draw, k].astype(np.float32))
    assert validate(tokens) == []


def test_a_file_of_items_has_none_of_them(tmp_path):
    with h5py.File(tmp_path / "items.h5", "w") as file:
        file["layers/only"] = POINTS[0]
    found = read_activations(tmp_path / "items.h5")
    assert (found.places, found.draws, list(found.shuffled("only"))) == (None, 0, [])
    assert report(tmp_path / "items.h5").splitlines()[0].endswith("1 layers, 6 points")


def test_the_check_tells_of_them(tokens):
    lines = report(tokens).splitlines()
    assert lines[0].endswith("2 layers, 6 points, tokens of 3 items")
    assert lines[-1] == "  2 draws of shuffled tokens, a null model beside permuted features"


def put(name, values):
    def change(file):
        del file[name]
        if values is not None:
            file[name] = values

    return change


NAN = np.where(np.eye(6, 3) == 1, np.nan, POINTS[0])
WRONG = {
    "no items": (put("indices", None), "'/places' expected beside '/indices'"),
    "negative": (put("places", PLACES - 1), "'/places' expected from 0. Received: -1"),
    "twice": (put("places", PLACES * 0), "'/places' expected to hold one token each. Received: 3 in place 0 of item 0"),
    "fractions": (put("places", PLACES / 2), "'/places' expected as 6 whole numbers"),
    "short": (put("places", PLACES[1:]), "'/places' expected as 6 whole numbers"),
    "no layer": (put("shuffled/1/0_first", None), "'/shuffled/1/0_first' expected as real numbers"),
    "fewer": (put("shuffled/0/1_second", POINTS[0, 1:]), r"'/shuffled/0/1_second' expected as .* \(6, 3\).*\(5, 3\)"),
    "narrower": (put("shuffled/0/1_second", POINTS[0, :, 1:]), r"expected as the layer itself, \(6, 3\).*\(6, 2\)"),
    "no group": (put("shuffled", POINTS[0]), "'*/shuffled:* expected as a group"),
    "other names": (put("shuffled/0", None), "/shuffled/0: expected as a group. Received: nothing of that name"),
    "link": (put("shuffled/0", h5py.SoftLink("/layers")), "/shuffled/0: expected to be stored in the file itself"),
}


@pytest.mark.parametrize(("change", "expected"), WRONG.values(), ids=list(WRONG))
def test_what_does_not_fit_is_refused_in_one_line(tokens, change, expected):
    with h5py.File(tokens, "a") as file:
        change(file)
    with pytest.raises(InputError, match=expected) as caught:
        read_activations(tokens)
    assert validate(tokens) == [str(caught.value)]
    assert "\n" not in str(caught.value)


def test_the_validator_looks_at_every_draw(tokens):
    with h5py.File(tokens, "a") as file:
        put("shuffled/0/0_first", NAN)(file)
        put("shuffled/1/1_second", np.ones((6, 3)))(file)
    first, second = validate(tokens)
    assert "layer 'first', shuffled 0, expected as finite float32. Received: 3 NaN" in first
    assert "layer 'second', shuffled 1, expected as points that differ" in second
    with pytest.raises(InputError, match="layer 'first': activations expected to be finite"):
        next(read_activations(tokens).shuffled("first"))
