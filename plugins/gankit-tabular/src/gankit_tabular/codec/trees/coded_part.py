"""A part of a tree with its codec and its keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from gankit.contract import CodecState
from gankit_tabular.codec.codec import TableCodec
from gankit_tabular.codec.trees.forest import Part
from gankit_tabular.codec.trees.keys import Keys
from gankit_tabular.data.arrow import Ints
from gankit_tabular.data.rows import Rows
from gankit_tabular.settings import TabularSettings


class CodedPart:
    """A part's rows as codes, and back.

    Args:
        codec: of its columns; None where it has none but keys.
        keys: where it has keys of its own.
    """

    def __init__(self, part: Part, codec: TableCodec | None, keys: Keys | None) -> None:
        self.part, self.codec, self.keys = part, codec, keys
        self.blocks = [] if codec is None else codec.blocks
        self.computed = [] if codec is None else codec.computed

    @classmethod
    def fit(
        cls,
        part: Part,
        table: pa.Table,
        keys: pa.Array | None,
        settings: TabularSettings,
        each: int,
    ) -> CodedPart:
        """For rows like these.

        Args:
            each: seeds for each row.
        """
        codec = None
        if table.column_names:
            codec = TableCodec.from_rows(Rows(table), settings, may_be_empty=True)
        return cls(part, codec, None if keys is None else Keys.fit(part.key, keys, each))

    @property
    def width(self) -> int:
        """Stored codes of a row: of its digits, then of what is only a condition."""
        return len(self.blocks) + len(self.computed)

    def encode(self, table: pa.Table) -> Ints:
        """The codes of rows, (N, width)."""
        if self.codec is None or not self.blocks:
            return np.zeros((len(table), self.width), np.int64)
        stored = self.codec.encode(Rows(table), np.random.default_rng(0)).x.numpy()
        return stored.astype(np.int64)

    def decode(
        self, codes: Ints, seeds: Sequence[int], where: Mapping[str, object] | None = None
    ) -> pa.Table:
        """The rows with these codes, (N, digits)."""
        if self.codec is None:
            return pa.table({})
        sizes = np.array([b.codes for b in self.blocks], np.int64)
        inside = np.clip(codes[:, : len(sizes)], 0, sizes - 1)
        return self.codec.rows(inside, seeds, where).table

    def state(self) -> dict[str, Any]:
        """As JSON; the part belongs to the frame."""
        return {
            "codec": None if self.codec is None else self.codec.state().config,
            "keys": None if self.keys is None else self.keys.state(),
        }

    @classmethod
    def load(cls, part: Part, state: Mapping[str, Any]) -> CodedPart:
        """The one that :meth:`state` described."""
        codec, keys = state["codec"], state["keys"]
        return cls(
            part,
            None if codec is None else TableCodec.load(CodecState(codec), may_be_empty=True),
            None if keys is None else Keys.load(keys),
        )
