"""Fitting numbers: their precision and step, and bins that keep heavy tails.

A column's numbers are written with as many decimals and significant digits as the data has, and lie
on its step where it has one (hundreds, quarters, midnights, first days of a month).
"""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pyarrow as pa

from gankit_tabular.codec.calendars import fit_calendar, on_calendar, on_weekdays
from gankit_tabular.codec.columns import QUANTILES, Column
from gankit_tabular.codec.resolution import Resolution
from gankit_tabular.data.arrow import Flags, Floats, Ints, numbers, plain, type_from_text

FEW_VALUES = 32
"""Of fewer distinct values little is concluded: neither parts of one, nor a value that carries the
sum."""
FREE = 15
"""Decimals from which on numbers count as measured without rounding."""
SOME = 5000
"""Distinct values whose digits are counted."""
PRECISION = {"halffloat": 3, "float": 6}
"""Significant digits that a type holds at least; 15 for other types."""
STEPS = 12
"""Fewer distinct values may have a common step by chance."""
EXTREME = 0.02, 20
"""A value is an extreme, with a code of its own, if it is more than this share of all distances
from the median, and more than so many times the mean distance from it."""
GAP = 0.9
"""A bin is cut where a gap is more than this share of it: nothing lies in between."""
TAIL = 0.6
"""A bin is refined towards an end if the last of its quantiles span more than this share of it."""
FEWEST = 16
"""Bins with fewer values are not refined."""
CARRIES = 0.5
"""One value that is more than this share of a column's sum is named in the description."""
PARTS = 360
"""The smallest fraction of one that is looked for in rounded numbers."""
SMALL = 1e-6
"""A smaller step is no fraction of one that matters."""
SPREAD = 50
"""A step of which so few multiples occur may be there by chance."""
SQUARES = 0.15
"""A value with more than this share of all squared distances is an extreme too."""


def typed_numbers(column: Column, values: pa.ChunkedArray) -> Floats:
    """A column's values as float64, NaN for missing ones; single precision as printed, so that 1.6
    is 1.6.
    """
    found = numbers(plain(values))
    if is_single(column) and column.decimals < FREE:
        return np.asarray(np.round(found, column.decimals))
    return found


def fit_number(column: Column, values: Floats, resolution: Resolution) -> None:
    """Fits atoms, bins, precision and step, in place. Infinite numbers count as missing."""
    with np.errstate(over="ignore"):  # sums of numbers near the largest
        _fit_number(column, values, resolution)


def _fit_number(column: Column, values: Floats, resolution: Resolution) -> None:
    finite = np.isfinite(values)
    if infinite := int(np.isinf(values).sum()):
        times = (
            "1 infinite value counts" if infinite == 1 else f"{infinite:,} infinite values count"
        )
        column.notes.append(f"{times} as missing")
    known = np.sort(values[finite])
    if not len(known):
        return
    distinct, counts = np.unique(known, return_counts=True)
    _fit_precision(column, distinct)
    if is_single(column) and column.decimals < FREE:
        known = np.round(known, column.decimals)
        distinct, counts = np.unique(known, return_counts=True)
    distinct = distinct + 0.0  # no negative zero
    _fit_step(column, distinct)
    _note_carrier(column, distinct, counts)
    frequent = (counts >= resolution.share * len(known)) | _extreme(distinct, counts)
    if len(distinct) <= resolution.few:
        frequent[:] = True
    parts = []
    rest = known[~np.isin(known, distinct[frequent])]
    if len(rest):
        # Bins of equal shares, cut between distinct values, so that a value lies in one bin.
        levels = np.linspace(0, 1, resolution.bins + 1)[1:-1]
        edges = np.unique(np.quantile(rest, levels, method="lower"))
        whole = float(rest[-1] - rest[0])
        for part in np.split(rest, np.searchsorted(rest, edges, side="right")):
            parts += _refined(part, whole) if len(part) else []
    single = [part[0] for part in parts if part[0] == part[-1]]
    if len(single) < len(parts):
        parts = [part for part in parts if part[0] < part[-1]]
    else:
        single = []  # a number with atoms only would need no position
    column.atoms = sorted([*distinct[frequent].tolist(), *map(float, single)])
    column.bins = [np.quantile(part, np.linspace(0, 1, QUANTILES)).tolist() for part in parts]
    if parts and resolution.cells:
        column.exact = [_exact(part, 2 * resolution.cells) for part in parts]
        column.cells = max(column.choices)


