"""What a training run would be, without running it: sizes, memory and time."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gankit.config import Config
from gankit.config.budgets import UNLIMITED
from gankit.contract import Progress, quiet
from gankit.contract.codec import describe
from gankit.plugins.records import LoadedModality
from gankit.system_errors import translated
from gankit.workflows.data import Split
from gankit.workflows.prepare import prepare
from gankit.workflows.reading import Reading, reading


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
    privacy: dict[str, Any] | None

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
            "seconds_per_step": self.seconds_per_step,
            "estimated_seconds": self.seconds,
        }


@translated(memory="Use a smaller model, or train.accumulate=2")
def estimate(
    plugin: LoadedModality,
    config: Config,
    folder: Path,
    *,
    device: str = "auto",
    progress: Progress = quiet,
    on_read: Callable[[Split], None] = lambda data: None,
) -> Estimate:
    """Prepares a run, profiles a few steps, and trains nothing.

    Args:
        on_read: called with the data as soon as it is read.

    Raises:
        GankitError: for whatever the user can fix.
    """
    from gankit.engine.privacy.policy import PrivatePolicy
    from gankit.engine.profiling import PROFILE_SAMPLES, memory_bytes, step_seconds

    trainer, data = prepare(
        plugin, config, folder, device=device, progress=progress, on_read=on_read
    )
    profiled = trainer.updates, trainer.reals, trainer.generator_batch
    some = PROFILE_SAMPLES if trainer.device.type == "cpu" else None
    step, train, policy = step_seconds(*profiled, some), trainer.settings.train, trainer.policy
    steps: float = -(-train.samples // (train.batch * train.d_steps))
    steps = math.inf if train.samples >= UNLIMITED else steps
    seconds = min(steps * step, train.time or math.inf)
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
        step,
        steps,
        seconds,
        dataclasses.asdict(policy.privacy.plan) if isinstance(policy, PrivatePolicy) else None,
    )
