"""Writing generated images: PNG files in a folder, a zip archive or Parquet."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from gankit.contract import Provenance, Sample
from gankit.errors import GankitError, did_you_mean
from gankit.kit.folders import folder_name, natural_key
from gankit.kit.pictures import png
from gankit.kit.tables import TableWriter, json_line, marks, media_schema
from gankit_image.data.containers import METADATA
from gankit_image.data.images import Image
from gankit_image.data.labels import LABEL
from gankit_image.data.pixels import as_pillow

TAKEN = (METADATA, "provenance.json")
"""Files next to the folders of classes."""
ROW_GROUP = 512
"""Images per row group of Parquet files, and so the most that are in memory."""


Files = Iterator[tuple[str, bytes, dict[str, Any]]]
"""For each sample its file's name and content, and its row of metadata."""


def write(
    samples: Iterable[Sample[Image]],
    target: Path,
    conditional: bool,
    provenance: Provenance,
    format: str,
) -> None:
    """Writes PNG images below ``target`` as they come.

    The text chunks and an XMP packet of every generated PNG state that it is synthetic, with its
    seed and condition. ``folder``: ``000000.png``… in a folder per label, with ``metadata.jsonl``;
    ``zip``: the same as ``images.zip``; ``parquet``: ``data.parquet``, in Hugging Face's layout.
    In an augmented data set, images without a label have a null label.

    Args:
        conditional: whether the run is conditioned on labels.

    Raises:
        GankitError: no such format.
    """
    writers = {"folder": _write_folder, "zip": _write_zip, "parquet": _write_parquet}
    if format not in writers:
        raise GankitError(f"format={format}: unknown", did_you_mean(format, list(writers)))
    target.mkdir(parents=True, exist_ok=True)
    stream = iter(samples)
    first = list(islice(stream, 1))
    # Real images come first, and have labels all or none.
    labelled = conditional or any(LABEL in sample.condition for sample in first)
    files = _files(chain(first, stream), labelled, provenance)
    writers[format](files, target, labelled, provenance)


def _write_folder(files: Files, target: Path, labelled: bool, provenance: Provenance) -> None:
    with (target / METADATA).open("w", encoding="utf-8") as metadata:
        for name, data, row in files:
            file = target / name
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(data)
            metadata.write(json_line({"file_name": name, **row}))


def _write_zip(files: Files, target: Path, labelled: bool, provenance: Provenance) -> None:
    # PNG is compressed already, hence stored. The metadata wait in a file of their own, since an
    # archive is written one member at a time.
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


def _write_parquet(files: Files, target: Path, labelled: bool, provenance: Provenance) -> None:
    import pyarrow as pa

    columns = {"image": pa.struct([("bytes", pa.binary()), ("path", pa.string())])}
    columns |= {LABEL: pa.string()} if labelled else {}
    columns |= {"seed": pa.uint64(), "generated": pa.bool_()}
    schema = media_schema(columns, {"image": {"_type": "Image"}}, provenance)
    classes: set[str] = set()
    with TableWriter(target / "data.parquet", schema, ROW_GROUP) as writer:
        for name, data, row in files:
            writer.write({"image": {"bytes": data, "path": name}, **row})
            if row.get(LABEL) is not None:
                classes.add(row[LABEL])
        if classes:  # known only at the end, where Parquet stores its metadata
            writer.add_metadata({"classes": ",".join(sorted(classes, key=natural_key))})


def _files(samples: Iterable[Sample[Image]], labelled: bool, provenance: Provenance) -> Files:
    for i, sample in enumerate(samples):
        label = sample.condition.get(LABEL)
        folder = "" if label is None else f"{folder_name(str(label), TAKEN)}/"
        row = {
            **({LABEL: None if label is None else str(label)} if labelled else {}),
            **marks(sample),
        }
        yield f"{folder}{i:06d}.png", _png(sample, provenance), row


def _png(sample: Sample[Image], provenance: Provenance) -> bytes:
    picture = as_pillow(sample.item.pixels)
    if sample.real:
        return png(picture)
    texts = {**provenance.text(), "Seed": str(sample.seed)}
    if sample.condition:
        texts["Condition"] = ", ".join(f"{k}={v}" for k, v in sample.condition.items())
    return png(picture, texts, xmp=_xmp(provenance))


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
