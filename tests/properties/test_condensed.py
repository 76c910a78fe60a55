"""Distances that are held once, and the numbers of single precision that stand for them, against the full matrix."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist, squareform

from topodepth.homology import distance_matrix, keys
from topodepth.homology.condensed import Condensed
from topodepth.homology.distances import condensed, prepared
from topodepth.homology.keys import Keys

quick = settings(max_examples=40, deadline=None, derandomize=True)
KINDS = {
    "spread evenly": lambda rng, k: rng.random(k),
    "few, many times": lambda rng, k: rng.integers(0, 5, size=k).astype(float),
    "nearer than single precision": lambda rng, k: 1 + 1e-12 * rng.integers(0, 40, size=k),
    "many orders of magnitude": lambda rng, k: 10.0 ** rng.uniform(-300, 300, size=k),
    "one far away": lambda rng, k: np.append(rng.random(k - 1), 1e200),
    "subnormal": lambda rng, k: 5e-324 * rng.integers(0, 9, size=k),
    "all equal": lambda _, k: np.full(k, 0.1),
    "all zero": lambda _, k: np.zeros(k),
}


@pytest.mark.parametrize("cells", [1, 16, keys.CELLS])
@pytest.mark.parametrize("kind", KINDS)
@quick
@given(seed=st.integers(0, 999), k=st.integers(1, 60), share=st.floats(0, 1))
def test_single_precision_keeps_the_order_of_distances_and_their_ties(kind, cells, seed, k, share):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keys, "CELLS", cells)
        patch.setattr(keys, "BLOCK", 7)
        distances = KINDS[kind](np.random.default_rng(seed), k)
        longest = np.quantile(distances, share, method="lower")
        numbers, made = distances.copy(), Keys(distances, longest)
        last = made.write_over(numbers)
        assert (numbers == numbers.astype(np.float32)).all()
        kept = distances <= longest
        assert ((numbers <= last) == kept).all()
        short, of_short = distances[kept], numbers[kept]
        np.testing.assert_array_equal(np.sign(short[:, None] - short), np.sign(of_short[:, None] - of_short))
        rows, columns = np.nonzero(short[:, None] < short)
        bars = np.column_stack([of_short[rows], of_short[columns]])
        endless = np.column_stack([np.zeros(len(of_short)), np.full(len(of_short), np.inf)])
        found, same = made.looked_up([bars, endless])
        np.testing.assert_array_equal(found, np.column_stack([short[rows], short[columns]]))
        np.testing.assert_array_equal(same, endless)


@quick
@given(seed=st.integers(0, 999), n=st.integers(1, 40), step=st.integers(1, 9))
def test_distances_held_once_are_those_of_the_matrix(seed, n, step):
    matrix = squareform(np.random.default_rng(seed).random(n * (n - 1) // 2))
    held = Condensed.of_matrix(matrix)
    np.testing.assert_array_equal(held.values, squareform(matrix))
    np.testing.assert_array_equal(held.square(), matrix)
    np.testing.assert_array_equal(held.square(np.uint16, 1000.0), np.floor(1000 * matrix))
    np.testing.assert_array_equal([held.row(i) for i in range(n)], matrix)
    rows, columns = np.triu_indices(n, 1)
    np.testing.assert_array_equal(held.between(rows, columns), matrix[rows, columns])
    np.testing.assert_array_equal(held.every(step).square(), matrix[::step, ::step])
    assert held.enclosing_radius() == matrix.max(axis=1).min()


def test_distances_that_were_taken_are_made_again():
    matrix = squareform(np.arange(1.0, 7))
    held = Condensed.of_matrix(matrix)
    held.take()[:] = 0
    np.testing.assert_array_equal(held.square(), matrix)


@pytest.mark.parametrize("n", [1, 2, 255, 256, 257, 600])
def test_distances_in_tiles_are_scipys(n):
    points = np.random.default_rng(n).normal(size=(n, 7))
    np.testing.assert_allclose(condensed(prepared(points)), pdist(points), rtol=1e-12)
    np.testing.assert_allclose(distance_matrix(points), squareform(pdist(points)) if n > 1 else [[0]], rtol=1e-12)
