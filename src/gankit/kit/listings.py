"""Tables that list the files of a data set under a name of their own, such as ``train.csv``."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gankit.errors import GankitError
from gankit.kit.file_names import Names
from gankit.kit.folders import parent
from gankit.kit.row_tables import by_file, file_column, read_rows

ENDINGS = (".csv", ".tsv", ".jsonl")
MOST_TABLES = 16
"""Tables that are looked at, those of the upper folders first."""
LEAST_SHARE = 0.5
"""Share of the files that a table must list to describe them."""


def by_content(
    names: Sequence[str],
    files: Sequence[str],
    used: Sequence[str],
    read: Callable[[str], bytes],
    file_key: str = "",
) -> list[str]:
    """The table that lists most of the files that are used; none where no table lists half.

    Args:
        names: of files in the folders of the items and above.
        files: of the items, in all splits.
        used: of the items of the split that is used.
        read: gives a file's content.
        file_key: the column with the file, if it has no usual name.
    """
    tables = [name for name in names if name.lower().endswith(ENDINGS)]
    tables = sorted(tables, key=lambda name: (name.count("/"), name))[:MOST_TABLES]
    known, wanted = Names(files), set(used)
    best, most = "", 0
    for name in tables:
        try:
            rows = list(read_rows(name, read(name)))
            column = file_column([row for _, row in rows], file_key)
            listed = by_file(name, rows, column) if column is not None else []
        except GankitError:
            continue  # another table, about something else
        found = {known.find(parent(name), file) for file, _ in listed} & wanted
        if len(found) > most:
            best, most = name, len(found)
    return [best] if best and most >= LEAST_SHARE * len(wanted) else []
