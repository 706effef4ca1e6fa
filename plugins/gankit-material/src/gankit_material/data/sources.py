"""Reading: files and objects become a data set of materials, or an error."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gankit.contract import Dataset, Issue, Progress
from gankit.errors import GankitError
from gankit_material.data.items import Material
from gankit_material.data.locations import Location, locate
from gankit_material.data.materials import Reader
from gankit_material.data.summary import describe, facts_of, rows_of
from gankit_material.data.tables import READS, Entry, rows_of_file, rows_of_table
from gankit_material.settings import MaterialSettings

MIN_MATERIALS = 2
"""Materials of a data set."""


def read(
    source: object | None, settings: MaterialSettings, progress: Progress
) -> Dataset[Material]:
    """The materials of a path or of an object in memory; None is the built-in data.

    Paths: lists of formulas, tables, CIFs, and folders of them. In memory: a sequence of formulas,
    of mappings or of materials, a data frame, or an Arrow table.

    Raises:
        GankitError: nothing usable there, or fewer than ``MIN_MATERIALS``; with
            ``settings.strict``, one entry that cannot be used.
    """
    found = locate(source)
    reader = Reader(settings, found.generated)
    facts: dict[str, str] = dict(found.facts)
    warnings = list(found.warnings)
    if found.cifs is not None:
        from gankit_material.data.cif import read_cif

        materials, issues, more = read_cif(found.cifs, settings, progress)
        facts |= more
        reader.add_materials(materials, issues)
    else:
        for entries, told in _entries(found, settings):
            facts |= told
            for i, entry in enumerate(entries):
                if i % 5000 == 0:
                    progress("reading formulas", i, len(entries))
                reader.add(entry)
    items, issues = reader.finish()
    where = found.where
    if settings.strict and reader.unusable:
        first = reader.unusable[0]
        raise GankitError(
            f"{where}: {first.location}: {first.reason}",
            "Fix or remove it, or set strict=false to skip such entries",
        )
    if len(items) < MIN_MATERIALS:
        raise _too_few(items, issues, where)
    if settings.limit and settings.limit < len(items):
        chosen = np.random.default_rng(0).choice(len(items), settings.limit, replace=False)
        items = [items[i] for i in sorted(chosen)]
    return Dataset(
        items,
        fingerprint=_fingerprint(items),
        description=describe(items, issues, found.name),
        licence=found.licence,
        issues=issues,
        facts={**facts, **facts_of(reader, items)},
        table=rows_of(items, settings, reader.others),
        warnings=[*warnings, *reader.warnings()],
        strata=_strata(items, settings),
    )


def _entries(
    found: Location, settings: MaterialSettings
) -> list[tuple[Sequence[Entry], Mapping[str, str]]]:
    if not found.files:
        return [_in_memory(found.thing, settings)]
    parts: list[tuple[Sequence[Entry], Mapping[str, str]]] = []
    for path in found.files:
        rows = rows_of_file(path, settings.column)
        parts.append((rows.entries, rows.facts))
    if not any(len(entries) for entries, _ in parts):
        raise GankitError(f"{found.where}: no formula there", READS)
    return parts


def _in_memory(thing: Any, settings: MaterialSettings) -> tuple[Sequence[Entry], Mapping[str, str]]:
    if isinstance(thing, Sequence) and not isinstance(thing, str | bytes):
        if all(isinstance(one, str) for one in thing):
            return [Entry(f"item {i}", t, {"formula": t}) for i, t in enumerate(thing)], {}
        if all(isinstance(one, Material) for one in thing):
            rows = [{"formula": one.formula, **one.values} for one in thing]
            return [Entry(f"item {i}", r["formula"], r) for i, r in enumerate(rows)], {}
    from gankit.kit.tables import arrow_table

    table = arrow_table(thing)
    if table is None:
        kind = type(thing).__name__
        raise GankitError(
            f"materials cannot be read from a {kind}",
            "Give formulas as a list of texts, a data frame, or a list of mappings",
        )
    found = [(f"row {i}", row) for i, row in enumerate(table.to_pylist())]
    read = rows_of_table(found, "the data", "the data", settings.column)
    return read.entries, read.facts


def _strata(items: Sequence[Material], settings: MaterialSettings) -> Sequence[object] | None:
    return [item.label for item in items] if settings.label else None


def _fingerprint(items: Sequence[Material]) -> str:
    digest = hashlib.sha256()
    for item in items:
        values = sorted(item.values.items())
        digest.update(f"{item.formula} {item.label} {values} {item.cell}\n".encode())
    return digest.hexdigest()


def _too_few(items: Sequence[Material], issues: Sequence[Issue], where: str) -> GankitError:
    hint = f"At least {MIN_MATERIALS} different formulas are needed"
    if issues:
        reasons = Counter(issue.reason for issue in issues).most_common(1)[0]
        first = next(issue for issue in issues if issue.reason == reasons[0])
        what = "no usable formula" if not items else "only one usable formula"
        return GankitError(f"{where}: {what}; {first.location}: {first.reason}", hint)
    return GankitError(f"{where}: only one formula", hint)
