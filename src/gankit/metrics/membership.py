"""How well a model's own likelihood tells its training items from others."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from gankit.metrics._features import Features
from gankit.metrics.evaluate import Score

WHITE_BOX = "white_box_membership_auc"


@dataclass(frozen=True)
class Likelihoods:
    """Negative log-likelihoods under one model."""

    members: np.ndarray[Any, Any]
    """Of items that it was trained on, (N,)."""
    others: np.ndarray[Any, Any]
    """Of items of the same kind that it never saw, (M,)."""


def membership_auc(found: Likelihoods) -> tuple[float, float]:
    """Area under the ROC curve of guessing that the likelier items were trained on (Yeom et al.
    2018: a threshold on the loss), and its standard error (DeLong et al. 1988).

    Returns:
        The area: 0.5 is ideal, 1 tells every member. Ties count half, and what is not a number is
        taken for impossible. NaN for fewer than two items of a kind.
    """
    members, others = (
        np.nan_to_num(values.astype(np.float64), nan=np.inf, posinf=np.inf, neginf=-np.inf)
        for values in (found.members, found.others)
    )
    if min(len(members), len(others)) < 2:
        return math.nan, math.nan
    by_member, by_other = _share_above(members, others), 1 - _share_above(others, members)
    error = math.sqrt(by_member.var(ddof=1) / len(members) + by_other.var(ddof=1) / len(others))
    return float(by_member.mean()), error


def white_box_score(
    found: Likelihoods, seed: int, baselines: Mapping[str, Likelihoods] = MappingProxyType({})
) -> Score:
    """:func:`membership_auc` as a score.

    Args:
        seed: with which the items were drawn.
        baselines: likelihoods of the same items under other models, by their name.
    """
    value, error = membership_auc(found)
    return Score(
        name=WHITE_BOX,
        value=value,
        real_baseline=None,
        extractor="likelihood",
        extractor_fingerprint="",
        n_real=len(found.members),
        n_generated=len(found.others),
        split="train",
        seed=seed,
        lower_is_better=True,
        baselines={name: membership_auc(other)[0] for name, other in baselines.items()},
        error=error,
    )


def _share_above(values: Features, among: Features) -> Features:
    """For each value, the share of ``among`` that is larger; of equal ones, half."""
    ordered = np.sort(among)
    below = np.searchsorted(ordered, values, side="left")
    below = below + np.searchsorted(ordered, values, side="right")
    return np.asarray(1 - below / (2 * len(among)))
