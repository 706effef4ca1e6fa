"""Which data are images, at a glance."""

from __future__ import annotations

import ast
from pathlib import Path

from gankit.contract import Look, Recognised
from gankit.kit.looking import share, table_head

ENDINGS = (
    *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".tif", ".tiff", ".gif"),
    *(".avif", ".heic", ".heif", ".hif", ".jp2", ".pgm", ".ppm", ".pnm", ".mpo"),
)
UNREAD = (".jxl", ".dcm", ".nii", ".nii.gz")
"""Endings of images whose reading says why it cannot read them."""
COLUMNS = ("image", "images", "img", "picture", "photo", "pixels", "jpg", "png")
"""Usual names of a column of pictures."""


def recognise(look: Look) -> Recognised | None:
    """Pictures, archives of them, arrays, IDX and Parquet with a column of pictures."""
    pictures, part = share(look, *ENDINGS, *UNREAD)
    idx = [name for name in look.names if "-ubyte" in name.lower() and "idx" in name.lower()]
    if pictures and look.kind == "file":
        return Recognised(0.9, "images", f"{look.name} is an image", 1)
    if pictures:
        return Recognised(part, "images", f"{pictures:,} image files", pictures)
    if idx:
        return Recognised(0.9, "images", f"{look.name} holds images in the IDX format")
    if look.ending(".npz"):
        return Recognised(0.7, "images", f"{look.name} holds arrays")
    if arrays := look.ending(".npy"):
        return _array(look) if look.kind == "file" else Recognised(
            0.7 * share(look, ".npy")[1], "images", f"{len(arrays):,} arrays"
        )  # fmt: skip
    return _parquet(look)


def _array(look: Look) -> Recognised | None:
    """An array of three axes or more."""
    shape = npy_shape(Path(look.source))
    if len(shape) < 3:
        return None
    size = "×".join(map(str, shape))
    return Recognised(0.8, "images", f"{look.name} is an array of {size}", shape[0])


def npy_shape(path: Path) -> tuple[int, ...]:
    """The shape in the header of a ``.npy`` file; empty where it has none."""
    try:
        with path.open("rb") as file:
            head = file.read(4096)
        first, last = head.index(b"{"), head.index(b"}")
        shape = ast.literal_eval(head[first : last + 1].decode("latin-1"))["shape"]
        return tuple(int(size) for size in shape)
    except (OSError, ValueError, KeyError, TypeError, SyntaxError):
        return ()


def _parquet(look: Look) -> Recognised | None:
    """A column of pictures, as Hugging Face stores them."""
    head = table_head(look) if look.ending(".parquet") else None
    found = [column for column in head.like(*COLUMNS) if column in head.binary] if head else []
    if head is None or not found:
        return None
    return Recognised(0.9 * head.share, "images", f"column {found[0]!r} holds images", head.count)
