"""The codec of trees of rows: sequences, and tables that refer to each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from gankit.contract import (
    Batch,
    ChecksSeeds,
    Codec,
    CodecState,
    ComparesSamples,
    ConditionInput,
    Conformed,
    Conforms,
    DecodesInGraph,
    DecodingGraph,
    Describes,
    HasClasses,
    InfersConditions,
    Layout,
    ListsConditionInputs,
    ProposesConditions,
    ReservesKeys,
    SamplesConditions,
)
from gankit.contract.subsets import Part as Some
from gankit.contract.subsets import take
from gankit.errors import GankitError
from gankit_tabular.codec.trees.coded_part import CodedPart
from gankit_tabular.codec.trees.conforming import conform_trees
from gankit_tabular.codec.trees.forest import Forest
from gankit_tabular.codec.trees.frames import Tables
from gankit_tabular.codec.trees.part_settings import as_they_are, only_root, settings_of_parts
from gankit_tabular.codec.trees.sequences import Sequences
from gankit_tabular.data.arrow import Ints
from gankit_tabular.data.rows import Rows
from gankit_tabular.data.trees.constants import constant_columns
from gankit_tabular.data.trees.items import Structure, Tree, Trees, as_trees
from gankit_tabular.settings import TabularSettings

FIT_ROWS = 500_000
"""Rows, in random trees, that the codec is fitted to."""
AT_ONCE = 20_000
"""Trees that are looked at together."""
DECODED = 2**22
"""Numbers that are decoded together."""


class TreeCodec(
    Codec[Tree],
    SamplesConditions,
    ProposesConditions,
    InfersConditions,
    ListsConditionInputs,
    ReservesKeys,
    ChecksSeeds,
    Describes,
    HasClasses,
    Conforms,
    ComparesSamples,
    DecodesInGraph,
):
    """A tensor of typed rows, depth first.

    ``x`` (steps, 1 + digits): the part that a row is of, then the codes of its digits; the number
    of parts means the end. ``c`` is that of the root's columns, see
    :class:`gankit_tabular.codec.codec.TableCodec`.

    Args:
        frame: between trees as they are and rows without keys.
        parts: the codecs of the rows.
        longest: rows of a tree, the root's included.
        follows: how often a row of each part, or the end, follows a row of each part.
    """

    def __init__(
        self,
        frame: Tables | Sequences,
        parts: Sequence[CodedPart],
        longest: int,
        follows: Sequence[Sequence[int]],
    ) -> None:
        self.frame, self.parts, self.longest = frame, list(parts), longest
        self.follows = [list(counts) for counts in follows]
        self.several_files = not frame.structure.is_sequence
        self.root = parts[0].codec
        self.steps = longest + 1
        self.digits = max(len(part.blocks) for part in parts)
        self.stored = max(self.digits, parts[0].width)
        has_conditions = self.root is not None and bool(self.root.condition_blocks)
        condition = self.root.layout.condition if self.root and has_conditions else None
        self.layout = Layout((self.steps, 1 + self.digits), condition)
        self.decode_batch_size = int(np.clip(DECODED // (self.steps * (1 + self.digits)), 16, 1024))
        counts = [max((b.codes for b in [*p.blocks, *p.computed]), default=1) for p in parts]
        self._dtype = torch.int16 if max(*counts, len(parts)) < 2**15 else torch.int32

    @property
    def structure(self) -> Structure:
        return self.frame.structure

    @property
    def schemas(self) -> dict[str, pa.Schema]:
        """Of the tables as they are written, by name."""
        return dict(zip(self.structure.names, self.frame.schemas, strict=True))

    @classmethod
    def fit(cls, items: Sequence[Tree], settings: TabularSettings, seed: int = 0) -> TreeCodec:
        """Fits to trees, or to random ones of very many."""
        if settings.generator != "cascade":
            raise GankitError(
                "generator=one-shot is for single rows, not for sequences and related tables",
                "Use generator=cascade",
            )
        counts = rows_of_each(items)
        longest = int(np.minimum(counts, settings.longest).max())
        chosen = np.arange(len(items))
        if counts.sum() > FIT_ROWS:
            few = max(int(len(items) * FIT_ROWS / counts.sum()), 1)
            chosen = np.sort(np.random.default_rng(seed).choice(len(items), few, replace=False))
        trees = _taken(items, chosen)
        if trees.structure.is_sequence:
            constants = _constants(items, trees.structure)
            kept = as_they_are(settings, trees)
            frame: Tables | Sequences = Sequences.fit(trees, constants, kept)
            longest += 1  # the entity
        else:
            frame = Tables.fit(trees)
        forest, order = frame.forest(trees), trees.structure.order
        own = settings_of_parts(settings, frame.parts, forest.tables, order)
        several = zip(frame.parts, forest.tables, forest.keys, own, strict=True)
        parts = [
            CodedPart.fit(part, table, keys, s, 1 if part.parent < 0 else longest)
            for part, table, keys, s in several
        ]
        if not any(part.blocks for part in parts) and np.ptp(counts) == 0:
            raise GankitError(
                "no column varies, and all have the same number of rows",
                "There is nothing to learn from such data",
            )
        return cls(frame, parts, longest, forest.follows())

    def decoding_graph(self) -> DecodingGraph:
        """There is none: how often the networks are called depends on what they draw.

        Raises:
            GankitError: always.
        """
        raise GankitError(
            "sequences and related tables cannot be exported: their rows are drawn one after "
            "another, as many as come",
            "Use `gankit generate`, or `gankit serve`",
        )

    # --- Encoding -------------------------------------------------------------------------------

    def encode(self, items: Sequence[Tree], rng: np.random.Generator) -> Batch:
        n, end = len(items), len(self.parts)
        x = torch.zeros(n, self.steps, 1 + self.stored, dtype=self._dtype)
        x[:, :, 0] = end
        if n:
            forest = self.frame.forest(self._trees(items))
            places = forest.places()
            several = zip(self.parts, forest.tables, forest.trees(), places, strict=True)
            for p, (part, table, tree, place) in enumerate(several):
                kept = place < self.longest
                at = torch.from_numpy(tree[kept]), torch.from_numpy(place[kept])
                x[(*at, 0)] = p
                if part.width and len(place):
                    codes = torch.from_numpy(part.encode(table)[kept]).to(self._dtype)
                    x[at[0], at[1], 1 : 1 + part.width] = codes
        c = None if self.layout.condition is None else torch.zeros(n, 1, dtype=torch.uint8)
        return Batch(x, c)

    def _trees(self, items: Sequence[Mapping[str, pa.Table]]) -> Trees:
        """Trees together; also plain mappings from a table's name to rows."""
        if isinstance(items, Trees) or all(isinstance(item, Tree) for item in items):
            return as_trees(items)  # type: ignore[arg-type]
        tables, starts = {}, {}
        for name in self.structure.names:
            parts = [item[name] for item in items]
            tables[name] = Rows(pa.concat_tables(parts).combine_chunks())
            starts[name] = np.cumsum([0, *map(len, parts)]).astype(np.int64)
        return Trees(self.structure, tables, starts)

    def prepare(self, batch: Batch) -> Batch:
        x = batch.x[:, :, : 1 + self.digits].float()
        if self.layout.condition is None:
            return Batch(x)
        return Batch(x, self._conditions(batch.x[:, 0, 1 : 1 + self.parts[0].width]))

    def infer_conditions(self, x: Tensor) -> Tensor:
        """Conditions on the root's modelled columns; those on computed ones stay open."""
        return self._conditions(x[:, 0, 1 : 1 + len(self.parts[0].blocks)])

    def _conditions(self, codes: Tensor) -> Tensor:
        assert self.root is not None
        n, device = len(codes), codes.device
        blocks = self.root.condition_blocks[: codes.shape[1]]
        starts = torch.tensor([b.start for b in blocks], device=device)
        hot = torch.zeros(n, self.root.conditions.width, device=device)
        hot.scatter_(1, codes.long() + starts, 1.0)
        return self.root.drop_conditions(hot)

    def comparable(self, batch: Batch) -> Tensor:
        """Rows of each part, and the mean and the last of each digit's codes, relative to the
        greatest.
        """
        found, x = [], batch.x
        for p, part in enumerate(self.parts):
            mine = (x[:, :, 0] == p).float()
            count = mine.sum(1, keepdim=True)
            found.append(count.log1p())
            if part.blocks:
                sizes = torch.tensor([max(b.codes - 1, 1) for b in part.blocks], device=x.device)
                codes = x[:, :, 1 : 1 + len(part.blocks)] / sizes
                found.append((codes * mine[..., None]).sum(1) / count.clamp(min=1))
        return torch.cat(found, 1)

    # --- Decoding -------------------------------------------------------------------------------

    def decode(
        self, batch: Batch, seeds: Sequence[int], where: Mapping[str, object] | None = None
    ) -> Trees:
        self._check_where(where or {})
        n, end = len(batch), len(self.parts)
        x = batch.x.numpy().round().astype(np.int64)
        types = np.clip(x[:, :, 0], 0, end)
        types[:, 0] = 0
        alive = np.logical_and.accumulate(types < end, axis=1)
        parents = _parents(types, alive, [part.part.parent for part in self.parts])
        number = np.full(types.shape, -1, np.int64)
        tables, ups, keys = [], [], list[pa.Array | None]()
        base = [int(seed) for seed in seeds]
        for p, part in enumerate(self.parts):
            tree, step = np.nonzero(alive & (types == p))
            number[tree, step] = np.arange(len(tree))
            if p:
                ups.append(number[tree, parents[tree, step]])
                first = np.searchsorted(tree, np.arange(n))
                own = np.arange(len(tree)) - first[tree]
                mine = [base[t] * self.steps + i for t, i in zip(tree, own.tolist(), strict=True)]
            else:
                ups.append(np.full(n, -1))
                mine = base
            codes = x[tree, step, 1 : 1 + len(part.blocks)]
            wrapped = [s % 2**63 for s in mine]
            tables.append(part.decode(codes, wrapped, where if not p else None))
            keys.append(None if part.keys is None else part.keys.draw(mine))
        return self.frame.trees(Forest(self.frame.parts, tables, ups, keys))

    # --- Conditions and keys --------------------------------------------------------------------

    def sample_conditions(self, where: Mapping[str, object], seeds: Sequence[int]) -> Tensor | None:
        self._check_where(where)
        if self.layout.condition is None:
            return None
        assert self.root is not None
        return self.root.sample_conditions(where, seeds)

    def propose_conditions(
        self, where: Mapping[str, object], seeds: Sequence[int], candidate: int
    ) -> tuple[Tensor, Tensor]:
        self._check_where(where)
        if self.root is None or self.layout.condition is None:
            return torch.zeros(len(seeds), 0), torch.zeros(len(seeds), dtype=torch.float64)
        return self.root.propose_conditions(where, seeds, candidate)

    def matches(self, batch: Batch, seeds: Sequence[int], where: Mapping[str, object]) -> Tensor:
        self._check_where(where)
        if self.root is None or not where:
            return torch.ones(len(batch), dtype=torch.bool)
        codes = batch.x[:, 0, 1 : 1 + len(self.root.blocks)].numpy().round().astype(np.int64)
        return self.root.matching(codes, seeds, where)

    def share(self, where: Mapping[str, object]) -> float:
        self._check_where(where)
        return 1.0 if self.root is None or not where else self.root.share(where)

    def _check_where(self, where: Mapping[str, object]) -> None:
        known = [] if self.root is None else self.root.schema.names
        if set(where) <= set(known):
            return
        others = {
            name: part.part.name
            for part in self.parts[1:]
            if part.codec is not None
            for name in part.codec.schema.names
        }
        only_root(where, self.frame.parts, known, others, self.structure.is_sequence)

    def reserve(self, real: Sequence[Tree]) -> None:
        forest = self.frame.forest(as_trees(real)) if len(real) else None
        for p, part in enumerate(self.parts):
            if part.codec is not None:
                part.codec.reserve(Rows(forest.tables[p]) if forest else ())
            if part.keys is not None:
                used = forest.keys[p] if forest else None
                part.keys.reserve(pa.array([], part.keys.type) if used is None else used)

    def check_seeds(self, seeds: range, where: Mapping[str, object]) -> None:
        first, last = min(seeds[0], seeds[-1]), max(seeds[0], seeds[-1])
        for p, part in enumerate(self.parts):
            each = self.steps if p else 1
            if part.keys is not None:
                part.keys.check(first * each, last * each + each - 1)
            if part.codec is not None:
                span = range(first * each, last * each + each)
                part.codec.check_seeds(span, {} if p else where)

    # --- Other data sets, and records -----------------------------------------------------------

    def conform(self, items: Sequence[Tree], strict: bool) -> Conformed[Tree]:
        """Trees of another data set in the form of the training data."""
        trees = items if isinstance(items, Trees) else _taken(items, np.arange(len(items)))
        return conform_trees(self.frame, self.parts, trees, strict)

    def classes(self) -> dict[str, list[str]]:
        return {} if self.root is None else self.root.classes()

    def condition_inputs(self) -> list[ConditionInput]:
        return [] if self.root is None else self.root.condition_inputs()

    def describe(self) -> list[dict[str, str]]:
        found: list[dict[str, str]] = []
        coded = self.frame.notes if isinstance(self.frame, Sequences) else {}
        order = self.frame.differences if isinstance(self.frame, Sequences) else None
        for p, part in enumerate(self.parts):
            for row in [] if part.codec is None else part.codec.describe():
                if p and row["column"] in coded:
                    notes = coded[row["column"]], row.get("note", "")
                    row = {**row, "note": "; ".join(note for note in notes if note)}
                    if order is not None and row["column"] == order.name:
                        row["values"] = order.with_unit(row["values"])
                found.append({"table": part.part.name, **row})
        noted = any("note" in row for row in found)
        return [{**row, "note": row.get("note", "")} if noted else row for row in found]

    def state(self) -> CodecState:
        return CodecState(
            {
                "trees": "sequences" if isinstance(self.frame, Sequences) else "tables",
                "frame": self.frame.state(),
                "parts": [part.state() for part in self.parts],
                "longest": self.longest,
                "follows": self.follows,
            }
        )

    @classmethod
    def load(cls, state: CodecState) -> TreeCodec:
        """The codec that :meth:`state` described."""
        config = state.config
        kind = Sequences if config["trees"] == "sequences" else Tables
        frame = kind.load(config["frame"])
        several = zip(frame.parts, config["parts"], strict=True)
        parts = [CodedPart.load(part, s) for part, s in several]
        return cls(frame, parts, config["longest"], config["follows"])


