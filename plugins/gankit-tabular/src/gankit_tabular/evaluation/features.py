"""Features of rows, in which distances between tables are measured."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from gankit.contract import Extractor
from gankit.errors import GankitError
from gankit_tabular.codec.blocks import Block
from gankit_tabular.codec.codec import TableCodec
from gankit_tabular.codec.columns import Column
from gankit_tabular.data.arrow import Floats, Ints
from gankit_tabular.data.rows import Row, Rows, as_table
from gankit_tabular.settings import TabularSettings


class EncodedTable(Extractor[Row]):
    """One-hot codes of categories and ranks of numbers, each column with the same weight.

    Args:
        codec: the run's, which defines columns and codes; one is fitted to the training items if
            None.
        settings: to fit a codec with.
    """

    name = "encoded-table"

    def __init__(self, codec: TableCodec | None, settings: TabularSettings) -> None:
        self._codec, self.settings = codec, settings

    def fit(self, train: Sequence[Row]) -> None:
        if self._codec is None:
            self._codec = TableCodec.from_rows(train, self.settings)

    @property
    def codec(self) -> TableCodec:
        assert self._codec is not None, "fit() comes before features() and fingerprint"
        return self._codec

    @property
    def fingerprint(self) -> str:  # type: ignore[override]
        text = json.dumps(self.codec.state().config["columns"], default=str, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def features(self, items: Sequence[Row]) -> Floats:
        codec = self.codec
        items = self._conformed(items)
        stored = codec.encode(items, np.random.default_rng(0)).x.double().numpy()
        first_position = len(codec.blocks) - codec.width
        second = {b.column: i for i, b in enumerate(codec.blocks) if b.digit}
        parts = []
        for i, b in enumerate(codec.blocks):
            if b.digit:
                continue
            column, codes = codec.columns[b.column], stored[:, i].astype(np.int64)
            if column.kind == "number":
                positions = stored[:, first_position + b.position] if b.position >= 0 else None
                if column.cells:
                    of = np.array(column.choices)[codes]
                    positions = (stored[:, second[b.column]] + 0.5) / of
                parts.append(_ranks(column, b, codes, positions)[:, None])
                if column.missing:
                    parts.append((codes == b.codes - 1)[:, None].astype(np.float64))
            else:
                parts.append(np.eye(b.codes)[codes] / np.sqrt(2))
        return np.concatenate(parts, 1)

    def _conformed(self, items: Sequence[Row]) -> Sequence[Row]:
        """Rows in the codec's form; files of generated rows need not have it.

        Raises:
            GankitError: a column is missing, or a value does not fit.
        """
        names = self.codec.schema.names
        if isinstance(items, Rows) and items.table.schema.equals(self.codec.schema):
            return items
        if not isinstance(items, Rows) and items and all(name in items[0] for name in names):
            try:
                return Rows(as_table(items, self.codec.schema))
            except (GankitError, pa.ArrowException, TypeError, ValueError):
                pass  # converted below, or said
        return self.codec.conform(items, strict=False).items


def _ranks(column: Column, block: Block, codes: Ints, positions: Floats | None) -> Floats:
    """The share of training rows below each number, in [0, 1]; 1 for missing values."""
    middles = np.array([*column.atoms, *(q[len(q) // 2] for q in column.bins)])
    share = np.array(column.frequency)[: len(middles)]
    order = np.argsort(middles)
    start = np.zeros(len(middles) + 1)
    start[order] = np.cumsum(share[order]) - share[order]
    width = np.append(share, 0.0)
    at = np.minimum(codes, len(middles))
    within = np.full(len(codes), 0.5)
    if positions is not None:
        binned = (codes >= block.first_bin) & (codes < block.first_bin + block.bins)
        within[binned] = positions[binned]
    return np.asarray(start[at] + width[at] * within)
