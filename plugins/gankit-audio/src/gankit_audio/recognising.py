"""Which data are sounds, at a glance."""

from __future__ import annotations

from gankit.contract import Look, Recognised
from gankit.kit.looking import Head, share, table_head
from gankit_audio.data.formats import RAW, SUFFIXES, UNSUPPORTED

COLUMNS = ("audio", "sound", "clip", "recording", "wav")
"""Usual names of a column of sounds."""
FILMS = (".mp4", ".webm", ".mov", ".mkv", ".3gp")
"""Endings of files that more often hold moving pictures."""
NAMED = 0.8
"""The share of a column's cells that name recordings, from which on a table lists them."""


def recognise(look: Look) -> Recognised | None:
    """Recordings, archives of them, lists of them, and Parquet with a column of them."""
    own = [ending for ending in (*SUFFIXES, *UNSUPPORTED) if ending not in RAW]
    sounds, part = share(look, *own)
    films, _ = share(look, *FILMS)
    if sounds and films == sounds:  # of which the sound could be meant, once it is converted
        return Recognised(0.5 * part, "sounds", f"{films:,} films may have sound", films)
    if sounds and look.kind == "file":
        return Recognised(0.9, "sounds", f"{look.name} is a recording")
    if sounds:
        return Recognised(part, "sounds", f"{sounds:,} sound files", sounds)
    head = table_head(look)
    if head is None:
        return None
    sure = 0.9 * head.share
    held = [column for column in head.like(*COLUMNS) if column in head.binary]
    if held:
        return Recognised(sure, "sounds", f"column {held[0]!r} holds sounds", head.count)
    if listing := next((c for c in head.columns if _names_sounds(head, c)), None):
        return Recognised(sure, "sounds", f"column {listing!r} names sound files", head.count)
    return None


def _names_sounds(head: Head, column: str) -> bool:
    cells = head.cells(column)
    named = sum(cell.lower().endswith(SUFFIXES) for cell in cells)
    return bool(cells) and named >= NAMED * len(cells)
