"""Reading: whatever a user points at becomes clips of one rate, channels and duration.

Headers are looked at first, so that rate and duration are known; then everything is decoded once,
so that damaged files are named before training begins.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from gankit.contract import Dataset, Issue, Progress
from gankit.errors import GankitError
from gankit_audio.data import manifests
from gankit_audio.data.clips import Clip
from gankit_audio.data.dataset import Clips, Form
from gankit_audio.data.decoding import (
    decode_all,
    read_headers,
    report,
)
from gankit_audio.data.files import (
    HIGHEST,
    LOWEST,
    Header,
)
from gankit_audio.data.locate import READS, locate

if TYPE_CHECKING:
    from gankit_audio.settings import AudioSettings

FEWEST = 8
"""Fewest clips that make a data set."""
MOST_RATE = 16_000
"""Highest rate that is taken of itself."""
SHORTEST, LONGEST, USUAL = 0.05, 60.0, 2.0
"""Seconds of a clip: least, most, and most that is taken of itself."""


def read(source: object | None, settings: AudioSettings, progress: Progress) -> Dataset[Clip]:
    """The clips of a path or of an object in memory; None is ``plucked``, the built-in strings.

    Paths: a folder of recordings (nested or flat; a first folder level is the label), which may
    hold a manifest; a zip archive of one; one recording; a manifest; Parquet in the Hugging Face
    layout. In memory: see :func:`gankit_audio.data.memory.listing`.

    Raises:
        GankitError: nothing usable there, fewer than ``FEWEST`` clips, or a setting out of its
            range; with ``settings.strict``, one recording that cannot be used.
    """
    _check(settings)
    listing, where = locate(source, settings)
    entries = listing.entries
    if not entries and not listing.issues:
        raise GankitError(f"{where}: no recordings there", READS)
    listed = [report(problem, where, settings) for problem in listing.issues]
    listed += listing.notes
    values = manifests.told(
        [e.row for e in entries],
        [e.file or e.name for e in entries],
        [e.folder for e in entries],
        settings,
    )
    found = read_headers(entries, where, settings, progress)
    good = list(found.headers)
    if not good:
        raise _nothing(where, len(entries) + len(listed), [*listed, *found.issues])

    headers = list(found.headers.values())
    rate, channels = _rate(headers, settings), 1 if settings.channels == "mono" else 2
    size = round(_duration(headers, settings) * rate)
    sounds = [entries[i] for i in good]
    form = Form(rate, channels, size, settings)
    stored = decode_all(sounds, headers, [found.hashes[i] for i in good], form, where, progress)
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
        fingerprint=_fingerprint(told),
        description=_describe(listing.kind, headers, clips, form),
        licence=listing.licence,
        issues=issues,
    )


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


def _fingerprint(lines: Iterable[str]) -> str:
    """SHA-256 over the sorted lines of name, values and content hash."""
    digest = hashlib.sha256()
    for line in sorted(lines):
        digest.update(line.encode("utf-8", "surrogateescape") + b"\n")
    return digest.hexdigest()


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
