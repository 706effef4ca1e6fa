"""Molecules and issues as lazy sequences over Arrow tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, overload

import numpy as np
import pyarrow as pa

from gankit.contract import Issue
from gankit_molecule.data.columns import digest_of
from gankit_molecule.data.molecules import Molecule


class Molecules(Sequence[Molecule]):
    """Molecules in Arrow columns; each object is created on access.

    Args:
        table: columns smiles and name; after ``:`` the names of values, float64 or text.
    """

    def __init__(self, table: pa.Table) -> None:
        names = [name for name in table.column_names if name.startswith(":")]
        self._table = table.select(["smiles", "name", *names]).combine_chunks()
        self._values = [name[1:] for name in names]

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
        some = self._table.take(pa.array(indices, pa.int64()))
        smiles, names, *values = (column.to_pylist() for column in some.columns)
        rows = zip(*values, strict=True) if values else [()] * len(smiles)
        return [
            Molecule(s, {k: v for k, v in zip(self._values, row, strict=True) if v is not None}, n)
            for s, n, row in zip(smiles, names, rows, strict=True)
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


class Issues(Sequence[Issue]):
    """Skipped entries; duplicates, of which there may be very many, come last.

    Args:
        table: columns kind, why, same, file and place; see :mod:`gankit_molecule.data.pipeline`.
        files: of each file its name, and the unit of ``place``.
    """

    def __init__(self, table: pa.Table, files: Sequence[tuple[str, str]]) -> None:
        self._table, self._files = table, files
        kinds = table.column("kind").combine_chunks()
        out = np.flatnonzero(kinds.is_valid())
        same = np.asarray(kinds.take(pa.array(out)).to_numpy(zero_copy_only=False) == "same", bool)
        self._rows = np.concatenate([out[~same], out[same]])
        self.unusable = int((~same).sum())
        """How many are no duplicates."""

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Issue: ...
    @overload
    def __getitem__(self, index: slice) -> list[Issue]: ...
    def __getitem__(self, index: int | slice) -> Issue | list[Issue]:
        found = self._rows[index]
        return [self._issue(int(i)) for i in found] if found.ndim else self._issue(int(found))

    def _issue(self, row: int) -> Issue:
        why = self._cell("why", row)
        if why is None:
            first = int(self._cell("same", row))
            near = self._cell("file", first) == self._cell("file", row)
            why = f"the same molecule as {self._location(first, near)}"
        return Issue(self._location(row), why)

    def _location(self, row: int, same_file: bool = False) -> str:
        """File and place, or the place alone."""
        name, unit = self._files[self._cell("file", row)]
        place = f"{unit} {self._cell('place', row)}"
        return place if same_file or not name else f"{name}, {place}"

    def _cell(self, column: str, row: int) -> Any:
        return self._table.column(column)[row].as_py()
