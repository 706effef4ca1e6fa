"""Rules made true of every generated row, by construction where that can be.

- Sums and inequalities: see :mod:`gankit_tabular.codec.constraints.arithmetic`.
- Columns that go together become one joint category.
- A key is a one-to-one function of the row's seed: see :mod:`gankit_tabular.codec.constraints.keys`.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gankit.errors import GankitError
from gankit.seeds import uniform
from gankit_tabular.codec.columns import Column, Floats, fit_column
from gankit_tabular.codec.constraints.arithmetic import Arithmetic, Values, fit_decimals
from gankit_tabular.codec.constraints.grid import (
    asked_range,
    from_grid,
    plain_values,
    to_grid,
    value_type,
)
from gankit_tabular.codec.constraints.keys import Listed, Product, Shapes, Space, Whole, whole_space
from gankit_tabular.codec.constraints.rules import Linear, Rule, Together, Unique, parse
from gankit_tabular.codec.queries import Wish

Names = tuple[str, ...]

ROOMY = 50, 0.1
"""A column of a key with more distinct values than this, in more than this share of the rows, names
rows by itself."""


class Constraints:
    """All rules of a table.

    Args:
        texts: as the user wrote them.
        columns: of the table, and hidden ones where they were learnt already.
        spaces: what columns that are keys by themselves can be, by name.

    Raises:
        GankitError: rules that contradict each other, or that cannot be put together.
    """

    def __init__(
        self, texts: Sequence[str], columns: Sequence[Column], spaces: Mapping[str, Space]
    ) -> None:
        self.texts, self.spaces = tuple(texts), dict(spaces)
        self.columns = {c.name: c for c in columns if not c.hidden}
        rules = parse(texts, {n: value_type(c) for n, c in self.columns.items()})
        self.joints = _merged([r.columns for r in rules if isinstance(r, Together)])
        self.keys = self._composite_keys([r.columns for r in rules if isinstance(r, Unique)])
        for name in (n for key in self.keys for n in key):
            if self.columns[name].kind == "number":
                one = Linear(f"unique: {name}", ((name, 1),), "<=", 0)
                fit_decimals(one, [self.columns[name]])
        linear = [r for r in rules if isinstance(r, Linear)]
        self.arithmetic = Arithmetic(self._to_be_kept(linear), self.columns)
        joint = {c.name: c for c in columns if c.hidden and c.kind == "category"}
        self._combinations = {m: combinations(joint[n]) for m in self.joints
                              if (n := joint_name(m)) in joint}  # fmt: skip
        self._real_keys: dict[Names, list[Names]] = {}
        self._products: dict[tuple[Names, Names], Product] = {}

    @classmethod
    def learn(
        cls,
        texts: Sequence[str],
        columns: Sequence[Column],
        values: Mapping[str, pa.ChunkedArray],
        bins: int,
    ) -> tuple[Constraints, list[Column]]:
        """The constraints of a table, and the hidden columns that they need.

        Args:
            columns: as they were learnt one by one; how rules use them is noted in them.
            values: of the columns; texts that hold numbers as numbers.
        """
        rules = parse(texts, {name: v.type for name, v in values.items()})
        named = {c.name: c for c in columns}
        bounds = [r for r in rules if isinstance(r, Linear) and len(r.terms) == 1]
        spaces = {n: _space(named[n], values[n], bounds) for n in carriers(rules, values)}
        found = cls(texts, columns, spaces)
        for members in found.joints:
            for name in members:
                named[name].joint = joint_name(members)
        for name in found.arithmetic.computed():
            named[name].computed = True
        hidden = []
        for name, array in found.hidden(values).items():
            kind = "category" if pa.types.is_string(array.type) else "number"
            column = fit_column(name, pa.chunked_array([array]), bins, kind)
            column.hidden = True
            hidden.append(column)
        return cls(texts, [*columns, *hidden], spaces), hidden

    def hidden(self, values: Mapping[str, pa.ChunkedArray]) -> dict[str, pa.Array]:
        """The hidden columns of real rows, by name."""
        made = {}
        for members in self.joints:
            lists = [plain_values(self.columns[name], values[name]) for name in members]
            rows = [json.dumps(row) for row in zip(*lists, strict=True)]
            made[joint_name(members)] = pa.array(rows, pa.string())
        return made | self.arithmetic.gaps(values)

    def state(self) -> dict[str, Any]:
        """All of it that columns do not say, as JSON."""
        spaces = {
            name: {"first": s.first, "last": s.last, "counts": s.counts}
            if isinstance(s, Whole)
            else {"shapes": s.shapes}
            for name, s in self.spaces.items()
            if isinstance(s, Whole | Shapes)
        }
        return {"texts": list(self.texts), "spaces": spaces}

    @classmethod
    def load(cls, state: Mapping[str, Any], columns: Sequence[Column]) -> Constraints:
        """The constraints that :meth:`state` described."""
        spaces: dict[str, Space] = {
            name: Shapes(name, **s) if "shapes" in s else Whole(name, **s)
            for name, s in state.get("spaces", {}).items()
        }
        return cls(state.get("texts", ()), columns, spaces)

    # --- Putting rules together -----------------------------------------------------------------

    def _composite_keys(self, keys: Sequence[Names]) -> list[Names]:
        """Keys of which no column is a key by itself."""
        kept = [key for key in keys if not set(key) & set(self.spaces)]
        for i, key in enumerate(kept):
            for other in kept[:i]:
                for name in set(key) & set(other):
                    _clash(name, "two keys")
        return kept

    def _to_be_kept(self, rules: Sequence[Linear]) -> list[Linear]:
        """The linear rules that do not hold already because all values come from the data."""
        kept = []
        for rule in rules:
            names = rule.columns
            if any(set(names) <= set(members) for members in self.joints):
                continue
            fixed = [n for n in names if n in self.spaces or self._groups(n)]
            if len(names) > 1:
                for name in fixed:
                    _clash(name, "arithmetic and a key or a combination")
                for name in names:
                    if self.columns[name].kind != "number":
                        raise GankitError(
                            f"constraint {rule.text!r}: {name} was taken for a "
                            f"{self.columns[name].kind}",
                            f'Say numbers=["{name}"], or leave the constraint out',
                        )
            if not fixed and self.columns[names[0]].kind == "number":
                kept.append(rule)
        return kept

    def makes(self, name: str) -> bool:
        """Whether a column's values are made by a key of its own."""
        return name in self.spaces

    def uses(self, name: str) -> bool:
        """Whether any rule says something of a column, which therefore follows from no other."""
        return name in (*self.spaces, *self.arithmetic.names) or bool(self._groups(name))

    def _groups(self, name: str) -> list[Names]:
        return [group for group in (*self.joints, *self.keys) if name in group]

    # --- Making rules true ----------------------------------------------------------------------

    def complete(self, values: Values, seeds: Sequence[int]) -> None:
        """Adds, in place, what follows from rules to freshly decoded rows."""
        for members in self.joints:
            rows = [json.loads(str(text)) for text in values[joint_name(members)]]
            for name, column in zip(members, zip(*rows, strict=True), strict=True):
                values[name] = list(column)
        for name, space in self.spaces.items():
            _check_room(name, space)
            values[name] = [space.draw(seed) for seed in seeds]
        self._put_keys(values, {}, seeds)
        for members in self.joints:
            self._put_combinations(members, values, {}, seeds)
        self.arithmetic.complete(values)

    def settle(
        self, values: Values, before: Values, wishes: Mapping[str, Wish], seeds: Sequence[int]
    ) -> None:
        """Makes rules true, in place, of rows in which what is asked has been put.

        Args:
            before: the rows that it was put in.

        Raises:
            GankitError: no row can have what is asked.
        """
        self._put_keys(values, wishes, seeds)
        for members in self.joints:
            self._put_combinations(members, values, wishes, seeds)
        self.arithmetic.settle(values, before, wishes)

    def check(self, wishes: Mapping[str, Wish]) -> None:
        """Whether rules leave anything of what is asked.

        Raises:
            GankitError: they do not.
        """
        self.arithmetic.check(wishes)
        for key in self.keys:
            self._product(key, wishes)

    # --- Keys -----------------------------------------------------------------------------------

    def key_columns(self) -> list[str]:
        """The columns that keys are made of."""
        return list(dict.fromkeys((*self.spaces, *(n for key in self.keys for n in key))))

    def beside(self, values: Mapping[str, Sequence[Any]]) -> None:
        """From now on generated keys differ from those of these real rows."""
        for name, space in self.spaces.items():
            space.take(values[name])
        self._real_keys = {k: list(zip(*(values[n] for n in k), strict=True)) for k in self.keys}
        self._products = {}

    def room(self, wishes: Mapping[str, Wish]) -> tuple[float, str]:
        """For how many rows there are keys, and which key limits it."""
        rooms: list[tuple[float, str]] = [(s.room, n) for n, s in self.spaces.items()]
        rooms += [(self._product(key, wishes).room, ", ".join(key)) for key in self.keys]
        return min(rooms, default=(math.inf, ""))

    def key_wishes(self, wishes: Mapping[str, Wish], seeds: Sequence[int]) -> list[dict[str, Wish]]:
        """What the key of each row asks of its columns, so that the others can follow."""
        values: Values = {}
        self._put_keys(values, wishes, seeds)
        return [
            {name: _exactly(self.columns[name], column[i]) for name, column in values.items()}
            for i in range(len(seeds))
        ]

    def _put_keys(self, values: Values, wishes: Mapping[str, Wish], seeds: Sequence[int]) -> None:
        """Writes keys of several columns, in place."""
        for key in self.keys:
            product, parts = self._product(key, wishes), self._parts(key)
            drawn = list(zip(*map(product.draw, seeds), strict=True))
            for part, column in zip(parts, drawn, strict=True):
                if self._is_grid(part):
                    whole = np.array(column, np.int64)
                    values[part[0]] = from_grid(
                        self.columns[part[0]], whole, np.ones(len(whole), bool)
                    )
                else:
                    for name, cells in zip(part, zip(*column, strict=True), strict=True):
                        values[name] = list(cells)

    def _parts(self, key: Names) -> list[Names]:
        """A key's columns, those of one combination together."""
        group = {n: m for m in self.joints for n in m}
        parts = [tuple(n for n in key if n in group.get(name, (name,))) for name in key]
        return list(dict.fromkeys(parts))

    def _is_grid(self, part: Names) -> bool:
        """Whether a part of a key is any number within a range, not one of some values."""
        column = self.columns[part[0]]
        return bool(column.bins) and not column.joint

    def _product(self, key: Names, wishes: Mapping[str, Wish]) -> Product:
        """The keys that fit what is asked."""
        case = key, tuple(str(wishes[n]) for n in key if n in wishes)
        if case not in self._products:
            parts: list[Space] = []
            for part in self._parts(key):
                if self._is_grid(part):
                    low, high = asked_range(self.columns[part[0]], wishes.get(part[0]))
                    parts.append(Whole(first=low, last=max(high, low - 1)))
                else:
                    fits = _fits([wishes.get(n) for n in part])
                    some = [
                        cells for cells in self._cells(part) if None not in cells and fits(cells)
                    ]
                    parts.append(Listed(values=some))
            product = Product(", ".join(key), parts=parts)
            product.take(self._as_drawn(key, row) for row in self._real_keys.get(key, ()))
            said = "".join(f" with {wishes[n]}" for n in key if n in wishes)
            _check_room(product.key + said, product)
            self._products[case] = product
        return self._products[case]

    def _cells(self, part: Names) -> list[tuple[Any, ...]]:
        """What a part of a key can be."""
        column = self.columns[part[0]]
        if not column.joint:
            rare = [value for group in column.groups for value, _ in group]
            return [(value,) for value in (*column.atoms, *rare)]
        members = next(m for m in self.joints if part[0] in m)
        at = [members.index(n) for n in part]
        rows = [tuple(row[i] for i in at) for row, _ in self._combinations[members]]
        return list(dict.fromkeys(rows))

    def _as_drawn(self, key: Names, row: Sequence[Any]) -> tuple[Any, ...]:
        """A real key as a :class:`Product` has it."""
        named, out = dict(zip(key, row, strict=True)), list[Any]()
        for part in self._parts(key):
            cells = tuple(named[n] for n in part)
            if self._is_grid(part) and cells[0] is not None:
                out.append(int(to_grid(self.columns[part[0]], cells)[0][0]))
            else:
                out.append(None if None in cells else cells)
        return tuple(out)

    # --- Combinations ---------------------------------------------------------------------------

    def shares(self, joint: Column, wishes: Mapping[str, Wish]) -> Floats:
        """Which share of the rows behind each code of a joint category fits what is asked."""
        members = next(m for m in self.joints if joint_name(m) == joint.name)
        fits = _fits([wishes.get(n) for n in members])
        single = [float(fits(json.loads(text))) for text in joint.atoms]
        grouped = [
            sum(n for text, n in group if fits(json.loads(text))) / sum(n for _, n in group)
            for group in joint.groups
        ]
        return np.array([*single, *grouped])

    def _put_combinations(
        self, members: Names, values: Values, wishes: Mapping[str, Wish], seeds: Sequence[int]
    ) -> None:
        """Another combination, drawn by its frequency, in rows with one that does not fit."""
        rows, counts = zip(*self._combinations[members], strict=True)
        known = {json.dumps(row) for row in rows}
        fits = _fits([wishes.get(n) for n in members])
        fixed = [i for i, n in enumerate(members) if any(n in key for key in self.keys)]
        # A stream of its own for each combination, above those of the codec.
        u = uniform(seeds, 2**30 + (zlib.crc32(joint_name(members).encode()) >> 2))
        choices: dict[str, tuple[list[int], Floats]] = {}
        for k in range(len(seeds)):
            row = [values[n][k] for n in members]
            if fits(row) and json.dumps(row) in known:
                continue
            part = json.dumps([row[i] for i in fixed])
            if part not in choices:
                found = [
                    i
                    for i, other in enumerate(rows)
                    if fits(other) and all(other[j] == row[j] for j in fixed)
                ]
                choices[part] = found, np.cumsum([float(counts[i]) for i in found])
            found, sums = choices[part]
            if not found:
                said = ", ".join(str(wishes[n]) for n in members if n in wishes)
                raise GankitError(f"{said}: no row of the data combines these", "Ask for another")
            drawn = rows[found[int(np.searchsorted(sums, u[k] * sums[-1], side="right"))]]
            for name, value in zip(members, drawn, strict=True):
                values[name][k] = value


