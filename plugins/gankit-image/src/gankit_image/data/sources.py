"""Reading: a path or an object in memory becomes images of one format.

Every image file is decoded once before training begins, so that damaged files are reported at
once and not at step 40,000.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from gankit.contract import Dataset, Issue, Progress
from gankit.errors import GankitError
from gankit.kit.archives import UnreadableError
from gankit.kit.folders import fingerprint, printable, skip
from gankit.kit.own_output import GENERATED, doubt
from gankit.kit.people import FACES, people_in
from gankit.kit.pictures import MADE_BY
from gankit_image.data import arrays
from gankit_image.data.arrays import Arrays
from gankit_image.data.classes import FEWEST, Classes, duplicates, settle
from gankit_image.data.containers import Entry, Listing, labels_from_names
from gankit_image.data.decoding import Probed, UndecodableError, decode, probe
from gankit_image.data.facts import Survey, value_range
from gankit_image.data.images import DeferredImage, Image, Images, extent
from gankit_image.data.locate import locate, no_images, other_arrays
from gankit_image.data.pixels import PixelFormat, choose, convert, fit, stray

if TYPE_CHECKING:
    from gankit_image.data.images import Extent, Pixels, Span
    from gankit_image.settings import ImageSettings

KEEP_BYTES = 2 * 2**30
"""Images of up to this size in all, in one format, stay in memory; larger data sets are decoded
again at every access."""

_MARK, _MARK_WITHIN = MADE_BY.encode(), 4096
"""What gankit writes into generated images, within so many bytes."""

PAGES = "save each as a file, or all as an array (N, H, W) in .npy"
RESTORE = "It could be read before: restore it, and run the same command again"
_THREADS = 3
_CHUNK = 64

T = TypeVar("T")
R = TypeVar("R")


def read(source: object | None, settings: ImageSettings, progress: Progress) -> Dataset[Image]:
    """The images of a path or of an object in memory; None means the digits that
    ``settings.builtin`` names.

    Paths: a folder of images (nested or flat; labels come from tables next to them, or the first
    folder level), a zip or tar archive of such a folder, Parquet in the Hugging Face layout, IDX,
    ``.npy``, ``.npz``. In
    memory: an array ``(N, H, W[, C])``, a list of arrays or of Pillow images, a pair of one of
    these and labels, or a list of mappings with an image and a label.

    Raises:
        GankitError: nothing usable, fewer than ``FEWEST`` images, or a setting that does not fit
            the data; with ``settings.strict``, one image that cannot be used.
    """
    if source is None:
        builtin = arrays.mnist() if settings.builtin == "mnist" else arrays.digits()
        return _from_arrays(builtin, "", settings, progress)
    if not isinstance(source, (str, Path)):
        return _from_arrays(
            arrays.memory(source, settings.image_key, settings.label_key),
            "the data",
            settings,
            progress,
        )
    path = Path(source)
    found = locate(path, settings)
    if isinstance(found, Listing):
        return _from_entries(found, path, settings, progress)
    return _from_arrays(found, str(path), settings, progress, other_arrays(path, settings))


# --- Encoded images -----------------------------------------------------------------------------


def _from_entries(
    listing: Listing, where: Path, settings: ImageSettings, progress: Progress
) -> Dataset[Image]:
    """Reads every header, chooses the format, then decodes every image once."""
    if not listing.entries:
        raise no_images(where, (), listing.notes)
    listing = labels_from_names(listing, settings)
    classes = settle(
        [entry.label for entry in listing.entries],
        [entry.name for entry in listing.entries],
        listing.labels_from,
        settings.conditional,
    )
    labelled = dict(zip((listing.entries[i] for i in classes.kept), classes.labels, strict=True))
    entries, total = list(labelled), len(listing.entries)
    issues = [skip(issue, where, settings.strict) for issue in listing.issues]
    notes, warnings = [*listing.notes, *classes.notes], [*listing.warnings]

    header = partial(read_header, max_pixels=settings.max_pixels)
    formats: dict[Entry, PixelFormat] = {}
    headers: dict[Entry, Probed] = {}
    marked: list[Entry] = []
    for entry, (found, is_generated) in _parallel(header, entries, "checking images", progress):
        if is_generated and not listing.generated:
            marked.append(entry)
        if isinstance(found, Issue):
            issues.append(skip(found, where, settings.strict))
        else:
            formats[entry], headers[entry] = found.format, found
    if len(marked) == len(entries):
        warnings.append(doubt(where))
    else:
        own = set(marked)
        notes += [Issue(entry.name, GENERATED) for entry in marked]
        formats = {entry: format for entry, format in formats.items() if entry not in own}
    for entry, why in stray(formats).items():
        issues.append(skip(Issue(entry.name, why), where, settings.strict))
        del formats[entry]

    good = list(formats)
    while good:
        target = choose(set(formats.values()), settings)
        load = partial(read_pixels, target=target, settings=settings)
        keep = len(good) * target.nbytes <= KEEP_BYTES
        stack = np.empty((len(good) if keep else 0, *target.shape), target.dtype)
        hashes: dict[Entry, str] = {}
        extents: dict[Entry, Extent] = {}
        for entry, result in _parallel(load, good, "reading images", progress):
            if isinstance(result, Issue):
                issues.append(skip(result, where, settings.strict))
                del formats[entry]
                continue
            pixels, digest = result
            if keep:
                stack[len(hashes)] = pixels
            elif target.dtype != np.uint8:
                extents[entry] = extent(pixels)
            hashes[entry] = digest
        good = list(hashes)
        # A damaged file may have been the only one of its format: choose again.
        if not good or choose(set(formats.values()), settings) == target:
            break
    several = next((e for e in good if any("pages" in note for note in headers[e].notes)), None)
    pages = "" if several is None else f"{several.name} has several pages: {PAGES}"
    enough(len(good), total, issues, str(where), pages)
    classes = classes.of([labelled[entry] for entry in good])
    labels = classes.labels
    copies = duplicates([hashes[entry] for entry in good], labels)

    bands = target.channels == 4 and not target.alpha

    span: Span | None = None

    def kept(i: int) -> Image:
        original = partial(_bytes, good[i])
        return Image(stack[i], labels[i], good[i].name, bands, original, span)

    def decoded(i: int) -> Image:
        original, reload = partial(_bytes, good[i]), partial(reread, load, good[i])
        known = extents.get(good[i])
        return DeferredImage(reload, labels[i], good[i].name, bands, original, known, span)

    survey = Survey()
    for entry in good:
        survey.add(headers[entry])
    items = Images(len(good), kept if keep else decoded)
    span = value_range(items, target, settings)
    classes = classes.as_numbers(settings)
    return Dataset(
        items,
        fingerprint=fingerprint(f"{e.name}\0{e.label}\0{hashes[e]}" for e in good),
        description=describe(listing.kind, len(good), target, classes),
        issues=[*issues, *notes],
        facts={
            **survey.facts(items, target, settings),
            **listing.facts,
            "labels": classes.fact,
            **copies.facts,
        },
        table=classes.table,
        warnings=[
            *warnings,
            *classes.warnings,
            *copies.warnings,
            *survey.warnings(items, target, settings),
        ],
        strata=classes.strata,
        people=people_in(FACES, path=str(where), names=[e.name for e in good], labels=labels),
    )


def read_header(entry: Entry, max_pixels: int) -> tuple[Probed | Issue, bool]:
    """The header of an image, and whether gankit marked the file as generated."""
    try:
        with entry.open() as file:
            marked = _MARK in file.read(_MARK_WITHIN)
            file.seek(0)
            return probe(file, max_pixels, entry.name), marked
    except (UnreadableError, UndecodableError, OSError) as error:
        return Issue(printable(entry.name), printable(str(error))), False


def read_pixels(
    entry: Entry, target: PixelFormat, settings: ImageSettings
) -> tuple[Pixels, str] | Issue:
    """The image in the target format, and the hash of its file."""
    try:
        with entry.open() as file:
            data = file.read()
        pixels = fit(decode(data, settings.max_pixels), target, settings.fit)
    except (UnreadableError, UndecodableError, OSError) as error:
        return Issue(printable(entry.name), printable(str(error)))
    return pixels, hashlib.sha256(data).hexdigest()


def _bytes(entry: Entry) -> bytes:
    """The file of an image that was read before."""
    try:
        with entry.open() as file:
            return file.read()
    except (UnreadableError, OSError) as error:
        raise GankitError(f"{entry.name}: {error}", RESTORE) from None


def reread(load: Callable[[Entry], tuple[Pixels, str] | Issue], entry: Entry) -> Pixels:
    result = load(entry)
    if isinstance(result, Issue):
        raise GankitError(f"{entry.name}: {result.reason}", RESTORE)
    return result[0]


def _parallel(
    function: Callable[[T], R], items: Sequence[T], what: str, progress: Progress
) -> Iterator[tuple[T, R]]:
    """Items with their results, in order. Threads help since Pillow releases the GIL to decode."""

    def several(start: int) -> list[R]:
        return [function(item) for item in items[start : start + _CHUNK]]

    pool = ThreadPoolExecutor(_THREADS)
    try:
        starts = range(0, len(items), _CHUNK)
        for start, results in zip(starts, pool.map(several, starts), strict=True):
            yield from zip(items[start : start + _CHUNK], results, strict=True)
            progress(what, min(start + _CHUNK, len(items)), len(items))
    finally:
        pool.shutdown(cancel_futures=True)  # so that an interrupt does not wait for the rest


# --- Decoded images -----------------------------------------------------------------------------


def _from_arrays(
    found: Arrays,
    where: str,
    settings: ImageSettings,
    progress: Progress,
    facts: Mapping[str, str] | None = None,
) -> Dataset[Image]:
    enough(len(found.images), len(found.images), (), where)
    names = [str(i) for i in range(len(found.images))]
    source = found.labels_from
    classes = settle(found.labels, names, source, settings.conditional)
    images, names = found.images, [names[i] for i in classes.kept]
    if len(classes.kept) < len(images):
        images = _some(images, classes.kept)
    count, labels = len(images), classes.labels
    given = images
    survey = Survey()
    survey.remark = found.note
    if isinstance(images, list):
        for image in images:
            survey.add(arrays.format_of(image))
        target = choose(set(survey.formats), settings)
    else:
        own = arrays.format_of(images)
        survey.add(own, count)
        target = choose({own}, settings)
        if target.select:
            images = np.ascontiguousarray(images[..., list(target.select)])
            target = replace(target, select=())
        if (own.height, own.width) == (target.height, target.width):
            images = convert(images, target)

    def fitted(i: int) -> Pixels:
        return fit(images[i], target, settings.fit)

    if isinstance(images, list) or images.shape[1:] != target.shape:
        keep = count * target.nbytes <= KEEP_BYTES
        if keep:
            stack = np.empty((count, *target.shape), target.dtype)
            for start in range(0, count, _CHUNK):
                for i in range(start, min(start + _CHUNK, count)):
                    stack[i] = fitted(i)
                progress("reading images", min(start + _CHUNK, count), count)
    else:
        keep, stack = True, images
    hashes = [hashlib.sha256(np.ascontiguousarray(image).data).hexdigest() for image in given]
    copies = duplicates(hashes, labels)
    progress("reading images", count, count)

    bands = target.channels == 4 and not target.alpha

    span: Span | None = None

    def kept(i: int) -> Image:
        return Image(stack[i], labels[i], names[i], bands, None, span)

    def decoded(i: int) -> Image:
        return DeferredImage(partial(fitted, i), labels[i], names[i], bands, span=span)

    items = Images(count, kept if keep else decoded)
    span = value_range(items, target, settings)
    classes = classes.as_numbers(settings)
    return Dataset(
        items,
        fingerprint=fingerprint(
            f"{name}\0{found.labels[i]}\0{digest}"
            for i, name, digest in zip(classes.kept, names, hashes, strict=True)
        ),
        description=describe(found.kind, count, target, classes),
        licence=found.licence,
        issues=classes.notes,
        facts={
            **survey.facts(items, target, settings),
            **found.facts,
            **(facts or {}),
            "labels": classes.fact,
            **copies.facts,
        },
        table=classes.table,
        warnings=[
            *found.warnings,
            *classes.warnings,
            *copies.warnings,
            *survey.warnings(items, target, settings),
        ],
        strata=classes.strata,
        people=people_in(FACES, path=where, labels=labels),
    )


def _some(images: Pixels | list[Pixels], kept: Sequence[int]) -> Pixels | list[Pixels]:
    return [images[i] for i in kept] if isinstance(images, list) else images[np.array(kept)]


# --- Common to both -----------------------------------------------------------------------------


def enough(usable: int, total: int, issues: Sequence[Issue], where: str, hint: str = "") -> None:
    if usable >= FEWEST:
        return
    first = f"; the first issue: {issues[0].location}: {issues[0].reason}" if issues else ""
    raise GankitError(
        f"{where}: {usable} of {total} images are usable{first}",
        f"At least {FEWEST} are needed" + (f". {hint}" if hint else ""),
    )


def describe(kind: str, count: int, target: PixelFormat, found: Classes) -> str:
    classes = len({label for label in found.labels if label is not None})
    parts = [f"{kind}: {count:,} images", str(target)]
    if found.numeric:
        parts.append("labels that are numbers")
    elif classes:
        parts.append(f"{classes} classes" if classes > 1 else "1 class")
    if found.note:
        parts.append(found.note)
    return ", ".join(parts)
