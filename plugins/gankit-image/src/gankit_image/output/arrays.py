"""Writing generated images as NumPy arrays, in the data's own numbers and bands."""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from gankit.contract import Provenance, Sample
from gankit.kit.tables import json_line, marks
from gankit_image.codec.image_codec import ImageCodec
from gankit_image.data.containers import METADATA
from gankit_image.data.images import Image
from gankit_image.data.pixels import fit

if TYPE_CHECKING:
    from gankit_image.output.label_columns import Labels

_COPY = 2**20


def write_npz(
    samples: Iterable[Sample[Image]],
    target: Path,
    codec: ImageCodec,
    labels: Labels,
    provenance: Provenance,
) -> dict[str, int]:
    """``images.npz``: ``image`` (N, H, W, C), the label, ``seed``, ``generated``, and
    ``provenance``, a JSON text. A real image's seed is 0."""
    with _collected(samples, codec, labels) as (raw, rows, counts):
        with zipfile.ZipFile(target / "images.npz", "w", zipfile.ZIP_DEFLATED) as archive:
            with archive.open("image.npy", "w", force_zip64=True) as member:
                _copy(raw, member, len(rows), codec)
            columns: dict[str, Any] = {
                "seed": np.array([row["seed"] or 0 for row in rows], np.uint64),
                "generated": np.array([row["generated"] for row in rows], bool),
                "provenance": np.array(json.dumps(provenance.text(), ensure_ascii=False)),
            }
            if labels.key:
                found = [row[labels.key] for row in rows]
                if labels.is_class:
                    columns[labels.key] = np.array(["" if v is None else v for v in found], str)
                else:
                    blank = np.nan if len(labels.numbers) == 1 else [np.nan] * len(labels.numbers)
                    columns[labels.key] = np.array([blank if v is None else v for v in found])
            for name, values in columns.items():
                with archive.open(f"{name}.npy", "w") as member:
                    np.lib.format.write_array(member, values, allow_pickle=False)
        return counts


def write_npy(
    samples: Iterable[Sample[Image]],
    target: Path,
    codec: ImageCodec,
    labels: Labels,
    provenance: Provenance,
) -> dict[str, int]:
    """``images.npy`` (N, H, W, C); with labels or real images ``metadata.jsonl``, a row each."""
    with _collected(samples, codec, labels) as (raw, rows, counts):
        with (target / "images.npy").open("wb") as file:
            _copy(raw, file, len(rows), codec)
        if labels.key or not all(row["generated"] for row in rows):
            with (target / METADATA).open("w", encoding="utf-8") as metadata:
                metadata.writelines(
                    json_line({"index": i, **row, **provenance.text()})
                    if row["generated"]
                    else json_line({"index": i, **row})
                    for i, row in enumerate(rows)
                )
        return counts


@contextmanager
def _collected(
    samples: Iterable[Sample[Image]], codec: ImageCodec, labels: Labels
) -> Iterator[tuple[IO[bytes], list[dict[str, Any]], dict[str, int]]]:
    """The pixels one after another in a temporary file, a row for each, and what was converted."""
    rows: list[dict[str, Any]] = []
    converted = 0
    with tempfile.TemporaryFile() as raw:
        for sample in samples:
            pixels = sample.item.pixels
            own = fit(pixels, codec.format, codec.how)
            converted += own is not pixels
            raw.write(np.ascontiguousarray(own).tobytes())
            rows.append({**labels.row(sample), **marks(sample)})
        raw.seek(0)
        yield raw, rows, {"converted": converted} if converted else {}


def _copy(raw: IO[bytes], file: IO[bytes], count: int, codec: ImageCodec) -> None:
    header = {
        "descr": np.lib.format.dtype_to_descr(codec.format.dtype),
        "fortran_order": False,
        "shape": (count, *codec.format.shape),
    }
    np.lib.format.write_array_header_1_0(file, header)
    while chunk := raw.read(_COPY):
        file.write(chunk)
