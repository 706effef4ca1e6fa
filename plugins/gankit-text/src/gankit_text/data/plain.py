"""Plain text: bytes to characters, and a file's text to items."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

from gankit.errors import GankitError, did_you_mean

HARD_WRAP = (50, 100)
"""Characters of a typical line of prose that was wrapped."""
PROSE = 0.6
"""The share of lines of that length from which on blocks are paragraphs; lines of poems are
shorter, and differ more."""
MOST_CONTROL = 0.02
"""The share of control characters from which on a file is no text."""
_BLANK = re.compile(r"\n[^\S\n]*(?:\n[^\S\n]*)+")


def decoded(content: bytes, name: str, encoding: str) -> str:
    """A file's text, with line ends as ``\\n``.

    Args:
        name: for messages.
        encoding: a byte order mark of UTF-16 or UTF-32 overrides it.

    Raises:
        GankitError: no such encoding; the bytes are not of it, or no text.
    """
    try:
        codecs.lookup(encoding)
    except LookupError:
        known = ("utf-8", "utf-16", "latin-1", "cp1252", "cp1251", "shift_jis", "gb18030", "big5")
        raise GankitError(
            f"encoding={encoding}: Python knows no such encoding", did_you_mean(encoding, known)
        ) from None
    marks = ((codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
             (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))  # fmt: skip
    used = next((found for mark, found in marks if content.startswith(mark)), encoding)
    used = "utf-8-sig" if codecs.lookup(used).name == "utf-8" else used
    if used == "utf-8-sig" and b"\0" in content[:4096]:
        raise _wide(name) if _alternate(content[:4096]) else _binary(name)
    try:
        text = content.decode(used)
    except (UnicodeDecodeError, UnicodeError) as error:
        at = getattr(error, "start", 0)
        if _controls(content[:4096].decode("latin-1")) > MOST_CONTROL:
            raise _binary(name) from None
        line = content.count(b"\n", 0, at) + 1
        hint = "Set encoding=cp1252 for Western European text of Windows, or save it as UTF-8"
        raise GankitError(f"{name}, line {line}: not {encoding} (at byte {at})", hint) from None
    if _controls(text[:4096]) > MOST_CONTROL:
        raise _binary(name)
    if (at := text.find("\0")) >= 0:
        line = text.count("\n", 0, at) + 1
        raise GankitError(f"{name}, line {line}: a NUL character", "Remove it")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _controls(text: str) -> float:
    odd = sum(c < " " and c not in "\t\n\r\f" for c in text)
    return odd / max(len(text), 1)


def _alternate(content: bytes) -> bool:
    """Whether every other byte is mostly 0, as of UTF-16."""
    return any(2 * content[i::2].count(0) > len(content[i::2]) for i in (0, 1))


def _wide(name: str) -> GankitError:
    return GankitError(
        f"{name}: not UTF-8; it looks like UTF-16 without a byte order mark",
        "Set encoding=utf-16-le or encoding=utf-16-be",
    )


def _binary(name: str) -> GankitError:
    hint = "Give plain text or a table; set encoding= if it is text in another encoding"
    return GankitError(f"{name}: not a text file", hint)


@dataclass(frozen=True)
class Cut:
    """How a text is cut into items."""

    unit: str
    why: str


def unit_of(text: str) -> Cut:
    """The unit that a text seems to have: lines; or blocks, or paragraphs of wrapped lines, where
    blank lines separate groups of lines."""
    blocks = [block for block in _BLANK.split(text.strip("\n")) if block.strip()]
    lines = [line for line in text.split("\n") if line.strip()]
    several = sum("\n" in block for block in blocks)
    if len(blocks) < 2 or several < 0.5 * len(blocks):
        return Cut("line", "one text each line")
    # The last line of a paragraph is as long as it happens to be.
    inner = [line for block in blocks for line in block.split("\n")[:-1]]
    wrapped = sum(HARD_WRAP[0] <= len(line) <= HARD_WRAP[1] for line in inner)
    if inner and wrapped >= PROSE * len(inner):
        return Cut("paragraph", "blank lines between paragraphs of wrapped lines, which are joined")
    each = f"{len(lines) / len(blocks):.1f} lines on average"
    return Cut("block", f"blank lines between blocks, of {each}")


def items_in(text: str, unit: str) -> Iterator[tuple[str, str]]:
    """The items of a text, each with its place; empty ones are skipped.

    Args:
        unit: ``line``, ``paragraph``, ``block`` or ``file``.
    """
    if unit == "file":
        if text.strip():
            yield "", text.removesuffix("\n")
        return
    if unit == "line":
        for number, line in enumerate(text.split("\n"), 1):
            if line.strip():
                yield f"line {number}", line
        return
    block: list[str] = []
    start = 1
    for number, line in enumerate([*text.split("\n"), ""], 1):
        if line.strip():
            start = start if block else number
            block.append(line)
        elif block:
            yield (
                f"line {start}",
                (" " if unit == "paragraph" else "\n").join(
                    [part.strip() for part in block] if unit == "paragraph" else block
                ),
            )
            block = []
