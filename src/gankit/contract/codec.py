"""The codec: how items become tensors of one shape, and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic

from gankit.contract.data import Batch, Item, Layout

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


@dataclass
class CodecState:
    """A codec as it is stored with the run: JSON and tensors, never code."""

    config: dict[str, Any]
    tensors: dict[str, Tensor] = field(default_factory=dict)


class Codec(ABC, Generic[Item]):
    """How items become tensors and back."""

    layout: Layout
    deterministic: bool = True
    """Whether :meth:`encode` gives the same tensors each time. The engine then encodes each item
    once and keeps the result; otherwise it encodes again at every visit."""
    decode_batch_size: int = 64
    """Items that are generated together. More is faster where a sample is small."""
    tolerance: float = 0.05
    """How far decoding and encoding may move a sample, as root mean square in units of the encoded
    data's standard deviation: more where the codec loses something by design."""
    is_learned: bool = False
    """Whether decoding is the work of a trained model. Evaluation then also shows what the codec
    alone makes: of a Gaussian fitted to the encoded data, and of held-out items encoded."""

    @abstractmethod
    def encode(self, items: Sequence[Item], rng: np.random.Generator) -> Batch:
        """Items as tensors in storage form: any dtype, as small as it can be, on the CPU."""

    def prepare(self, batch: Batch) -> Batch:
        """Storage form to what D sees: float32 ``(N, *layout.shape)``, on the batch's device.

        Runs at every step. Random views (a mirror image, a crop) belong here and draw from
        torch's default generator.
        """
        return batch

    def density_ratio_input(self, batch: Batch, seeds: Sequence[int] | None = None) -> Batch:
        """What the density ratio of real and generated samples is a function of (setting
        ``resampling.candidates``): float32 ``x`` of the layout's shape, and ``c``; on its device.

        Where decoding loses much, two tensors can differ in what no item shows. Then generated
        ones are best given as :meth:`encode` would give what they decode to.

        Args:
            batch: real samples in storage form, or generated ones.
            seeds: with which generated samples will be decoded; None for real ones.
        """
        return self.prepare(batch) if seeds is None else batch

    @abstractmethod
    def decode(self, batch: Batch, seeds: Sequence[int]) -> list[Item]:
        """Generated tensors as items; the inverse of ``prepare(encode(...))``.

        Args:
            batch: what the generator made, float32 on the CPU.
            seeds: one per sample; whatever is drawn for a sample is drawn from its seed, so that
                an item does not depend on its neighbours.
        """

    @abstractmethod
    def state(self) -> CodecState:
        """All that :meth:`Modality.load_codec` needs."""

    def sample_conditions(self, where: Mapping[str, object], seeds: Sequence[int]) -> Tensor | None:
        """Rows of ``c`` for what is asked, one a seed and drawn from it; for codecs whose
        conditions say more than a value a field.

        None leaves it to the core: what is not asked is then drawn from the training rows.

        Raises:
            GankitError: there is no such field or value.
        """
        return None

    def infer_conditions(self, x: Tensor) -> Tensor | None:
        """Rows of ``c`` by which samples ``x``, (N, shape), could have been asked for, drawn
        as :meth:`prepare` draws them for real ones, from torch's default generator.

        Under differential privacy the generator is trained on conditions of its own samples, since
        those of real ones may not reach it. None leaves it to what :meth:`ask` gives.
        """
        return None

    def settle(
        self, items: list[Item], where: Mapping[str, object], seeds: Sequence[int]
    ) -> list[Item]:
        """Decoded items with what was asked made exact, where ``c`` says it only roughly."""
        return items

    def reserve(self, real: Sequence[Item]) -> None:
        """From now on items will stand in one data set with these real ones: what must be unique,
        such as a key, has to differ from theirs.
        """

    def describe(self) -> Sequence[Mapping[str, str]]:
        """What was found out of the data, for a person to check: a line for each part of an item
        (a table's column), the same few names in each. Shown before training, and kept.
        """
        return ()
