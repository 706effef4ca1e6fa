"""All that a plugin author implements, on one page.

A *modality* is how somebody's files become tensors and back. A plugin knows its modality and
nothing of training; the engine knows tensors and nothing of the modality. What passes between
them is defined here:

    files --read--> items --encode, prepare--> Batch --engine--> Batch --decode--> items --write-->

Shapes: ``N`` is the batch axis; one encoded sample has ``Layout.shape`` and no batch axis.
Torch is imported for its types only, so importing this module costs nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from gankit.errors import GankitError, did_you_mean

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn

PLUGIN_API = 1
"""The version of this contract. A plugin states the one it was written for."""
OLDEST_PLUGIN_API = 1
"""The oldest one that this gankit still takes."""

Item = TypeVar("Item")

Progress = Callable[[str, int, int], None]
"""``progress(what, done, total)``: called now and then during slow work; total 0 is unknown."""


# --- What a plugin says of itself, without importing anything heavy -----------------------------


@dataclass(frozen=True)
class PluginInfo:
    """The record that a plugin yields from the hook ``gankit_modalities``."""

    name: str
    """What the user types after ``--plugin``."""
    summary: str
    """One line for ``gankit plugins list``."""
    target: str
    """Where the :class:`Modality` lives, as ``"package.module:Class"``; imported on first use."""
    api: int = 1
    """The contract's version the plugin was written for: one that says nothing means the first."""
    suffixes: tuple[str, ...] = ()
    """File endings that the modality reads, with the dot."""
    recipes: str = ""
    """The package that holds ``*.toml`` recipes, as ``"package.recipes"``."""
    default_recipe: str = "default"
    """The recipe used when the user names none."""
    data_recipe: str = ""
    """The one used when the user names none but brings data; ``default_recipe`` when empty."""


# --- What one sample looks like to the engine ---------------------------------------------------


@dataclass(frozen=True)
class Classes:
    """A condition that is one of several named classes; one-hot in ``c``."""

    name: str
    values: tuple[str, ...]
    optional: bool = False
    """Whether it may be left open: its block in ``c`` is then all zeros."""

    @property
    def width(self) -> int:
        return len(self.values)

    def encode(self, value: object) -> list[float]:
        """The one-hot block of a class.

        Raises:
            GankitError: there is no such class.
        """
        if str(value) not in self.values:
            raise GankitError(
                f"{self.name}={value}: the data has no such {self.name}",
                f"It has {', '.join(self.values)}"
                if len(self.values) <= 20
                else did_you_mean(str(value), self.values),
            )
        return [float(str(value) == known) for known in self.values]

    def decode(self, block: Sequence[float]) -> str:
        return self.values[max(range(len(self.values)), key=block.__getitem__)]


@dataclass(frozen=True)
class Quantity:
    """A condition that is a named number, standardised in ``c`` as ``(value - mean) / scale``."""

    name: str
    mean: float = 0.0
    scale: float = 1.0

    @property
    def width(self) -> int:
        return 1

    def encode(self, value: object) -> list[float]:
        """The standardised value.

        Raises:
            GankitError: ``value`` is not a number.
        """
        try:
            return [(float(str(value)) - self.mean) / self.scale]
        except ValueError:
            raise GankitError(
                f"{self.name}={value}: not a number", f"{self.name} takes one"
            ) from None

    def decode(self, block: Sequence[float]) -> float:
        return block[0] * self.scale + self.mean


