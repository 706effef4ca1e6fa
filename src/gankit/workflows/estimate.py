"""What a training run would be, without running it: sizes, memory and time."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gankit.config import Config
from gankit.config.budgets import UNLIMITED
from gankit.contract import Progress, quiet
from gankit.contract.codec import describe
from gankit.engine.settings import TrainSettings
from gankit.plugins.records import LoadedModality
from gankit.system_errors import translated
from gankit.workflows.data import Split
from gankit.workflows.interrupts import StopRequest
from gankit.workflows.prepare import prepare
from gankit.workflows.reading import Reading, reading

if TYPE_CHECKING:
    from gankit.engine.trainer import Trainer


@dataclass(frozen=True)
class Estimate:
    """The run that a configuration describes."""

    data: Reading
    shape: tuple[int, ...]
    """Of one encoded sample."""
    described: list[dict[str, str]]
    """What the codec inferred from the data."""
    conditions: list[str]
    parameters: dict[str, int]
    device: str
    memory_bytes: int
    seconds_per_step: float
    steps: float
    """Generator steps; infinite where only time limits the run."""
    seconds: float
    """From the start of the command: reading the data and fitting a codec count."""
    privacy: dict[str, Any] | None
    train: TrainSettings
    """With the samples that the epochs allow."""
    started_from: dict[str, Any] | None = None
    """What the networks take from another run's weights."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "data": self.data.as_dict(),
            "shape": list(self.shape),
            "described": self.described,
            "conditions": self.conditions,
            "parameters": self.parameters,
            "device": self.device,
            "estimated_memory_bytes": self.memory_bytes,
            "privacy": self.privacy,
            **({"started_from": self.started_from} if self.started_from else {}),
            **({"warm_up": self.train.warm_up} if self.train.warm_up else {}),
            "seconds_per_step": self.seconds_per_step,
            "estimated_seconds": self.seconds,
        }


@dataclass(frozen=True)
class Duration:
    """How long a run trains, by steps that were measured on its device."""

    seconds_per_step: float
    steps: float
    """Generator steps; infinite where only time limits the run."""
    seconds: float


def duration_of(trainer: Trainer) -> Duration:
    """Measures a few steps, with as many threads as the run will use; they leave no trace."""
    from gankit.engine.profiling import usual_step_seconds

    trainer.prepare_threads()
    train = trainer.settings.train
    step = usual_step_seconds(trainer.updates, trainer.reals, trainer.generator_batch)
    steps = math.inf if train.samples >= UNLIMITED else train.steps
    return Duration(step, steps, min(steps * step, train.time or math.inf))


@translated(memory="Use a smaller model, or train.accumulate=2")
def estimate(
    plugin: LoadedModality,
    config: Config,
    folder: Path,
    *,
    device: str = "auto",
    progress: Progress = quiet,
    stop: StopRequest | None = None,
    on_read: Callable[[Split], None] = lambda data: None,
) -> Estimate:
    """Prepares a run, profiles a few steps, and trains nothing.

    Args:
        stop: ends the fitting of a codec.
        on_read: called with the data as soon as it is read.

    Raises:
        GankitError: for whatever the user can fix.
        KeyboardInterrupt: stopped while the codec was fitted.
    """
    from gankit.engine.privacy.policy import PrivatePolicy
    from gankit.engine.profiling import memory_bytes

    started = time.monotonic()
    trainer, data = prepare(
        plugin, config, folder, device=device, progress=progress, stop=stop, on_read=on_read
    )
    profiled = trainer.updates, trainer.reals, trainer.generator_batch
    prepared = time.monotonic() - started
    found, policy = duration_of(trainer), trainer.policy
    networks = trainer.networks
    condition = trainer.codec.layout.condition
    return Estimate(
        reading(data, isinstance(policy, PrivatePolicy)),
        trainer.codec.layout.shape,
        describe(trainer.codec),
        [f.name for f in condition.fields] if condition else [],
        {
            name: sum(p.numel() for p in module.parameters())
            for name, module in (
                ("generator", networks.generator),
                ("discriminator", networks.discriminator),
            )
        },
        str(trainer.device),
        memory_bytes(*profiled),
        found.seconds_per_step,
        found.steps,
        min(prepared + found.seconds, config.engine.train.time or math.inf),
        dataclasses.asdict(policy.privacy.plan) if isinstance(policy, PrivatePolicy) else None,
        trainer.settings.train,
        trainer.plan.started_from,
    )
