"""Writing what was generated: PNG files in a folder, a zip archive or Parquet; previews."""

from __future__ import annotations

import io
import json
import math
import re
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

import numpy as np
import PIL.Image
import PIL.PngImagePlugin

from gankit.contract import Provenance, Sample
from gankit.errors import GankitError, did_you_mean
from gankit_image.codec import LABEL, natural
from gankit_image.containers import METADATA
from gankit_image.items import Image
from gankit_image.pixels import PixelFormat, convert

if TYPE_CHECKING:
    from gankit_image.items import Pixels

ROW_GROUP = 512
"""Images a row group of Parquet files, and so the most that are held in memory."""
GRID_SIDE = 768
"""Small previews are enlarged to about this many pixels."""
MOST_FRAMES = 60
FRAME_MS, LAST_FRAME_MS = 120, 2000


# --- Files --------------------------------------------------------------------------------------


def write(
    samples: Iterable[Sample[Image]], target: Path, provenance: Provenance, format: str
) -> None:
    """Writes PNG images below ``target`` as they come.

    Every PNG says in its text chunks and in an XMP packet that it was generated, with which seed
    and for which condition. ``folder``: ``000000.png``… in a folder a label, with
    ``metadata.jsonl``; ``zip``: the same as ``images.zip``; ``parquet``: ``data.parquet``, in the
    layout of Hugging Face.

    Raises:
        GankitError: no such format.
    """
    writers: dict[str, Callable[[Iterable[Sample[Image]], Path, Provenance], None]] = {
        "folder": _write_folder,
        "zip": _write_zip,
        "parquet": _write_parquet,
    }
    if format not in writers:
        raise GankitError(f"format={format}: unknown", did_you_mean(format, list(writers)))
    target.mkdir(parents=True, exist_ok=True)
    writers[format](samples, target, provenance)


def _write_folder(samples: Iterable[Sample[Image]], target: Path, provenance: Provenance) -> None:
    with (target / METADATA).open("w", encoding="utf-8") as metadata:
        for name, data, sample in _files(samples, provenance):
            file = target / name
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(data)
            metadata.write(_metadata_line(name, sample))


def _write_zip(samples: Iterable[Sample[Image]], target: Path, provenance: Provenance) -> None:
    # PNG is compressed already, hence stored. The metadata wait in a file of their own, since an
    # archive is written one member at a time.
    with (
        zipfile.ZipFile(target / "images.zip", "w", zipfile.ZIP_STORED) as archive,
        tempfile.TemporaryFile("w+", encoding="utf-8") as metadata,
    ):
        for name, data, sample in _files(samples, provenance):
            archive.writestr(zipfile.ZipInfo(name), data)
            metadata.write(_metadata_line(name, sample))
        metadata.seek(0)
        with archive.open(zipfile.ZipInfo(METADATA), "w", force_zip64=True) as member:
            for line in metadata:
                member.write(line.encode())


def _write_parquet(samples: Iterable[Sample[Image]], target: Path, provenance: Provenance) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    features: dict[str, Any] = {"image": {"_type": "Image"}}
    columns = [("image", image)]
    stream = iter(samples)
    first = next(stream, None)
    labelled = first is not None and LABEL in first.condition
    if labelled:
        columns.append((LABEL, pa.string()))
        features[LABEL] = {"dtype": "string", "_type": "Value"}
    columns += [("seed", pa.uint64()), ("generated", pa.bool_())]
    features["seed"] = {"dtype": "uint64", "_type": "Value"}
    features["generated"] = {"dtype": "bool", "_type": "Value"}
    statement = {f"gankit.{key}": value for key, value in provenance.text().items()}
    schema = pa.schema(columns).with_metadata(
        {"huggingface": json.dumps({"info": {"features": features}}), **statement}
    )

    classes: set[str] = set()
    rows: list[dict[str, Any]] = []
    with pq.ParquetWriter(target / "data.parquet", schema) as writer:
        everything = chain([] if first is None else [first], stream)
        for name, data, sample in _files(everything, provenance):
            row = {"image": {"bytes": data, "path": name}, "seed": sample.seed, "generated": True}
            if labelled:
                label = str(sample.condition[LABEL])
                classes.add(label)
                row[LABEL] = label
            rows.append(row)
            if len(rows) == ROW_GROUP:
                writer.write_table(pa.Table.from_pylist(rows, schema))
                rows.clear()
        if rows:
            writer.write_table(pa.Table.from_pylist(rows, schema))
        if classes:  # known at the end only, which is where Parquet keeps its metadata
            listed = ",".join(sorted(classes, key=natural))
            writer.add_key_value_metadata({"classes": listed})


def _files(
    samples: Iterable[Sample[Image]], provenance: Provenance
) -> Iterator[tuple[str, bytes, Sample[Image]]]:
    """Each sample as a file name and the bytes of its PNG."""
    for i, sample in enumerate(samples):
        label = sample.condition.get(LABEL)
        folder = "" if label is None else f"{_folder_name(str(label))}/"
        yield f"{folder}{i:06d}.png", _png(sample, provenance), sample