@dataclass(frozen=True)
class Condition:
    """What generation can be asked for: named fields, laid side by side in ``c``."""

    fields: tuple[Classes | Quantity, ...]

    @property
    def width(self) -> int:
        return sum(f.width for f in self.fields)

    def encode(self, values: Mapping[str, object]) -> list[float]:
        """A row of ``c`` from a value for every field."""
        return [number for f in self.fields for number in f.encode(values[f.name])]

    def decode(self, row: Sequence[float]) -> dict[str, str | float]:
        """The named values of a row of ``c``."""
        named: dict[str, str | float] = {}
        for f, block in self.blocks():
            if not (isinstance(f, Classes) and f.optional and not any(row[block])):
                named[f.name] = f.decode(row[block])
        return named

    def blocks(self) -> Iterable[tuple[Classes | Quantity, slice]]:
        """Each field with the slice of ``c`` that it occupies."""
        start = 0
        for f in self.fields:
            yield f, slice(start, start + f.width)
            start += f.width

    def field(self, name: str) -> tuple[Classes | Quantity, slice]:
        """A field by its name.

        Raises:
            GankitError: the run does not condition on it.
        """
        for f, block in self.blocks():
            if f.name == name:
                return f, block
        raise GankitError(
            f"this run is not conditioned on {name!r}",
            did_you_mean(name, [f.name for f in self.fields]),
        )


@dataclass(frozen=True)
class Layout:
    """One encoded sample: its shape without the batch axis, and what it is conditioned on."""

    shape: tuple[int, ...]
    condition: Condition | None = None


@dataclass
class Batch:
    """Encoded samples ``x`` of shape ``(N, *shape)`` and conditions ``c`` of ``(N, width)``."""

    x: Tensor
    c: Tensor | None = None

    def __len__(self) -> int:
        return int(self.x.shape[0])

    def __getitem__(self, index: Tensor | slice) -> Batch:
        return Batch(self.x[index], None if self.c is None else self.c[index])

    def to(self, device: Any) -> Batch:
        return Batch(
            self.x.to(device, non_blocking=True),
            None if self.c is None else self.c.to(device, non_blocking=True),
        )


@dataclass
class Networks:
    """What the engine trains. The modules are built on the CPU in float32."""

    generator: nn.Module
    """``(z (N, latent_dim), c (N, width) | None) -> x (N, *shape)``; deterministic in its input."""
    discriminator: nn.Module
    """``(x (N, *shape), c | None) -> logits (N,)``; unbounded, no sigmoid."""
    latent_dim: int
    """Width of ``z ~ N(0, I)``."""
    augment: Callable[[Tensor, Tensor], Tensor] | None = None
    """``(x, p) -> x``: differentiable augmentation of D's input with probability p (0-d tensor)."""
    generator_terms: Mapping[str, Callable[[Tensor, Tensor | None], Tensor]] = field(
        default_factory=dict
    )
    """Further terms ``(fake, c) -> scalar`` of the generator's loss, by the name they log under."""
    samples_interact: bool = False
    """Whether D's logit of a sample depends on the rest of its batch (batch normalisation,
    minibatch statistics). Reals and fakes then go through D separately."""


# --- What a plugin implements -------------------------------------------------------------------


@dataclass(frozen=True)
class Problem:
    """A file, row or entry that could not be used, and why."""

    where: str
    why: str


