"""All that a training run is made of, before it starts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from gankit.contract import Codec, Networks, Objective, Penalty
from gankit.engine.budget import Budget
from gankit.engine.data import RealSamples
from gankit.engine.parallel import ParallelContext
from gankit.engine.policy import TrainingPolicy
from gankit.engine.sampling.conditions import ConditionTable
from gankit.engine.schedules import ever_positive
from gankit.engine.settings import EngineSettings
from gankit.engine.shadow import Shadow
from gankit.engine.step import LossTerms
from gankit.errors import GankitError


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
    started_from: dict[str, Any] | None = None
    """What the networks took from another run's weights, for records; None for nothing."""

    @property
    def autocast(self) -> torch.dtype | None:
        """The type that the networks compute in; None for float32."""
        return torch.bfloat16 if self.settings.train.precision == "bf16" else None

    def terms(self) -> LossTerms:
        """The terms that the loss has at any time."""
        loss = self.settings.loss
        return LossTerms(
            zero_centred=ever_positive(loss.r1) or ever_positive(loss.r2),
            gradient_penalty=ever_positive(loss.gradient_penalty),
            finite_difference=loss.fd_sigma if loss.penalty_form == "finite-difference" else 0.0,
            likelihood=loss.likelihood,
            extra=self.penalties,
        )

    def place(self) -> Networks:
        """The networks on the data's device, in the memory format to train in.

        Raises:
            GankitError: settings that do not fit the networks.
        """
        networks, settings = self.networks, self.settings
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
        if settings.loss.likelihood and networks.likelihood is None:
            raise GankitError(
                "loss.likelihood needs networks with a likelihood, and these have none",
                "Use loss.likelihood=0",
            )
        for module in (networks.generator, networks.discriminator):
            module.to(self.reals.device)
            if settings.train.channels_last:
                module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if not (ever_positive(settings.augment.p) or settings.augment.target > 0):
            networks = replace(networks, augment_input=None)  # never on: costs nothing
        return networks
