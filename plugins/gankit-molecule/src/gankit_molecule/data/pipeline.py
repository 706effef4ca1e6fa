"""Entries become standardised molecules, each of them once, in an Arrow table.

The table has a row per entry, with columns smiles (null where the entry is skipped), kind, why and
shown (of skipped entries, else null), done (flags of what standardising changed), same (of a
duplicate, the first entry's row), source (the entry's own text, null where that is the SMILES),
name, file, place, values after ``:``, and cells as they are in the file after ``=``.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gankit.contract import Progress
from gankit_molecule.data.columns import Listing
from gankit_molecule.data.parallel import mapped
from gankit_molecule.data.split_columns import OTHER_SPLIT
from gankit_molecule.data.standardise import UnusableError, standardised
from gankit_molecule.settings import MoleculeSettings

MIN_PARALLEL = 20_000
"""Entries below which one process is faster than several."""
CHUNK = 200_000
"""Entries that are standardised before they become a column."""
MAX_BLOCKS = 2**29
"""Bytes of mol blocks that are kept, to be written again by augment; of more, none is."""
SEED = 1_009
"""Of the random subset for ``limit``."""

Ints = npt.NDArray[np.int64]


def standardise_all(
    listing: Listing, settings: MoleculeSettings, generated: bool, progress: Progress
) -> pa.Table:
    """All entries, or a random subset that gives ``settings.limit`` molecules.

    Args:
        generated: whether gankit wrote them: then duplicates are kept.
    """
    n = len(listing.entries)
    limit = settings.limit if settings.limit < n else 0
    drawn = np.random.default_rng(SEED).permutation(n) if limit else np.arange(n)
    found = _standardise(listing.entries.slice(0, 0), settings, progress)
    while (done := len(found)) < n and not (settings.strict and _any_unusable(found)):
        missing = limit - int(_distinct(found, generated).sum()) if limit else n
        if missing <= 0:
            break
        # A few more than are missing, since some will be skipped.
        more = missing + missing // 16 + 16 if limit else n
        some = listing.entries.take(pa.array(drawn[done : done + min(more, CHUNK)]))
        shifted = partial(_shifted, progress, done, 0 if limit else n)
        found = pa.concat_tables([found, _standardise(some, settings, shifted)])
    if limit:
        enough = np.searchsorted(np.cumsum(_distinct(found, generated)), limit) + 1
        found = found.slice(0, int(enough))
    drawn = drawn[: len(found)]
    order = np.argsort(drawn)
    found = found.take(pa.array(order))
    if not generated:
        found = _without_duplicates(found)
    chosen = pa.array(drawn[order])
    entries = listing.entries.take(chosen)
    found = found.append_column("source", _sources(entries.column("text"), found.column("smiles")))
    for name in ("name", "file", "place"):
        found = found.append_column(name, entries.column(name))
    kept = is_kept(found)
    for name in listing.values.column_names[1:]:
        values = listing.values.column(name).take(chosen)
        found = found.append_column(f":{name}", pc.if_else(kept, values, None))
    for name in listing.cells.column_names[1:]:
        found = found.append_column(f"={name}", listing.cells.column(name).take(chosen))
    return found.combine_chunks()


def is_kept(table: pa.Table) -> Any:
    """Which rows are molecules, and no duplicates."""
    return table.column("smiles").is_valid()


def _shifted(progress: Progress, before: int, of: int, what: str, done: int, total: int) -> None:
    progress(what, before + done, of or before + total)


def _sources(texts: Any, smiles: Any) -> Any:
    """The entries' own texts; null where the SMILES is the same, and where one is skipped."""
    blocks = pc.match_substring(texts, "M  END")
    size = pc.sum(pc.binary_length(pc.if_else(blocks, texts, None))).as_py() or 0
    kept = pc.fill_null(pc.not_equal(texts, smiles), False)
    if size > MAX_BLOCKS:
        kept = pc.and_(kept, pc.fill_null(pc.invert(blocks), False))
    return pc.if_else(kept, texts, pa.scalar(None, pa.large_string()))


def _standardise(entries: pa.Table, settings: MoleculeSettings, progress: Progress) -> pa.Table:
    """Columns smiles, kind, why, shown, done, and an empty column same."""
    texts = entries.column("text").fill_null("").to_pylist()
    whys, shown = entries.column("why").to_pylist(), entries.column("shown").to_pylist()
    workers = settings.workers or int(len(texts) < MIN_PARALLEL)
    found = mapped(standardised, texts, workers, "standardising molecules", progress, settings)
    rows: dict[str, list[str | None]] = {"smiles": [], "kind": [], "why": [], "shown": []}
    flags = np.zeros(len(texts), np.int16)
    for i, one in enumerate(found):
        if whys[i] is not None:
            kind = "split" if whys[i] == OTHER_SPLIT else "unread"
            one = UnusableError(kind, whys[i], shown[i] or "")
        if isinstance(one, UnusableError):
            row: tuple[str | None, ...] = (None, one.kind, one.why, one.shown)
        else:
            row, flags[i] = (one[0], None, None, None), one[1]
        for column, value in zip(rows.values(), row, strict=True):
            column.append(value)
    table = pa.table({k: pa.array(v, pa.large_string()) for k, v in rows.items()})
    table = table.append_column("done", pa.array(flags))
    return table.append_column("same", pa.nulls(len(texts), pa.int64()))


def _without_duplicates(found: pa.Table) -> pa.Table:
    """The first of equal molecules is kept; the others refer to its row."""
    distinct, first = _distinct(found, False), _first_rows(found)
    same = pa.array(~distinct & (first >= 0))
    columns = {
        "smiles": pc.if_else(same, None, found.column("smiles")),
        "kind": pc.if_else(same, "same", found.column("kind")),
        "why": found.column("why"),
        "shown": found.column("shown"),
        "done": found.column("done"),
        "same": pc.if_else(same, pa.array(first), None),
    }
    return pa.table(columns).cast(found.schema)


def _distinct(found: pa.Table, generated: bool) -> npt.NDArray[np.bool_]:
    """Which rows are molecules that no earlier row has; all molecules if generated."""
    first = _first_rows(found)
    return first >= 0 if generated else first == np.arange(len(first))


def _first_rows(found: pa.Table) -> Ints:
    """For each row, the first one with the same SMILES; -1 where there is no molecule."""
    codes = found.column("smiles").combine_chunks().dictionary_encode().indices
    codes = codes.fill_null(-1).to_numpy(zero_copy_only=False)
    known, first = np.unique(codes, return_index=True)
    return np.where(codes < 0, -1, first[np.searchsorted(known, codes)])


def _any_unusable(found: pa.Table) -> bool:
    kinds = found.column("kind")
    return bool(pc.any(pc.not_equal(kinds, "split")).as_py())