# --- Columns and rules --------------------------------------------------------------------------


def carriers(rules: Sequence[Rule], values: Mapping[str, pa.ChunkedArray]) -> list[str]:
    """The columns that are keys by themselves: texts and whole numbers that name a row."""
    found: list[str] = []
    for rule in rules:
        if not isinstance(rule, Unique) or set(rule.columns) & set(found):
            continue
        counts = {}
        for name in rule.columns:
            t = values[name].type
            if pa.types.is_integer(t) or pa.types.is_string(t) or pa.types.is_large_string(t):
                distinct = int(pc.count_distinct(values[name]).as_py())
                most, share = ROOMY
                roomy = distinct > most and distinct > share * len(values[name])
                if roomy or len(rule.columns) == 1:
                    counts[name] = distinct
        if counts:
            found.append(max(counts, key=counts.__getitem__))
    return found


def _space(column: Column, values: pa.ChunkedArray, bounds: Sequence[Linear]) -> Space:
    """What a key can be: texts of the data's shapes, or whole numbers within bounds."""
    if not pa.types.is_integer(values.type):
        return Shapes(column.name, shapes=list(column.patterns))
    info = np.iinfo(values.type.to_pandas_dtype())
    space = whole_space(column.name, values.drop_null().to_pylist(), int(info.min), int(info.max))
    for rule in bounds:
        if rule.columns == (column.name,):
            within = _whole_bound(rule)
            if rule.terms[0][1] > 0:
                space.last = min(space.last, within)
            if rule.terms[0][1] < 0:
                space.first = max(space.first, -within)
    return space


