"""Every setting of the engine; the docstring under each field is what the command line shows.

A *scheduled* value is a number, ``[from, to]`` by a cosine over ``train.burn_in`` samples, or a
table ``{start, stop, over, after, shape}``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal, TypeAlias

from gankit.contract.settings import Bounds
from gankit.engine.schedules import Scheduled, ever_positive
from gankit.errors import GankitError

Count: TypeAlias = Annotated[int, Bounds(0)]
AtLeastOne: TypeAlias = Annotated[int, Bounds(1)]
NotNegative: TypeAlias = Annotated[float, Bounds(0)]
Positive: TypeAlias = Annotated[float, Bounds(0, exclusive=True)]
Decay: TypeAlias = Annotated[float, Bounds(0, 0.9999999)]
Weight: TypeAlias = Annotated[Scheduled, Bounds(0)]
Rate: TypeAlias = Annotated[Scheduled, Bounds(0)]
Gamma: TypeAlias = Annotated[Scheduled | Literal["auto"], Bounds(0)]


SMALLEST_BATCH = 16
"""Of few items."""


@dataclass(frozen=True)
class TrainSettings:
    """Length, batch and arithmetic."""

    samples: AtLeastOne = 200_000
    """Real samples to train on, warm-up included. ``--samples`` sets it."""
    epochs: NotNegative = 0.0
    """Passes over the training items after which training ends all the same; 0 is no limit.
    ``--epochs`` sets it."""
    warm_up: NotNegative = 0.0
    """How much of training, from its start, trains the generator by its own likelihood, where the
    networks have one, before the adversarial game: up to 1 a share (1 is all of it: no game), above
    1 samples; 0 is none."""
    time: NotNegative = 0.0
    """Seconds after which training ends all the same, counted from the start of the command;
    0 is no limit. ``--time`` sets it."""
    batch: AtLeastOne = 64
    """Samples per step, over all processes."""
    epoch_steps: Count = 0
    """At least so many steps in each pass over the training items: few items are trained on in
    smaller batches, of 16 or more; not under differential privacy, whose noise is less in large
    ones."""
    accumulate: AtLeastOne = 1
    """Pieces a batch is split into to save memory; gradients are averaged over them."""
    d_steps: AtLeastOne = 1
    """Discriminator steps per generator step."""
    burn_in: NotNegative = 0.0
    """Samples over which scheduled values change."""
    precision: Literal["fp32", "bf16", "auto"] = "fp32"
    """Arithmetic inside the networks, in training and when generating; parameters and losses stay
    fp32. ``auto`` is bf16 on a processor that computes it, fp32 elsewhere."""
    compile: bool = False
    """Compile the whole step, second derivatives included; costs minutes at the start."""
    shard: bool = False
    """Divide parameters, moments and average of both networks over the processes, for networks that
    one device cannot hold; penalties have to be finite differences."""
    channels_last: bool = False
    """Memory format of four-dimensional tensors; helps convolutions in bf16."""
    threads: Count = 0
    """CPU threads; 0 profiles a few steps and keeps the fastest number."""
    seed: Annotated[int, Bounds(0, 2**31 - 1)] = 0
    """Seed of everything random; ``--seed`` sets it."""

    @property
    def warm_up_samples(self) -> int:
        """Samples of the warm-up, at most all."""
        share = self.warm_up * (self.samples if self.warm_up <= 1 else 1)
        return min(math.ceil(share), self.samples)

    @property
    def by_likelihood(self) -> bool:
        """Whether the warm-up is all of training: no game follows."""
        return 0 < self.samples <= self.warm_up_samples

    @property
    def steps(self) -> int:
        """Generator steps of the warm-up and the game."""
        first = -(-self.warm_up_samples // self.batch)
        game = max(self.samples - first * self.batch, 0)
        return first + -(-game // (self.batch * self.d_steps))

    def on(self, items: int, pieces: int = 0) -> TrainSettings:
        """The same for so many training items: ``samples`` are then no more than ``epochs`` allow,
        and ``batch`` no more than ``epoch_steps`` do.

        Args:
            pieces: that a batch is divided into, over all processes; ``accumulate`` by default.

        Raises:
            GankitError: the epochs are less than one batch.
        """
        if self.epoch_steps:
            pieces = pieces or self.accumulate
            batch = max(items // self.epoch_steps, SMALLEST_BATCH) // pieces * pieces
            self = replace(self, batch=min(self.batch, batch or pieces), epoch_steps=0)
        if not self.epochs:
            return self
        samples = math.ceil(self.epochs * items)
        if samples < self.batch:
            raise GankitError(
                f"train.epochs={self.epochs:g} of {items:,} items is less than one batch, "
                f"train.batch={self.batch}",
                f"Use at least {math.ceil(100 * self.batch / items) / 100:g}, or a smaller batch",
            )
        return replace(self, samples=min(self.samples, samples))


@dataclass(frozen=True)
class WarmUpSettings:
    """AdamW during the warm-up (``train.warm_up``), whose learning rate falls to 0 by a cosine."""

    lr: Positive = 3e-3
    """The highest learning rate."""
    beta1: Decay = 0.9
    """Decay of the first moment."""
    beta2: Decay = 0.99
    """Decay of the second moment."""
    weight_decay: NotNegative = 0.01
    """Decoupled weight decay."""
    clip: NotNegative = 5.0
    """The largest norm of the gradient over all parameters; 0 does not clip."""
    ramp: Count = 50
    """Steps in which the learning rate rises from 0; at most a tenth of the warm-up."""
    early_stop: bool = False
    """End the warm-up early once the likelihood of a few items that are set aside for this has got
    worse in two measurements, of at least one an epoch."""
    membership_limit: Annotated[float, Bounds(0, 1)] = 0.0
    """End the warm-up early once its likelihood tells training items from a few that are set aside
    for this with an AUC significantly above this; 0.5 is chance, 0 never does."""

    @property
    def watched(self) -> bool:
        """Whether a part of the items is set aside to see when the warm-up should end."""
        return self.early_stop or self.membership_limit > 0


@dataclass(frozen=True)
class LossSettings:
    """The adversarial objective and its penalties."""

    objective: str = "rpgan"
    """rpgan, nonsaturating, saturating, hinge, lsgan, wasserstein, or one from a plugin."""
    r1: Weight | None = None
    """Weight of R1 where it is not ``penalty.gamma``."""
    r2: Weight | None = None
    """Weight of R2 where it is not ``penalty.gamma``."""
    likelihood: NotNegative = 0.0
    """Weight of the generator's negative log-likelihood of real samples in its loss, where it has
    one: an anchor to what the warm-up has learned."""
    gradient_penalty: Weight = 0.0
    """Weight of WGAN-GP's penalty (gradient norm - 1)^2 at interpolates."""
    penalty_form: Literal["exact", "finite-difference"] = "exact"
    """How R1 and R2 are computed: exactly by double backward, or estimated from the difference of
    logits at two random nearby samples."""
    fd_sigma: NotNegative = 0.0
    """Step of the finite difference, in units of the data; 0 uses 0.03, and 0.1 with bf16, whose
    rounding errors drown smaller differences."""
    penalty_share: Annotated[float, Bounds(0, 1, exclusive=True)] = 1.0
    """The part of each batch on which R1 and R2 are computed; less than 1 is cheaper, and noisier.
    It is all of it under differential privacy, and where logits depend on the whole batch."""
    penalty_every: AtLeastOne = 1
    """Apply penalties every so many steps, scaled up accordingly; above 1 may not converge."""
    extra: dict[str, float] = field(default_factory=dict)
    """Weights of penalties that plugins add, by name."""


