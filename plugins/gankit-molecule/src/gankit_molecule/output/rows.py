"""Samples as rows of named values, for tables and SDF."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
from rdkit import Chem, rdBase

from gankit.contract import Sample
from gankit_molecule.data.columns import is_text
from gankit_molecule.data.molecules import AsRead, Molecule
from gankit_molecule.data.parallel import CHUNK
from gankit_molecule.data.properties import PROPERTIES, Values, measure

Value = Any
"""A cell: text, a number, whatever a table of real molecules holds, or None."""
Row = dict[str, Value]

BLOCK_SIZE = 16 * CHUNK
"""Samples in memory at a time: enough for several processes."""
COUNTS = ("hbd", "hba", "rings", "rotatable", "atoms")
"""Properties that are integers."""
FIRST, LAST = ("smiles", "name"), ("seed", "tries", "generated")
RESERVED = (*FIRST, *PROPERTIES, *LAST, "coordinates")
"""Columns with the same meaning in every file; ``_`` is appended to the data's columns of such
names."""


class Columns:
    """The columns of a file. Samples with further values add columns: in an augmented data set the
    real molecules come first, and have no conditions. Their columns keep their names and order.

    Args:
        raw: whether cells of text files are written as they are, rather than as numbers.
    """

    def __init__(self, raw: bool = True) -> None:
        self._raw = raw
        self._layout: dict[str, object] = {}
        self._first = dict(zip(FIRST, FIRST, strict=True))
        self._own: dict[str, str] = {}
        self._data: dict[str, str] = {}
        self._conditions: dict[str, str] = {}
        self.texts: set[str] = set()
        """Columns of values or conditions that contain text."""
        self.types: dict[str, object] = {}
        """Arrow's types of columns that are copied from a typed source."""

    def names(self) -> list[str]:
        """All columns, in the file's order."""
        own = [self.named(key) for key in (*PROPERTIES, *self._conditions.values(), *LAST)]
        first = [name for name in self._first.values() if name not in self._layout]
        columns = [*self._layout, *self._data.values()] if self._layout else self._data.values()
        head = [*columns, *first] if self._layout else [*first, *columns]
        return list(dict.fromkeys([*head, *own]))

    def named(self, key: str) -> str:
        """The column of a property, a condition or a mark."""
        return self._own.get(key, key)

    def _begin(self, read: AsRead) -> None:
        """Takes the columns of the data, in front of all others."""
        self._layout = dict(read.types)
        self._first["smiles"] = read.column
        if read.title:
            self._first["name"] = read.title
        elif "name" in self._layout:
            self._first["name"] = self._free("name")
        for key in (*PROPERTIES, "tries"):
            if key in self._layout:
                self._own[key] = self._free(f"{key}_computed" if key in PROPERTIES else key)
        for column, found in read.types.items():
            self._data.setdefault(column, column)
            if not self._raw and not is_text(found):
                self.types[column] = found

    def _free(self, wanted: str) -> str:
        while wanted in self._layout:
            wanted += "_"
        return wanted

    def numbers(self) -> set[str]:
        """Columns of values or conditions that contain only numbers."""
        columns = {*self._data.values(), *self._conditions.values()}
        return columns - self.texts - set(self._first.values()) - set(self.types)

    def blocks(
        self, samples: Iterable[Sample[Molecule]]
    ) -> Iterator[list[tuple[Sample[Molecule], Row]]]:
        """Samples with their rows, in blocks; :meth:`names` then includes the block's columns."""
        stream, done = iter(samples), 0
        while some := list(islice(stream, BLOCK_SIZE)):
            measured = properties([sample.item for sample in some], tuple(PROPERTIES))
            yield [
                (sample, self._row(sample, done + i, measured[i])) for i, sample in enumerate(some)
            ]
            done += len(some)

    def _row(self, sample: Sample[Molecule], number: int, measured: Values) -> Row:
        molecule, read = sample.item, sample.item.read if sample.real else None
        if read is not None and read.column and not self._layout and not self._data:
            self._begin(read)
        text = molecule.smiles if read is None else smiles_as_read(read, molecule.smiles)
        if not sample.real:
            self.types.pop(self._first["name"], None)  # generated ones have texts there
        row: Row = {
            self._first["smiles"]: text,
            self._first["name"]: name(sample, number) or None,
        }
        if read is not None and read.cells:
            for key, cell in read.cells.items():
                self._copy(row, key, cell, molecule, read)
        elif sample.real:
            for key, value in molecule.values.items():
                self._put(row, self._data, key, key, value)
        else:
            for key, value in sample.condition.items():
                self._put(row, self._conditions, key, f"requested_{key}", _short(value))
                # So that generated molecules have the columns of the data that they are added to.
                if key in self._data or key not in PROPERTIES:
                    self._put(row, self._data, key, key, _short(value))
        if molecule.score is not None:
            self._put(row, self._data, "objective", "objective", _short(molecule.score))
        for key, number_of in zip(PROPERTIES, measured.tolist(), strict=True):
            if math.isfinite(number_of):
                row[self.named(key)] = int(number_of) if key in COUNTS else _short(number_of)
        if not sample.real:
            return {**row, "seed": sample.seed, self.named("tries"): molecule.tries,
                    "generated": True}  # fmt: skip
        # Data that gankit wrote has these columns already.
        return {"seed": None, self.named("tries"): None, "generated": False, **row}

    def _copy(self, row: Row, key: str, cell: object, molecule: Molecule, read: AsRead) -> None:
        """A cell as it was read."""
        if key == read.column:
            return
        if not self._raw and isinstance(cell, str) and key != read.title:
            cell = molecule.values.get(key)
        if self._layout:
            column = key
        else:
            if key not in self._data:
                taken = {*RESERVED, *self._data.values(), *self._conditions.values()}
                column = key
                while column in taken:
                    column += "_"
                self._data[key] = column
            column = self._data[key]
        if isinstance(cell, str):
            self.texts.add(column)
        if cell is not None:
            row[column] = cell

    def _put(
        self, row: Row, columns: dict[str, str], key: str, wanted: str, value: str | float
    ) -> None:
        if key not in columns:
            taken = {*RESERVED, *self._layout, *self._data.values(), *self._conditions.values()}
            while wanted in taken:
                wanted += "_"
            columns[key] = wanted
        column = columns[key]
        self._widen(column, value)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if number and not math.isfinite(value):  # type: ignore[arg-type]
            return  # a missing number
        if not number:
            self.texts.add(column)
        row[column] = float(value) if number else str(value)

    def _widen(self, column: str, value: str | float) -> None:
        """Generated numbers may be no integers."""
        if column in self.types and not (isinstance(value, float) and value.is_integer()):
            self.types.pop(column)


