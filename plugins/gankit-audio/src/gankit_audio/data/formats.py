"""Sound formats: extensions, the first bytes of files, and headers with wrong lengths."""

from __future__ import annotations

import os
import re
import struct
from typing import BinaryIO

SUFFIXES = (
    *(".wav", ".wave", ".bwf", ".rf64", ".w64", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".mp2"),
    *(".mp1", ".aif", ".aiff", ".aifc", ".au", ".snd", ".caf", ".voc", ".sph", ".nist", ".paf"),
    *(".pvf", ".sds", ".sd2", ".svx", ".8svx", ".ircam", ".sf", ".wve", ".avr", ".xi", ".htk"),
)
"""Extensions of sound files that libsndfile reads. It goes by their content."""
RAW = (".raw", ".pcm", ".vox")
"""Extensions of samples without a header."""
UNSUPPORTED = (
    *(".m4a", ".m4b", ".mp4", ".aac", ".wma", ".webm", ".amr", ".awb", ".mov", ".mkv", ".mka"),
    *(".3gp", ".ape", ".wv", ".mpc", ".tta", ".dsf", ".dff", ".ra", ".ac3", ".dts", ".spx"),
    *(".mid", ".midi", *RAW),
)
"""Extensions of sound that libsndfile does not decode."""
OTHERS = {
    *(".txt", ".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".xml", ".yaml", ".yml", ".toml"),
    *(".md", ".rst", ".html", ".htm", ".pdf", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp"),
    *(".py", ".ipynb", ".sh", ".lab", ".textgrid", ".parquet", ".feather", ".zip", ".gz", ".tar"),
    *(".tgz", ".npy", ".npz", ".safetensors", ".pth", ".pt", ".log", ".ini", ".db", ".exe"),
}
"""Extensions of files whose content is not looked at."""
HEAD = 512
"""Bytes from the beginning of a file by which its format is recognised."""
FFMPEG = "convert it with: ffmpeg -i FILE out.flac"

_CHUNKED = {b"RIFF", b"RIFX", b"RF64", b"FIFR"}
_FORMS = {b"AIFF", b"AIFC", b"8SVX", b"16SV"}
_MAGIC = (
    *(b"fLaC", b"OggS", b".snd", b"dns.", b"caff", b"Creative Voice File", b"NIST_1A", b"PVF1"),
    *(b"2BIT", b" paf", b"fap ", b"ALawSoundFile", b"Extended Instrument:", b"ID3"),
    *(b"\x64\xa3", b"riff\x2e\x91\xcf\x11"),
)
_OTHER_MAGIC = {
    b"\xff\xf1": "AAC",
    b"\xff\xf9": "AAC",
    b"ADIF": "AAC",
    b"\x30\x26\xb2\x75": "Windows Media (WMA)",
    b"\x1a\x45\xdf\xa3": "WebM or Matroska",
    b"#!AMR": "AMR",
    b"wvpk": "WavPack",
    b"MAC ": "Monkey's Audio (APE)",
    b"MThd": "MIDI, which has notes and no samples",
    b"DSD ": "DSD",
}
_EMPTY_ID3 = b"ID3\3\0\0\0\0\0\x0a" + bytes(10)
_STREAMED = 0x7FFF0000
"""Programs that stream write sizes from here on, since they do not know the length yet."""
_SHOULD = re.compile(r"^\W*([A-Za-z][\w ]*?)\s*:?\s*(\d+)\s*\(?should be (\d+)", re.MULTILINE)
_SAMPLE_COUNT = re.compile(rb"^sample_count -i (\d+)", re.MULTILINE)


def suffix_of(name: str) -> str:
    """A file's extension in lower case, with its dot."""
    return os.path.splitext(name)[1].lower()


def is_sound(head: bytes) -> bool:
    """Whether a file begins as a format that libsndfile reads."""
    if head[:4] in _CHUNKED:
        return head[8:12] == b"WAVE"
    if head[:4] == b"FORM":
        return head[8:12] in _FORMS
    if head.startswith(_MAGIC):
        return True
    return b"samplerate" in head and (head[:6] == b"MATLAB" or head[:1] == b"\0")


def unsupported(head: bytes) -> str | None:
    """Why libsndfile cannot read a file, by its first bytes; None if they are unknown."""
    if head[4:8] == b"ftyp":
        return f"MPEG-4 audio (M4A, AAC): {FFMPEG}"
    for magic, name in _OTHER_MAGIC.items():
        if head.startswith(magic):
            return f"{name}: {FFMPEG}"
    if head.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer, not the file: run git lfs pull"
    if head.lstrip()[:9].lower().startswith((b"<!doctype", b"<html")):
        return "a web page, not a sound: download the file again"
    return None


def by_suffix(suffix: str) -> str:
    """The reason for skipping a file with an extension in ``UNSUPPORTED``."""
    if suffix in RAW:
        return (
            f"{suffix} files have no header: convert them, e.g. with "
            "ffmpeg -f s16le -ar 16000 -ac 1 -i FILE out.wav"
        )
    return f"{suffix} is not supported: {FFMPEG}"


# --- Headers ------------------------------------------------------------------------------------


def overlay(file: BinaryIO) -> tuple[int, bytes] | None:
    """What has to be changed before libsndfile reads a file as its maker meant it.

    Returns:
        A number of bytes to leave out at the beginning, and bytes to put there instead.
    """
    file.seek(0)
    head = file.read(32)
    if head[:3] == b"ID3" and len(head) >= 10:
        # libsndfile skips the tag, but then takes sizes from the wrong place.
        size = sum((byte & 127) << 7 * (3 - i) for i, byte in enumerate(head[6:10])) + 10
        file.seek(size)
        if is_sound(after := file.read(HEAD)) and after[:3] != b"ID3":
            return size, b""
    if head[:1] == b"\xff" and len(head) > 1 and head[1] & 0xE0 == 0xE0 and head[1] & 6:
        return 0, _EMPTY_ID3  # without a tag, MPEG is recognised by a file's extension only
    if head[:4] == b".snd" and head[8:12] == bytes(4):
        return 12, head[:8] + b"\xff\xff\xff\xff"
    if head[:4] == b"RIFF" and (at := _data_chunk(file)) is not None:
        # A recorder that was interrupted leaves a size of 0.
        file.seek(at)
        size = struct.unpack("<I", file.read(4))[0]
        following = file.read(4)
        if size == 0 and len(following) == 4 and not _is_chunk_name(following):
            file.seek(0)
            return at + 4, file.read(at) + b"\xff\xff\xff\xff"
    return None


def _data_chunk(file: BinaryIO) -> int | None:
    """Where the size of the chunk of samples is."""
    end = file.seek(0, os.SEEK_END)
    at = 12
    while at + 8 <= end:
        file.seek(at)
        name, size = struct.unpack("<4sI", file.read(8))
        if name == b"data":
            return at + 4
        at += 8 + size + size % 2
    return None


def _is_chunk_name(name: bytes) -> bool:
    return name in (b"LIST", b"id3 ", b"ID3 ", b"bext", b"JUNK", b"fact", b"cue ", b"smpl", b"PEAK")


def chunked(head: bytes) -> bool:
    """Whether :func:`missing_share` knows a file's format: WAV or AIFF."""
    return head[:4] == b"RIFF" or (head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"))


def missing_share(file: BinaryIO) -> float:
    """The share of samples that the header of a WAV or AIFF file claims but the file lacks.

    libsndfile reads such files as shorter ones. Both formats are chunks of a name, a size and
    that many bytes, padded to an even number.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    form = file.read(12)
    order, name = {b"RIFF": ("<", b"data"), b"FORM": (">", b"SSND")}.get(form[:4], ("", b""))
    while order and len(chunk := file.read(8)) == 8:
        claimed = struct.unpack(f"{order}I", chunk[4:])[0]
        if chunk[:4] == name:
            there = size - file.tell()
            return 0.0 if claimed <= there or claimed >= _STREAMED else 1 - there / claimed
        file.seek(claimed + claimed % 2, os.SEEK_CUR)
    return 0.0


def missing_by_log(log: str, head: bytes, frames: int) -> float:
    """The same for other formats, from libsndfile's account of the header."""
    if head.startswith(b"NIST") and (found := _SAMPLE_COUNT.search(head)):
        return max(0.0, 1 - frames / max(int(found[1]), 1))
    shares = [
        1 - int(there) / int(claimed)
        for _, claimed, there in _SHOULD.findall(log)
        if _STREAMED > int(claimed) > int(there)
    ]
    return max(shares, default=0.0)