def _whole_bound(rule: Linear) -> int:
    """The greatest whole number that ``sign·x`` may be."""
    bound = math.floor(rule.constant)
    return bound - 1 if rule.relation == "<" and bound == rule.constant else bound


def joint_name(members: Names) -> str:
    """The name of the hidden column of columns that go together."""
    return "~" + " and ".join(members)


def combinations(joint: Column) -> list[tuple[list[Any], float]]:
    """All that a joint category holds, with frequencies; a group's is shared out by counts."""
    single = list(zip(joint.atoms, joint.frequency, strict=False))
    shares = joint.frequency[len(joint.atoms) :]
    grouped = [
        (text, share * count / sum(n for _, n in group))
        for group, share in zip(joint.groups, shares, strict=False)
        for text, count in group
    ]
    return [(json.loads(text), max(share, 1e-12)) for text, share in (*single, *grouped)]


def _merged(groups: Sequence[Names]) -> list[Names]:
    """Groups that share a column as one: what is fixed with it is fixed with all."""
    merged: list[Names] = []
    for group in groups:
        touched = [m for m in merged if set(m) & set(group)]
        names = dict.fromkeys(n for m in (*touched, group) for n in m)
        merged = [*(m for m in merged if m not in touched), tuple(names)]
    return merged


def _fits(asked: Sequence[Wish | None]) -> Callable[[Sequence[Any]], bool]:
    def fits(cells: Sequence[Any]) -> bool:
        return all(w is None or w.fits(v) for w, v in zip(asked, cells, strict=True))

    return fits


def _exactly(column: Column, value: Any) -> Wish:
    span = (value, value) if column.kind == "number" else None
    return Wish(column, str(value), span, () if span else (value,))


def _check_room(key: str, space: Space) -> None:
    if space.room < 1:
        raise GankitError(
            f"unique: {key}: no value is left that differs", "Leave the constraint out"
        )


def _clash(name: str, what: str) -> NoReturn:
    raise GankitError(f"constraints put {name!r} in {what}", "Leave one of them out")
