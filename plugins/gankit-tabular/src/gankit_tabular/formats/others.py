"""Formats of texts with marks for missing values, of decimals, and of instants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from gankit_tabular.data.arrow import is_text, parse_temporal, temporal_text, type_from_text
from gankit_tabular.formats.base import Format, used_marks

UNITS = ("s", "ms", "us", "ns")


@dataclass(frozen=True)
class TextFormat(Format):
    """Texts among which several ones stand for a missing value."""

    kind: ClassVar[str] = "text"
    marks: tuple[str, ...] = ()

    @property
    def type(self) -> pa.DataType:
        return pa.string()

    def read(self, text: str) -> str | None:
        return None if text in self.marks else text

    def write(self, value: Any, decimals: int = 0) -> str:
        return str(value)


@dataclass(frozen=True)
class DecimalFormat(Format):
    """Decimals of one precision and scale, read as float64."""

    kind: ClassVar[str] = "decimal"
    scale: int

    @property
    def type(self) -> pa.DataType:
        return pa.float64()

    def read(self, text: str) -> float | None:
        try:
            return float(text)
        except ValueError:
            return None

    def write(self, value: float, decimals: int) -> str:
        return f"{value:.{max(self.scale, 0)}f}"

    def read_column(self, values: pa.ChunkedArray) -> pa.ChunkedArray:
        return values.cast(pa.float64())

    def write_column(self, values: Sequence[Any], decimals: int, t: pa.DataType) -> pa.Array:
        step = Decimal(1).scaleb(-self.scale)
        most = Decimal(10) ** (t.precision - self.scale) - step
        found = [
            None if v is None else max(-most, min(most, Decimal(v).quantize(step, ROUND_HALF_EVEN)))
            for v in values
        ]
        return pa.array(found, t)

    def describe(self) -> str:
        return f"{self.scale} decimals" if self.scale > 0 else ""


@dataclass(frozen=True)
class UnitFormat(Format):
    """Instants in nanoseconds, which floats do not hold: read in the coarsest exact unit."""

    kind: ClassVar[str] = "unit"
    unit: str
    """Of the values as they are read."""
    source: str
    """The Arrow type of the column, as text."""

    @property
    def type(self) -> pa.DataType:
        t = type_from_text(self.source)
        if pa.types.is_timestamp(t):
            return pa.timestamp(self.unit, tz=t.tz)
        if pa.types.is_duration(t):
            return pa.duration(self.unit)
        return pa.time32(self.unit) if self.unit in ("s", "ms") else pa.time64(self.unit)

    def read(self, text: str) -> int | None:
        return parse_temporal(text, self.type)

    def write(self, value: float, decimals: int = 0) -> str:
        return temporal_text(value, self.type)

    def read_column(self, values: pa.ChunkedArray) -> pa.ChunkedArray:
        return values.cast(self.type, safe=False)

    def write_column(self, values: Sequence[Any], decimals: int, t: pa.DataType) -> pa.Array:
        whole = [None if v is None else int(v) for v in values]
        return self._typed(whole).cast(t)


def text_format(values: pa.ChunkedArray, marks: Sequence[str]) -> TextFormat | None:
    """The format of a text column that needs one."""
    if not is_text(values.type):
        return None
    own = used_marks(values, marks)
    return TextFormat(own) if any(own) else None


def exact_format(values: pa.ChunkedArray) -> Format | None:
    """The format of a decimal, or of instants in nanoseconds that need no such unit."""
    t = values.type
    if pa.types.is_decimal(t):
        return DecimalFormat(t.scale)
    if not (pa.types.is_timestamp(t) or pa.types.is_time64(t) or pa.types.is_duration(t)):
        return None
    if t.unit != "ns":  # floats hold the microseconds of 280 years
        return None
    known = pc.drop_null(values).cast(pa.int64())
    own = UNITS.index(t.unit)
    for unit in UNITS[:own]:
        step = 1000 ** (own - UNITS.index(unit))
        if pc.all(pc.equal(pc.multiply(pc.divide(known, step), step), known)).as_py() is not False:
            return UnitFormat(unit, str(t))
    return None
