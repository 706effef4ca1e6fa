"""All rules of a table, enforced in every generated row, by construction where possible.

- Sums and inequalities: see :mod:`.arithmetic`.
- Columns that go together: see :mod:`.combinations`.
- Keys, one-to-one functions of the row's seed: see :mod:`.unique`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from gankit.errors import GankitError
from gankit_tabular.codec.columns import Column
from gankit_tabular.codec.constraints.arithmetic import Arithmetic, fit_decimals
from gankit_tabular.codec.constraints.combinations import Combinations, Queries, hidden_name
from gankit_tabular.codec.constraints.grid import Values
from gankit_tabular.codec.constraints.key_spaces import KeySpace
from gankit_tabular.codec.constraints.rules import Linear, Together, Unique, parse_rules
from gankit_tabular.codec.constraints.unique import (
    UniqueKeys,
    conflict,
    fit_space,
    load_space,
    single_keys,
    space_state,
)
from gankit_tabular.codec.fitting import fit_column
from gankit_tabular.codec.resolution import Resolution
from gankit_tabular.codec.value_types import value_type


class Constraints:
    """All rules of a table.

    Args:
        texts: the rules as the user wrote them.
        columns: of the table, and hidden ones if they are fitted already.
        spaces: possible values of the columns that are keys by themselves, by name.

    Raises:
        GankitError: rules contradict each other, or cannot be combined.
    """

    def __init__(
        self, texts: Sequence[str], columns: Sequence[Column], spaces: Mapping[str, KeySpace]
    ) -> None:
        self.texts = tuple(texts)
        self.columns = {c.name: c for c in columns if not c.hidden}
        rules = parse_rules(texts, {n: value_type(c) for n, c in self.columns.items()})
        groups = [r.columns for r in rules if isinstance(r, Together)]
        hidden = {c.name: c for c in columns if c.hidden and c.kind == "category"}
        self.combinations = Combinations(groups, self.columns, hidden)
        keys = [r.columns for r in rules if isinstance(r, Unique)]
        self.keys = UniqueKeys(keys, spaces, self.columns, self.combinations)
        for name in self._in_keys:
            if self.columns[name].kind == "number":
                one = Linear(f"unique: {name}", ((name, 1),), "<=", 0)
                fit_decimals(one, [self.columns[name]])
        linear = [r for r in rules if isinstance(r, Linear)]
        self.arithmetic = Arithmetic(self._needed(linear), self.columns)

    @classmethod
    def fit(
        cls,
        texts: Sequence[str],
        columns: Sequence[Column],
        values: Mapping[str, pa.ChunkedArray],
        resolution: Resolution,
    ) -> tuple[Constraints, list[Column]]:
        """The constraints of a table, and the hidden columns that they need.

        Args:
            columns: the fitted columns; those that rules derive are marked.
            values: of the columns; formatted numbers as numbers.
        """
        rules = parse_rules(texts, {name: v.type for name, v in values.items()})
        named = {c.name: c for c in columns}
        bounds = [r for r in rules if isinstance(r, Linear) and len(r.terms) == 1]
        spaces = {n: fit_space(named[n], values[n], bounds) for n in single_keys(rules, values)}
        found = cls(texts, columns, spaces)
        for group in found.combinations.groups:
            for name in group:
                named[name].joint = hidden_name(group)
        for name in found.arithmetic.computed():
            named[name].computed = True
        hidden = []
        for name, array in found.hidden(values).items():
            kind = "category" if pa.types.is_string(array.type) else "number"
            column = fit_column(name, pa.chunked_array([array]), resolution, kind)
            column.hidden = True
            hidden.append(column)
        return cls(texts, [*columns, *hidden], spaces), hidden

    def hidden(self, values: Mapping[str, pa.ChunkedArray]) -> dict[str, pa.Array]:
        """The hidden columns of real rows, by name."""
        return self.combinations.hidden(values) | self.arithmetic.slacks(values)

    def state(self) -> dict[str, Any]:
        """As JSON, without the columns."""
        spaces = {name: space_state(space) for name, space in self.keys.spaces.items()}
        return {"texts": list(self.texts), "spaces": spaces}

    @classmethod
    def load(cls, state: Mapping[str, Any], columns: Sequence[Column]) -> Constraints:
        """The constraints that :meth:`state` described."""
        spaces = {name: load_space(name, s) for name, s in state.get("spaces", {}).items()}
        return cls(state.get("texts", ()), columns, spaces)

    def synthesises(self, name: str) -> bool:
        """Whether a column is a key by itself, whose values come from the seeds."""
        return name in self.keys.spaces

    def uses(self, name: str) -> bool:
        """Whether a rule is about a column, which therefore follows from no other."""
        return name in (
            *self.keys.spaces,
            *self.arithmetic.names,
            *self._in_keys,
        ) or self.combinations.group(name) != (name,)

    @property
    def _in_keys(self) -> list[str]:
        """The columns of keys of several columns."""
        return [name for key in self.keys.composite for name in key]

    def _needed(self, rules: Sequence[Linear]) -> list[Linear]:
        """The linear rules without those that hold because all values come from the data."""
        needed = []
        for rule in rules:
            names = rule.columns
            if any(set(names) <= set(group) for group in self.combinations.groups):
                continue
            fixed = [
                n
                for n in names
                if n in (*self.keys.spaces, *self._in_keys) or self.combinations.group(n) != (n,)
            ]
            if len(names) > 1:
                if fixed:
                    raise conflict(fixed[0], "arithmetic and a key or a combination")
                for name in names:
                    if self.columns[name].kind != "number":
                        raise GankitError(
                            f"constraint {rule.text!r}: {name} is treated as a "
                            f"{self.columns[name].kind}",
                            f'Set numbers=["{name}"], or leave the constraint out',
                        )
            if not fixed and self.columns[names[0]].kind == "number":
                needed.append(rule)
        return needed

    # --- Enforcing rules ------------------------------------------------------------------------

    def complete(self, values: Values, seeds: Sequence[int]) -> None:
        """Adds, in place, the columns that rules derive, to decoded rows."""
        self.combinations.split(values)
        self.keys.draw_single(values, seeds)
        self.keys.draw(values, {}, seeds)
        self.combinations.enforce(values, {}, seeds, self._in_keys)
        self.arithmetic.complete(values)

    def enforce(
        self, values: Values, before: Values, queries: Queries, seeds: Sequence[int]
    ) -> None:
        """Enforces rules, in place, in rows in which requested values were inserted.

        Args:
            before: the rows without the insertions.

        Raises:
            GankitError: no row can have the requested values.
        """
        self.keys.draw(values, queries, seeds)
        self.combinations.enforce(values, queries, seeds, self._in_keys)
        self.arithmetic.enforce(values, before, queries)

    def check(self, queries: Queries) -> None:
        """Checks that some row satisfies both queries and rules.

        Raises:
            GankitError: none does.
        """
        self.arithmetic.check(queries)
        self.keys.check(queries)