def _folder_name(label: str) -> str:
    """A label as a folder's name on any system; ``metadata.jsonl`` has it unchanged."""
    return re.sub(r"[^\w .+-]", "_", label).strip(" .")[:80] or "_"


def _metadata_line(name: str, sample: Sample[Image]) -> str:
    row = {"file_name": name, "seed": sample.seed, **sample.condition, "generated": True}
    return json.dumps(row, ensure_ascii=False) + "\n"


def _png(sample: Sample[Image], provenance: Provenance) -> bytes:
    info = PIL.PngImagePlugin.PngInfo()
    for key, value in provenance.text().items():
        info.add_text(key, value)
    info.add_text("Seed", str(sample.seed))
    if sample.condition:
        info.add_text("Condition", ", ".join(f"{k}={v}" for k, v in sample.condition.items()))
    info.add_itxt("XML:com.adobe.xmp", _xmp(provenance))
    file = io.BytesIO()
    _pillow(sample.item.pixels).save(file, "PNG", pnginfo=info)
    return file.getvalue()


def _xmp(provenance: Provenance) -> str:
    """An XMP packet (ISO 16684-1) with the IPTC digital source type."""
    return f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">
   <xmp:CreatorTool>{escape(provenance.software)}</xmp:CreatorTool>
   <xmp:CreateDate>{escape(provenance.created)}</xmp:CreateDate>
   <Iptc4xmpExt:DigitalSourceType>{escape(provenance.source_type)}</Iptc4xmpExt:DigitalSourceType>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>"""


def _pillow(pixels: Pixels) -> PIL.Image.Image:
    return PIL.Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


# --- Previews -----------------------------------------------------------------------------------


def preview(items: Sequence[Image], target: Path) -> Path:
    """A grid of the images, row by row, as ``target`` plus ``.png``.

    It is nearly square, or as wide as the labels' period where they repeat (0…9, 0…9), so that a
    column holds one class. Tiny images are enlarged without smoothing; transparency shows a
    chequerboard.

    Raises:
        GankitError: there are no images.
    """
    if not items:
        raise GankitError("no images to preview", "Ask for at least one")
    tiles = [_opaque(item.pixels) for item in items]
    height, width, channels = tiles[0].shape
    columns = _columns([item.label for item in items], height / width)
    rows = -(-len(tiles) // columns)
    scale = max(1, GRID_SIDE // max(rows * height, columns * width))
    gap = max(1, scale // 2) if scale > 1 else 2

    step_y, step_x = height * scale + gap, width * scale + gap
    grid = np.full((rows * step_y - gap, columns * step_x - gap, channels), 255, np.uint8)
    for i, tile in enumerate(tiles):
        top, left = i // columns * step_y, i % columns * step_x
        large = tile.repeat(scale, 0).repeat(scale, 1)
        grid[top : top + height * scale, left : left + width * scale] = large
    file = target.with_name(f"{target.name}.png")
    file.parent.mkdir(parents=True, exist_ok=True)
    _pillow(grid).save(file)
    return file


def _columns(labels: Sequence[str | None], aspect: float) -> int:
    count, period = len(labels), len(set(labels))
    cyclic = all(label == labels[i % period] for i, label in enumerate(labels))
    if period > 1 and cyclic and period / 4 <= count / period <= period * 4:
        return period
    return min(count, max(1, round(math.sqrt(count * aspect))))


def _opaque(pixels: Pixels) -> Pixels:
    """8 bits, on a chequerboard where it is transparent."""
    height, width, channels = pixels.shape
    shown = convert(pixels, PixelFormat(height, width, channels))
    if shown.shape[-1] < 4:
        return shown
    square = max(1, min(height, width) // 8)
    y, x = np.indices((height, width)) // square
    board = np.where((x + y) % 2, 255, 204)[..., None]
    alpha = shown[..., 3:] / 255
    return np.rint(shown[..., :3] * alpha + board * (1 - alpha)).astype(np.uint8)


def animate(previews: Sequence[Path], target: Path) -> Path | None:
    """The previews of a run as an endless GIF, ``target`` plus ``.gif``; the last one stays longer.

    At most ``MOST_FRAMES`` are shown, evenly spread, the last among them. None for fewer than two.
    """
    files = [path for path in previews if path.suffix == ".png" and path.is_file()]
    if len(files) < 2:
        return None
    chosen = np.unique(np.linspace(0, len(files) - 1, MOST_FRAMES).round().astype(int))
    frames = []
    for i in chosen:
        with PIL.Image.open(files[i]) as image:
            frames.append(image.convert("L" if image.mode == "L" else "RGB"))
    frames = [f if f.size == frames[-1].size else f.resize(frames[-1].size) for f in frames]
    durations = [FRAME_MS] * (len(frames) - 1) + [LAST_FRAME_MS]
    file = target.with_name(f"{target.name}.gif")
    frames[0].save(file, save_all=True, append_images=frames[1:], duration=durations, loop=0)
    return file
