"""The signs of failure: each a function of what checks have measured.

Thresholds were chosen on the development runs of benchmarks/guard.py, and are measured on others.
"""

from __future__ import annotations

from collections.abc import Callable

from gankit.engine.guard.history import DISTANCE, NOISE, SIGNIFICANT, History, bound
from gankit.engine.guard.states import (
    COLLAPSING,
    CONVERGED,
    DIVERGED,
    MEMORISING,
    WARNING,
    Event,
)

CONVERGES = 24
"""Checks before training can have converged."""
FEW_MODES, ALIKE, MORE_ALIKE, MISSES = 0.3, 0.12, 0.25, 0.15
"""Diversity, of all samples, within conditions, and there where it falls; coverage as a share of
real items'. Below these samples have collapsed, or never became like the data."""
MATTERS = 0.02
"""Changes of the held-out distance below this share of two real items' are no failure."""
COVERS = 0.6
"""Coverage, as a share of real items', from which on low diversity is softness, not collapse."""
LOST = 0.15
"""The share of what the held-out distance had gained, that is lost when training falls apart."""
UNEVEN = 0.5
"""Diversity from which on poor samples have diverged rather than collapsed."""
STEEPEST, TELLS = 12.0, 0.95
"""How far logits change between two real items, and the share of pairs that are told apart, where
the discriminator overpowers the generator."""
RUNAWAY = 1e3
"""Logits of this size: the discriminator's scale runs away."""
COPIED = 0.15
"""How far copying may exceed its baseline."""
OVERFITS = 0.8
CERTAIN = 0.99
"""Accuracy of the discriminator on pairs."""
IGNORED = 0.3
"""The share of real items' agreement with their conditions, below which these are ignored."""
VANISHED = 1e-3
"""The share of its usual norm, below which the generator's gradient has vanished."""
STALE, NEAR = 0.5, 0.1
"""The share of the samples so far without a gain, after which training has converged; and of the
untrained generator's distance, which it has to have come below."""

STEEP = "Raise penalty.gamma, or lower optim.lr"
OVERFITTING = "Set augment.target=0.6, raise penalty.gamma, or add data"
LABELS = "Check that the labels are right, or train longer"
IN_WARM_UP = {
    STEEP: "Lower warm_up.lr",
    OVERFITTING: "Set warm_up.early_stop=true, raise warm_up.weight_decay, or add data",
    LABELS: LABELS,
}
"""The same where the generator learns by its likelihood."""

Rule = Callable[[History], Event | None]


def diverged(history: History) -> Event | None:
    """Logits that run away, or samples far from all data."""
    scale, distance = history.last("d_scale"), history.last(DISTANCE)
    if scale and min(scale) > RUNAWAY:
        text = f"the discriminator's logits have run away: their mean size is {scale[-1]:.2g}"
        return Event("state", text, DIVERGED, STEEP)
    start = history.start
    if distance and min(distance) > max(1.5 * start, 0.5) and history.checks > history.patience:
        text = (
            f"generated samples are further from held-out items ({distance[-1]:.3g}) than those of "
            f"an untrained generator ({start:.2f})"
        )
        return Event("state", text, DIVERGED, STEEP)
    return None


def lost(history: History) -> Event | None:
    """Quality that was there, and is no more."""
    distance, best = history.last(DISTANCE), history.best
    if not distance or best is None:
        return None
    least = max(bound(best, history.recent[-1]), best + max(LOST * (history.start - best), MATTERS))
    if min(distance) <= least or history.best_at == 0:
        return None
    text = (
        f"samples get worse: their distance to held-out items is {distance[-1]:.3f}, and was "
        f"{best:.3f} after {history.best_at:,} samples"
    )
    return Event("state", text, _poor(history), STEEP)


def _poor(history: History) -> str:
    """The state where samples are poor: diverse ones are off the data, others have collapsed."""
    diverse = history.typical("diversity")
    return COLLAPSING if diverse is not None and diverse < UNEVEN else DIVERGED


