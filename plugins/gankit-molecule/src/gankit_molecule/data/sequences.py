"""Molecules and issues as lazy sequences over Arrow tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, overload

import numpy as np
import pyarrow as pa

from gankit.contract import Issue
from gankit_molecule.data.columns import About, digest_of
from gankit_molecule.data.molecules import FETCH_SIZE, Molecule


class Entry:
    """A row of a table of molecules as it was read."""

    def __init__(self, table: pa.Table, row: int, about: About) -> None:
        self._table, self._row, self._about = table, row, about

    @property
    def text(self) -> str:
        source = self._cell("source")
        return str(self._cell("smiles") if source is None else source)

    @property
    def column(self) -> str:
        return self._about.text

    @property
    def title(self) -> str:
        return self._about.name

    @property
    def cells(self) -> Mapping[str, object]:
        return {
            name: self.text if name == self.column else self._cell(f"={name}")
            for name in self.types
        }

    @property
    def types(self) -> Mapping[str, object]:
        known = {f.name[1:]: f.type for f in self._table.schema if f.name.startswith("=")}
        names = dict.fromkeys([*self._about.layout, *known])
        return {name: known.get(name, pa.string()) for name in names}

    def _cell(self, column: str) -> Any:
        if column not in self._table.column_names:
            return None
        cell = self._table.column(column)[self._row]
        try:
            return cell.as_py()
        except (ValueError, OverflowError):  # an instant that Python cannot hold
            return cell


class Molecules(Sequence[Molecule]):
    """Molecules in Arrow columns; each object is created on access.

    Args:
        table: columns smiles, name and source; after ``:`` the names of values, float64 or text;
            after ``=`` the cells as they were read.
        about: the columns of the source.
    """

    def __init__(self, table: pa.Table, about: About) -> None:
        names = [name for name in table.column_names if name.startswith(":")]
        cells = [name for name in table.column_names if name.startswith("=")]
        self._table = table.select(["smiles", "name", *names]).combine_chunks()
        self._read = table.select(["smiles", "source", *cells]).combine_chunks()
        self._values = [name[1:] for name in names]
        self._about = about

    def __len__(self) -> int:
        return len(self._table)

    @overload
    def __getitem__(self, index: int) -> Molecule: ...
    @overload
    def __getitem__(self, index: slice) -> list[Molecule]: ...
    def __getitem__(self, index: int | slice) -> Molecule | list[Molecule]:
        found = range(len(self))[index]
        return self.__getitems__([found])[0] if isinstance(found, int) else self.__getitems__(found)

    def __getitems__(self, indices: Iterable[int]) -> list[Molecule]:
        chosen = pa.array(indices, pa.int64())
        some = self._table.take(chosen)
        smiles, names, *values = (column.to_pylist() for column in some.columns)
        rows = zip(*values, strict=True) if values else [()] * len(smiles)
        return [
            Molecule(
                s,
                {k: v for k, v in zip(self._values, row, strict=True) if v is not None},
                n,
                read=Entry(self._read, i, self._about),
            )
            for i, s, n, row in zip(chosen.to_pylist(), smiles, names, rows, strict=True)
        ]

    def smiles(self) -> list[str]:
        """All SMILES."""
        found: list[str] = self._table.column("smiles").to_pylist()
        return found

    def names_of_values(self) -> list[str]:
        """The data's other columns."""
        return list(self._values)

    def fingerprint(self) -> str:
        """A hash of SMILES and values, without names, in any order of the columns."""
        columns = ["smiles", *(f":{name}" for name in sorted(self._values))]
        return digest_of(self._table.select(columns))


_ISSUE = ("why", "shown", "same", "file", "place")


class Issues(Sequence[Issue]):
    """Skipped entries; duplicates, of which there may be very many, come last.

    Args:
        table: columns kind, why, shown, same, file and place, as
            :mod:`gankit_molecule.data.pipeline` has them.
        files: of each file its name, and the unit of ``place``.
    """

    def __init__(self, table: pa.Table, files: Sequence[tuple[str, str]]) -> None:
        self._table, self._files = table, files
        kinds = table.column("kind").combine_chunks()
        out = np.flatnonzero(kinds.is_valid())
        found = kinds.take(pa.array(out)).to_numpy(zero_copy_only=False)
        same = np.asarray((found == "same") | (found == "split"), bool)
        self._rows = np.concatenate([out[~same], out[same]])
        self.unusable = int((~same).sum())
        """How many are no duplicates, nor of another split."""

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Issue: ...
    @overload
    def __getitem__(self, index: slice) -> list[Issue]: ...
    def __getitem__(self, index: int | slice) -> Issue | list[Issue]:
        found = self._rows[index]
        return [self._issue(int(i)) for i in found] if found.ndim else self._issue(int(found))

    def __iter__(self) -> Iterator[Issue]:
        for start in range(0, len(self._rows), FETCH_SIZE):
            some = pa.array(self._rows[start : start + FETCH_SIZE])
            columns = [self._table.column(name).take(some).to_pylist() for name in _ISSUE]
            for row in zip(*columns, strict=True):
                yield self._issue_of(*row)

    def _issue(self, row: int) -> Issue:
        return self._issue_of(*(self._cell(name, row) for name in _ISSUE))

    def _issue_of(
        self, why: str | None, shown: str | None, same: int | None, file: int, place: int
    ) -> Issue:
        if same is not None:
            first = self._location(self._cell("file", same), self._cell("place", same), file)
            why, shown = "a duplicate of an earlier molecule", f"the same as {first}"
        location = self._location(file, place)
        return Issue(f"{location} ({shown})" if shown else location, str(why))

    def _location(self, file: int, place: int, beside: int | None = None) -> str:
        """File and place, or the place alone for what is in the same file."""
        name, unit = self._files[file]
        return f"{unit} {place}" if beside == file or not name else f"{name}, {unit} {place}"

    def _cell(self, column: str, row: int) -> Any:
        return self._table.column(column)[row].as_py()
