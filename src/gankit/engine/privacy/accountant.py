"""The noise that differential privacy needs, and the privacy budget spent."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from gankit.engine.settings import EngineSettings
from gankit.errors import GankitError

MOST_NOISE = 100.0
"""A noise multiplier beyond which training is hopeless."""

LEAST_NOISE = 0.25
"""The least noise: below this, epsilon is meaningless."""

LEAST_BATCH = 32
"""Expected samples a batch: a Poisson batch is then never empty (probability e^-32)."""


@dataclass(frozen=True)
class Plan:
    """What a run will spend, fixed before it begins."""

    epsilon: float
    """The requested epsilon; the plan spends at most this."""
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
    """Noisy steps in all: of the discriminator, or of the generator on its likelihood."""

    @property
    def rate(self) -> float:
        """Probability with which a record is in a batch."""
        return self.batch / self.records

    def spent(self, steps: int) -> float:
        """Epsilon after so many noisy steps."""
        return _epsilon(self.noise_multiplier, self.rate, min(steps, self.steps), self.delta)


def plan(engine: EngineSettings, records: int) -> Plan:
    """Chooses the noise for the requested epsilon.

    Args:
        records: items to train on.

    Raises:
        GankitError: delta or the batch are unsuitable, or the noise would be too large.
    """
    private, train = engine.privacy, engine.train
    delta = private.delta or 1 / (10 * records)
    if delta >= 1 / records:
        raise GankitError(
            f"privacy.delta={delta:g}: with {records:,} records it must be below 1/n = "
            f"{1 / records:.2g}, or publishing a record whole would count as private",
            "Leave it out: the default is 1/(10 n)",
        )
    batch = min(train.batch, records)
    if batch < LEAST_BATCH:
        raise GankitError(
            f"privacy.epsilon with batches of {batch}: noise is added per batch, and this one is "
            "small",
            f"Use train.batch of {LEAST_BATCH} or more; hundreds or thousands are usual",
        )
    steps = train.steps * (1 if train.by_likelihood else train.d_steps)
    sigma = _noise_multiplier(private.epsilon, batch / records, steps, delta)
    if sigma > MOST_NOISE:
        raise GankitError(
            f"privacy.epsilon={private.epsilon:g} over {steps:,} steps of about {batch:,} of "
            f"{records:,} records needs noise of more than {MOST_NOISE:g} times the clip: training "
            "would fail",
            "Raise privacy.epsilon, train for fewer samples, or use more data",
        )
    return Plan(private.epsilon, delta, private.clip, sigma, records, batch, steps)


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
