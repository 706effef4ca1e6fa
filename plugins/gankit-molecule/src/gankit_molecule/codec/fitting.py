"""Fitting the codec: conditions, tokens, the heteroencoder, whitening, and a search on top."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from gankit.contract import Batch, Progress
from gankit.contract.subsets import take
from gankit_molecule.codec.codec import MoleculeCodec, check_codec_settings
from gankit_molecule.codec.conditions import Measured, condition_of, standardised, values_of
from gankit_molecule.codec.notations import NOTATIONS
from gankit_molecule.codec.property_query import PropertyQuery, subsample
from gankit_molecule.codec.ragged import Ragged
from gankit_molecule.codec.tokens import Alphabet
from gankit_molecule.codec.training import (
    Corpus,
    epochs_of,
    texts_of,
    train,
    trained_or_cached,
)
from gankit_molecule.codec.whitening import Whitening
from gankit_molecule.codec.writer import DECODE_BATCH_SIZE
from gankit_molecule.data.hashes import hashes_of, key_of
from gankit_molecule.data.molecules import Molecule, smiles_of
from gankit_molecule.data.properties import PROPERTIES
from gankit_molecule.optimize.objective import check_objective
from gankit_molecule.optimize.search import Search
from gankit_molecule.settings import MoleculeSettings, cache_of

MAX_LATENTS = 2_000_000
"""Training molecules whose latents are kept and whitened: 64 numbers of 8 bytes each."""
CACHE_VERSION = 4
"""Of the autoencoder's training: increase it when that changes, so that cached ones are ignored."""


def fit(items: Sequence[Molecule], settings: MoleculeSettings, progress: Progress) -> MoleculeCodec:
    """The codec of these molecules. The heteroencoder is trained, or taken from the cache where an
    earlier run with the same data and settings has trained it.
    """
    check_codec_settings(settings)
    objective = check_objective(settings)
    cache = cache_of(settings)
    smiles, names = smiles_of(items), list(dict.fromkeys(settings.conditions))
    search = None
    if objective is not None:
        search = Search(objective, settings, smiles, cache)
        search.begin(progress)
    computed = [name for name in names if name in PROPERTIES]
    measured, key = Measured.of(smiles, computed, settings.workers, cache, progress)
    values = values_of(items, names, measured)
    condition = condition_of(items, values, names)
    c = torch.from_numpy(standardised(values, condition))
    texts = texts_of(smiles, NOTATIONS[settings.notation](), settings.workers, progress)
    alphabet = Alphabet.of(smiles, settings.notation, settings.vocabulary, texts)
    corpus = Corpus(smiles, Ragged(map(alphabet.encode, texts)), c, alphabet)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # what is cached depends on no run's seed
        codec = MoleculeCodec(alphabet, int(corpus.tokens.lengths.max()), condition, settings)
        _train(codec, corpus, settings, progress)
    codec.measured, codec.key = measured, key
    codec.known = torch.from_numpy(np.unique(hashes_of(smiles)))
    _whiten(codec, corpus, progress)
    if condition is not None:
        codec.query = PropertyQuery(condition, subsample(c))
    codec.missing = {
        name: int(n) for name, n in zip(names, np.isnan(values).sum(0), strict=True) if n
    }
    if search is not None:
        space = CodecSpace(codec)
        codec.set_elites(search.run(space, take(items, search.rows), progress))
    return codec


class CodecSpace:
    """The codec as a :class:`~gankit_molecule.optimize.space.SearchSpace`."""

    def __init__(self, codec: MoleculeCodec) -> None:
        self._codec, self.layout = codec, codec.layout

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
        self, smiles: Sequence[str], c: Tensor | None, epochs: float, progress: Progress
    ) -> None:
        codec, settings = self._codec, replace(self._codec.settings, epochs=epochs)
        texts = texts_of(smiles, codec.alphabet.notation, settings.workers, progress)
        told = torch.zeros(len(smiles), 0) if c is None else c.float()
        tokens = Ragged(map(codec.alphabet.encode, texts))
        corpus = Corpus(smiles, tokens, told, codec.alphabet)
        with torch.random.fork_rng(devices=[]):
            _train(codec, corpus, settings, progress)
        _whiten(codec, corpus, progress)


def _train(
    codec: MoleculeCodec, corpus: Corpus, settings: MoleculeSettings, progress: Progress
) -> None:
    """Trains the codec's heteroencoder from its current weights, or loads cached ones."""
    cache, key = cache_of(settings), _key(corpus, settings)
    both = torch.nn.ModuleList([codec.encoder.float(), codec.decoder])
    codec.loss = trained_or_cached(
        both,
        cache.path("autoencoders", f"{key}.safetensors"),
        cache,
        lambda: train(codec.encoder, codec.decoder, corpus, settings, progress, cache, key),
    )
    codec.encoder.double()


def _key(corpus: Corpus, settings: MoleculeSettings) -> str:
    """A hash of everything that determines the trained weights."""
    s, epochs = settings, epochs_of(settings.epochs, corpus.tokens)
    decides = [CACHE_VERSION, s.notation, s.latent, s.width, s.smooth, round(epochs, 6)]
    return key_of([*decides, corpus.alphabet.tokens], corpus.smiles, corpus.c.numpy().tobytes())


@torch.no_grad()
def _whiten(codec: MoleculeCodec, corpus: Corpus, progress: Progress) -> None:
    n = len(corpus.tokens)
    used = np.linspace(0, n - 1, min(n, MAX_LATENTS)).astype(np.int64)

    def blocks() -> Iterator[Tensor]:
        for i in range(0, len(used), DECODE_BATCH_SIZE):
            progress("encoding molecules", i, len(used))
            yield corpus.tokens.take(used[i : i + DECODE_BATCH_SIZE])
        progress("encoding molecules", len(used), len(used))

    z = codec.encode_tokens(blocks())
    codec.training_latents = {corpus.smiles[row]: i for i, row in enumerate(used.tolist())}, z
    c = corpus.c[torch.from_numpy(used)].double()
    codec.whitening = Whitening.fit(z, c, codec.settings.smooth)
