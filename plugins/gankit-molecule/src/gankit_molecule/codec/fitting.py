"""Fitting the codec: conditions, tokens, the heteroencoder, whitening, and a search on top."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from gankit.contract import Batch, Fitting
from gankit.contract.subsets import take
from gankit.kit.autoencoders import Ragged, Whitening, part_of, trained_or_cached
from gankit.kit.cache import Cache, open_cache
from gankit_molecule.codec.codec import MoleculeCodec
from gankit_molecule.codec.conditions import Measured, condition_of, standardised, values_of
from gankit_molecule.codec.notations import NOTATIONS
from gankit_molecule.codec.pretrained import Pretrained, pretrained_for
from gankit_molecule.codec.property_query import PropertyQuery, subsample
from gankit_molecule.codec.scaffold import Scaffold
from gankit_molecule.codec.tokens import Alphabet
from gankit_molecule.codec.training import (
    Corpus,
    epochs_of,
    texts_of,
    train,
)
from gankit_molecule.codec.writer import DECODE_BATCH_SIZE
from gankit_molecule.data.hashes import hashes_of, key_of
from gankit_molecule.data.molecules import Molecule, smiles_of
from gankit_molecule.data.properties import PROPERTIES
from gankit_molecule.optimize.objective import objective_of
from gankit_molecule.optimize.search import Search
from gankit_molecule.settings import MoleculeSettings
from gankit_molecule.timing import Rows, computed, interruptible

MAX_LATENTS = 2_000_000
"""Training molecules whose latents are kept and whitened: 64 numbers of 8 bytes each."""
MIN_LATENTS = 2_000
"""The same when the time is up."""
CACHE_VERSION = 4
"""Of the autoencoder's training: increase it when that changes, so that cached ones are ignored."""
FINE_TUNING = 0.5
"""The learning rate of an autoencoder that was trained before, relative to that of a new one."""
FIRST_SCORES, PROPERTY_TIME, TEXT_TIME = 0.1, 0.2, 0.1
"""Shares of the time that is left: for scores of training molecules, properties, and texts."""
TRAINING_TIME, SEARCH_TIME = 0.9, 0.6
"""Shares for training, which leave the rest for whitening; and for a search after both."""


def fit(items: Sequence[Molecule], settings: MoleculeSettings, fitting: Fitting) -> MoleculeCodec:
    """The codec of these molecules. The heteroencoder is trained, or taken from the cache where an
    earlier run with the same data and settings has trained it. With a time limit, training is
    shorter, and of a random subset of the molecules if there is no time to prepare all.

    Raises:
        KeyboardInterrupt: the user has stopped; a snapshot of the training has been saved.
    """
    if settings.scaffold:
        Scaffold(settings)  # before anything slow
    cache, objective = open_cache(settings.cache, fitting.cache), objective_of(settings)
    smiles, names = smiles_of(items), list(dict.fromkeys(settings.conditions))
    search = None
    if objective is not None:
        search = Search(objective, settings, smiles, cache)
        search.begin(part_of(fitting, FIRST_SCORES))
    codec_time = fitting if search is None else part_of(fitting, 1 - SEARCH_TIME)
    codec = _fit(items, smiles, names, settings, codec_time, cache)
    if search is not None:
        # With a time limit, the weights that retraining starts from are not reproducible.
        kept = cache if math.isinf(fitting.time_left()) else Cache(None)
        space = CodecSpace(codec, kept)
        codec.set_elites(search.run(space, take(items, search.rows), fitting))
    return codec


def _fit(
    items: Sequence[Molecule],
    smiles: Sequence[str],
    names: Sequence[str],
    settings: MoleculeSettings,
    fitting: Fitting,
    cache: Cache,
) -> MoleculeCodec:
    """The codec without a search.

    Args:
        smiles: of the items.
        names: of the conditions.
    """
    total, known = len(smiles), torch.from_numpy(np.unique(hashes_of(smiles)))
    computed_names = [name for name in names if name in PROPERTIES]
    measured, key = Measured.of(
        smiles, computed_names, settings.workers, cache, part_of(fitting, PROPERTY_TIME)
    )
    if computed_names and not key:
        items, smiles = _subset(items, smiles, np.flatnonzero(measured.has(smiles)))
    rows, texts = _texts(smiles, settings, part_of(fitting, TEXT_TIME))
    if len(rows) < len(smiles):
        items, smiles = _subset(items, smiles, rows)
    values = values_of(items, names, measured)
    condition = condition_of(items, values, names)
    c = torch.from_numpy(standardised(values, condition))
    base = pretrained_for(smiles, settings)
    alphabet = (
        Alphabet.of(smiles, settings.notation, settings.vocabulary, texts)
        if base is None
        else base.extended(texts)
    )
    corpus = Corpus(smiles, Ragged(map(alphabet.encode, texts)), c, alphabet)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # the cache does not depend on a run's seed
        codec = MoleculeCodec(alphabet, int(corpus.tokens.lengths.max()), condition, settings)
        if base is not None:
            base.start(codec)
            codec.pretrained = base.about
        # A training on a random subset is of no use for later runs.
        kept = cache if len(smiles) == total else Cache(None)
        _train(codec, corpus, settings, part_of(fitting, TRAINING_TIME), kept, base)
    codec.measured, codec.key, codec.known = measured, key, known
    _whiten(codec, corpus, fitting)
    if condition is not None:
        codec.query = PropertyQuery(condition, subsample(c))
    codec.missing = {
        name: int(n) for name, n in zip(names, np.isnan(values).sum(0), strict=True) if n
    }
    return codec


