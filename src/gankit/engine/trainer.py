"""The training loop. ``step.py`` has the mathematics; this file has the order of events."""

from __future__ import annotations

import copy
import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gankit.contract import Batch, Callback, Codec, Networks, Objective, Penalty, Progress
from gankit.engine import parallel
from gankit.engine.checkpoint import load_checkpoint, save_checkpoint
from gankit.engine.compile import CompiledStep
from gankit.engine.data import RealSamples
from gankit.engine.ema import ema_decay, update_ema
from gankit.engine.guard import DivergedError, Guard
from gankit.engine.privacy.loss import PrivateLoss
from gankit.engine.privacy.policy import generator_conditions
from gankit.engine.privacy.secret import Privacy
from gankit.engine.profiling import fastest_threads
from gankit.engine.sampling.conditions import ConditionTable
from gankit.engine.sampling.resampling import Resampling
from gankit.engine.sampling.sampler import Sampler
from gankit.engine.schedules import Scheduled, ever_positive, schedule
from gankit.engine.settings import EngineSettings
from gankit.engine.step import (
    AdversarialLoss,
    Gradients,
    LossTerms,
    LossWeights,
    StepFunction,
    match_memory_format,
    trainable,
)
from gankit.errors import GankitError


@dataclass
class Clock:
    """Where training stands."""

    samples: int = 0
    """Real samples shown to the discriminator: the time that every schedule runs on."""
    steps: int = 0
    """Generator steps."""
    seconds: float = 0.0
    """Time spent training, over all resumptions."""


