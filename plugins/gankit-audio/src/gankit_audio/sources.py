"""Reading: whatever a user points at becomes clips of one rate, length and number of channels.

Every recording is decoded once, before training begins, so that damaged ones are named up front
and no visit decodes again.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, overload

import numpy as np

from gankit.contract import Problem, Progress, Source
from gankit.errors import GankitError
from gankit_audio import slicing
from gankit_audio.clips import LABEL, Clip, Samples
from gankit_audio.files import (
    HIGHEST,
    LOWEST,
    Header,
    UnusableError,
    decode,
    mixed,
    read_header,
    resampled,
    usable,
)
from gankit_audio.listings import Entry, Listing, find
from gankit_audio.settings import AudioSettings
from gankit_audio.store import Store, recall

FEWEST = 4
"""Fewest clips that make a data set."""
SHORTEST, LONGEST = 0.05, 60.0
"""Seconds of a clip."""
AUTO_RATE, AUTO_SECONDS = 16_000, 2.0
"""Most that auto takes."""
LOOKED_FOR = 60.0
"""Seconds of a long recording in which its beginning is looked for."""
CHUNK = 16

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Format:
    """What all clips have in common."""

    rate: int
    channels: int
    length: int

    def __str__(self) -> str:
        sides = "stereo" if self.channels == 2 else "mono"
        return f"{self.length / self.rate:.3g} s at {self.rate:,} a second, {sides}"


class Clips(Sequence[Clip]):
    """Clips of kept samples; made when they are asked for."""

    def __init__(
        self,
        samples: Sequence[Samples],
        names: Sequence[str],
        values: Sequence[Mapping[str, str | float]],
        format: Format,
    ) -> None:
        self._samples, self._names, self._values = samples, names, values
        self.format = format

    def __len__(self) -> int:
        return len(self._samples)

    @overload
    def __getitem__(self, i: int) -> Clip: ...
    @overload
    def __getitem__(self, i: slice) -> list[Clip]: ...
    def __getitem__(self, i: int | slice) -> Clip | list[Clip]:
        if isinstance(i, slice):
            return [self[k] for k in range(*i.indices(len(self)))]
        i = range(len(self))[i]
        x, length = self._samples[i], self.format.length
        recording = None
        if x.shape[1] > length:
            start = (x.shape[1] - length) // 2
            x, recording = x[:, start : start + length], x
        return Clip(x, self.format.rate, self._values[i], self._names[i], recording)


def read(source: object | None, settings: AudioSettings, progress: Progress) -> Source[Clip]:
    """The clips of a path or of an object in memory; None is a set of plucked strings.

    Raises:
        GankitError: nothing usable there, fewer than ``FEWEST`` clips, or a setting that does not
            fit; with ``settings.strict``, one recording that cannot be used.
    """
    _check(settings)
    if source is None:
        from gankit_audio.plucked import plucked_strings

        listing, where = find(plucked_strings(), settings), "the plucked strings"
        listing = Listing("plucked strings, synthesised", listing.entries)
    else:
        listing = find(source, settings)
        where = str(source) if isinstance(source, (str, Path)) else "the data"

    problems: list[Problem] = []
    headers: dict[int, Header] = {}
    digest = []
    look = _parallel(_look, listing.entries, settings.workers, "looking at recordings", progress)
    for i, found in enumerate(look):
        entry = listing.entries[i]
        if isinstance(found, Problem):
            problems.append(_tolerated(found, where, settings))
        else:
            headers[i], content = found
            said = json.dumps(dict(entry.values), sort_keys=True)
            digest.append(f"{entry.name}\0{said}\0{content}")
    if not headers:
        _enough(0, len(listing.entries), problems, where)
    format = _format(list(headers.values()), settings)
    fingerprint = _hash(sorted(digest))
    good = [listing.entries[i] for i in headers]

    kept = None
    if settings.cache:
        matters = [getattr(settings, n) for n in ("slice", "pad", "loudness", "trim", "silent")]
        key = _hash([fingerprint, str(format), repr(matters)])
        kept = Path(settings.cache).expanduser() / key[:32]
        known = recall(kept)
        if known is not None:
            samples, record = known
            clips = Clips(samples, record["names"], record["values"], format)
            problems += [Problem(*p) for p in record["problems"]]
            return _source(clips, fingerprint, listing, headers.values(), problems)

    store = Store(format.channels, settings.memory * 2**30, kept)
    names: list[str] = []
    values: list[Mapping[str, str | float]] = []
    faults: list[Problem] = []
    try:
        make = partial(_pieces, format=format, settings=settings)
        made = _parallel(make, good, settings.workers, "reading recordings", progress)
        for entry, pieces in zip(good, made, strict=True):
            if isinstance(pieces, Problem):
                faults.append(_tolerated(pieces, where, settings))
                continue
            for k, piece in enumerate(pieces):
                store.append(piece)
                names.append(entry.name if len(pieces) == 1 else f"{entry.name} #{k}")
                values.append(entry.values)
        problems += faults
        _enough(len(names), len(listing.entries), problems, where)
    except BaseException:
        store.discard()
        raise
    record = {
        "names": names,
        "values": [dict(v) for v in values],
        "problems": [(p.where, p.why) for p in faults],
    }
    clips = Clips(store.finish(record), names, values, format)
    return _source(clips, fingerprint, listing, headers.values(), problems)


def _source(
    clips: Clips,
    fingerprint: str,
    listing: Listing,
    headers: Iterable[Header],
    problems: Sequence[Problem],
) -> Source[Clip]:
    formats = Counter(h.format for h in headers if h.format)
    parts = [f"{listing.kind}: {len(clips):,} clips of {clips.format}"]
    if formats:
        parts.append(", ".join(f"{n:,} {name}" for name, n in formats.most_common()))
    labels = {v.get(LABEL) for v in clips._values}
    if None not in labels and len(labels) > 1:
        parts.append(f"{len(labels)} classes")
    licence = "synthesised here" if listing.kind.startswith("plucked") else ""
    return Source(clips, fingerprint, "; ".join(parts), licence, problems)


# --- Settings -----------------------------------------------------------------------------------


def _check(settings: AudioSettings) -> None:
    rate, duration = settings.rate, settings.duration
    if rate != "auto" and not (isinstance(rate, int) and LOWEST <= rate <= HIGHEST):
        raise GankitError(
            f"rate={rate}: not a number of samples a second",
            f"Set {LOWEST:,} to {HIGHEST:,}, or auto",
        )
    if duration != "auto" and not (
        isinstance(duration, (int, float)) and SHORTEST <= duration <= LONGEST
    ):
        raise GankitError(
            f"duration={duration}: not a number of seconds",
            f"Set {SHORTEST:g} to {LONGEST:g}, or auto",
        )
    slicing.check_loudness(settings.loudness)


def _format(headers: Sequence[Header], settings: AudioSettings) -> Format:
    rate, seconds = settings.rate, settings.duration
    if isinstance(rate, str):
        rate = min(Counter(h.rate for h in headers).most_common(1)[0][0], AUTO_RATE)
    if isinstance(seconds, str):
        most = float(np.quantile([h.seconds for h in headers], 0.9))
        seconds = min(max(math.ceil(most * 100) / 100, SHORTEST), AUTO_SECONDS)
    channels = 2 if settings.channels == "stereo" else 1
    return Format(rate, channels, round(seconds * rate))


# --- One recording ------------------------------------------------------------------------------


def _look(entry: Entry) -> tuple[Header, str] | Problem:
    """What a recording says of itself, and a hash of it."""
    try:
        if entry.samples is not None:
            x = usable(entry.samples)
            if not LOWEST <= entry.rate <= HIGHEST:
                raise UnusableError(f"{entry.rate:,} samples a second")
            header = Header(entry.rate, len(x), x.shape[1], "")
            return header, hashlib.sha256(x.tobytes()).hexdigest()
        assert entry.open is not None
        with entry.open() as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
            file.seek(0)
            return read_header(file), content
    except (UnusableError, OSError) as error:
        return Problem(entry.name, _why(error))


def _pieces(entry: Entry, format: Format, settings: AudioSettings) -> list[Samples] | Problem:
    """The clips of one recording, ready to be kept."""
    try:
        pieces = list(_cut(entry, format, settings))
    except (UnusableError, OSError) as error:
        return Problem(entry.name, _why(error))
    return pieces or Problem(entry.name, f"silent: below {settings.silent:g} dB of full scale")


def _cut(entry: Entry, format: Format, settings: AudioSettings) -> Iterator[Samples]:
    seconds = format.length / format.rate
    if entry.samples is not None:
        x, rate = entry.samples, entry.rate
    else:
        assert entry.open is not None
        short = seconds + (LOOKED_FOR if settings.trim else 0.1)
        with entry.open() as file:
            x, rate = decode(file, short if settings.slice == "first" else math.inf)
    x = resampled(mixed(x, format.channels), rate, format.rate)
    x = slicing.trim(x, settings.trim, format.rate)
    quiet = 10 ** (settings.silent / 20)
    if settings.slice == "random" and x.shape[1] > format.length:
        if np.abs(x).max() >= quiet:
            level = _within(slicing.levelled(x, format.rate, settings.loudness))
            for _ in range(math.ceil(x.shape[1] / format.length)):
                yield level
        return
    how = "first" if settings.slice == "random" else settings.slice
    loud = [p for p in slicing.cut(x, format.rate, format.length, how) if np.abs(p).max() >= quiet]
    whole_ones = [slicing.padded(piece, format.length, settings.pad) for piece in loud]
    if loud and all(whole is None for whole in whole_ones):
        raise UnusableError(f"shorter than {seconds:.3g} s, and pad=drop")
    for whole in whole_ones:
        if whole is None:
            continue
        yield _within(slicing.levelled(whole, format.rate, settings.loudness))


def _within(x: Samples) -> Samples:
    """Floating-point files may go beyond full scale."""
    peak = float(np.abs(x).max())
    return x if peak <= 1 else x / np.float32(peak)


def _why(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    return str(getattr(error, "strerror", None) or error)


def _tolerated(problem: Problem, where: str, settings: AudioSettings) -> Problem:
    if settings.strict:
        raise GankitError(
            f"{where}, {problem.where}: {problem.why}",
            "Mend or remove it, or set strict=false to leave such recordings out",
        )
    return problem


def _enough(usable: int, total: int, problems: Sequence[Problem], where: str) -> None:
    if usable < FEWEST:
        first = f"; the first problem: {problems[0].where}: {problems[0].why}" if problems else ""
        raise GankitError(
            f"{where}: {usable} clips can be used of {total} recordings{first}",
            f"At least {FEWEST} are needed; slice=all makes several of a long recording",
        )


def _parallel(
    function: Callable[[T], R], items: Sequence[T], workers: int, what: str, progress: Progress
) -> Iterator[R]:
    """Results in order; libsndfile and torch let go of the interpreter."""
    pool = ThreadPoolExecutor(max(workers, 1))
    try:
        for start in range(0, len(items), CHUNK * max(workers, 1)):
            yield from pool.map(function, items[start : start + CHUNK * max(workers, 1)])
            progress(what, start, len(items))
    finally:
        pool.shutdown(cancel_futures=True)


def _hash(lines: Iterable[Any]) -> str:
    digest = hashlib.sha256()
    for line in lines:
        digest.update(str(line).encode("utf-8", "surrogateescape") + b"\n")
    return digest.hexdigest()
