"""Items and tensors: a data set, a batch, a generated sample, and its provenance."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from gankit.contract.conditions import Condition

if TYPE_CHECKING:
    from torch import Tensor


Item = TypeVar("Item")

Progress = Callable[[str, int, int], None]
"""``progress(what, done, total)``: called now and then during slow work; total 0 is unknown."""


def quiet(what: str, done: int, total: int) -> None:
    """A progress callback that shows nothing."""


@dataclass(frozen=True)
class Issue:
    """A file, row or entry that could not be used, and why."""

    location: str
    """The file, row or entry."""
    reason: str
    """Worded alike for all that failed alike: what was skipped is counted by reason."""


@dataclass
class Dataset(Generic[Item]):
    """What :meth:`Modality.read` found."""

    items: Sequence[Item]
    """Lazy where it matters: the engine uses only ``len()``, ``[i]`` and, where the sequence has
    it, ``__getitems__([i, …])``, which reads many at once, and ``blocks``, see
    :func:`gankit.contract.subsets.blocks`."""
    fingerprint: str
    """A hash of the content: the same files give the same one, wherever they are stored."""
    description: str = ""
    """One line for the run's record: format, count, classes."""
    licence: str = ""
    """The data's licence, if known."""
    issues: Sequence[Issue] = ()
    """What was skipped, one entry each."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """What the source was taken for, as shown before training and stored with the run: a short
    name and a line each, such as ``{"labels": "10 classes, from dataset.json", "split": "train;
    test (2,000 files) left out"}``. No values of single items."""
    table: Sequence[Mapping[str, str]] = ()
    """Details of the same as rows with the same few keys, such as a table's columns with types and
    examples, or classes with counts. Shown before training, never stored."""
    warnings: Sequence[str] = ()
    """Doubts about what was read, one sentence each with what to do: a single column full of
    semicolons, bytes that could not be decoded; a :class:`Doubt` where it quotes values. Stored
    with the run, except a private one."""
    strata: Sequence[object] | None = None
    """The class of each item, by which held-out items are chosen in proportion; None for none."""
    people: str = ""
    """Why the items seem to be faces or voices of people, as one clause: ``the labels have the word
    "person"``. The user is then asked what consent covers them. Empty where nothing suggests it;
    see :func:`gankit.kit.people.people_in`."""


class Doubt(str):
    """A warning that quotes values of the data: shown to the user, and stored without them.

    Args:
        text: to show.
        stored: the same without values.
    """

    stored: str

    def __new__(cls, text: str, stored: str) -> Doubt:
        made = super().__new__(cls, text)
        made.stored = stored
        return made


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


@dataclass(frozen=True)
class Sample(Generic[Item]):
    """A generated item with its seed and the condition it was generated for; or a real item in an
    augmented data set.
    """

    item: Item
    seed: int
    condition: Mapping[str, str | float]
    real: bool = False
    """Whether it is an item of the user's data; ``seed`` is then meaningless."""
    filled: tuple[str, ...] = ()
    """What of it was missing and was drawn, in an imputed data set."""


@dataclass(frozen=True)
class Provenance:
    """The statement in every generated file. Filled in by the core, embedded by the plugin."""

    software: str
    """Name and version of the program."""
    run: str
    """Name of the run."""
    created: str
    """UTC, ISO 8601."""
    source_type: str
    """IPTC digital source type, a URI."""
    between: tuple[int, int] | None = None
    """The seeds between which the items were interpolated, if they were two seeds."""
    way: str = ""
    """How latents were chosen, if not by seeds alone: ``truncation 0.7``."""

    def text(self) -> dict[str, str]:
        """The statement as short key-value pairs, for formats with text metadata."""
        way = f", between seeds {self.between[0]} and {self.between[1]}" if self.between else ""
        way = f", {self.way}" if self.way else way
        return {
            "Software": self.software,
            "Source": f"generated by {self.software}, run {self.run}{way}",
            "DigitalSourceType": self.source_type,
            "CreationTime": self.created,
        }


@dataclass(frozen=True)
class Rendering:
    """Something to look at or listen to, as a file's content."""

    media_type: str
    """``image/png``, ``image/svg+xml``, ``audio/wav``, ``text/html`` …"""
    content: bytes
    page: str = ""
    """A self-contained HTML page that shows more than the content does (players, links); reports
    and previews then include it."""

    @property
    def suffix(self) -> str:
        """A file's suffix for the media type, with the dot."""
        known = {"image/jpeg": ".jpg", "image/svg+xml": ".svg", "audio/wav": ".wav"}
        known |= {"audio/flac": ".flac", "text/plain": ".txt"}
        return known.get(self.media_type) or mimetypes.guess_extension(self.media_type) or ".bin"
