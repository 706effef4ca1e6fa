"""Differentially private training: D learns by DP-SGD, and G learns from D alone.

Whatever reaches G's weights from a record passes through D's weights, and these change only by
sums of clipped per-sample gradients with Gaussian noise (Abadi et al. 2016, algorithm 1). What is
computed from D without looking at the data again is then as private as D: post-processing.

One *sample* is a record with all that D's loss makes of it: the pair of the real item and the fake
that is generated for its condition, and the slopes R1 and R2 at both.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.func import grad, vmap
from torch.nn.utils import stateless

from gankit.contract import Batch, Codec, Networks
from gankit.engine import parallel
from gankit.engine.data import RealSamples
from gankit.engine.sampling import ConditionTable
from gankit.engine.settings import EngineSettings
from gankit.engine.step import Game, Gradients, Logs, Weights, laid_out_as
from gankit.errors import GankitError
from gankit.hookspecs import ObjectiveInfo

if TYPE_CHECKING:
    from gankit.engine.trainer import Trainer

MOST_NOISE = 100.0
"""A noise multiplier beyond which nothing would be learnt."""
LEAST_NOISE = 0.25
"""Below this, epsilon says nothing any more; less noise is never used."""
LEAST_BATCH = 32
"""Expected samples a batch: a Poisson batch is then never empty (probability e^-32)."""
GRADIENTS_AT_ONCE = {"cpu": 2**22, "cuda": 2**28}
"""Numbers in the per-sample gradients that are held at a time."""

ADJACENCY = (
    "one record is there, or blanked out: it then adds nothing to any gradient. "
    "The number of records is public."
)
COVERS = (
    "The weights of both networks, given the codec: real records reach them only through the "
    "discriminator's clipped and noised gradients. metrics.jsonl and previews follow from these."
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


# --- How much noise -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Plan:
    """What a run will spend, fixed before it begins."""

    epsilon: float
    """What was asked for; the plan spends no more."""
    delta: float
    clip: float
    """Bound C of a sample's gradient norm."""
    noise_multiplier: float
    """Standard deviation of the noise in a sum of clipped gradients, in units of the clip."""
    records: int
    """Items trained on."""
    batch: int
    """Expected samples a batch."""
    steps: int
    """Discriminator steps in all."""

    @property
    def rate(self) -> float:
        """Probability with which a record is in a batch."""
        return self.batch / self.records

    def spent(self, steps: int) -> float:
        """Epsilon after so many of D's steps."""
        return _epsilon(self.noise_multiplier, self.rate, min(steps, self.steps), self.delta)


