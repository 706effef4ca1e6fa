"""Fitting the codec: tokens, conditions, the autoencoder, whitening."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
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
    part_of,
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
MAX_EPOCHS = {"cpu": 25.0, "cuda": 100.0}
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
        _train(codec, tokens, c, settings, part_of(fitting, TRAINING_TIME), cache)
    _whiten(codec, tokens, fitting)
    return codec


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
    network = codec.autoencoder
    device = default_device()
    size = min(BATCH_SIZE[device.type], len(tokens))
    steps = max(math.ceil(epochs_of(settings.epochs, tokens) * len(tokens) / size), 1)
    unused = False

    def error(rows: Any, step: int) -> Tensor:
        nonlocal unused
        wanted = tokens.take(rows).to(device)
        given = c[rows].to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16_is_fast(device)):
            z = with_noise(network.encode(wanted), settings.smooth)
            logits = network(z, given, wanted).float()
        if step >= UNUSED_FROM * steps and step % 100 == 0:
            order = torch.arange(len(z)).roll(1)
            own, others = use_of_latents(network, z, given, wanted, order)
            unused = 1 - own / others < LEAST_USE
        return cross_entropy(logits.flatten(0, 1), wanted.flatten(), ignore_index=PAD)

    key = _key(codec, tokens, c, settings, steps)

    def run() -> Result:
        return train(
            network,
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

    codec.loss = trained_or_cached(network, "autoencoders", key, cache, run)


def _key(codec: TextCodec, tokens: Ragged, c: Tensor, settings: TextSettings, steps: int) -> str:
    """A hash of everything that determines the trained weights."""
    s = settings
    decides = [CACHE_VERSION, s.codec, s.latent, s.width, s.smooth, steps, codec.tokenizer.state()]
    digest = hashlib.sha256(json.dumps(decides, sort_keys=True).encode())
    digest.update(tokens.take().numpy().tobytes())
    digest.update(c.numpy().tobytes())
    return digest.hexdigest()[:32]


@torch.no_grad()
def _whiten(codec: TextCodec, tokens: Ragged, fitting: Fitting) -> None:
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
    # Without the conditions: a text has the same latent whether or not its label is known.
    codec.whitening = Whitening.fit(z, z[:, :0], codec.settings.smooth)