AUTO: Literal["auto"] = "auto"


@dataclass(frozen=True)
class PenaltySettings:
    """The weight of R1 and R2."""

    gamma: Gamma | None = None
    """Weight gamma of R1 and R2, gamma/2 times the squared gradient norm of the discriminator at
    real and at generated samples; ``auto`` is set by training and adapted. By default auto, but 0
    with ``loss.gradient_penalty`` or ``loss.extra``, and under differential privacy."""


@dataclass(frozen=True)
class OptimSettings:
    """Adam, for the generator and, where d_* is given, differently for the discriminator."""

    lr: Rate = 2e-4
    """Learning rate."""
    beta1: Decay = 0.0
    """Decay of the first moment."""
    beta2: Annotated[Scheduled, Bounds(0, 0.9999999)] = 0.99
    """Decay of the second moment."""
    eps: Positive = 1e-8
    """Added to the root of the second moment."""
    d_lr: Rate | None = None
    """Learning rate of the discriminator where it differs."""
    d_beta1: Decay | None = None
    """First-moment decay of the discriminator where it differs."""
    d_beta2: Annotated[Scheduled, Bounds(0, 0.9999999)] | None = None
    """Second-moment decay of the discriminator where it differs."""


@dataclass(frozen=True)
class EmaSettings:
    """The moving average of the generator's weights, which generates."""

    half_life: Weight = 10_000.0
    """Samples after which the influence of old weights has halved."""


