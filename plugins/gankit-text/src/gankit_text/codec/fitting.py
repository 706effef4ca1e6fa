"""Fitting the codec: tokens, conditions, the autoencoder, whitening."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from gankit.contract import Fitting
from gankit.kit.autoencoders import (
    PAD,
    Ragged,
    Result,
    Whitening,
    batches_by_length,
    bfloat16_is_fast,
    default_device,
    train,
    trained_or_cached,
    use_of_latents,
    with_noise,
)
from gankit.kit.cache import Cache, open_cache
from gankit_text.codec.codec import BATCH, TextCodec, never_written
from gankit_text.codec.conditions import condition_of, encoded
from gankit_text.codec.forms import Form
from gankit_text.codec.sequences import rows_of, tokenizer_for
from gankit_text.codec.tokens import END
from gankit_text.data.items import Text
from gankit_text.settings import TextSettings

CACHE_VERSION = 1
"""Of the autoencoder's training: increase it when that changes, so that cached ones are ignored."""
BATCH_SIZE = {"cpu": 128, "cuda": 1024}
LEARNING_RATE = 2e-3
"""For networks of :data:`REFERENCE_WIDTH`; falls with the square root of the width."""
REFERENCE_WIDTH = 256
TOKENS = {"cpu": 3_000_000, "cuda": 200_000_000}
"""Tokens of training, by default, where the data is large."""
MAX_EPOCHS = {"cpu": 60.0, "cuda": 100.0}
LEAST_STEPS = 300
"""Steps of training, by default, where the data is small."""
TRAINING_TIME = 0.9
"""Share of the codec's time for training, which leaves the rest for whitening."""
MAX_LATENTS = 200_000
"""Training texts whose latents are whitened."""
MIN_LATENTS = 2_000
"""The same when the time is up."""
UNUSED_FROM, LEAST_USE = 0.2, 0.05
"""From which share of the training on the decoder should use its latents, and how much."""
SPLICED = 0.3
"""Share of training texts that are made of two, or of one with other tokens: the autoencoder then
learns to copy any tokens, not only the sentences it has seen."""


def fit(items: Sequence[Text], settings: TextSettings, fitting: Fitting) -> TextCodec:
    """The codec of these texts. The autoencoder is trained, or taken from the cache where an
    earlier run with the same data and settings has trained it. With a time limit, training is
    shorter.

    Raises:
        KeyboardInterrupt: the user has stopped; a snapshot of the training has been saved.
    """
    cache = open_cache(settings.cache, fitting.cache)
    items = list(items)
    tokenizer = tokenizer_for(items, settings)
    rows = rows_of(items, tokenizer)
    tokens = Ragged(rows)
    condition = condition_of(items)
    c = encoded(items, condition)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # the cache does not depend on a run's seed
        longest = int(tokens.lengths.max())
        codec = TextCodec(tokenizer, longest, condition, Form.of(items), settings)
        codec.barred = never_written(tokens, tokenizer.size)
        _train(codec, tokens, c, settings, _part_of(fitting, TRAINING_TIME), cache)
    _whiten(codec, tokens, c, fitting)
    return codec


def _part_of(fitting: Fitting, share: float) -> Fitting:
    """A fitting that ends after a share of the time that is left."""
    if math.isinf(left := fitting.time_left()):
        return fitting
    reserved = (1 - share) * left
    return replace(fitting, time_left=lambda: fitting.time_left() - reserved)


def epochs_of(setting: float, tokens: Ragged) -> float:
    """Passes over the data; for the setting 0 they depend on the data's size."""
    if setting:
        return setting
    device = default_device().type
    most = max(MAX_EPOCHS[device], LEAST_STEPS * BATCH_SIZE[device] / len(tokens))
    return float(min(TOKENS[device] / tokens.lengths.sum(), most))


