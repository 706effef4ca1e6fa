"""The codec of a table: rows of mixed columns as tensors, and back."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from torch import Tensor

from gankit.contract import (
    Batch,
    Categorical,
    ChecksSeeds,
    Codec,
    CodecState,
    Completed,
    Condition,
    ConditionInput,
    Conformed,
    Conforms,
    DecodesInGraph,
    DecodingGraph,
    Describes,
    FillsGaps,
    Gaps,
    HasClasses,
    InfersConditions,
    Layout,
    ListsConditionInputs,
    ProposesConditions,
    ReservesKeys,
    SamplesConditions,
)
from gankit.errors import GankitError
from gankit.seeds import uniform
from gankit_tabular.codec.blocks import Block, computed_blocks, modelled_blocks
from gankit_tabular.codec.columns import Column
from gankit_tabular.codec.completing import GapFiller, Steps
from gankit_tabular.codec.conditions import Conditions
from gankit_tabular.codec.conformity import check_values, conform_table, spelled
from gankit_tabular.codec.constraints.constraints import Constraints
from gankit_tabular.codec.constraints.grid import Values, plain_values
from gankit_tabular.codec.constraints.rules import parse_rules
from gankit_tabular.codec.constraints.unique import single_keys
from gankit_tabular.codec.descriptions import describe_columns, inputs, requested
from gankit_tabular.codec.fitting import count_codes, find_derived, fit_and_encode
from gankit_tabular.codec.gaps import GapReader
from gankit_tabular.codec.ordinals import Ordinals, apply_order
from gankit_tabular.codec.rare import frequent_values, merge, merge_as_fitted, note_merged
from gankit_tabular.codec.relations import Relations, find_relations, learn_differences
from gankit_tabular.codec.resolution import Resolution
from gankit_tabular.codec.table_graph import table_graph
from gankit_tabular.codec.values import decode_column, locate, second_digits
from gankit_tabular.data.arrow import Ints, storage_type, type_from_text
from gankit_tabular.data.dialect import Dialect, schema_dialect
from gankit_tabular.data.rows import Row, Rows, as_table, sample_table, take_table
from gankit_tabular.formats.base import Format
from gankit_tabular.formats.columns import column_formats, load_format, read_columns
from gankit_tabular.settings import TabularSettings

FIT_ROWS = 500_000
"""Random rows of a larger table that the codec is fitted to."""
CONDITIONED = 0.6
"""Share of training rows that are conditioned on some of their columns."""
SINGLE = 0.5
"""Share of these that are conditioned on one column, the most common request."""
MANY = 0.3
"""Share of training rows that are conditioned on any number of columns: what a row with missing
cells looks like."""
EACH = 0.15
"""Share of columns that the others are conditioned on."""

Coded = npt.NDArray[np.float32] | Ints


class TableCodec(
    Codec[Row],
    SamplesConditions,
    ProposesConditions,
    InfersConditions,
    ListsConditionInputs,
    ReservesKeys,
    ChecksSeeds,
    FillsGaps,
    Describes,
    HasClasses,
    Conforms,
    DecodesInGraph,
):
    """One tensor for a table of mixed columns.

    Stored: the digits of modelled columns, positions within bins, codes of computed columns.
    Prepared: ``x`` has each digit one-hot, then the positions; ``c`` has modelled and computed
    columns one-hot, with zeros for those that a row is not conditioned on.

    Args:
        columns: the fitted columns in the table's order; then the hidden ones.
        constraints: between the columns; none by default.
        dialect: of the text file that the table comes from.
        relations: between numbers, found in the data.
        may_be_empty: whether no column may vary, as in a table that is a part of a tree.
    """

    decode_batch_size = 1024

    def __init__(
        self,
        columns: Sequence[Column],
        constraints: Constraints | None = None,
        dialect: Dialect | None = None,
        relations: Relations | None = None,
        may_be_empty: bool = False,
    ) -> None:
        self.columns = list(columns)
        self.relations = relations or Relations()
        self.constraints = constraints or Constraints((), columns, {})
        self.dialect = dialect
        self.schema = pa.schema(
            [(c.name, type_from_text(c.type)) for c in columns if not c.hidden],
            metadata=None if dialect is None else dialect.metadata(),
        )
        """Of rows as they are written; the metadata have the dialect of a text file."""
        self.named = {c.name: c for c in self.columns}
        self.arithmetic = self.relations.arithmetic(self.named)
        self.formats = {c.name: load_format(c.format) for c in columns if c.format}
        self.blocks = modelled_blocks(columns)
        if not self.blocks and not may_be_empty:
            raise _nothing_to_learn(columns)
        self.width = sum(b.codes for b in self.blocks)
        """One-hot digits in x, without the positions."""
        self.computed = computed_blocks(columns, self.width)
        self.condition_blocks = [*self.blocks, *self.computed]
        """The blocks of c."""
        self._asked = list(dict.fromkeys(b.column for b in self.condition_blocks))
        self._column_of = [self._asked.index(b.column) for b in self.condition_blocks]
        self._seconds = [i for i, b in enumerate(self.condition_blocks) if b.digit]
        self.conditions = Conditions(self.columns, self.constraints, self.condition_blocks)
        fields = [
            Categorical(*_labels(columns[b.column], b), optional=True)
            for b in self.condition_blocks
        ]
        positions = sum(b.position >= 0 for b in self.blocks)
        self.layout = Layout((self.width + positions,), Condition(tuple(fields)))

    @classmethod
    def fit(
        cls,
        table: pa.Table,
        resolution: Resolution = Resolution(),  # noqa: B008 - frozen
        kinds: Mapping[str, str] | None = None,
        constraints: Sequence[str] = (),
        ordinals: Ordinals | None = None,
        may_be_empty: bool = False,
    ) -> TableCodec:
        """Fits every column, finds those that others determine, and prepares constraints.

        Args:
            resolution: how finely columns are coded.
            kinds: number, category or identifier, by column; others are inferred.
            constraints: rules between columns, as texts.
            ordinals: the order of ordered categories.
            may_be_empty: whether no column may vary.
        """
        ordinals = ordinals or {}
        kinds = {**(kinds or {}), **dict.fromkeys(ordinals, "category")}
        formats = column_formats(table, kinds)
        values = read_columns(table, formats)
        rules = parse_rules(constraints, {name: v.type for name, v in values.items()})
        kinds |= dict.fromkeys(single_keys(rules, values), "identifier")
        columns, codes = [], {}
        for name, column_values in values.items():
            column, codes[name] = fit_and_encode(
                name, column_values, resolution, kinds.get(name, "")
            )
            if name in formats:
                column.type = str(table.schema.field(name).type)
                column.format = formats[name].state()
            if name in ordinals:
                apply_order(column, ordinals[name])
                codes[name] = count_codes(column, column_values)
            columns.append(column)
        found, hidden = Constraints.fit(constraints, columns, values, resolution)
        free = [c for c in columns if not (c.computed or c.joint or found.uses(c.name))]
        if free:
            find_derived(
                free, np.stack([_pairs(c, values[c.name], codes[c.name]) for c in free], 1)
            )
        relations = Relations()
        if resolution.cells:
            relations.found = find_relations([c for c in free if not c.derived_from], values)
            hidden += learn_differences(columns, relations, values, resolution)
        dialect = schema_dialect(table.schema.metadata)
        return cls([*columns, *hidden], found, dialect, relations, may_be_empty)

    @classmethod
    def from_rows(
        cls, items: Sequence[Row], settings: TabularSettings, may_be_empty: bool = False
    ) -> TableCodec:
        """Fits to rows, or to a random sample of very many."""
        table = sample_table(items, FIT_ROWS, np.random.default_rng(0))
        kinds, orders = settings.kinds(), settings.ordinals
        frequent = frequent_values(table, settings.rare, kinds, orders) if settings.rare else {}
        codec = cls.fit(
            merge(table, frequent),
            settings.resolution(),
            kinds,
            settings.constraints,
            orders,
            may_be_empty,
        )
        note_merged(codec.columns, table, frequent)
        return codec

    # --- Encoding -------------------------------------------------------------------------------

    def encode(self, items: Sequence[Row], rng: np.random.Generator) -> Batch:
        table = merge_as_fitted(as_table(items, self.schema), self.columns)
        values = read_columns(table, self.formats)
        hidden = self.constraints.hidden(values) | self.relations.hidden(self.named, values)
        values |= {n: pa.chunked_array([v]) for n, v in hidden.items()}
        columns = [self.columns[b.column] for b in self.blocks if not b.digit]
        located = [locate(c, values[c.name]) for c in columns]
        codes = np.stack([code for code, _, _ in located], 1)
        # Equal values are spread over their part of a bin by the row's other values, so that an
        # item has the same code in every batch.
        u = uniform(codes @ np.arange(1, 2 * len(columns), 2) ** 5, 0)
        rows = np.floor(u * 2**53).astype(np.int64)
        within = {
            c.name: start + uniform(rows, i) * share
            for i, (c, (_, start, share)) in enumerate(zip(columns, located, strict=True))
        }
        positions = [within[c.name] for c in columns if c.bins and not c.cells]
        digits = [
            second_digits(c, values[c.name], code, within[c.name])
            for c, (code, _, _) in zip(columns, located, strict=True)
            if c.cells
        ]
        computed = [self.columns[b.column] for b in self.computed]
        more = [locate(c, values[c.name])[0] for c in computed]
        parts = [codes.T, *(p[None] for p in (*digits, *positions, *more))]
        x = np.concatenate(parts).T.astype(np.float32)
        return Batch(torch.from_numpy(x), torch.zeros(len(table), 1, dtype=torch.uint8))

    def prepare(self, batch: Batch) -> Batch:
        hot, blocks, positions = self._hot(batch.x), len(self.blocks), self._positions
        x = torch.cat([hot[:, : self.width], batch.x[:, blocks : blocks + positions]], 1)
        return Batch(x, self.drop_conditions(hot))

    @property
    def _positions(self) -> int:
        """Columns with positions within bins."""
        return self.layout.shape[0] - self.width

    def _hot(self, stored: Tensor) -> Tensor:
        """All digits of stored rows one-hot, as in ``c``."""
        blocks, device = len(self.blocks), stored.device
        codes = torch.cat([stored[:, :blocks], stored[:, blocks + self._positions :]], 1).long()
        starts = torch.tensor([b.start for b in self.condition_blocks], device=device)
        hot = torch.zeros(len(stored), self.conditions.width, device=device)
        return hot.scatter_(1, codes + starts, 1.0)

    def infer_conditions(self, x: Tensor) -> Tensor:
        """Conditions on modelled columns; those on computed columns stay open."""
        largest = [x[:, b.slice].argmax(1) + b.start for b in self.blocks]
        hot = torch.zeros(len(x), self.conditions.width, device=x.device)
        return self.drop_conditions(hot.scatter_(1, torch.stack(largest, 1), 1.0))

    def drop_conditions(self, hot: Tensor) -> Tensor:
        """One-hot rows with random columns set to zero."""
        n, columns, device = len(hot), len(self._asked), hot.device
        kept = torch.rand(n, columns, device=device) < EACH
        one = torch.randint(columns, (n, 1), device=device)
        single = torch.arange(columns, device=device) == one
        kept = torch.where(torch.rand(n, 1, device=device) < SINGLE, single, kept)
        kept &= torch.rand(n, 1, device=device) < CONDITIONED
        many = torch.rand(n, 1, device=device) < MANY
        rate = torch.rand(n, 1, device=device)
        kept = torch.where(many, torch.rand(n, columns, device=device) < rate, kept)
        blocks = kept[:, torch.tensor(self._column_of, device=device)]
        if self._seconds:  # of half of the requested columns
            half = torch.rand(n, len(self._seconds), device=device) < SINGLE
            blocks[:, self._seconds] &= half | many
        sizes = torch.tensor([b.codes for b in self.condition_blocks], device=device)
        of = torch.repeat_interleave(torch.arange(len(sizes), device=device), sizes)
        return hot * blocks[:, of]

    # --- Decoding -------------------------------------------------------------------------------

    def decode(
        self, batch: Batch, seeds: Sequence[int], where: Mapping[str, object] | None = None
    ) -> Rows:
        return self.rows(batch.x.numpy(), seeds, where)

    def rows(
        self, x: Coded, seeds: Sequence[int], where: Mapping[str, object] | None = None
    ) -> Rows:
        """As :meth:`decode`.

        Args:
            x: of samples, or the codes of their digits, (N, blocks).
        """
        queries = self.conditions.queries(where or {})
        self.constraints.keys.check_seeds(seeds, queries)
        table = self._table(self._values(x, seeds))
        if queries:
            read = read_columns(table, self.formats)
            values = {c.name: plain_values(c, read[c.name]) for c in self.columns if not c.hidden}
            enforced = self.conditions.enforce(values, queries, seeds)
            self.arithmetic.enforce(enforced, values, queries)
            table = self._table(enforced)
        return Rows(table)

    def _values(
        self, x: Coded, seeds: Sequence[int], names: Iterable[str] | None = None
    ) -> Mapping[str, pa.Array | list[Any]]:
        """Generated values by column, without requested ones; of all columns, or at least of
        these.
        """
        every = names is None or bool(self.constraints.texts)
        wanted = set(self.named) if every else self.relations.needed(names or ())
        bases = {self.named[name].base for name in wanted}
        codes: dict[str, Ints] = {}
        digits: dict[str, Ints] = {}
        positions = np.zeros((len(self.columns), len(x)))
        coded = x.dtype.kind == "i"
        for i, b in enumerate(self.blocks):
            if self.columns[b.column].name not in bases:
                continue
            of = digits if b.digit else codes
            of[self.columns[b.column].name] = (
                x[:, i].astype(np.int64) if coded else x[:, b.slice].argmax(1)
            )
            if b.position >= 0:
                positions[b.column] = x[:, b.position]
        values: dict[str, pa.Array] = {}
        zeros = np.zeros(len(x))
        for i, column in enumerate(self.columns):
            if column.name not in wanted:
                continue
            if name := column.derived_from:
                pair = codes[name] * max(self.named[name].cells, 1) + digits.get(name, 0)
                code = np.array(column.derived)[pair]
            else:
                code = codes.get(column.name, np.zeros(len(x), np.int64))
            if column.joint or self.constraints.synthesises(column.name):
                continue
            drawn = column.groups or column.cells or column.kind == "identifier"
            u = uniform(seeds, i) if drawn else zeros
            digit = digits.get(column.name)
            values[column.name] = decode_column(column, code, positions[i], u, seeds, digit)
        self.relations.complete(values)
        if not self.constraints.texts:
            return values
        lists: Values = {name: drawn.to_pylist() for name, drawn in values.items()}
        self.constraints.complete(lists, seeds)
        return lists

    def decoding_graph(self) -> DecodingGraph:
        def write(column: Column, values: pa.Array) -> pa.Array:
            if column.hidden:
                return values
            form, t = self.formats.get(column.name), self.schema.field(column.name).type
            return _written(column, form, values, t)

        return table_graph(self.columns, self.blocks, self.relations, write)

    def _table(self, values: Mapping[str, pa.Array | list[Any]]) -> pa.Table:
        """Values with the types and formats of the user's table."""
        names = [name for name in self.schema.names if name in values]
        fields = [self.schema.field(name) for name in names]
        arrays = [
            _written(self.named[f.name], self.formats.get(f.name), values[f.name], f.type)
            for f in fields
        ]
        return pa.Table.from_arrays(arrays, schema=pa.schema(fields, self.schema.metadata))

    # --- Conditions -----------------------------------------------------------------------------

    def sample_conditions(self, where: Mapping[str, object], seeds: Sequence[int]) -> Tensor:
        return self.propose_conditions(where, seeds, 0)[0]

    def propose_conditions(
        self, where: Mapping[str, object], seeds: Sequence[int], candidate: int
    ) -> tuple[Tensor, Tensor]:
        self.arithmetic.check(self.conditions.queries(where))
        return self.conditions.sample(where, seeds, candidate)

    def matches(self, batch: Batch, seeds: Sequence[int], where: Mapping[str, object]) -> Tensor:
        return self.matching(batch.x.numpy(), seeds, where)

    def matching(self, x: Coded, seeds: Sequence[int], where: Mapping[str, object]) -> Tensor:
        """As :meth:`matches`; ``x`` as for :meth:`rows`."""
        queries = self.conditions.queries(where)
        table = self._table(self._values(x, seeds, queries))
        read = read_columns(table.select([*queries]), self.formats)
        fits = np.ones(len(x), bool)
        for name, query in queries.items():
            values, near = plain_values(query.column, read[name]), query.widened()
            fits &= np.fromiter(map(near.matches, values), bool, len(values))
        return torch.from_numpy(fits)

    def share(self, where: Mapping[str, object]) -> float:
        return self.conditions.share(self.conditions.queries(where))

    # --- Missing cells --------------------------------------------------------------------------

    @functools.cached_property
    def _filler(self) -> GapFiller:
        def encode(rows: Rows) -> Tensor:
            return self._hot(self.encode(rows, np.random.default_rng(0)).x)

        return GapFiller(
            *(self._gaps, self.blocks, self.condition_blocks, self.constraints, self.relations),
            Steps(encode, self._values, self._table),
        )

    @functools.cached_property
    def _gaps(self) -> GapReader:
        return GapReader(self.columns, self.schema, self.formats, self.constraints.keys)

    def match(self, items: Sequence[Row]) -> Conformed[Row]:
        given = items if isinstance(items, Rows) else Rows(take_table(items, np.arange(len(items))))
        more = [n for n in given.table.column_names if n not in self.schema.names]
        own = spelled(given.table, self.columns)
        table, warnings = conform_table(own, self.schema, False, more, self.formats)
        warnings += check_values(self.columns, table, read_columns(table, self.formats), gaps=True)
        warnings += self._gaps.note_forms(own)
        found = Rows(table, given.spool)
        warnings += self._gaps.repeated(found)
        self._gaps.reserve(found)
        return Conformed(found, [*_kept(more), *warnings])

    def gaps(self, items: Sequence[Row]) -> Gaps:
        return self._gaps.gaps(items)

    def observed(self, items: Sequence[Row]) -> Tensor:
        return self._filler.observed(items)

    def complete(
        self, items: Sequence[Row], batch: Batch, seeds: Sequence[int], draw: int
    ) -> Completed[Row]:
        return self._filler.complete(items, batch, seeds, draw)

    def insert(
        self, items: Sequence[Row], completed: Sequence[Row], gaps: Gaps, seeds: Sequence[int]
    ) -> Rows:
        return self._gaps.insert(items, completed, gaps, seeds)

    # --- Keys -----------------------------------------------------------------------------------

    def reserve(self, real: Sequence[Row]) -> None:
        values = read_columns(as_table(real, self.schema), self.formats)
        keys = self.constraints.keys
        keys.reserve({n: plain_values(self.conditions.named[n], values[n]) for n in keys.names})

    def check_seeds(self, seeds: range, where: Mapping[str, object]) -> None:
        queries = self.conditions.queries(where)
        self.constraints.keys.check_seeds((seeds[0], seeds[-1]), queries)

    # --- Other data sets ------------------------------------------------------------------------

    def conform(self, items: Sequence[Row], strict: bool) -> Conformed[Row]:
        """Rows of another table with this one's columns, by name, and its types."""
        given = items if isinstance(items, Rows) else Rows(take_table(items, np.arange(len(items))))
        own = given.table if strict else spelled(given.table, self.columns)
        table, warnings = conform_table(own, self.schema, strict, formats=self.formats)
        warnings += check_values(self.columns, table, read_columns(table, self.formats))
        same = table.schema.equals(given.table.schema)
        return Conformed(given if same else Rows(table, given.spool), warnings)

    # --- State ----------------------------------------------------------------------------------

    def state(self) -> CodecState:
        state: dict[str, Any] = {"columns": [asdict(c) for c in self.columns]}
        if self.constraints.texts:
            state["constraints"] = self.constraints.state()
        if self.relations.found:
            state["relations"] = self.relations.state()
        if self.dialect is not None:
            state["dialect"] = self.dialect.state()
        return CodecState(state)

    @classmethod
    def load(cls, state: CodecState, may_be_empty: bool = False) -> TableCodec:
        """The codec that :meth:`state` described."""
        columns = [Column(**c) for c in state.config["columns"]]
        constraints = Constraints.load(state.config.get("constraints", {}), columns)
        dialect = state.config.get("dialect")
        relations = Relations.load(state.config.get("relations", ()))
        known = None if dialect is None else Dialect.load(dialect)
        return cls(columns, constraints, known, relations, may_be_empty)

    def classes(self) -> dict[str, list[str]]:
        found = (c for c in self.columns if c.kind == "category" and not c.hidden)
        return {c.name: [requested(value) for value in c.values] for c in found}

    def condition_inputs(self) -> list[ConditionInput]:
        return inputs(self.columns)

    def describe(self) -> list[dict[str, str]]:
        return describe_columns(self.columns)


