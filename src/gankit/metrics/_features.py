"""Checks of every metric's input, in one place."""

from __future__ import annotations

from typing import Any

import numpy as np

from gankit.errors import GankitError

Features = np.ndarray[Any, np.dtype[np.float64]]
"""Float64 features of shape ``(N, D)``: a row per sample."""


def as_features(values: np.ndarray[Any, Any], what: str, least: int = 1) -> Features:
    """``values`` as float64 ``(N, D)``; further axes are flattened.

    Raises:
        GankitError: fewer than ``least`` rows, or a value that is not finite.
    """
    x: Features = np.asarray(values, dtype=np.float64)
    if len(x) < least:
        raise GankitError(
            f"{what}: {len(x)} samples, at least {least} are needed", "Give more of them"
        )
    x = x.reshape(len(x), -1)
    if not np.isfinite(x).all():
        row = int(np.flatnonzero(~np.isfinite(x).all(axis=1))[0])
        raise GankitError(
            f"{what}: the features of sample {row} are not finite", "Look at that sample"
        )
    return x


def as_pair(
    real: np.ndarray[Any, Any], generated: np.ndarray[Any, Any], least: int = 1
) -> tuple[Features, Features]:
    """Two feature sets to be compared.

    Raises:
        GankitError: as :func:`as_features`, or the widths differ.
    """
    x, y = as_features(real, "real", least), as_features(generated, "generated", least)
    if x.shape[1] != y.shape[1]:
        raise GankitError(
            f"real features are {x.shape[1]} wide, generated ones {y.shape[1]}",
            "Both sides must come from one extractor and one shape of data",
        )
    return x, y
