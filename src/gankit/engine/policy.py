"""How real data may reach the networks: the plain way, which a private run replaces."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from gankit.contract import Batch, Codec, Networks, Objective
from gankit.engine.data import RealSamples
from gankit.engine.randomness import combined
from gankit.engine.sampling.conditions import ConditionTable
from gankit.engine.settings import EngineSettings
from gankit.engine.step import AdversarialLoss, LossTerms


class TrainingPolicy:
    """Decides what is sampled from the data, what the losses are, and what may be recorded.

    The plain policy. ``engine/privacy/policy.py`` has the differentially private one.
    """

    shows_real_items = True
    """Whether previews and records may contain real items, or hashes of them."""

    def check(
        self,
        engine: EngineSettings,
        objective: Objective,
        networks: Networks | None = None,
        codec: Codec[Any] | None = None,
    ) -> None:
        """Refuses what this policy cannot be combined with; called as each becomes known.

        Raises:
            GankitError: names the setting.
        """

    def plan(self, engine: EngineSettings, records: int) -> None:
        """Called once the number of training items is known."""

    def seed(self, seed: int, what: str, position: int) -> int:
        """A seed for what is drawn at a position in the data, for a run's seed."""
        return combined(seed, zlib.crc32(what.encode()), position)

    def real_samples(self, items: Sequence[Any], codec: Codec[Any], **given: Any) -> RealSamples:
        """The stream of real batches; arguments as for :class:`RealSamples`."""
        return RealSamples(items, codec, **given)

    def loss(
        self,
        networks: Networks,
        objective: Objective,
        terms: LossTerms,
        autocast: torch.dtype | None,
        reals: RealSamples,
    ) -> AdversarialLoss:
        """The losses of both networks."""
        return AdversarialLoss(networks, objective, terms, autocast)

    def generator_batch(
        self,
        loss: AdversarialLoss,
        reals: RealSamples,
        conditions: ConditionTable | None,
        n: int,
    ) -> Batch:
        """The batch of a generator step: real samples with their conditions."""
        return reals.next()

    def metrics(self, data_steps: int) -> dict[str, float]:
        """What a tick logs in addition, after so many batches of real samples."""
        return {}

    def record(self, data_steps: int) -> dict[str, Any] | None:
        """What the model states about its training; None for nothing."""
        return None

    def state(self) -> dict[str, Any] | None:
        """What a checkpoint stores, as JSON; None for nothing."""
        return None

    def resume(self, state: Mapping[str, Any]) -> None:
        """Continues from what :meth:`state` gave."""
