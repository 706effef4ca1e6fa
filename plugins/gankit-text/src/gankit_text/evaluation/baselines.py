"""The simpler models that stand beside the generator in every report."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from gankit.contract import Progress, quiet
from gankit.contract.subsets import take
from gankit.kit.cache import Cache
from gankit_text.codec.forms import Form
from gankit_text.codec.sequences import rows_of, text_of, tokenizer_for
from gankit_text.data.items import Text
from gankit_text.evaluation.base import whole
from gankit_text.evaluation.language_model import Corpus, LanguageModel, Writer, train
from gankit_text.settings import TextSettings, cache_of

TEMPERATURES = (0.6, 0.7, 0.8, 0.9, 1.0, 1.2)
"""At which the language model is sampled for the sweep of quality against diversity."""
TOKENS, MOST_EPOCHS = 3_000_000, 20.0
"""The most tokens that it is trained on, as for the token autoencoder, and the most passes over the
texts. It ends earlier when it no longer improves on texts that are set aside."""
MAX_TRAINING = 200_000
"""Training texts that it sees, at most."""
CACHE_VERSION = 2
"""Of its training: increase it when that changes, so that cached ones are ignored."""

_last: dict[str, Writer] = {}
"""The one used last: the baseline and the sweep of an evaluation share it."""


def name_at(temperature: float) -> str:
    """How a language model at a temperature is named in reports."""
    return f"language model t={temperature:g}"


def baselines(
    train: Sequence[Text], settings: TextSettings, n: int, seed: int, progress: Progress
) -> Mapping[str, Sequence[Text]]:
    """Texts of a language model at temperature 1, where the settings do not switch it off."""
    if not settings.language_model or len(train) < 2:
        return {}
    return {name_at(1.0): writer_of(train, settings, progress).sample(n, seed, 1.0, progress)}


def writer_of(
    items: Sequence[Text],
    settings: TextSettings,
    progress: Progress = quiet,
    cache: Cache | None = None,
) -> Writer:
    """The language model of these texts: trained, or the one that an earlier evaluation trained.

    Args:
        cache: by default that of the settings.
    """
    if len(items) > MAX_TRAINING:
        chosen = np.random.default_rng(0).choice(len(items), MAX_TRAINING, replace=False)
        items = take(items, np.sort(chosen).tolist())
    items = list(items)
    key = _key(items, settings)
    if key not in _last:
        cache = cache_of(settings) if cache is None else cache
        writer = _made(items, settings, progress, cache, key)
        _last.clear()
        _last[key] = writer
    return _last[key]


def _made(
    items: Sequence[Text], settings: TextSettings, progress: Progress, cache: Cache, key: str
) -> Writer:
    tokenizer, form = tokenizer_for(items, settings), Form.of(items)
    rows = [row[:-1] for row in rows_of(items, tokenizer)]

    def written(row: Sequence[int]) -> tuple[str, str | None]:
        text, pair = text_of(row, tokenizer)
        return form.applied(text), form.applied(pair or "") if form.paired else None

    counts = Counter(item.label for item in items if item.label is not None)
    labels = {name: counts[name] for name in sorted(counts)}
    number = {name: i for i, name in enumerate(labels)}
    corpus = Corpus(rows, [-1 if i.label is None else number[i.label] for i in items])
    file = cache.path("language-models", f"{key}.safetensors")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = LanguageModel(tokenizer.size, len(labels), settings.width).eval()
        if not (file is not None and _loaded(model, file)):
            model.start_at(rows)
            train(model, corpus, epochs_of(settings, rows), 0, progress)
            if file is not None:
                with cache.writing(file) as part:
                    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, part)
    longest = max(map(len, rows), default=1)
    return Writer(model, written, labels, max(longest, 1))


def epochs_of(settings: TextSettings, rows: Sequence[Sequence[int]]) -> float:
    """Passes over the texts, at most: those of the autoencoder where the settings have a number."""
    tokens = max(sum(len(row) + 1 for row in rows), 1)
    return min(settings.epochs or MOST_EPOCHS, max(TOKENS / tokens, 0.01))


def _loaded(model: LanguageModel, file: object) -> bool:
    try:
        model.load_state_dict(load_file(str(file)))
    except Exception:  # noqa: BLE001 - missing or damaged: it is trained, and written again
        return False
    return True


def _key(items: Sequence[Text], settings: TextSettings) -> str:
    """A hash of everything that determines the trained weights."""
    s = settings
    found = hashlib.sha256()
    found.update(json.dumps([CACHE_VERSION, s.tokens, s.vocabulary, s.width, s.epochs]).encode())
    for item in items:
        found.update(json.dumps([whole(item), item.pair is None, item.label]).encode())
    return found.hexdigest()[:32]
