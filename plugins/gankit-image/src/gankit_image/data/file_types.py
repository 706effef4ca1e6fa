"""What a file is: its first bytes decide, not its name."""

from __future__ import annotations

import importlib.util

import PIL

HEAD = 512
"""Bytes that are looked at."""

ENDINGS = {
    "PNG": (".png", ".apng"),
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    "WEBP": (".webp",),
    "BMP": (".bmp", ".dib"),
    "TIFF": (".tif", ".tiff"),
    "GIF": (".gif",),
    "AVIF": (".avif", ".heif", ".hif"),
    "HEIC": (".heic", ".heif", ".hif"),
    "JPEG2000": (".jp2", ".j2k", ".jpx"),
    "PPM": (".pgm", ".ppm", ".pnm", ".pbm"),
    "NumPy": (".npy",),
}

_UNSUPPORTED = {
    "JPEG XL": "JPEG XL, which is not supported: convert it to PNG (djxl a.jxl a.png)",
    "DICOM": "DICOM, which is not supported: convert it to TIFF or PNG (dcmj2pnm +on2 a.dcm)",
    "NIfTI": "a NIfTI volume, which is not supported: save its slices as .npy or TIFF",
}
_NO_HEIC = "HEIC, whose decoder is not installed: pip install 'gankit-image[heif]'"


def file_type(head: bytes) -> str:
    """The format of a file by its first 512 bytes; empty for an unknown one."""
    for kind, magic in (
        ("PNG", b"\x89PNG\r\n\x1a\n"), ("JPEG", b"\xff\xd8\xff"), ("GIF", b"GIF8"), ("BMP", b"BM"),
        ("TIFF", b"II*\0"), ("TIFF", b"MM\0*"), ("TIFF", b"II+\0"), ("TIFF", b"MM\0+"),
        ("NumPy", b"\x93NUMPY"), ("JPEG XL", b"\xff\x0a"), ("JPEG XL", b"\0\0\0\x0cJXL "),
        ("JPEG2000", b"\0\0\0\x0cjP  "), ("JPEG2000", b"\xff\x4f\xff\x51"),
    ):  # fmt: skip
        if head.startswith(magic):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp":
        brands = {head[8:12], *(head[i : i + 4] for i in range(16, min(len(head), 64), 4))}
        if brands & {b"avif", b"avis"}:
            return "AVIF"
        return "HEIC" if brands & {b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1"} else ""
    if head[:1] == b"P" and head[1:2] in b"123456" and head[2:3].isspace():
        return "PPM"
    if head[128:132] == b"DICM":
        return "DICOM"
    if head[344:348] in (b"n+1\0", b"ni1\0"):
        return "NIfTI"
    return ""


def supported(head: bytes) -> str:
    """The format of a file.

    Raises:
        ValueError: none that can be read.
    """
    if not head:
        raise ValueError("the file is empty")
    kind = file_type(head)
    if not kind and head[:2] == b"\x1f\x8b":
        raise ValueError("gzip-compressed: unpack it; NIfTI volumes are not supported")
    if kind in _UNSUPPORTED:
        raise ValueError(_UNSUPPORTED[kind])
    if kind == "HEIC" and importlib.util.find_spec("pillow_heif") is None:
        raise ValueError(_NO_HEIC)
    if not kind:
        raise PIL.UnidentifiedImageError
    return kind
