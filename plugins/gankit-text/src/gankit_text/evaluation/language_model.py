"""A language model trained by maximum likelihood: the simpler model that a GAN has to beat.

Samples are drawn at several temperatures, since a tuned one beat every text GAN of its time in
quality and diversity alike (Caccia et al. 2020, arXiv 1811.02549).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from gankit.contract import Progress, quiet
from gankit.kit.autoencoders import bfloat16_is_fast
from gankit.seeds import uniform
from gankit_text.data.items import Text

BATCH_SIZE = 64
LEARNING_RATE, REFERENCE_WIDTH = 2e-3, 256
"""The rate for this width; it falls with the square root of the width."""
VALIDATION_SHARE, FEWEST_VALIDATED = 0.05, 20
"""Training texts that are set aside to see when to stop."""
PATIENCE = 3
"""Epochs without a gain on them after which training ends."""
DROPOUT = 0.2
TOGETHER = 256
"""Texts that are sampled at once."""
NO_TARGET = -100
NEVER = -25.0
"""The first logit of tokens that no text has."""
LEAST_STEPS = 300
"""Of training, where the texts are few."""

Decode = Callable[[Sequence[int]], tuple[str, str | None]]
"""Tokens as a text, and the second one of a pair."""


@dataclass(frozen=True)
class Corpus:
    """Texts as tokens, with the number of each one's label; -1 for none."""

    rows: Sequence[Sequence[int]]
    labels: Sequence[int]


