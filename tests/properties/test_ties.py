"""Clouds with few distances, many times each, against an exact rational computation of their diagrams.

The reference shares nothing with the product: squared distances are fractions, and the boundary matrix of the whole
Vietoris–Rips complex is reduced over the field with two elements as the definition says.
"""

from collections.abc import Iterable
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from topodepth.homology import distance_matrix, minimum_spanning_tree_lengths, nearest_distances, persistence_diagrams
from topodepth.jobs import memory

quick = settings(max_examples=25, deadline=None, derandomize=True)


def bfloat16(values):
    """Round to eight significant bits."""
    fractions, exponents = np.frexp(values)
    return np.ldexp(np.round(fractions * 256) / 256, exponents)


def rational(step, offset=0):
    """Return how whole numbers become coordinates, in float64 and exactly."""
    return np.vectorize(lambda k: Fraction(offset) + int(k) * Fraction(step), otypes=[object])


def make(kind: str, rng: np.random.Generator, n: int, d: int) -> tuple[np.ndarray, np.ndarray]:  # noqa: PLR0911
    """Return points in float64, as data would hold them, and what they stand for, as fractions."""
    whole = rng.integers(0, 4, size=(n, d))
    if kind == "binary":
        whole = rng.integers(0, 2, size=(n, d))
    if kind == "one-hot":
        whole = np.eye(d, dtype=int)[rng.integers(d, size=n)]
    if kind == "a byte / 255":
        whole *= 17
        return whole / 255, rational(Fraction(1, 255))(whole)
    if kind == "int8 × 0.037":
        whole = rng.integers(-3, 3, size=(n, d))
        return whole * 0.037, rational(Fraction(37, 1000))(whole)
    if kind == "far from the origin":
        return whole + 1e6, rational(1, 10**6)(whole)
    if kind == "ReLU6, of 8 bits":
        whole = np.clip(np.round(rng.normal(3, 4, size=(n, d)) * 255 / 6 / 32) * 32, 0, 255).astype(int)
        return whole * (6 / 255), rational(Fraction(6, 255))(whole)
    if kind == "normalised as images are":
        whole *= 51
        return (whole / 255 - 0.485) / 0.229, rational(Fraction(1000, 255 * 229))(whole)
    if kind == "min-max scaled":
        spans = np.maximum(whole.max(axis=0) - whole.min(axis=0), 1)
        exact = np.vectorize(lambda k, span: Fraction(int(k), int(span)), otypes=[object])
        return (whole - whole.min(axis=0)) / spans, exact(whole - whole.min(axis=0), spans)
    if kind == "bfloat16":
        points = bfloat16(rng.choice(rng.normal(size=3), size=(n, d)))
        return points, np.vectorize(Fraction, otypes=[object])(points)
    if kind == "turned":
        turn = np.linalg.qr(rng.normal(size=(d, d)))[0]
        return whole @ turn, rational(1)(whole)
    return whole.astype(float), rational(1)(whole)


KINDS = ("binary", "one-hot", "counts", "a byte / 255", "int8 × 0.037", "far from the origin", "ReLU6, of 8 bits",
         "normalised as images are", "min-max scaled", "bfloat16", "turned")  # fmt: skip


def exact_squares(exact: np.ndarray) -> np.ndarray:
    differences = exact[:, None] - exact[None]
    return (differences * differences).sum(axis=2)


