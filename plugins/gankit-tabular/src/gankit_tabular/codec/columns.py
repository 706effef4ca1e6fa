"""What a column holds, and how its values become codes: atoms, quantile bins, categories.

A column's code says which atom, bin or category a value is; within a bin, a position in [0, 1]
says where. Everything is vectorised over rows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gankit_tabular.codec.constraints.keys import LETTERS, pattern

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

Kind = Literal["number", "category", "identifier"]

FEW_VALUES = 32
"""A number with no more distinct values than this is all atoms."""
ATOM_SHARE = 0.05
"""A value this frequent is an atom of its own: a zero, a minus one, a round figure."""
MOST_CATEGORIES = 96
"""The most frequent categories have codes of their own; the rest share GROUPS codes."""
GROUPS = 8
QUANTILES = 33
"""Points that describe the distribution within a bin."""
FEW_ROWS = 1000
"""Rows that show of most pairs of columns that neither fixes the other."""


@dataclass
class Column:
    """A column as it was learnt.

    Codes are numbered: atoms or categories first, then bins or groups, then missing.
    """

    name: str
    type: str
    """The Arrow type, as text."""
    kind: Kind
    atoms: list[Any] = field(default_factory=list)
    """Values with codes of their own: numbers, or texts."""
    bins: list[list[float]] = field(default_factory=list)
    """The quantiles of each bin."""
    groups: list[list[Any]] = field(default_factory=list)
    """Rare categories that share a code, each with its count: ``[[value, count], …]``."""
    missing: bool = False
    decimals: int = 0
    frequency: list[float] = field(default_factory=list)
    """Share of rows of each code."""
    derived_from: str = ""
    """A column whose value fixes this one's."""
    derived: list[int] = field(default_factory=list)
    """This column's code for each code of that one."""
    patterns: list[str] = field(default_factory=list)
    """Shapes of identifiers, with 9 for a digit, a and A for letters."""
    ordered: bool = False
    """Whether its categories have an order: that of ``atoms``."""
    format: list[Any] = field(default_factory=list)
    """How a text writes its number: the fields of :class:`gankit_tabular.codec.number_formats.NumberFormat`."""
    hidden: bool = False
    """Whether the table has no such column: constraints made it."""
    computed: bool = False
    """Whether constraints say what it is, given others; the networks are only told it."""
    joint: str = ""
    """The hidden column that holds it together with others."""

    @property
    def codes(self) -> int:
        return len(self.atoms) + len(self.bins) + len(self.groups) + self.missing

    @property
    def bin_codes(self) -> range:
        return range(len(self.atoms), len(self.atoms) + len(self.bins))

    @property
    def modelled(self) -> bool:
        """Whether the networks see it; the others follow from those, or are made up."""
        follows = self.derived_from or self.computed or self.joint
        return self.kind != "identifier" and not follows and self.codes > 1

    @property
    def range(self) -> tuple[float, float]:
        """The least and the greatest of a number's values."""
        ends = [*self.atoms, *(q[0] for q in self.bins), *(q[-1] for q in self.bins)]
        return min(ends), max(ends)

    @property
    def labels(self) -> tuple[str, ...]:
        """A name for each code."""
        spans = [f"{q[0]:g}..{q[-1]:g}" for q in self.bins]
        shared = [f"one of {len(group)} rare ones" for group in self.groups]
        names = [*map(str, self.atoms), *spans, *shared, *["missing"][: self.missing]]
        return tuple(f"{n} ({i})" if names.count(n) > 1 else n for i, n in enumerate(names))


# --- Learning -----------------------------------------------------------------------------------


def fit_column(name: str, values: pa.ChunkedArray, bins: int, kind: str = "") -> Column:
    """Learns a column.

    Args:
        values: of any Arrow type that a table has.
        bins: quantile bins of a number.
        kind: what the user says it is: number, category or identifier; empty to look.
    """
    return fit_and_encode(name, values, bins, kind)[0]


def fit_and_encode(
    name: str, values: pa.ChunkedArray, bins: int, kind: str = ""
) -> tuple[Column, Ints]:
    """The column as :func:`fit_column` learns it, and the codes of its values."""
    values = plain(values)
    missing = values.null_count > 0
    column = Column(name, str(values.type), _kind(values, kind), missing=missing)
    if column.kind == "number":  # what is infinite or no number counts as missing
        column.missing |= not np.isfinite(numbers(values)).all()
    if column.kind == "identifier":
        texts = pc.cast(values.drop_null(), pa.string()).slice(0, 200).to_pylist()
        column.patterns = sorted({pattern(text) for text in texts})[:50]
    elif column.kind == "number":
        _fit_number(column, numbers(values), bins)
    else:
        _fit_category(column, values)
    return column, count_codes(column, values)


