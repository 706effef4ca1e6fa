"""Where the tables of a tree are, and what they are called.

A child is written ``orders.csv on customer_id``: a file beside the first table, a query of the same
database, or the name of a table in memory; then its column with the parent's key, and where the
parent's has another name, that one: ``on customer_id=id`` or ``on customer_id=customers.id``.
Names may be in double quotes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gankit.errors import GankitError, did_you_mean
from gankit.kit.own_output import is_record
from gankit_tabular.data.databases import is_database
from gankit_tabular.data.files import COMPRESSED, SUFFIXES
from gankit_tabular.data.stdin import STDIN

WRITTEN = 'Write "orders.csv on customer_id"'
QUERY = re.compile(r"\s*(select|with|from|table|values)\s", re.IGNORECASE)
QUOTED = re.compile(
    r'(.+) on ({0}|[^"=,]+)(?:\s*=\s*(?:({0}|[^".]+)\.)?({0}|[^"]+))?'.format(r'"(?:[^"]|"")+"\s*'),
    re.DOTALL,
)
"""A child whose names may be in double quotes, as those of SQL."""
FROM = re.compile(r"\bfrom\s+([\"`\[]?)([\w.]+)", re.IGNORECASE)


@dataclass(frozen=True)
class Child:
    """A table whose rows belong to those of one before it."""

    source: str
    """A path, a query, or the name of a table in memory."""
    foreign: str
    """Its column with the parent's key."""
    references: str = ""
    """The parent's column, where it has another name: ``id`` or ``customers.id``."""


@dataclass(frozen=True)
class Source:
    """A table to be read."""

    name: str
    place: object
    """What :func:`gankit_tabular.data.sources.read_rows` takes."""
    query: str = ""

    @property
    def shown(self) -> str:
        """For messages."""
        return Path(self.place).name if isinstance(self.place, str | Path) else self.name


def parse_child(text: str) -> Child:
    """A child from its text.

    Raises:
        GankitError: it is none.
    """
    if (quoted := QUOTED.fullmatch(text.strip())) and '"' in "".join(quoted.groups("")[1:]):
        source, foreign, table, references = (part.strip() for part in quoted.groups(""))
        foreign, table, references = map(_unquoted, (foreign, table, references))
        return Child(source, foreign, f"{table}.{references}" if table else references)
    source, on, column = text.strip().rpartition(" on ")
    foreign, _, references = (part.strip() for part in column.partition("="))
    if not on or not source.strip() or not foreign:
        raise GankitError(f"children: {text!r} names no table and column", WRITTEN)
    if "," in foreign:
        raise GankitError(
            f"children: {text!r} names several columns; a key is one column",
            "Join them into one column in both tables",
        )
    return Child(source.strip(), foreign, references)


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def table_sources(source: object, query: str, children: Sequence[Child]) -> list[Source]:
    """The tables, the first one first, with different names.

    Args:
        source: a file, a folder with a file for each table, a database, or a mapping from names to
            data frames.
        query: of the first table, if that is in a database.

    Raises:
        GankitError: one is not there, or is given twice.
    """
    if isinstance(source, Mapping):
        found = _in_memory(source, children)
    elif not isinstance(source, str | Path):
        raise GankitError(
            f"data of type {type(source).__name__} is no set of tables",
            "Give a mapping from their names to data frames: {'customers': df, 'orders': df2}",
        )
    elif is_database(str(source)):
        first = Source(_query_name(query, "first"), str(source), query)
        found = [first, *(_of_query(child, source) for child in children)]
    else:
        found = _files(Path(source), children)
    _refuse_twice(found)
    return found


def _in_memory(source: Mapping[object, object], children: Sequence[Child]) -> list[Source]:
    names = [str(name) for name in source]
    wanted = [child.source for child in children]
    for name in wanted:
        if name not in names:
            raise GankitError(f"children: no table is named {name!r}", did_you_mean(name, names))
    first = [name for name in names if name not in wanted]
    if len(first) != 1:
        what = f"{', '.join(first[:4])} are {len(first)} tables" if first else "no table is left"
        raise GankitError(
            f"{what} beside the children, and one of them is the first",
            'Name the others in children: children=["orders on customer_id"]',
        )
    tables = {str(name): table for name, table in source.items()}
    return [Source(name, tables[name]) for name in (*first, *wanted)]


