"""Reading a data set and setting a part of it aside."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gankit.config import Config
from gankit.config.paths import expanded
from gankit.contract import Dataset, Issue, Progress, quiet
from gankit.contract.subsets import Complement, Indices, Part, Subset
from gankit.errors import GankitError
from gankit.kit.datasets import gathered, is_dataset
from gankit.kit.remote import is_remote
from gankit.plugins.records import LoadedModality
from gankit.runs.consent import Consent
from gankit.workflows.remote import read_remote

MIN_HELDOUT = 500
"""What distances between features need at least; a fifth of a small data set caps it."""
MAX_HELDOUT = 100_000
"""More would make no score more certain."""
SHADOW, MIN_SHADOW, MAX_SHADOW = 0.03, 100, 2_000
"""The share of the training items that is set aside to see whether a generator memorises; at least
100 where that is no more than a tenth, at most 2,000."""
IN_MEMORY = "(in memory)"
"""The data's name in a run whose data was an object, not a path."""

NONE: Indices = np.zeros(0, np.int64)


@dataclass
class Split:
    """A data set with its training and held-out parts."""

    dataset: Dataset[Any]
    train: Part
    heldout: Part
    shadow: Part = field(default_factory=lambda: Subset((), NONE))
    """What neither training nor evaluation uses: by it, training sees whether it memorises."""
    consent: Consent = field(default_factory=Consent)
    """Of the people in the data."""

    def over(self, items: Sequence[Any]) -> Split:
        """The same parts of other items, which stand for the data set's own one by one."""
        heldout, shadow = (p.numbers(np.arange(len(p))) for p in (self.heldout, self.shadow))
        split = _split(dataclasses.replace(self.dataset, items=items), heldout, shadow)
        return dataclasses.replace(split, consent=self.consent)


def read_data(
    plugin: LoadedModality, config: Config, source: object = None, progress: Progress = quiet
) -> Split:
    """Reads the data set of a configuration and sets a part aside.

    The split is a function of the number of items, their classes, ``data.holdout``,
    ``train.seed``, and of whether ``warm_up`` needs a shadow part.

    Raises:
        GankitError: the data cannot be read, or was an object in memory.
    """
    given = config.source() if source is None else source
    if isinstance(given, str) and given == IN_MEMORY:
        raise GankitError(
            "this run was trained on an object in memory, which is gone",
            "Pass it again: gankit.fit(…, data, out=…) or gankit.load(…, data=…)",
        )
    engine = config.engine
    found = read(plugin, given, config.settings, progress, engine.data.remote)
    heldout = held_out(len(found.items), engine.data.holdout, engine.train.seed, found.strata)
    split = _split(found, heldout, NONE)
    watched = engine.train.warm_up and engine.warm_up.watched
    if watched and not engine.privacy.epsilon:  # noise bounds what is memorised
        chosen = _shadow(len(split.train), engine.train.seed)
        split = _split(found, heldout, split.train.numbers(chosen))
    return dataclasses.replace(split, consent=Consent.of(config, found.people))


def _split(dataset: Dataset[Any], heldout: Indices, shadow: Indices) -> Split:
    """The parts of a data set, by the numbers of what is not trained on."""
    items, aside = dataset.items, np.sort(np.concatenate([heldout, shadow]))
    parts = Complement(items, aside), Subset(items, heldout), Subset(items, shadow)
    return Split(dataset, *parts)


def _shadow(n: int, seed: int) -> Indices:
    """The positions, among ``n`` training items, of the shadow part."""
    aside = min(max(int(SHADOW * n), min(MIN_SHADOW, n // 10)), MAX_SHADOW)
    return np.sort(np.random.default_rng([seed, 11]).choice(n, aside, replace=False))


def read(
    plugin: LoadedModality,
    data: object,
    settings: Any,
    progress: Progress = quiet,
    remote: str = "auto",
) -> Dataset[Any]:
    """What a plugin reads from a path, from an address, or from an object in memory, which may be
    a data set of torch or Hugging Face.

    Args:
        remote: how an address is read, see :func:`gankit.workflows.remote.read_remote`.

    Raises:
        GankitError: nothing usable there.
    """
    source = expanded(str(data)) if isinstance(data, str | Path) else data
    if isinstance(source, str) and is_remote(source):
        return read_remote(plugin, source, settings, progress, remote)
    raised: list[Issue] = []
    if is_dataset(source):
        source, raised = gathered(source, bool(getattr(settings, "strict", False)), progress)
    found = plugin.modality.read(source, settings, progress)
    return dataclasses.replace(found, issues=[*raised, *found.issues]) if raised else found


def held_out(n: int, share: float, seed: int, strata: Sequence[object] | None = None) -> Indices:
    """The indices of the items to hold out, ascending.

    Args:
        n: number of items.
        share: of them; at least 500 where that is no more than a fifth.
        strata: the class of each item. Each class then gives its share, and keeps one item at
            least; what has no class (None) is a class of its own.
    """
    least = min(MIN_HELDOUT, n // 5)
    aside = min(max(int(share * n), least), MAX_HELDOUT) if share else 0
    rng = np.random.default_rng([seed, 7])
    if strata is None:
        return np.sort(rng.choice(n, aside, replace=False))
    numbers: dict[object, int] = {}
    codes = np.array([numbers.setdefault(label, len(numbers)) for label in strata], np.int64)
    counts = np.bincount(codes, minlength=len(numbers))
    # Largest remainders, in random order so that no class is favoured among equals.
    exact = counts * (aside / max(n, 1))
    order = rng.permutation(len(counts))
    by_remainder = order[np.argsort((np.floor(exact) - exact)[order], kind="stable")]
    taken = np.floor(exact).astype(np.int64)
    taken[by_remainder[: aside - int(taken.sum())]] += 1
    taken = np.minimum(taken, counts - 1)
    shuffled = rng.permutation(n)
    by_class = shuffled[np.argsort(codes[shuffled], kind="stable")]
    starts = np.cumsum(counts) - counts
    chosen = [by_class[a : a + k] for a, k in zip(starts, taken, strict=True)]
    return np.sort(np.concatenate(chosen)) if chosen else np.zeros(0, np.int64)