@dataclass
class Source(Generic[Item]):
    """What :meth:`Modality.read` found."""

    items: Sequence[Item]
    """Lazy where it matters: the engine uses ``len()`` and ``[i]`` only; and
    ``__getitems__([i, …])``, for a sequence that gives many at once more quickly."""
    fingerprint: str
    """A hash of the data: the same files give the same one, wherever they lie."""
    description: str = ""
    """One line for the run's record: format, count, classes."""
    licence: str = ""
    """What is known of the data's licence."""
    problems: Sequence[Problem] = ()
    """What was left out, one entry each."""


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
    block: int = 64
    """Items that are generated together. More is faster where a sample is small."""
    tolerance: float = 0.05
    """How far decoding and encoding may move a sample, as root mean square in units of the encoded
    data's standard deviation: more where the codec loses something by design."""
    learnt: bool = False
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

    def judged(self, batch: Batch, seeds: Sequence[int] | None = None) -> Batch:
        """What the density ratio of real and generated samples is a function of (setting
        ``refine.candidates``): float32 ``x`` of the layout's shape, and ``c``; on its device.

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

    def ask(self, where: Mapping[str, object], seeds: Sequence[int]) -> Tensor | None:
        """Rows of ``c`` for what is asked, one a seed and drawn from it; for codecs whose
        conditions say more than a value a field.

        None leaves it to the core: what is not asked is then drawn from the training rows.

        Raises:
            GankitError: there is no such field or value.
        """
        return None

    def conditions_of(self, x: Tensor) -> Tensor | None:
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

    def beside(self, real: Sequence[Item]) -> None:
        """From now on items will stand in one data set with these real ones: what must be unique,
        such as a key, has to differ from theirs.
        """

    def describe(self) -> Sequence[Mapping[str, str]]:
        """What was found out of the data, for a person to check: a line for each part of an item
        (a table's column), the same few names in each. Shown before training, and kept.
        """
        return ()


@dataclass(frozen=True)
class Sample(Generic[Item]):
    """A generated item with its own seed and the condition it was made for; or a real one, among
    generated ones in an augmented data set.
    """

    item: Item
    seed: int
    condition: Mapping[str, str | float]
    real: bool = False
    """It came from the user's data; ``seed`` then means nothing."""


@dataclass(frozen=True)
class Provenance:
    """What every generated file says of itself. Written by the core, carried by the plugin."""

    software: str
    """Name and version of the program."""
    run: str
    """Name of the run."""
    created: str
    """UTC, ISO 8601."""
    source_type: str
    """IPTC digital source type, a URI."""
    between: tuple[int, int] | None = None
    """The seeds between which the items were interpolated, if they were."""

    def text(self) -> dict[str, str]:
        """The statement as short key-value pairs, for formats with text metadata."""
        way = f", between seeds {self.between[0]} and {self.between[1]}" if self.between else ""
        return {
            "Software": self.software,
            "Source": f"generated by {self.software}, run {self.run}{way}",
            "DigitalSourceType": self.source_type,
            "CreationTime": self.created,
        }


class Extractor(ABC, Generic[Item]):
    """Features under which distances between data sets are measured."""

    name: str
    """Scores carry it: ``frechet/<name>``."""
    fingerprint: str
    """A hash of the weights or of the recipe that draws them."""
    aliases: Mapping[str, str] = {}
    """Established names of a score with this very extractor, as ``{"frechet": "fid"}``."""

    @abstractmethod
    def features(self, items: Sequence[Item]) -> np.ndarray[Any, Any]:
        """Float64 features of shape ``(N, D)``."""

    def takes(self, item: Item) -> bool:
        """Whether an item has features at all, which what is no valid item may lack: distances
        are then over the others, and no such item enters an augmented data set.
        """
        return True


@dataclass
class EvaluationData(Generic[Item]):
    """What an :class:`Evaluator` compares."""

    generated: Sequence[Sample[Item]]
    train: Sequence[Item]
    heldout: Sequence[Item]
    """Real items that training never saw."""


class Evaluator(ABC, Generic[Item]):
    """Scores of a modality's own, beyond distances between features."""

    name: str
    fingerprint: str = ""
    """A hash of whatever the scores depend on besides the data, if there is such a thing."""

    @abstractmethod
    def evaluate(self, data: EvaluationData[Item], rng: np.random.Generator) -> dict[str, float]:
        """Named scores, or an empty mapping where they do not apply."""


class Learner(ABC, Generic[Item]):
    """The standard model of a modality, to measure what augmentation is worth."""

    remedies: Sequence[str] = ()
    """The usual alternatives to generated items, by name: class weights, oversampling, flips."""

    @abstractmethod
    def scores(
        self, train: Sequence[Item], test: Sequence[Item], key: str, remedy: str, seed: int
    ) -> dict[str, float]:
        """Trains on ``train`` and tests on ``test``.

        Args:
            key: what to predict, one of :meth:`Modality.values`.
            remedy: one of ``remedies``; empty for none.
            seed: of whatever is drawn.

        Returns:
            Scores of which higher ones are better; none where the remedy does not apply to the key.

        Raises:
            GankitError: the key cannot be predicted.
        """


@dataclass(frozen=True)
class NoSettings:
    """For modalities without settings."""


class Modality(ABC, Generic[Item]):
    """What a plugin supplies: a data module, networks and evaluators."""

    Settings: type = NoSettings
    """A frozen dataclass with defaults; the docstring under each field is shown to the user."""
    formats: Sequence[str] = ("folder",)
    """What :meth:`write` can write; the first is the default."""
    adjustable: Sequence[str] = ()
    """Settings that can be given again at generation, for they concern only how a codec decodes:
    :meth:`load_codec` then has the new ones."""
    source_type: str = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    """The IPTC digital source type of what the modality generates."""

    @abstractmethod
    def read(self, source: object | None, settings: Any, progress: Progress) -> Source[Item]:
        """The items of a data set.

        Args:
            source: a path, an object in memory (``gankit.fit``), or None for the small real data
                set that comes with the plugin.

        Raises:
            GankitError: nothing usable there; the message names the path.
        """

    @abstractmethod
    def fit_codec(self, items: Sequence[Item], settings: Any, progress: Progress) -> Codec[Item]:
        """The codec for these items, learnt from them where need be."""

    @abstractmethod
    def load_codec(self, state: CodecState, settings: Any) -> Codec[Item]:
        """The codec that :meth:`Codec.state` described. Executes nothing from the run."""

    @abstractmethod
    def build_networks(self, layout: Layout, settings: Any) -> Networks:
        """Freshly initialised networks, drawn from torch's default generator."""

    def evaluators(self, settings: Any) -> Sequence[Extractor[Item] | Evaluator[Item]]:
        """Extractors and scores, the default ones first."""
        return ()

    def rivals(
        self, train: Sequence[Item], settings: Any, n: int, seed: int, progress: Progress
    ) -> Mapping[str, Sequence[Item]]:
        """Items of simpler models, which evaluation scores beside the generated ones: what a
        generator has to beat. Called at each evaluation; train one only if ``settings`` ask for it,
        and make as many attempts at a valid item as the generator does, for what no extractor takes
        makes every column's distances those of fewer items.

        Args:
            train: the items to train on.
            settings: the run's with what was given again; of a folder of files, only the latter.
            n: how many items to make with each model.
            seed: decides them.

        Returns:
            ``n`` items by the model's name, which heads its column: not ``gaussian`` or
            ``reconstruction``, which a learnt codec has.
        """
        return {}

    @abstractmethod
    def write(
        self, samples: Iterable[Sample[Item]], target: Path, provenance: Provenance, format: str
    ) -> Mapping[str, int] | None:
        """Writes generated items below the new, empty folder ``target``.

        ``samples`` may be a long stream: write as it comes. Every file carries
        ``provenance.text()`` in its format's own metadata.

        Returns:
            What is worth counting among the generated ones, as ``{"valid": 9}``: whole numbers,
            said as "9 valid" and kept with the record; or None.
        """

    @abstractmethod
    def preview(self, items: Sequence[Item], target: Path) -> Path:
        """Something to look at, written to ``target`` plus a suffix; returns the file.

        The items are generated ones, and the file says so where its format can. A self-contained
        page of the same name and ``.html`` may stand beside it; reports show that one.
        """

    def preview_beside(self, items: Sequence[Item], real: Sequence[Item], target: Path) -> Path:
        """The same with training items beside the generated ones, where that helps to judge.

        ``real`` may be long, and lazy: take some of it.
        """
        return self.preview(items, target)

    mixes: bool = False
    """Whether :meth:`write` heeds ``Sample.real``, so that it can write an augmented data set."""

    def values(self, item: Item) -> Mapping[str, object]:
        """An item's named values, such as its label: what a data set is balanced by."""
        return {}

    def learner(self, settings: Any) -> Learner[Item] | None:
        """The model that measures what augmentation is worth, where there is one."""
        return None

    def animate(self, previews: Sequence[Path], target: Path) -> Path | None:
        """The previews of one training run as a short film, or None."""
        return None
