"""The duality gap of an adversarial game (Grnarova et al. 2019, arXiv 1811.05512)."""

from __future__ import annotations

import math

import numpy as np

from gankit.metrics._features import Features
from gankit.metrics.evaluate import Score

DUALITY_GAP = "duality_gap"


def duality_gap(discriminator: Features, generator: Features) -> tuple[float, float]:
    """``max_D V(G, D) - min_G V(G, D)``, and its standard error.

    V is the game's value for a pair of a real and a generated sample: what the discriminator
    maximises, and the generator minimises.

    Args:
        discriminator: V of the generator against its worst discriminator, (N,).
        generator: V of the discriminator against its worst generator, (M,).

    Returns:
        The gap: 0 at an equilibrium, and above it elsewhere, but for sampling error and worst
        cases that were not found. NaN for fewer than two pairs.
    """
    above, below = (np.asarray(v, np.float64) for v in (discriminator, generator))
    if min(len(above), len(below)) < 2:
        return math.nan, math.nan
    error = math.sqrt(above.var(ddof=1) / len(above) + below.var(ddof=1) / len(below))
    return float(above.mean() - below.mean()), error


def duality_score(discriminator: Features, generator: Features, seed: int) -> Score:
    """:func:`duality_gap` as a score.

    Args:
        seed: with which the worst cases were searched.
    """
    value, error = duality_gap(discriminator, generator)
    return Score(
        name=DUALITY_GAP,
        value=value,
        real_baseline=None,
        extractor="game",
        extractor_fingerprint="",
        n_real=len(discriminator),
        n_generated=len(generator),
        split="heldout",
        seed=seed,
        lower_is_better=True,
        error=error,
    )
