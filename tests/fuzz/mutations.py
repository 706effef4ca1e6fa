"""Damaged copies of files: what disks, transfers, editors and attackers do to them."""

from __future__ import annotations

import random

TOKENS = [
    *(b"\x00", b"\xff", b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", b"\x7f\xff\xff\xff"),
    *(
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\r",
        b"\n",
        b"\r\n",
        b"\n\n",
        b"\t",
        b'"',
        b'""',
        b"'",
        b"\\",
    ),
    *(b",", b";", b"|", b":", b"{", b"}", b"[", b"]", b"(", b")", b"#", b"$$$$", b"..", b"/", b"="),
    *(b"null", b"NaN", b"-inf", b"1e999", b"-1", b"0", b"true", b"99999999999999999999", b"0x1f"),
    *("é\u202e\ud7ff".encode(), b"[red]", b"\x1b[31m", b"../../x", b"<b>", b"%s", b"M  END"),
]


def mutate(content: bytes, rng: random.Random) -> bytes:
    """One to a few changes at random places."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        rng.choice(CHANGES)(changed, rng)
    return bytes(changed)


def _place(content: bytearray, rng: random.Random) -> int:
    """Half of them near the start, where headers are."""
    most = min(len(content), 64) if rng.random() < 0.5 else len(content)
    return rng.randrange(most + 1)


def _flip(content: bytearray, rng: random.Random) -> None:
    if content:
        content[min(_place(content, rng), len(content) - 1)] ^= 1 << rng.randrange(8)


def _cut(content: bytearray, rng: random.Random) -> None:
    del content[_place(content, rng) :]


def _remove(content: bytearray, rng: random.Random) -> None:
    at = _place(content, rng)
    del content[at : at + rng.choice((1, 2, 4, 16, 256))]


def _insert(content: bytearray, rng: random.Random) -> None:
    at = _place(content, rng)
    content[at:at] = rng.choice(TOKENS) * rng.choice((1, 1, 1, 3, 1000))


def _overwrite(content: bytearray, rng: random.Random) -> None:
    at, token = _place(content, rng), rng.choice(TOKENS)
    content[at : at + len(token)] = token


def _repeat(content: bytearray, rng: random.Random) -> None:
    at = _place(content, rng)
    part = content[at : at + rng.choice((1, 8, 64, 1024))]
    content[at:at] = bytes(part) * rng.choice((1, 2, 50))


def _swap(content: bytearray, rng: random.Random) -> None:
    lines = bytes(content).split(b"\n")
    if len(lines) > 2:
        i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
        lines[i], lines[j] = lines[j], lines[i]
        content[:] = b"\n".join(lines)


def _noise(content: bytearray, rng: random.Random) -> None:
    at = _place(content, rng)
    content[at : at + 32] = rng.randbytes(32)


CHANGES = (_flip, _flip, _cut, _remove, _insert, _insert, _overwrite, _repeat, _swap, _noise)
