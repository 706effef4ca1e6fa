"""The modality: what a plugin implements. Start reading here.

A modality is stateless: every method gets all that it needs, and two codecs can be used in turns.
:class:`Modality` is what every plugin implements; the protocols below it are optional capabilities.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, runtime_checkable

from gankit.contract.codec import Codec, CodecState, Fitting
from gankit.contract.data import Dataset, Item, Progress, Provenance, Rendering, Sample
from gankit.contract.evaluation import DownstreamModel, Evaluator, Extractor
from gankit.contract.networks import Networks


@dataclass(frozen=True)
class NoSettings:
    """For modalities without settings."""


@dataclass(frozen=True)
class Written:
    """What :meth:`Modality.write` counted, and what is wrong with it."""

    counts: Mapping[str, int]
    """What is worth counting among the generated items, as ``{"valid": 9}``: integers, shown as "9
    valid" and stored with the record."""
    warnings: Sequence[str] = ()
    """Poor results, one sentence each with what to do: most items invalid, repeats, copies of
    training items. Shown, and stored with the record."""


class Modality(ABC, Generic[Item]):
    """Reading and writing, a codec, networks and evaluators."""

    Settings: type = NoSettings
    """A frozen dataclass with defaults; the docstring under each field is shown to the user, and
    ``Annotated[int, Bounds(...)]`` gives its range."""
    formats: Sequence[str] = ("folder",)
    """Formats that :meth:`write` knows; the first is the default."""
    sampling_settings: Sequence[str] = ()
    """Settings that only affect decoding, so that they can be overridden when generating:
    :meth:`load_codec` then gets the new values."""
    network_settings: Sequence[str] = ()
    """Settings that :meth:`build_networks` depends on: a run that starts from another one's weights
    (``--from``) has the other's, unless they are given."""
    transfers_from: Sequence[str] = ()
    """Names of other plugins whose runs a run may start from (``--from``): networks whose weights
    fit by name and shape, on samples with the same values, with :attr:`network_settings` of the
    same names that mean the same."""
    shows_real_items: bool = False
    """Whether a report may show single training items, as :meth:`render` does, beside the samples
    that they are nearest to. Never those of private runs; never rows of tables."""
    source_type: str = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    """The IPTC digital source type of generated items."""
    hub_task: str = ""
    """The task of the Hugging Face hub that a generator performs, for its model card; empty where
    none fits."""

    @abstractmethod
    def read(self, source: object | None, settings: Any, progress: Progress) -> Dataset[Item]:
        """Reads a data set.

        Args:
            source: a path, an object in memory (``gankit.fit``), or None for the small real data
                set that comes with the plugin.

        Raises:
            GankitError: nothing usable there; the message names the path.
        """

    @abstractmethod
    def fit_codec(self, items: Sequence[Item], settings: Any, fitting: Fitting) -> Codec[Item]:
        """The codec for these items, fitted to them where necessary. Its time counts against the
        user's budget: see :class:`Fitting`."""

    @abstractmethod
    def load_codec(self, state: CodecState, settings: Any) -> Codec[Item]:
        """The codec that :meth:`Codec.state` described. Executes nothing from the run."""

    @abstractmethod
    def build_networks(self, codec: Codec[Item], settings: Any) -> Networks:
        """Freshly initialised networks, drawn from torch's default generator."""

    def evaluators(
        self, codec: Codec[Item] | None, settings: Any
    ) -> Sequence[Extractor[Item] | Evaluator[Item]]:
        """Extractors and evaluators, the default ones first.

        Args:
            codec: the run's; None where a folder of generated files without its run is scored.
        """
        return ()

    @abstractmethod
    def write(
        self,
        samples: Iterable[Sample[Item]],
        target: Path,
        codec: Codec[Item],
        provenance: Provenance,
        format: str,
    ) -> Mapping[str, int] | Written | None:
        """Writes generated items below the new, empty folder ``target``.

        ``samples`` may be a long stream: write as it comes. Every file carries
        ``provenance.text()`` in its format's own metadata.

        Returns:
            What is worth counting among the generated items, as ``{"valid": 9}``, with warnings of
            poor results as :class:`Written`; or None.
        """

    @abstractmethod
    def render(self, item: Item, codec: Codec[Item] | None) -> Rendering:
        """One item to look at or to listen to, for galleries and reports, generated or real.

        Args:
            codec: the run's; None for files without their run.
        """

    @abstractmethod
    def preview(
        self, items: Sequence[Item], codec: Codec[Item] | None, real: Sequence[Item] = ()
    ) -> Rendering:
        """A picture of many generated items, marked as synthetic where its format allows.

        Args:
            codec: the run's; None for files without their run.
            real: training items to show next to them where that helps; may be long and lazy, so
                take a few. Empty for private runs.
        """


# --- Optional capabilities ----------------------------------------------------------------------


@runtime_checkable
class Augmentable(Protocol):
    """For ``gankit augment``: :meth:`Modality.write` then also writes samples whose ``real`` is
    set, just as they were read."""

    def attributes(self, item: Any) -> Mapping[str, object]:
        """An item's named values, such as its label: what a data set is balanced by."""

    def downstream_model(self, settings: Any) -> DownstreamModel[Any] | None:
        """The model that measures what augmentation is worth; None where there is none."""