def _files(path: Path, children: Sequence[Child]) -> list[Source]:
    folder = path if path.is_dir() else path.parent
    own = [_of_query(c, path) if QUERY.match(c.source) else _file(c.source, folder)
           for c in children]  # fmt: skip
    if not path.is_dir():
        return [Source(table_name(path), str(path)), *own]
    taken = {source.place for source in own}
    first = [file for file in _tables_in(path) if str(file) not in taken]
    if len(first) != 1:
        shown = ", ".join(file.name for file in first[:4])
        what = f"{len(first)} tables beside the children ({shown})" if first else "only children"
        raise GankitError(
            f"{path} contains {what}, and one is the first",
            "Give the first table itself: --data FOLDER/customers.csv",
        )
    return [Source(table_name(first[0]), str(first[0])), *own]


def _file(given: str, folder: Path) -> Source:
    """The file of a child: beside the first table, from the current folder, or of the same name
    but in another format, as in gankit's own output."""
    path = Path(os.path.expanduser(given))
    for place in (folder / path, path):
        if place.exists():
            return Source(table_name(place), str(place))
    alike = [f for f in _tables_in(folder) if table_name(f) == table_name(path)]
    if len(alike) == 1:
        return Source(table_name(path), str(alike[0]))
    raise GankitError(
        f"no such file or folder: {given} (neither in {folder} nor in the current folder)",
        "Check the path, or give a folder that has all tables",
    )


def _tables_in(folder: Path) -> list[Path]:
    endings = tuple(s + c for s in SUFFIXES for c in ("", *COMPRESSED))
    return sorted(
        file
        for file in (folder.iterdir() if folder.is_dir() else ())
        if file.is_file() and file.name.lower().endswith(endings)
        and not is_record(file.name) and not file.name.startswith((".", "~$"))
    )  # fmt: skip


def _of_query(child: Child, source: object) -> Source:
    if not is_database(str(source)):
        what = f"children: {child.source!r} is a query, and {source} is not a database"
        raise GankitError(what, WRITTEN)
    if not QUERY.match(child.source):
        raise GankitError(
            f"children: {child.source!r} is not a query, and the first table is in a database",
            'Write "select * from orders on customer_id"',
        )
    return Source(_query_name(child.source, child.foreign), str(source), child.source)


def _query_name(query: str, default: str) -> str:
    """What the result of a query is called: the first table in it."""
    match = FROM.search(query)
    return match[2].rpartition(".")[2] if match else default


def table_name(path: Path) -> str:
    """A file's name without endings."""
    if str(path) == STDIN:
        return "table"
    name = path.name
    for ending in COMPRESSED:
        name = name.removesuffix(ending)
    known = next((s for s in SUFFIXES if name.lower().endswith(s)), "")
    return name[: len(name) - len(known)] or name


def _refuse_twice(found: Sequence[Source]) -> None:
    """Refuses what would be no tree: a table that refers to itself or has two parents."""
    seen: dict[object, Source] = {}
    for source in found:
        place = source.place
        if isinstance(place, str) and not source.query:
            place = os.path.realpath(place)
        key: object = (id(place) if not isinstance(place, str) else place, source.query)
        if key in seen and seen[key] is found[0]:
            raise GankitError(
                f"{source.shown} is the first table and a child: a table that refers to itself, "
                "or tables in a circle, are not supported",
                "Leave that child out; its column is then learned like any other",
            )
        if key in seen:
            raise GankitError(
                f"{source.shown} is given as a child twice: a table with two parents "
                "(many-to-many) is not supported",
                "Keep the parent that matters most; the other key is then learned like any column",
            )
        seen[key] = source
    names: dict[str, Source] = {}
    for source in found:
        if not re.fullmatch(r"[^/\\\0]+", source.name) or source.name.startswith("."):
            raise GankitError(f"{source.name!r} is no name for a table", "Rename it")
        if other := names.get(source.name.casefold()):
            raise GankitError(
                f"two tables are named {source.name} ({other.shown} and {source.shown})",
                "Rename one: the files of generated tables are named after them",
            )
        names[source.name.casefold()] = source
