"""The codec: how items become tensors of one shape, and back.

:class:`Codec` is what every plugin implements. The protocols below it are optional capabilities: a
codec has one by having its method. Derive from the protocol too, so that a type checker compares
the signatures.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, runtime_checkable

from gankit.contract.conditions import Categorical, ConditionInput
from gankit.contract.data import Batch, Item, Layout, Progress, quiet

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


@dataclass
class CodecState:
    """A codec as it is stored with the run: JSON and tensors, never code."""

    config: dict[str, Any]
    tensors: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Fitting:
    """What :meth:`Modality.fit_codec` may use and has to respect.

    A codec that is itself trained runs on the user's clock: it ends when ``time_left()`` approaches
    0, and saves its progress in ``cache`` and returns when ``stopped()`` is true. The core then
    ends the command; the next one continues from the cache.
    """

    progress: Progress = quiet
    time_left: Callable[[], float] = lambda: float("inf")
    """Seconds that remain for the codec, a share of ``--time``; infinite without a time limit."""
    stopped: Callable[[], bool] = lambda: False
    """Whether the user has asked to stop (Ctrl-C)."""
    cache: Path | None = None
    """A folder of this plugin's own that outlives the run; None where nothing may be kept."""
    seed: int = 0
    """Of whatever is drawn while fitting; torch's default generator is seeded with it too."""

    def rng(self) -> np.random.Generator:
        """A fresh numpy generator from the seed."""
        import numpy as np

        return np.random.default_rng(self.seed)


class Codec(ABC, Generic[Item]):
    """How items become tensors and back."""

    layout: Layout
    deterministic: bool = True
    """Whether :meth:`encode` gives the same tensors each time. The engine then encodes each item
    once and keeps the result; otherwise it encodes again at every visit."""
    decode_batch_size: int = 64
    """Samples that are generated and decoded together. More is faster where a sample is small."""
    tolerance: float = 0.05
    """How far decoding and encoding may move a sample, as root mean square in units of the encoded
    data's standard deviation: more where the codec is lossy by design."""
    is_learned: bool = False
    """Whether decoding is done by a trained model. Evaluation then also scores the codec alone: a
    Gaussian fitted to the encoded data, and held-out items encoded and decoded."""
    is_absolute: bool = False
    """Whether encoded samples mean the same whichever items the codec was fitted to, as pixels do.
    A run that starts from another one's weights (``--from``) then fits its own codec; otherwise it
    keeps the other's, where its data fit that."""

    several_files: bool = False
    """Whether generated items are several files in every format, each with a part of all of them:
    they are then written to a folder or an archive, never to one file."""

    @abstractmethod
    def encode(self, items: Sequence[Item], rng: np.random.Generator) -> Batch:
        """Items as tensors in storage form: any dtype, as small as possible, on the CPU."""

    def prepare(self, batch: Batch) -> Batch:
        """Storage form to the discriminator's input: float32 ``(N, *layout.shape)``, on the
        batch's device.

        Runs at every step. Random views (a mirror image, a crop) belong here and draw from
        torch's default generator.
        """
        return batch

    @abstractmethod
    def decode(
        self, batch: Batch, seeds: Sequence[int], where: Mapping[str, object] | None = None
    ) -> Sequence[Item]:
        """Generated tensors as items; the inverse of ``prepare(encode(...))``. Where items are
        small, a sequence that makes them as it is iterated over costs less than a list.

        Args:
            batch: the generator's output, float32 on the CPU.
            seeds: one per sample; whatever is drawn for a sample is drawn from its seed, so that
                an item does not depend on its neighbours.
            where: the conditions that were requested, by name. A codec whose ``c`` expresses them
                only approximately makes them exact here.
        """

    @abstractmethod
    def state(self) -> CodecState:
        """All that :meth:`Modality.load_codec` needs."""


# --- Optional capabilities ----------------------------------------------------------------------


@runtime_checkable
class SamplesConditions(Protocol):
    """For codecs whose conditions are more than a value per field."""

    def sample_conditions(self, where: Mapping[str, object], seeds: Sequence[int]) -> Tensor | None:
        """Rows of ``c`` for the requested conditions, one per seed and drawn from it.

        None falls back to the default: what is not requested is drawn from training rows.

        Raises:
            GankitError: there is no such field or value.
        """


@runtime_checkable
class ProposesConditions(Protocol):
    """For codecs whose conditions follow from the samples, and whose generator has a likelihood
    (:attr:`Networks.likelihood`): the core then meets requests exactly, by choosing among
    candidates.
    """

    def propose_conditions(
        self, where: Mapping[str, object], seeds: Sequence[int], candidate: int
    ) -> tuple[Tensor, Tensor]:
        """Rows of ``c`` for the requested conditions, (N, width), one for each seed and candidate;
        zeros where nothing is requested. And the logarithm of the probability with which each was
        drawn, (N,).

        Raises:
            GankitError: there is no such field or value.
        """

    def matches(self, batch: Batch, seeds: Sequence[int], where: Mapping[str, object]) -> Tensor:
        """Which generated samples decode to items that have what is requested, or so nearly that it
        can be inserted, flags of (N,).
        """

    def share(self, where: Mapping[str, object]) -> float:
        """About the share of items that have what is requested: the product of each condition's.

        Raises:
            GankitError: there is no such field or value.
        """


