"""Differentially private training: D learns by DP-SGD, and G learns from D alone; or G learns by
DP-SGD on its likelihood, without a game.

Information about a record reaches the network that sees the data only by sums of clipped per-sample
gradients with Gaussian noise (Abadi et al. 2016, algorithm 1). Anything computed from its weights
without using the data again is then as private as these: post-processing.

One *sample* is a record with all that the loss makes of it. For D that is the pair of the real item
and the sample generated for its condition, and the gradients that R1 and R2 penalise at both; for
the likelihood, the item and its condition.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from gankit.contract import Batch, Codec, InfersConditions, Networks, Objective
from gankit.contract.codec import sample_conditions
from gankit.engine.data import RealSamples
from gankit.engine.parallel import ParallelContext
from gankit.engine.policy import TrainingPolicy
from gankit.engine.privacy.accountant import plan
from gankit.engine.privacy.batches import PoissonSamples
from gankit.engine.privacy.loss import PrivateLoss
from gankit.engine.privacy.secret import GAME_COVERS, LIKELIHOOD_COVERS, Privacy
from gankit.engine.profiling import preserve_state
from gankit.engine.sampling.conditions import ConditionTable
from gankit.engine.settings import EngineSettings
from gankit.engine.step import AdversarialLoss, LossTerms
from gankit.engine.updates import Updates
from gankit.errors import GankitError


class PrivatePolicy(TrainingPolicy):
    """DP-SGD for the one network that sees real samples: Poisson batches, clipped and noised
    gradients, and records without real items."""

    shows_real_items = False

    privacy: Privacy
    """Known from :meth:`plan` on."""

    def check(
        self,
        engine: EngineSettings,
        objective: Objective,
        networks: Networks | None = None,
        codec: Codec[Any] | None = None,
    ) -> None:
        """Refuses what would let real data bypass the noise, or what per-sample gradients exclude.

        Raises:
            GankitError: names the setting.
        """
        train = engine.train
        unsound = {
            "train.warm_up and a game after it": (
                train.warm_up > 0 and not train.by_likelihood,
                "Use train.warm_up=1, the likelihood alone, or train.warm_up=0, the game alone",
            ),
            **({} if train.by_likelihood else _unsound_games(engine, objective, networks)),
            "resampling.candidates: it fits a ratio to real samples without noise": (
                engine.resampling.candidates > 1,
                "Use resampling.candidates=1",
            ),
            "loss.likelihood: the generator would see real samples without noise": (
                engine.loss.likelihood > 0,
                "Use loss.likelihood=0",
            ),
            "these networks: the shapes within them depend on the samples": (
                networks is not None and networks.ragged,
                "Use a plugin or a recipe whose networks have fixed shapes",
            ),
            "train.accumulate": (
                train.accumulate > 1,
                "Leave it out: per-sample gradients are computed a few at a time anyway",
            ),
            "train.compile": (train.compile, "Leave it out"),
            "train.time: the noise is chosen for a number of steps": (
                train.time > 0,
                "Give a length in samples, as in --samples 300k",
            ),
            "several processes: its batches are drawn from all records, with noise added once": (
                ParallelContext.current().size > 1,
                "Leave out --nproc",
            ),
            "this codec: it is a model of its own, trained on real items without noise": (
                codec is not None and codec.is_learned,
                "Use a plugin whose codec holds summaries of the data only",
            ),
        }
        for what, (found, hint) in unsound.items():
            if found:
                raise GankitError(f"privacy.epsilon cannot be used with {what}", hint)

    def plan(self, engine: EngineSettings, records: int) -> None:
        covers = LIKELIHOOD_COVERS if engine.train.by_likelihood else GAME_COVERS
        self.privacy = Privacy(plan(engine, records), covers)

    def seed(self, seed: int, what: str, position: int) -> int:
        return self.privacy.seed(what, position)

    def real_samples(self, items: Sequence[Any], codec: Codec[Any], **given: Any) -> RealSamples:
        return PoissonSamples(items, codec, privacy=self.privacy, **given)

    def loss(
        self,
        networks: Networks,
        objective: Objective,
        terms: LossTerms,
        autocast: torch.dtype | None,
        reals: RealSamples,
    ) -> AdversarialLoss:
        game = networks, objective, terms, autocast
        return PrivateLoss(*game, privacy=self.privacy, position=lambda: reals.position)

    def generator_batch(
        self,
        loss: AdversarialLoss,
        reals: RealSamples,
        conditions: ConditionTable | None,
        n: int,
    ) -> Batch:
        return generator_conditions(loss, reals.codec, conditions, n)

    def metrics(self, data_steps: int) -> dict[str, float]:
        return {"epsilon": self.privacy.plan.spent(data_steps)}

    def record(self, data_steps: int) -> dict[str, Any]:
        return self.privacy.record(data_steps)

    def state(self) -> dict[str, Any]:
        return self.privacy.state()

    def resume(self, state: Mapping[str, Any]) -> None:
        self.privacy.resume(state)


def _unsound_games(
    engine: EngineSettings, objective: Objective, networks: Networks | None
) -> dict[str, tuple[bool, str]]:
    """What may not stand in a private game: whether it does, and what to use instead."""
    loss = engine.loss
    return {
        f"loss.objective={loss.objective}: its generator uses real samples": (
            objective.generator_sees_reals,
            "Use loss.objective=nonsaturating, hinge or lsgan",
        ),
        "loss.extra: a penalty from a plugin may mix samples": (
            bool(loss.extra),
            "Leave it out; penalty.gamma is there",
        ),
        "loss.gradient_penalty": (loss.gradient_penalty != 0, "Use penalty.gamma"),
        "penalty.gamma=auto: it depends on D's output for real samples": (
            engine.adapts_gamma,
            "Use a number, as penalty.gamma=0.1",
        ),
        "loss.penalty_form=finite-difference": (
            loss.penalty_form != "exact",
            "Use loss.penalty_form=exact",
        ),
        "augment.target: it depends on D's output for real samples": (
            engine.augment.target > 0,
            "Use a fixed augment.p",
        ),
        "these networks: a sample's logit depends on its neighbours (batch normalisation?)": (
            networks is not None and networks.batch_dependent,
            "Use networks whose discriminator treats each sample independently",
        ),
    }


def try_out(updates: Updates, reals: RealSamples, generator_batch: Callable[[], Batch]) -> None:
    """Computes one private step and discards it, so that unsuitable networks fail before training.

    Args:
        generator_batch: gives the batch of a generator step.

    Raises:
        GankitError: they give no per-sample gradients.
    """
    by_likelihood = updates.settings.train.by_likelihood
    try:
        with preserve_state(updates, reals):
            real = reals.next()[:2]
            if by_likelihood:
                updates.gradients(updates.likelihood, real)
            else:
                updates.gradients(updates.discriminator, real, True)
                updates.gradients(updates.generator, generator_batch()[:2])
    except RuntimeError as error:
        what = "generator's likelihood" if by_likelihood else "discriminator"
        raise GankitError(
            f"privacy.epsilon cannot be used with these networks: their {what} has no "
            f"per-sample gradients ({str(error).strip().splitlines()[0]})",
            "Use networks of ordinary layers, without statistics that are updated in training",
        ) from error


@torch.no_grad()
def generator_conditions(
    loss: AdversarialLoss, codec: Codec[Any], table: ConditionTable | None, n: int
) -> Batch:
    """The generator's batch: ``n`` conditions that come from no record, and no real samples.

    They are inferred from generated samples where the codec can do so; otherwise sampled by the
    codec; otherwise drawn from the table of training conditions, which is published with the model.
    """
    device = next(loss.networks.generator.parameters()).device
    nothing = torch.empty(n, 0, device=device)
    if codec.layout.condition is None:
        return Batch(nothing)
    c = sample_conditions(codec, {}, torch.randint(2**31, (n,)).tolist())
    if c is None:
        assert table is not None, "conditions that the codec does not sample come from the table"
        c = table.rows[torch.multinomial(table.weights, n, replacement=True)].to(device)
        return Batch(nothing, c)
    c = c.to(device)
    if not isinstance(codec, InfersConditions):
        return Batch(nothing, c)
    z = torch.randn(n, loss.networks.latent_dim, device=device)
    return Batch(nothing, codec.infer_conditions(loss.generate(z, c)))