def smiles_as_read(read: AsRead, standard: str) -> str:
    """The text of an entry, or for a mol block the SMILES of it."""
    if "M  END" not in read.text:
        return read.text
    with rdBase.BlockLogs():
        mol = Chem.MolFromMolBlock(read.text)
    return standard if mol is None else str(Chem.MolToSmiles(mol))


def name(sample: Sample[Molecule], number: int) -> str:
    """A molecule's name: of a generated one its position and seed, marked as generated; of a real
    one its own name, which may be empty.
    """
    if sample.real:
        return sample.item.name
    return f"generated-{number:06d}-{sample.seed}{'' if sample.item.valid else '-invalid'}"


def properties(
    molecules: Sequence[Molecule], names: Sequence[str], longest: int | None = None
) -> Values:
    """Properties ``(N, len(names))``; NaN for invalid molecules.

    Args:
        longest: longer SMILES are skipped, with NaN.
    """
    found = np.full((len(molecules), len(names)), np.nan)
    some = [
        i
        for i, molecule in enumerate(molecules)
        if molecule.valid and (longest is None or len(molecule.smiles) <= longest)
    ]
    if some:
        found[some] = measure([molecules[i].smiles for i in some], names)
    return found


def text_of(value: Value) -> str:
    """A value as text; empty for a missing one."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if hasattr(value, "isoformat"):
        return str(value.isoformat(" ") if hasattr(value, "hour") else value.isoformat())
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def plain(text: str) -> str:
    """Text on one line, without control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _short(value: str | float) -> str | float:
    """Six significant digits, the precision of float32."""
    return float(f"{value:.6g}") if isinstance(value, float) else value
