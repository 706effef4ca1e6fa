"""What was read, in words: facts for the run's record, a table of columns, and doubts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gankit_molecule.data.columns import About
from gankit_molecule.data.properties import PROPERTIES
from gankit_molecule.data.sequences import Molecules
from gankit_molecule.data.standardise import Done
from gankit_molecule.settings import MoleculeSettings

NOT_USED = "none (set conditions)"
FREQUENT = 5
"""Molecules that have a text that is shown as an example."""


def counts_of(table: pa.Table) -> Mapping[Done, int]:
    """How many of the molecules that were kept were changed, by what was changed."""
    kept = table.filter(table.column("smiles").is_valid())
    flags = kept.column("done").to_numpy()
    return {flag: int(np.count_nonzero(flags & flag)) for flag in Done}


def facts_of(table: pa.Table, about: About, settings: MoleculeSettings) -> dict[str, str]:
    """What the source was taken for, and how molecules were standardised, by count."""
    counts = counts_of(table)
    facts = dict(about.facts)
    if counts[Done.INCHI]:
        facts["InChI"] = f"{counts[Done.INCHI]:,} read"
    if salts := _salts(counts, settings):
        facts["salts"] = salts
    if settings.charges == "keep":
        facts["charges"] = "kept (charges=keep)"
    elif counts[Done.CHARGE]:
        facts["charges"] = f"{counts[Done.CHARGE]:,} neutralised"
    if settings.stereo == "keep":
        facts["stereo"] = f"kept, {counts[Done.STEREO_KEPT]:,} molecules have some"
    elif counts[Done.STEREO_REMOVED]:
        facts["stereo"] = f"removed from {counts[Done.STEREO_REMOVED]:,} (stereo=keep keeps it)"
    if settings.isotopes == "keep":
        facts["isotopes"] = "kept"
    elif counts[Done.ISOTOPE]:
        facts["isotopes"] = f"removed from {counts[Done.ISOTOPE]:,}"
    if counts[Done.ATOM_MAP]:
        facts["atom maps"] = f"removed from {counts[Done.ATOM_MAP]:,}"
    if counts[Done.EXTENSION]:
        facts["CXSMILES"] = f"ignored in {counts[Done.EXTENSION]:,}"
    facts["tautomers"] = "as they are"
    return facts


def _salts(counts: Mapping[Done, int], settings: MoleculeSettings) -> str:
    if settings.salts == "keep":
        return "kept whole (salts=keep)"
    if settings.salts == "drop":
        return "skipped (salts=drop)"
    mixtures = counts[Done.MIXTURE]
    done = []
    if counts[Done.SALT]:
        done.append(f"counter-ions and solvents cut from {counts[Done.SALT]:,}")
    if mixtures:
        done.append(f"{_many(mixtures, 'mixture', 'mixtures')}, the largest part kept")
    return "; ".join(done)


def rows_of(items: Molecules, table: pa.Table, settings: MoleculeSettings) -> list[dict[str, str]]:
    """A row for the SMILES and for each column of values: type, how many have it, what it holds."""
    n = len(items)
    kept = table.filter(table.column("smiles").is_valid())
    lengths = pc.utf8_length(kept.column("smiles"))
    longest = pc.max(lengths).as_py()
    rows = [_row("SMILES", f"up to {longest} characters", n, n, "")]
    for name in items.names_of_values():
        column = kept.column(f":{name}")
        known = column.drop_null()
        if not len(known):
            continue
        if pa.types.is_floating(column.type):
            low, high = (pc.min(known).as_py(), pc.max(known).as_py())
            row = _row(name, "number", len(known), n, f"{low:g} to {high:g}", NOT_USED)
        else:
            different = pc.count_distinct(known).as_py()
            row = _row(name, f"text, {different:,} different", len(known), n, _examples(known))
        if name in settings.conditions and name not in PROPERTIES:
            row["use"] = "condition"
        rows.append(row)
    computed = [name for name in settings.conditions if name in PROPERTIES]
    rows += [_row(name, "computed", n, n, "", "condition") for name in computed]
    return rows


def _examples(known: pa.ChunkedArray) -> str:
    """Frequent texts; others may be names of molecules."""
    counted = sorted(known.value_counts().to_pylist(), key=lambda pair: -pair["counts"])
    return ", ".join(p["values"][:30] for p in counted[:3] if p["counts"] >= FREQUENT)


def _row(name: str, kind: str, known: int, n: int, shown: str, use: str = "") -> dict[str, str]:
    share = "all" if known == n else f"{known:,}"
    shown = shown if len(shown) <= 60 else f"{shown[:60]}…"
    return {"column": name, "type": kind, "known": share, "values": shown, "use": use}


def warnings_of(
    items: Molecules, table: pa.Table, about: About, settings: MoleculeSettings
) -> Sequence[str]:
    """Doubts about what was read."""
    found = list(about.warnings)
    counts, n = counts_of(table), len(items)
    if mixtures := counts[Done.MIXTURE]:
        found.append(
            f"{_many(mixtures, 'entry is a mixture', 'entries are mixtures')} of several molecules,"
            " and the largest was kept: set salts=drop to skip them"
        )
    total = len(table)
    duplicates = int(pc.sum(pc.equal(table.column("kind"), "same")).as_py() or 0)
    splits = int(pc.sum(pc.equal(table.column("kind"), "split")).as_py() or 0)
    total -= splits
    skipped = total - n - duplicates
    if skipped > 0.2 * total:
        found.append(
            f"{skipped:,} of {total:,} entries were skipped: check that the column and the "
            "settings are right"
        )
    return found


def _many(count: int, one: str, more: str) -> str:
    return f"1 {one}" if count == 1 else f"{count:,} {more}"
