"""The health of a run's codec, measured once before training."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from gankit.contract import Codec, Health, ReportsHealth
from gankit.contract.subsets import take
from gankit.plugins.registry import in_one_line, raise_if_strict
from gankit.workflows.data import Split

MOST, FEWEST = 256, 8
"""Items that it is measured on."""


def codec_health(codec: Codec[Any], data: Split, seed: int) -> tuple[list[dict[str, Any]], str]:
    """Signs of health as records have them, and why there are none where they could not be
    measured. What goes wrong does not keep a run from training.

    Args:
        seed: chooses the items, and fixes what is drawn.
    """
    import torch

    heldout = len(data.heldout) >= FEWEST
    items = data.heldout if heldout else data.train
    if not isinstance(codec, ReportsHealth) or len(items) < FEWEST:
        return [], ""
    rng = np.random.default_rng([seed, 31])
    chosen = np.sort(rng.choice(len(items), min(MOST, len(items)), replace=False))
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            found = codec.health(list(take(items, chosen)), heldout, rng)
        return [as_record(one) for one in found], ""
    except Exception as error:  # noqa: BLE001 - whatever it is, the run can be trained
        raise_if_strict(error)
        return [], f"the codec's health could not be measured: {in_one_line(error)}"


def as_record(health: Health) -> dict[str, Any]:
    """One sign without what is empty.

    Raises:
        ValueError: it is not a finite number.
    """
    if not math.isfinite(health.value):
        raise ValueError(f"{health.name} is {health.value}")
    return {k: v for k, v in dataclasses.asdict(health).items() if v not in ("", None)}
