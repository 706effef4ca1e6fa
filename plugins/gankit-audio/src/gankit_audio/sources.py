"""Reading: whatever a user points at becomes clips of one rate, channels and duration.

Headers are looked at first, so that rate and duration are known; then everything is decoded once,
so that damaged files are named before training begins.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np

from gankit.contract import Dataset, Issue, Progress
from gankit.errors import GankitError
from gankit.kit.folders import files_below, fingerprint, no_such_path, skip
from gankit_audio import containers, manifests, memory, slicing
from gankit_audio.clips import LABEL, Clip
from gankit_audio.containers import Entry, Listing
from gankit_audio.files import (
    HIGHEST,
    LOWEST,
    SUFFIXES,
    Header,
    UnusableError,
    decode,
    length,
    look,
)
from gankit_audio.slicing import Cut
from gankit_audio.store import Cache, Index, Stored, Writer, room_in

if TYPE_CHECKING:
    from gankit_audio.settings import AudioSettings

FEWEST = 8
"""Fewest clips that make a data set."""
MOST_RATE = 16_000
"""Highest rate that is taken of itself."""
SHORTEST, LONGEST, USUAL = 0.05, 60.0, 2.0
"""Seconds of a clip: least, most, and most that is taken of itself."""

_READS = (
    f"Reads folders and zip archives of {', '.join(SUFFIXES)}; .parquet; .csv, .tsv and .jsonl "
    "with paths"
)
_KEPT_OUT = (".m4a", ".mp4", ".aac", ".wma", ".webm", ".amr", ".mov", ".mkv")
"""Endings of sound that libsndfile does not decode."""
_EACH = 64
"""Recordings between two reports of progress."""

T = TypeVar("T")
R = TypeVar("R")


def read(source: object | None, settings: AudioSettings, progress: Progress) -> Dataset[Clip]:
    """The clips of a path or of an object in memory; None is ``plucked``, the built-in strings.

    Paths: a folder of recordings (nested or flat; a first folder level is the label), which may
    hold a manifest; a zip archive of one; one recording; a manifest; Parquet in the Hugging Face
    layout. In memory: see :func:`gankit_audio.memory.listing`.

    Raises:
        GankitError: nothing usable there, fewer than ``FEWEST`` clips, or a setting out of its
            range; with ``settings.strict``, one recording that cannot be used.
    """
    _check(settings)
    listing, where = _listing(source, settings)
    entries = listing.entries
    if not entries and not listing.issues:
        raise GankitError(f"{where}: no recordings there", _READS)
    listed = [skip(problem, where, settings.strict) for problem in listing.issues]
    listed += listing.notes
    values = manifests.told(
        [e.row for e in entries],
        [e.file or e.name for e in entries],
        [e.folder for e in entries],
        settings,
    )
    found = _look(entries, where, settings, progress)
    good = list(found.headers)
    if not good:
        raise _nothing(where, len(entries) + len(listed), [*listed, *found.issues])

    headers = list(found.headers.values())
    rate, channels = _rate(headers, settings), 1 if settings.channels == "mono" else 2
    size = round(_duration(headers, settings) * rate)
    sounds = [entries[i] for i in good]
    form = Form(rate, channels, size, settings)
    stored = _stored(sounds, headers, [found.hashes[i] for i in good], form, where, progress)
    issues = [Issue(sounds[row].name, why) for row, why in stored.index.issues]
    issues = [*listed, *found.issues, *issues]
    clips = Clips(stored, [e.name for e in sounds], [values[i] for i in good], form)
    if len(clips) < FEWEST:
        if not len(clips):
            raise _nothing(where, len(entries) + len(listed), issues)
        raise _few(where, len(clips), settings, issues)
    told = (f"{entries[i].name}\0{json.dumps(values[i])}\0{found.hashes[i]}" for i in good)
    return Dataset(
        clips,
        fingerprint=fingerprint(told),
        description=_describe(listing.kind, headers, clips, form),
        licence=listing.licence,
        issues=issues,
    )


@dataclass(frozen=True)
class Form:
    """What all clips have in common: their rate, channels and samples, and how they are cut."""

    rate: int
    channels: int
    size: int
    settings: AudioSettings


class Clips(Sequence[Clip]):
    """Clips that lie in a block; each is made when it is asked for, and nothing is copied."""

    def __init__(
        self,
        stored: Stored,
        names: Sequence[str],
        values: Sequence[dict[str, str | float]],
        form: Form,
    ) -> None:
        index = stored.index
        self._block, self._names, self._values, self._form = stored.block, names, values, form
        self._rows, self._starts = np.array(index.rows, int), np.array(index.starts, int)
        self._sizes = np.array(index.sizes, int)
        self._places = np.cumsum(self._sizes) - self._sizes
        self._pieces, self._windows = np.array(index.pieces, int), np.array(index.windows, int)

    def __len__(self) -> int:
        return len(self._pieces)

    @overload
    def __getitem__(self, index: int) -> Clip: ...
    @overload
    def __getitem__(self, index: slice) -> list[Clip]: ...
    def __getitem__(self, index: int | slice) -> Clip | list[Clip]:
        found = range(len(self))[index]
        return self._clip(found) if isinstance(found, int) else [self._clip(i) for i in found]

    def __getitems__(self, indices: Iterable[int]) -> list[Clip]:
        return [self[int(i)] for i in indices]

    def labels(self) -> set[str | float]:
        """The classes that there are."""
        return {v[LABEL] for row in set(self._rows.tolist()) if LABEL in (v := self._values[row])}

    def _clip(self, i: int) -> Clip:
        piece, window, form = self._pieces[i], int(self._windows[i]), self._form
        row, place, size = self._rows[piece], self._places[piece], int(self._sizes[piece])
        whole = self._block[place * form.channels : (place + size) * form.channels]
        whole = whole.reshape(form.channels, size)
        name, values = self._names[row], self._values[row]
        if form.settings.slice != "first" and (at := self._starts[piece] + window):
            name = f"{name} at {at / form.rate:.3f} s"
        if form.settings.slice != "random":
            return Clip(whole, form.rate, values, name)
        samples = slicing.window(whole, form.rate, window, form.size)
        return Clip(samples, form.rate, values, name, whole)


# --- What there is ------------------------------------------------------------------------------


def _listing(source: object | None, settings: AudioSettings) -> tuple[Listing, str]:
    """The recordings of a source, and what messages call it."""
    if source is None:
        from gankit_audio.plucked import LICENCE, plucked

        found = memory.listing(plucked(), settings)
        return Listing("plucked strings", found.entries, licence=LICENCE), "the built-in data"
    if not isinstance(source, (str, Path)):
        return memory.listing(source, settings), "the data"
    path = Path(source).expanduser()
    if not path.exists():
        raise no_such_path(path)
    return (_folder if path.is_dir() else _single)(path, settings), str(path)


def _folder(root: Path, settings: AudioSettings) -> Listing:
    """Recordings or manifests where there are any; else the containers that lie there."""
    names = list(files_below(root))
    if not names:
        raise GankitError(f"{root}: the folder is empty", _READS)
    if any(containers.is_audio(name) or manifests.is_manifest(name) for name in names):
        return containers.folder(root, names, settings.audio_key)
    tables = [root / name for name in names if name.endswith(".parquet")]
    if tables:
        train = [path for path in tables if path.name.startswith("train")]
        return containers.parquet(train or tables, settings.audio_key, settings.label_key)
    archives = [name for name in names if name.lower().endswith(".zip")]
    if len(archives) == 1:
        return containers.archive(root / archives[0], settings.audio_key)
    if archives:
        raise GankitError(f"{root}: several archives: {', '.join(archives)}", "Name one")
    others = Counter(Path(name).suffix.lower() for name in names)
    if closed := [suffix for suffix in others if suffix in _KEPT_OUT]:
        raise GankitError(
            f"no recordings found in {root}, but {others[closed[0]]:,} files {closed[0]}",
            "Convert them to .flac or .wav first",
        )
    raise GankitError(f"no recordings found in {root} ({len(names)} other files)", _READS)


def _single(path: Path, settings: AudioSettings) -> Listing:
    suffix = path.suffix.lower()
    if suffix == ".zip":
        return containers.archive(path, settings.audio_key)
    if suffix == ".parquet":
        return containers.parquet([path], settings.audio_key, settings.label_key)
    if suffix in manifests.MANIFESTS:
        return containers.manifest(path, settings.audio_key)
    if suffix in SUFFIXES:
        return containers.single(path)
    if suffix in _KEPT_OUT:
        raise GankitError(f"{path}: {suffix} is not read", "Convert it to .flac or .wav first")
    raise GankitError(f"{path}: no recordings can be read from {suffix or 'such'} files", _READS)


@dataclass(frozen=True)
class _Found:
    """Headers and hashes of the usable recordings, by their numbers, and what is wrong with the
    others.
    """

    headers: dict[int, Header]
    hashes: dict[int, str]
    issues: list[Issue]


def _look(
    entries: Sequence[Entry], where: str, settings: AudioSettings, progress: Progress
) -> _Found:
    found = _Found({}, {}, [])
    looked = _parallel(_header, entries, settings.workers, "looking at recordings", progress)
    for i, result in enumerate(looked):
        if isinstance(result, UnusableError):
            problem = Issue(entries[i].name, str(result))
            found.issues.append(skip(problem, where, settings.strict))
        else:
            found.headers[i], found.hashes[i] = result
    return found


def _header(entry: Entry) -> tuple[Header, str] | UnusableError:
    try:
        return look(entry.content())
    except UnusableError as error:
        return error


# --- What it becomes ----------------------------------------------------------------------------


def _stored(
    entries: Sequence[Entry],
    headers: Sequence[Header],
    hashes: Sequence[str],
    form: Form,
    where: str,
    progress: Progress,
) -> Stored:
    """All clips, decoded now or by an earlier run."""
    settings = form.settings
    if not settings.cache:
        writer = Writer(settings.memory * 2**30, _expected(headers, form))
        with room_in(f"memory and {os.environ.get('TMPDIR', 'temporary files')}"):
            index = _cut_all(entries, form, writer, where, progress)
            return Stored(writer.finish(), index)
    cache = Cache(settings.cache, _key(hashes, form))
    if (kept := cache.load(len(entries), form.channels, form.size)) is not None:
        return kept
    with room_in(settings.cache):
        with cache.writing() as file:
            writer = Writer(0, file=file)
            index = _cut_all(entries, form, writer, where, progress)
            block = writer.finish()
            if index.pieces:
                cache.keep(file, index, writer.checksum)
        return Stored(block, index)


def _cut_all(
    entries: Sequence[Entry], form: Form, writer: Writer, where: str, progress: Progress
) -> Index:
    """Decodes and cuts every recording into the writer."""
    index = Index()
    load = partial(_cut, form=form)
    cuts = _parallel(load, entries, form.settings.workers, "decoding recordings", progress)
    for row, result in enumerate(cuts):
        if isinstance(result, UnusableError):
            skip(Issue(entries[row].name, str(result)), where, form.settings.strict)
            index.issues.append((row, str(result)))
            continue
        for samples, start, windows in zip(
            result.pieces, result.starts, result.windows, strict=True
        ):
            index.pieces += [len(index.rows)] * len(windows)
            index.windows += windows
            index.rows.append(row)
            index.starts.append(start)
            index.sizes.append(samples.shape[1])
            writer.append(samples)
        index.issues += [(row, note) for note in result.notes]
    return index


def _cut(entry: Entry, form: Form) -> Cut | UnusableError:
    # The beginning of a recording is enough, unless its peak is asked for.
    only = form.settings.slice == "first" and not form.settings.trim
    try:
        content = entry.content()
        sound = decode(content, form.rate, form.channels, form.size + 1 if only else None)
        beyond = max(sound.shape[1] - form.size, 0) if only else 0
        sound = sound[:, : form.size] if only else sound
        return slicing.cut(sound, form.rate, form.size, form.settings, beyond)
    except UnusableError as error:
        return error


def _expected(headers: Sequence[Header], form: Form) -> int:
    """Bytes that the clips will take, roughly."""
    if form.settings.slice == "first":
        samples = len(headers) * form.size
    else:
        samples = sum(max(length(h, form.rate), form.size) for h in headers)
    return samples * form.channels * 4


def _key(hashes: Sequence[str], form: Form) -> str:
    """A hash of all that decides what a clip is: the data, and how it is cut."""
    how = (form.rate, form.channels, form.size, *(getattr(form.settings, k) for k in _CUTTING))
    return hashlib.sha256("\n".join([*hashes, repr(how)]).encode()).hexdigest()[:32]


_CUTTING = ("slice", "pad", "loudness", "trim", "silent", "strict")


def _rate(headers: Sequence[Header], settings: AudioSettings) -> int:
    if settings.rate != "auto":
        return int(settings.rate)
    counted = Counter(header.rate for header in headers)
    return min(max(counted, key=lambda rate: (counted[rate], rate)), MOST_RATE)


def _duration(headers: Sequence[Header], settings: AudioSettings) -> float:
    """Seconds of a clip; what is found is rounded up to hundredths."""
    if settings.duration != "auto":
        return float(settings.duration)
    seconds = sorted(header.seconds for header in headers)
    most = seconds[math.ceil(0.9 * len(seconds)) - 1]
    return min(max(math.ceil(round(most * 100, 3)) / 100, SHORTEST), USUAL)


def _check(settings: AudioSettings) -> None:
    """Settings lie in their ranges.

    Raises:
        GankitError: one does not.
    """
    for name, words, low, high, unit in (
        ("rate", ("auto",), LOWEST, HIGHEST, "samples a second"),
        ("duration", ("auto",), SHORTEST, LONGEST, "seconds"),
        ("loudness", ("peak", "keep"), -70, 0, "LUFS"),
        ("trim", (), 0, 200, "decibels"),
        ("silent", (), -120, 0, "decibels"),
        ("memory", (), 0, math.inf, "gigabytes"),
        ("workers", (), 1, 256, "threads"),
    ):
        value = getattr(settings, name)
        if value in words:
            continue
        try:
            number = float(value)
            fits = low <= number <= high and (name != "rate" or number.is_integer())
        except (TypeError, ValueError):
            fits = False
        if not fits:
            bounds = f"{low:g} to {high:g}" if high < math.inf else f"{low:g} or more"
            either = "".join(f"{word}, or " for word in words)
            raise GankitError(f"{name}={value}: out of range", f"Set {either}{bounds} {unit}")


# --- Doing and saying ---------------------------------------------------------------------------


def _parallel(
    function: Callable[[T], R], items: Sequence[T], workers: int, what: str, progress: Progress
) -> Iterator[R]:
    """Results in the items' order; few are computed ahead, since one may be an hour of sound."""
    pool = ThreadPoolExecutor(workers)
    waiting: deque[Future[Any]] = deque()
    try:
        for done in range(len(items)):
            while len(waiting) < 2 * workers and done + len(waiting) < len(items):
                waiting.append(pool.submit(function, items[done + len(waiting)]))
            yield waiting.popleft().result()
            if (done + 1) % _EACH == 0 or done + 1 == len(items):
                progress(what, done + 1, len(items))
    finally:
        pool.shutdown(cancel_futures=True)  # an interrupt need not wait for the rest


