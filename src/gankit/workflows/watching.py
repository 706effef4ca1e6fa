"""What the guard of a run compares generated samples with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gankit.engine.settings import GuardSettings
from gankit.metrics.in_training import FEWEST_HELDOUT, Reference, Rows

if TYPE_CHECKING:
    from gankit.contract import Codec
    from gankit.engine.data import RealSamples
    from gankit.engine.guard.probe import Comparison, Probe

SAME = 1e-9
"""The mean distance of two items below which they are the same."""
FEWEST = 8
"""Training items below which nothing is compared."""

Features = tuple["np.ndarray[Any, Any]", "np.ndarray[Any, Any] | None"]


def probe_of(
    train: Sequence[Any],
    heldout: Sequence[Any],
    codec: Codec[Any],
    reals: RealSamples,
    settings: GuardSettings,
    seed: int,
) -> tuple[Probe | None, list[str]]:
    """The probe of a run whose guard may see its data, and what to say of what it cannot watch."""
    from gankit.engine.guard.probe import Probe

    if len(train) < FEWEST:
        return None, [
            f"{len(train)} training items are too few to watch training for failures by: "
            "look at the previews"
        ]
    doubts = []
    if len(heldout) < FEWEST_HELDOUT:
        doubts.append(
            f"{len(heldout)} held-out items are too few to watch overfitting, copying and the "
            f"best weights by: at least {FEWEST_HELDOUT} are needed (data.holdout)"
        )
    enough = len(heldout) >= FEWEST_HELDOUT
    probe = Probe(
        *(codec, train, heldout if enough else []),
        reference=_reference,
        n=settings.samples,
        batch=reals.batch,
        seed=seed,
        device=reals.device,
        stored=reals.cached,
    )
    if probe.comparison.spread < SAME:
        return None, ["all training items are the same: training cannot be watched for failures"]
    return probe, doubts


def _reference(train: Features, heldout: Features, n: int) -> Comparison:
    return Reference(Rows(*train), Rows(*heldout), n)