def plan(engine: EngineSettings, records: int) -> Plan:
    """Chooses the noise for the epsilon that is asked for.

    Args:
        records: items to train on.

    Raises:
        GankitError: delta or the batch make no sense here, or the noise would drown everything.
    """
    asked, train = engine.privacy, engine.train
    delta = asked.delta or 1 / (10 * records)
    if delta >= 1 / records:
        raise GankitError(
            f"privacy.delta={delta:g}: with {records:,} records it must lie below 1/n = "
            f"{1 / records:.2g}, or publishing a record whole would count as private",
            "Leave it out: it is then 1/(10 n)",
        )
    batch = min(train.batch, records)
    if batch < LEAST_BATCH:
        raise GankitError(
            f"privacy.epsilon with batches of {batch}: noise is shared by a batch, and this is few",
            f"Use train.batch of {LEAST_BATCH} or more; hundreds or thousands are usual",
        )
    steps = -(-train.samples // (train.batch * train.d_steps)) * train.d_steps
    sigma = _noise_multiplier(asked.epsilon, batch / records, steps, delta)
    if sigma > MOST_NOISE:
        raise GankitError(
            f"privacy.epsilon={asked.epsilon:g} over {steps:,} steps of about {batch:,} of "
            f"{records:,} records needs noise of more than {MOST_NOISE:g} times the clip: nothing "
            "would be learnt",
            "Raise privacy.epsilon, train for fewer samples, or bring more data",
        )
    return Plan(asked.epsilon, delta, asked.clip, sigma, records, batch, steps)


def _noise_multiplier(epsilon: float, rate: float, steps: int, delta: float) -> float:
    """The least one, within 0.1 %, that spends no more than ``epsilon``."""

    def enough(sigma: float) -> bool:
        return _epsilon(sigma, rate, steps, delta) <= epsilon

    most = 1.0
    while most <= MOST_NOISE and not enough(most):
        most *= 2
    while most > LEAST_NOISE and enough(most / 2):
        most /= 2
    least = most / 2
    while most - least > 1e-3 * most and LEAST_NOISE < most <= MOST_NOISE:
        middle = (least + most) / 2
        least, most = (least, middle) if enough(middle) else (middle, most)
    return most


def _epsilon(sigma: float, rate: float, steps: int, delta: float) -> float:
    """Epsilon of so many steps, rounded up."""
    if steps == 0:
        return 0.0
    return float(_loss_distribution(sigma, rate).self_compose(steps).get_epsilon_for_delta(delta))


@functools.lru_cache(maxsize=1)
def _loss_distribution(sigma: float, rate: float) -> Any:
    """The privacy loss of one step, discretised pessimistically (Doroshenko et al. 2022)."""
    try:
        from dp_accounting.pld import privacy_loss_distribution
    except ImportError:
        raise GankitError(
            "privacy.epsilon needs the library dp-accounting, which is not installed",
            "Install it: pip install 'gankit[privacy]'",
        ) from None
    # Neighbours differ by one record added or removed, of sensitivity 1; Poisson sampling.
    return privacy_loss_distribution.from_gaussian_mechanism(
        sigma, sampling_prob=rate, value_discretization_interval=1e-3
    )


# --- What cannot be private ---------------------------------------------------------------------


def refuse_unsound(
    engine: EngineSettings,
    objective: ObjectiveInfo,
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
        "refine.candidates: it learns a ratio from real samples without noise": (
            engine.refine.candidates > 1,
            "Use refine.candidates=1",
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
            networks is not None and networks.samples_interact,
            "Use networks whose discriminator looks at each sample alone",
        ),
        "this codec: it is a model of its own, trained on real items without noise": (
            codec is not None and codec.learnt,
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
    from gankit.engine.trial import step_seconds

    try:
        step_seconds(trainer, samples=2, repeats=0)
    except RuntimeError as error:
        raise GankitError(
            "privacy.epsilon does not go with these networks: their discriminator gives no "
            f"gradient for each sample ({str(error).strip().splitlines()[0]})",
            "Use networks of ordinary layers, without statistics that are updated in training",
        ) from error


# --- What must stay secret ----------------------------------------------------------------------


class Privacy:
    """A private run: its plan, and the secret that batches and noise are drawn from.

    The run's seed is published with it, and who knows the noise can subtract it, who knows the
    batches has no doubt who was in one: so both come from 128 bits of the operating system's
    randomness. They are kept in the checkpoint, which makes resuming exact, and nowhere else.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan, self.secret = plan, os.urandom(16)

    def rng(self, purpose: str, position: int) -> np.random.Generator:
        """Random numbers that are a function of secret, purpose and position alone."""
        text = f"{purpose} {position}".encode()
        key = hashlib.blake2b(text, key=self.secret, digest_size=16).digest()
        return np.random.Generator(np.random.Philox(key=int.from_bytes(key)))

    def sampled(self, position: int) -> list[int]:
        """A Poisson batch: each record is in it independently with the plan's rate."""
        u = self.rng("batch", position).random(self.plan.records)
        return [int(i) for i in np.flatnonzero(u < self.plan.rate)]

    def seed(self) -> int:
        """For torch's default generator: latents and random views are nobody's business either."""
        return int(self.rng("torch", 0).integers(2**63))

    def state(self) -> dict[str, Any]:
        return {"secret": self.secret.hex(), "plan": asdict(self.plan)}

    def resume(self, state: Mapping[str, Any]) -> None:
        """Goes on with a checkpoint's plan and secret.

        Raises:
            GankitError: what is asked for now is longer than what the noise was chosen for.
        """
        before = Plan(**state["plan"])
        if self.plan.steps > before.steps:
            raise GankitError(
                f"the noise of this run was chosen for {before.steps:,} discriminator steps; "
                f"{self.plan.steps:,} would spend more than privacy.epsilon={before.epsilon:g}",
                "Train afresh for longer, with another --out",
            )
        self.plan, self.secret = before, bytes.fromhex(state["secret"])

    def record(self, steps: int) -> dict[str, Any]:
        """What the model says of itself after so many of D's steps."""
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
            "covers": COVERS,
            "does_not_cover": list(DOES_NOT_COVER),
        }


class PoissonSamples(RealSamples):
    """Real batches of varying size, the very sampling that the accountant reckons with.

    Nothing is padded and nothing can overflow: gradients are taken a few samples at a time.
    """

    def __init__(
        self, items: Sequence[Any], codec: Codec[Any], *, privacy: Privacy, **given: Any
    ) -> None:
        self.privacy = privacy
        super().__init__(items, codec, **given)

    def _indices(self) -> Iterator[list[int]]:
        for position in itertools.count(self.position, self.batch):
            yield self.privacy.sampled(position)


# --- The private step ---------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class PrivateGame(Game):
    """The game with DP-SGD for D. What it logs is private too: nothing is said of real samples."""

    privacy: Privacy
    position: Callable[[], int]
    """Where the data stands: each of D's steps draws noise of its own by it."""

    def pair_loss(
        self,
        params: Mapping[str, Tensor],
        real: Tensor,
        fake: Tensor,
        c: Tensor | None,
        w: Weights,
        penalise: bool,
    ) -> Tensor:
        """D's loss of one record: ``real`` and ``fake`` (*shape), ``c`` (width,), parameters of D
        by name. Its mean over a batch is ``Game.discriminator_loss``.
        """
        conditions = None if c is None else torch.stack([c, c])

        def look(pair: Tensor) -> tuple[Tensor, Tensor]:
            with stateless._reparametrize_module(self.networks.discriminator, dict(params)):
                logits = self.discriminate(self.augment(pair, w), conditions)
            return logits.sum(), logits

        pair = torch.stack([real, fake])
        if penalise and self.terms.zero_centred:
            slopes, logits = grad(look, has_aux=True)(pair)
            r1, r2 = slopes.square().flatten(1).sum(1)
            penalty = w.r1 / 2 * r1 + w.r2 / 2 * r2
        else:
            _, logits = look(pair)
            penalty = torch.zeros_like(logits[0])
        loss: Tensor = self.objective.discriminator(logits[:1], logits[1:])[0] + penalty
        return loss

    def discriminator_step(
        self,
        params: Sequence[Tensor],
        real: Tensor,
        c: Tensor | None,
        z: Tensor,
        w: Weights,
        penalise: bool = True,
    ) -> tuple[Gradients, Logs]:
        """Abadi et al. 2016, algorithm 1: the clipped sum, noise, over the expected batch."""
        with torch.no_grad():
            fake = self.generate(z, c)
        D, plan = self.networks.discriminator, self.privacy.plan
        names = [name for name, p in D.named_parameters() if p.requires_grad]
        by_name = {k: p.detach() for k, p in zip(names, params, strict=True)}
        total = clipped_sum(
            lambda params, real, fake, c: self.pair_loss(params, real, fake, c, w, penalise),
            by_name,
            (real, fake, c),
            plan.clip,
        )
        rng, scale = self.privacy.rng("noise", self.position()), plan.noise_multiplier * plan.clip
        for gradient in total:
            noise = torch.from_numpy(rng.standard_normal(gradient.shape, np.float32))
            gradient.add_(noise.to(gradient), alpha=scale)
        norm = torch.stack([g.square().sum() for g in total]).sum().sqrt()
        expected = scale * math.sqrt(sum(g.numel() for g in total))
        gradients = tuple(
            laid_out_as(p, g / plan.batch) for g, p in zip(total, params, strict=True)
        )
        return gradients, {"d_signal": norm / max(expected, 1e-30)}


def clipped_sum(
    loss: Callable[..., Tensor],
    params: Mapping[str, Tensor],
    samples: tuple[Tensor | None, ...],
    clip: float,
) -> list[Tensor]:
    """``sum_i g_i min(1, clip / ||g_i||)`` with ``g_i`` the gradient of sample i's loss.

    Whatever one sample is, it moves the sum by no more than ``clip``; one whose gradient is not
    finite adds nothing.

    Args:
        loss: ``(params, *sample) -> scalar``, of one sample without a batch axis.
        params: detached, by name.
        samples: tensors with a batch axis of the same length, or None.
        clip: bound of the norm over all parameters.
    """
    first = samples[0]
    assert first is not None
    n, size = len(first), sum(p.numel() for p in params.values())
    at_once = GRADIENTS_AT_ONCE.get(first.device.type, GRADIENTS_AT_ONCE["cpu"])
    axes = (None, *(None if s is None else 0 for s in samples))
    each = vmap(grad(loss), in_dims=axes, randomness="different")
    total = {
        k: torch.zeros_like(p, memory_format=torch.contiguous_format) for k, p in params.items()
    }
    step = max(at_once // size, 1)
    for start in range(0, n, step):
        part = [None if s is None else s[start : start + step] for s in samples]
        gradients = {k: g.flatten(1) for k, g in each(dict(params), *part).items()}
        norm = torch.stack([torch.linalg.vector_norm(g, dim=1) for g in gradients.values()]).norm(
            dim=0
        )
        finite = norm.isfinite()
        if not finite.all():
            gradients, norm = {k: g[finite] for k, g in gradients.items()}, norm[finite]
        factor = (clip / norm.clamp(min=1e-30)).clamp(max=1)
        for k, g in gradients.items():
            total[k] += (factor @ g).view_as(total[k])
    return list(total.values())


@torch.no_grad()
def imagined(game: Game, codec: Codec[Any], table: ConditionTable | None, n: int) -> Batch:
    """What G plays on: ``n`` conditions that come from no record, and no real samples.

    They are those of generated samples where the codec can say what these could have been asked
    by; else what the codec gives where nothing is asked; else drawn from the table of training
    conditions, which is published with the model.
    """
    device = next(game.networks.generator.parameters()).device
    nothing = torch.empty(n, 0, device=device)
    if codec.layout.condition is None:
        return Batch(nothing)
    c = codec.ask({}, torch.randint(2**31, (n,)).tolist())
    if c is None:
        assert table is not None, "conditions that the codec does not make come from the table"
        c = table.rows[torch.multinomial(table.weights, n, replacement=True)].to(device)
        return Batch(nothing, c)
    c = c.to(device)
    z = torch.randn(n, game.networks.latent_dim, device=device)
    again = codec.conditions_of(game.generate(z, c))
    return Batch(nothing, c if again is None else again)