def _nothing(where: str, total: int, issues: Sequence[Issue]) -> GankitError:
    first = f"; the first problem: {issues[0].location}: {issues[0].reason}" if issues else ""
    return GankitError(
        f"{where}: none of {_many(total, 'recording')} can be used{first}",
        "Mend them, or change silent, pad, trim or slice",
    )


def _few(where: str, count: int, settings: AudioSettings, issues: Sequence[Issue]) -> GankitError:
    left_out = f"; left out: {len(issues):,}" if issues else ""
    more = "" if settings.slice == "all" else "; slice=all cuts long recordings into many"
    return GankitError(
        f"{where}: only {_many(count, 'clip')}{left_out}", f"At least {FEWEST} are needed{more}"
    )


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}" + ("s" if count != 1 else "")


def _describe(kind: str, headers: Sequence[Header], clips: Clips, form: Form) -> str:
    formats = sorted({header.format for header in headers} - {""})
    rates = sorted({header.rate for header in headers})
    spread = f"{rates[0]}" if len(rates) == 1 else f"{rates[0]} to {rates[-1]}"
    hours = sum(header.seconds for header in headers) / 3600
    about = [*([" and ".join(formats)] if formats else []), f"{spread} Hz", f"{hours:.2g} h"]
    parts = [
        f"{kind}: {_many(len(headers), 'recording')} ({', '.join(about)})",
        f"{_many(len(clips), 'clip')} of {form.size / form.rate:g} s at {form.rate} Hz",
        form.settings.channels,
    ]
    if classes := len(clips.labels()):
        parts.append(f"{classes:,} classes" if classes > 1 else "1 class")
    return ", ".join(parts)
