"""How a generator fares while it is trained: a few hundred samples, cheaply, beside real data.

Everything is computed on fixed real items, so that values of one run compare with each other; each
has its baseline, the same number for real items in place of generated ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gankit.metrics._features import Features, as_features
from gankit.metrics.manifold import balls, manifold_scores
from gankit.metrics.memorisation import closer_probability

HELDOUT_DISTANCE, DIVERSITY, CLASS_DIVERSITY = "heldout_distance", "diversity", "class_diversity"
COVERAGE, RECALL, AGREEMENT, COPYING = "coverage", "recall", "condition_agreement", "copying"
NOISE = "heldout_distance_noise"
"""The standard deviation of the distance by the choice of real items."""

FEWEST_HELDOUT = 30
"""Below, what is compared with held-out items is left out."""
EFFECTIVE = 1 / 8
"""The kernel's width is where real items have this share of their number as effective modes."""
NEIGHBOURS = 5
"""Copies are much nearer to one training item than to the next few."""
FEWEST_OF_CLASS, MOST_CLASSES = 5, 64
AGREES = 0.5
"""Where held-out items agree less with their conditions, generated ones cannot be judged by it."""
RIDGE = 1e-2
"""Of the linear model's features, as a share of their total variance."""
HALVES = 16
"""Random divisions of real items by which the distance's noise is measured."""
BALL = 5
"""Neighbours of coverage and recall."""


Indices = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class Rows:
    """Features and conditions of items."""

    x: Features
    """(N, D)"""
    c: Features | None = None
    """(N, width)"""

    def __getitem__(self, chosen: Any) -> Rows:
        return Rows(self.x[chosen], None if self.c is None else self.c[chosen])

    def __len__(self) -> int:
        return len(self.x)


class Reference:
    """Real items, and what was measured on them once.

    Args:
        train: training items, at least two; as many of them as there are, or a sample.
        heldout: items that are not trained on; fewer than 30 are not used.
        n: generated samples of a measurement: fewer than held-out ones are compared as they are.

    Raises:
        GankitError: no features, or some that are not finite.
    """

    def __init__(self, train: Rows, heldout: Rows, n: int) -> None:
        self.train = Rows(as_features(train.x, "training items", 2), train.c)
        self.heldout = heldout if len(heldout) >= FEWEST_HELDOUT else None
        self.sample = self.train[
            np.linspace(0, len(train) - 1, min(n, len(train))).astype(np.int64)
        ]
        """As many training items as there are generated ones, at most."""
        self.spread = _mean_distance(self.sample.x)
        """The mean distance of two of them, > 0."""
        self._width = _kernel_width(self.sample.x)
        self._modes = effective_modes(self.sample.x, self._width)
        self._classes = _classes(self.sample.c)
        self._balls = balls(self.sample.x, min(BALL, len(self.sample) - 1))
        self._probe = _probe(self.train)
        self.baselines = self._baselines()
        """By name, ``<name>_real``."""

    def _baselines(self) -> dict[str, float]:
        found = {DIVERSITY: 1.0}
        if self._classes:
            found[CLASS_DIVERSITY] = 1.0
        if self.heldout is not None:
            real = self.heldout[: len(self.sample)]
            self._noise = _noise(self.heldout.x, self.sample.x, self.spread)
            self._ratios = self._nearest_ratios(self.heldout.x)
            measured = self.compare(real.x, real.c, real=True)
            found |= {k: v for k, v in measured.items() if k not in found}
            if found.get(AGREEMENT, 1.0) < AGREES:
                self._probe = None
                del found[AGREEMENT]
            # Held-out items beside themselves would be at no distance.
            between = _energy(self.sample.x, self.heldout.x) / self.spread
            found |= {HELDOUT_DISTANCE: between, COPYING: 0.5}
        else:
            self._probe = None
        named = {f"{k}_real": v for k, v in found.items()}
        return named | ({NOISE: self._noise} if self.heldout is not None else {})

    def compare(
        self, x: np.ndarray[Any, Any], c: np.ndarray[Any, Any] | None, real: bool = False
    ) -> dict[str, float]:
        """Scores of generated samples.

        - ``heldout_distance``: energy distance to held-out items (Székely & Rizzo 2013), as a share
          of the mean distance of two real ones. About 0 is ideal; it is unbiased, and can be
          negative.
        - ``diversity``: effective number of modes, the Vendi score of order 2 (Pasarkar & Dieng
          2023), divided by real items'. 1 is ideal, near 0 is mode collapse.
        - ``class_diversity``: mean distance of two samples of one condition, divided by real
          items'; where conditions are classes.
        - ``coverage``, ``recall``: see :func:`gankit.metrics.manifold.manifold_scores`.
        - ``condition_agreement``: correlation of conditions with what a linear model reads off the
          samples. 0: the condition is ignored.
        - ``copying``: probability that a sample is, for the distance to its 5th neighbour,
          nearer to a training item than a held-out one is. 0.5 is ideal, near 1 is memorisation.

        Args:
            x: (n, D), finite.
            c: (n, width), their conditions.
            real: of held-out items themselves.
        """
        y = as_features(x, "generated samples", 2)
        radii = self._balls if len(y) > BALL else None
        manifold = manifold_scores(self.sample.x, y, k=BALL, radii=radii)
        found = {
            DIVERSITY: effective_modes(y, self._width) / self._modes,
            COVERAGE: manifold["coverage"],
            RECALL: manifold["recall"],
        }
        if self._classes and c is not None and self.sample.c is not None:
            found[CLASS_DIVERSITY] = _within(y, _classes(c)) / _within(self.sample.x, self._classes)
        agreement = None if self._probe is None or c is None else self._probe.agreement(y, c)
        if agreement is not None:
            found[AGREEMENT] = agreement
        if self.heldout is not None and not real:
            found[HELDOUT_DISTANCE] = _energy(y, self.heldout.x) / self.spread
            found[COPYING] = closer_probability(self._nearest_ratios(y), self._ratios)
        return {k: float(v) for k, v in found.items()}

    def _nearest_ratios(self, x: Features) -> Features:
        """Distances to the nearest training item, over those to the k-th. Samples without detail
        are near everything; copies are near one."""
        k = min(NEIGHBOURS, len(self.train))
        squares = _squares(x, self.train.x)
        first = self.train.x[squares.argmin(1)]  # by subtraction: copies are at distance 0
        others = np.sqrt(np.partition(squares, k - 1, axis=1)[:, k - 1])
        nearest: Features = np.linalg.norm(x - first, axis=1)
        return nearest / np.maximum(others, 1e-12 * self.spread)


