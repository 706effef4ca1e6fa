"""Reads headers, decodes recordings and cuts them into clips, in threads."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from gankit.contract import Issue, Progress
from gankit.kit.folders import skip
from gankit_audio.data import slicing
from gankit_audio.data.cache import ClipCache
from gankit_audio.data.dataset import ClipSpec
from gankit_audio.data.files import Header, UnusableError, decode, read_header, resampled_length
from gankit_audio.data.listing import Entry
from gankit_audio.data.slicing import Cut
from gankit_audio.data.store import Index, Stored, Writer, disk_errors

if TYPE_CHECKING:
    from gankit_audio.settings import AudioSettings

_EACH = 64
"""Recordings between two reports of progress."""
_CUT_SETTINGS = ("slice", "pad", "loudness", "trim", "silent", "strict", "remove_dc")
"""Settings that change the clips of a recording."""

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Headers:
    """Headers and hashes of the usable recordings, by number, and the issues of the others."""

    headers: dict[int, Header]
    hashes: dict[int, str]
    issues: list[Issue]


def read_headers(
    entries: Sequence[Entry], where: str, settings: AudioSettings, progress: Progress
) -> Headers:
    """The headers of all recordings.

    Raises:
        GankitError: with ``settings.strict``, a recording is unusable.
    """
    found = Headers({}, {}, [])
    results = _parallel(_header, entries, settings.workers, "reading headers", progress)
    for i, result in enumerate(results):
        if isinstance(result, UnusableError):
            found.issues.append(skip(Issue(entries[i].name, str(result)), where, settings.strict))
        else:
            found.headers[i], found.hashes[i] = result
    return found


def _header(entry: Entry) -> tuple[Header, str] | UnusableError:
    try:
        return read_header(entry.content())
    except UnusableError as error:
        return error


def decode_all(
    entries: Sequence[Entry],
    headers: Sequence[Header],
    hashes: Sequence[str],
    spec: ClipSpec,
    where: str,
    progress: Progress,
) -> Stored:
    """The samples of all clips, decoded now or by an earlier run.

    Raises:
        GankitError: no room for them; with ``settings.strict``, a recording is unusable.
    """
    settings = spec.settings
    cache = ClipCache(settings.cache, _key(hashes, spec))
    fill = partial(cut_all, entries, spec, where, progress)
    stored = cache.load(len(entries), spec.channels, spec.size) or cache.write(fill)
    if stored is not None:
        return stored
    writer = Writer(settings.memory * 2**30, _expected_bytes(headers, spec))
    with disk_errors():
        index = fill(writer)
        return Stored(writer.finish(), index)


def cut_all(
    entries: Sequence[Entry], spec: ClipSpec, where: str, progress: Progress, writer: Writer
) -> Index:
    """Decodes and cuts every recording; the writer gets the samples."""
    index = Index()
    cut = partial(_cut, spec=spec)
    cuts = _parallel(cut, entries, spec.settings.workers, "decoding recordings", progress)
    for row, result in enumerate(cuts):
        if isinstance(result, UnusableError):
            skip(Issue(entries[row].name, str(result)), where, spec.settings.strict)
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
        for doubt in result.counts:
            index.counts[doubt] = index.counts.get(doubt, 0) + 1
    return index


def _cut(entry: Entry, spec: ClipSpec) -> Cut | UnusableError:
    # The beginning of a recording is enough, unless trimming needs its peak.
    beginning = spec.settings.slice == "first" and not spec.settings.trim
    try:
        content = entry.content()
        sound = decode(content, spec.rate, spec.channels, spec.size + 1 if beginning else None)
        beyond = max(sound.shape[1] - spec.size, 0) if beginning else 0
        sound = sound[:, : spec.size] if beginning else sound
        return slicing.cut(sound, spec.rate, spec.size, spec.settings, beyond)
    except UnusableError as error:
        return error


def _expected_bytes(headers: Sequence[Header], spec: ClipSpec) -> int:
    """An estimate of the size of all clips."""
    if spec.settings.slice == "first":
        samples = len(headers) * spec.size
    else:
        samples = sum(max(resampled_length(h, spec.rate), spec.size) for h in headers)
    return samples * spec.channels * 4


def _key(hashes: Sequence[str], spec: ClipSpec) -> str:
    """A hash of everything that determines the clips: the data, and how it is cut."""
    settings = (getattr(spec.settings, key) for key in _CUT_SETTINGS)
    how = (spec.rate, spec.channels, spec.size, *settings)
    return hashlib.sha256("\n".join([*hashes, repr(how)]).encode()).hexdigest()[:32]


def _parallel(
    function: Callable[[T], R], items: Sequence[T], workers: int, what: str, progress: Progress
) -> Iterator[R]:
    """Results in the order of the items; few are computed ahead, since one may be an hour long."""
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
        pool.shutdown(cancel_futures=True)  # an interrupt does not wait for the rest
