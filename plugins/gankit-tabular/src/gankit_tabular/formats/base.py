"""The interface of formats."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import astuple
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc


class Format(ABC):
    """How a column of one Arrow type, often texts, is read as values of another type and written.

    Subclasses are frozen dataclasses whose fields are JSON. All values of a column can be read;
    cells of real rows stay as they are, so a format need not reproduce each of them.
    """

    kind: ClassVar[str]
    marks: tuple[str, ...] = ()
    """Texts that stand for a missing value; missing values are written as the first."""

    @property
    @abstractmethod
    def type(self) -> pa.DataType:
        """The Arrow type of the values as they are read."""

    @abstractmethod
    def read(self, text: str) -> Any | None:
        """One value from a text, dates and times as integers in the unit of their type; None if
        the text has another format."""

    @abstractmethod
    def write(self, value: Any, decimals: int) -> str:
        """One value as text, with at most ``decimals`` where the format has no fixed number."""

    def describe(self) -> str:
        """A few words about how values are written; may be empty."""
        return ""

    def read_column(self, values: pa.ChunkedArray) -> pa.ChunkedArray:
        """A column as values; cells of another format are missing."""
        texts = values.cast(pa.string()) if not _is_text(values.type) else values
        coded = texts.combine_chunks().dictionary_encode()
        coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
        marks = set(self.marks)
        known = [None if t in marks else self.read(t) for t in coded.dictionary.to_pylist()]
        return pa.chunked_array([self._typed(known).take(coded.indices)])

    def write_column(self, values: Sequence[Any], decimals: int, t: pa.DataType) -> pa.Array:
        """Values as a column of type ``t``, the type of the user's column."""
        mark = (self.marks[0] or None) if self.marks else None
        texts = [mark if v is None else self.write(v, decimals) for v in values]
        if _is_text(t):
            return pa.array(texts, t)
        return pa.array(texts, pa.string()).cast(t)

    def _typed(self, values: list[Any]) -> pa.Array:
        if pa.types.is_temporal(self.type):
            return pa.array(values, pa.int64()).cast(_storage(self.type)).cast(self.type)
        return pa.array(values, self.type)

    def state(self) -> list[Any]:
        """As JSON: the kind, then the fields."""
        return [self.kind, *(list(v) if isinstance(v, tuple) else v for v in _fields(self))]


def _fields(form: Any) -> tuple[Any, ...]:
    return astuple(form)


def _is_text(t: pa.DataType) -> bool:
    return bool(pa.types.is_string(t) or pa.types.is_large_string(t))


def _storage(t: pa.DataType) -> pa.DataType:
    return pa.int64() if t.bit_width == 64 else pa.int32()


def distinct_texts(values: pa.ChunkedArray, marks: Sequence[str] = ()) -> list[str]:
    """The distinct texts of a column without missing values, stripped of blanks at their ends."""
    known = pc.unique(values).drop_null()
    if marks:
        known = known.filter(pc.invert(pc.is_in(known, value_set=pa.array(marks, known.type))))
    return list(dict.fromkeys(t.strip() for t in known.to_pylist()))


def used_marks(values: pa.ChunkedArray, marks: Sequence[str]) -> tuple[str, ...]:
    """The marks that a column has, the most frequent first."""
    if not marks:
        return ()
    found = values.filter(pc.is_in(values, value_set=pa.array(marks, values.type)))
    counted = {v["values"]: v["counts"] for v in pc.value_counts(found).to_pylist()}
    if values.null_count:
        counted[""] = counted.get("", 0) + values.null_count
    return tuple(sorted(counted, key=lambda mark: (-counted[mark], mark)))
