"""The training loop. ``step.py`` has the mathematics; this file has the order of events."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gankit.contract import Batch, Callback, Progress, quiet
from gankit.engine.checkpoint import load_checkpoint, save_checkpoint
from gankit.engine.clock import Clock, Every, TrainingSchedules
from gankit.engine.ema import ema_decay, follower
from gankit.engine.guard.errors import diverged, stopped_by_guard
from gankit.engine.guard.states import FAILED, Event
from gankit.engine.guard.watch import Watch
from gankit.engine.micro_batches import MicroBatches
from gankit.engine.plan import TrainingPlan
from gankit.engine.profiling import fastest_threads
from gankit.engine.randomness import StepRandomness
from gankit.engine.sampling.fit_progress import FitProgress
from gankit.engine.sampling.previews import conditional_std, preview_items
from gankit.engine.sampling.resampling import Resampling
from gankit.engine.sampling.sampler import Resampler, Sampler
from gankit.engine.shadow import reason_to_end
from gankit.engine.sharding import ShardedLoss, gathered, shard, sliced
from gankit.engine.state import pack, unpack
from gankit.engine.updates import Updates
from gankit.engine.warm_up import REST, WarmUp
from gankit.system_errors import translated


class Trainer:
    """Trains the two networks of a plan against each other.

    Args:
        plan: what is trained, on what, and how.
        callbacks: notified of ticks, previews and the end.
        export: called after each checkpoint, to write what generation needs.
        preview: called with items of fixed seeds and the samples seen.
        progress: of what follows training.
        stop: whether to save and stop.
    """

    def __init__(
        self,
        plan: TrainingPlan,
        *,
        callbacks: Sequence[Callback] = (),
        export: Callable[[Trainer], None] = lambda trainer: None,
        preview: Callable[[list[Any], int], Path | None] = lambda items, samples: None,
        progress: Progress = quiet,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self.plan, self.codec, self.settings = plan, plan.codec, plan.settings
        self.reals, self.device, self.policy = plan.reals, plan.reals.device, plan.policy
        self.callbacks, self.export, self.preview = callbacks, export, preview
        self.progress, self.threads, self.stop = progress, 0, stop
        self.clock = Clock()
        self.schedules = TrainingSchedules(self.settings)
        self.resampler: Resampler | None = None
        """Chooses among candidates at sampling, once it is fitted."""
        self.networks = networks = plan.place()
        game = networks, plan.objective, plan.terms(), plan.autocast
        loss = self.policy.loss(*game, self.reals)
        self._ema: nn.Module = copy.deepcopy(networks.generator).requires_grad_(False)
        self._whole: nn.Module | None = None
        if plan.sharded:
            shard(networks, plan.codec.layout, self.device, plan.parallel)
            loss, self._ema = ShardedLoss(*game), sliced(self._ema, networks.generator)
        self._follow: Callable[[float], None] | None = None
        seed, parallel = self.settings.train.seed, plan.parallel
        random = StepRandomness(
            lambda what, position: self.policy.seed(seed, what, position),
            *(lambda: self.reals.position, parallel, self.device),
        )
        self.updates = Updates(networks, loss, self.settings, self.device, parallel, random)
        self.watch = Watch(plan, self.updates)
        self.events: list[Event] = []
        """Since the last tick."""
        self.warm_up = self._warm_up()
        self.lr = 0.0
        """The generator's, of the last step."""
        self.membership: float | None = None
        """The AUC of the last measurement."""
        self.stopped_early = False
        """Whether the guard ends training before its samples or time are used up."""
        self._sampling = MicroBatches()

    # --- The loop -------------------------------------------------------------------------------

    def train(self) -> str:
        """Trains until the samples or the time are used up; ``done`` or ``interrupted``.

        Raises:
            GankitError: training diverged; the last good checkpoint is kept.
        """
        train, clock, budget = self.settings.train, self.clock, self.plan.budget
        batch, updates = train.batch * train.d_steps, self.updates
        parallel = self.plan.parallel
        self.prepare_threads()
        reserved = self._reserved()
        if clock.samples == 0:
            clock.began = budget.spent()
            self.save()
        self.warm_up = self._warm_up(reserved)
        if self.ends_warm_up:  # killed before what it learnt was exported
            self.save()
        tick, show, save = self._timers(batch)
        tick_started, tick_samples, status = time.monotonic(), clock.samples, "done"

        if self.watch.guard.failed_before:
            raise stopped_by_guard(self.watch.guard.state, self.watch.best, clock)
        over = parallel.agree(self._over(reserved))
        showing = clock.samples == 0
        while not over:
            # Show what the generator can do so far.
            if showing:
                self._write_preview()

            self.watch.before_step(clock.samples + batch)
            self.step()
            clock.seconds = budget.spent()
            checked = self.watch.guard.due(clock.samples)
            measured = self._check() if checked else {}
            timers = [parallel.is_main and every.due(clock.samples) for every in (show, tick, save)]
            short = bool(updates.micro_batches.failed)
            showing, due, keep, over, stopped, short = parallel.agree_on(
                *timers, self._over(reserved), self.stop(), short
            )
            if short:
                self._agree_on_pieces()
            # Report and check: the only place that waits for the device.
            over = over or self.stopped_early
            if due or checked or over or self.ends_warm_up or stopped:
                now = time.monotonic()
                rate = (clock.samples - tick_samples) / max(now - tick_started, 1e-9)
                self._tick(parallel.mean(updates.means.take()) | measured, rate)
                tick_started, tick_samples = now, clock.samples
                stopped = parallel.agree(self.stop())  # a callback may have asked for it

            if keep or self.ends_warm_up:
                self.save()
            if stopped:
                status = "interrupted"
                break

        if status == "done" and self.watch.guard.due_at_end(clock.samples):
            self.watch.check(self.sampler(), clock, self._half_life, last=True)
        self.save(last=status == "done")
        if self.stopped_early and self.watch.guard.state in FAILED:
            raise stopped_by_guard(self.watch.guard.state, self.watch.best, clock)
        candidates = self.settings.resampling.candidates
        if (
            status == "done"
            and candidates > 1
            and self.clock.samples  # else the time was used up before training
            and parallel.is_main
        ):
            status = self._fit_resampling()
        status = str(parallel.from_main(status))
        if status == "done":
            self._write_preview()
        return status

    def step(self) -> None:
        """One step of the warm-up, while it lasts; then of the game."""
        clock = self.clock
        if self.warm_up.over:
            self._step_game()
        else:
            self.lr = self.warm_up.lr(clock)
            self.updates.step_likelihood(self.reals.next, self.lr)
            self.warm_up.advance(clock, self.settings.train.batch)
            self._watch()
        clock.steps += 1

    def _watch(self) -> None:
        """Ends the warm-up early when it has memorised too much, or learns nothing new."""
        shadow, clock, settings = self.plan.shadow, self.clock, self.settings.warm_up
        before = clock.samples - self.settings.train.batch
        if shadow is None or not (self.warm_up.over or shadow.due(before, clock.samples)):
            return
        self.membership, error, nll = map(self.plan.parallel.largest, shadow.measure())
        clock.worse = clock.worse + 1 if nll > clock.best_nll else 0
        clock.best_nll = min(nll, clock.best_nll)
        if self.warm_up.over or clock.capped:
            return
        why = reason_to_end(settings, clock, self.membership, error, nll)
        if why:
            self.warm_up.cap(clock)
            more = f"{clock.samples:,} samples and {REST:.0%} more"
            for callback in self.callbacks:
                callback.warning(f"the warm-up is ended early, after {more}: {why}")

    def _step_game(self) -> None:
        """D, then G; the average follows."""
        train, clock, updates = self.settings.train, self.clock, self.updates
        if clock.warming:  # the game starts from where that ended
            self._ema = self.ema
            updates.likelihood.optimiser.state.clear()
        at = self.watch.scheduled(self._adapted() | self.schedules.at(clock.game))
        updates.set(at)
        for _ in range(train.d_steps):
            if self.watch.skips(clock.steps):
                self.reals.draw()
            else:
                updates.step_discriminator(self.reals.next, self._penalise())
        updates.step_generator(self.generator_batch)
        seen, self.lr = train.batch * train.d_steps, at["g_lr"]
        clock.samples += seen
        if self._follow is None:
            self._follow = follower(self._ema, self.networks.generator)
        self._follow(ema_decay(seen, at["half_life"]))
        self._whole = None

    def _adapted(self) -> dict[str, float]:
        """The weights of R1 and R2 where they are adapted, not scheduled."""
        gamma, reals = self.updates.gamma, self.reals
        if self.updates.adapts_gamma and not gamma.value:
            position = reals.position
            batch = [reals.next().x for _ in range(self.settings.train.accumulate)]
            gamma.begin(torch.cat(batch))
            reals.seek(position)
        return self.updates.adapted

    @property
    def ema(self) -> nn.Module:
        """The averaged generator; until the game begins, the generator as it is. Where it is
        divided over processes, all call it together first after each step."""
        if self.clock.warming:
            self._ema.load_state_dict(self.networks.generator.state_dict())
        if not self.plan.sharded:
            return self._ema
        if self._whole is None:
            self._whole = gathered(self._ema)
        return self._whole

    def generator_batch(self) -> Batch:
        """The batch of a generator step."""
        train, plan = self.settings.train, self.plan
        n = train.batch
        return self.policy.generator_batch(self.updates.loss, self.reals, plan.conditions, n)

    @property
    def data_steps(self) -> int:
        """Batches of real samples so far: of the warm-up, and of the discriminator."""
        return self.clock.samples // self.settings.train.batch

    def _penalise(self) -> bool:
        return self.clock.steps % self.settings.loss.penalty_every == 0

    def _over(self, reserved: float) -> bool:
        """Whether training has had its samples or, as this process sees it, its time."""
        out_of_time = self.plan.budget.left() <= reserved
        ended = self.warm_up.is_all and self.warm_up.over
        return out_of_time or ended or self.clock.samples >= self.settings.train.samples

    def _agree_on_pieces(self) -> None:
        """After GPU memory did not suffice in a process: all compute as many pieces as that."""
        found, parallel = self.updates.micro_batches, self.plan.parallel
        found.pieces = int(parallel.largest(found.pieces))
        found.failed = int(parallel.largest(found.failed))
        dependent = self.networks.batch_dependent
        train = self.settings.train
        self.events.append(found.report(self.reals.batch, train, parallel.size, dependent))

    def _warm_up(self, reserved: float = 0.0) -> WarmUp:
        return WarmUp(self.settings, self.plan.budget, self.plan.parallel, self.clock, reserved)

    @property
    def ends_warm_up(self) -> bool:
        """Whether the next step is the first of the game that follows the warm-up."""
        return self.clock.warming and self.warm_up.over and not self.warm_up.is_all

    def _reserved(self) -> float:
        """Seconds of the budget that are kept for fitting the density ratio."""
        resampling, left = self.settings.resampling, self.plan.budget.left()
        limited = self.plan.budget.limit and resampling.candidates > 1
        return resampling.time_fraction * max(left, 0.0) if limited else 0.0

    def _timers(self, batch: int) -> tuple[Every, Every, Every]:
        """When a tick, a preview and a checkpoint are due."""
        settings, total, limit = self.settings, self.settings.train.samples, self.plan.budget.limit
        timers = (
            Every(settings.log.every or max(total // 100, batch), min(limit / 100 or 30, 30)),
            Every(settings.log.preview or max(total // 10, batch), min(limit / 10 or 600, 600)),
            Every(settings.checkpoint.every, 60 * settings.checkpoint.minutes),
        )
        for timer in timers:
            timer.start(self.clock.samples)
        return timers

    def prepare_threads(self) -> None:
        """On a CPU, measures how many threads are fastest, once; a resumed run keeps its number,
        since the order of summation depends on it."""
        if self.device.type == "cpu":
            chosen = self.threads or self.settings.train.threads
            if not chosen and self.plan.sharded:  # steps have to be alike in all processes
                chosen = torch.get_num_threads()
            self.threads = chosen or fastest_threads(self.updates, self.reals, self.generator_batch)
            torch.set_num_threads(self.threads)

    def _fit_resampling(self) -> str:
        """Fits the density ratio by which candidates are chosen, or goes on with that."""
        settings, network = self.settings.resampling, copy.deepcopy(self.networks.discriminator)
        kept, (*_, every) = None, self._timers(0)
        if self.plan.folder is not None:
            kept = FitProgress(self.plan.folder, self.clock.samples, self.reals, every)
        self.updates.random.begin("density ratio")
        power = Resampling(
            *(self.sampler(best=True), self.reals, settings),
            stop=self.stop,
            progress=self.progress,
            time_left=self.plan.budget.left,
            kept=kept,
        ).fit(network, int(self.clock.samples * settings.train_fraction))
        if power is None:
            return "interrupted"
        self.resampler = Resampler(network, settings.candidates, power)
        self.export(self)
        return "done"

    # --- Ticks and previews ---------------------------------------------------------------------

    def _check(self) -> dict[str, float]:
        """Looks for signs of failure, and heals or ends training; what was measured."""
        watch, clock = self.watch, self.clock
        decision, values = watch.check(self.sampler(), clock, self._half_life)
        values |= watch.duality_gap(self.generator_batch, clock)
        self.events += decision.events
        if decision.heal:
            watch.heal(self._ema)
            self._whole = None
        if decision.pin:
            self.save()
        self.stopped_early = decision.stop
        return values

    @property
    def _half_life(self) -> float:
        return self.schedules.at(self.clock.game)["half_life"]

    def _tick(self, values: dict[str, float], rate: float) -> None:
        values["fake_std"] = conditional_std(self.sampler())
        guard, events = self.watch.guard, self.events
        broken = [name for name, value in values.items() if not math.isfinite(value)]
        if broken and not guard.can_heal:
            raise diverged(", ".join(broken), self.clock)
        self.events = []
        for callback in self.callbacks:
            for event in events:
                if not event.is_good:
                    callback.warning(event.in_words)
        values = {name: value for name, value in values.items() if name not in broken}
        line: dict[str, Any] = {
            "samples": self.clock.samples,
            "steps": self.clock.steps,
            "seconds": round(self.clock.seconds, 3),
            "samples_per_second": round(rate, 2),
            "lr": self.lr,
            "augment_p": float(self.updates.weights.augment_p),
            **({"gamma": self.updates.gamma.value} if self.updates.gamma.value else {}),
            "guard": guard.state,
            **({"events": [event.as_dict() for event in events]} if events else {}),
            **values,
            **self.policy.metrics(self.data_steps),
        }
        if self.settings.train.warm_up:
            line["phase"] = self.clock.phase
        if self.membership is not None:
            line["membership_auc"] = self.membership
        if self.clock.capped:
            line["capped"] = self.clock.capped
        for callback in self.callbacks:
            callback.tick(line)

    def best_weights(self) -> tuple[Mapping[str, Tensor], int] | None:
        """The state of the averaged generator at the best check, and the samples then; None where
        the latest one is as good."""
        return self.watch.best

    def sampler(self, best: bool = False) -> Sampler:
        """The averaged generator as it stands, or as it was best."""
        generator, found = self.ema, self.best_weights() if best else None
        if found is not None:
            generator = copy.deepcopy(generator)
            generator.load_state_dict(found[0])
        return Sampler(
            generator,
            self.codec,
            self.networks.latent_dim,
            self.device,
            conditions=self.plan.conditions,
            resampler=self.resampler,
            autocast=self.plan.autocast,
            micro_batches=self._sampling,
        )

    def _write_preview(self) -> None:
        sampler = self.sampler()
        if not self.plan.parallel.is_main:
            return
        items = preview_items(sampler, self.settings.log.preview_count)
        file = self.preview(items, self.clock.samples)
        for callback in self.callbacks:
            if file is not None:
                callback.preview(file)

    # --- Saving and resuming --------------------------------------------------------------------

    def save(self, last: bool = False) -> None:
        """The main process writes a checkpoint, then what generation needs; all call it together.
        Weights that are not finite are not written: the next check heals them.

        Args:
            last: no check will follow.

        Raises:
            GankitError: the disk is full or not writable, or weights stay not finite.
        """
        if self.plan.folder is None:
            return
        parts = self.updates, self.ema, self.clock, self.reals, self.policy
        tensors, meta = pack(*parts, self.threads)  # in all, where networks are divided
        with self.plan.parallel.together():
            if self.plan.parallel.is_main:
                best, meta["guard"] = self.watch.pack()
                average = (t for name, t in tensors.items() if name.startswith("ema/"))
                if all(bool(t.isfinite().all()) for t in average):
                    self._write(self.plan.folder, tensors | best, meta)
                elif last or not self.watch.guard.can_heal:
                    raise diverged("weights", self.clock)

    def _write(self, folder: Path, tensors: Mapping[str, Tensor], meta: Mapping[str, Any]) -> None:
        keep, pinned = self.settings.checkpoint.keep, self.watch.guard.pinned
        hint = "Earlier checkpoints are kept: free some space and run the same command again"
        with translated(folder, disk=hint):
            save_checkpoint(folder, self.clock.samples, tensors, meta, keep, pinned)
            self.export(self)

    def resume(self, set_aside: bool = True) -> bool:
        """Continues from the newest checkpoint, which the main process reads; False when there is
        none. All processes call it together.

        Args:
            set_aside: renames newer ones that cannot be read.
        """
        if self.plan.folder is None:
            return False
        parts, parallel = (self.updates, self._ema, self.reals, self.policy), self.plan.parallel

        def use(tensors: Mapping[str, Tensor], meta: Mapping[str, Any]) -> None:
            self.clock, self.threads = unpack(tensors, meta, *parts)
            if "guard" in meta:
                self.watch.unpack(tensors, meta["guard"])

        state = None
        with parallel.together():
            if parallel.is_main:
                state = load_checkpoint(self.plan.folder, set_aside=set_aside, use=use)
        tensors, meta = state or ({}, None)
        meta, tensors = parallel.from_main(meta), parallel.broadcast_tensors(tensors)
        if meta is None:
            return False
        if not parallel.is_main:
            use(tensors, meta)
        self.plan.budget.before = self.clock.seconds
        self.warm_up = self._warm_up()
        return True