def _subset(
    items: Sequence[Molecule], smiles: Sequence[str], rows: Rows
) -> tuple[Sequence[Molecule], Sequence[str]]:
    return take(items, rows), [smiles[i] for i in rows.tolist()]


def _texts(
    smiles: Sequence[str], settings: MoleculeSettings, fitting: Fitting
) -> tuple[Rows, list[str]]:
    """Molecules in the settings' notation, and their numbers: a random subset if the time is up."""
    notation = NOTATIONS[settings.notation]()
    order, found = computed(
        notation.written, smiles, settings.workers, "writing molecules", fitting
    )
    texts = list(found)
    ascending = np.argsort(order[: len(texts)])
    return order[ascending], [texts[i] for i in ascending.tolist()]


class CodecSpace:
    """The codec as a :class:`~gankit_molecule.optimize.space.SearchSpace`."""

    def __init__(self, codec: MoleculeCodec, cache: Cache) -> None:
        self._codec, self._cache, self.layout = codec, cache, codec.layout

    def encode(self, items: Sequence[Molecule]) -> Batch:
        return self._codec.encode(items, np.random.default_rng(0))

    def latents(self, smiles: Sequence[str], c: Tensor | None) -> Tensor:
        return self._codec.latents(smiles, c)

    def noisy(self, x: Tensor) -> Tensor:
        return self._codec.noisy(x)

    def write(self, batch: Batch, seeds: range, temperature: float) -> list[Molecule]:
        codec = copy.copy(self._codec)
        codec.settings = replace(codec.settings, raw=True, temperature=temperature)
        written: list[Molecule] = []
        for i in range(0, len(batch), DECODE_BATCH_SIZE):
            some = slice(i, i + DECODE_BATCH_SIZE)
            written += codec.decode(batch[some], seeds[some])
        return written

    def retrain(
        self, smiles: Sequence[str], c: Tensor | None, epochs: float, fitting: Fitting
    ) -> None:
        codec, settings = self._codec, replace(self._codec.settings, epochs=epochs)
        progress = interruptible(fitting)
        texts = texts_of(smiles, codec.alphabet.notation, settings.workers, progress)
        conditions = torch.zeros(len(smiles), 0) if c is None else c.float()
        tokens = Ragged(map(codec.alphabet.encode, texts))
        corpus = Corpus(smiles, tokens, conditions, codec.alphabet)
        with torch.random.fork_rng(devices=[]):
            _train(codec, corpus, settings, fitting, self._cache)
        _whiten(codec, corpus, fitting)


def _train(
    codec: MoleculeCodec,
    corpus: Corpus,
    settings: MoleculeSettings,
    fitting: Fitting,
    cache: Cache,
    base: Pretrained | None = None,
) -> None:
    """Trains the codec's heteroencoder from its current weights, or loads cached ones.

    Args:
        base: where the current weights come from, if they were trained before.
    """
    key = _key(corpus, settings, base)
    rate = 1.0 if base is None else FINE_TUNING
    codec.loss = trained_or_cached(
        torch.nn.ModuleList([codec.encoder.float(), codec.decoder]),
        "autoencoders",
        key,
        cache,
        lambda: train(codec.encoder, codec.decoder, corpus, settings, fitting, cache, key, rate),
    )
    codec.encoder.double()


def _key(corpus: Corpus, settings: MoleculeSettings, base: Pretrained | None) -> str:
    """A hash of everything that determines the trained weights."""
    s, epochs = settings, epochs_of(settings.epochs, corpus.tokens)
    decides: list[object] = [
        CACHE_VERSION,
        s.notation,
        s.latent,
        s.width,
        s.smooth,
        round(epochs, 6),
    ]
    decides += [] if base is None else [base.key, FINE_TUNING]
    return key_of([*decides, corpus.alphabet.tokens], corpus.smiles, corpus.c.numpy().tobytes())


@torch.no_grad()
def _whiten(codec: MoleculeCodec, corpus: Corpus, fitting: Fitting) -> None:
    """Fits the whitening to all molecules, or to a random subset if the time is up."""
    n, progress = len(corpus.smiles), interruptible(fitting)
    used = np.linspace(0, n - 1, min(n, MAX_LATENTS)).astype(np.int64)
    if not math.isinf(fitting.time_left()):
        used = np.random.default_rng(0).permutation(used)

    def blocks() -> Iterator[Tensor]:
        for i in range(0, len(used), DECODE_BATCH_SIZE):
            if i >= MIN_LATENTS and fitting.time_left() <= 0:
                return
            progress("encoding molecules", i, len(used))
            yield corpus.tokens.take(used[i : i + DECODE_BATCH_SIZE])
        progress("encoding molecules", len(used), len(used))

    z = codec.encode_tokens(blocks())
    used = used[: len(z)]
    codec.training_latents = {corpus.smiles[row]: i for i, row in enumerate(used.tolist())}, z
    c = corpus.c[torch.from_numpy(used)].double()
    codec.whitening = Whitening.fit(z, c, codec.settings.smooth)
