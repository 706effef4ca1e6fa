"""The codec: a composition as slots of one element and its count each, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gankit.contract import (
    Batch,
    Categorical,
    Codec,
    CodecState,
    Condition,
    Conformed,
    Conforms,
    Continuous,
    DecodesInGraph,
    DecodingGraph,
    Layout,
)
from gankit.errors import GankitError
from gankit_material.codec.composition_graph import graph_of
from gankit_material.codec.hashes import hashes_of
from gankit_material.data.elements import BY_ELECTRONEGATIVITY
from gankit_material.data.formulas import divided
from gankit_material.data.items import Material
from gankit_material.data.summary import conditions_of
from gankit_material.settings import MaterialSettings

MOST_CLASSES = 200
"""Classes of a label."""


ELEMENTS = tuple(reversed(BY_ELECTRONEGATIVITY))
"""In the order of slots."""


class MaterialCodec(Codec[Material], Conforms, DecodesInGraph):
    """``(slots, elements + counts)``: each slot has a one-hot element and a one-hot count, or is
    all zeros. Slots are in descending order of electronegativity, so that a composition has one
    encoding, and the first slot of an oxide is always oxygen.

    All elements have a place, so that an encoding means the same whatever the training data.

    Args:
        seen: symbols that occur in the training data.
        most: the largest count.
        slots: most elements of a composition.
        condition: what the generator is conditioned on.
    """

    is_absolute = True
    decode_batch_size = 1024

    def __init__(
        self,
        seen: Iterable[str],
        most: int,
        slots: int,
        condition: Condition | None,
        settings: MaterialSettings,
    ) -> None:
        self.elements, self.most, self.slots = ELEMENTS, most, slots
        self.seen = frozenset(seen)
        self.known: Tensor | None = None
        """Hashes of the training compositions."""
        self.condition, self.settings = condition, settings
        self.layout = Layout((slots, len(self.elements) + most), condition)
        self._index = {symbol: i for i, symbol in enumerate(self.elements)}

    # --- To tensors -----------------------------------------------------------------------------

    def encode(self, items: Sequence[Material], rng: np.random.Generator) -> Batch:
        return Batch(self.codes(items), self._conditions(items))

    def codes(self, items: Sequence[Material]) -> Tensor:
        """(N, slots, 2): of each slot the number of its element and its count, 0 for none.

        Raises:
            GankitError: a material has too many elements, or a count that is too large.
        """
        codes = np.zeros((len(items), self.slots, 2), np.int16)
        for row, item in zip(codes, items, strict=True):
            present = sorted((self._index[symbol], n) for symbol, n in item.counts.items())
            if len(present) > self.slots or max(n for _, n in present) > self.most:
                raise GankitError(
                    f"{item.formula}: over {self.slots} elements, or a count above {self.most}",
                    f"The run was trained with elements={self.slots} and most={self.most}",
                )
            row[: len(present)] = [(code + 1, n) for code, n in present]
        return torch.from_numpy(codes)

    def prepare(self, batch: Batch) -> Batch:
        """Codes of element and count, 0 for none, as one-hot blocks."""
        codes = batch.x.long()
        e, n = codes[..., 0], codes[..., 1]
        hot_e = torch.nn.functional.one_hot(e, len(self.elements) + 1)[..., 1:]
        hot_n = torch.nn.functional.one_hot(n, self.most + 1)[..., 1:]
        return Batch(torch.cat([hot_e, hot_n], -1).float(), batch.c)

    def _conditions(self, items: Sequence[Material]) -> Tensor | None:
        if self.condition is None:
            return None
        rows = [self.condition.encode(self._values(item)) for item in items]
        return torch.tensor(rows, dtype=torch.float32).reshape(len(items), self.condition.width)

    def _values(self, item: Material) -> dict[str, object]:
        assert self.condition is not None
        values: dict[str, object] = {**item.values, self.settings.label or "label": item.label}
        for f in self.condition.fields:
            if values.get(f.name) is None:
                raise GankitError(
                    f"{item.formula} has no {f.name}", "The run is conditioned on it: add the value"
                )
        return values

    # --- To materials ---------------------------------------------------------------------------

    def decode(
        self, batch: Batch, seeds: Sequence[int], where: Mapping[str, object] | None = None
    ) -> list[Material]:
        hot_e, hot_n = torch.split(batch.x, [len(self.elements), self.most], -1)
        best, element = hot_e.max(-1)
        count = hot_n.argmax(-1) + 1
        present = best > 0.5
        present[:, 0] |= ~present.any(1)  # no composition is empty
        rows: Sequence[Sequence[float]] = [()] * len(batch) if batch.c is None else batch.c.tolist()
        found = zip(element.tolist(), count.tolist(), present.tolist(), rows, strict=True)
        items = [self._material(*one) for one in found]
        if not (self.settings.structures or self.settings.relax):
            return items
        from gankit_material.structures import assign

        return [assign(item, seed, self.settings) for item, seed in zip(items, seeds, strict=True)]

    def _material(
        self, element: list[int], count: list[int], present: list[bool], c: Sequence[float]
    ) -> Material:
        """A composition, with the values that it was generated for."""
        counts: dict[str, int] = {}
        for e, n, there in zip(element, count, present, strict=True):
            if there:
                counts[self.elements[e]] = counts.get(self.elements[e], 0) + n
        if self.condition is None or not c:
            return Material(divided(counts))
        wanted = self.condition.decode(c)
        values = {name: value for name, value in wanted.items() if isinstance(value, float)}
        label = next((value for value in wanted.values() if isinstance(value, str)), None)
        return Material(divided(counts), values, label)

    def decoding_graph(self) -> DecodingGraph:
        return graph_of(self.elements, self.most)

    # --- State ----------------------------------------------------------------------------------

    def state(self) -> CodecState:
        fields = self.condition.fields if self.condition else ()
        config: dict[str, Any] = {
            "seen": sorted(self.seen),
            "most": self.most,
            "slots": self.slots,
            "conditions": [_stored(f) for f in fields],
        }
        return CodecState(config, {} if self.known is None else {"known": self.known})

    @classmethod
    def load(cls, state: CodecState, settings: MaterialSettings) -> MaterialCodec:
        """The codec of a state.

        Raises:
            GankitError: the state is damaged.
        """
        config = state.config
        try:
            fields = tuple(_loaded(one) for one in config["conditions"])
            seen = [str(symbol) for symbol in config["seen"]]
            most, slots = int(config["most"]), int(config["slots"])
        except (KeyError, TypeError, ValueError) as error:
            raise GankitError(f"the run's codec is damaged ({error})", "Train again") from None
        codec = cls(seen, most, slots, Condition(fields) if fields else None, settings)
        codec.known = state.tensors.get("known")
        if settings.novel and codec.known is None:
            raise GankitError(
                "novel=true: the run has no hashes of its training formulas",
                "Train it with remember=true",
            )
        if settings.relax:
            # Importing CHGNet makes folders of its libraries, so not while files are written.
            from gankit_material.structures.relaxation import prepare

            prepare()
        return codec

    def conform(self, items: Sequence[Material], strict: bool) -> Conformed[Material]:
        """Leaves out materials that have no encoding, or lack a value that is conditioned on."""
        needed = [f.name for f in self.condition.fields] if self.condition else []
        label = self.settings.label or "label"
        kept, lacking, large, warnings = [], 0, 0, []
        for item in items:
            known = {**item.values, **({label: item.label} if item.label is not None else {})}
            if any(name not in known for name in needed):
                lacking += 1
            elif not self._fits(item):
                large += 1
            else:
                kept.append(item)
        if lacking and (strict or not kept):
            raise GankitError(
                f"{lacking:,} of {len(items):,} materials lack one of {', '.join(needed)}",
                "The run is conditioned on it: add the values",
            )
        if lacking:
            warnings.append(f"{lacking:,} materials without {' or '.join(needed)} are left out")
        if large:
            warnings.append(
                f"{large:,} materials are left out: they have more than {self.slots} elements or "
                f"counts above {self.most}"
            )
        return Conformed(kept if lacking or large else items, warnings)

    def _fits(self, item: Material) -> bool:
        return len(item.counts) <= self.slots and max(item.counts.values()) <= self.most


def fit(items: Sequence[Material], settings: MaterialSettings) -> MaterialCodec:
    """The codec of the elements, counts and conditions that occur.

    Raises:
        GankitError: too many classes.
    """
    seen = {symbol for item in items for symbol in item.counts}
    fields: list[Continuous | Categorical] = []
    for name in conditions_of(items, settings):
        column = np.array([item.values[name] for item in items])
        fields.append(Continuous(name, float(column.mean()), float(column.std()) or 1.0))
    if settings.label:
        classes = sorted({item.label for item in items if item.label is not None})
        if len(classes) > MOST_CLASSES:
            raise GankitError(
                f"label={settings.label}: {len(classes):,} classes", f"At most {MOST_CLASSES}"
            )
        fields.append(Categorical(settings.label, tuple(classes)))
    condition = Condition(tuple(fields)) if fields else None
    codec = MaterialCodec(seen, settings.most, settings.elements, condition, settings)
    if settings.remember:
        codec.known = torch.unique(hashes_of(codec.codes(items)))
    return codec


def _stored(f: Continuous | Categorical) -> dict[str, Any]:
    if isinstance(f, Categorical):
        return {"name": f.name, "values": list(f.values)}
    return {"name": f.name, "mean": f.mean, "scale": f.scale}


def _loaded(one: Mapping[str, Any]) -> Continuous | Categorical:
    if "values" in one:
        return Categorical(str(one["name"]), tuple(map(str, one["values"])))
    return Continuous(str(one["name"]), float(one["mean"]), float(one["scale"]))
