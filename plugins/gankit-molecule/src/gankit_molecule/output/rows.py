"""Samples as rows of named values: what a line of a table or an entry of an SDF says."""

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

BLOCK = 16 * CHUNK
"""Samples that are held and measured at a time: enough for several processes."""
COUNTS = ("hbd", "hba", "rings", "rotatable", "atoms")
"""Properties that are whole numbers."""
FIRST, LAST = ("smiles", "name"), ("seed", "tries", "generated")
OURS = (*FIRST, *PROPERTIES, *LAST, "coordinates")
"""Columns that mean the same in every file; one of the data's of such a name is written with ``_``
after it."""


class Columns:
    """The columns of a file, which grow as samples bring further values: in an augmented data set
    the real molecules come first, and have nothing that was asked for.
    """

    def __init__(self) -> None:
        self._data: dict[str, str] = {}
        self._asked: dict[str, str] = {}
        self.texts: set[str] = set()
        """Columns of the data's values, or of what was asked, that hold other than numbers."""

    def names(self) -> list[str]:
        """All columns, in their order in a file."""
        return [*FIRST, *self._data.values(), *PROPERTIES, *self._asked.values(), *LAST]

    def numbers(self) -> set[str]:
        """Columns of the data's values, or of what was asked, that hold numbers only."""
        return {*self._data.values(), *self._asked.values()} - self.texts

    def blocks(
        self, samples: Iterable[Sample[Molecule]]
    ) -> Iterator[list[tuple[Sample[Molecule], Row]]]:
        """The samples with their rows, in blocks; the columns then know of all of a block."""
        stream, done = iter(samples), 0
        while some := list(islice(stream, BLOCK)):
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
                self._put(row, self._asked, key, f"asked_{key}", _short(value))
                # So that the generated ones can be learnt from like the data they are added to.
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
            taken = {*OURS, *self._data.values(), *self._asked.values()}
            while wanted in taken:
                wanted += "_"
            columns[key] = wanted
        column = columns[key]
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if number and not math.isfinite(value):  # type: ignore[arg-type]
            return  # a number that is missing
        if not number:
            self.texts.add(column)
        row[column] = float(value) if number else str(value)


def name(sample: Sample[Molecule], number: int) -> str:
    """What a molecule is called: says that it was generated, at which place and from which seed; a
    real one keeps its name, which may be empty.
    """
    if sample.real:
        return sample.item.name
    return f"generated-{number:06d}-{sample.seed}{'' if sample.item.valid else '-invalid'}"


def properties(
    molecules: Sequence[Molecule], names: Sequence[str], longest: int | None = None
) -> Values:
    """Properties ``(N, len(names))``; NaN for what is no molecule.

    Args:
        longest: SMILES of more characters are passed over, as NaN.
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


def said(value: Value) -> str:
    """A value as text; nothing for one that is missing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def plain(text: str) -> str:
    """Text on one line, without what ends fields or lines."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _short(value: str | float) -> str | float:
    """Six digits: more are noise of 32-bit floats, or of the method."""
    return float(f"{value:.6g}") if isinstance(value, float) else value
