"""A column's values to codes and back, vectorised over rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gankit_tabular.codec.columns import QUANTILES, Column
from gankit_tabular.codec.identifiers import synthetic_identifier
from gankit_tabular.codec.numbers import snap, typed_numbers
from gankit_tabular.codec.templates import Identifiers
from gankit_tabular.data.arrow import Flags, Floats, Ints, plain

FAR = 1e6
"""Between quantiles of a greater ratio, values are interpolated by magnitude."""

# --- Values to codes ----------------------------------------------------------------------------


def encode_column(column: Column, values: pa.ChunkedArray, u: Floats) -> tuple[Ints, Floats]:
    """Codes and positions within bins (0 elsewhere).

    Args:
        u: uniform numbers that spread equal values over their part of the bin.
    """
    codes, start, share = locate(column, values)
    return codes, start + u * share


def locate(column: Column, values: pa.ChunkedArray) -> tuple[Ints, Floats, Floats]:
    """Codes, and the part of the bin that each value covers: its start and its width. Frequent
    values have a width, the others are points.
    """
    n = len(values)
    if column.kind == "number" and column.codes:
        return _locate_number(column, typed_numbers(column, values))
    if column.kind == "category" and column.codes:
        return _encode_category(column, plain(values)), np.zeros(n), np.zeros(n)
    return np.zeros(n, np.int64), np.zeros(n), np.zeros(n)


def second_digits(column: Column, values: pa.ChunkedArray, codes: Ints, positions: Floats) -> Ints:
    """The second digit of values whose codes and positions are known; 0 where there is one code."""
    digits = np.zeros(len(codes), np.int64)
    if column.kind == "category":
        place = np.concatenate([[0] * len(column.atoms), *map(_count, column.groups), [0]])
        index = pc.index_in(plain(values), value_set=pa.array(column.values, plain(values).type))
        at = index.fill_null(len(column.values)).to_numpy(zero_copy_only=False).astype(np.int64)
        return np.asarray(place[at].astype(np.int64))
    found = typed_numbers(column, values)
    first, cells = len(column.atoms), QUANTILES - 1
    inside = (codes >= first) & (codes < first + len(column.bins))
    digits[inside] = np.clip(positions[inside] * cells, 0, cells - 1).astype(np.int64)
    for code, pairs in enumerate(column.exact, first):
        if pairs:
            here = codes == code
            known = np.array(pairs)[:, 0]
            middles = (known[1:] + known[:-1]) / 2
            digits[here] = np.searchsorted(middles, found[here], side="left")
    return digits


def _count(group: Sequence[object]) -> Ints:
    return np.arange(len(group))


def _encode_category(column: Column, values: pa.ChunkedArray) -> Ints:
    known, own = column.values, len(column.atoms)
    code_of = [*range(own), *(own + i for i, group in enumerate(column.groups) for _ in group)]
    index = pc.index_in(values, value_set=pa.array(known, values.type))
    places = index.fill_null(len(known)).to_numpy(zero_copy_only=False).astype(np.int64)
    # Unknown and missing values get the last code, which is "missing" if the column has it.
    return np.asarray(np.array([*code_of, max(column.codes - 1, 0)], np.int64)[places])


def _locate_number(column: Column, values: Floats) -> tuple[Ints, Floats, Floats]:
    codes = np.full(len(values), column.codes - 1, np.int64)
    start, share = np.zeros(len(values)), np.zeros(len(values))
    atoms, finite = np.array(column.atoms), np.isfinite(values)
    exact = np.zeros(len(values), bool)
    if len(atoms):
        nearest = np.clip(np.searchsorted(atoms, values), 0, len(atoms) - 1)
        exact = finite & (atoms[nearest] == values)
        codes[exact] = nearest[exact]
        if not column.bins:  # an unknown number gets the nearest atom
            left = np.clip(nearest - 1, 0, None)
            closer = np.abs(atoms[left] - values) < np.abs(atoms[nearest] - values)
            codes[finite] = np.where(closer, left, nearest)[finite]
    if column.bins:
        inside = finite & ~exact
        v, last = values[inside], QUANTILES - 1
        quantiles = np.ravel(column.bins)  # of all bins, in order
        below, upto = (np.searchsorted(quantiles, v, side=side) for side in ("left", "right"))
        bin_ = np.maximum(upto - 1, 0) // QUANTILES
        codes[inside] = len(atoms) + bin_
        levels = (np.arange(len(column.bins))[:, None] + np.linspace(0, 1, QUANTILES)).ravel()
        at = np.clip(upto - 1, 0, len(quantiles) - 2)
        rise = levels[at + 1] - levels[at]
        between = levels[at] + rise * _part_between(quantiles[at], quantiles[at + 1], v) - bin_
        between = np.clip(between, 0, 1)  # unknown values
        tied = upto - below > 1
        start[inside] = np.where(tied, (below - bin_ * QUANTILES) / last, between)
        share[inside] = np.where(tied, (upto - below - 1) / last, 0)
    return codes, start, share


# --- Codes to values ----------------------------------------------------------------------------


def decode_column(
    column: Column,
    codes: Ints,
    positions: Floats,
    u: Floats,
    seeds: Sequence[int] | None = None,
    digits: Ints | None = None,
) -> pa.Array:
    """Values: float64 for numbers, dates and times; null for missing values.

    Args:
        u: uniform numbers, one a row, for draws within a group and for identifiers.
        seeds: of the rows; identifiers of different seeds differ. Drawn from ``u`` by default.
        digits: the second digits, of a column that has them.
    """
    if column.identifier:
        return _decode_identifier(column, u, seeds)
    if column.kind == "identifier":  # of an older run
        return pa.array([synthetic_identifier(column.patterns, v) for v in u.tolist()])
    if column.codes == 0:
        return pa.nulls(len(codes))
    missing = codes == column.codes - 1 if column.missing else np.zeros(len(codes), bool)
    if column.kind == "category":
        return _decode_category(column, codes, u, missing, digits)
    if digits is None:
        return pa.array(_decode_number(column, codes, positions), mask=missing)
    numbers = _decode_number(column, codes, (digits + u) / (QUANTILES - 1))
    return pa.array(_exactly(column, codes, digits, numbers), mask=missing)


def _exactly(column: Column, codes: Ints, digits: Ints, numbers: Floats) -> Floats:
    """Numbers with those of bins of few values in their place."""
    for code, pairs in enumerate(column.exact, len(column.atoms)):
        if pairs:
            here = codes == code
            numbers[here] = np.array(pairs)[np.minimum(digits[here], len(pairs) - 1), 0]
    return numbers


def _decode_identifier(column: Column, u: Floats, seeds: Sequence[int] | None) -> pa.Array:
    space = Identifiers.load(column.name, column.identifier)
    some = [int(v * 2**53) for v in u] if seeds is None else seeds
    share = column.identifier["missing"]
    # What is left of u after the choice of missing values chooses the template.
    made = [
        None if v < share else space.synthesise(seed, (v - share) / (1 - share))
        for seed, v in zip(some, u.tolist(), strict=True)
    ]
    return pa.array(made, pa.int64() if space.integer else pa.string())


def _decode_category(
    column: Column, codes: Ints, u: Floats, missing: Flags, digits: Ints | None
) -> pa.Array:
    place, before = codes.copy(), len(column.atoms)
    for code, group in enumerate(column.groups, len(column.atoms)):
        here = codes == code
        if digits is None:
            counts = np.cumsum([count for _, count in group])
            place[here] = before + np.searchsorted(counts, u[here] * counts[-1], side="right")
        else:
            place[here] = before + np.minimum(digits[here], len(group) - 1)
        before += len(group)
    return pa.array(column.values).take(pa.array(place, mask=missing))


def _decode_number(column: Column, codes: Ints, positions: Floats) -> Floats:
    result = np.zeros(len(codes))
    own = len(column.atoms)
    if own:
        result = np.array(column.atoms)[np.clip(codes, 0, own - 1)].astype(np.float64)
    if column.bins:
        quantiles = np.array(column.bins)
        inside = (codes >= own) & (codes < own + len(quantiles))
        at = np.clip(positions[inside], 0, 1) * (QUANTILES - 1)
        left = np.minimum(at.astype(np.int64), QUANTILES - 2)
        q = quantiles[codes[inside] - own]
        low, high = q[np.arange(len(q)), left], q[np.arange(len(q)), left + 1]
        result[inside] = _between(low, high, at - left)
        # Rounding must not leave the bin: it would add to what lies beyond a gap.
        least, most = q[:, 0], q[:, -1]
        snapped = snap(column, result)
        snapped[inside] = np.clip(snapped[inside], least, most)
        return snapped
    return result


# --- Between two quantiles ----------------------------------------------------------------------


def _geometric(low: Floats, high: Floats) -> Flags:
    """Where values between two quantiles are spread by magnitude, not evenly."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = np.where(low > 0, high / low, low / high)
    return np.asarray((low != 0) & (np.sign(low) == np.sign(high)) & (ratio > FAR))


def _between(low: Floats, high: Floats, part: Floats) -> Floats:
    """The values at ``part`` of the way, in [0, 1]."""
    found = low + part * (high - low)
    far = _geometric(low, high)
    a, b = np.log(np.abs(low[far])), np.log(np.abs(high[far]))
    found[far] = np.sign(low[far]) * np.exp(a + part[far] * (b - a))
    return np.asarray(np.clip(found, low, high))


def _part_between(low: Floats, high: Floats, values: Floats) -> Floats:
    """The inverse of :func:`_between`; 0 where both ends agree."""
    run = high - low
    part = np.divide(values - low, run, out=np.zeros_like(run), where=run > 0)
    far = _geometric(low, high) & (np.sign(values) == np.sign(low))
    a, b = np.log(np.abs(low[far])), np.log(np.abs(high[far]))
    part[far] = (np.log(np.abs(values[far])) - a) / (b - a)
    return part
