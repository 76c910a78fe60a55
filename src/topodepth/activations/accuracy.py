"""How well a network classifies the very images that are measured, and whether that is better than chance.

Activations of a network whose input was normalised in another way than it was trained with look like any others. Its
accuracy does not, and costs nothing: the images pass through the network anyway.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, fsum, lgamma, log, log1p
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from topodepth.activations.file import Activations

logger = logging.getLogger("topodepth")

COLUMNS = ("model", "label", "dataset", "images", "accuracy", "ci_low", "ci_high", "chance", "p_value",
           "stated_accuracy", "doubt")  # fmt: skip
LEVEL = 0.95
ALPHA = 0.01  # a p-value from here on is no evidence against chance
SMALLEST_LEAD = 0.1  # of the way from chance to 1: however sure, less is hardly better than chance
TOLERANCE = 0.02  # accuracies that others state are rounded, and of other images
ADVICE = (
    "Is `normalisation` what it was trained with, and are the classes in its order? A network that has learned nothing "
    "looks the same."
)


@dataclass(frozen=True)
class Accuracy:
    """The share of n images that a network classifies as they are labelled, beside what would happen by chance.

    Attributes
    ----------
    value
        The share.
    n
        Images.
    chance
        The share expected if predictions had nothing to do with labels: Σ over classes of the share of labels times
        the share of predictions (the expectation in Cohen 1960). Labels all alike tell nothing of that; then it is
        that of a guess, 1 / number of classes.
    """

    value: float
    n: int
    chance: float

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of Clopper & Pearson (1934) for images drawn at random."""
        from scipy.special import betaincinv

        correct, tail = round(self.value * self.n), (1 - LEVEL) / 2
        low = float(betaincinv(correct, self.n - correct + 1, tail)) if correct else 0.0
        high = float(betaincinv(correct + 1, self.n - correct, 1 - tail)) if correct < self.n else 1.0
        return low, high

    @property
    def p_value(self) -> float:
        """How likely at least so many right ones are by chance: the one-sided exact binomial test."""
        correct = round(self.value * self.n)
        if not correct or self.chance >= 1:
            return 1.0
        if self.chance <= 0:
            return 0.0
        # without SciPy, whose import would take longer than many a job that passes images through a network
        whole, right, wrong = lgamma(self.n + 1), log(self.chance), log1p(-self.chance)
        logs = (
            whole - lgamma(k + 1) - lgamma(self.n - k + 1) + k * right + (self.n - k) * wrong
            for k in range(correct, self.n + 1)
        )
        return min(1.0, fsum(map(exp, logs)))

    @property
    def near_chance(self) -> bool:
        """Whether it is not shown to be better than chance, or hardly is."""
        lead = (self.value - self.chance) / (1 - self.chance) if self.chance < 1 else 0.0
        return self.p_value >= ALPHA or lead < SMALLEST_LEAD

    def __str__(self) -> str:
        return f"accuracy {self.value:.3f} on the {self.n} measured images (by chance {self.chance:.3f})"

    def doubt(self, stated: float | None = None) -> str:
        """Say what is wrong with it in a sentence; nothing if nothing is.

        Parameters
        ----------
        stated
            The test accuracy that whoever made the network states; a lower one here, beyond the interval, is a doubt.
        """
        if self.near_chance:
            return f"{self}: hardly better than chance. {ADVICE}"
        if stated is not None and self.interval[1] < stated - TOLERANCE:
            return f"{self}: {stated:g} is stated of it. {ADVICE}"
        return ""

    def tell(self, name: str, stated: float | None = None) -> None:
        """Log it, and as a warning if there is a doubt."""
        if doubt := self.doubt(stated):
            logger.warning("%s: warning: %s", name, doubt)
        else:
            logger.info("%s: %s", name, self)


