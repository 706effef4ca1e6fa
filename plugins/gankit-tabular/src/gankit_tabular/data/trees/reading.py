"""Sequences and tables that refer to each other, from files to a data set of trees."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from gankit.contract import Dataset
from gankit.errors import GankitError, did_you_mean, without_password
from gankit.kit.own_output import is_doubt
from gankit_tabular.data.doubts import row_doubts
from gankit_tabular.data.options import FEWEST, Findings, read_options
from gankit_tabular.data.rows import Row, Rows
from gankit_tabular.data.sources import fingerprint, read_rows
from gankit_tabular.data.strata import strata
from gankit_tabular.data.trees.facts import related_facts, sequence_facts
from gankit_tabular.data.trees.items import Trees
from gankit_tabular.data.trees.related import related
from gankit_tabular.data.trees.sequences import read_sequences
from gankit_tabular.data.trees.sources import Source, parse_child, table_sources
from gankit_tabular.settings import TabularSettings


def read_trees(source: object | None, settings: TabularSettings) -> Dataset[Row]:
    """Reads the entities of one table (``sequence.entity``), or several tables (``children``).

    Raises:
        GankitError: they are no sequences or trees, or too few; the message names a row.
    """
    if source is None:
        raise GankitError("the built-in table has no entities and no children", "Give your own")
    if not settings.children:
        return _sequences(source, settings)
    if settings.sequence.entity:
        raise GankitError(
            "sequence.entity and children both say what an item is",
            "For entities with rows in an order, use sequence.entity alone; for tables that refer "
            "to each other, children",
        )
    return _related(source, settings)


def _sequences(source: object, settings: TabularSettings) -> Dataset[Row]:
    found = Findings()
    rows, _ = read_rows(source, options=read_options(settings), findings=found)
    _check_drop(settings, found)
    _check_names({"the table": rows}, settings)
    if len(rows) < 2:
        raise GankitError(f"{_shown(source)} has {_count(len(rows), 'usable row')}", _ENTITIES)
    read = read_sequences(rows, settings.sequence, settings.kinds())
    trees, entity = read.trees, settings.sequence.entity
    if len(trees) < FEWEST:
        what = "all rows are of one" if len(trees) == 1 else f"there are {len(trees)} of"
        raise GankitError(f"sequence.entity={entity}: {what} {entity}", _AT_LEAST)
    (own,) = trees.tables.values()
    facts = found.facts | sequence_facts(read, settings)
    if settings.drop:
        facts["left out"] = ", ".join(settings.drop)
    heads = own.__getitems__(next(iter(trees.starts.values()))[:-1])
    target = settings.target or own.table.column_names[-1]
    kept = "" if own.spool is None else ", kept in a temporary file"
    return Dataset(
        trees,
        _fingerprint(trees),
        f"{len(trees):,} sequences of {len(own):,} rows, {own.table.num_columns} columns{kept}",
        issues=found.issues,
        facts=facts,
        warnings=[*found.warnings, *row_doubts(own, found.warnings), *read.warnings],
        strata=strata(heads, target) if target in read.constants else None,
    )


def _related(source: object, settings: TabularSettings) -> Dataset[Row]:
    children = [parse_child(text) for text in settings.children]
    sources = table_sources(source, settings.query, children)
    tables, together = dict[str, Rows](), Findings()
    for one in sources:
        tables[one.name] = _table(one, settings, together)
    _check_drop(settings, together)
    _check_names(tables, settings)
    first = tables[sources[0].name]
    if len(first) < FEWEST:
        what = f"{sources[0].name} has {_count(len(first), 'usable row')}"
        raise GankitError(what, f"At least {FEWEST} are needed")
    found = related(tables, children, drop_orphans=settings.orphans == "drop")
    trees = found.trees
    target = settings.target or first.table.column_names[-1]
    facts = together.facts | related_facts(trees, settings)
    warnings = list(together.warnings)
    for name, rows in trees.tables.items():
        warnings += [f"{name}: {text}" for text in row_doubts(rows, together.warnings)]
    sizes = ", ".join(f"{name} ({len(rows):,})" for name, rows in trees.tables.items())
    return Dataset(
        trees,
        _fingerprint(trees),
        f"{len(trees):,} trees of {len(sources)} tables: {sizes}",
        issues=[*together.issues, *found.issues],
        facts=facts,
        warnings=warnings,
        strata=strata(first, target) if target in first.table.column_names else None,
    )


_ENTITIES = f"At least {FEWEST} entities are needed, some with two rows or more"
_AT_LEAST = f"At least {FEWEST} of them are needed, some with two rows or more"


def _table(one: Source, settings: TabularSettings, together: Findings) -> Rows:
    """One table; what is found of it is told with its name."""
    found = Findings()
    options = replace(read_options(settings), query=one.query)
    rows, _ = read_rows(one.place, options=options, findings=found)
    if not rows.table.num_columns:
        raise GankitError(f"{one.shown} has no columns", "Give a table with columns and rows")
    for key, text in found.facts.items():
        before = together.facts.setdefault(key, text)
        if before != text and not before.startswith(f"{text}; "):  # what differs from the first's
            together.facts[key] = f"{before}; {one.name}: {text}"
    for text in found.warnings:
        together.warn(text if one.name in text or is_doubt(text) else f"{one.name}: {text}")
    together.issues += found.issues
    together.dropped |= found.dropped
    return rows


def _check_drop(settings: TabularSettings, found: Findings) -> None:
    for name in settings.drop:
        if name not in found.dropped:
            raise GankitError(f"drop: there is no column {name!r}", "Check the spelling")


def _check_names(tables: Mapping[str, Rows], settings: TabularSettings) -> None:
    """Raises:
    GankitError: a setting names a column that no table has.
    """
    columns = {table: rows.table.column_names for table, rows in tables.items()}
    names = list(dict.fromkeys(c for own in columns.values() for c in own))
    if len(tables) > 1:  # after its table, where several have one of the name
        names += [f"{table}.{c}" for table, own in columns.items() for c in own]
    for name in (*settings.kinds(), *settings.groups, settings.target):
        if name and name not in names:
            where = " or ".join(tables)
            raise GankitError(f"{where} has no column {name!r}", did_you_mean(name, names))


def _fingerprint(trees: Trees) -> str:
    parts = [repr(trees.structure), *(fingerprint(rows) for rows in trees.tables.values())]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _shown(source: object) -> str:
    return without_password(str(source)) if isinstance(source, str | Path) else "the table"


def _count(n: int, what: str) -> str:
    return f"1 {what}" if n == 1 else f"{n:,} {what}s"
