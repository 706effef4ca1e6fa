"""Materials as rows of named values, for tables and JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from gankit.contract import Sample
from gankit_material.data.formulas import FormulaError, parse
from gankit_material.data.items import Material

Row = dict[str, Any]

FOUND = (
    "prototype", "prototype_score", "volume_per_atom", "energy_per_atom", "max_force", "converged",
    "relax_steps",
)  # fmt: skip
"""What decoding found, in ``Material.notes``."""
MARKS = ("seed", "generated")
"""The last columns of every file."""


class Rows:
    """Makes rows. Real materials of an augmented data set come first: their columns keep their
    names and order, and the generated ones' formulas are in the column of theirs."""

    def __init__(self) -> None:
        self.formula = "formula"
        """The column of formulas."""
        self._data: dict[str, None] = {}
        self._begun = False

    def row(self, sample: Sample[Material]) -> Row:
        """A sample's row."""
        return self._real(sample.item) if sample.real else self._generated(sample)

    def _real(self, item: Material) -> Row:
        """A material as it was read, cell for cell."""
        read = item.notes.get("row")
        row: Row = dict(read) if isinstance(read, Mapping) else {}
        if not self._begun:
            self._begun = True
            self.formula = formula_column(row, item) or self._free("formula", row)
        if self.formula not in row:
            row = {self.formula: item.formula, **row}
        if not isinstance(read, Mapping):
            row |= {**item.values, **({} if item.label is None else {"label": item.label})}
        self._data |= dict.fromkeys(row)
        return {**row, **({} if "generated" in row else {"generated": False})}

    def _generated(self, sample: Sample[Material]) -> Row:
        item = sample.item
        row: Row = {self.formula: item.formula}
        for key, value in sample.condition.items():
            told = short(value)
            if key in self._data:
                row[key] = told
            row[f"requested_{key}"] = told
        for key in FOUND:
            if key in item.notes and item.notes[key] != "":
                row[self._free(key, {})] = item.notes[key]
        return {**row, "seed": sample.seed, "generated": True}

    def _free(self, wanted: str, row: Mapping[str, object]) -> str:
        while wanted in self._data or wanted in row:
            wanted += "_"
        return wanted


def formula_column(row: Mapping[str, object], item: Material) -> str | None:
    """The column of a row whose text is the material's formula; None if there is none."""
    for key, cell in row.items():
        if isinstance(cell, str) and cell.strip():
            try:
                if parse(cell).reduced() == dict(item.counts):
                    return key
            except FormulaError:
                continue
    for usual in ("formula", "composition"):  # one that was rounded
        if isinstance(row.get(usual), str):
            return usual
    return None


def ordered(columns: Mapping[str, object]) -> list[str]:
    """Columns with the marks at the end."""
    last = [name for name in MARKS if name in columns]
    return [name for name in columns if name not in last] + last


def short(value: object) -> object:
    """Numbers with six significant digits, the precision of float32."""
    if isinstance(value, float) and not isinstance(value, bool):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value


def text_of(value: object) -> str:
    """A cell as text; empty for a missing one."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    return str(value)