@runtime_checkable
class Converts(Protocol):
    """For modalities whose items can become what other libraries take: ``gankit.fit`` returns a
    run whose samples then have ``.to_numpy()`` and so on."""

    conversions: Sequence[str]
    """Which of ``numpy`` (one array), ``torch`` (one tensor), ``pil`` (a list of Pillow images) and
    ``dataframe`` (a pandas data frame). An array of numbers is also converted to a tensor."""

    def convert(self, items: Sequence[Any], to: str, codec: Codec[Any] | None) -> Any:
        """Items, real or generated, as ``to``, one of ``conversions``.

        Libraries such as pandas are imported here; a missing one is reported with its name.

        Args:
            codec: the run's; None for items without a run.
        """


@runtime_checkable
class AvoidsBackbones(Protocol):
    """For modalities whose extractors are pretrained networks that a discriminator may be built on:
    a generator that learned to satisfy a network's features looks better in these features than to
    people (Kynkäänniemi et al. 2023, arXiv 2203.06026)."""

    def evaluators_without(
        self, codec: Codec[Any] | None, settings: Any, backbones: frozenset[str]
    ) -> Sequence[Extractor[Any] | Evaluator[Any]]:
        """As :meth:`Modality.evaluators`, with others by default than those of these networks.

        Those that the settings name are used all the same, and the scores of those with one of the
        backbones are marked.

        Args:
            backbones: those of :attr:`Networks.backbones`; may be empty.
        """


@runtime_checkable
class ReadsItems(Protocol):
    """For modalities that can read single items, where a data set has to have more."""

    def read_items(self, source: object, settings: Any) -> Dataset[Any]:
        """One item or a few, in the order of their names, as they are: :meth:`Codec.encode` brings
        them to the run's form.

        Args:
            source: a file, a folder or an object in memory.
            settings: the run's.

        Raises:
            GankitError: nothing usable there, or one item that is not; the message names it.
        """


@runtime_checkable
class ReadsRemote(Protocol):
    """For modalities that can read data at an address as it is needed, without a copy of it."""

    def read_remote(self, source: Any, settings: Any, progress: Progress) -> Dataset[Any]:
        """As :meth:`Modality.read`. Items are read at access, and their content is not part of the
        fingerprint: that is of names, sizes and versions.

        Args:
            source: a :class:`gankit.kit.remote.Remote`.

        Raises:
            GankitError: nothing usable there, or it cannot be read in parts.
        """


@runtime_checkable
class Imputes(Protocol):
    """For modalities whose items can lack parts, which ``gankit impute`` fills; their codec
    :class:`~gankit.contract.FillsGaps`."""

    def read_incomplete(self, source: object, settings: Any, progress: Progress) -> Dataset[Any]:
        """Items with gaps, all of them, with all that they have: also what training leaves out.

        Raises:
            GankitError: nothing usable there, something that would be skipped, or items of a kind
                that cannot be filled.
        """

    def write_imputed(
        self,
        samples: Iterable[Sample[Any]],
        target: Path,
        codec: Codec[Any],
        provenance: Provenance,
        format: str,
        mark: bool,
    ) -> None:
        """As :meth:`Modality.write`, items as they were read with their gaps filled.

        Args:
            mark: whether each item states what was filled (:attr:`Sample.filled`).
        """


@runtime_checkable
class HasBaselines(Protocol):
    """For modalities that bring simpler models than the generator, for comparison."""

    def baselines(
        self, train: Sequence[Any], settings: Any, n: int, seed: int, progress: Progress
    ) -> Mapping[str, Sequence[Any]]:
        """Items generated by simpler models, which evaluation scores in columns of their own.

        Called at each evaluation; train a model only if ``settings`` request it, and make as many
        attempts at a valid item as the generator does: items that no extractor accepts leave every
        column's distances with fewer items.

        Args:
            train: the items to train on.
            settings: the run's, with overrides; for a folder of files, only the latter.
            n: items per model.
            seed: decides them.

        Returns:
            ``n`` items by the model's name, which heads its column: not ``gaussian`` or
            ``reconstruction``, which are taken.
        """


@dataclass(frozen=True)
class WatermarkSearch:
    """What a detector found in one file."""

    score: float
    """In standard deviations of what an unmarked item gives."""
    threshold: float
    """The score from which on it counts as marked."""
    measured: str = ""
    """How often the detector is wrong, in words: "0 of 2,000 unmarked pictures reach it"."""


@runtime_checkable
class Watermarks(Protocol):
    """For modalities whose items can carry an imperceptible mark, which only who has the key can
    find; see :mod:`gankit.kit.watermarks`."""

    def watermark(self, item: Any, key: bytes) -> Any:
        """The same item with the mark; the same one each time.

        Raises:
            GankitError: the item cannot carry one, such as one that is too small.
        """

    def find_watermark(self, content: bytes, key: bytes) -> WatermarkSearch | None:
        """What there is of the mark in a file, whoever wrote it.

        Args:
            content: of the file.

        Returns:
            None where that is no file of the modality, or one that cannot carry a mark.
        """
