"""Texts as rows of one-hot tokens, for generators that write tokens themselves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from gankit.contract import (
    Batch,
    Categorical,
    Codec,
    CodecState,
    ComparesSamples,
    Condition,
    Conformed,
    Conforms,
    Continuous,
    EncodesTargets,
    Fitting,
    Layout,
)
from gankit.errors import GankitError
from gankit_text.codec.conditions import LABEL, condition_of, conformed, decoded, encoded
from gankit_text.codec.forms import Form
from gankit_text.codec.sequences import rows_of, text_of, tokenizer_for
from gankit_text.codec.tokens import END, Tokenizer
from gankit_text.data.items import Text
from gankit_text.settings import TextSettings

ENDED = 0
"""The code of the end of a text, and of what stands after it; token t is code t - END."""
ROOM = 1.25
"""Tokens of a text, at most, relative to the longest training text: held-out ones may be longer."""
UNSEEN = -15.0
"""In place of the logarithm of 0: such codes are hardly ever written."""
COMPARED = 64
"""Dimensions of each of the projections in which texts are compared during training."""
MOST_VALUES = 200_000
"""Of one encoded text, length times codes: more is slow, and needs much memory."""


class DirectCodec(Codec[Text], EncodesTargets, Conforms, ComparesSamples):
    """Rows ``(length, codes)``, one-hot; the codes themselves in storage.

    Args:
        length: tokens of a text with its end, at most.
        counts: how often each code occurs in the training texts.
        form: what the training texts look like.
    """

    decode_batch_size = 256
    tolerance = 0.0

    def __init__(
        self,
        tokenizer: Tokenizer,
        length: int,
        condition: Condition | None,
        counts: Sequence[int],
        form: Form,
    ) -> None:
        self.tokenizer, self.counts, self.form = tokenizer, list(counts), form
        self.layout = Layout((length, tokenizer.size - END), condition)

    @property
    def log_frequency(self) -> Tensor:
        """The logarithm of each code's share, (codes,), float32; UNSEEN where there is none."""
        shares = torch.tensor(self.counts, dtype=torch.float64) / sum(self.counts)
        return torch.where(shares > 0, shares.clamp(min=1e-30).log(), UNSEEN).float()

    def encode(self, items: Sequence[Text], rng: np.random.Generator) -> Batch:
        condition = self.layout.condition
        c = encoded(items, condition) if condition is not None else None
        return Batch(self._codes(items), c)

    def encode_targets(self, items: Sequence[Text]) -> Tensor:
        """As :meth:`encode`, of items that may lack what the run is conditioned on."""
        return self.prepare(Batch(self._codes(items))).x

    def _codes(self, items: Sequence[Text]) -> Tensor:
        """The codes of texts; none of the training texts is too long, others are cut."""
        length = self.layout.shape[0]
        x = torch.full((len(items), length), ENDED, dtype=torch.int32)
        for i, row in enumerate(rows_of(items, self.tokenizer)):
            x[i, : min(len(row), length)] = torch.tensor(row[:length], dtype=torch.int32) - END
        return x

    def prepare(self, batch: Batch) -> Batch:
        return Batch(one_hot(batch.x.long(), self.layout.shape[1]).float(), batch.c)

    def comparable(self, batch: Batch) -> Tensor:
        """Which tokens a text has, and which of them follow each other, through fixed random
        projections: (N, 2 · COMPARED)."""
        drawn = torch.Generator().manual_seed(0)
        size = self.layout.shape[1], COMPARED
        first, second = (
            torch.randn(size, generator=drawn).to(batch.x) * COMPARED**-0.5 for _ in range(2)
        )
        first[ENDED] = second[ENDED] = 0
        before, after = batch.x @ first, batch.x @ second
        return torch.cat([before.sum(1), (before[:, :-1] * after[:, 1:]).sum(1)], 1)

    def decode(
        self, batch: Batch, seeds: Sequence[int], where: Mapping[str, object] | None = None
    ) -> list[Text]:
        rows = (batch.x.argmax(2) + END).tolist()
        named = decoded(batch.c, self.layout.condition, len(rows))
        return [self._item(row, known) for row, known in zip(rows, named, strict=True)]

    def _item(self, row: Sequence[int], known: Mapping[str, str | float]) -> Text:
        text, pair = text_of(row, self.tokenizer)
        if self.form.paired:
            pair = self.form.applied(pair or "")
        label = str(known[LABEL]) if LABEL in known else None
        values = {k: float(v) for k, v in known.items() if k != LABEL}
        return Text(self.form.applied(text), label, values, pair if self.form.paired else None)

    def conform(self, items: Sequence[Text], strict: bool) -> Conformed[Text]:
        found = conformed(items, self.layout.condition, self.form.paired, strict)
        length = self.layout.shape[0]
        if long := sum(len(row) > length for row in rows_of(items, self.tokenizer)):
            said = (
                f"{long:,} texts have more than {length - 1} tokens, the most that this run "
                "writes: its likelihood and its guard see their beginnings only"
            )
            return Conformed(found.items, [*found.warnings, said])
        return found

    def state(self) -> CodecState:
        condition = self.layout.condition
        return CodecState(
            {
                "tokenizer": self.tokenizer.state(),
                "length": self.layout.shape[0],
                "condition": [asdict(field) for field in condition.fields] if condition else None,
                "counts": self.counts,
                "form": asdict(self.form),
            }
        )

    @classmethod
    def load(cls, state: CodecState, settings: TextSettings) -> DirectCodec:
        """The inverse of :meth:`state`."""
        stored = state.config
        condition = None
        if stored["condition"] is not None:
            condition = Condition(tuple(_field(**one) for one in stored["condition"]))
        return cls(
            Tokenizer.load(stored["tokenizer"]),
            stored["length"],
            condition,
            stored["counts"],
            Form.load(stored["form"]),
        )


def _field(**stored: object) -> Categorical | Continuous:
    if "values" in stored:
        return Categorical(**{**stored, "values": tuple(stored["values"])})  # type: ignore[arg-type]
    return Continuous(**stored)  # type: ignore[arg-type]


def fit(items: Sequence[Text], settings: TextSettings, fitting: Fitting) -> DirectCodec:
    """Learns the tokens on the texts; nothing else is fitted.

    Raises:
        GankitError: the encoded texts would be too large.
    """
    items = list(items)
    tokenizer = tokenizer_for(items, settings)
    rows = rows_of(items, tokenizer)
    length, codes = math.ceil(ROOM * max(map(len, rows))), tokenizer.size - END
    if length * codes > MOST_VALUES:
        raise GankitError(
            f"model=direct: texts of {length:,} tokens of {codes:,} kinds are too large for it",
            "Use a smaller max_tokens or vocabulary, or model=latent",
        )
    counts = np.bincount([t - END for row in rows for t in row], minlength=codes)
    return DirectCodec(tokenizer, length, condition_of(items), counts.tolist(), Form.of(items))
