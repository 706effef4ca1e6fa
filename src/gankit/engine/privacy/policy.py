"""Differentially private training: D learns by DP-SGD, and G learns from D alone.

Whatever reaches G's weights from a record passes through D's weights, and these change only by
sums of clipped per-sample gradients with Gaussian noise (Abadi et al. 2016, algorithm 1). What is
computed from D without looking at the data again is then as private as D: post-processing.

One *sample* is a record with all that D's loss makes of it: the pair of the real item and the fake
that is generated for its condition, and the slopes R1 and R2 at both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from gankit.contract import Batch, Codec, Networks, Objective
from gankit.engine import parallel
from gankit.engine.sampling.conditions import ConditionTable
from gankit.engine.settings import EngineSettings
from gankit.engine.step import AdversarialLoss
from gankit.errors import GankitError

if TYPE_CHECKING:
    from gankit.engine.trainer import Trainer


# --- What cannot be private ---------------------------------------------------------------------


def refuse_unsound(
    engine: EngineSettings,
    objective: Objective,
    networks: Networks | None = None,
    codec: Codec[Any] | None = None,
) -> None:
    """Refuses what would let real data past the noise, or what per-sample gradients exclude.

    Raises:
        GankitError: names the setting.
    """
    train, loss = engine.train, engine.loss
    unsound = {
        f"loss.objective={loss.objective}: its generator looks at real samples": (
            objective.generator_sees_reals,
            "Use loss.objective=nonsaturating, hinge or lsgan",
        ),
        "loss.extra: a penalty from a plugin may mix samples": (
            bool(loss.extra),
            "Leave it out; loss.r1 and loss.r2 are there",
        ),
        "loss.gradient_penalty": (loss.gradient_penalty != 0, "Use loss.r1 and loss.r2"),
        "loss.penalty_form=finite-difference": (
            loss.penalty_form != "exact",
            "Use loss.penalty_form=exact",
        ),
        "resampling.candidates: it learns a ratio from real samples without noise": (
            engine.resampling.candidates > 1,
            "Use resampling.candidates=1",
        ),
        "augment.target: it follows how D judges real samples": (
            engine.augment.target > 0,
            "Use a fixed augment.p",
        ),
        "train.accumulate": (
            train.accumulate > 1,
            "Leave it out: per-sample gradients are computed a few at a time anyway",
        ),
        "train.compile": (train.compile, "Leave it out"),
        "train.time: the noise is chosen for a number of steps": (
            train.time > 0,
            "Give a length in samples, as in --budget 300k",
        ),
        "several processes": (parallel.world()[1] > 1, "Train in one"),
        "these networks: a sample's logit depends on its neighbours (batch normalisation?)": (
            networks is not None and networks.batch_dependent,
            "Use networks whose discriminator looks at each sample alone",
        ),
        "this codec: it is a model of its own, trained on real items without noise": (
            codec is not None and codec.is_learned,
            "Use a plugin whose codec holds summaries of the data only",
        ),
    }
    for what, (found, hint) in unsound.items():
        if found:
            raise GankitError(f"privacy.epsilon does not go with {what}", hint)


def try_out(trainer: Trainer) -> None:
    """Takes one private step and forgets it, so that networks which cannot say so before training.

    Raises:
        GankitError: they give no per-sample gradients.
    """
    from gankit.engine.profiling import step_seconds

    try:
        step_seconds(trainer, samples=2, repeats=0)
    except RuntimeError as error:
        raise GankitError(
            "privacy.epsilon does not go with these networks: their discriminator gives no "
            f"gradient for each sample ({str(error).strip().splitlines()[0]})",
            "Use networks of ordinary layers, without statistics that are updated in training",
        ) from error


@torch.no_grad()
def generator_conditions(
    game: AdversarialLoss, codec: Codec[Any], table: ConditionTable | None, n: int
) -> Batch:
    """What G plays on: ``n`` conditions that come from no record, and no real samples.

    They are those of generated samples where the codec can say what these could have been asked
    by; else what the codec gives where nothing is asked; else drawn from the table of training
    conditions, which is published with the model.
    """
    device = next(game.networks.generator.parameters()).device
    nothing = torch.empty(n, 0, device=device)
    if codec.layout.condition is None:
        return Batch(nothing)
    c = codec.sample_conditions({}, torch.randint(2**31, (n,)).tolist())
    if c is None:
        assert table is not None, "conditions that the codec does not make come from the table"
        c = table.rows[torch.multinomial(table.weights, n, replacement=True)].to(device)
        return Batch(nothing, c)
    c = c.to(device)
    z = torch.randn(n, game.networks.latent_dim, device=device)
    again = codec.infer_conditions(game.generate(z, c))
    return Batch(nothing, c if again is None else again)