def exact_diagrams(squares: np.ndarray, max_dim: int) -> list[list[tuple]]:
    """Return the bars of the Vietoris–Rips filtration by squared distance, by reduction of the boundary matrix."""
    simplices = [
        (max([squares[i, j] for i, j in combinations(simplex, 2)], default=Fraction(0)), len(simplex), simplex)
        for size in range(1, max_dim + 3)
        for simplex in combinations(range(len(squares)), size)
    ]
    simplices.sort()
    place = {simplex: k for k, (_, _, simplex) in enumerate(simplices)}
    reduced, paired = {}, set()
    bars: list[list[tuple]] = [[] for _ in range(max_dim + 1)]
    for k, (value, size, simplex) in enumerate(simplices):
        column = {place[face] for face in combinations(simplex, size - 1)} if size > 1 else set()
        while column and max(column) in reduced:
            column ^= reduced[max(column)]
        if column:
            born = max(column)
            reduced[born] = column
            paired |= {born, k}
            if simplices[born][0] < value:
                bars[simplices[born][1] - 1].append((simplices[born][0], value))
    essential = [k for k in range(len(simplices)) if k not in paired and simplices[k][1] <= max_dim + 1]
    for k in essential:
        bars[simplices[k][1] - 1].append((simplices[k][0], np.inf))
    return bars


def assert_are(diagrams: list[np.ndarray], bars: list[list[tuple]], rtol: float = 1e-11) -> None:
    """Compare bars, and that there are as many different values as there are exactly."""
    for diagram, expected in zip(diagrams, bars, strict=True):
        exact = np.sqrt(np.array([[float(value) for value in bar] for bar in expected]).reshape(-1, 2))
        exact = exact[np.lexsort((exact[:, 1], exact[:, 0]))]
        assert len(diagram) == len(exact)
        np.testing.assert_allclose(diagram, exact, rtol=rtol)
    values = {value for degree in bars for bar in degree for value in bar}
    assert len(np.unique(np.concatenate([diagram.ravel() for diagram in diagrams]))) == len(values)


@pytest.mark.parametrize("kind", KINDS)
@quick
@given(st.integers(0, 2**32 - 1), st.integers(4, 10), st.integers(2, 6))
def test_tied_clouds_have_their_exact_diagrams_whatever_the_engine_and_the_order(kind, seed, n, d):
    rng = np.random.default_rng(seed)
    points, exact = make(kind, rng, n, d)
    bars = exact_diagrams(exact_squares(exact), 1)
    for engine, rtol in (("auto", 1e-11), ("gudhi", 1e-11), ("ripser", 1e-6)):
        assert_are(persistence_diagrams(points, engine=engine), bars, rtol)
    turned = points[rng.permutation(n)][:, rng.permutation(d)]
    assert_are(persistence_diagrams(turned), bars)
    assert_are(persistence_diagrams(distances=distance_matrix(turned)), bars)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dense_points", [0, 4096])
@settings(max_examples=10, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(2, 60), d=st.integers(1, 6))
def test_tied_clouds_have_their_exact_tree_and_nearest_distances_both_ways(kind, dense_points, seed, n, d):
    points, exact = make(kind, np.random.default_rng(seed), n, d)
    squares = exact_squares(exact)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "DENSE_POINTS", dense_points)
        lengths = minimum_spanning_tree_lengths(points)
        (h0,) = persistence_diagrams(points, max_dim=0)
    assert_same_values(lengths, exact_tree(squares))
    np.testing.assert_array_equal(h0[:-1, 1], lengths[lengths > 0])
    near = [sorted(squares[i, j] for j in range(n) if j != i)[: min(2, n - 1)] for i in range(n)]
    assert_same_values(nearest_distances(points, min(2, n - 1)), [value for row in near for value in row])
    assert_same_values(distance_matrix(points), squares.ravel())


def exact_tree(squares: np.ndarray) -> list[Fraction]:
    """Return the squared edge lengths of the minimum spanning tree (Kruskal)."""
    component, chosen = list(range(len(squares))), []
    for i, j in sorted(combinations(component, 2), key=lambda pair: squares[pair]):
        one, other = component[i], component[j]
        if one != other:
            chosen.append(squares[i, j])
            component = [one if label == other else label for label in component]
    return chosen


def assert_same_values(found: np.ndarray, squares: Iterable[Fraction]) -> None:
    squares = list(squares)
    np.testing.assert_allclose(found.ravel(), np.sqrt(np.array(squares, dtype=float)), rtol=1e-11)
    assert len(np.unique(found)) == len(set(squares))
