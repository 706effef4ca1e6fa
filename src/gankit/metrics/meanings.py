"""What each score means, in one line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gankit.contract import Evaluator, Extractor
from gankit.metrics.evaluate import Score

OF_METRICS = {
    "frechet": "distance between Gaussians fitted to the features of generated and real data: 0 "
    "if they have the same mean and covariance",
    "kernel": "squared maximum mean discrepancy of the features: 0 in expectation if the "
    "distributions are the same",
    "kernel_std": "standard deviation of the kernel distance over random subsets",
    "precision": "realism: share of generated samples near real ones",
    "recall": "variety: share of real items near generated samples",
    "density": "realism: how many real items are near a generated sample, relative to what real "
    "data would have; about 1 is usual",
    "coverage": "variety: share of real items with a generated sample among their neighbours",
    "nearest_train_ratio": "median distance to the nearest training item, relative to held-out "
    "real data: near 1 is ideal, near 0 is copying, above 1 is unlike the data",
    "copies": "share of samples as close to a training item as the closest 1 % of held-out real "
    "data: 0.01 is ideal",
    "closer_to_train": "probability that a sample is closer to the training data than a held-out "
    "real item: 0.5 is ideal, 1 is copying",
    "data_copying_z": "the same as a z-score: below -3 is significant copying, far above 3 is "
    "unlike the data",
    "white_box_membership_auc": "how well the model's own likelihood tells training items from "
    "held-out ones: 0.5 is not at all",
    "duality_gap": "what each network could still gain if the other stood still: 0 at an "
    "equilibrium",
}
"""By the name of the metric, whatever the extractor."""


def meanings_of(
    scores: Sequence[Score], sources: Sequence[Extractor[Any] | Evaluator[Any]]
) -> dict[str, str]:
    """By the name of a score, what it means; those that nobody explains are left out.

    Args:
        sources: what the scores come from. An evaluator's own words come first, and an extractor's
            established names stand for the metric's.
    """
    own: dict[str, str] = {}
    metrics: dict[str, str] = {}
    for source in sources:
        if isinstance(source, Evaluator):
            own |= source.meanings
        else:
            metrics |= {alias: metric for metric, alias in source.aliases.items()}
    found = {}
    for score in scores:
        metric = score.name.partition("/")[0]
        if text := own.get(score.name) or OF_METRICS.get(metrics.get(score.name, metric)):
            found[score.name] = text
    return found
