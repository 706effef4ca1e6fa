"""The modality: what a plugin implements. Start reading here."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic

from gankit.contract.codec import Codec, CodecState
from gankit.contract.data import Dataset, Item, Layout, Progress, Provenance, Sample
from gankit.contract.evaluation import DownstreamModel, Evaluator, Extractor
from gankit.contract.networks import Networks


@dataclass(frozen=True)
class NoSettings:
    """For modalities without settings."""


class Modality(ABC, Generic[Item]):
    """What a plugin supplies: a data module, networks and evaluators."""

    Settings: type = NoSettings
    """A frozen dataclass with defaults; the docstring under each field is shown to the user."""
    formats: Sequence[str] = ("folder",)
    """What :meth:`write` can write; the first is the default."""
    sampling_settings: Sequence[str] = ()
    """Settings that can be given again at generation, for they concern only how a codec decodes:
    :meth:`load_codec` then has the new ones."""
    source_type: str = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    """The IPTC digital source type of what the modality generates."""

    @abstractmethod
    def read(self, source: object | None, settings: Any, progress: Progress) -> Dataset[Item]:
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

    def baselines(
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

    def learner(self, settings: Any) -> DownstreamModel[Item] | None:
        """The model that measures what augmentation is worth, where there is one."""
        return None

    def animate(self, previews: Sequence[Path], target: Path) -> Path | None:
        """The previews of one training run as a short film, or None."""
        return None