class Tally:
    """Counts right predictions, a batch at a time.

    Parameters
    ----------
    labels
        Classes of the images, (n,).
    classes
        How many classes the data have; a network that tells another number apart has no accuracy on them. 0: as many as
        the network tells apart, labels beyond which leave it without.
    """

    def __init__(self, labels: np.ndarray, classes: int) -> None:
        self._labels, self._classes = np.asarray(labels), classes
        self._predicted = np.full(len(self._labels), -1, dtype=np.int64)
        self._single: list[np.ndarray] = []

    def add(self, start: int, scores: np.ndarray) -> None:
        """Take in what a network says of the images from ``start`` on: probabilities or logits (n, classes) or (n, 1).

        One number of two classes is the probability of the second, or its logit.
        """
        scores = np.asarray(scores, dtype=np.float64).reshape(len(scores), -1)
        if not self._classes and self._labels.min() >= 0:
            told = max(2, scores.shape[1])
            self._classes = told if self._labels.max() < told else 0
        if scores.shape[1] == self._classes > 1:
            self._predicted[start : start + len(scores)] = scores.argmax(axis=1)
        elif scores.shape[1] == 1 and self._classes == 2:
            self._single.append(scores[:, 0])

    def result(self) -> Accuracy | None:
        """Return the accuracy; None of a network without a head of these classes."""
        if self._single:
            values = np.concatenate(self._single)
            probabilities = values.min() >= 0 and values.max() <= 1  # logits of many images lie on both sides of 0
            self._predicted[: len(values)] = values > (0.5 if probabilities else 0)
        if (self._predicted < 0).any():
            return None
        return of_predictions(self._labels, self._predicted, self._classes)


def of_predictions(labels: np.ndarray, predicted: np.ndarray, classes: int) -> Accuracy:
    """Return the accuracy of predicted classes (n,) for labels (n,)."""
    counts = [np.bincount(values, minlength=classes) / len(labels) for values in (labels, predicted)]
    size = max(map(len, counts))
    shares = [np.pad(count, (0, size - len(count))) for count in counts]
    chance = float(shares[0] @ shares[1]) if shares[0].max() < 1 else 1 / classes
    return Accuracy(float(np.mean(labels == predicted)), len(labels), chance)


def attributes(found: Accuracy | None) -> dict[str, float]:
    """Return what an activations file says of its network's accuracy."""
    return {} if found is None else {"accuracy": found.value, "accuracy_by_chance": found.chance}


def of_attributes(values: Mapping[str, object], n: int) -> Accuracy | None:
    """Return the accuracy that an activations file of n points states; None if it states none that can be."""
    given = map(values.get, ("accuracy", "accuracy_by_chance"))
    pair = [float(value) for value in given if isinstance(value, int | float) and 0 <= value <= 1]
    return Accuracy(pair[0], n, pair[1]) if len(pair) == 2 else None


def of_file(file: "Activations") -> Accuracy | None:
    """Return the accuracy on the points of an activations file: what it states, else that of its layer ``logits``.

    Of logits (n, classes) the largest is the prediction; labels beyond them are of other classes, and there is none.
    """
    stated = of_attributes(file.attributes, file.n)
    if stated is not None or file.labels is None or "logits" not in {layer.token for layer in file.layers}:
        return stated
    classes = file.layer("logits").d
    if classes < 2 or file.labels.min() < 0 or file.labels.max() >= classes:
        return None
    tally = Tally(file.labels, classes)
    tally.add(0, file.points("logits"))
    return tally.result()


def row(found: Accuracy | None, stated: float | None = None) -> dict[str, object]:
    """Return the cells of :data:`COLUMNS` that an accuracy fills; none where it is unknown."""
    about: dict[str, object] = {"stated_accuracy": stated}
    if found is None:
        return about
    low, high = found.interval
    return about | {
        "images": found.n, "accuracy": found.value, "ci_low": low, "ci_high": high, "chance": found.chance,
        "p_value": found.p_value, "doubt": found.doubt(stated) or None,
    }  # fmt: skip


def sentences(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say what the rows of a comparison show: the answer first, then each doubt."""
    known = [row for row in rows if row.get("accuracy") is not None]
    if not known:
        return ["No accuracy is known of any network here: none has a head of its data's classes."]
    doubts = [row for row in known if row["doubt"]]
    lowest, highest = (f"{pick(row['accuracy'] for row in known):.3f}" for pick in (min, max))
    text = f"Accuracy on the measured images: {lowest}" + (f" to {highest}." if highest > lowest else ".")
    text += f" {len(doubts)} of {len(known)} networks are in doubt." if doubts else " No network is in doubt."
    unknown = [str(row["label"]) for row in rows if row.get("accuracy") is None]
    if unknown:
        text += f" Unknown, for want of a head of their data's classes: {', '.join(unknown)}."
    return [text, *(f"{row['label']}: {row['doubt']}" for row in doubts)]
