"""The secret of a private run, from which its batches and its noise are drawn."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import numpy as np

from gankit.engine.privacy.accountant import Plan
from gankit.errors import GankitError

ADJACENCY = (
    "one record is there, or blanked out: it then adds nothing to any gradient. "
    "The number of records is public."
)

GAME_COVERS = (
    "The weights of both networks, given the codec: real records reach them only through the "
    "discriminator's clipped and noised gradients. metrics.jsonl and previews follow from these."
)
LIKELIHOOD_COVERS = (
    "The generator's weights, given the codec: real records reach them only through the clipped "
    "and noised gradients of its likelihood. metrics.jsonl and previews follow from these."
)

DOES_NOT_COVER = (
    "What the codec holds (names of columns and categories, ranges, quantiles, frequencies, as far "
    "as this kind of data has them) is read from the data without noise, and taken for public.",
    "So are the conditions seen in training, and how often, where the model has a table of them.",
    "Scores, reports and augmented data sets are made by looking at real data again.",
    "The run's own provenance.json has a fingerprint of the data, by which guesses can be checked, "
    "and names what was left out; checkpoints/ has the secret that the noise was drawn from. "
    "Publish model/ or generated files, not the run.",
)


class Privacy:
    """A private run: its plan, and the secret that batches and noise are drawn from.

    The run's seed is published with it, and who knows the noise can subtract it, who knows the
    batches has no doubt who was in one: so both come from 128 bits of the operating system's
    randomness. They are kept in the checkpoint, which makes resuming exact, and nowhere else.
    """

    def __init__(self, plan: Plan, covers: str = GAME_COVERS) -> None:
        self.plan, self.covers, self.secret = plan, covers, os.urandom(16)

    def rng(self, purpose: str, position: int) -> np.random.Generator:
        """Random numbers that are a function of secret, purpose and position alone."""
        text = f"{purpose} {position}".encode()
        key = hashlib.blake2b(text, key=self.secret, digest_size=16).digest()
        return np.random.Generator(np.random.Philox(key=int.from_bytes(key)))

    def sampled(self, position: int) -> list[int]:
        """A Poisson batch: each record is in it independently with the plan's rate."""
        u = self.rng("batch", position).random(self.plan.records)
        return [int(i) for i in np.flatnonzero(u < self.plan.rate)]

    def seed(self, what: str, position: int) -> int:
        """For torch's generators: latents and random views stay secret too."""
        return int(self.rng(f"torch {what}", position).integers(2**63))

    def state(self) -> dict[str, Any]:
        return {"secret": self.secret.hex(), "plan": asdict(self.plan)}

    def resume(self, state: Mapping[str, Any]) -> None:
        """Continues with a checkpoint's plan and secret.

        Raises:
            GankitError: training longer than the noise was chosen for.
        """
        before = Plan(**state["plan"])
        if self.plan.steps > before.steps:
            raise GankitError(
                f"the noise of this run was chosen for {before.steps:,} steps; "
                f"{self.plan.steps:,} would spend more than privacy.epsilon={before.epsilon:g}",
                "Start a longer run, with another --out",
            )
        self.plan, self.secret = before, bytes.fromhex(state["secret"])

    def record(self, steps: int) -> dict[str, Any]:
        """The model's privacy statement after so many noisy steps."""
        plan = self.plan
        return {
            "epsilon": plan.spent(steps),
            "epsilon_asked": plan.epsilon,
            "delta": plan.delta,
            "clip": plan.clip,
            "noise_multiplier": plan.noise_multiplier,
            "sampling": "Poisson",
            "sampling_rate": plan.rate,
            "records": plan.records,
            "steps": steps,
            "steps_planned": plan.steps,
            "accountant": f"dp-accounting {version('dp-accounting')}, privacy loss distributions",
            "adjacency": ADJACENCY,
            "covers": self.covers,
            "does_not_cover": list(DOES_NOT_COVER),
        }
