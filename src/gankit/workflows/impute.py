"""Imputing: the user's items with their gaps filled by a trained generator, each marked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gankit import config as configuration
from gankit.config.paths import expanded
from gankit.contract import Gaps, Imputes, Progress, Provenance, Sample, quiet
from gankit.contract.codec import FillsGaps
from gankit.contract.subsets import take
from gankit.engine.sampling.imputation import (
    CANDIDATES,
    MOST_CANDIDATES,
    MOST_DRAWS,
    Imputer,
)
from gankit.errors import GankitError
from gankit.plugins.registry import installed
from gankit.runs.directory import Run
from gankit.runs.output import write_generated
from gankit.runs.targets import Target, refuse_existing
from gankit.system_errors import translated
from gankit.workflows.augment import format_of, refuse_source
from gankit.workflows.conformity import named
from gankit.workflows.generate import (
    MEMORY_HINT,
    Generated,
    check_seeds,
    output_target,
    run_record,
)


@dataclass
class Found:
    """What items lack, over all of them."""

    items: int = 0
    incomplete: int = 0
    """Items with gaps."""
    counts: Counter[str] = field(default_factory=Counter)
    """Gaps by name."""
    patterns: set[bytes] = field(default_factory=set)
    """The different sets of gaps."""

    def add(self, gaps: Gaps) -> None:
        """Counts what some items lack."""
        some = gaps.missing[gaps.missing.any(1)]
        self.items += len(gaps.missing)
        self.incomplete += len(some)
        self.patterns |= {row.tobytes() for row in np.packbits(some, axis=1)}
        for name, count in zip(gaps.names, some.sum(0).tolist(), strict=True):
            if count:
                self.counts[name] += count

    def in_words(self) -> str:
        if not self.incomplete:
            return f"{self.items:,} items without a gap: there is nothing to fill"
        listed = ", ".join(f"{name} {count:,}" for name, count in self.counts.most_common())
        return (
            f"{self.items:,} items, {self.incomplete:,} of them with gaps, in "
            f"{len(self.patterns):,} pattern{'' if len(self.patterns) == 1 else 's'}: {listed}"
        )

    def record(self) -> dict[str, Any]:
        return {
            "items": self.items,
            "incomplete": self.incomplete,
            "gaps": dict(self.counts),
            "patterns": len(self.patterns),
        }


class Imputation:
    """Items of a data set whose gaps can be filled, several times.

    Args:
        data: a path, or an object in memory; it is only read.
        seed: item i is filled by seed ``seed + i``.
        candidates: for each item, among which one is chosen.
        settings: of the plugin, by which the data is read where it differs from the training data,
            such as ``{"encoding": "cp1252"}``; others are the run's.

    Raises:
        GankitError: for whatever the user can fix.
    """

    def __init__(
        self,
        run: Run,
        data: object,
        *,
        seed: int = 0,
        candidates: int = CANDIDATES,
        settings: Mapping[str, object] | None = None,
        device: str = "auto",
        progress: Progress = quiet,
    ) -> None:
        if not 1 <= candidates <= MOST_CANDIDATES:
            raise GankitError(
                f"candidates={candidates}: out of range", f"Use 1 to {MOST_CANDIDATES}"
            )
        modality, self.name = imputes(run), named(data)
        self.settings = dict(settings or {})
        reading = reading_settings(run, self.settings)
        source = expanded(str(data)) if isinstance(data, str | Path) else data
        with self._naming():  # first: the modality knows best what it cannot fill, and why
            self.dataset = modality.read_incomplete(source, reading, progress)
        self.sampler, self.seed, self.progress = run.sampler(device), seed, progress
        imputer = self.sampler.imputer(candidates)
        codec = self.sampler.codec
        if imputer is None or not isinstance(codec, FillsGaps):
            raise _unable(run)
        self.imputer: Imputer = imputer
        self.codec: FillsGaps = codec
        self.size: int = codec.decode_batch_size
        self.found = Found()
        with self._naming():
            self.items = self.dataset.items
            check_seeds(seed, len(self.items))
            matched = codec.match(self.items)
            self.matched = matched.items
            for start, stop in self._blocks():
                progress("looking for gaps", start, len(self.items))
                self.found.add(codec.gaps(take(self.matched, np.arange(start, stop))))
        self.warnings = [*self.dataset.warnings, *(f"{self.name}: {w}" for w in matched.warnings)]
        self.unfilled: list[int] = []
        """The numbers of items, from 0 on, whose gaps the last draw could not fill."""
        self.filled: Counter[str] = Counter()
        """What the last draw filled, by name."""
        self.changed = 0
        """Items of which the last draw filled something."""

    def draw(self, number: int = 0) -> Iterator[Sample[Any]]:
        """The items in their order, with their gaps filled.

        Args:
            number: of the imputation, from 0 on.
        """
        self.unfilled, self.filled, self.changed = [], Counter(), 0
        for start, stop in self._blocks():
            self.progress("filling gaps", start, len(self.items))
            yield from self._block(range(start, stop), number)
        self.progress("writing", 0, 0)

    def _block(self, numbers: range, draw: int) -> Iterator[Sample[Any]]:
        items = take(self.items, np.asarray(numbers))
        matched = take(self.matched, np.asarray(numbers))
        gaps, seeds = self.codec.gaps(matched), [self.seed + i for i in numbers]
        missing = gaps.missing.copy()
        lacking = np.flatnonzero(missing.any(1))
        completed: Sequence[Any] = take(matched, lacking)
        if len(lacking):
            some = [seeds[i] for i in lacking.tolist()]
            found, valid = self.imputer.fill(completed, some, draw)
            missing[lacking[~valid]] = False
            self.unfilled += [numbers[i] for i in lacking[~valid].tolist()]
            completed = take(found, np.flatnonzero(valid))
        filled = self.codec.insert(items, completed, Gaps(gaps.names, missing), seeds)
        for i in range(len(filled)):
            names = tuple(gaps.names[k] for k in np.flatnonzero(missing[i]).tolist())
            self.filled.update(names)
            self.changed += bool(names)
            yield Sample(filled[i], seeds[i], {}, real=True, filled=names)

    @contextmanager
    def _naming(self) -> Iterator[None]:
        """Names the data in what is wrong with it."""
        try:
            yield
        except GankitError as error:
            if error.message.startswith(self.name):
                raise
            raise GankitError(f"{self.name}: {error.message}", error.hint) from None

    def _blocks(self) -> Iterator[tuple[int, int]]:
        n = len(self.items)
        return ((start, min(start + self.size, n)) for start in range(0, n, self.size))

    def doubts(self) -> list[str]:
        """What the last draw could not fill."""
        if not self.unfilled:
            return []
        n = len(self.unfilled)
        which = (
            f"item {self.unfilled[0] + 1:,}" if n == 1 else f"the first is {self.unfilled[0] + 1:,}"
        )
        return [
            f"{n:,} item{'' if n == 1 else 's'} of {self.name} kept gaps ({which}): no candidate "
            "agreed with what is there and with the constraints"
        ]


@translated(memory=MEMORY_HINT)
def impute(
    run: Run,
    data: object,
    out: str | Path,
    *,
    m: int = 1,
    format: str | None = None,
    mark: bool = True,
    overwrite: bool = False,
    say: Callable[[str, bool], None] = lambda text, doubt: None,
    **given: Any,
) -> list[Generated]:
    """Writes a data set with its gaps filled, or ``m`` of them.

    Args:
        out: the folder or file to make; of several, ``filled.csv`` becomes ``filled-1.csv`` and so
            on.
        m: imputations, each drawn anew.
        mark: whether each item states what of it was filled.
        say: ``(text, doubt)`` is told what was found, before anything is filled.
        data, given: as for :class:`Imputation`.

    Raises:
        GankitError: for whatever the user can fix.
    """
    imputes(run)
    check_number(m)
    if m > 1 and str(out) == "-":
        raise GankitError("several imputations do not fit on standard output", "Use --out FILE")
    like = (
        format_of(run.plugin.modality.formats, str(data)) if isinstance(data, str | Path) else None
    )
    targets = [output_target(run, place, format, like) for place in numbered(out, m)]
    for target in targets:
        refuse_source(target, data)
        refuse_existing(target, overwrite)
    made = Imputation(run, data, **given)
    say(made.found.in_words(), False)
    for warning in made.warnings:
        say(warning, True)
    return [_write(run, made, target, number, m, mark, overwrite)
            for number, target in enumerate(targets)]  # fmt: skip


def check_number(m: int) -> None:
    """Raises:
    GankitError: no such number of imputations.
    """
    if not 1 <= m <= MOST_DRAWS:
        raise GankitError(f"m={m}: out of range", f"Use 1 to {MOST_DRAWS:,} imputations")


def _write(
    run: Run, made: Imputation, target: Target, number: int, m: int, mark: bool, overwrite: bool
) -> Generated:
    modality = imputes(run)
    about: dict[str, Any] = {
        "source": made.name,
        "description": made.dataset.description,
        "imputation": number + 1,
        "of": m,
        "seed": made.seed,
        "candidates": made.imputer.candidates,
        **({"settings": made.settings} if made.settings else {}),
        **made.found.record(),
    }

    def write(samples: Any, folder: Path, statement: Provenance) -> None:
        codec, form = made.sampler.codec, target.format
        modality.write_imputed(samples, folder, codec, statement, form, mark)

    def finish(full: dict[str, Any]) -> None:
        full["imputed"] |= {"filled": dict(made.filled), "changed": made.changed}
        if doubts := made.doubts():
            full["imputed"]["unfilled"] = len(made.unfilled)
            full["warnings"] = [*full.get("warnings", ()), *doubts]

    record = write_generated(
        *(run.plugin, made.draw(number), target),
        codec=made.sampler.codec,
        run=run.model["run"],
        record={**run_record(run), "imputed": about},
        plugins=installed(),
        progress=made.progress,
        overwrite=overwrite,
        write=write,
        finish=finish,
    )
    return Generated(target.path, record, tuple(made.doubts()))


def imputes(run: Run) -> Imputes:
    """The run's modality, whose items can have gaps.

    Raises:
        GankitError: they cannot.
    """
    modality = run.plugin.modality
    if not isinstance(modality, Imputes):
        raise _unable(run)
    return modality


def reading_settings(run: Run, changes: Mapping[str, object]) -> Any:
    """The plugin's settings that a run was trained with, some of them changed to read other data.

    Raises:
        GankitError: an unknown setting, one of the engine, or a value of the wrong type.
    """
    if not changes:
        return run.settings
    given, kind = configuration.nest(dict(changes)), run.plugin.modality.Settings
    configuration.check_keys(given, kind)
    for key in configuration.flatten(given):
        if key.partition(".")[0] in configuration.sections():
            raise GankitError(
                f"{key} affects training, which is finished",
                "Give settings by which the data is read",
            )
    return configuration.validate(kind, configuration.merge(run.trained_settings, given))


def numbered(out: str | Path, m: int) -> Sequence[str | Path]:
    """A path for each imputation: ``filled.csv`` as it is for one, else ``filled-1.csv`` …"""
    if m == 1:
        return [out]
    path = Path(out)
    stem = path.name[: len(path.name) - len("".join(path.suffixes[-2:]))] if path.suffix else ""
    stem, endings = (stem, path.name[len(stem) :]) if stem else (path.name, "")
    return [path.with_name(f"{stem}-{i}{endings}") for i in range(1, m + 1)]


def _unable(run: Run) -> GankitError:
    name = run.plugin.info.name
    return GankitError(
        f"{run.path}: this run cannot fill gaps",
        f"Train with the default recipe, --plugin {name}: its generator can"
        if isinstance(run.plugin.modality, Imputes)
        else f"The items of plugin {name} have no parts that could be missing",
    )