@dataclass(frozen=True)
class Probe:
    """A ridge regression of conditions on features."""

    mean: Features
    weights: Features
    """(D, columns)"""
    columns: Indices
    """Indices of the conditions that vary."""

    def agreement(self, x: Features, c: Features) -> float | None:
        """The mean correlation, over the conditions, of what is read off ``x`` with ``c``; None
        where all samples have the same."""
        read, told = (x - self.mean) @ self.weights, c[:, self.columns]
        read, told = read - read.mean(0), told - told.mean(0)
        norms = np.sqrt((read**2).sum(0) * (told**2).sum(0))
        varies = (told**2).sum(0) > 0
        found = (read * told).sum(0)[varies] / np.maximum(norms[varies], 1e-12)
        return float(found.mean()) if len(found) else None


def _probe(train: Rows) -> Probe | None:
    """None where nothing varies that could be read off."""
    if train.c is None or len(train) < 4:
        return None
    columns = np.flatnonzero(train.c.std(0) > 1e-6).astype(np.int64)
    mean = train.x.mean(0)
    x, c = train.x - mean, train.c[:, columns]
    variance = float((x**2).sum() / len(x))
    if not len(columns) or not variance:
        return None
    square = x.T @ x / len(x)
    square[np.diag_indices_from(square)] += RIDGE * variance
    return Probe(mean, np.linalg.solve(square, x.T @ (c - c.mean(0)) / len(x)), columns)


def effective_modes(x: Features, width: float) -> float:
    """``1 / mean(k(x, x')^2)`` for a Gaussian kernel: how many modes there seem to be, 1 to N."""
    kernel = np.exp(-_squares(x, x) / width**2)  # the square of exp(-d^2 / (2 width^2))
    return float(1 / kernel.mean())


def _kernel_width(x: Features) -> float:
    """Where real items have an eighth of their number as modes, by bisection."""
    squares = _squares(x, x)
    wanted = max(EFFECTIVE * len(x), 2.0) if len(x) > 2 else 1.5
    low, high = 1e-6, 1e3
    scale = float(np.sqrt(squares.mean())) or 1.0
    for _ in range(40):
        middle = np.sqrt(low * high)
        modes = 1 / np.exp(-squares / (middle * scale) ** 2).mean()
        low, high = (middle, high) if modes > wanted else (low, middle)
    return float(np.sqrt(low * high) * scale)


def _classes(c: Features | None) -> list[Indices]:
    """The rows of each condition that several have; none where conditions are no classes."""
    if c is None:
        return []
    _, numbers = np.unique(c, axis=0, return_inverse=True)
    numbers = numbers.reshape(-1)
    counts = np.bincount(numbers)
    if len(counts) > min(MOST_CLASSES, len(c) // FEWEST_OF_CLASS):
        return []
    return [
        np.flatnonzero(numbers == k).astype(np.int64)
        for k in np.flatnonzero(counts >= FEWEST_OF_CLASS)
    ]


def _within(x: Features, classes: list[Indices]) -> float:
    """The mean distance of two rows of one class."""
    found = [_mean_distance(x[rows]) for rows in classes]
    return max(float(np.mean(found)), 1e-12) if found else 1e-12


def _energy(x: Features, y: Features) -> float:
    """The unbiased energy distance ``2 E|x - y| - E|x - x'| - E|y - y'|``."""
    between = float(np.sqrt(_squares(x, y)).mean())
    return 2 * between - _mean_distance(x) - _mean_distance(y)


def _noise(heldout: Features, sample: Features, spread: float) -> float:
    """How much the distance varies by which real items it is computed from."""
    rng, found = np.random.default_rng(0), []
    both = np.concatenate([heldout, sample])
    distances = np.sqrt(_squares(both, both))
    for _ in range(HALVES):
        order = rng.permutation(len(both))
        a, b = order[: len(sample)], order[len(sample) :]
        within = [distances[np.ix_(r, r)].sum() / (len(r) * (len(r) - 1)) for r in (a, b)]
        found.append(2 * distances[np.ix_(a, b)].mean() - sum(within))
    return max(float(np.std(found)) / spread, 1e-6)


def _mean_distance(x: Features) -> float:
    """The mean distance of two different rows."""
    n = len(x)
    return max(float(np.sqrt(_squares(x, x)).sum()) / max(n * (n - 1), 1), 1e-12)


def _squares(x: Features, y: Features) -> Features:
    """Squared distances (N, M); exactly 0 between equal rows of one set."""
    centre = y.mean(0)
    x_, y_ = x - centre, y - centre
    norms = (x_**2).sum(1)[:, None] + (y_**2).sum(1)[None]
    squares: Features = np.maximum(norms - 2 * x_ @ y_.T, 0.0)
    if x is y:
        squares[np.diag_indices_from(squares)] = 0.0
    return squares
