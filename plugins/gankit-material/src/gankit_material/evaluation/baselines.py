"""Simpler models than the generator."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from gankit_material.data.elements import ELEMENTS
from gankit_material.data.formulas import divided
from gankit_material.data.items import Material
from gankit_material.evaluation.features import amounts
from gankit_material.settings import MaterialSettings

MOST_FITTED = 50_000


def baselines(
    train: Sequence[Material], settings: MaterialSettings, n: int, seed: int
) -> Mapping[str, Sequence[Material]]:
    """Three of them:

    - ``substitution``: a training formula in which one element is replaced by a random one of the
      same group of the periodic table, as chemists substitute;
    - ``random elements``: the counts of a training formula with elements drawn by their frequency;
    - ``gaussian counts``: a multivariate Gaussian fitted to vectors of counts, drawn, rounded, and
      cut to as many elements as the largest training formula has.
    """
    rng = np.random.default_rng(seed)
    return {
        "substitution": _substitution(train, n, rng),
        "random elements": _random_elements(train, n, rng),
        "gaussian counts": _gaussian(train, n, rng),
    }


def _substitution(train: Sequence[Material], n: int, rng: np.random.Generator) -> list[Material]:
    groups = _groups({symbol for material in train for symbol in material.counts})
    made: list[Material] = []
    while len(made) < n:
        counts = dict(train[int(rng.integers(len(train)))].counts)
        symbols = list(counts)
        old = symbols[int(rng.integers(len(symbols)))]
        others = [symbol for symbol in groups[old] if symbol not in counts]
        if others:
            new = others[int(rng.integers(len(others)))]
            made.append(Material({new if s == old else s: count for s, count in counts.items()}))
        else:
            made.append(Material(counts))
    return made


def _groups(present: set[str]) -> dict[str, list[str]]:
    """The elements that occur, by group; lanthanides and actinides are one each."""
    from pymatgen.core import Element

    def key(symbol: str) -> object:
        e = Element(symbol)
        return "f" + str(e.row) if e.is_lanthanoid or e.is_actinoid else e.group

    found: dict[object, list[str]] = {}
    for symbol in ELEMENTS:
        if symbol in present:
            found.setdefault(key(symbol), []).append(symbol)
    return {symbol: found[key(symbol)] for symbol in present}


def _random_elements(train: Sequence[Material], n: int, rng: np.random.Generator) -> list[Material]:
    counted = Counter(symbol for material in train for symbol in material.counts)
    symbols = sorted(counted)
    share = np.array([counted[symbol] for symbol in symbols], np.float64)
    share /= share.sum()
    made = []
    for _ in range(n):
        counts = list(train[int(rng.integers(len(train)))].counts.values())
        size = min(len(counts), len(symbols))
        chosen = rng.choice(len(symbols), size, replace=False, p=share)
        found = {symbols[int(i)]: count for i, count in zip(chosen, counts, strict=False)}
        made.append(Material(divided(found)))
    return made


def _gaussian(train: Sequence[Material], n: int, rng: np.random.Generator) -> list[Material]:
    some = rng.choice(len(train), min(len(train), MOST_FITTED), replace=False)
    table = amounts([train[int(i)] for i in np.sort(some)])
    used = np.flatnonzero(table.sum(0))
    table = table[:, used]
    covariance = np.atleast_2d(np.cov(table.T)) + 1e-6 * np.eye(len(used))
    drawn = rng.multivariate_normal(table.mean(0), covariance, n, method="cholesky")
    most, largest = int((table > 0).sum(1).max()), table.max()
    made = []
    for row in drawn:
        order = np.argsort(-row, kind="stable")[:most]
        counts = {ELEMENTS[used[i]]: int(min(round(row[i]), largest)) for i in order}
        kept = {symbol: count for symbol, count in counts.items() if count > 0}
        made.append(Material(divided(kept or {ELEMENTS[used[order[0]]]: 1})))
    return made
