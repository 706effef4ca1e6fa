"""Classes of a data set: which labels are used, and what a person should know about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gankit.contract import Issue
from gankit.kit.folders import natural_key, printable
from gankit_image.data.labels import numbers, parse

if TYPE_CHECKING:
    from gankit_image.settings import ImageSettings

FEWEST = 8
"""Fewest usable images in a data set."""
FEW_UNLABELLED = 0.2
"""Share of images without a label up to which they are left out, and the labels used."""
UNBALANCED = 100
"""So many times more images in the largest class than in the smallest are worth a warning."""
ROWS = 40
"""Most classes that are shown one by one."""

NO_LABEL = "no label, while the other images have one: left out"


@dataclass(frozen=True)
class Classes:
    """What was decided about labels.

    Attributes:
        kept: numbers of the images that are used.
        labels: of these.
        note: for the data set's description.
        fact: the labels in a line.
        warnings: one sentence each.
        notes: the images that were left out.
        source: where labels come from.
        decided: those warnings that do not count classes.
        numeric: whether the labels are numbers, which the generator is conditioned on as such.
    """

    kept: Sequence[int]
    labels: Sequence[str | None]
    note: str = ""
    fact: str = "none"
    warnings: Sequence[str] = ()
    notes: Sequence[Issue] = ()
    source: str = ""
    decided: Sequence[str] = ()
    numeric: bool = False

    def as_numbers(self, settings: ImageSettings) -> Classes:
        """The same labels as numbers, if that is what they are under these settings.

        Raises:
            GankitError: ``label_type=number``, and they are none.
        """
        found = numbers(self.labels, settings)
        if found is None:
            return self
        each = f"{found.shape[1]} numbers each" if found.shape[1] > 1 else "numbers"
        origin = f", from {self.source}" if self.source else ""
        fact = f"{each} from {found.min():g} to {found.max():g}{origin}"
        return replace(self, fact=fact, warnings=self.decided, numeric=True)

    def of(self, labels: Sequence[str | None]) -> Classes:
        """The same for what is left of the images after damaged ones were skipped."""
        if len(labels) == len(self.labels):
            return self
        fact, warnings = self.fact, self.warnings
        if any(label is not None for label in labels):
            fact, doubts = _described(labels, self.source)
            warnings = [*self.decided, *doubts]
        return replace(self, kept=(), labels=labels, fact=fact, warnings=warnings)

    @property
    def strata(self) -> Sequence[object] | None:
        """The class of each image; None without classes."""
        has_classes = not self.numeric and any(label is not None for label in self.labels)
        return self.labels if has_classes else None

    @property
    def table(self) -> list[dict[str, str]]:
        """A row for each class, the first of them where there are many."""
        if self.numeric:
            return []
        counts = Counter(label for label in self.labels if label is not None)
        names = sorted(counts, key=natural_key)
        if len(names) > max(ROWS, len(self.labels) // 2) or _numbers(names):
            return []
        rows = [{"class": printable(n), "images": f"{counts[n]:,}"} for n in names[:ROWS]]
        if rest := names[ROWS:]:
            more = sum(counts[name] for name in rest)
            rows.append({"class": f"{len(rest):,} more classes", "images": f"{more:,}"})
        return rows


def settle(
    labels: Sequence[str | None],
    names: Sequence[str],
    source: str,
    conditional: str | bool,
) -> Classes:
    """Decides which labels are used, and which images.

    Where a few images have no label, they are left out; where many have none, the labels are
    ignored. ``conditional`` true leaves out all that have none, and false none.

    Args:
        labels: of all images.
        names: of these, for issues.
        source: where labels come from, for a person.
        conditional: the setting.
    """
    everything = range(len(labels))
    without = [i for i in everything if labels[i] is None]
    have = len(labels) - len(without)
    if not have:
        fact = source if source.startswith("none") else "none"
        return Classes(everything, labels, fact=fact)
    if not without:
        fact, warnings = _described(labels, source)
        return Classes(everything, labels, fact=fact, warnings=warnings, source=source)
    if (
        conditional is not False
        and have >= FEWEST
        and (conditional is True or len(without) <= FEW_UNLABELLED * len(labels))
    ):
        kept = [i for i in everything if labels[i] is not None]
        chosen = [labels[i] for i in kept]
        fact, warnings = _described(chosen, source)
        which = _images(len(without), "has no label and is", "have no label and are")
        doubt = f"{which} left out; conditional=false trains on all images, without labels"
        notes = [Issue(printable(names[i]), NO_LABEL) for i in without]
        return Classes(kept, chosen, "", fact, [doubt, *warnings], notes, source, [doubt])
    doubt = (
        f"Labels ignored, since {_images(len(without), 'has', 'have')} none of {len(labels):,}"
        if conditional is False
        else f"Labels are ignored, since {_images(len(without), 'has', 'have')} none (of "
        f"{len(labels):,}): set conditional=true to leave these out"
    )
    note = f"labels ignored, since {_images(len(without), 'has', 'have')} none"
    nothing = [None] * len(labels)
    warnings = [] if conditional is False else [doubt]
    return Classes(everything, nothing, note, f"ignored ({source})", warnings)


def _described(labels: Sequence[str | None], source: str) -> tuple[str, list[str]]:
    """The labels in a line, and doubts about them."""
    counts = Counter(label for label in labels if label is not None)
    origin = f", from {source}" if source else ""
    if len(counts) == 1:
        return f"1 class{origin}", []
    if _numbers(list(counts)):
        return f"numbers{origin}", []
    warnings = []
    if len(counts) == len(labels):
        return f"{len(counts):,} different labels{origin}", [
            "Every image has a label of its own: set another label_key, or conditional=false"
        ]
    fact = f"{len(counts):,} classes{origin}"
    alike = Counter(name.strip().casefold() for name in counts)
    if same := [name for name in counts if alike[name.strip().casefold()] > 1]:
        shown = " and ".join(map(printable, sorted(same)[:2]))
        warnings.append(f"The classes {shown} differ only in upper case or spaces: rename one")
    single = sorted((name for name, n in counts.items() if n == 1), key=natural_key)
    if single:
        shown = ", ".join(map(printable, single[:3])) + (", …" if len(single) > 3 else "")
        classes = "1 class has" if len(single) == 1 else f"{len(single):,} classes have"
        warnings.append(f"{classes} 1 image ({shown}): add images, or remove the folder or label")
    (most, largest), (least, smallest) = counts.most_common()[0], counts.most_common()[-1]
    if largest >= UNBALANCED * smallest and largest > UNBALANCED:
        warnings.append(
            f"The classes are unbalanced: {printable(str(most))} has {largest:,} images and "
            f"{printable(str(least))} has {smallest:,}; a class of few images is learned poorly"
        )
    return fact, warnings


def _numbers(names: Sequence[str]) -> bool:
    """Whether labels are numbers rather than classes: vectors, or one that is no integer."""
    rows = []
    for name in names:
        if (row := parse(name)) is None:
            return False
        rows.append(row)
    return any(len(row) > 1 or not row[0].is_integer() for row in rows)


def _images(count: int, one: str, many: str) -> str:
    return f"{count:,} images {many}" if count > 1 else f"1 image {one}"


@dataclass(frozen=True)
class Copies:
    """Images of which the data set has more than one."""

    facts: Mapping[str, str] = field(default_factory=dict)
    warnings: Sequence[str] = ()


def duplicates(hashes: Sequence[str], labels: Sequence[str | None]) -> Copies:
    """Counts exact copies.

    Args:
        hashes: of the files' content.
        labels: of each.
    """
    more = len(hashes) - len(set(hashes))
    if not more:
        return Copies()
    fact = {"duplicates": f"{_images(more, 'is an exact copy', 'are exact copies')} of others"}
    first: dict[str, str | None] = {}
    torn = sum(first.setdefault(h, label) != label for h, label in zip(hashes, labels, strict=True))
    if not torn:
        return Copies(fact)
    which = _images(torn, "is an exact copy of one", "are exact copies of others")
    return Copies(fact, [f"{which} in another class: remove one of each two"])
