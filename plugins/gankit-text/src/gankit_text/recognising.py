"""Which data are texts, at a glance."""

from __future__ import annotations

import re
from pathlib import Path

from gankit.contract import Look, Recognised
from gankit.kit.looking import Head, share, table_head, text_head

NAMES = ("text", "texts", "sentence", "sentences", "review", "content", "document", "message",
         "tweet", "headline", "title", "body", "quote", "poem", "lyrics", "utterance",
         "question", "answer", "comment", "description", "summary", "verse")  # fmt: skip
"""Usual names of a column of texts, in the order in which they are tried."""
WORDS = 3
"""Words of a text, on average, from which on a column is one of texts."""
SURE_WORDS, SURE_DISTINCT = 4, 0.8
"""Words on average, and the share of distinct cells, from which on a table is one of texts."""
PLAIN_NAMES = {"text", "texts", "sentence", "sentences", "review", "tweet", "headline", "poem",
               "lyrics", "utterance", "verse", "quote"}  # fmt: skip
"""Names that leave little doubt, with which half the words will do."""
BESIDE = 2
"""Columns beside the texts, at most, in a table of texts: a label, a second text, a number."""
OURS = {"seed", "generated", "id", "index", "split", ""}
"""Columns that say nothing about what a table is."""
PLAIN = (".txt", ".text")
TABLES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
TEXTS = 0.8
"""The confidence for a table of texts, which a table is at 0.6."""
PLAIN_TEXT = 0.6
"""The same for lines of words: formulas and names of molecules can look like words."""

TABLE = "\t,;|"
"""Characters between cells, as many in each line of a table."""

_WORD = re.compile(r"[^\W\d_]{2,}")
_WIDE = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u3040-\u30ff\u3400-\u9fff]{4,}")
"""A stretch of a script that writes no spaces between words."""


def recognise(look: Look) -> Recognised | None:
    """Files and folders of plain text, and tables that are little else than texts."""
    if look.kind == "file" and look.ending(*PLAIN):
        return _plain(look)
    count, part = share(look, *PLAIN)
    if look.kind in ("folder", "archive") and count and part >= 0.5:
        beside = len(look.ending(*PLAIN)) / len(look.names)
        return Recognised(PLAIN_TEXT * part * beside, "texts", f"{count:,} text files", count)
    head = table_head(look) if look.ending(*TABLES) else None
    column = None if head is None else column_of_texts(head)
    if head is None or column is None:
        return None
    return Recognised(TEXTS * head.share, "texts", f"column {column!r} holds texts", head.count)


def column_of_texts(head: Head) -> str | None:
    """The column of a table that holds texts, where there is little else in the table."""
    others = [name for name in head.columns if name.strip().lower() not in OURS]
    if not 1 <= len(others) <= 1 + BESIDE:
        return None
    for name in others:
        cells = head.cells(name)
        words = sum(map(_words, cells))
        distinct = len({*cells}) >= SURE_DISTINCT * len(cells)
        least = SURE_WORDS / 2 if name.strip().lower() in PLAIN_NAMES else SURE_WORDS
        if cells and name not in head.binary and distinct and words >= least * len(cells):
            return name
    return None


def _plain(look: Look) -> Recognised | None:
    try:
        lines, count = text_head(Path(look.source))
    except (OSError, EOFError):
        return None
    lines = [line for line in lines if line.strip()]
    if not lines or any("\0" in line for line in lines):
        return None
    if any(len({line.count(mark) for line in lines}) == 1 and mark in lines[0] for mark in TABLE):
        return None  # a table
    words = sum(map(_words, lines)) / len(lines)
    if words < 1:
        return None
    sure = PLAIN_TEXT if words >= 2 else PLAIN_TEXT / 2
    return Recognised(sure, "texts", f"{look.name} is plain text", count)


def _words(text: str) -> int:
    """Words of letters; four characters without a space count as two words where a script has no
    spaces."""
    found = _WORD.findall(text)
    return len(found) + sum(len(wide) // 2 for word in found for wide in _WIDE.findall(word))
