"""New keys for the rows of a part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gankit.errors import GankitError
from gankit_tabular.codec.constraints.key_spaces import KeySpace, integer_space
from gankit_tabular.codec.constraints.unique import load_space, space_state
from gankit_tabular.codec.identifier_kinds import identifiers
from gankit_tabular.codec.templates import Identifiers, with_room
from gankit_tabular.data.arrow import is_text, type_from_text

ROOM = 100
"""Keys for so many times as many items as the data has, where the column's type has room."""
LEAST = 10**6


class Keys:
    """A column of keys, each a function of its row's seed: those of different seeds differ."""

    def __init__(self, name: str, type_: str, space: KeySpace) -> None:
        self.name, self.type, self.space = name, type_from_text(type_), space
        self._seeds: tuple[int, int] | None = None

    @classmethod
    def fit(cls, name: str, values: pa.Array, each: int) -> Keys:
        """For a column like this; all its values differ.

        Args:
            each: seeds for each row.
        """
        t = values.type
        if pa.types.is_dictionary(t):
            values, t = values.cast(t.value_type), t.value_type
        room = max(ROOM * len(values) * each, LEAST)
        if is_text(t):
            texts = values.to_pylist()
            space: KeySpace = identifiers(name, texts)
            assert isinstance(space, Identifiers)
            wide = with_room(space.templates, texts, room)
            return cls(name, str(t), Identifiers(name, templates=wide))
        if not pa.types.is_integer(t):
            raise GankitError(
                f"{name}: values of type {t} cannot be keys", "Use a column of texts or integers"
            )
        info = np.iinfo(t.to_pandas_dtype())
        most = min(int(info.max), 2**63 - 1)
        whole = integer_space(name, values.to_pylist(), int(info.min), most)
        while whole.size < room and whole.last < most:
            whole.last = min(10 * whole.last + 9, most) if whole.last > 0 else most
        return cls(name, str(t), whole)

    def draw(self, seeds: Sequence[int]) -> pa.Array:
        """The key of each seed."""
        return pa.array([self.space.draw(seed) for seed in seeds], self.type)

    def reserve(self, values: pa.Array) -> None:
        """Excludes these keys from now on."""
        self.space.reserve(pc.unique(values).drop_null().to_pylist())
        self._seeds = None

    def check(self, first: int, last: int) -> None:
        """Checks that the keys of all these seeds, and those of earlier calls, differ.

        Raises:
            GankitError: there are too few.
        """
        room = self.space.room
        if self._seeds and last >= self._seeds[0] - room and first <= self._seeds[1] + room:
            first, last = min(first, self._seeds[0]), max(last, self._seeds[1])
        self._seeds = first, last
        if last - first + 1 > room:
            raise GankitError(
                f"{self.name}: only {room:,} different keys can be made", "Generate fewer"
            )

    def state(self) -> dict[str, Any]:
        """As JSON."""
        return {"name": self.name, "type": str(self.type), "space": space_state(self.space)}

    @classmethod
    def load(cls, state: Mapping[str, Any]) -> Keys:
        """The ones that :meth:`state` described."""
        return cls(state["name"], state["type"], load_space(state["name"], state["space"]))
