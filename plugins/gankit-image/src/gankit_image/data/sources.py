"""Reading: a path or an object in memory becomes images of one format.

Every image file is decoded once before training begins, so that damaged files are reported at
once and not at step 40,000.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from gankit.contract import Dataset, Issue, Progress
from gankit.errors import GankitError
from gankit.kit.archives import UnreadableError
from gankit.kit.folders import files_below, fingerprint, no_such_path, skip
from gankit_image.data import arrays, containers, idx
from gankit_image.data.arrays import Arrays
from gankit_image.data.containers import Entry, Listing
from gankit_image.data.decoding import Probed, UndecodableError, decode, probe
from gankit_image.data.facts import Survey
from gankit_image.data.images import DeferredImage, Image, Images, extent
from gankit_image.data.pixels import SUFFIXES, PixelFormat, choose, convert, fit, stray

if TYPE_CHECKING:
    from gankit_image.data.images import Extent, Pixels
    from gankit_image.settings import ImageSettings

FEWEST = 8
"""Fewest usable images in a data set."""
KEEP_BYTES = 2 * 2**30
"""Images of up to this size in all, in one format, stay in memory; larger data sets are decoded
again at every access."""

CONTAINER_SUFFIXES = (".zip", ".parquet", ".npy", ".npz")
_READS = f"Reads folders and zip archives of {', '.join(SUFFIXES)}; .parquet, .npy, .npz, IDX"

_THREADS = 3
_CHUNK = 64

T = TypeVar("T")
R = TypeVar("R")


def read(source: object | None, settings: ImageSettings, progress: Progress) -> Dataset[Image]:
    """The images of a path or of an object in memory; None means scikit-learn's digits.

    Paths: a folder of images (nested or flat; the first folder level is the label), a zip
    archive of such a folder, Parquet in the Hugging Face layout, IDX, ``.npy``, ``.npz``. In
    memory: an array ``(N, H, W[, C])``, a list of arrays or of Pillow images, or a pair of one of
    these and labels.

    Raises:
        GankitError: nothing usable, fewer than ``FEWEST`` images, or a setting that does not fit
            the data; with ``settings.strict``, one image that cannot be used.
    """
    if source is None:
        return _from_arrays(arrays.digits(), "", settings, progress)
    if not isinstance(source, (str, Path)):
        return _from_arrays(arrays.memory(source), "the data", settings, progress)
    path = Path(source)
    if not path.exists():
        raise no_such_path(path)
    if path.is_dir():
        return _read_folder(path, settings, progress)
    return _read_file(path, settings, progress)


def _read_folder(root: Path, settings: ImageSettings, progress: Progress) -> Dataset[Image]:
    """The image files of a folder, or else the containers in it."""
    names = list(files_below(root))
    if not names:
        raise GankitError(f"{root}: the folder is empty", _READS)
    if any(map(containers.is_image, names)):
        listing = containers.folder(root, names, settings.label_key)
        return _from_entries(listing, root, settings, progress)
    tables = [root / name for name in names if name.endswith(".parquet")]
    if tables:
        train = [path for path in tables if path.name.startswith("train")]
        listing = containers.parquet(train or tables, settings.image_key, settings.label_key)
        return _from_entries(listing, root, settings, progress)
    if any(idx.is_idx(Path(name).name) for name in names):
        return _from_arrays(idx.read_idx_folder(root, names), str(root), settings, progress)
    single = [name for name in names if name.endswith(CONTAINER_SUFFIXES)]
    if len(single) == 1:
        return _read_file(root / single[0], settings, progress)
    if single:
        several = ", ".join(single)
        raise GankitError(f"{root}: several files of images: {several}", "Give one of them")
    raise GankitError(f"no images found in {root} ({len(names)} other files)", _READS)


def _read_file(path: Path, settings: ImageSettings, progress: Progress) -> Dataset[Image]:
    suffix = path.suffix.lower()
    if suffix == ".zip":
        listing = containers.archive(path, settings.label_key)
        return _from_entries(listing, path, settings, progress)
    if suffix == ".parquet":
        listing = containers.parquet([path], settings.image_key, settings.label_key)
        return _from_entries(listing, path, settings, progress)
    if suffix == ".npy":
        return _from_arrays(arrays.npy(path), str(path), settings, progress)
    if suffix == ".npz":
        found = arrays.npz(path, settings.image_key, settings.label_key)
        return _from_arrays(found, str(path), settings, progress)
    if suffix in SUFFIXES:
        raise GankitError(
            f"{path}: this is a single image", f"Give a folder with at least {FEWEST} images"
        )
    if idx.is_idx(path.name) or "idx" in path.name:
        return _from_arrays(idx.read_idx_images(path), str(path), settings, progress)
    raise GankitError(f"{path}: cannot read images from {suffix or 'such'} files", _READS)


# --- Encoded images -----------------------------------------------------------------------------


def _from_entries(
    listing: Listing, where: Path, settings: ImageSettings, progress: Progress
) -> Dataset[Image]:
    """Reads every header, chooses the format, then decodes every image once."""
    entries, issues, total = listing.entries, [], len(listing.entries)
    if not entries:
        raise GankitError(f"no images found in {where}", _READS)

    header = partial(_header, max_pixels=settings.max_pixels)
    formats: dict[Entry, PixelFormat] = {}
    headers: dict[Entry, Probed] = {}
    for entry, found in _parallel(header, entries, "checking images", progress):
        if isinstance(found, Issue):
            issues.append(skip(found, where, settings.strict))
        else:
            formats[entry], headers[entry] = found.format, found
    for entry, why in stray(formats).items():
        issues.append(skip(Issue(entry.name, why), where, settings.strict))
        del formats[entry]

    good = list(formats)
    while good:
        target = choose(set(formats.values()), settings)
        load = partial(_pixels, target=target, settings=settings)
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
    _enough(len(good), total, issues, str(where))

    labels, note = _all_or_none([entry.label for entry in good])

    bands = target.channels == 4 and not target.alpha

    def kept(i: int) -> Image:
        original = partial(_bytes, good[i])
        return Image(stack[i], labels[i], good[i].name, bands, original)

    def decoded(i: int) -> Image:
        original, reload = partial(_bytes, good[i]), partial(_reload, load, good[i])
        known = extents.get(good[i])
        return DeferredImage(reload, labels[i], good[i].name, bands, original, known)

    survey = Survey()
    for entry in good:
        survey.add(headers[entry])
    items = Images(len(good), kept if keep else decoded)
    return Dataset(
        items,
        facts=survey.facts(items, target, settings),
        warnings=survey.warnings(items, target, settings),
        fingerprint=fingerprint(f"{e.name}\0{e.label}\0{hashes[e]}" for e in good),
        description=_describe(listing.kind, len(good), target, labels, note),
        issues=issues,
    )


def _header(entry: Entry, max_pixels: int) -> Probed | Issue:
    try:
        with entry.open() as file:
            return probe(file, max_pixels, entry.name)
    except (UnreadableError, UndecodableError, OSError) as error:
        return Issue(entry.name, str(error))


def _pixels(
    entry: Entry, target: PixelFormat, settings: ImageSettings
) -> tuple[Pixels, str] | Issue:
    """The image in the target format, and the hash of its file."""
    try:
        with entry.open() as file:
            data = file.read()
        pixels = fit(decode(data, settings.max_pixels), target, settings.fit)
    except (UnreadableError, UndecodableError, OSError) as error:
        return Issue(entry.name, str(error))
    return pixels, hashlib.sha256(data).hexdigest()


def _bytes(entry: Entry) -> bytes:
    """The file of an image that was read before."""
    try:
        with entry.open() as file:
            return file.read()
    except (UnreadableError, OSError) as error:
        raise GankitError(f"{entry.name}: {error}", "It could be read before") from None


def _reload(load: Callable[[Entry], tuple[Pixels, str] | Issue], entry: Entry) -> Pixels:
    result = load(entry)
    if isinstance(result, Issue):
        raise GankitError(f"{entry.name}: {result.reason}", "It could be read when the run began")
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
    found: Arrays, where: str, settings: ImageSettings, progress: Progress
) -> Dataset[Image]:
    images, count = found.images, len(found.images)
    _enough(count, count, (), where)
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
    labels, note = _all_or_none(found.labels)
    progress("reading images", count, count)

    bands = target.channels == 4 and not target.alpha

    def kept(i: int) -> Image:
        return Image(stack[i], labels[i], str(i), bands)

    def decoded(i: int) -> Image:
        return DeferredImage(partial(fitted, i), labels[i], str(i), bands)

    items = Images(count, kept if keep else decoded)
    return Dataset(
        items,
        facts=survey.facts(items, target, settings),
        warnings=survey.warnings(items, target, settings),
        fingerprint=fingerprint(
            f"{i}\0{label}\0{hashlib.sha256(np.ascontiguousarray(image).data).hexdigest()}"
            for i, (image, label) in enumerate(zip(found.images, found.labels, strict=True))
        ),
        description=_describe(found.kind, count, target, labels, note),
        licence=found.licence,
    )


# --- Common to both -----------------------------------------------------------------------------


def _enough(usable: int, total: int, issues: Sequence[Issue], where: str) -> None:
    if usable >= FEWEST:
        return
    first = f"; the first issue: {issues[0].location}: {issues[0].reason}" if issues else ""
    raise GankitError(
        f"{where}: {usable} of {total} images are usable{first}",
        f"At least {FEWEST} are needed",
    )


def _all_or_none(labels: Sequence[str | None]) -> tuple[Sequence[str | None], str]:
    """The labels if every image has one; else none, and a note."""
    missing = sum(label is None for label in labels)
    if not 0 < missing < len(labels):
        return labels, ""
    without = f"{missing:,} images have" if missing > 1 else "1 image has"
    note = f"labels ignored, since {without} none"
    return [None] * len(labels), note


def _describe(
    kind: str, count: int, target: PixelFormat, labels: Sequence[str | None], note: str
) -> str:
    classes = len({label for label in labels if label is not None})
    parts = [f"{kind}: {count:,} images", str(target)]
    if classes:
        parts.append(f"{classes} classes" if classes > 1 else "1 class")
    if note:
        parts.append(note)
    return ", ".join(parts)
