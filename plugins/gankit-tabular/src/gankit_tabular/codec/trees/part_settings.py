"""Settings that name columns, by the part whose columns they name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pyarrow as pa

from gankit.errors import GankitError, did_you_mean
from gankit_tabular.codec.constraints.rules import parse_rules
from gankit_tabular.codec.trees.forest import Part
from gankit_tabular.data.trees.items import Trees
from gankit_tabular.formats.columns import column_formats, typed_table
from gankit_tabular.settings import TabularSettings


def settings_of_parts(
    settings: TabularSettings, parts: Sequence[Part], tables: Sequence[pa.Table], order: str = ""
) -> list[TabularSettings]:
    """The settings of each part's table.

    Args:
        order: a column that is split into a first value and differences.

    Raises:
        GankitError: a rule is about columns of several parts.
    """
    found = []
    rules = _rules_of_parts(settings, parts, tables, order)
    for p, (part, table) in enumerate(zip(parts, tables, strict=True)):
        has = set(table.column_names)
        mine = replace(
            settings,
            generator="cascade",
            numbers=_names(settings.numbers, part, has),
            categories=_names(settings.categories, part, has),
            identifiers=_names(settings.identifiers, part, has),
            ordinals=_ordinals(settings.ordinals, part, has),
            constraints=rules[p],
        )
        if order in has and p:  # differences are numbers, whatever the column is
            others = {
                name: tuple(n for n in getattr(mine, name) if n != order)
                for name in ("categories", "identifiers")
            }
            ordinals = {n: v for n, v in mine.ordinals.items() if n != order}
            numbers = (*mine.numbers, order)
            mine = replace(mine, numbers=numbers, ordinals=ordinals, **others)  # type: ignore[arg-type]
        found.append(mine)
    return found


def _names(names: Sequence[str], part: Part, has: set[str]) -> tuple[str, ...]:
    """Those of the part's columns, named as they are or after the table: ``orders.total``."""
    own = (n.removeprefix(f"{part.name}.") if n not in has else n for n in names)
    return tuple(name for name in own if name in has)


def _ordinals(
    ordinals: Mapping[str, tuple[str, ...]], part: Part, has: set[str]
) -> dict[str, tuple[str, ...]]:
    return {n: v for name, v in ordinals.items() for n in _names([name], part, has)}


def _rules_of_parts(
    settings: TabularSettings, parts: Sequence[Part], tables: Sequence[pa.Table], order: str
) -> list[tuple[str, ...]]:
    found: list[list[str]] = [[] for _ in parts]
    if not settings.constraints:
        return [() for _ in parts]
    types = [
        {f.name: f.type for f in typed_table(t, column_formats(t, settings.kinds())).schema}
        for t in tables
    ]
    every = {name: t for of in reversed(types) for name, t in of.items()}
    every |= {name: pa.string() for part in parts for name in (part.key, part.foreign) if name}
    for text in settings.constraints:
        names = {name for rule in parse_rules([text], every) for name in rule.columns}
        if order in names:
            raise GankitError(
                f"constraint {text!r}: {order} orders the rows, and cannot be in a rule",
                "Leave it out of the rule",
            )
        if keys := names & {n for part in parts for n in (part.key, part.foreign) if n}:
            raise GankitError(
                f"constraint {text!r}: {min(keys)} is a key, which is new and valid anyway",
                "Leave the rule out",
            )
        places = [p for p, of in enumerate(types) if names <= set(of)]
        if not places:
            raise GankitError(
                f"constraint {text!r}: its columns are not all in one table, or some are the same "
                "in all rows of an entity and others are not",
                "Rules are about columns of the same row",
            )
        found[places[0]].append(text)
    return [tuple(texts) for texts in found]


def as_they_are(settings: TabularSettings, trees: Trees) -> set[str]:
    """Columns that the settings say something about, which holds for values and not for changes."""
    table = trees.tables[trees.structure.names[0]].table
    found = {*settings.categories, *settings.identifiers, *settings.ordinals}
    if settings.constraints:
        values = typed_table(table, column_formats(table, settings.kinds()))
        types = {f.name: f.type for f in values.schema}
        for text in settings.constraints:
            found |= {n for rule in parse_rules([text], types) for n in rule.columns}
    return found


def only_root(
    where: Mapping[str, object],
    parts: Sequence[Part],
    known: Sequence[str],
    others: Mapping[str, str],
    sequence: bool,
) -> None:
    """Checks that what is requested is of the root.

    Args:
        known: columns that can be requested.
        others: columns of other parts, each with its part's name.

    Raises:
        GankitError: it is not.
    """
    can = ", ".join(known) or "nothing"
    for name in where:
        if name in known:
            continue
        if name in (parts[0].key, *(part.foreign for part in parts)):
            raise GankitError(f"{name} is a key, which is always new", f"Request {can}")
        if name in others:
            within = (
                f"{name} changes within {parts[0].key}"
                if sequence
                else f"{name} is in {others[name]}, whose rows belong to those of {parts[0].name}"
            )
            raise GankitError(f"{within}; only {can} can be requested", "Request one of these")
        raise GankitError(f"the data has no column {name!r}", did_you_mean(name, [*known]))
