"""All that a training run is made of, before it starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from gankit.contract import Codec, Networks, Objective, Penalty
from gankit.engine.budget import Budget
from gankit.engine.data import RealSamples
from gankit.engine.guard.probe import Probe
from gankit.engine.parallel import ParallelContext
from gankit.engine.policy import TrainingPolicy
from gankit.engine.sampling.conditions import ConditionTable
from gankit.engine.schedules import ever_positive
from gankit.engine.settings import EngineSettings
from gankit.engine.shadow import Shadow
from gankit.engine.sharding import refuse_sharding
from gankit.engine.step import LossTerms
from gankit.engine.validation import refuse_random_differences
from gankit.errors import GankitError

FD_SIGMA = 0.03
FD_SIGMA_BF16 = 0.1
"""Measured by benchmarks/finite_differences.py: at 0.01, rounding to bf16 adds half to R1 and R2,
and gradients are noisier in float32 too."""


@dataclass
class TrainingPlan:
    """What :class:`gankit.engine.trainer.Trainer` trains, on what, and how."""

    networks: Networks
    """As the plugin built them, on the CPU."""
    codec: Codec[Any]
    """Prepares real batches and decodes previews."""
    reals: RealSamples
    """The training data, on the device to train on."""
    settings: EngineSettings
    objective: Objective
    folder: Path | None
    """Where checkpoints go; None for none."""
    penalties: tuple[tuple[Penalty, float], ...] = ()
    """Added by plugins, with their weights."""
    conditions: ConditionTable | None = None
    """What conditions are drawn from when sampling, where the codec does not sample them."""
    policy: TrainingPolicy = field(default_factory=TrainingPolicy)
    parallel: ParallelContext = field(default_factory=ParallelContext)
    budget: Budget = field(default_factory=Budget)
    shadow: Shadow | None = None
    """What tells whether the warm-up memorises; None where that is not watched."""
    probe: Probe | None = None
    """What the guard measures by; None where it may see no real data."""
    doubts: Sequence[str] = ()
    """What is said once of what cannot be watched."""
    started_from: dict[str, Any] | None = None
    """What the networks took from another run's weights, for records; None for nothing."""

    @property
    def autocast(self) -> torch.dtype | None:
        """The type that the networks compute in; None for float32."""
        return torch.bfloat16 if self.settings.train.precision == "bf16" else None

    @property
    def sharded(self) -> bool:
        """Whether the networks are divided over the processes."""
        return self.settings.train.shard and self.parallel.size > 1

    @property
    def fd_sigma(self) -> float:
        """The step of finite differences, which has to exceed rounding errors."""
        return self.settings.loss.fd_sigma or (FD_SIGMA if self.autocast is None else FD_SIGMA_BF16)

    def terms(self) -> LossTerms:
        """The terms that the loss has at any time."""
        loss = self.settings.loss
        return LossTerms(
            zero_centred=self.settings.zero_centred,
            gradient_penalty=ever_positive(loss.gradient_penalty),
            finite_difference=self.fd_sigma if loss.penalty_form == "finite-difference" else 0.0,
            penalty_share=loss.penalty_share,
            likelihood=loss.likelihood,
            extra=self.penalties,
        )

    def place(self) -> Networks:
        """The networks on the data's device, in the memory format to train in.

        Raises:
            GankitError: settings that do not fit the networks.
        """
        networks, settings = self.networks, self.settings
        if settings.train.shard:
            refuse_sharding(settings)
        if settings.resampling.candidates > 1 and networks.batch_dependent:
            raise GankitError(
                "resampling.candidates cannot be used with this discriminator: its logits depend "
                "on the whole batch",
                "Use resampling.candidates=1",
            )
        if settings.train.warm_up and networks.likelihood is None:
            raise GankitError(
                "train.warm_up needs networks with a likelihood, and these have none",
                "Use train.warm_up=0",
            )
        if networks.by_likelihood and not settings.train.by_likelihood:
            raise GankitError(
                "this generator learns by its likelihood alone: what it draws has no gradients, so "
                "that it cannot play the adversarial game",
                "Use train.warm_up=1",
            )
        if networks.ragged and settings.train.compile:
            raise GankitError(
                "train.compile cannot be used with these networks: the shapes within them depend "
                "on the samples",
                "Use train.compile=false",
            )
        if settings.loss.likelihood and networks.likelihood is None:
            raise GankitError(
                "loss.likelihood needs networks with a likelihood, and these have none",
                "Use loss.likelihood=0",
            )
        if not (ever_positive(settings.augment.p) or settings.augment.target > 0):
            networks = replace(networks, augment_input=None)  # never on: costs nothing
        terms = self.terms()
        if terms.zero_centred and terms.finite_difference:
            refuse_random_differences(networks, self.codec.layout)
        for module in (networks.generator, networks.discriminator):
            module.to(self.reals.device)
            if settings.train.channels_last and not self.sharded:  # slices are rows
                module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return networks
