"""How a few generated entities go on from row to row, over the quantiles of real ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from gankit_tabular.codec.columns import RARE
from gankit_tabular.data.arrow import Floats, Ints
from gankit_tabular.evaluation.trees.parts import Part
from gankit_tabular.evaluation.vectors import MISSING, is_number, labels, values
from gankit_tabular.output.binning import printed, step_of
from gankit_tabular.output.preview import Chart
from gankit_tabular.output.svg import moved, rect, shortened, text, title

COLUMNS = 8
"""Columns that are drawn at most."""
LINES = 5
"""Generated entities, the first ones of several rows."""
LONGEST = 30
"""Rows of an entity that are drawn at most."""
FEWEST = 4 * RARE
"""Real rows at a place below which no quantile is drawn."""
STATES = 5
"""Categories with a place of their own."""
HIGH = 110
PALETTE = ("#3a86c8", "#d9822b", "#2a9d6f", "#a05195", "#7a6f5d")


def course_charts(made: Part, real: Part | None, wide: float) -> list[Chart]:
    """A chart for each column: lines of generated entities, and of real rows at the same place the
    median with the ranges of the middle 50 % and 80 %, or the shares of categories."""
    names = made.table.column_names[:COLUMNS]
    places = [_place(part) for part in (made, real) if part is not None]
    length = int(min(np.quantile(places[-1], 0.95) + 1, LONGEST))
    chosen = _several(made)
    if not names or length < 2 or not chosen:
        return []
    heading = f"From row to row: {len(chosen)} generated, row 1 to {length}"
    if real is not None:
        heading += "; real: median, middle 50 % and 80 %, shares of categories"
    parts, column, tall = [title(heading)], wide / 2, HIGH + 42
    for i, name in enumerate(names):
        inner = column - 90
        draw = _number if is_number(made.table, name) else _category
        chart = text(0, 0, shortened(name, inner), weight="bold")
        chart += moved(draw(name, made, real, chosen, length, inner), 66, 10)
        parts.append(moved(chart, i % 2 * column, 26 + i // 2 * tall))
    return [("".join(parts), 26 + -(-len(names) // 2) * tall + 10)]


def _place(part: Part) -> Ints:
    """How many rows of its entity come before each row."""
    return np.arange(len(part)) - np.searchsorted(part.above, part.above)


def _several(part: Part) -> list[int]:
    """The first entities of more than one row."""
    entities, counts = np.unique(part.above, return_counts=True)
    return entities[counts > 1][:LINES].tolist()  # type: ignore[no-any-return]


def _number(
    name: str, made: Part, real: Part | None, chosen: Sequence[int], length: int, wide: float
) -> str:
    x, place = values(made.table, name), _place(made)
    bands = None if real is None else _bands(values(real.table, name), _place(real), length)
    shown = x[np.isin(made.above, chosen) & (place < length)]
    everything = np.concatenate([shown, *([] if bands is None else [bands.ravel()])])
    known = everything[np.isfinite(everything)]
    if not len(known):
        return ""
    low, high = float(known.min()), float(known.max())
    # Rounded outwards, so that the axis shows no value of a row.
    step = step_of((high - low) / 20, whole=False)
    low, high = np.floor(low / step) * step, np.ceil(high / step) * step
    high = high if high > low else low + step

    def at(k: float, v: float) -> str:
        return f"{k * wide / (length - 1):.0f},{HIGH * (1 - (v - low) / (high - low)):.0f}"

    parts = [rect(0, 0, wide, HIGH, "#fafafa")]
    if bands is not None:
        there = np.flatnonzero(np.isfinite(bands).all(0)).tolist()
        for outer, fill in (((0, 4), "#e3e3e3"), ((1, 3), "#cccccc")):
            there_and_back = [at(k, bands[outer[0], k]) for k in there]
            there_and_back += [at(k, bands[outer[1], k]) for k in there[::-1]]
            parts.append(f"<path d='M{' '.join(there_and_back)}Z' fill='{fill}'/>"
                         if len(there) else "")  # fmt: skip
        middle = " ".join(at(k, bands[2, k]) for k in there)
        parts.append(f"<path d='M{middle}' fill='none' stroke='#1a1a1a'/>" if middle else "")
    parts += _lines(x, made, chosen, length, at)
    t = made.table.schema.field(name).type
    for value, y in ((low, HIGH), (high, 8)):
        parts.append(text(-6, y, printed(float(value), t), size=9, anchor="end", fill="#777"))
    return "".join(parts)


def _bands(x: Floats, place: Ints, length: int) -> Floats:
    """Quantiles at each place, (5, length); NaN where there are few rows."""
    found = np.full((5, length), np.nan)
    for k in range(length):
        here = x[(place == k) & np.isfinite(x)]
        if len(here) >= FEWEST:
            tail = max(0.1, RARE / len(here))
            found[:, k] = np.quantile(here, [tail, 0.25, 0.5, 0.75, 1 - tail])
    return found


def _category(
    name: str, made: Part, real: Part | None, chosen: Sequence[int], length: int, wide: float
) -> str:
    words = labels(made.table, name)
    basis = words if real is None else labels(real.table, name)
    known, counts = np.unique(basis, return_counts=True)
    common = known[np.argsort(-counts, kind="stable")]
    common = common[: int((np.sort(counts)[::-1] >= RARE).sum())][:STATES].tolist()
    row = {word: i for i, word in enumerate(common)}
    levels = [*("missing" if word == MISSING else word for word in common), "others"]
    tall = HIGH / len(levels)
    wide -= tall

    def code(found: np.ndarray) -> Floats:
        return np.array([row.get(w, len(common)) for w in found.tolist()], float)

    parts = [rect(0, 0, wide + tall, HIGH, "#fafafa")]
    if real is not None:
        state, where = code(basis), _place(real)
        for k in range(length):
            here = state[where == k].astype(int)
            if len(here) < FEWEST:
                continue
            for level, count in enumerate(np.bincount(here, minlength=len(levels)).tolist()):
                if count >= RARE:
                    side = tall * 0.9 * (count / len(here)) ** 0.5
                    x = k * wide / (length - 1) + tall / 2
                    tip = f"{levels[level]}: {count / len(here):.0%} of real rows"
                    y = (level + 0.5) * tall - side / 2
                    parts.append(rect(x - side / 2, y, side, side, "#c4c4c4", tip))
    n = max(len(chosen), 1)
    for i, entity in enumerate(chosen):  # beside each other, where several have one state

        def at(k: float, v: float, i: int = i) -> str:
            x = k * wide / (length - 1) + tall / 2
            return f"{x:.0f},{(v + 0.3 + 0.4 * i / n) * tall:.1f}"

        parts += _lines(code(words), made, [entity], length, at, first=i)
    for i, word in enumerate(levels):
        y = (i + 0.5) * tall + 3
        parts.append(text(-6, y, shortened(word, 66), size=9, anchor="end", fill="#777"))
    return "".join(parts)


def _lines(
    x: Floats,
    made: Part,
    chosen: Sequence[int],
    length: int,
    at: Callable[[float, float], str],
    first: int = 0,
) -> list[str]:
    """A line for each entity, broken where a value is missing."""
    parts = []
    for i, entity in enumerate(chosen, first):
        own = x[made.above == entity][:length]
        path, pen = "", "M"
        for k, value in enumerate(own.tolist()):
            if np.isfinite(value):
                path, pen = f"{path}{pen}{at(k, value)}", "L"
            else:
                pen = "M"
        colour = PALETTE[i % len(PALETTE)]
        parts.append(f"<path d='{path}' fill='none' stroke='{colour}' stroke-width='1.6'/>")
    return parts
