"""Small valid files of every kind that is read, by plugin."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Files = dict[str, bytes]
"""A data set's files by name."""


# --- Tables -------------------------------------------------------------------------------------


def _people() -> dict[str, list[Any]]:
    rng = np.random.default_rng(0)
    return {
        "id": [f"CUST-{i:05}" for i in range(60)],
        "age": rng.integers(18, 90, 60).tolist(),
        "income": [round(float(v), 2) for v in rng.lognormal(8, 1, 60)],
        "joined": [f"20{10 + i % 14:02}-{1 + i % 12:02}-{1 + i % 28:02}" for i in range(60)],
        "member": ["yes" if i % 3 else "no" for i in range(60)],
        "zip": [f"{501 + 97 * i:05}" for i in range(60)],
    }


def _csv(delimiter: str = ",") -> bytes:
    people = _people()
    lines = [delimiter.join(people)]
    lines += [delimiter.join(map(str, row)) for row in zip(*people.values(), strict=True)]
    return ("\n".join(lines) + "\n").encode()


def _arrow(suffix: str) -> bytes:
    import pyarrow as pa
    import pyarrow.feather
    import pyarrow.parquet

    sink = io.BytesIO()
    table = pa.table(_people())
    if suffix == "parquet":
        pyarrow.parquet.write_table(table, sink)
    else:
        pyarrow.feather.write_feather(table, sink, compression="uncompressed")
    return sink.getvalue()


def _jsonl() -> bytes:
    people = _people()
    rows = [dict(zip(people, row, strict=True)) for row in zip(*people.values(), strict=True)]
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def _xlsx() -> bytes:
    import openpyxl

    book = openpyxl.Workbook()
    people = _people()
    book.active.append(list(people))
    for row in zip(*people.values(), strict=True):
        book.active.append(list(row))
    sink = io.BytesIO()
    book.save(sink)
    return sink.getvalue()


# --- Molecules ----------------------------------------------------------------------------------

SMILES = """CCO ethanol
c1ccccc1C(=O)O benzoic acid
CC(=O)Oc1ccccc1C(=O)O aspirin
C[C@H](N)C(=O)O alanine
[Na+].CC(=O)[O-] sodium acetate
CN1C=NC2=C1C(=O)N(C(=O)N2C)C caffeine
FC(F)(F)c1ccccc1 benzotrifluoride
O=C(O)CC(O)(CC(=O)O)C(=O)O citric acid
"""


def _molecules_csv() -> bytes:
    lines = ["smiles,name,logp"]
    for i, line in enumerate(SMILES.splitlines()):
        smiles, _, name = line.partition(" ")
        lines.append(f"{smiles},{name},{i / 3:.2f}")
    return "\n".join(lines).encode()


def _sdf() -> bytes:
    from rdkit import Chem

    blocks = []
    for line in SMILES.splitlines():
        smiles, _, name = line.partition(" ")
        block = Chem.MolToMolBlock(Chem.MolFromSmiles(smiles))
        blocks.append(f"{name}{block}>  <logp>\n1.5\n\n$$$$\n")
    return "".join(blocks).encode()


# --- Images and sounds --------------------------------------------------------------------------


def _image(kind: str, i: int) -> bytes:
    from PIL import Image

    pixels = np.random.default_rng(i).integers(0, 255, (12, 12, 3), np.uint8)
    sink = io.BytesIO()
    Image.fromarray(pixels).save(sink, kind)
    return sink.getvalue()


def _images(kind: str) -> Files:
    return {f"{'ab'[i % 2]}/{i}.{kind}": _image(kind, i) for i in range(12)}


def _sound(kind: str, i: int) -> bytes:
    import soundfile

    wave = np.sin(np.arange(2000) * (0.05 + i / 50)).astype(np.float32) * 0.5
    sink = io.BytesIO()
    soundfile.write(sink, wave, 8000, format=kind)
    return sink.getvalue()


def _sounds(kind: str) -> Files:
    return {f"{'ab'[i % 2]}/{i}.{kind}": _sound(kind.upper(), i) for i in range(12)}