class LanguageModel(nn.Module):
    """A GRU over tokens, which sees an embedding of the label at each.

    Args:
        tokens: how many different ones there are.
        labels: how many classes; 0 for none.
    """

    def __init__(self, tokens: int, labels: int, width: int) -> None:
        super().__init__()
        self.end = tokens
        """Also what comes before the first token."""
        self.embedding = nn.Embedding(tokens + 1, width)
        self.label = nn.Embedding(labels + 1, width)
        self.rnn = nn.GRU(width, width, batch_first=True)
        self.dropout = nn.Dropout(DROPOUT)
        self.bias = nn.Parameter(torch.zeros(tokens + 1))
        nn.init.normal_(self.embedding.weight, std=width**-0.5)
        nn.init.zeros_(self.label.weight)

    @torch.no_grad()
    def start_at(self, rows: Sequence[Sequence[int]]) -> None:
        """Lets all tokens be as frequent as in these texts; others are hardly ever written."""
        counts = np.bincount([i for row in rows for i in row], minlength=self.end + 1).astype(float)
        counts[self.end] = len(rows)
        share = torch.from_numpy(counts / counts.sum())
        self.bias.copy_(torch.where(share > 0, share.clamp(min=1e-30).log(), NEVER))

    def forward(
        self, before: Tensor, labels: Tensor, state: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """The logits of each next token (N, T, tokens + 1), and the state after the last.

        Args:
            before: tokens (N, T).
            labels: their numbers (N,), -1 for none.
            state: of an earlier call; None at the begin of texts.
        """
        given = self.dropout(self.embedding(before)) + self.label(labels + 1)[:, None]
        h, state = self.rnn(given, state)
        return self.dropout(h) @ self.embedding.weight.T + self.bias, state

    def loss(self, corpus: Corpus, chosen: Sequence[int]) -> tuple[Tensor, int]:
        """The summed negative log-likelihood of some texts, and the number of their tokens."""
        rows = [corpus.rows[i] for i in chosen]
        longest = max(map(len, rows)) + 1
        before = torch.full((len(rows), longest), self.end)
        after = torch.full((len(rows), longest), NO_TARGET)
        for i, row in enumerate(rows):
            tokens = torch.tensor(row, dtype=torch.long)
            before[i, 1 : len(row) + 1] = tokens
            after[i, : len(row)] = tokens
            after[i, len(row)] = self.end
        logits, _ = self(before, torch.tensor([corpus.labels[i] for i in chosen]))
        total = cross_entropy(
            logits.float().flatten(0, 1), after.flatten(), ignore_index=NO_TARGET, reduction="sum"
        )
        return total, int((after != NO_TARGET).sum())

    @torch.inference_mode()
    def sample(
        self, seeds: Sequence[int], labels: Sequence[int], temperature: float, longest: int
    ) -> list[list[int]]:
        """A row of tokens for each seed, of at most ``longest``; each depends on its seed only."""
        state, given = None, torch.tensor(labels)
        token = torch.full((len(seeds), 1), self.end)
        written, alive = list[Tensor](), torch.ones(len(seeds), dtype=torch.bool)
        for step in range(longest):
            logits, state = self(token, given, state)
            below = (logits[:, 0].double() / temperature).softmax(1).cumsum(1)
            u = torch.from_numpy(uniform(seeds, 1 + step))[:, None] * below[:, -1:]
            token = (below <= u).sum(1, keepdim=True).clamp(max=self.end)
            written.append(token[:, 0])
            alive &= token[:, 0] != self.end
            if not alive.any():
                break
        rows = torch.stack(written, 1).tolist()
        return [row[: row.index(self.end)] if self.end in row else row for row in rows]


@torch.enable_grad()
def train(
    model: LanguageModel, corpus: Corpus, epochs: float, seed: int, progress: Progress = quiet
) -> float:
    """Trains for at most so many passes over the texts, and keeps the weights of the epoch that a
    few texts that are set aside like best.

    Returns:
        The passes that were made.
    """
    rng, n = np.random.default_rng(seed), len(corpus.rows)
    order = rng.permutation(n)
    aside = min(max(round(VALIDATION_SHARE * n), FEWEST_VALIDATED), n // 4)
    validated, trained = order[:aside].tolist(), order[aside:]
    steps_an_epoch = max(math.ceil(len(trained) / BATCH_SIZE), 1)
    steps = max(round(epochs * steps_an_epoch), LEAST_STEPS)
    rate = LEARNING_RATE * math.sqrt(REFERENCE_WIDTH / model.embedding.embedding_dim)
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.01)
    best, best_loss, waited, done = copy.deepcopy(model.state_dict()), math.inf, 0, 0
    usual = BATCH_SIZE * float(np.mean([len(corpus.rows[i]) + 1 for i in trained.tolist()]))
    fast = bfloat16_is_fast(torch.device("cpu"))
    for batch in _batches(corpus, trained, steps, rng):
        if done % 10 == 0:
            progress("training the language model to compare with", done, steps)
        optimiser.param_groups[0]["lr"] = rate * (1 - done / steps)
        model.train()
        with torch.autocast("cpu", torch.bfloat16, enabled=fast):
            total, _ = model.loss(corpus, batch)
        optimiser.zero_grad(set_to_none=True)
        # Not a mean of each batch: it would favour the tokens of short texts, and their ends.
        (total / usual).backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        done += 1
        if validated and (done % steps_an_epoch == 0 or done == steps):
            loss = _mean_loss(model, corpus, validated)
            if loss < best_loss:
                best, best_loss, waited = copy.deepcopy(model.state_dict()), loss, 0
            else:
                waited += 1
            if waited >= PATIENCE:
                break
    if validated:
        model.load_state_dict(best)
    model.eval()
    return done / steps_an_epoch


def _batches(
    corpus: Corpus, numbers: np.ndarray[tuple[int], np.dtype[np.int64]], steps: int,
    rng: np.random.Generator,
) -> Iterator[list[int]]:  # fmt: skip
    """Texts of similar length together, in random order; all once an epoch."""
    lengths, made = np.array([len(row) for row in corpus.rows]), 0
    while made < steps:
        mixed = rng.permutation(numbers)
        mixed = mixed[np.argsort(lengths[mixed] // 4, kind="stable")]
        parts = [mixed[i : i + BATCH_SIZE].tolist() for i in range(0, len(mixed), BATCH_SIZE)]
        for i in rng.permutation(len(parts))[: steps - made]:
            yield parts[i]
        made += len(parts)


@torch.inference_mode()
def _mean_loss(model: LanguageModel, corpus: Corpus, chosen: Sequence[int]) -> float:
    model.eval()
    found = [
        model.loss(corpus, chosen[i : i + BATCH_SIZE]) for i in range(0, len(chosen), BATCH_SIZE)
    ]
    return sum(float(total) for total, _ in found) / sum(count for _, count in found)


class Writer:
    """A trained language model with its tokens and labels.

    Args:
        decode: tokens as text.
        labels: how often each label is written.
        longest: tokens of a text, at most.
    """

    def __init__(
        self, model: LanguageModel, decode: Decode, labels: Mapping[str, int], longest: int
    ) -> None:
        self.model, self.decode, self.longest = model, decode, longest
        self.labels = list(labels)
        counts = np.array([labels[name] for name in self.labels], float)
        self._below = np.cumsum(counts) / counts.sum() if len(counts) else counts

    def sample(
        self, n: int, seed: int, temperature: float, progress: Progress = quiet
    ) -> list[Text]:
        """``n`` texts of the seeds from ``seed`` on, their labels as frequent as in training."""
        made: list[Text] = []
        while len(made) < n:
            progress("sampling from the language model", len(made), n)
            first = seed + len(made)
            seeds = range(first, first + min(TOGETHER, n - len(made)))
            at = np.full(len(seeds), -1)
            if self.labels:
                at = np.searchsorted(self._below, uniform(seeds, 0), side="right")
            rows = self.model.sample(seeds, at.tolist(), temperature, self.longest)
            made += [
                self._item(row, self.labels[i] if i >= 0 else None)
                for row, i in zip(rows, at.tolist(), strict=True)
            ]
        return made

    def _item(self, row: Sequence[int], label: str | None) -> Text:
        text, pair = self.decode(row)
        return Text(text, label, pair=pair)
