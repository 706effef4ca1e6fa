"""Texts as rows of one-hot tokens, for generators that write tokens themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from gankit.contract import (
    Batch,
    Categorical,
    Codec,
    CodecState,
    Condition,
    Continuous,
    Fitting,
    Layout,
)
from gankit.errors import GankitError
from gankit_text.codec.rows import rows_of, texts_in
from gankit_text.codec.tokens import END, Tokenizer
from gankit_text.data.items import Text
from gankit_text.settings import TextSettings

ENDED = 0
"""The code of the end of a text, and of what stands after it; token t is code t - END."""
MOST_VALUES = 200_000
"""Of one encoded text, length times codes: more is slow, and needs much memory."""


class DirectCodec(Codec[Text]):
    """Rows ``(length, codes)``, one-hot; the tokens themselves in storage.

    Args:
        length: tokens of a text with its end, at most.
        counts: how often each code occurs, ends counted once a text.
    """

    decode_batch_size = 256
    tolerance = 0.0

    def __init__(
        self,
        tokenizer: Tokenizer,
        length: int,
        condition: Condition | None,
        counts: Sequence[int],
    ) -> None:
        self.tokenizer, self.counts = tokenizer, list(counts)
        self.layout = Layout((length, tokenizer.size - END), condition)

    @property
    def log_frequency(self) -> Tensor:
        """The logarithm of each code's share, (codes,), float32."""
        counts = torch.tensor(self.counts, dtype=torch.float64) + 0.1
        return (counts / counts.sum()).log().float()

    def encode(self, items: Sequence[Text], rng: np.random.Generator) -> Batch:
        length = self.layout.shape[0]
        x = torch.full((len(items), length), ENDED, dtype=torch.int32)
        for i, row in enumerate(rows_of(items, self.tokenizer)):
            if len(row) > length:
                raise GankitError(
                    f"a text of {len(row)} tokens, {items[i].text[:40]!r}…: this run's have at most "
                    f"{length}",
                    "Leave it out, or train with a larger max_tokens",
                )
            x[i, : len(row)] = torch.tensor(row, dtype=torch.int32) - END
        condition = self.layout.condition
        if condition is None:
            return Batch(x)
        return Batch(x, torch.tensor([condition.encode(named(item)) for item in items]))

    def prepare(self, batch: Batch) -> Batch:
        return Batch(one_hot(batch.x.long(), self.layout.shape[1]).float(), batch.c)

    def decode(
        self, batch: Batch, seeds: Sequence[int], where: Mapping[str, object] | None = None
    ) -> list[Text]:
        codes = batch.x.argmax(2).tolist()
        rows = [[code + END for code in (r[: r.index(ENDED)] if ENDED in r else r)] for r in codes]
        condition = self.layout.condition
        named = [{}] * len(rows) if batch.c is None or condition is None else [
            condition.decode(row) for row in batch.c.tolist()
        ]  # fmt: skip
        return [self._item(row, known) for row, known in zip(rows, named, strict=True)]

    def _item(self, row: Sequence[int], known: Mapping[str, str | float]) -> Text:
        text, pair = texts_in(row, self.tokenizer)
        label = known.get("label")
        values = {k: float(v) for k, v in known.items() if k != "label"}
        return Text(text, None if label is None else str(label), values, pair)

    def state(self) -> CodecState:
        condition = self.layout.condition
        fields = [] if condition is None else [_stored(field) for field in condition.fields]
        return CodecState(
            {
                "tokenizer": self.tokenizer.state(),
                "length": self.layout.shape[0],
                "fields": fields,
                "counts": self.counts,
            }
        )

    @classmethod
    def load(cls, state: CodecState, settings: TextSettings) -> DirectCodec:
        """The inverse of :meth:`state`."""
        stored = state.config
        fields = tuple(_field(one) for one in stored["fields"])
        condition = Condition(fields) if fields else None
        tokenizer = Tokenizer.load(stored["tokenizer"])
        return cls(tokenizer, stored["length"], condition, stored["counts"])


def named(item: Text) -> dict[str, object]:
    """The values that an item can be conditioned on, by name."""
    return {**({} if item.label is None else {"label": item.label}), **item.values}


def fit(items: Sequence[Text], settings: TextSettings, fitting: Fitting) -> DirectCodec:
    """Learns the tokens on the texts; nothing else is fitted.

    Raises:
        GankitError: the encoded texts would be too large.
    """
    texts = [text for i in items for text in (i.text, i.pair) if text is not None]
    tokenizer = Tokenizer.fit(texts, settings.tokens, settings.vocabulary)
    rows = rows_of(items, tokenizer)
    length, codes = max(map(len, rows)) + 1, tokenizer.size - END
    if length * codes > MOST_VALUES:
        raise GankitError(
            f"model=direct: texts of {length} tokens of {codes:,} kinds are too large for it",
            "Use a smaller max_tokens or vocabulary, or model=latent",
        )
    counts = np.bincount([t - END for row in rows for t in row] or [0], minlength=codes)
    counts[ENDED] = len(rows)
    return DirectCodec(tokenizer, length, condition_of(items, settings), counts.tolist())


def condition_of(items: Sequence[Text], settings: TextSettings) -> Condition | None:
    """The label, where all items have one of several, and the numbers of ``conditions``."""
    labels = {item.label for item in items}
    fields: list[Categorical | Continuous] = []
    if None not in labels and len(labels) > 1:
        fields.append(Categorical("label", tuple(sorted(map(str, labels)))))
    for name in dict.fromkeys(settings.conditions):
        values = np.array([item.values[name] for item in items if name in item.values])
        spread = float(values.std()) if len(values) else 0.0
        fields.append(Continuous(name, float(values.mean()) if len(values) else 0.0, spread or 1.0))
    return Condition(tuple(fields)) if fields else None


def _stored(field: Categorical | Continuous) -> dict[str, Any]:
    if isinstance(field, Categorical):
        return {"name": field.name, "values": list(field.values)}
    return {"name": field.name, "mean": field.mean, "scale": field.scale}


def _field(stored: Mapping[str, Any]) -> Categorical | Continuous:
    if "values" in stored:
        return Categorical(stored["name"], tuple(stored["values"]))
    return Continuous(stored["name"], stored["mean"], stored["scale"])
