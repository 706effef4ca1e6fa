"""Samples as rows of named values, for tables and SDF."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np

from gankit.contract import Sample
from gankit_molecule.data.molecules import Molecule
from gankit_molecule.data.parallel import CHUNK
from gankit_molecule.data.properties import PROPERTIES, Values, measure

Value = str | float | int | bool | None
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
    real molecules come first, and have no conditions.
    """

    def __init__(self) -> None:
        self._data: dict[str, str] = {}
        self._conditions: dict[str, str] = {}
        self.texts: set[str] = set()
        """Columns of values or conditions that contain text."""

    def names(self) -> list[str]:
        """All columns, in the file's order."""
        return [*FIRST, *self._data.values(), *PROPERTIES, *self._conditions.values(), *LAST]

    def numbers(self) -> set[str]:
        """Columns of values or conditions that contain only numbers."""
        return {*self._data.values(), *self._conditions.values()} - self.texts

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
        molecule = sample.item
        row: Row = {"smiles": molecule.smiles, "name": name(sample, number) or None}
        if sample.real:
            for key, value in molecule.values.items():
                self._put(row, self._data, key, key, value)
        else:
            for key, value in sample.condition.items():
                self._put(row, self._conditions, key, f"asked_{key}", _short(value))
                # So that generated molecules have the columns of the data that they are added to.
                if key in self._data or key not in PROPERTIES:
                    self._put(row, self._data, key, key, _short(value))
        if molecule.score is not None:
            self._put(row, self._data, "objective", "objective", _short(molecule.score))
        for key, number_of in zip(PROPERTIES, measured.tolist(), strict=True):
            if math.isfinite(number_of):
                row[key] = int(number_of) if key in COUNTS else _short(number_of)
        made = not sample.real
        seed, tries = (sample.seed, molecule.tries) if made else (None, None)
        return {**row, "seed": seed, "tries": tries, "generated": made}

    def _put(
        self, row: Row, columns: dict[str, str], key: str, wanted: str, value: str | float
    ) -> None:
        if key not in columns:
            taken = {*RESERVED, *self._data.values(), *self._conditions.values()}
            while wanted in taken:
                wanted += "_"
            columns[key] = wanted
        column = columns[key]
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if number and not math.isfinite(value):  # type: ignore[arg-type]
            return  # a missing number
        if not number:
            self.texts.add(column)
        row[column] = float(value) if number else str(value)


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
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def plain(text: str) -> str:
    """Text on one line, without control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _short(value: str | float) -> str | float:
    """Six significant digits, the precision of float32."""
    return float(f"{value:.6g}") if isinstance(value, float) else value