def _train(
    codec: TextCodec,
    tokens: Ragged,
    c: Tensor,
    settings: TextSettings,
    fitting: Fitting,
    cache: Cache,
) -> None:
    encoder, decoder = codec.encoder.float(), codec.decoder
    device = default_device()
    size = min(BATCH_SIZE[device.type], len(tokens))
    steps = max(math.ceil(epochs_of(settings.epochs, tokens) * len(tokens) / size), 1)
    spliced = Spliced(tokens, codec.longest)
    unused = False

    def error(rows: Any, step: int) -> Tensor:
        nonlocal unused
        wanted = spliced.take(rows, step).to(device)
        given = c[rows].to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16_is_fast(device)):
            z = with_noise(encoder(wanted), settings.smooth)
            logits = decoder(z, given, wanted).float()
        if step >= UNUSED_FROM * steps and step % 100 == 0:
            order = torch.arange(len(z)).roll(1)
            own, others = use_of_latents(decoder, z, given, wanted, order)
            unused = 1 - own / others < LEAST_USE
        return cross_entropy(logits.flatten(0, 1), wanted.flatten(), ignore_index=PAD)

    key = _key(codec, tokens, c, settings, steps)
    both = nn.ModuleList([encoder, decoder])

    def run() -> Result:
        return train(
            both,
            batches_by_length(tokens.lengths, size, steps, 0),
            error,
            steps,
            fitting,
            cache,
            key,
            learning_rate=LEARNING_RATE * math.sqrt(REFERENCE_WIDTH / settings.width),
            label="training the text autoencoder",
            remark=lambda step: ", the decoder ignores the latents" if unused else "",
        )

    codec.loss = trained_or_cached(both, "autoencoders", key, cache, run)
    codec.encoder.double()


class Spliced:
    """Training texts, some of which are joined from the begin of one and the end of another, or
    have some tokens replaced."""

    def __init__(self, tokens: Ragged, longest: int) -> None:
        self._tokens, self._longest = tokens, longest
        self._known = np.unique(tokens.take().numpy())
        self._known = self._known[self._known > END]

    def take(self, rows: Any, step: int) -> Tensor:
        """Texts (N, T), padded; those of the same step are the same."""
        rng = np.random.default_rng(step)
        found = self._tokens.take(rows).numpy()
        lengths = self._tokens.lengths[rows]
        changed = np.flatnonzero(rng.random(len(rows)) < SPLICED)
        if not len(changed) or not len(self._known):
            return torch.from_numpy(found)
        others = self._tokens.take(rng.integers(0, len(self._tokens), len(changed))).numpy()
        made = [row[:length].tolist() for row, length in zip(found, lengths, strict=True)]
        for i, other in zip(changed.tolist(), others, strict=True):
            own = made[i]
            if rng.random() < 0.5:
                other = other[other != PAD].tolist()
                joined = own[: rng.integers(1, len(own) + 1)][: self._longest - 1]
                joined = [t for t in joined if t != END] + other[rng.integers(0, len(other)) :]
                made[i] = (
                    [*joined[: self._longest - 1], END] if len(joined) > self._longest else joined
                )
            else:
                drawn = self._known[rng.integers(0, len(self._known), len(own))].tolist()
                swap = rng.random(len(own)) < 0.2
                made[i] = [
                    d if s and o > END else o for o, d, s in zip(own, drawn, swap, strict=True)
                ]
        return Ragged(made).take()


def _key(codec: TextCodec, tokens: Ragged, c: Tensor, settings: TextSettings, steps: int) -> str:
    """A hash of everything that determines the trained weights."""
    s = settings
    decides = [CACHE_VERSION, s.latent, s.width, s.smooth, steps, codec.tokenizer.state()]
    digest = hashlib.sha256(json.dumps(decides, sort_keys=True).encode())
    digest.update(tokens.take().numpy().tobytes())
    digest.update(c.numpy().tobytes())
    return digest.hexdigest()[:32]


@torch.no_grad()
def _whiten(codec: TextCodec, tokens: Ragged, c: Tensor, fitting: Fitting) -> None:
    """Fits the whitening to all texts, or to a random subset if the time is up."""
    n = len(tokens)
    used = np.linspace(0, n - 1, min(n, MAX_LATENTS)).astype(np.int64)
    if not math.isinf(fitting.time_left()):
        used = np.random.default_rng(0).permutation(used)

    def blocks() -> Iterator[Tensor]:
        for i in range(0, len(used), BATCH):
            if fitting.stopped():
                raise KeyboardInterrupt
            if i >= MIN_LATENTS and fitting.time_left() <= 0:
                return
            fitting.progress("encoding texts", i, len(used))
            yield tokens.take(used[i : i + BATCH])

    z = codec.encode_tokens(blocks())
    given = c[torch.from_numpy(used[: len(z)])].double()
    codec.whitening = Whitening.fit(z, given, codec.settings.smooth)
