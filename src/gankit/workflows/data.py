"""Reading a data set and setting a part of it aside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gankit.config import Config
from gankit.contract import Dataset, Progress
from gankit.contract.subsets import Complement, Part, Subset
from gankit.errors import GankitError
from gankit.plugins.registry import (
    LoadedModality,
)

MIN_HELDOUT = 500
"""What distances between features need at the least; a fifth of a small data set caps it."""

MAX_HELDOUT = 100_000
"""More would make no score more certain."""

IN_MEMORY = "(in memory)"
"""What a run says of its data where that was an object, not a path."""


def quiet(what: str, done: int, total: int) -> None:
    """A progress that shows nothing."""


@dataclass
class Data:
    """A data set, divided."""

    source: Dataset[Any]
    train: Part
    heldout: Part


def read_data(
    plugin: LoadedModality, config: Config, source: object = None, progress: Progress = quiet
) -> Data:
    """Reads the data set of a configuration and sets a part aside.

    The division is a function of the number of items, ``data.holdout`` and ``train.seed``.
    """
    wanted = config.data if source is None else source
    if isinstance(wanted, str) and wanted == IN_MEMORY:
        raise GankitError(
            "this run was trained on data in memory, which is gone",
            "Pass the same data to gankit.fit again, with the same out",
        )
    found = plugin.modality.read(wanted, config.settings, progress)
    n, share = len(found.items), config.engine.data.holdout
    least = min(MIN_HELDOUT, n // 5)
    aside = min(max(int(share * n), least), MAX_HELDOUT) if share else 0
    rng = np.random.default_rng([config.engine.train.seed, 7])
    heldout = np.sort(rng.choice(n, aside, replace=False))
    return Data(found, Complement(found.items, heldout), Subset(found.items, heldout))