@dataclass(frozen=True)
class ResamplingSettings:
    """Resampling among candidates by a density ratio, fitted after training."""

    candidates: AtLeastOne = 1
    """Candidates per generated sample; 1 switches resampling off."""
    train_fraction: Positive = 0.8
    """Samples that the density-ratio classifier is trained on, as a fraction of training's."""
    time_fraction: Annotated[float, Bounds(0, 0.9)] = 0.25
    """The part of a time budget that is reserved for it."""
    max_epochs: NotNegative = 0.0
    """The most passes over the data of the classifier, which may otherwise memorise the training
    samples and choose copies of them; 0 is no limit."""
    pool_size: Count = 0
    """Generated samples that are made once and reused by the classifier; 0 makes new ones at every
    step."""
    lr: Positive = 1e-3
    """The classifier's learning rate, decayed to 0."""
    weight_decay: NotNegative = 0.01
    """The classifier's weight decay: more keeps the ratio closer to 1."""


@dataclass(frozen=True)
class AugmentSettings:
    """Augmentation of the discriminator's input, where the plugin supports it."""

    p: Annotated[Scheduled, Bounds(0, 1)] = 0.0
    """Probability of each transformation."""
    target: Annotated[float, Bounds(0, 1)] = 0.0
    """Above 0, p is adapted to keep E[sign(D(real) - D(fake))] at this value (ADA); 0.6 is
    usual."""
    speed: Positive = 500_000.0
    """Samples over which an adapted p can move from 0 to 1."""


@dataclass(frozen=True)
class DataSettings:
    """How real samples reach the device."""

    holdout: Annotated[float, Bounds(0, 0.9)] = 0.1
    """Fraction held out for evaluation before training; small data sets hold out more."""
    cache: Literal["auto", "always", "never"] = "auto"
    """Keep encoded data on the device: auto does when it fits in half of the free memory."""
    workers: Count = 2
    """Processes that encode when data is streamed; 0 encodes in the training process."""
    remote: Literal["auto", "copy", "stream"] = "auto"
    """How data at an address (``https://``, ``s3://`` …) is read: copied once to the cache folder,
    or streamed as it is needed. auto copies up to 8 GiB, and streams what is larger where the
    plugin can."""
    people: Literal["auto", "yes", "no"] = "auto"
    """Whether the data show people or let them be heard; auto goes by the names of files, labels
    and columns, which are hints only."""
    consent: str = ""
    """What consent or other legal basis covers the people in the data. ``--consent`` sets it; it is
    stored with the run, its model and whatever it generates."""


@dataclass(frozen=True)
class PrivacySettings:
    """Differential privacy of the networks' weights; needs ``gankit[privacy]``."""

    epsilon: Annotated[float, Bounds(0, 1e6)] = 0.0
    """Above 0, the discriminator is trained by DP-SGD that spends at most this, or the generator
    where it learns by likelihood alone; 0 is off. 3 is usual."""
    delta: Annotated[float, Bounds(0, 0.5)] = 0.0
    """The other parameter of differential privacy; 0 uses 1/(10 n) for n records."""
    clip: Annotated[float, Bounds(0, 1e6, exclusive=True)] = 1.0
    """Bound of the norm of one record's gradient; 1 is usual."""


