"""Arrow columns as NumPy arrays; Arrow types, dates and times from text."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


# --- Values -------------------------------------------------------------------------------------


def plain(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column without dictionaries; decimals as float64, a column of nulls as strings."""
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if pa.types.is_decimal(values.type):
        values = values.cast(pa.float64())
    if pa.types.is_null(values.type) or pa.types.is_string_view(values.type):
        values = values.cast(pa.string())
    return values


def numbers(values: pa.ChunkedArray) -> Floats:
    """A column as float64, missing values as NaN; dates and times in the unit of their type."""
    if pa.types.is_temporal(values.type):
        values = values.cast(storage_type(values.type))
    if pa.types.is_integer(values.type):  # beyond 2**53 the nearest float
        values = values.cast(pa.float64(), safe=False)
    return np.asarray(values.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)


def temporal_integers(values: pa.ChunkedArray) -> tuple[Ints, Flags]:
    """Dates and times as integers in the unit of their type, missing ones as 0; and which values
    are present.
    """
    present = pc.is_valid(values).to_numpy(zero_copy_only=False)
    integers = values.cast(storage_type(values.type)).cast(pa.int64())
    filled = pc.fill_null(integers, 0).to_numpy(zero_copy_only=False)
    return np.asarray(filled, np.int64), np.asarray(present, bool)


def texts_of(values: pa.Array, text: Callable[[Any], str]) -> pa.Array:
    """A text for each value but missing ones; made once for all that are equal."""
    coded = values.dictionary_encode()
    texts = [text(value) for value in coded.dictionary.to_pylist()]
    return pa.array(texts, pa.string()).take(coded.indices)


# --- Types --------------------------------------------------------------------------------------


def is_text(t: pa.DataType) -> bool:
    return bool(pa.types.is_string(t) or pa.types.is_large_string(t) or pa.types.is_string_view(t))


def storage_type(t: pa.DataType) -> pa.DataType:
    """The integer type that stores a temporal type."""
    return pa.int64() if t.bit_width == 64 else pa.int32()


def type_from_text(text: str) -> pa.DataType:
    """The Arrow type of which ``text`` is the ``str()``."""
    if match := re.fullmatch(r"timestamp\[(\w+)(?:, tz=(.+))?\]", text):
        return pa.timestamp(match[1], tz=match[2])
    if match := re.fullmatch(r"(date32|date64|time32|time64|duration)\[(\w+)\]", text):
        kind, unit = match[1], match[2]
        return getattr(pa, kind)() if kind.startswith("date") else getattr(pa, kind)(unit)
    if match := re.fullmatch(r"decimal(128|256)\((\d+), (-?\d+)\)", text):
        kind = pa.decimal128 if match[1] == "128" else pa.decimal256
        return kind(int(match[2]), int(match[3]))
    return pa.type_for_alias(text)


# --- Dates and times ----------------------------------------------------------------------------


def parse_temporal(text: str, t: pa.DataType) -> int | None:
    """A date, a time or both as an integer in the unit of ``t``; None if the text is neither.

    A date without a time zone is in the zone of the type.
    """
    if not pa.types.is_temporal(t) or not text:
        return None
    zone = getattr(t, "tz", None)
    try:
        try:
            value = pa.scalar(text).cast(t)
        except pa.ArrowInvalid:
            if zone is None:
                return None
            value = pc.assume_timezone(pa.scalar(text).cast(pa.timestamp(t.unit)), zone)
        return int(value.cast(t).cast(storage_type(t)).as_py())
    except (pa.ArrowException, ValueError):
        return None


def temporal_text(value: float, t: pa.DataType) -> str:
    """A date or time, given in the unit of its type, as Arrow prints it."""
    return str(pa.scalar(int(value), storage_type(t)).cast(t).cast(pa.string()).as_py())
