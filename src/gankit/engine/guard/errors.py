"""How a run ends that is not healed."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from gankit.engine.clock import Clock
from gankit.engine.guard.states import COLLAPSING, DIVERGED, MEMORISING
from gankit.errors import GankitError

FAILED_TO = {DIVERGED: "diverged", COLLAPSING: "collapsed", MEMORISING: "memorised its data"}


def diverged(what: str, clock: Clock) -> GankitError:
    """The error of values that are not finite."""
    smaller = "a larger penalty.gamma, a smaller optim.lr"
    if clock.warming:
        smaller = "a smaller warm_up.lr"
    return GankitError(
        f"training diverged after {clock.samples:,} samples: {what} not finite",
        f"The last good checkpoint is kept. Try {smaller}, or train.precision=fp32",
    )


def stopped_by_guard(
    state: str, best: tuple[Mapping[str, Tensor], int] | None, clock: Clock
) -> GankitError:
    """The error of ``guard.action=stop``.

    Args:
        best: the best weights and their samples; None where the latest are as good.
    """
    kept = f"the best weights, of {best[1]:,} samples," if best else "the latest weights"
    return GankitError(
        f"training {FAILED_TO.get(state, state)} after {clock.samples:,} samples, and was stopped "
        "(guard.action=stop)",
        f"The model has {kept} and checkpoints are kept. The same command with guard.action=heal "
        "goes back and on",
    )
