"""Reads a data set: recordings become clips of one rate, duration and number of channels.

Headers are read first and determine rate and duration; then everything is decoded once, so that
damaged files are reported before training.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from gankit.contract import Dataset, Issue, Progress
from gankit.errors import GankitError
from gankit.kit.folders import fingerprint, skip
from gankit.kit.name_classes import suggest_prefixes
from gankit.kit.people import VOICES, people_in
from gankit_audio.data import manifests, summary
from gankit_audio.data.clips import Clip
from gankit_audio.data.dataset import Clips, ClipSpec
from gankit_audio.data.decoding import decode_all, read_headers
from gankit_audio.data.files import Header
from gankit_audio.data.listing import Listing
from gankit_audio.data.locate import SUPPORTED, locate
from gankit_audio.data.summary import count, in_all
from gankit_audio.settings import DURATIONS

if TYPE_CHECKING:
    from gankit_audio.settings import AudioSettings

FEWEST = 8
"""Fewest clips of a data set."""
MOST_RATE = 16_000
"""Highest rate that ``auto`` chooses."""
MOST_DURATION = 2.0
"""Most seconds of a clip that ``auto`` chooses."""


def read(source: object | None, settings: AudioSettings, progress: Progress) -> Dataset[Clip]:
    """The clips of a path or of an object in memory; None is the built-in plucked strings.

    Paths: a folder of recordings (nested or flat; the first folder level is the label), with or
    without a manifest; a zip archive of one; one recording; a manifest; Parquet in the Hugging
    Face layout. In memory: see :func:`gankit_audio.data.memory.listing`.

    Raises:
        GankitError: nothing usable there, or fewer than ``FEWEST`` clips; with ``settings.strict``,
            an unusable recording.
    """
    listing, where = locate(source, settings)
    entries = listing.entries
    if not entries and not listing.issues:
        raise GankitError(f"{where}: no recordings there", SUPPORTED)
    issues = [skip(issue, where, settings.strict) for issue in listing.issues]
    issues += listing.notes
    total = len(entries) + len(issues)
    rows = manifests.without_ours([e.row for e in entries], settings)
    entries = [
        replace(entry, row=row, made=manifests.is_made(entry.row))
        for entry, row in zip(entries, rows, strict=True)
    ]
    values = manifests.values_of(
        [e.row for e in entries],
        [e.file or e.name for e in entries],
        [e.folder for e in entries],
        settings,
    )
    found = read_headers(entries, where, settings, progress)
    issues += found.issues
    usable, headers = list(found.headers), list(found.headers.values())
    if not usable:
        raise _none_usable(where, total, issues)

    rate, channels = _rate(headers, settings), 1 if settings.channels == "mono" else 2
    spec = ClipSpec(rate, channels, round(_duration(headers, settings) * rate), settings)
    entries, values = [entries[i] for i in usable], [values[i] for i in usable]
    hashes = [found.hashes[i] for i in usable]
    stored = decode_all(entries, headers, hashes, spec, where, progress)
    issues += [Issue(entries[row].name, reason) for row, reason in stored.index.issues]
    clips = Clips(stored, entries, values, spec)
    labels = clips.labels()
    if (missing := summary.without_class(labels, settings)) is not None:
        issues += _unlabelled(clips, missing)
        clips = clips.take(np.flatnonzero(~np.array(missing, bool)))
        labels = [label for label in labels if label is not None]
    if not len(clips):
        raise _none_usable(where, total, issues)
    if len(clips) < FEWEST:
        raise _too_few(where, len(clips), settings, issues)
    return Dataset(
        clips,
        fingerprint=fingerprint(
            f"{entry.name}\0{json.dumps(value)}\0{digest}"
            for entry, value, digest in zip(entries, values, hashes, strict=True)
        ),
        description=_describe(listing.kind, headers, clips, spec, labels),
        licence=listing.licence,
        issues=issues,
        facts={
            **listing.facts,
            "labels": summary.label_fact(labels, _origin(listing, settings)),
            **summary.facts(headers, clips, spec, stored.index.counts),
        },
        table=summary.class_table(labels),
        warnings=[
            *listing.warnings,
            *summary.doubts(labels, hashes, stored.index.counts, settings),
            *_unused_prefixes(clips, labels, settings),
        ],
        strata=summary.strata(labels),
        people=people_in(
            VOICES,
            path=where,
            names=[entry.file or entry.name for entry in entries],
            labels=labels,
            columns={column for entry in entries for column in entry.row},
        ),
    )


def _unlabelled(clips: Clips, missing: Sequence[bool]) -> list[Issue]:
    names = dict.fromkeys(clips.name(i) for i, lacks in enumerate(missing) if lacks)
    reason = "no class, which the other recordings have: left out; conditional=false uses it"
    return [Issue(name, reason) for name in names]


def _unused_prefixes(
    clips: Clips, labels: Sequence[str | None], settings: AudioSettings
) -> list[str]:
    """A warning if there are no labels, and the names look like classes."""
    if settings.label != "auto" or settings.conditional is False or any(labels):
        return []
    names = dict.fromkeys(clips.name(i) for i in range(len(clips)))
    return list(filter(None, [suggest_prefixes(list(names))]))


def _origin(listing: Listing, settings: AudioSettings) -> str:
    """Where labels come from, in words."""
    if settings.label == "prefix":
        return "the file names"
    rows = {key for entry in listing.entries for key in entry.row}
    column = manifests.label_column(list(rows), settings)
    if settings.label == "auto" and column is not None:
        source = listing.labels_from
        return f"the column {column}" + (f" of {source}" if source else "")
    return "the folders"


def _rate(headers: Sequence[Header], settings: AudioSettings) -> int:
    if settings.rate != "auto":
        return settings.rate
    counted = Counter(header.rate for header in headers)
    return min(max(counted, key=lambda rate: (counted[rate], rate)), MOST_RATE)


def _duration(headers: Sequence[Header], settings: AudioSettings) -> float:
    """Seconds of a clip; ``auto`` is rounded up to hundredths."""
    if settings.duration != "auto":
        return settings.duration
    seconds = sorted(header.seconds for header in headers)
    most = seconds[math.ceil(0.9 * len(seconds)) - 1]
    return min(max(math.ceil(round(most * 100, 3)) / 100, DURATIONS.least), MOST_DURATION)


def _none_usable(where: str, total: int, issues: Sequence[Issue]) -> GankitError:
    first = f"; the first issue: {issues[0].location}: {issues[0].reason}" if issues else ""
    return GankitError(
        f"{where}: none of {count(total, 'recording')} can be used{first}",
        "Fix the files, or change silent, pad, trim or slice",
    )


def _too_few(
    where: str, found: int, settings: AudioSettings, issues: Sequence[Issue]
) -> GankitError:
    skipped = f"; skipped: {len(issues):,}" if issues else ""
    hint = "" if settings.slice == "all" else "; slice=all cuts long recordings into many clips"
    return GankitError(
        f"{where}: only {count(found, 'clip')}{skipped}", f"At least {FEWEST} are needed{hint}"
    )


def _describe(
    kind: str,
    headers: Sequence[Header],
    clips: Clips,
    spec: ClipSpec,
    labels: Sequence[str | None],
) -> str:
    formats = sorted({header.format for header in headers} - {""})
    rates = sorted({header.rate for header in headers})
    spread = f"{rates[0]}" if len(rates) == 1 else f"{rates[0]} to {rates[-1]}"
    total = in_all(header.seconds for header in headers)
    about = [*([", ".join(formats)] if formats else []), f"{spread} Hz", total]
    parts = [
        f"{kind}: {count(len(headers), 'recording')} ({', '.join(about)})",
        f"{count(len(clips), 'clip')} of {spec.size / spec.rate:g} s at {spec.rate} Hz",
        spec.settings.channels,
    ]
    if classes := len(set(labels) - {None}):
        parts.append(f"{classes:,} classes" if classes > 1 else "1 class")
    return ", ".join(parts)
