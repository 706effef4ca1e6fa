"""Writing generated images: files in a folder, a zip archive or Parquet, or NumPy arrays."""

from __future__ import annotations

import contextlib
import tempfile
import zipfile
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

from gankit.contract import Provenance, Sample
from gankit.errors import GankitError, did_you_mean
from gankit.kit.folders import folder_name, natural_key
from gankit.kit.tables import TableWriter, json_line, marks, media_schema
from gankit_image.codec.image_codec import ImageCodec
from gankit_image.data.containers import METADATA
from gankit_image.data.images import Image
from gankit_image.data.labels import LABEL
from gankit_image.output.arrays import write_npy, write_npz
from gankit_image.output.encoding import encode
from gankit_image.output.label_columns import Labels

TAKEN = (METADATA, "provenance.json")
"""Files next to the folders of classes."""
ROW_GROUP = 512
"""Images per row group of Parquet files, and so the most that are in memory."""
THREADS = 4
"""That encode images while the network draws those that follow."""
AHEAD, AHEAD_BYTES = 256, 2**26
"""Images that they may have in memory, and bytes of pixels."""

File = tuple[str, bytes, dict[str, Any]]
"""A sample's file, its name and content, and its row of metadata."""
Files = Iterator[File]


def write(
    samples: Iterable[Sample[Image]],
    target: Path,
    codec: ImageCodec,
    provenance: Provenance,
    format: str,
) -> dict[str, int]:
    """Writes images below ``target`` as they come.

    The metadata of every generated file state that it is synthetic, with its seed and condition:
    a PNG's text chunks and an XMP packet, or a TIFF's description and one. ``folder``:
    ``000000.png``… in a folder per label, with ``metadata.jsonl``; ``zip``: the same as
    ``images.zip``; ``parquet``: ``data.parquet``, in Hugging Face's layout; ``npz``:
    ``images.npz`` with the arrays image, label, seed, generated and provenance; ``npy``: the
    array ``images.npy``, and ``metadata.jsonl`` where there are labels or real images.

    Real images are the files that they were read from; in arrays they are in the run's format. In
    an augmented data set, images without a label have a null label.

    Returns:
        The count of real images that had to be converted, if any.

    Raises:
        GankitError: no such format.
    """
    writers = {"folder": _write_folder, "zip": _write_zip, "parquet": _write_parquet}
    known = [*writers, "npz", "npy"]
    if format not in known:
        raise GankitError(f"format={format}: unknown", did_you_mean(format, known))
    target.mkdir(parents=True, exist_ok=True)
    stream = iter(samples)
    first = list(islice(stream, 1))
    # Real images come first, and have labels all or none.
    labelled = codec.layout.condition is not None or any(LABEL in s.condition for s in first)
    labels = Labels(_key(codec) if labelled else "", codec.numbers)
    everything = chain(first, stream)
    if format in writers:
        with contextlib.closing(_files(everything, labels, provenance)) as files:
            writers[format](files, target, labels, provenance)
        return {}
    writer = write_npz if format == "npz" else write_npy
    return writer(everything, target, codec, labels, provenance)


def _key(codec: ImageCodec) -> str:
    if not codec.numbers:
        return LABEL
    name = codec.numbers[0].name
    return name if len(codec.numbers) == 1 else name.rpartition("_")[0]


def _write_folder(files: Files, target: Path, labels: Labels, provenance: Provenance) -> None:
    with (target / METADATA).open("w", encoding="utf-8") as metadata:
        for name, data, row in files:
            file = target / name
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(data)
            metadata.write(json_line({"file_name": name, **row}))


def _write_zip(files: Files, target: Path, labels: Labels, provenance: Provenance) -> None:
    # Images are compressed already, hence stored. The metadata wait in a file of their own, since
    # an archive is written one member at a time.
    with (
        zipfile.ZipFile(target / "images.zip", "w", zipfile.ZIP_STORED) as archive,
        tempfile.TemporaryFile("w+", encoding="utf-8") as metadata,
    ):
        for name, data, row in files:
            archive.writestr(zipfile.ZipInfo(name), data)
            metadata.write(json_line({"file_name": name, **row}))
        metadata.seek(0)
        with archive.open(zipfile.ZipInfo(METADATA), "w", force_zip64=True) as member:
            for line in metadata:
                member.write(line.encode())


def _write_parquet(files: Files, target: Path, labels: Labels, provenance: Provenance) -> None:
    import pyarrow as pa

    columns = {"image": pa.struct([("bytes", pa.binary()), ("path", pa.string())])}
    if labels.key:
        number = pa.float64() if len(labels.numbers) == 1 else pa.list_(pa.float64())
        columns[labels.key] = pa.string() if labels.is_class else number
    columns |= {"seed": pa.uint64(), "generated": pa.bool_()}
    schema = media_schema(columns, {"image": {"_type": "Image"}}, provenance)
    classes: set[str] = set()
    with TableWriter(target / "data.parquet", schema, ROW_GROUP) as writer:
        for name, data, row in files:
            writer.write({"image": {"bytes": data, "path": name}, **row})
            if labels.is_class and row.get(labels.key) is not None:
                classes.add(row[labels.key])
        if classes:  # known only at the end, where Parquet stores its metadata
            writer.add_metadata({"classes": ",".join(sorted(classes, key=natural_key))})


def _files(
    samples: Iterable[Sample[Image]], labels: Labels, provenance: Provenance
) -> Generator[File]:
    """The files of samples, in order; generated ones are encoded by threads."""

    def file(i: int, sample: Sample[Image]) -> File:
        row: Mapping[str, Any] = labels.row(sample)
        label = row.get(LABEL) if labels.is_class else None
        folder = "" if label is None else f"{folder_name(str(label), TAKEN)}/"
        ending, data = encode(sample, provenance)
        return f"{folder}{i:06d}{ending}", data, {**row, **marks(sample)}

    waiting: deque[Callable[[], File]] = deque()
    pool = ThreadPoolExecutor(THREADS)
    try:
        for i, sample in enumerate(samples):
            # Real ones are read here: an archive is read by one thread.
            made = partial(file, i, sample)
            waiting.append(made if sample.real else pool.submit(made).result)
            most = min(AHEAD, AHEAD_BYTES // max(sample.item.pixels.nbytes, 1))
            if len(waiting) > most:
                yield waiting.popleft()()
        while waiting:
            yield waiting.popleft()()
    finally:
        pool.shutdown(cancel_futures=True)
