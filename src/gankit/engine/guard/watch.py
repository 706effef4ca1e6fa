"""The guard at work on a run: measures, restores, changes, and keeps the best weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from gankit.contract import Batch, Networks
from gankit.engine.checkpoint import DAMAGE, checkpoints, read_checkpoint
from gankit.engine.clock import Clock
from gankit.engine.duality import worst_cases
from gankit.engine.guard.guard import Decision, Guard
from gankit.engine.guard.ladder import ADA_TARGET, OPTIMISER
from gankit.engine.plan import TrainingPlan
from gankit.engine.sampling.sampler import Sampler
from gankit.engine.state import BEST, below, restore
from gankit.engine.updates import Updates
from gankit.errors import GankitError

SETTLED = 2.0
"""Half-lives of the average after which it has left the initial weights behind."""
DUALITY_STEPS = 20
"""Of each player: fewer than where a finished run is scored."""


class Watch:
    """What the trainer asks at each step.

    Args:
        plan: with a probe, or none where nothing can be measured.
        updates: of the run; its loss changes with interventions.
    """

    def __init__(self, plan: TrainingPlan, updates: Updates) -> None:
        self.plan, self.updates, self.probe = plan, updates, plan.probe
        settings, augment = plan.settings, plan.networks.augment_input
        self.guard = Guard(
            settings.guard,
            settings.train.samples,
            sum(p.numel() for p in _parameters(plan.networks)),
            active=plan.probe is not None,
            heals=plan.folder is not None,
            augments=augment is not None and settings.augment.target <= 0,
            adapts=settings.adapts_gamma,
        )
        self._best: tuple[dict[str, Tensor], int] | None = None
        self.is_latest = True
        """Whether the latest weights are the best, or as good."""

    @property
    def best(self) -> tuple[Mapping[str, Tensor], int] | None:
        """The averaged generator's state when it was best, on the CPU, and the samples then; None
        where the latest is as good."""
        return None if self.is_latest else self._best

    def before_step(self, samples: int) -> None:
        """Called before a step, with the samples after it."""
        self.updates.observing = self.guard.due(samples)

    def scheduled(self, at: Mapping[str, float]) -> Mapping[str, float]:
        """Scheduled values as interventions have changed them."""
        if not self.guard.changes.taken:
            return at
        if self.guard.changes.adapt:
            at = {**at, **self.updates.adapted}
        return self.guard.changes.applied(at, self.probe.comparison.spread if self.probe else 1.0)

    def skips(self, step: int) -> bool:
        """Whether the discriminator's part of a step is left out."""
        return self.guard.changes.skip and step % 2 == 1

    def check(
        self, sampler: Sampler, clock: Clock, half_life: float, last: bool = False
    ) -> tuple[Decision, dict[str, float]]:
        """Measures and judges; all processes call it together, and the main one's values count.

        Args:
            sampler: the averaged generator's.
            half_life: samples after which old weights have half their influence on the average.
            last: training is over: it is only decided which weights are the best.
        """
        playing, settled = clock.game > 0, not clock.game or clock.game > SETTLED * half_life
        assert self.probe is not None
        gradient = self.updates.g_gradient
        found: dict[str, float] | str
        try:
            found = self.probe.measure(
                sampler,
                self.updates.loss if playing else None,
                None if gradient is None or not playing else float(gradient),
            )
        except (GankitError, ArithmeticError, ValueError) as error:  # training is not at fault
            found = " ".join(str(error).split())
        found = self.plan.parallel.from_main(found)
        if isinstance(found, str):
            return self.guard.left_out(found, clock.samples), {}
        values = dict(found)
        if last:
            decision = Decision([], best=self.guard.judge.acceptable(values))
        else:
            decision = self.guard.check(values, clock.samples, playing, settled)
        self.is_latest = decision.best
        if decision.best:
            state = sampler.generator.state_dict()
            self._best = {k: v.detach().cpu().clone() for k, v in state.items()}, clock.samples
        return decision, values

    def heal(self, ema: nn.Module) -> None:
        """Restores the last healthy checkpoint but for the clock and the data, and applies the
        rung that was taken; all processes call it together.

        Raises:
            GankitError: no checkpoint can be read.
        """
        folder, parallel = self.plan.folder, self.plan.parallel
        assert folder is not None
        tensors: dict[str, Tensor] = {}
        with parallel.together():
            if parallel.is_main:
                tensors = _newest(folder, self.guard.healthy)
        restore(parallel.broadcast_tensors(tensors), self.updates, ema)
        if self.guard.changes.taken[-1] == OPTIMISER:
            self.updates.discriminator.optimiser.state.clear()
        self.apply()

    def apply(self) -> None:
        """Gives the loss what interventions have added to it."""
        changes, loss = self.guard.changes, self.updates.loss
        self.updates.gamma.factor = changes.gamma
        self.updates.adapts_gamma |= changes.adapt
        terms, networks = loss.terms, loss.networks
        if changes.penalises and not terms.zero_centred:
            terms = replace(terms, zero_centred=True)
        if changes.augment:
            networks.augment_input = self.plan.networks.augment_input
            self.updates.augment_target = ADA_TARGET
        if terms is not loss.terms or changes.augment:
            self.updates.use(replace(loss, terms=terms))

    def duality_gap(self, generator_batch: Callable[[], Batch], clock: Clock) -> dict[str, float]:
        """The game's duality gap on held-out items (arXiv 1811.05512), where it is due: about 0 at
        an equilibrium. All processes call it together."""
        every, seen = self.plan.settings.guard.duality, clock.samples
        if not every or self.probe is None or not clock.game or seen < self.guard.duality_at:
            return {}
        self.guard.duality_at = (seen // every + 1) * every
        found = worst_cases(
            *(self.updates, self.plan.reals, generator_batch, self.probe.unseen_batches()),
            samples=clock.game,
            steps=DUALITY_STEPS,
        )
        gap = float(found.discriminator.mean() - found.generator.mean())
        return {"duality_gap": float(self.plan.parallel.from_main(gap))}

    # --- As part of a checkpoint ----------------------------------------------------------------

    def pack(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Tensors and JSON. The best weights are those of a check, from which the latest ones may
        have moved on."""
        tensors: dict[str, Tensor] = {}
        about = {**self.guard.as_dict(), "is_latest": self.is_latest}
        if self._best is not None:
            about["best_samples"] = self._best[1]
            tensors = {f"{BEST}/{k}": v for k, v in self._best[0].items()}
        return tensors, about

    def unpack(self, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
        """Continues from :meth:`pack`.

        Raises:
            KeyError, TypeError, ValueError: it is damaged.
        """
        self.guard.resume(about)
        self.is_latest = bool(about["is_latest"])
        best = below(tensors, BEST)
        self._best = (best, int(about["best_samples"])) if best else None
        self.apply()


def _parameters(networks: Networks) -> Iterator[Tensor]:
    yield from networks.generator.parameters()
    yield from networks.discriminator.parameters()


def _newest(folder: Path, most: int) -> dict[str, Tensor]:
    """The newest checkpoint of at most so many samples that can be read, or the oldest after."""
    found = checkpoints(folder)
    before = [p for p in found if int(p.name) <= most]
    for path in [*reversed(before), *found[len(before) :]]:
        try:
            return read_checkpoint(path)[0]
        except DAMAGE:
            continue
    raise GankitError(
        f"{folder}: training failed, and no checkpoint can be read to return to",
        "Start again with another --out",
    )
