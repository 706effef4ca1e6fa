"""Reading: a path or an object in memory becomes clips of one shape."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gankit.contract import Dataset, Issue, Progress, quiet
from gankit.errors import GankitError
from gankit.kit.folders import fingerprint, natural_key, printable, skip
from gankit.kit.people import FACES, people_in
from gankit_video.data import arrays, cutting
from gankit_video.data.arrays import ArrayVideo
from gankit_video.data.digits import LICENCE, moving_digits
from gankit_video.data.fitting import DEFAULT, LARGEST_AUTO, in_mode, size_of
from gankit_video.data.items import Clip, Frames
from gankit_video.data.locate import READS, locate
from gankit_video.data.videos import Decoded, Entry, Listing, Plan, UndecodableError

if TYPE_CHECKING:
    from gankit_video.settings import VideoSettings

FEWEST = 8
"""Fewest clips in a data set."""
MOST_BYTES = 4 * 2**30
"""Frames in memory at once, of all clips together."""
ROWS = 40
"""Most classes that are shown one by one."""
SYNTHESISED = "synthesised: moving digits (scikit-learn's real digits, made to move)"


def read(source: object | None, settings: VideoSettings, progress: Progress) -> Dataset[Clip]:
    """The clips of a path or of an object in memory; None means the synthesised moving digits.

    Raises:
        GankitError: nothing usable, fewer than ``FEWEST`` clips, too many to hold in memory, or a
            setting that does not fit; with ``settings.strict``, one file that cannot be used.
    """
    size_of(settings.resolution)
    listing, where = _listing(source, settings)
    return _dataset(listing, where, settings, progress, FEWEST)


def read_items(source: object, settings: VideoSettings) -> Dataset[Clip]:
    """One clip or a few.

    Raises:
        GankitError: there are none, or one cannot be read.
    """
    listing, where = _listing(source, replace(settings, conditional="auto"))
    return _dataset(listing, where, replace(settings, strict=True), quiet, 1)


def _listing(source: object | None, settings: VideoSettings) -> tuple[Listing, str]:
    if source is None:
        clips = moving_digits(settings.frames * settings.stride)
        entries = [Entry(ArrayVideo(c.name, c.frames, c.fps), c.label, c.values) for c in clips]
        facts = {"data": SYNTHESISED}
        return Listing(
            "moving digits, synthesised",
            entries,
            facts=facts,
            labels_from="the digit",
            licence=LICENCE,
        ), "the built-in data"
    if isinstance(source, str | Path):
        path = Path(source).expanduser()
        return locate(path, settings), str(path)
    return arrays.memory(source, settings.label_key), "the data"


def _dataset(
    listing: Listing, where: str, settings: VideoSettings, progress: Progress, fewest: int
) -> Dataset[Clip]:
    issues = [skip(issue, where, settings.strict) for issue in listing.issues]
    remarks: Counter[str] = Counter()
    sizes: list[tuple[int, int]] = []
    usable: list[Entry] = []
    for i, entry in enumerate(listing.entries):
        progress("checking videos", i, len(listing.entries))
        try:
            probed = entry.video.probe(settings.max_pixels)
        except UndecodableError as error:
            issues.append(skip(Issue(entry.video.name, str(error)), where, settings.strict))
            continue
        remarks.update(probed.remarks)
        usable.append(entry)
        sizes.append(probed.size)
    plan = _plan(set(sizes), settings)
    clips: list[Clip] = []
    digests: list[str] = []
    cut = left = used = total = 0
    for i, entry in enumerate(usable):
        progress("reading videos", i, len(usable))
        try:
            decoded = entry.video.decode(plan)
        except UndecodableError as error:
            issues.append(skip(Issue(entry.video.name, str(error)), where, settings.strict))
            continue
        remarks.update(decoded.remarks)
        found = _clips(entry, decoded, settings)
        if not found:
            have = f"{len(decoded.frames)} frames" if len(decoded.frames) != 1 else "1 frame"
            why = f"{have}, fewer than the {settings.frames} of a clip (frames): left out"
            issues.append(skip(Issue(entry.video.name, why), where, settings.strict))
            continue
        total += sum(clip.frames.nbytes for clip in found)
        _within_memory(total, where)
        used, cut = used + 1, cut + (len(found) > 1)
        left += len(decoded.frames) - len(found) * settings.frames
        clips += found
        digests.append(f"{entry.video.name}\0{entry.label}\0{decoded.digest}")
    progress("reading videos", len(usable), len(usable))
    if len(clips) < fewest:
        raise _too_few(len(clips), fewest, issues, where, settings)
    clips = _one_mode(clips, plan, settings)
    rates = sorted({round(clip.fps, 2) for clip in clips})
    fps = float(np.median([clip.fps for clip in clips]))
    clips = [replace(clip, fps=fps) for clip in clips]
    labels = [clip.label for clip in clips]
    frames, height, width, channels = clips[0].frames.shape
    mode = "RGB" if channels == 3 else "grey"
    facts = {
        **listing.facts,
        "clips": cutting.said(used, len(clips), settings.frames, cut, max(left, 0)),
        "frames": _frames_fact(set(sizes), (height, width), mode, rates, fps, settings),
        "treated": "; ".join(f"{n:,}: {text}" for text, n in remarks.items()),
        "labels": _labels_fact(labels, listing.labels_from),
    }
    known = sum(label is not None for label in labels)
    return Dataset(
        clips,
        fingerprint=fingerprint([*digests, _settings_line(plan, settings)]),
        description=f"{listing.kind}: {len(clips):,} clips of {frames} frames, {width}×{height} "
        f"{mode}, {len({*labels} - {None})} classes",
        licence=listing.licence,
        issues=issues,
        facts={key: text for key, text in facts.items() if text},
        table=_table(labels),
        warnings=[*listing.warnings, *_doubts(clips, labels)],
        strata=labels if known == len(labels) else None,
        people=people_in(
            FACES,
            path=where,
            names=[entry.video.name for entry in usable],
            labels=[label for label in labels if label],
        ),
    )


# --- Form ---------------------------------------------------------------------------------------


def _plan(sizes: set[tuple[int, int]], settings: VideoSettings) -> Plan:
    size = size_of(settings.resolution)
    if size is None:
        only = next(iter(sizes)) if len(sizes) == 1 else (DEFAULT, DEFAULT)
        fits = min(only) >= 8 and max(only) <= LARGEST_AUTO
        size = only if fits else (DEFAULT, DEFAULT)
    channels = {"L": 1, "RGB": 3}.get(settings.mode, 0)
    most = MOST_BYTES // (size[0] * size[1] * 3) + 1
    return Plan(size, channels, settings.fit, settings.fps, settings.stride, most)


def _clips(entry: Entry, decoded: Decoded, settings: VideoSettings) -> list[Clip]:
    found = []
    for start in cutting.starts(len(decoded.frames), settings.frames, settings.clips_per_video):
        name = entry.video.name if not start else f"{entry.video.name}, frame {start}"
        # A copy of its own, so that a long video's frames are not kept for one clip of it.
        frames = decoded.frames[start : start + settings.frames].copy()
        found.append(Clip(frames, decoded.fps, entry.label, entry.values, name))
    return found


def _one_mode(clips: list[Clip], plan: Plan, settings: VideoSettings) -> list[Clip]:
    if plan.channels or not all(cutting.is_grey(clip.frames) for clip in clips):
        return clips
    return [replace(clip, frames=_grey(clip.frames)) for clip in clips]


def _grey(frames: Frames) -> Frames:
    return np.ascontiguousarray(frames[..., :1] if frames.shape[-1] == 3 else in_mode(frames, 1))


def _within_memory(total: int, where: str) -> None:
    if total > MOST_BYTES:
        raise GankitError(
            f"{where}: its frames take more than {MOST_BYTES // 2**30} GiB of memory",
            "Lower resolution, raise stride, set clips_per_video, or use a part of the data",
        )


def _too_few(
    count: int, fewest: int, issues: Sequence[Issue], where: str, settings: VideoSettings
) -> GankitError:
    have = "no usable clip" if not count else f"{count} usable clip{'s' * (count > 1)}"
    why = f" ({printable(issues[0].location)}: {issues[0].reason})" if issues else ""
    more = f", and {len(issues) - 1:,} more files left out" if len(issues) > 1 else ""
    short = any("fewer than" in issue.reason for issue in issues)
    hint = f"Lower frames={settings.frames}, or give longer videos" if short else READS
    needed = f"; at least {fewest} are needed" if count or not issues else ""
    return GankitError(f"{where}: {have}{why}{more}{needed}", hint)


# --- What is said -------------------------------------------------------------------------------


def _frames_fact(
    sizes: set[tuple[int, int]],
    target: tuple[int, int],
    mode: str,
    rates: Sequence[float],
    fps: float,
    settings: VideoSettings,
) -> str:
    text = f"{target[1]}×{target[0]} {mode}"
    others = sorted(size for size in sizes if size != target)
    if others:
        shown = ", ".join(f"{w}×{h}" for h, w in others[:3]) + (" …" if len(others) > 3 else "")
        text += f", scaled from {shown} (fit={settings.fit})"
    if len(rates) > 1:
        return f"{text}; {rates[0]:g} to {rates[-1]:g} per second, shown at {fps:g}"
    return f"{text}; {fps:g} per second"


def _labels_fact(labels: Sequence[str | None], source: str) -> str:
    known = [label for label in labels if label is not None]
    if not known:
        return "none"
    if len(known) < len(labels):
        return f"{len(labels) - len(known):,} of {len(labels):,} clips have none: not used"
    count = len(set(known))
    return f"{count:,} class{'es' * (count != 1)}" + (f", from {source}" if source else "")


def _table(labels: Sequence[str | None]) -> list[dict[str, str]]:
    counts = Counter(label for label in labels if label is not None)
    if not counts or len(counts) > max(ROWS, len(labels) // 2):
        return []
    names = sorted(counts, key=natural_key)[:ROWS]
    return [{"class": printable(name), "clips": f"{counts[name]:,}"} for name in names]


def _doubts(clips: Sequence[Clip], labels: Sequence[str | None]) -> list[str]:
    found = []
    still = sum(bool((clip.frames == clip.frames[:1]).all()) for clip in clips)
    if still:
        found.append(
            f"{still:,} of {len(clips):,} clips do not move at all: leave them out unless they "
            "should be learned"
        )
    seen = {hashlib.sha256(np.ascontiguousarray(clip.frames).data).digest() for clip in clips}
    copies = len(clips) - len(seen)
    if copies:
        found.append(f"{copies:,} clips are exact copies of others: remove them")
    return found


def _settings_line(plan: Plan, settings: VideoSettings) -> str:
    """What clips of the same files depend on."""
    return (
        f"{plan.size} {settings.mode} {settings.fit} {settings.frames} {settings.stride} "
        f"{settings.fps:g} {settings.clips_per_video}"
    )