@runtime_checkable
class InfersConditions(Protocol):
    """For codecs whose conditions follow from the samples themselves."""

    def infer_conditions(self, x: Tensor) -> Tensor:
        """Rows of ``c`` that samples ``x (N, *shape)`` could have been generated with, drawn as
        :meth:`Codec.prepare` draws them for real samples, from torch's default generator.

        Under differential privacy the generator is trained on the conditions of its own samples,
        since those of real ones may not reach it.
        """


@runtime_checkable
class EncodesConditions(Protocol):
    """For codecs that know an item's conditions without its content, which may be far away."""

    def encode_conditions(self, items: Sequence[Any]) -> Tensor:
        """The ``c`` of :meth:`Codec.encode`, ``(N, width)``; reads no content."""


@runtime_checkable
class EncodesTargets(Protocol):
    """For codecs whose :meth:`Codec.prepare` draws (mirror images, noise), or whose
    :meth:`Codec.encode` refuses items without conditions."""

    def encode_targets(self, items: Sequence[Any]) -> Tensor:
        """Items as samples to reconstruct: ``(N, *layout.shape)``, float32 on the CPU, as
        :meth:`Codec.prepare` gives them but without anything random; they may lack what the run is
        conditioned on."""


@runtime_checkable
class TransformsDensityRatioInput(Protocol):
    """For codecs that lose much when decoding: two tensors can then differ in ways that no item
    shows."""

    def density_ratio_input(self, batch: Batch, seeds: Sequence[int] | None = None) -> Batch:
        """What the density ratio of real and generated samples is estimated on (setting
        ``resampling.candidates``): float32 ``x`` of the layout's shape, and ``c``; on the batch's
        device. Best for generated samples is what :meth:`Codec.encode` gives for the items that
        they decode to.

        Args:
            batch: real samples in storage form, or generated ones.
            seeds: with which generated samples will be decoded; None for real ones.
        """


@runtime_checkable
class ComparesSamples(Protocol):
    """For codecs whose encoded values are no good to compare samples by: of two waveforms that
    sound the same, one may be the other's negative."""

    def comparable(self, batch: Batch) -> Tensor:
        """Float32 features (N, D) in which nearness means likeness; on the batch's device.

        A run's guard compares generated with real samples in them, some hundred at a time and a
        hundred times: they should be cheap. By default, the values of the samples.

        Args:
            batch: prepared real samples, or generated ones.
        """


@runtime_checkable
class Describes(Protocol):
    """For codecs that infer something from the data that a person should check."""

    def describe(self) -> Sequence[Mapping[str, str]]:
        """What was inferred: a row per part of an item (a table's column), all with the same few
        keys. Shown before training, and stored with the run."""


@runtime_checkable
class ReservesKeys(Protocol):
    """For codecs that generate unique keys."""

    def reserve(self, real: Sequence[Any]) -> None:
        """Generated items will share a data set with these real ones: from now on, what must be
        unique differs from theirs."""


@dataclass(frozen=True)
class Gaps:
    """Which named parts items lack."""

    names: Sequence[str]
    missing: np.ndarray[Any, np.dtype[np.bool_]]
    """(N, names)."""


@dataclass(frozen=True)
class Completed(Generic[Item]):
    """Items whose gaps are filled from generated samples."""

    items: Sequence[Item]
    x: Tensor
    """The items encoded, ``(N, *shape)``, float32 on the CPU."""
    drawn: Tensor
    """Which parts of a sample (see :attr:`Networks.part_likelihood`) the items have as they were
    generated, and not from what was observed; flags of (N, parts)."""
    valid: Tensor
    """Which items have no gap left, and can be; flags of (N,)."""


@runtime_checkable
class FillsGaps(Protocol):
    """For codecs whose items can lack parts, and whose generator has a likelihood part by part: the
    core fills gaps by choosing among candidates, each generated given what was observed."""

    def match(self, items: Sequence[Any]) -> Conformed[Any]:
        """Items with gaps, in their order, in the form of the training data: those that the other
        methods take.

        Raises:
            GankitError: they lack a part altogether, or have one of another kind.
        """

    def gaps(self, items: Sequence[Any]) -> Gaps:
        """What the items lack.

        Raises:
            GankitError: nothing was learned by which it could be filled; the message names it.
        """

    def observed(self, items: Sequence[Any]) -> Tensor:
        """Rows of ``c`` for what the items have, (N, width); where one of several values is
        possible, these."""

    def complete(
        self, items: Sequence[Any], batch: Batch, seeds: Sequence[int], draw: int
    ) -> Completed[Any]:
        """The items with their gaps filled from generated samples, all else as it was.

        Args:
            draw: the number of the imputation; whatever is drawn differs from another one's.
        """

    def insert(
        self, items: Sequence[Any], completed: Sequence[Any], gaps: Gaps, seeds: Sequence[int]
    ) -> Sequence[Any]:
        """Items as they were read, with the gaps that are marked filled; missing keys are made, and
        differ from those of the items that were last matched.

        Args:
            completed: those of the items that have a marked gap, in their order.
        """


