"""One rule for the splits of a data set, whatever it is stored in: ``train`` is used, the others
are left out and named, and the name of a split is never a class.

Splits are folders (``train/cat/1.png``, ``cat/train/1.png``), names of files
(``train-00000-of-00002.parquet``) or values in a column of a metadata table.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gankit.errors import GankitError
from gankit.kit.folders import encodable, printable

SPLIT_NAMES = {
    "train": "train", "training": "train", "trn": "train",
    "test": "test", "testing": "test", "tst": "test",
    "val": "validation", "valid": "validation", "validation": "validation",
    "validate": "validation", "validating": "validation", "dev": "validation",
    "development": "validation",
    "eval": "test", "evaluation": "test", "holdout": "test", "heldout": "test",
    "unlabeled": "unlabeled", "unlabelled": "unlabeled",
}  # fmt: skip
"""Names of splits, in lower case, with what they stand for."""
EXTRA_NAMES = {"extra", "pred", "predict", "prediction", "predictions", "submission"}
"""Names that are splits only next to one of ``SPLIT_NAMES``."""
BESIDE_NAMES = {
    "annotation", "annotations", "bbox", "bboxes", "groundtruth", "ground_truth", "gt", "label",
    "labels", "mask", "masks", "metadata", "segmentation", "segmentationclass",
    "segmentationobject", "segmentations",
}  # fmt: skip
"""Folders of annotations: never classes where they are next to splits or to the data's folder."""
HOLDER_NAMES = {
    "audio", "clips", "data", "images", "image", "img", "imgs", "jpegimages", "pictures", "photos",
    "recordings", "sounds", "wav", "wavs",
}  # fmt: skip
"""Folders that hold the data next to ``BESIDE_NAMES``; one alone is no class."""
_FOLD = re.compile(r"folds?[\s_-]*\d+", re.IGNORECASE)
SPLIT_COLUMNS = ("split", "subset", "partition", "set", "usage", "data_split", "dataset_split")
"""Usual names of a column with splits."""
ALL = "all"
"""The value of a setting that reads all splits together."""


def split_of(name: str) -> str | None:
    """The split that a folder's name or a column's value stands for, or None."""
    plain = re.sub(r"[\s_-]+", "", name.strip().lower())
    return SPLIT_NAMES.get(plain) or SPLIT_NAMES.get(name.strip().lower())


def split_in(name: str) -> str | None:
    """The split that is a word of a longer name, such as ``train-00000-of-00002``,
    ``val2017`` or ``seg_test``; None where there is none, or two of them."""
    words = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())
    joined = [re.sub(r"(images|image|set|data)$", "", word) or word for word in words]
    found = {SPLIT_NAMES[word] for word in joined if word in SPLIT_NAMES}
    return found.pop() if len(found) == 1 else None


@dataclass(frozen=True)
class Chosen:
    """The files of a data set that are used.

    Attributes:
        names: of the files, in the order given.
        folders: the folder of each that may be its class; None where it is in none.
        root: the folder in which the data begins, with its slash, or empty; that of the first
            file where several splits are read.
        split: what was taken, empty where there are no splits.
        left_out: number of files by what they belong to.
        warnings: one sentence each.
        remark: folders that are no classes, in words, or empty.
    """

    names: Sequence[str]
    folders: Sequence[str | None]
    root: str = ""
    split: str = ""
    left_out: Mapping[str, int] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    remark: str = ""

    @property
    def fact(self) -> str:
        """What was taken and what left out, in one line; empty without splits."""
        return "; ".join(filter(None, [self.split, self.remark, left_out_text(self.left_out)]))

    @property
    def note(self) -> str:
        """For the data set's description: the part that is used, or empty."""
        return f" (its part {self.split})" if self.split else ""


def left_out_text(left_out: Mapping[str, int], what: str = "file") -> str:
    """``test (2,000 files), val (100 files) left out``; empty where nothing was."""
    if not left_out:
        return ""
    shown = list(left_out.items())[:6]
    parts = [f"{name} ({n:,} {what}{'s' if n != 1 else ''})" for name, n in shown]
    if more := len(left_out) - len(shown):
        parts.append(f"{more:,} more")
    return f"{', '.join(parts)} left out"


def take_split(
    names: Iterable[str],
    wanted: str = "train",
    *,
    where: object = "the data",
    by_file_name: bool = False,
    required: bool = True,
    inside: Collection[str] = (),
) -> Chosen:
    """The files of one split, or all files where there are no splits.

    A single folder around everything is entered.

    Args:
        names: of the data's files, with slashes.
        wanted: the split, or ``all``.
        where: the data's path, for messages.
        by_file_name: whether names of files tell splits too: Parquet files, shards, archives.
        required: whether a split other than train must be there.
        inside: folders, with a slash, that are shards: they are no part of a file's place.

    Raises:
        GankitError: there is no such split.
    """
    search = _Search(wanted)
    for name in names:
        prefix = next((p for p in inside if name.startswith(p)), "")
        search.rest[name] = name[len(prefix) :]
    while search.rest and search.descend():
        pass
    if by_file_name:
        search.by_file_name()
    if required and wanted not in ("train", ALL) and not search.matched:
        there = sorted({*search.taken, *search.left_out})
        raise GankitError(
            f"{where}: no split {wanted!r}",
            f"There are: {', '.join(there)}" if there else "It has no splits: leave out split",
        )
    return search.chosen()