def rows_of_each(items: Sequence[Tree]) -> Ints:
    """The rows of each tree, of all tables together; reads none."""
    index = np.arange(len(items))
    while isinstance(items, Some):
        index, items = items.numbers(index), items.items
    if isinstance(items, Trees):
        total = sum(items.counts(name) for name in items.structure.names)
        return np.asarray(total, np.int64)[index]
    return rows_of_each(as_trees(items))


def _taken(items: Sequence[Tree], index: Ints) -> Trees:
    return as_trees(take(items, index))


def _constants(items: Sequence[Tree], structure: Structure) -> tuple[str, ...]:
    """The columns that are the same in all rows of every entity."""
    name = structure.names[0]
    names: tuple[str, ...] | None = None
    for at in range(0, len(items), AT_ONCE):
        trees = _taken(items, np.arange(at, min(at + AT_ONCE, len(items))))
        rows = trees.tables[name]
        if names is None:
            keys = structure.entity, structure.order
            names = tuple(n for n in rows.table.column_names if n not in keys)
        names = constant_columns(rows, trees.starts[name], names)
    return names or ()


def _parents(types: Ints, alive: np.ndarray, parent_of: Sequence[int]) -> Ints:
    """For each step the step of its parent; 0 for the root."""
    steps = np.arange(types.shape[1])
    found = np.zeros(types.shape, np.int64)
    for p, up in enumerate(parent_of):
        if up < 0:
            continue
        last = np.maximum.accumulate(np.where(alive & (types == up), steps, -1), axis=1)
        found = np.where(types == p, np.maximum(last, 0), found)
    return found