def overpowered(history: History) -> Event | None:
    """A discriminator that separates nearly all pairs by logits that change fast: the generator
    learns from its gradient where to go, and not how far."""
    steep, tells = history.last("d_steepness"), history.last("d_accuracy")
    if not steep or not tells or min(steep) < STEEPEST or min(tells) < TELLS:
        return None
    text = (
        f"the discriminator overpowers the generator: it tells {tells[-1]:.1%} of pairs apart, and "
        f"its logits change by {steep[-1]:.0f} from one real item to the next"
    )
    return Event("state", text.replace("%", " %"), DIVERGED, STEEP)


def collapsing(history: History) -> Event | None:
    """Samples that vary far less than real ones or miss most of them, without progress."""
    if history.young:
        return None
    real = history.first.get("coverage_real", 0.0)
    covers = (history.typical("coverage") or 0.0) > COVERS * real > 0
    alike = history.falls("class_diversity")  # that is no slow start, whatever else improves
    for name, least, what in (
        ("diversity", 0.0 if covers else FEW_MODES, "have {} of the effective modes of real items"),
        (
            "class_diversity",
            MORE_ALIKE if alike else ALIKE,
            "have {} of the spread of real items of the same condition",
        ),
        ("coverage", MISSES * real, "are near {} of the real items only"),
        ("g_gradient", VANISHED * history.usual_gradient, ""),
    ):
        found = history.last(name)
        if not found or max(found) >= least:
            continue
        if history.progresses(name, "coverage") and not (alike and name == "class_diversity"):
            continue
        text = f"generated samples {what.format(f'{found[-1]:.0%}')}".replace("%", " %")
        if not what:
            text = (
                f"the generator's gradient has vanished: its norm is {found[-1]:.1e}, and was "
                f"{history.usual_gradient:.1e}"
            )
        state = _poor(history) if name == "coverage" else COLLAPSING
        return Event("state", text, state, STEEP)
    return None


def memorising(history: History) -> Event | None:
    """Samples that are nearer to single training items than unseen real ones are."""
    found, real = history.last("copying"), history.first.get("copying_real", 0.5)
    if not found or min(found) < real + COPIED or history.young:
        return None
    text = (
        f"samples repeat training items: with a probability of {found[-1]:.2f} one is nearer to a "
        f"training item than an unseen item is ({real:.2f} is ideal)"
    )
    return Event("state", text, MEMORISING, OVERFITTING)


def doubtful(history: History) -> Event | None:
    """What need not be a failure, and often ends in one."""
    if history.young:
        return None
    overfits, certain = history.last("d_overfitting"), history.last("d_accuracy")
    if overfits and min(overfits) > OVERFITS:
        text = (
            f"the discriminator overfits: held-out items are {overfits[-1]:.0%} of the way to what "
            "generated samples are to it"
        )
        return Event("state", text.replace("%", " %"), WARNING, OVERFITTING)
    agrees = history.last("condition_agreement")
    real = history.first.get("condition_agreement_real")
    if agrees and real and max(agrees) < IGNORED * real:
        if history.learns_conditions() or history.progresses():
            return None
        text = (
            f"the condition is ignored: samples agree with theirs by {agrees[-1]:.2f}, real items "
            f"by {real:.2f}"
        )
        return Event("state", text, WARNING, LABELS)
    if certain and min(certain) > CERTAIN and not history.progresses():
        text = f"the discriminator tells {certain[-1]:.1%} of pairs apart".replace("%", " %")
        return Event("state", text, WARNING, OVERFITTING)
    return None


def converged(history: History, samples: int, already: bool) -> Event | None:
    """A held-out distance that has not improved for half of the samples, and is near its best."""
    if history.best is None or samples - history.best_at < STALE * samples:
        return None
    latest = history.recent[-1]
    real = latest.get(DISTANCE + "_real", 0.0) + SIGNIFICANT * latest.get(NOISE, 0.0)
    if history.best > max(real, NEAR * history.start):
        return None
    if not already and (history.checks < CONVERGES or not history.acceptable(history.recent[-1])):
        return None
    text = (
        f"the distance to held-out items is {history.best:.3f} (real items "
        f"{history.first.get(DISTANCE + '_real', 0.0):.3f}), and has not improved since "
        f"{history.best_at:,} samples, as far as a check can tell"
    )
    return Event("state", text, CONVERGED)


FAILURES: tuple[Rule, ...] = (diverged, overpowered, memorising, lost, collapsing, doubtful)
"""In the order in which they are looked for."""
