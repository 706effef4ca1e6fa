"""The two phases of training: by the generator's likelihood, then adversarial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gankit.engine.clock import WARM_UP


def warm_up_of(ticks: Sequence[Mapping[str, Any]]) -> int:
    """Samples of the warm-up in a run's metrics: its end has a tick."""
    return max((int(t["samples"]) for t in ticks if t.get("phase") == WARM_UP), default=0)


def in_words(samples: int, warm_up: int) -> str:
    """``400,000 by likelihood, 100,000 adversarial``."""
    parts = {"by likelihood": warm_up, "adversarial": samples - warm_up}
    return ", ".join(f"{n:,} {how}" for how, n in parts.items() if n)