def _exact(part: Floats, most: int) -> list[list[float]]:
    """The distinct values of a bin, each with its count; none if there are too many."""
    distinct, counts = np.unique(part, return_counts=True)
    if len(distinct) > most:
        return []
    return [list(pair) for pair in zip(distinct.tolist(), counts.tolist(), strict=True)]


def snap(column: Column, values: Floats) -> Floats:
    """Numbers on the column's step, with its decimals and significant digits."""
    if column.unit:
        return on_calendar(column, values)
    if column.step:
        steps = np.round((values - column.offset) / column.step)
        parts = round(1 / column.step) if column.step > SMALL else 0
        if parts and abs(1 / column.step - parts) < 1e-9 * parts:  # exact, as in 7 / 3
            values = column.offset + steps / parts
        else:
            values = column.offset + steps * column.step
    if column.digits:
        values = _significant(values, column.digits)
    if column.decimals < FREE:
        values = np.round(values, column.decimals)
    if column.weekdays:
        values = on_weekdays(column, values)
    return np.asarray(values + 0.0)


def is_single(column: Column) -> bool:
    """Whether a column has less than double precision."""
    return column.type in ("float", "halffloat")


# --- Precision ----------------------------------------------------------------------------------


def _fit_precision(column: Column, distinct: Floats) -> None:
    """Sets decimals and significant digits, such that every value is written as it is."""
    some = distinct[:: -(-len(distinct) // SOME)]
    if is_single(column):
        single = np.float32 if column.type == "float" else np.float16
        some = np.array([float(str(single(v))) for v in some.tolist()])
    near = 4 * float(np.finfo(np.float64).eps * np.median(np.abs(some)))
    for places in range(7):
        off = np.abs(some - np.round(some, places))
        # Absolute noise of a computed value, but never all of a small one.
        if (off <= np.minimum(10.0**-places * 1e-6, 1e-9 * np.abs(some) + near)).all():
            column.decimals = places
            return _fit_digits(column, some, places)
    exact = [Decimal(repr(v)) for v in some.tolist() if v]
    places = max(-int(v.normalize().as_tuple().exponent) for v in exact)
    column.decimals = places
    _fit_digits(column, some, places)
    if _most_digits(some) >= PRECISION.get(column.type, 15):  # measured, not rounded
        column.digits = 0
        column.decimals = min(max(FREE, FREE - _magnitude(some)), 300)


def _fit_digits(column: Column, some: Floats, places: int) -> None:
    """Sets significant digits where they are far fewer than the decimals would show."""
    digits = _most_digits(some)
    spare = _magnitude(some) + 1 + places - digits
    if places > 6 or (places > 0 and spare >= 2):
        column.digits = digits


def _most_digits(values: Floats) -> int:
    texts = [repr(v) for v in values.tolist() if v]
    return max((len(Decimal(t).normalize().as_tuple().digits) for t in texts), default=1)


def _magnitude(values: Floats) -> int:
    most = float(np.abs(values).max(initial=0))
    return math.floor(math.log10(most)) if most else 0


def _significant(values: Floats, digits: int) -> Floats:
    out = values.copy()
    known = np.isfinite(values) & (values != 0)
    texts = [f"{v:.{digits - 1}e}" for v in values[known].tolist()]
    out[known] = [float(t) for t in texts]
    return out


# --- Step ---------------------------------------------------------------------------------------


def _fit_step(column: Column, distinct: Floats) -> None:
    """Sets the step that all values are multiples of, from an offset, if it is more than one."""
    if len(distinct) < STEPS:
        return
    if column.decimals >= FREE:
        return _fit_fraction(column, distinct)
    t = type_from_text(column.type) if not column.format else pa.float64()
    fit_calendar(column, t, distinct)
    if column.unit:
        return
    scale = 10.0**column.decimals
    steps = np.rint(distinct * scale)
    if np.abs(steps).max() >= 2**53:
        return
    whole = steps.astype(np.int64)
    common = int(np.gcd.reduce(np.diff(whole)))
    if common > 1:
        column.digits = 0
        column.step = common / scale
        column.offset = int(whole[0] % common) / scale
    elif column.decimals and (parts := _parts(distinct, column.decimals)):
        column.digits = 0
        column.step = 1 / parts


def _parts(distinct: Floats, decimals: int) -> int:
    """Of how many parts of one all values are multiples, as written: 3 for 0.33, 0.67, 1; 0 for
    none.
    """
    if len(distinct) < FEW_VALUES or np.abs(distinct).max() > 1e9:
        return 0
    most = min(PARTS, 10**decimals // 8)  # more would fit by chance
    half = 0.5000001 * 10.0**-decimals
    return next((n for n in range(3, most + 1)
                 if (np.abs(distinct - np.round(distinct * n) / n) <= half).all()), 0)  # fmt: skip


def _fit_fraction(column: Column, distinct: Floats) -> None:
    """Sets a step that is no decimal number, such as a third or a degree in radians."""
    span = float(distinct[-1] - distinct[0])
    scale = float(np.abs(distinct).max())
    noise = (1e-6 if is_single(column) else 1e-13) * scale
    gaps = np.diff(distinct)
    gaps = gaps[gaps > 4 * noise]
    if not len(gaps) or not math.isfinite(span):
        return
    steps = round(span / float(gaps.min()))
    step = span / steps
    if not len(distinct) - 1 <= steps <= SPREAD * len(distinct) or 100 * noise > step:
        return
    nearest = distinct[0] + np.round((distinct - distinct[0]) / step) * step
    if (np.abs(distinct - nearest) <= 4 * noise).all():
        column.step = step
        at = float(distinct[0] % step)
        column.offset = 0.0 if min(at, step - at) <= 4 * noise else float(distinct[0])


# --- Tails --------------------------------------------------------------------------------------


def _extreme(distinct: Floats, counts: Ints) -> Flags:
    """Values that carry much of the column by themselves."""
    total = int(counts.sum())
    median = float(distinct[np.searchsorted(np.cumsum(counts), total / 2)])
    distance = np.abs(distinct - median)
    weight = distance * counts
    share, times = EXTREME
    whole = float(weight.sum())
    if not math.isfinite(whole) or not whole:
        return np.zeros(len(distinct), bool)
    with np.errstate(under="ignore"):
        squares = (distance / distance.max()) ** 2 * counts
    heavy = (weight > share * whole) | (squares > SQUARES * squares.sum())
    return np.asarray(heavy & (distance > times * whole / total))


def _note_carrier(column: Column, distinct: Floats, counts: Ints) -> None:
    """Notes that one value makes up most of the column's sum."""
    weight = np.abs(distinct) * counts
    whole = float(weight.sum())
    if len(distinct) > FEW_VALUES and math.isfinite(whole) and whole:
        most = int(weight.argmax())
        if counts[most] == 1 and weight[most] > CARRIES * whole:
            column.notes.append(f"one value is {weight[most] / whole:.0%} of the sum")


def _refined(part: Floats, whole: float) -> list[Floats]:
    """A bin's values, cut at wide gaps and towards heavy tails.

    Args:
        whole: the range of all bins.
    """
    span = float(part[-1] - part[0])
    if len(part) < 2 or not span > 0 or not math.isfinite(span):
        return [part]
    gaps = np.diff(part)
    widest = int(gaps.argmax())
    if gaps[widest] > GAP * (span if len(part) >= FEWEST // 2 else whole):
        return [*_refined(part[: widest + 1], whole), *_refined(part[widest + 1 :], whole)]
    if len(part) < FEWEST:
        return [part]
    first, last = np.quantile(part, [1 / (QUANTILES - 1), 1 - 1 / (QUANTILES - 1)])
    eighth = len(part) // 8
    if part[-1] - last > TAIL * span:
        cut = int(np.searchsorted(part, part[-eighth - 1], side="right"))
    elif first - part[0] > TAIL * span:
        cut = int(np.searchsorted(part, part[eighth], side="left"))
    else:
        return [part]
    if not 0 < cut < len(part):
        return [part]
    return [*_refined(part[:cut], whole), *_refined(part[cut:], whole)]
