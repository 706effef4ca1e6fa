"""Reading a data set and setting a part of it aside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gankit.config import Config
from gankit.contract import Dataset, Progress, quiet
from gankit.contract.subsets import Complement, Part, Subset
from gankit.errors import GankitError
from gankit.plugins.records import LoadedModality

MIN_HELDOUT = 500
"""What distances between features need at least; a fifth of a small data set caps it."""
MAX_HELDOUT = 100_000
"""More would make no score more certain."""
IN_MEMORY = "(in memory)"
"""The data's name in a run whose data was an object, not a path."""


@dataclass
class Split:
    """A data set with its training and held-out parts."""

    dataset: Dataset[Any]
    train: Part
    heldout: Part


def read_data(
    plugin: LoadedModality, config: Config, source: object = None, progress: Progress = quiet
) -> Split:
    """Reads the data set of a configuration and sets a part aside.

    The split is a function of the number of items, ``data.holdout`` and ``train.seed``.

    Raises:
        GankitError: the data cannot be read, or was an object in memory.
    """
    given = config.data if source is None else source
    if isinstance(given, str) and given == IN_MEMORY:
        raise GankitError(
            "this run was trained on an object in memory, which is gone",
            "Pass the same data to gankit.fit again, with the same out",
        )
    found = plugin.modality.read(given, config.settings, progress)
    n, share = len(found.items), config.engine.data.holdout
    least = min(MIN_HELDOUT, n // 5)
    aside = min(max(int(share * n), least), MAX_HELDOUT) if share else 0
    rng = np.random.default_rng([config.engine.train.seed, 7])
    heldout = np.sort(rng.choice(n, aside, replace=False))
    return Split(found, Complement(found.items, heldout), Subset(found.items, heldout))
