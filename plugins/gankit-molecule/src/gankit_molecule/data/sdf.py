"""Records of an SDF or of a mol file: a mol block and data fields."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from gankit_molecule.data.columns import Part, Rows
from gankit_molecule.data.keys import NAME_KEYS, key_in
from gankit_molecule.settings import MoleculeSettings

MAX_LINES = 1_000_000
"""Lines of a record; further ones are ignored, so that a file without ends fits in memory."""
_COUNTS = re.compile(r"\s*\d+\s*\d+.*V[23]000\s*")


def read_sdf(stream: Iterable[str], settings: MoleculeSettings) -> Part:
    """The records of a file; a record's place is its first line."""
    rows, begin, titled = Rows(), 1, set[str]()
    versions = {"V2000": 0, "V3000": 0}
    record: list[str] = []
    for number, line in enumerate(stream, start=1):
        if line.startswith("$$$$"):
            _add(rows, begin, record, settings, titled)
            record, begin = [], number + 1
        elif len(record) < MAX_LINES:
            record.append(line.rstrip("\r\n"))
            if len(record) == 4:
                for version in versions:
                    versions[version] += line.rstrip().endswith(version)
    if any(line.strip() for line in record):
        _add(rows, begin, record, settings, titled)
    found = " and ".join(version for version, count in versions.items() if count)
    entries, cells = rows.finish()
    facts = {"format": f"SDF{f' {found}' if found else ''}"}
    return Part(entries, cells, "line", name=next(iter(titled), ""), facts=facts)


def _add(
    rows: Rows, begin: int, lines: Sequence[str], settings: MoleculeSettings, titled: set[str]
) -> None:
    """A record; several where the lines ``$$$$`` between them are missing."""
    starts = [i - 3 for i, line in enumerate(lines) if _COUNTS.fullmatch(line)]
    starts = [0, *(i for i in starts[1:] if i > 3)]
    for start, stop in zip(starts, [*starts[1:], len(lines)], strict=True):
        _add_one(rows, begin + start, lines[start:stop], settings, titled)


def _add_one(
    rows: Rows, begin: int, lines: Sequence[str], settings: MoleculeSettings, titled: set[str]
) -> None:
    end = next((i for i, line in enumerate(lines) if line.startswith("M  END")), None)
    if end is None:
        rows.add(begin, None, why="not a mol block: it has no line M  END")
        return
    values: dict[str, str] = {}
    key = ""
    for line in lines[end + 1 :]:
        if line.startswith(">") and "<" in line:
            key = line[line.index("<") + 1 :].partition(">")[0].strip()
        elif not line.strip():
            key = ""
        elif key:
            values[key] = f"{values[key]}\n{line}" if key in values else line
    column = key_in(list(values), settings.name_key, NAME_KEYS)
    title = lines[0].strip()
    if column is not None and (settings.name_key != "auto" or not title):
        title = " ".join(values[column].split())
        titled.add(column)
    rows.add(begin, "\n".join(lines[: end + 1]) + "\n", title, values)