@dataclass(frozen=True)
class TransferSettings:
    """Starting from another run's weights."""

    run: str = ""
    """The run, or a copied ``model`` folder, whose weights training starts from. ``--from`` sets
    it."""
    freeze_d: Count = 0
    """The first layers of the discriminator that are not trained (FreezeD): 4 is usual for few
    items. A layer is a module with parameters of its own."""
    codec: Literal["auto", "source", "fitted"] = "auto"
    """Which codec encodes the data: the other run's (source), or one that is fitted to them. auto
    fits one where encoded items mean the same whatever the codec was fitted to, and
    otherwise uses the other run's where the data fit it."""
    public: bool = False
    """Under ``privacy.epsilon``: the data of a run that was not private are public."""


@dataclass(frozen=True)
class GuardSettings:
    """Watching training for collapse, divergence and memorisation, and healing it."""

    action: Literal["warn", "heal", "stop"] = "heal"
    """What is done when training fails: only say so; restore the last healthy checkpoint and change
    one setting; or stop."""
    attempts: Annotated[int, Bounds(0, 100)] = 5
    """Interventions at most."""
    every: Count = 0
    """Samples between two checks; 0 begins with short distances and gives about a hundred."""
    samples: Annotated[int, Bounds(16, 4096)] = 128
    """Generated samples, and real items, that a check compares."""
    patience: Annotated[int, Bounds(2, 100)] = 3
    """Checks in a row that have to agree that training fails."""
    duality: Count = 0
    """Samples between two measurements of the duality gap, each of which takes as long as 40
    steps; 0 measures none."""
    early_stop: Annotated[float, Bounds(0, 1)] = 0.0
    """End training when the distance to held-out items has not improved for this share of the
    samples so far: 0.5 is usual; 0 never does."""


@dataclass(frozen=True)
class CheckpointSettings:
    """When the training state is saved."""

    minutes: Positive = 5.0
    """Save after so many minutes."""
    every: Count = 0
    """Save after so many samples as well; 0 does not."""
    keep: AtLeastOne = 2
    """Checkpoints to keep."""


@dataclass(frozen=True)
class LogSettings:
    """What is logged while training."""

    every: Count = 0
    """Samples between two lines of metrics.jsonl; 0 gives about a hundred lines."""
    preview: Count = 0
    """Samples between two previews; 0 gives about ten."""
    preview_count: AtLeastOne = 100
    """Items in a preview."""
    verdict: Count = 400
    """Samples that are generated and scored when training is done, in at most 5 % of its time; 0
    scores none."""


@dataclass(frozen=True)
class EngineSettings:
    """The engine's sections, as they stand in run.toml."""

    train: TrainSettings = field(default_factory=TrainSettings)
    warm_up: WarmUpSettings = field(default_factory=WarmUpSettings)
    loss: LossSettings = field(default_factory=LossSettings)
    penalty: PenaltySettings = field(default_factory=PenaltySettings)
    optim: OptimSettings = field(default_factory=OptimSettings)
    ema: EmaSettings = field(default_factory=EmaSettings)
    resampling: ResamplingSettings = field(default_factory=ResamplingSettings)
    augment: AugmentSettings = field(default_factory=AugmentSettings)
    data: DataSettings = field(default_factory=DataSettings)
    privacy: PrivacySettings = field(default_factory=PrivacySettings)
    transfer: TransferSettings = field(default_factory=TransferSettings)
    guard: GuardSettings = field(default_factory=GuardSettings)
    checkpoint: CheckpointSettings = field(default_factory=CheckpointSettings)
    log: LogSettings = field(default_factory=LogSettings)

    @property
    def gammas(self) -> tuple[Scheduled | Literal["auto"], Scheduled | Literal["auto"]]:
        """The weights of R1 and of R2: each its own, or else ``penalty.gamma``."""
        gamma: Scheduled | Literal["auto"] | None = self.penalty.gamma
        if gamma is None:
            other = ever_positive(self.loss.gradient_penalty) or self.loss.extra
            gamma = 0.0 if other or self.privacy.epsilon else AUTO
        own = self.loss.r1, self.loss.r2
        r1, r2 = (gamma if weight is None else weight for weight in own)
        return r1, r2

    @property
    def adapts_gamma(self) -> bool:
        """Whether R1 or R2 has a weight that training adapts."""
        return AUTO in self.gammas

    @property
    def zero_centred(self) -> bool:
        """Whether R1 or R2 is there at any time."""
        return any(gamma == AUTO or ever_positive(gamma) for gamma in self.gammas)