def count_codes(column: Column, values: pa.ChunkedArray) -> Ints:
    """Learns how frequent each code is; the codes of the values."""
    codes = locate(column, values)[0]
    counts = np.bincount(codes, minlength=max(column.codes, 1))
    column.frequency = (counts / max(counts.sum(), 1)).tolist()
    return codes


def plain(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Without dictionaries and decimals."""
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if pa.types.is_decimal(values.type):
        values = values.cast(pa.float64())
    if pa.types.is_null(values.type):
        values = values.cast(pa.string())
    return values


def numbers(values: pa.ChunkedArray) -> Floats:
    """As float64, with NaN for what is missing; instants in their own unit."""
    if _is_time(values.type):
        values = values.cast(pa.int64() if values.type.bit_width == 64 else pa.int32())
    return np.asarray(values.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)


def _is_time(t: pa.DataType) -> bool:
    return bool(pa.types.is_temporal(t))


def _kind(values: pa.ChunkedArray, asked: str) -> Kind:
    t = values.type
    numeric = pa.types.is_integer(t) or pa.types.is_floating(t) or _is_time(t)
    if asked == "number" and not numeric:
        asked = "category"
    if asked in ("number", "category", "identifier"):
        return asked  # type: ignore[return-value]
    if numeric:
        return "number"
    if pa.types.is_string(t) or pa.types.is_large_string(t):
        n, distinct = len(values) - values.null_count, pc.count_distinct(values).as_py()
        if distinct > 50 and distinct > 0.9 * n:
            return "identifier"
    return "category"


def _fit_number(column: Column, values: Floats, bins: int) -> None:
    known = np.sort(values[np.isfinite(values)])
    if not len(known):
        return
    distinct, counts = np.unique(known, return_counts=True)
    column.decimals = _decimals(distinct[:: max(1, len(distinct) // 2000)])
    frequent = counts >= ATOM_SHARE * len(known)
    if len(distinct) <= FEW_VALUES:
        frequent[:] = True
    column.atoms = distinct[frequent].tolist()
    rest = known[~np.isin(known, distinct[frequent])]
    if not len(rest):
        return
    # Equal shares, cut between distinct values, so that a value lies in one bin.
    edges = np.unique(np.quantile(rest, np.linspace(0, 1, bins + 1)[1:-1], method="lower"))
    for part in np.split(rest, np.searchsorted(rest, edges, side="right")):
        if len(part):
            column.bins.append(np.quantile(part, np.linspace(0, 1, QUANTILES)).tolist())


def _decimals(values: Floats) -> int:
    for places in range(7):
        if np.allclose(values, np.round(values, places), rtol=0, atol=10.0**-places * 1e-6):
            return places
    return 15


def _fit_category(column: Column, values: pa.ChunkedArray) -> None:
    counted = sorted(
        ((pair["values"], pair["counts"]) for pair in pc.value_counts(values).to_pylist()),
        key=lambda pair: (-pair[1], str(pair[0])),
    )
    known = [(value, count) for value, count in counted if value is not None]
    own = len(known) if len(known) <= MOST_CATEGORIES + GROUPS else MOST_CATEGORIES
    column.atoms = [value for value, _ in known[:own]]
    if rare := known[own:]:
        # Groups of like frequency, so that drawing within one by count is nearly the truth.
        column.groups = [
            [list(p) for p in rare[i::GROUPS]] for i in range(GROUPS) if rare[i::GROUPS]
        ]


# --- Values to codes ----------------------------------------------------------------------------


def encode_column(column: Column, values: pa.ChunkedArray, u: Floats) -> tuple[Ints, Floats]:
    """Codes and positions within bins (0 elsewhere).

    Args:
        u: uniform numbers that spread equal values over the part of the bin that is theirs.
    """
    codes, start, share = locate(column, values)
    return codes, start + u * share


def locate(column: Column, values: pa.ChunkedArray) -> tuple[Ints, Floats, Floats]:
    """Codes, and the part of the bin that is a value's: where it starts and how wide it is.
    Frequent values have a width, the others are points.
    """
    n = len(values)
    if column.kind == "number" and column.codes:
        return _locate_number(column, numbers(plain(values)))
    if column.kind == "category" and column.codes:
        return _encode_category(column, plain(values)), np.zeros(n), np.zeros(n)
    return np.zeros(n, np.int64), np.zeros(n), np.zeros(n)


def _encode_category(column: Column, values: pa.ChunkedArray) -> Ints:
    known = [*column.atoms, *(value for group in column.groups for value, _ in group)]
    own = len(column.atoms)
    code_of = [*range(own), *(own + i for i, group in enumerate(column.groups) for _ in group)]
    index = pc.index_in(values, value_set=pa.array(known, values.type))
    places = index.fill_null(len(known)).to_numpy(zero_copy_only=False).astype(np.int64)
    # What was never seen, or is missing: the last code, which is "missing" where that occurs.
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
        if not column.bins:  # a number that was never seen: the nearest atom
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
        rise, run = np.diff(levels), np.diff(quantiles)
        slope = np.divide(rise, run, out=np.zeros_like(run), where=run > 0)
        between = levels[at] + slope[at] * (v - quantiles[at]) - bin_
        between = np.clip(between, 0, 1)  # values that were never seen
        tied = upto - below > 1
        start[inside] = np.where(tied, (below - bin_ * QUANTILES) / last, between)
        share[inside] = np.where(tied, (upto - below - 1) / last, 0)
    return codes, start, share


# --- Codes to values ----------------------------------------------------------------------------


def decode_column(column: Column, codes: Ints, positions: Floats, u: Floats) -> pa.Array:
    """Values: float64 for numbers (also for instants), null for what is missing.

    Args:
        u: uniform numbers, one a row, for what is drawn within a group or made up.
    """
    if column.kind == "identifier":
        return pa.array([_made_up(column.patterns, v) for v in u.tolist()])
    if column.codes == 0:
        return pa.nulls(len(codes))
    lost = codes == column.codes - 1 if column.missing else np.zeros(len(codes), bool)
    if column.kind == "category":
        return _decode_category(column, codes, u, lost)
    return pa.array(_decode_number(column, codes, positions), mask=lost)


def _decode_category(column: Column, codes: Ints, u: Floats, lost: Flags) -> pa.Array:
    values, place = list(column.atoms), codes.copy()
    for code, group in enumerate(column.groups, len(column.atoms)):
        here = codes == code
        counts = np.cumsum([count for _, count in group])
        place[here] = len(values) + np.searchsorted(counts, u[here] * counts[-1], side="right")
        values += [value for value, _ in group]
    return pa.array(values).take(pa.array(place, mask=lost))


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
        result[inside] = low + (at - left) * (high - low)
    return np.asarray(np.round(result, column.decimals))


def _made_up(patterns: list[str], u: float) -> str:
    """An identifier of a known shape with drawn letters and digits: none is copied."""
    rng = np.random.default_rng(int(u * 2**53))
    shape = patterns[int(rng.integers(len(patterns)))] if patterns else "99999999"
    return "".join(
        LETTERS[s][int(rng.integers(len(LETTERS[s])))] if s in LETTERS else s for s in shape
    )


# --- Dependences --------------------------------------------------------------------------------


def find_derived(columns: list[Column], codes: Ints) -> None:
    """Marks each column whose code another one's fixes, so that it need not be modelled.

    Args:
        codes: of all rows, (N, columns).
    """
    exact = [
        c.kind != "identifier" and not c.bins and not c.groups and c.codes > 1 for c in columns
    ]
    able = [a for a, c in enumerate(columns) if exact[a] and 20 * c.codes <= len(codes)]
    bases: set[str] = set()
    for b, column in enumerate(columns):
        if not exact[b] or column.name in bases:
            continue
        for a in able:
            other = columns[a]
            if a == b or other.derived_from or other.codes < column.codes:
                continue
            if _fixed(codes[:FEW_ROWS, a], codes[:FEW_ROWS, b]) is not None:
                fixed = _fixed(codes[:, a], codes[:, b])
                if fixed is not None:
                    column.derived_from = other.name
                    bases.add(other.name)
                    column.derived = np.pad(fixed, (0, other.codes - len(fixed))).tolist()
                    break


def _fixed(a: Ints, b: Ints) -> Ints | None:
    """The one code of b for each of a (0 where a has none), or None where there are several."""
    last = np.zeros(int(a.max()) + 1, np.int64)
    last[a] = b
    return last if (last[a] == b).all() else None
