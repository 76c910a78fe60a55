"""Models that are snapshots of training runs: the run is the unit, of resamples and of permutations."""

from collections.abc import Hashable, Iterable
from typing import NamedTuple

import numpy as np

from topodepth.statistics.pairs import codes

FEWEST_RUNS = 5  # of fewer nothing is claimed: four have 24 orders, and no scatter of theirs is known
FEWEST_EFFECTIVE = 4  # where runs differ in length; five of 10 to 30 snapshots weigh like 4.4


class Runs(NamedTuple):
    """Runs of models: ``own`` (n,) is the run of each model, ``strata`` (R,) which runs may be exchanged.

    The models of one run stand in the order of its training.
    """

    own: np.ndarray
    strata: np.ndarray

    @property
    def number(self) -> int:
        """How many runs there are."""
        return self.strata.size

    @property
    def effective(self) -> float:
        """How many runs of equal length would weigh alike: (Σ n_r)² / Σ n_r² (Kish 1965, Survey sampling, 11.7)."""
        lengths = np.bincount(self.own)
        return float(lengths.sum() ** 2 / (lengths**2).sum()) if lengths.size else 0.0


def runs_of(labels: Iterable[Hashable] | None, kept: np.ndarray, blocks: np.ndarray) -> Runs | None:
    """Return the runs of the models that are kept; None without labels, or where every model is a run of its own.

    Parameters
    ----------
    labels
        Run of each model, shape (n,); one without a label is a run of its own.
    kept
        Which models count, (n,) booleans.
    blocks
        Block of each kept model. Only runs with models in the same blocks may be exchanged.
    """
    if labels is None:
        return None
    numbers = codes(labels, kept.size, "runs")[kept]
    alone = numbers < 0
    numbers[alone] = numbers.max(initial=-1) + 1 + np.arange(alone.sum())
    _, own = np.unique(numbers, return_inverse=True)
    if np.unique(own).size == own.size:
        return None
    sets = [frozenset(blocks[own == run].tolist()) for run in range(own.max() + 1)]
    return Runs(own, codes(sets, len(sets), "strata"))


def exchanges(runs: Runs, blocks: np.ndarray, permutations: int, seed: int) -> np.ndarray:
    """Return which model's target each model gets: its own, then those of runs exchanged, (1 + permutations, n).

    A run gets the whole course of another one of its stratum, block by block: the k-th of its n models in a block gets
    the target of the ⌊(k + 1/2) m / n⌋-th of the other's m.
    """
    rng = np.random.default_rng(seed)
    orders = np.tile(np.arange(blocks.size), (1 + permutations, 1))
    for stratum in np.unique(runs.strata):
        members = np.flatnonzero(runs.strata == stratum)
        chosen = rng.permuted(np.tile(np.arange(members.size), (permutations, 1)), axis=1)
        for place, run in enumerate(members):
            rows = np.flatnonzero(runs.own == run)
            courses = np.array([_course(rows, np.flatnonzero(runs.own == other), blocks) for other in members])
            orders[1:, rows] = courses[chosen[:, place]]
    return orders


def _course(rows: np.ndarray, others: np.ndarray, blocks: np.ndarray) -> np.ndarray:
    """Return the model of another run that stands for each of a run's, by its place in the block."""
    found = np.empty(rows.size, dtype=int)
    for block in np.unique(blocks[rows]):
        own, theirs = blocks[rows] == block, others[blocks[others] == block]
        places = (np.arange(own.sum()) + 0.5) * theirs.size / own.sum()
        found[own] = theirs[places.astype(int)]
    return found