def _zip(files: Mapping[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return sink.getvalue()


def _tar(files: Mapping[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return sink.getvalue()


def _webdataset(files: Mapping[str, bytes]) -> bytes:
    return _tar(
        {
            f"{i:06}.{end}": content
            for i, (name, media) in enumerate(files.items())
            for end, content in ((name.rpartition(".")[2], media), ("cls", str(i % 2).encode()))
        }
    )


def _stylegan(files: Mapping[str, bytes]) -> Files:
    moved = {f"00000/{i:05}.png": content for i, content in enumerate(files.values())}
    labels = [[name, i % 2] for i, name in enumerate(moved)]
    return {**moved, "dataset.json": json.dumps({"labels": labels}).encode()}


def _listed(files: Mapping[str, bytes], suffix: str) -> Files:
    """With a table of names and labels beside the files."""
    flat = {f"{i}.{name.rpartition('.')[2]}": c for i, (name, c) in enumerate(files.items())}
    rows = [{"file_name": name, "label": "ab"[i % 2], "age": i} for i, name in enumerate(flat)]
    if suffix == "jsonl":
        text = "".join(json.dumps(row) + "\n" for row in rows)
    else:
        text = "file_name,label,age\n" + "".join(
            f"{row['file_name']},{row['label']},{row['age']}\n" for row in rows
        )
    return {**flat, f"metadata.{suffix}": text.encode()}


def _media_parquet(column: str, files: Mapping[str, bytes]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet

    rows = [
        {column: {"bytes": content, "path": name}, "label": i % 2}
        for i, (name, content) in enumerate(files.items())
    ]
    sink = io.BytesIO()
    pyarrow.parquet.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue()


def _array(kind: str) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 255, (12, 8, 8, 3), np.uint8)
    sink = io.BytesIO()
    if kind == "npy":
        np.save(sink, pixels)
    else:
        np.savez(sink, images=pixels, labels=np.arange(12) % 2)
    return sink.getvalue()


def _idx() -> bytes:
    head = bytes([0, 0, 8, 3]) + b"".join(n.to_bytes(4, "big") for n in (12, 8, 8))
    return head + np.random.default_rng(0).integers(0, 255, 12 * 64, np.uint8).tobytes()


SAMPLES: dict[str, tuple[str, Callable[[], Files], str]] = {
    "csv": ("tabular", lambda: {"x.csv": _csv()}, "x.csv"),
    "semicolons": ("tabular", lambda: {"x.csv": _csv(";")}, "x.csv"),
    "jsonl": ("tabular", lambda: {"x.jsonl": _jsonl()}, "x.jsonl"),
    "parquet": ("tabular", lambda: {"x.parquet": _arrow("parquet")}, "x.parquet"),
    "feather": ("tabular", lambda: {"x.feather": _arrow("feather")}, "x.feather"),
    "xlsx": ("tabular", lambda: {"x.xlsx": _xlsx()}, "x.xlsx"),
    "smi": ("molecule", lambda: {"x.smi": SMILES.encode()}, "x.smi"),
    "smiles-csv": ("molecule", lambda: {"x.csv": _molecules_csv()}, "x.csv"),
    "sdf": ("molecule", lambda: {"x.sdf": _sdf()}, "x.sdf"),
    "png": ("image", lambda: _images("png"), ""),
    "jpeg": ("image", lambda: _images("jpeg"), ""),
    "tiff": ("image", lambda: _images("tiff"), ""),
    "gif": ("image", lambda: _images("gif"), ""),
    "webp": ("image", lambda: _images("webp"), ""),
    "image-zip": ("image", lambda: {"x.zip": _zip(_images("png"))}, "x.zip"),
    "stylegan": ("image", lambda: _stylegan(_images("png")), ""),
    "image-csv": ("image", lambda: _listed(_images("png"), "csv"), ""),
    "image-jsonl": ("image", lambda: _listed(_images("png"), "jsonl"), ""),
    "image-parquet": (
        "image",
        lambda: {"x.parquet": _media_parquet("image", _images("png"))},
        "x.parquet",
    ),
    "image-tar": ("image", lambda: {"x.tar": _webdataset(_images("png"))}, "x.tar"),
    "npy": ("image", lambda: {"x.npy": _array("npy")}, "x.npy"),
    "npz": ("image", lambda: {"x.npz": _array("npz")}, "x.npz"),
    "idx": ("image", lambda: {"x-idx3-ubyte": _idx()}, "x-idx3-ubyte"),
    "wav": ("audio", lambda: _sounds("wav"), ""),
    "flac": ("audio", lambda: _sounds("flac"), ""),
    "ogg": ("audio", lambda: _sounds("ogg"), ""),
    "aiff": ("audio", lambda: _sounds("aiff"), ""),
    "sound-zip": ("audio", lambda: {"x.zip": _zip(_sounds("wav"))}, "x.zip"),
    "sound-csv": ("audio", lambda: _listed(_sounds("wav"), "csv"), ""),
    "sound-jsonl": ("audio", lambda: _listed(_sounds("wav"), "jsonl"), ""),
    "sound-parquet": (
        "audio",
        lambda: {"x.parquet": _media_parquet("audio", _sounds("wav"))},
        "x.parquet",
    ),
    "sound-tar": ("audio", lambda: {"x.tar": _webdataset(_sounds("wav"))}, "x.tar"),
}
"""By name: the plugin, what makes the files, and the source within their folder."""
