"""Recordings decoded and cut, in threads."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from gankit.contract import Issue, Progress
from gankit.errors import GankitError
from gankit_audio.data import slicing
from gankit_audio.data.dataset import Form
from gankit_audio.data.files import (
    Header,
    UnusableError,
    decode,
    length,
    look,
)
from gankit_audio.data.listing import Entry
from gankit_audio.data.slicing import Cut
from gankit_audio.data.store import Cache, Index, Stored, Writer, room_in

if TYPE_CHECKING:
    from gankit_audio.settings import AudioSettings


_EACH = 64
"""Recordings between two reports of progress."""

T = TypeVar("T")

R = TypeVar("R")


@dataclass(frozen=True)
class Headers:
    """Headers and hashes of the usable recordings, by their numbers, and what is wrong with the
    others.
    """

    headers: dict[int, Header]
    hashes: dict[int, str]
    issues: list[Issue]


def read_headers(
    entries: Sequence[Entry], where: str, settings: AudioSettings, progress: Progress
) -> Headers:
    found = Headers({}, {}, [])
    looked = _parallel(_header, entries, settings.workers, "looking at recordings", progress)
    for i, result in enumerate(looked):
        if isinstance(result, UnusableError):
            problem = Issue(entries[i].name, str(result))
            found.issues.append(report(problem, where, settings))
        else:
            found.headers[i], found.hashes[i] = result
    return found


def _header(entry: Entry) -> tuple[Header, str] | UnusableError:
    try:
        return look(entry.content())
    except UnusableError as error:
        return error


def decode_all(
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
            report(Issue(entries[row].name, str(result)), where, form.settings)
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


def report(problem: Issue, where: str, settings: AudioSettings) -> Issue:
    if settings.strict:
        raise GankitError(
            f"{where}, {problem.location}: {problem.reason}",
            "Mend or remove it, or set strict=false to leave such files out",
        )
    return problem
