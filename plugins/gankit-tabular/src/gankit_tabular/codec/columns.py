"""A fitted column: which code each value has.

A value's code is the index of its atom, quantile bin or category. Within a bin, values have a
position in [0, 1].
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from gankit_tabular.data.arrow import Floats

Kind = Literal["number", "category", "identifier"]

RARE = 5
"""Values in fewer rows than this may identify one, and are shown to nobody."""
QUANTILES = 33
"""Points that describe the distribution within a bin."""


@dataclass
class Column:
    """A fitted column.

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
    exact: list[list[list[float]]] = field(default_factory=list)
    """For each bin its distinct values, each with its count, where a second digit chooses among
    them; empty where it chooses a cell between two quantiles."""
    cells: int = 0
    """Codes of a second digit, which says where in a bin or a group; 0 for none."""
    groups: list[list[Any]] = field(default_factory=list)
    """Rare categories that share a code, each with its count: ``[[value, count], …]``."""
    missing: bool = False
    decimals: int = 0
    """Of a number as written; from 15 on, it is not rounded to decimals."""
    digits: int = 0
    """Significant digits of a number; 0 for no limit."""
    step: float = 0.0
    """Numbers are multiples of this, from ``offset``; 0 for none."""
    offset: float = 0.0
    unit: str = ""
    """The calendar unit in which all dates and times have the same place, after the unit of their
    numbers: ``D:M`` for days of months, ``us:Y`` for microseconds of years."""
    anchor: int = 0
    """That place, from the unit's beginning, or from its end if negative."""
    every: list[int] = field(default_factory=list)
    """Every how many units, and the remainder, if not each: ``[3, 0]`` for quarters."""
    weekdays: list[int] = field(default_factory=list)
    """The length of a day and the weekdays that occur, from 0 for Monday; empty for all."""
    frequency: list[float] = field(default_factory=list)
    """Share of rows of each code."""
    rows: int = 0
    """Rows that it was fitted to."""
    derived_from: str = ""
    """A column that determines this one."""
    derived: list[int] = field(default_factory=list)
    """This column's code for each code of that one; for each pair of digits if it has two."""
    patterns: list[str] = field(default_factory=list)
    """Patterns of identifiers, see :func:`gankit_tabular.codec.identifiers.pattern`."""
    identifier: dict[str, Any] = field(default_factory=dict)
    """The space of new identifiers, see :meth:`gankit_tabular.codec.templates.Identifiers.state`,
    and the share of missing ones."""
    ordered: bool = False
    """Whether its categories are ordered, as in ``atoms``."""
    format: list[Any] = field(default_factory=list)
    """How its cells are read and written, see :mod:`gankit_tabular.formats`: a kind, then the
    fields."""
    hidden: bool = False
    """Whether constraints added it: the table has no such column."""
    computed: bool = False
    """Whether constraints compute it from others; it is then a condition only."""
    joint: str = ""
    """The hidden column of the combination that it belongs to."""
    merged: str = ""
    """What its rare categories were merged into: ``other`` or ``missing``."""
    notes: list[str] = field(default_factory=list)
    """What a person should know about it; no values."""

    @property
    def codes(self) -> int:
        return len(self.atoms) + len(self.bins) + len(self.groups) + self.missing

    @property
    def ranked(self) -> bool:
        """Whether its codes are ordered."""
        return self.kind == "number" or self.ordered

    @property
    def choices(self) -> list[int]:
        """For each code how many of the second digit's codes occur with it."""
        bins = [len(values) or QUANTILES - 1 for values in self.exact]
        groups = [len(group) for group in self.groups]
        return [*([1] * len(self.atoms)), *bins, *groups, *[1][: self.missing]]

    def cell_shares(self) -> Floats:
        """For each code the share of rows of each second digit, (codes, cells)."""
        shares = np.zeros((self.codes, max(self.cells, 1)))
        shares[:, 0] = 1
        if not self.cells:
            return shares
        counted = [[count for _, count in values] for values in self.exact]
        counted = [counts or [1.0] * (QUANTILES - 1) for counts in counted]
        counted += [[count for _, count in group] for group in self.groups]
        for code, counts in enumerate(counted, len(self.atoms)):
            shares[code, : len(counts)] = np.array(counts) / sum(counts)
        return shares

    @property
    def bin_codes(self) -> range:
        return range(len(self.atoms), len(self.atoms) + len(self.bins))

    @property
    def modelled(self) -> bool:
        """Whether the networks model it; other columns are derived or synthesised."""
        derived = self.derived_from or self.computed or self.joint
        return self.kind != "identifier" and not derived and self.codes > 1

    @property
    def base(self) -> str:
        """The column whose codes decide this one's value."""
        return self.joint or self.derived_from or self.name

    @property
    def values(self) -> list[Any]:
        """All atoms or categories, rare ones included."""
        return [*self.atoms, *(value for group in self.groups for value, _ in group)]

    @property
    def constant(self) -> bool:
        """Whether it has one value at most, and is no identifier."""
        return self.kind != "identifier" and self.codes <= 1

    def is_rare(self, code: int) -> bool:
        """Whether so few rows have a code that its value is not shown."""
        return round(self.frequency[code] * self.rows) < RARE

    @property
    def range(self) -> tuple[float, float]:
        """The least and the greatest number."""
        ends = [*self.atoms, *(q[0] for q in self.bins), *(q[-1] for q in self.bins)]
        return min(ends), max(ends)

    @property
    def labels(self) -> tuple[str, ...]:
        """A name for each code."""
        spans = [f"{q[0]:g}..{q[-1]:g}" for q in self.bins]
        shared = [f"one of {len(group)} rare ones" for group in self.groups]
        names = [*map(str, self.atoms), *spans, *shared, *["missing"][: self.missing]]
        return tuple(f"{n} ({i})" if names.count(n) > 1 else n for i, n in enumerate(names))
