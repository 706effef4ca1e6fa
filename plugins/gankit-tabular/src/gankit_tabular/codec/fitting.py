"""Fitting columns: their kind, atoms, bins and categories, and which columns follow from others."""

from __future__ import annotations

import math
import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gankit_tabular.codec.columns import Column, Kind
from gankit_tabular.codec.identifier_kinds import identifiers, integers, is_known
from gankit_tabular.codec.identifiers import pattern
from gankit_tabular.codec.numbers import fit_number
from gankit_tabular.codec.resolution import Resolution
from gankit_tabular.codec.values import locate
from gankit_tabular.data.arrow import Ints, is_text, numbers, plain

EXACT = 2**53
"""Integers up to this are exact as float64."""
FEWEST_KEYS = 50
"""Columns of fewer different values are not taken for identifiers."""
KEY_NAME = re.compile(r"(?:^|[^A-Za-z])(?i:id|key|uuid|guid|pk)$|[a-z](?:Id|ID|Key)$")
"""Names of columns that are keys where all values differ."""
FEW_ROWS = 1000
"""Rows that rule out most pairs of columns before all rows are compared."""
OFTEN = 20
"""Rows of each value of a column of few values that may determine another one."""
BY_CHANCE = -50.0
"""A column of many values is taken to determine another one if the logarithm of the probability
that it does so by chance is below this."""


def fit_column(
    name: str, values: pa.ChunkedArray, resolution: Resolution, kind: str = ""
) -> Column:
    """Fits a column.

    Args:
        values: of any supported Arrow type.
        resolution: how finely it is coded.
        kind: number, category or identifier; empty to infer it.
    """
    return fit_and_encode(name, values, resolution, kind)[0]


def fit_and_encode(
    name: str, values: pa.ChunkedArray, resolution: Resolution, kind: str = ""
) -> tuple[Column, Ints]:
    """The fitted column and the codes of its values; see :func:`fit_column`."""
    values = plain(values)
    missing = values.null_count > 0
    column = Column(name, str(values.type), infer_kind(name, values, kind), missing=missing)
    if column.kind == "number":  # infinite numbers and NaN count as missing
        column.missing |= not np.isfinite(numbers(values)).all()
    if column.kind == "identifier":
        _fit_identifier(column, values)
    elif column.kind == "number":
        fit_number(column, numbers(values), resolution)
    else:
        _fit_category(column, values, resolution)
    return column, count_codes(column, values)


def count_codes(column: Column, values: pa.ChunkedArray) -> Ints:
    """Sets the rows and the frequency of each code; returns the codes of the values."""
    codes = locate(column, values)[0]
    counts = np.bincount(codes, minlength=max(column.codes, 1))
    column.frequency = (counts / max(counts.sum(), 1)).tolist()
    column.rows = len(codes)
    return codes


def _fit_identifier(column: Column, values: pa.ChunkedArray) -> None:
    known = values.drop_null()
    texts = pc.cast(known, pa.string()).to_pylist()
    column.patterns = sorted({pattern(text) for text in texts[:200]})[:50]
    if not texts:
        return
    if pa.types.is_integer(values.type):
        most = int(np.iinfo(values.type.to_pandas_dtype()).max)
        space = integers(column.name, [*map(int, texts)], min(most, 2**63 - 1))
    else:
        space = identifiers(column.name, texts)
    missing = values.null_count / len(values)
    column.identifier = {**space.state(), "missing": missing}


def infer_kind(name: str, values: pa.ChunkedArray, requested: str = "") -> Kind:
    """What a column of typed values is: a number, a category or an identifier.

    Args:
        requested: the kind that the user has set; empty for none.
    """
    t = values.type
    numeric = pa.types.is_integer(t) or pa.types.is_floating(t) or pa.types.is_temporal(t)
    if requested == "number" and not numeric:
        requested = "category"
    if requested in ("number", "category", "identifier"):
        return requested  # type: ignore[return-value]
    if pa.types.is_integer(t) and (kind := _integer_kind(name, values)):
        return kind
    if numeric:
        return "number"
    if is_text(t):
        n, distinct = len(values) - values.null_count, pc.count_distinct(values).as_py()
        if distinct > FEWEST_KEYS and distinct > 0.9 * n:
            return "identifier"
        if distinct > FEWEST_KEYS and is_known(pc.unique(values).drop_null().to_pylist()):
            return "identifier"
    return "category"