class Trainer:
    """Trains two networks against each other.

    Args:
        networks: as the plugin built them, on the CPU.
        codec: prepares real batches and decodes previews.
        reals: the training data.
        settings: the engine's settings.
        objective: the game.
        penalties: what plugins add, with weights.
        conditions: the table that conditions are drawn from at sampling, if any.
        privacy: the plan and the secret of differentially private training, if that is asked for.
        folder: where checkpoints go.
        callbacks: told of ticks, previews and the end.
        export: called after each checkpoint, to write what generation needs.
        preview: called with items of fixed seeds and the samples seen.
        progress: of what follows training.
    """

    def __init__(
        self,
        networks: Networks,
        codec: Codec[Any],
        reals: RealSamples,
        settings: EngineSettings,
        *,
        objective: Objective,
        penalties: Sequence[tuple[Penalty, float]] = (),
        conditions: ConditionTable | None = None,
        privacy: Privacy | None = None,
        folder: Path,
        callbacks: Sequence[Callback] = (),
        export: Callable[[Trainer], None] = lambda trainer: None,
        preview: Callable[[list[Any], int], Path | None] = lambda items, samples: None,
        progress: Progress = lambda what, done, total: None,
    ) -> None:
        self.settings, self.codec, self.reals, self.folder = settings, codec, reals, folder
        self.device, self.conditions, self.privacy = reals.device, conditions, privacy
        self.callbacks, self.export, self.preview = callbacks, export, preview
        self.progress = progress
        self.clock, self.guard, self.stop_requested = Clock(), Guard(), False

        if settings.resampling.candidates > 1 and networks.batch_dependent:
            raise GankitError(
                "resampling.candidates cannot be used with this discriminator: its logits depend "
                "on the whole batch",
                "Use resampling.candidates=1",
            )

        # The networks, and the average of the generator that will generate.
        networks.generator.to(self.device)
        networks.discriminator.to(self.device)
        if settings.train.channels_last:
            for module in (networks.generator, networks.discriminator):
                module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if not (ever_positive(settings.augment.p) or settings.augment.target > 0):
            networks = dataclasses.replace(networks, augment=None)  # never on: costs nothing
        self.networks = networks
        self.ema: nn.Module = copy.deepcopy(networks.generator).requires_grad_(False)
        self.ratio: nn.Module | None = None
        """Its logit is the log density ratio by which candidates are chosen, once learnt."""
        self.ratio_power = 1.0

        # The game and its two optimisers.
        loss, optim = settings.loss, settings.optim
        sigma = loss.fd_sigma if loss.penalty_form == "finite-difference" else 0.0
        terms = LossTerms(
            zero_centred=ever_positive(loss.r1) or ever_positive(loss.r2),
            gradient_penalty=ever_positive(loss.gradient_penalty),
            finite_difference=sigma,
            extra=tuple(penalties),
        )
        autocast = torch.bfloat16 if settings.train.precision == "bf16" else None
        if privacy is None:
            self.game = AdversarialLoss(networks, objective, terms, autocast)
        else:
            self.game = PrivateLoss(
                *(networks, objective, terms, autocast),
                privacy=privacy,
                position=lambda: reals.position,
            )
        self.g_params = trainable(networks.generator)
        self.d_params = trainable(networks.discriminator)
        self.g_optimiser = self._adam(self.g_params)
        self.d_optimiser = self._adam(self.d_params)
        self.d_step: StepFunction = self.game.discriminator_step
        self.g_step: StepFunction = self.game.generator_step
        if settings.train.compile:
            self.d_step = CompiledStep(self.d_step, networks.discriminator, networks.generator)
            self.g_step = CompiledStep(self.g_step, networks.generator, networks.discriminator)

        # Everything that changes with time, on one clock.
        def on_clock(value: Scheduled) -> Callable[[int], float]:
            return schedule(value, settings.train.burn_in)

        self.schedules = {
            "r1": on_clock(loss.r1),
            "r2": on_clock(loss.r2),
            "gradient_penalty": on_clock(loss.gradient_penalty),
            "g_lr": on_clock(optim.lr),
            "d_lr": on_clock(optim.lr if optim.d_lr is None else optim.d_lr),
            "g_beta2": on_clock(optim.beta2),
            "d_beta2": on_clock(optim.beta2 if optim.d_beta2 is None else optim.d_beta2),
            "half_life": on_clock(settings.ema.half_life),
            "augment_p": on_clock(settings.augment.p),
        }
        self.weights = LossWeights(*(torch.zeros((), device=self.device) for _ in range(4)))
        self.threads = 0
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}

    # --- The loop -------------------------------------------------------------------------------

    def train(self) -> str:
        """Trains until the samples or the time are spent; ``done`` or ``interrupted``.

        Raises:
            GankitError: training diverged; the last good checkpoint is kept.
        """
        settings, clock = self.settings, self.clock
        batch = settings.train.batch * settings.train.d_steps
        total, limit = settings.train.samples, settings.train.time
        self._prepare_threads()
        if clock.samples == 0:
            self.save()
        tick = Every(settings.log.every or max(total // 100, batch), min(limit / 100 or 30, 30))
        show = Every(settings.log.preview or max(total // 10, batch), min(limit / 10 or 600, 600))
        save = Every(settings.checkpoint.every, 60 * settings.checkpoint.minutes)
        for timer in (tick, show, save):
            timer.start(clock.samples)
        started, before = time.monotonic(), clock.seconds
        tick_started, tick_samples = started, clock.samples
        status = "done"

        while clock.samples < total and not 0 < limit <= clock.seconds:
            # Show what the generator can do so far.
            if clock.samples == 0 or show.due(clock.samples):
                self._write_preview()

            # D plays, then G; the average follows.
            self._set_schedules()
            for _ in range(settings.train.d_steps):
                reals = self.reals.next
                self._update(self.d_step, self.d_params, self.d_optimiser, reals, self._penalise())
            self._update(self.g_step, self.g_params, self.g_optimiser, self.g_batch)
            decay = ema_decay(batch, self.schedules["half_life"](clock.samples))
            update_ema(self.ema, self.networks.generator, decay)
            clock.samples += batch
            clock.steps += 1
            now = time.monotonic()
            clock.seconds = before + now - started
            over = clock.samples >= total or 0 < limit <= clock.seconds or self.stop_requested

            # Report and judge: the only place that waits for the device.
            if tick.due(clock.samples) or over:
                values = self._means()
                now = time.monotonic()
                rate = (clock.samples - tick_samples) / max(now - tick_started, 1e-9)
                self._tick(values, rate)
                tick_started, tick_samples = now, clock.samples

            if save.due(clock.samples):
                self.save()
            if self.stop_requested:
                status = "interrupted"
                break

        self.save()
        if status == "done" and settings.resampling.candidates > 1:
            status = self._fit_resampling()
        if status == "done":
            self._write_preview()
        return status

    def _fit_resampling(self) -> str:
        """Learns the density ratio by which candidates are chosen; anew after an interruption."""
        ratio, settings = copy.deepcopy(self.networks.discriminator), self.settings.resampling
        power = Resampling(
            self.sampler(), self.reals, settings, lambda: self.stop_requested, self.progress
        ).learn(ratio, int(self.clock.samples * settings.train_fraction))
        if power is None:
            return "interrupted"
        self.ratio, self.ratio_power = ratio, power
        self.export(self)
        return "done"

    def _update(
        self,
        step: StepFunction,
        params: Sequence[nn.Parameter],
        optimiser: torch.optim.Optimizer,
        draw: Callable[[], Batch],
        *static: bool,
    ) -> None:
        """One optimiser step of one player, on fresh batches."""
        pieces = self.settings.train.accumulate
        total: list[Tensor] = []
        for _ in range(pieces):
            gradients, logs = self.gradients(step, params, draw(), static)
            if total:
                torch._foreach_add_(total, list(gradients))
            else:
                total = list(gradients)
            self._log(logs)
            if self.settings.augment.target > 0 and "d_sign" in logs:
                self._adapt_augmentation(logs["d_sign"])
        if pieces > 1:
            torch._foreach_div_(total, pieces)
        parallel.average_(total)
        for p, gradient in zip(params, total, strict=True):
            p.grad = gradient
        optimiser.step()
        optimiser.zero_grad()

    def gradients(
        self,
        step: StepFunction,
        params: Sequence[nn.Parameter],
        real: Batch,
        static: Sequence[bool],
    ) -> tuple[Gradients, dict[str, Tensor]]:
        """One player's gradients on a prepared batch, with fresh latents."""
        x = real.x
        if self.settings.train.channels_last and x.ndim == 4:
            x = x.contiguous(memory_format=torch.channels_last)
        z = torch.randn(len(real), self.networks.latent_dim, device=self.device)
        return step(params, x, real.c, z, self.weights, *static)

    def g_batch(self) -> Batch:
        """What G plays on: a real batch; under differential privacy, conditions alone."""
        if self.privacy is None:
            return self.reals.next()
        return generator_conditions(
            self.game, self.codec, self.conditions, self.settings.train.batch
        )

    @property
    def d_steps(self) -> int:
        """D's steps so far."""
        return self.clock.steps * self.settings.train.d_steps

    def _penalise(self) -> bool:
        return self.clock.steps % self.settings.loss.penalty_every == 0

    # --- What the clock drives ------------------------------------------------------------------

    def _set_schedules(self) -> None:
        at = {name: value(self.clock.samples) for name, value in self.schedules.items()}
        lazily = self.settings.loss.penalty_every
        self.weights.r1.fill_(at["r1"] * lazily)
        self.weights.r2.fill_(at["r2"] * lazily)
        self.weights.gradient_penalty.fill_(at["gradient_penalty"] * lazily)
        if self.settings.augment.target <= 0:
            self.weights.augment_p.fill_(at["augment_p"])
        optim = self.settings.optim
        d_beta1 = optim.beta1 if optim.d_beta1 is None else optim.d_beta1
        for optimiser, lr, beta1, beta2 in (
            (self.g_optimiser, at["g_lr"], optim.beta1, at["g_beta2"]),
            (self.d_optimiser, at["d_lr"], d_beta1, at["d_beta2"]),
        ):
            for group in optimiser.param_groups:
                group["lr"], group["betas"] = lr, (beta1, beta2)

    def _adapt_augmentation(self, d_sign: Tensor) -> None:
        """Moves p so that D(real) > D(fake) as often as asked (Karras et al. 2020, section 2.3)."""
        train, augment = self.settings.train, self.settings.augment
        parallel.average_([d_sign])
        change = (d_sign - augment.target).sign() * (train.batch / augment.speed)
        self.weights.augment_p.add_(change / train.accumulate).clamp_(0, 1)

    def _adam(self, params: Sequence[nn.Parameter]) -> torch.optim.Optimizer:
        fused = self.device.type in ("cpu", "cuda")
        return torch.optim.Adam(list(params), eps=self.settings.optim.eps, fused=fused)

    # --- Ticks and previews ---------------------------------------------------------------------

    def _log(self, logs: Mapping[str, Tensor]) -> None:
        for name, value in logs.items():
            if name in self._sums:
                self._sums[name] += value
            else:
                self._sums[name] = value.clone()
            self._counts[name] = self._counts.get(name, 0) + 1

    def _means(self) -> dict[str, float]:
        names = list(self._sums)
        sums = torch.stack([self._sums[k] for k in names]).tolist() if names else []
        means = {k: s / self._counts[k] for k, s in zip(names, sums, strict=True)}
        self._sums, self._counts = {}, {}
        return means

    def _conditional_std(self) -> float:
        """How much the averaged generator makes of different latents for one condition: the mean
        standard deviation over latents. Classes that differ do not hide that each has collapsed.
        """
        sampler, latents = self.sampler(), 16
        spreads = []
        for condition in range(4):
            c = sampler.draw_conditions([condition] * latents, {})
            x = sampler.generate(sampler.latents(range(latents)), c).x
            spreads.append(x.std(0).mean())
        return float(torch.stack(spreads).mean())

    def _tick(self, values: dict[str, float], rate: float) -> None:
        values["fake_std"] = self._conditional_std()
        try:
            status = self.guard.check(values)
        except DivergedError as broken:
            raise self._diverged(str(broken)) from None
        line: dict[str, Any] = {
            "samples": self.clock.samples,
            "steps": self.clock.steps,
            "seconds": round(self.clock.seconds, 3),
            "samples_per_second": round(rate, 2),
            "lr": self.schedules["g_lr"](self.clock.samples),
            "augment_p": float(self.weights.augment_p),
            "guard": status,
            **values,
        }
        if self.privacy is not None:
            line["epsilon"] = self.privacy.plan.spent(self.d_steps)
        for callback in self.callbacks:
            callback.tick(line)

    def _diverged(self, what: str) -> GankitError:
        return GankitError(
            f"training diverged after {self.clock.samples:,} samples: {what} not finite",
            "The last good checkpoint is kept. Try a larger loss.r1 and loss.r2, a smaller "
            "optim.lr, or train.precision=fp32",
        )

    def sampler(self) -> Sampler:
        """The averaged generator as it stands."""
        return Sampler(
            self.ema,
            self.codec,
            self.networks.latent_dim,
            self.conditions,
            self.device,
            self.ratio,
            self.settings.resampling.candidates,
            self.game.autocast,
            self.ratio_power,
        )

    def _write_preview(self) -> None:
        """A preview from fixed seeds; classes in turn where there is one label."""
        if parallel.world()[0]:
            return
        sampler, n = self.sampler(), self.settings.log.preview_count
        c = sampler.draw_conditions(range(n), {})
        condition = self.codec.layout.condition
        if c is not None and condition is not None and len(condition.fields) == 1:
            width = condition.fields[0].width
            if width > 1:
                c = torch.eye(width)[torch.arange(n) % width]
        batch = sampler.draw(range(n), c)
        file = self.preview(self.codec.decode(batch, range(n)), self.clock.samples)
        for callback in self.callbacks:
            if file is not None:
                callback.preview(file)

    # --- Saving and coming back -----------------------------------------------------------------

    def save(self) -> None:
        """Writes a checkpoint, then what generation needs.

        Raises:
            GankitError: the disk is full or not writable.
        """
        if parallel.world()[0]:
            return
        tensors, meta = self.state()
        if not all(bool(t.isfinite().all()) for k, t in tensors.items() if k.startswith("ema/")):
            raise self._diverged("weights")
        try:
            keep = self.settings.checkpoint.keep
            save_checkpoint(self.folder, self.clock.samples, tensors, meta, keep)
            self.export(self)
        except OSError as error:
            raise GankitError(
                f"cannot write {error.filename or self.folder}: {error.strerror or error}",
                "Earlier checkpoints are kept: free some space and run the same command again",
            ) from error

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Everything that the next step depends on, as tensors and JSON."""
        tensors: dict[str, Tensor] = {
            "augment_p": self.weights.augment_p,
            "rng/cpu": torch.get_rng_state(),
        }
        if self.device.type == "cuda":
            tensors["rng/cuda"] = torch.cuda.get_rng_state(self.device)
        for name, module in self._modules().items():
            tensors |= {f"{name}/{k}": v for k, v in module.state_dict().items()}
        for name, optimiser in self._optimisers().items():
            for i, values in optimiser.state_dict()["state"].items():
                tensors |= {f"{name}/{i}/{k}": v for k, v in values.items()}
        meta = {"clock": vars(self.clock), "position": self.reals.position, "threads": self.threads}
        if self.privacy is not None:
            meta["privacy"] = self.privacy.state()
        return tensors, meta

    def resume(self) -> bool:
        """Takes up the newest checkpoint; False when there is none."""
        loaded = load_checkpoint(self.folder)
        if loaded is None:
            return False
        tensors, meta = loaded
        if self.privacy is not None:
            self.privacy.resume(meta["privacy"])
        for name, module in self._modules().items():
            module.load_state_dict(_below(tensors, name))
        for name, optimiser in self._optimisers().items():
            state: dict[int, dict[str, Tensor]] = {}
            for key, value in _below(tensors, name).items():
                i, _, what = key.partition("/")
                state.setdefault(int(i), {})[what] = value
            groups = optimiser.state_dict()["param_groups"]
            for number, parameter in enumerate(optimiser.param_groups[0]["params"]):
                moments = state.get(number, {})
                for what, value in moments.items():
                    if value.shape == parameter.shape:  # fused Adam takes the layout for granted
                        moments[what] = match_memory_format(parameter, value.to(parameter.device))
            optimiser.load_state_dict({"state": state, "param_groups": groups})
        self.weights.augment_p.copy_(tensors["augment_p"])
        self.clock, self.threads = Clock(**meta["clock"]), meta["threads"]
        self.reals.seek(meta["position"])
        torch.set_rng_state(tensors["rng/cpu"])
        if self.device.type == "cuda" and "rng/cuda" in tensors:
            torch.cuda.set_rng_state(tensors["rng/cuda"], self.device)
        return True

    def _modules(self) -> dict[str, nn.Module]:
        return {
            "generator": self.networks.generator,
            "discriminator": self.networks.discriminator,
            "ema": self.ema,
        }

    def _optimisers(self) -> dict[str, torch.optim.Optimizer]:
        return {"g_optimiser": self.g_optimiser, "d_optimiser": self.d_optimiser}

    def _prepare_threads(self) -> None:
        """On a CPU, measures how many threads are fastest; a resumed run keeps its number, since
        the order of summation depends on it."""
        if self.device.type == "cpu":
            self.threads = self.threads or self.settings.train.threads or fastest_threads(self)
            torch.set_num_threads(self.threads)


class Every:
    """Comes due every so many samples, or seconds, whichever is first; 0 samples never does."""

    def __init__(self, samples: int, seconds: float) -> None:
        self.samples, self.seconds = samples, seconds

    def start(self, seen: int) -> None:
        """Counts from here: on to the next multiple of ``samples``."""
        self.at = (seen // self.samples + 1) * self.samples if self.samples else float("inf")
        self.since = time.monotonic()

    def due(self, seen: int) -> bool:
        if seen < self.at and time.monotonic() - self.since < self.seconds:
            return False
        self.start(seen)
        return True


def _below(tensors: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    start = name + "/"
    return {k[len(start) :]: v for k, v in tensors.items() if k.startswith(start)}