def _labels(column: Column, block: Block) -> tuple[str, tuple[str, ...]]:
    """The name of a digit as a condition, and one for each code."""
    if block.digit:
        return f"{column.name} (second digit)", tuple(map(str, range(block.codes)))
    return column.name, column.labels


def _pairs(column: Column, values: pa.ChunkedArray, codes: Ints) -> Ints:
    """Both digits of each value in one number; the first ones of numbers, which may be inexact."""
    if not (column.groups and column.cells):
        return codes
    return codes * column.cells + second_digits(column, values, codes, np.zeros(len(codes)))


def _kept(more: Sequence[str]) -> list[str]:
    """What is said of columns that the training data does not have."""
    if not more:
        return []
    some = ", ".join(map(repr, more[:5])) + (f" and {len(more) - 5:,} more" if more[5:] else "")
    if len(more) == 1:
        return [f"Column {some} is not in the training data; it is kept as it is, and not used."]
    return [
        f"Columns {some} are not in the training data; they are kept as they are, and not used."
    ]


def _nothing_to_learn(columns: Sequence[Column]) -> GankitError:
    names = [column.name for column in columns if column.kind == "identifier"]
    if not names:
        return GankitError("no column varies", "There is nothing to learn from such a table")
    return GankitError(
        f"no column varies except identifiers ({', '.join(names[:4])}), which are not learned",
        f'If {names[0]} is none, set its kind, as in categories=["{names[0]}"]',
    )


def _written(
    column: Column, form: Format | None, values: pa.Array | list[Any], t: pa.DataType
) -> pa.Array:
    """Values in the type and the format of the user's column."""
    if form is None or column.kind == "identifier":
        return _typed(values, t)
    plain = values if isinstance(values, list) else values.to_pylist()
    return form.write_column(plain, column.decimals, t)


def _typed(values: pa.Array | list[Any], t: pa.DataType) -> pa.Array:
    """Numbers and texts as an array of the column's type."""
    if isinstance(values, list):
        if pa.types.is_integer(t) or pa.types.is_temporal(t):  # a float would round large integers
            values = [None if v is None else int(v) for v in values]
        if not pa.types.is_temporal(t):
            return pa.array(values, t)
        values = pa.array(values, pa.int64())
    if pa.types.is_temporal(t):
        values = values.cast(storage_type(t), safe=False)
    return values.cast(t, safe=False)
