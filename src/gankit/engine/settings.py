"""Every setting of the engine; the docstring under each field is what the command line shows.

A *scheduled* value is a number, ``[from, to]`` by a cosine over ``train.burn_in`` samples, or a
table ``{start, stop, over, after, shape}``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from gankit.engine.schedules import Scheduled


@dataclass(frozen=True)
class TrainSettings:
    """Length, batch and arithmetic."""

    samples: int = 200_000
    """Real samples shown to the discriminator before training ends."""
    time: float = 0.0
    """Seconds of training after which it ends all the same; 0 is no limit."""
    batch: int = 64
    """Samples a step, over all processes."""
    accumulate: int = 1
    """Pieces a batch is cut into to save memory; gradients are averaged over them."""
    d_steps: int = 1
    """Discriminator steps for one generator step."""
    burn_in: float = 0.0
    """Samples over which scheduled values move."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """Arithmetic inside the networks, in training and when generating; parameters and losses stay
    fp32."""
    compile: bool = False
    """Compile the whole step, second derivatives included; costs minutes at the start."""
    channels_last: bool = False
    """Memory format of four-dimensional tensors; helps convolutions in bf16."""
    threads: int = 0
    """CPU threads; 0 measures a few steps and keeps the fastest number."""
    seed: int = 0
    """Seed of everything random; ``--seed`` sets it."""


@dataclass(frozen=True)
class LossSettings:
    """The game and its penalties."""

    objective: str = "rpgan"
    """rpgan, nonsaturating, saturating, hinge, lsgan, wasserstein, or one from a plugin."""
    r1: Scheduled = 0.0
    """Weight gamma of R1, gamma/2 times the squared gradient norm at real samples."""
    r2: Scheduled = 0.0
    """Weight gamma of R2, the same at generated samples."""
    gradient_penalty: Scheduled = 0.0
    """Weight of WGAN-GP's penalty (gradient norm - 1)^2 at interpolates."""
    penalty_form: Literal["exact", "finite-difference"] = "exact"
    """How R1 and R2 are computed: exactly by double backward, or by a cheap random difference."""
    fd_sigma: float = 0.01
    """Step of the finite difference, in units of the data."""
    penalty_every: int = 1
    """Apply penalties every so many steps, scaled up accordingly; above 1 may not converge."""
    extra: dict[str, float] = field(default_factory=dict)
    """Weights of penalties that plugins add, by name."""


@dataclass(frozen=True)
class OptimSettings:
    """Adam, for the generator and, where d_* is given, differently for the discriminator."""

    lr: Scheduled = 2e-4
    """Learning rate."""
    beta1: float = 0.0
    """Decay of the first moment."""
    beta2: Scheduled = 0.99
    """Decay of the second moment."""
    eps: float = 1e-8
    """Added to the root of the second moment."""
    d_lr: Scheduled | None = None
    """Learning rate of the discriminator where it differs."""
    d_beta1: float | None = None
    """First-moment decay of the discriminator where it differs."""
    d_beta2: Scheduled | None = None
    """Second-moment decay of the discriminator where it differs."""


@dataclass(frozen=True)
class EmaSettings:
    """The moving average of the generator's weights: what generates."""

    half_life: Scheduled = 10_000.0
    """Samples after which an old weight counts half."""


@dataclass(frozen=True)
class ResamplingSettings:
    """Choice among candidates at sampling, by a density ratio that is learnt after training."""

    candidates: int = 1
    """Candidates for each generated sample; 1 does without."""
    train_fraction: float = 0.8
    """Length of learning the ratio, in samples, as a share of those of training."""
    max_epochs: float = 0.0
    """The most passes over the data while the ratio is learnt, which may otherwise know its samples
    by heart and choose copies of them; 0 is no limit."""
    pool_size: int = 0
    """Generated samples that are made once and seen again and again while the ratio is learnt; 0
    makes new ones each time."""
    lr: float = 1e-3
    """Its learning rate, which falls to 0."""
    weight_decay: float = 0.01
    """Its weight decay: more makes for a ratio nearer to 1."""


@dataclass(frozen=True)
class AugmentSettings:
    """Augmentation of the discriminator's input, where the plugin offers one."""

    p: Scheduled = 0.0
    """Probability of each transformation."""
    target: float = 0.0
    """Above 0, p is adapted to hold E[sign(D(real) - D(fake))] at this value; 0.6 is usual."""
    speed: float = 500_000.0
    """Samples over which an adapted p can move from 0 to 1."""


@dataclass(frozen=True)
class DataSettings:
    """How real samples reach the device."""

    holdout: float = 0.1
    """Share set aside for evaluation before training; small data sets set aside more."""
    cache: Literal["auto", "always", "never"] = "auto"
    """Keep encoded data on the device: auto does when it fits in half of the free memory."""
    workers: int = 2
    """Processes that encode when data is streamed; 0 encodes in the training process."""


@dataclass(frozen=True)
class PrivacySettings:
    """Differential privacy of the networks' weights; needs ``gankit[privacy]``."""

    epsilon: float = 0.0
    """Above 0, the discriminator is trained by DP-SGD that spends no more than this; 0 is off."""
    delta: float = 0.0
    """The other parameter of differential privacy; 0 takes 1/(10 n) for n records."""
    clip: float = 1.0
    """Bound of the norm that one record's gradient has."""


@dataclass(frozen=True)
class CheckpointSettings:
    """When the training state is saved."""

    minutes: float = 5.0
    """Save after so many minutes."""
    every: int = 0
    """Save after so many samples as well; 0 does not."""
    keep: int = 2
    """Checkpoints kept."""


@dataclass(frozen=True)
class LogSettings:
    """What is written while training."""

    every: int = 0
    """Samples between two lines of metrics.jsonl; 0 makes about a hundred."""
    preview: int = 0
    """Samples between two previews; 0 makes about ten."""
    preview_count: int = 100
    """Items in a preview."""


@dataclass(frozen=True)
class EngineSettings:
    """The engine's sections, as they stand in run.toml."""

    train: TrainSettings = field(default_factory=TrainSettings)
    loss: LossSettings = field(default_factory=LossSettings)
    optim: OptimSettings = field(default_factory=OptimSettings)
    ema: EmaSettings = field(default_factory=EmaSettings)
    resampling: ResamplingSettings = field(default_factory=ResamplingSettings)
    augment: AugmentSettings = field(default_factory=AugmentSettings)
    data: DataSettings = field(default_factory=DataSettings)
    privacy: PrivacySettings = field(default_factory=PrivacySettings)
    checkpoint: CheckpointSettings = field(default_factory=CheckpointSettings)
    log: LogSettings = field(default_factory=LogSettings)