class _Search:
    """Files with the rest of their place below the folders that were entered."""

    def __init__(self, wanted: str) -> None:
        self.wanted = wanted if wanted == ALL else split_of(wanted) or wanted
        self.rest: dict[str, str] = {}
        self.taken: list[str] = []
        self.left_out: Counter[str] = Counter()
        self.warnings: list[str] = []
        self.matched = False
        self.remark = ""

    def descend(self) -> bool:
        """Enters a folder or takes a split at the current level; False where nothing is left."""
        loose = sum("/" not in rest for rest in self.rest.values())
        folders = list(dict.fromkeys(r.partition("/")[0] for r in self.rest.values() if "/" in r))
        splits = self._splits(folders)
        if splits:
            return self._take(folders, splits)
        holders = [f for f in folders if f.lower() in HOLDER_NAMES]
        beside = [f for f in folders if f.lower() in BESIDE_NAMES]
        if len(holders) == 1 and beside and len(folders) == 1 + len(beside):
            self._leave(lambda rest: rest.startswith(f"{holders[0]}/"))
            self._enter()
            return True
        around = all(r.count("/") > 1 for r in self.rest.values()) or {*folders} == {*holders}
        if len(folders) == 1 and not loose and around:
            self._enter()
            return True
        if len(folders) > 1 and not loose and all(map(_FOLD.fullmatch, folders)):
            named = f"{printable(folders[0])} to {printable(folders[-1])}"
            self.remark = f"{named} are folds of a cross-validation, not classes"
            self._enter()
            return True
        return self._below_classes(folders)

    def _splits(self, folders: Sequence[str]) -> dict[str, str]:
        """The folders that are splits."""
        exact = {f: split for f in folders if (split := split_of(f))}
        if exact:
            extra = {f: f.lower() for f in folders if f.lower() in EXTRA_NAMES}
            return {f: (exact | extra)[f] for f in folders if f in exact | extra}
        words = {f: split for f in folders if (split := split_in(f))}
        others = [f for f in folders if f not in words and f.lower() not in BESIDE_NAMES]
        rest_too = all(f.lower() in EXTRA_NAMES or split_tail(f) for f in others)
        kinds = set(words.values())
        if rest_too and ((len(kinds) > 1 and "train" in kinds) or kinds == {"validation", "test"}):
            return words | {f: f.lower() for f in others}
        return {}

    def _take(self, folders: Sequence[str], splits: Mapping[str, str]) -> bool:
        others = [f for f in folders if f not in splits and f.lower() not in BESIDE_NAMES]
        kinds = set(splits.values())
        if others and self.matched:  # within a split, train is a class and test is not
            no_class = {f for f, kind in splits.items() if kind != "train"}
            self._leave(lambda rest: rest.partition("/")[0] not in no_class or "/" not in rest)
            return False
        if others and self.wanted == ALL:
            self.matched = True
            self.taken += [self._path(f) for f in splits]
            for name, rest in self.rest.items():
                folder, _, tail = rest.partition("/")
                self.rest[name] = tail if folder in splits else rest
            return False
        if others and self.wanted == "train":
            if kinds == {"train"} and len(others) > 1 and self._flat(next(iter(splits))):
                name = next(iter(splits))
                self.warnings.append(
                    f"The folder {name} is taken for a class, since it is next to {others[0]} and "
                    f"{others[1]}; if it is the training data, give {name} itself as the data"
                )
                return False
            if "train" not in kinds:  # classes, with a split next to them
                self._leave(lambda rest: rest.partition("/")[0] not in splits or "/" not in rest)
                return False
        if self.wanted == ALL:
            chosen = list(splits)
        else:
            chosen = [f for f, kind in splits.items() if kind == self.wanted]
        if not chosen and self.wanted == "train":
            best = next((k for k in ("validation", "test") if k in kinds), "unlabeled")
            chosen = [f for f, kind in splits.items() if kind == best] or list(splits)
            self.warnings.append(
                f"There is no train part: {' and '.join(chosen)} "
                f"{'are' if len(chosen) > 1 else 'is'} used"
            )
        if not chosen:
            self.left_out.update(r.partition("/")[0] for r in self.rest.values() if "/" in r)
            self.rest = {}
            return False
        self.matched = True
        self.taken += [self._path(f) for f in chosen]
        self._leave(lambda rest: "/" in rest and rest.partition("/")[0] in chosen)
        self._enter()
        return True

    def _below_classes(self, folders: Sequence[str]) -> bool:
        """Takes the split below each class: ``cat/train/1.png``, ``cat/test/2.png``."""
        below: dict[str, set[str]] = {}
        for rest in self.rest.values():
            parts = rest.split("/")
            if len(parts) > 2:
                below.setdefault(parts[0], set()).add(parts[1])
        found = {
            folder: {f: split for f in inner if (split := split_of(f))}
            for folder, inner in below.items()
        }
        found = {folder: splits for folder, splits in found.items() if splits}
        several = any(len(set(splits.values())) > 1 for splits in found.values())
        if not found or not (several or (len(found) == len(folders))):
            return False
        kept: dict[str, str] = {}
        taken: list[str] = []
        left_out: Counter[str] = Counter()
        for name, rest in self.rest.items():
            first, _, tail = rest.partition("/")
            split = found.get(first, {}).get(tail.partition("/")[0]) if "/" in tail else None
            if split is None and first not in found:
                kept[name] = rest
            elif split is not None and self.wanted in (split, ALL):
                kept[name] = f"{first}/{tail.partition('/')[2]}"
                taken.append(tail.partition("/")[0])
            else:
                left_out[tail.partition("/")[0] if "/" in tail else first] += 1
        if not taken:
            if self.wanted == "train":
                self.warnings.append("There is no train part below the folders: all files are used")
            return False
        self.matched = True
        self.rest = kept
        self.left_out.update(left_out)
        self.taken += list(dict.fromkeys(taken))
        return False

    def by_file_name(self) -> None:
        """Takes the files whose names have the split."""
        splits = {name: split_in(name.rpartition("/")[2]) for name in self.rest}
        kinds = {split for split in splits.values() if split}
        if not kinds or (self.taken and len(kinds) == 1):
            return
        if self.wanted == ALL:
            self.matched = True
            return
        wanted: str | None = self.wanted
        if wanted not in kinds:
            if wanted != "train":
                self.left_out.update(split for split in splits.values() if split)
                self.rest = {}
                return
            if None in splits.values():
                wanted = None  # files of no split, next to test files
            else:
                wanted = "validation" if "validation" in kinds else min(kinds)
                self.warnings.append(f"There is no train part: {wanted} is used")
        self.matched = True
        if wanted is not None and not self.taken:
            self.taken.append(wanted)
        for name, split in splits.items():
            if split != wanted:
                self.left_out[split or "others"] += 1
                del self.rest[name]

    def _flat(self, folder: str) -> bool:
        return all(r.count("/") == 1 for r in self.rest.values() if r.startswith(f"{folder}/"))

    def _path(self, folder: str) -> str:
        """A folder of the current level with those around it."""
        name, rest = next(
            (n, r) for n, r in self.rest.items() if r.partition("/")[0] == folder and "/" in r
        )
        return name[: len(name) - len(rest)] + folder

    def _leave(self, keep: object) -> None:
        """Leaves out all files but those to keep, and counts them by their folder."""
        assert callable(keep)
        kept: dict[str, str] = {}
        for name, rest in self.rest.items():
            if keep(rest):
                kept[name] = rest
            else:
                folder = rest.partition("/")[0] if "/" in rest else "files beside them"
                self.left_out[folder] += 1
        self.rest = kept

    def _enter(self) -> None:
        self.rest = {name: rest.partition("/")[2] for name, rest in self.rest.items()}

    def chosen(self) -> Chosen:
        folders = [
            encodable(rest.partition("/")[0]) if "/" in rest else None
            for rest in self.rest.values()
        ]
        first = next(iter(self.rest.items()), ("", ""))
        return Chosen(
            list(self.rest),
            folders,
            first[0][: len(first[0]) - len(first[1])] if not self._moved(first) else "",
            " and ".join(map(printable, dict.fromkeys(self.taken))),
            {printable(name): count for name, count in self.left_out.items()},
            self.warnings,
            self.remark,
        )

    @staticmethod
    def _moved(first: tuple[str, str]) -> bool:
        """Whether a split was cut from the middle of the place."""
        return not first[0].endswith(first[1])


def split_tail(name: str) -> bool:
    """Whether a folder's name ends in one of the names that are splits next to others."""
    return bool(set(re.findall(r"[a-z]+", name.lower())) & EXTRA_NAMES)


def split_column(columns: Sequence[str], values: Mapping[str, Collection[object]]) -> str | None:
    """The column that has a split in every row, or None.

    Args:
        columns: of a metadata table.
        values: the different values of each column.
    """
    usual = {name.lower().replace(" ", "_"): name for name in columns}
    for name in SPLIT_COLUMNS:
        column = usual.get(name)
        if column is None:
            continue
        found = [v for v in values[column] if v is not None and str(v).strip()]
        if found and all(_is_split(str(v)) for v in found):
            return column
    return None


def _is_split(value: str) -> bool:
    named = split_of(value) or split_in(value)  # such as test_scaffolds
    return named is not None or value.strip().lower() in EXTRA_NAMES