def _integer_kind(name: str, values: pa.ChunkedArray) -> Kind | None:
    """Identifier or category, if integers are no quantities; None if they are."""
    known = values.drop_null()
    if len(known) <= FEWEST_KEYS:
        return None
    least, most = (int(v.as_py()) for v in pc.min_max(known).values())
    distinct = pc.count_distinct(known).as_py()
    if max(-least, most) > EXACT:  # float64 would change them
        return "identifier" if distinct > 0.9 * len(known) else "category"
    if distinct < len(values):
        return None
    counted = least in (0, 1) and most - least + 1 == distinct
    return "identifier" if counted or KEY_NAME.search(name) else None


def _fit_category(column: Column, values: pa.ChunkedArray, resolution: Resolution) -> None:
    counted = sorted(
        ((pair["values"], pair["counts"]) for pair in pc.value_counts(values).to_pylist()),
        key=lambda pair: (-pair[1], str(pair[0])),
    )
    known = [(value, count) for value, count in counted if value is not None]
    own, groups = resolution.categories, resolution.groups
    if len(known) <= own + groups:
        own = len(known)
    column.atoms = [value for value, _ in known[:own]]
    if not (rare := known[own:]):
        return
    if resolution.cells:  # as many groups as it takes, each of similar frequencies
        column.cells, size = resolution.cells, resolution.cells
        parts = [rare[i : i + size] for i in range(0, len(rare), size)]
    else:  # groups of similar frequency, so that drawing within a group by count is nearly exact
        parts = [rare[i::groups] for i in range(groups) if rare[i::groups]]
    column.groups = [[list(pair) for pair in part] for part in parts]


# --- Derived columns ----------------------------------------------------------------------------


def find_derived(columns: list[Column], codes: Ints) -> None:
    """Marks each column that another one determines, so that it need not be modelled.

    Args:
        codes: of all rows, (N, columns); of a category with two digits ``code · cells + digit``.
    """
    n = len(codes)
    exact = [c.kind != "identifier" and not c.bins and c.codes > 1 for c in columns]
    small = [e and not c.groups for e, c in zip(exact, columns, strict=True)]
    able = [
        a
        for a, c in enumerate(columns)
        if (small[a] and OFTEN * c.codes <= n) or (exact[a] and c.cells and 2 * _values(c) <= n)
    ]
    bases: set[str] = set()
    for b, column in enumerate(columns):
        if not small[b] or column.name in bases:
            continue
        for a in [*able, *(a for a, e in enumerate(small) if e and a not in able)]:
            other = columns[a]
            if a == b or other.derived_from or _values(other) < column.codes:
                continue
            if a not in able and not (  # few rows: only a column that is the same is no chance
                other.atoms == column.atoms and np.array_equal(codes[:, a], codes[:, b])
            ):
                continue
            if other.groups and _chance(other, column, n) > BY_CHANCE:
                continue
            if _code_map(codes[:FEW_ROWS, a], codes[:FEW_ROWS, b]) is not None:
                found = _code_map(codes[:, a], codes[:, b])
                if found is not None:
                    column.derived_from = other.name
                    bases.add(other.name)
                    pairs = other.codes * max(other.cells, 1)
                    column.derived = np.pad(found, (0, pairs - len(found))).tolist()
                    break


def _values(column: Column) -> int:
    """Its different values, missing ones included."""
    return len(column.values) + column.missing


def _chance(a: Column, b: Column, n: int) -> float:
    """The logarithm of the probability that b agrees by chance wherever a value of a repeats."""
    return (n - _values(a)) * math.log(sum(share**2 for share in b.frequency))


def _code_map(a: Ints, b: Ints) -> Ints | None:
    """The code of b for each code of a (0 where there is none); None if a does not determine b."""
    last = np.zeros(int(a.max()) + 1, np.int64)
    last[a] = b
    return last if (last[a] == b).all() else None