@runtime_checkable
class ChecksSeeds(Protocol):
    """For codecs whose items are told apart by what runs out, such as unique keys: a process that
    makes a part of a data set does not see the rest."""

    def check_seeds(self, seeds: range, where: Mapping[str, object]) -> None:
        """Checks that items of all these seeds, and of those of earlier calls, can be in one data
        set.

        Raises:
            GankitError: there are too many.
        """


@runtime_checkable
class HasClasses(Protocol):
    """For codecs whose requestable classes are not those of the layout's condition."""

    def classes(self) -> Mapping[str, Sequence[str]]:
        """The values of each categorical condition, as they can be requested one by one and as
        attributes of items name them; in the order in which to generate them."""


@runtime_checkable
class ListsConditionInputs(Protocol):
    """For codecs whose requests are not those of the layout's condition, such as ranges."""

    def condition_inputs(self) -> Sequence[ConditionInput]:
        """How each condition can be requested, for the forms of ``gankit serve``. What is listed
        is shown to whoever opens the page: no value that few items have."""


@dataclass(frozen=True)
class Conformed(Generic[Item]):
    """Items of another data set in the form of the training data."""

    items: Sequence[Item]
    warnings: Sequence[str] = ()
    """What differed and was ignored, one sentence each."""


@runtime_checkable
class Conforms(Protocol):
    """For codecs whose items have a schema: names, types, units."""

    def conform(self, items: Sequence[Any], strict: bool) -> Conformed[Any]:
        """Checks another data set against the one the codec was fitted to, by name, wherever data
        meets a run: resuming, evaluating, augmenting.

        Args:
            strict: whether all that is in ``items`` must have a place in generated items, because
                both will share a data set.

        Raises:
            GankitError: something is missing or of another kind; the message names it.
        """


def conform(codec: Codec[Any], items: Sequence[Any], strict: bool = False) -> Conformed[Any]:
    """Items of another data set in the form of the codec's; as they are by default."""
    return codec.conform(items, strict) if isinstance(codec, Conforms) else Conformed(items)


def classes(codec: Codec[Any]) -> dict[str, list[str]]:
    """The values of each categorical condition; those of the layout's condition by default."""
    if isinstance(codec, HasClasses):
        return {name: list(values) for name, values in codec.classes().items()}
    fields = codec.layout.condition.fields if codec.layout.condition else ()
    return {f.name: list(f.values) for f in fields if isinstance(f, Categorical)}


def condition_inputs(codec: Codec[Any]) -> list[ConditionInput]:
    """How each condition can be requested. By default the layout's classes, and its numbers within
    three standard deviations of their mean.
    """
    if isinstance(codec, ListsConditionInputs):
        return list(codec.condition_inputs())
    fields = codec.layout.condition.fields if codec.layout.condition else ()
    listed = classes(codec)
    found = []
    for f in fields:
        if isinstance(f, Categorical):
            found.append(ConditionInput(f.name, tuple(listed.get(f.name, f.values))))
        else:
            reach = 3 * f.scale
            found.append(ConditionInput(f.name, low=f.mean - reach, high=f.mean + reach))
    return found


def density_ratio_input(
    codec: Codec[Any], batch: Batch, seeds: Sequence[int] | None = None
) -> Batch:
    """A codec's density-ratio input, or the discriminator's input by default."""
    if isinstance(codec, TransformsDensityRatioInput):
        return codec.density_ratio_input(batch, seeds)
    return codec.prepare(batch) if seeds is None else batch


def comparable(codec: Codec[Any], batch: Batch) -> Tensor:
    """A codec's features to compare samples by (N, D), or their values by default."""
    if isinstance(codec, ComparesSamples):
        return codec.comparable(batch)
    return batch.x.float().flatten(1)


def encode_targets(codec: Codec[Any], items: Sequence[Any]) -> Tensor:
    """Items as samples to reconstruct; by default as one draw of :meth:`Codec.prepare` gives them.

    Raises:
        GankitError: an item cannot be encoded.
    """
    import numpy as np
    import torch

    if isinstance(codec, EncodesTargets):
        return codec.encode_targets(items)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return codec.prepare(codec.encode(items, np.random.default_rng(0))).x


def describe(codec: Codec[Any]) -> list[dict[str, str]]:
    """What a codec describes; nothing by default."""
    return [dict(row) for row in codec.describe()] if isinstance(codec, Describes) else []


def sample_conditions(
    codec: Codec[Any], where: Mapping[str, object], seeds: Sequence[int]
) -> Tensor | None:
    """Rows of ``c`` that a codec samples itself; None where it leaves that to the default."""
    return codec.sample_conditions(where, seeds) if isinstance(codec, SamplesConditions) else None
