"""Latents to texts: the decoder writes token by token, within the rules of the notation."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gankit.seeds import uniform
from gankit_molecule.codec.autoencoder import Decoder
from gankit_molecule.codec.grammar import Automaton, Forced, Grammar, Rules
from gankit_molecule.codec.scaffold import Scaffold
from gankit_molecule.codec.tokens import Alphabet

CPU = torch.device("cpu")
DECODE_BATCH_SIZE = 512
"""Molecules that are written together."""
SCAFFOLD_STREAM = 2**30
"""Random streams from here on choose which way a scaffold is written, one stream per attempt."""
LENGTH_MARGIN = 1.3
"""Longest text that is written, relative to the longest in the training set."""


def longest_text(longest: int) -> int:
    """Tokens of the longest text that is written; ``longest`` is that of training molecules."""
    return int(longest * LENGTH_MARGIN) + 1


def numbers_of(seeds: Sequence[int], attempt: int, most: int) -> np.ndarray[Any, np.dtype[Any]]:
    """Numbers in [0, 1) that decide tokens, (N, most), float64, each row a function of its seed."""
    return np.stack([uniform(seeds, 1000 * (attempt + 1) + k) for k in range(most)], 1)


class Writer:
    """Writes one text per latent.

    Args:
        longest: tokens of the longest training molecule.
        scaffold: a core that each text contains.
    """

    def __init__(
        self,
        alphabet: Alphabet,
        decoder: Decoder,
        longest: int,
        scaffold: Scaffold | None,
    ) -> None:
        self.alphabet, self.decoder, self.longest = alphabet, decoder, longest
        self._effects = alphabet.grammar()
        self._automaton = None if scaffold is None else Automaton(alphabet, scaffold.ways(alphabet))

    def write(
        self,
        z: Tensor,
        c: Tensor,
        seeds: Sequence[int],
        attempt: int,
        temperature: float,
        device: torch.device = CPU,
    ) -> list[str]:
        """One text per latent, a function of the latent, its condition, seed and attempt.

        Rounding can decide a token, so texts that are kept are written on the CPU.
        """
        device = CPU if self._automaton is not None else device
        decoder = self.decoder if device == CPU else copy.deepcopy(self.decoder).to(device)
        most = longest_text(self.longest)
        if self._automaton is not None:
            most += max(len(way.parts) for way in self._automaton.ways)
        texts: list[str] = []
        for i in range(0, len(z), DECODE_BATCH_SIZE):
            some = seeds[i : i + DECODE_BATCH_SIZE]
            u = numbers_of(some, attempt, most)
            tokens = decoder.write(
                z[i : i + DECODE_BATCH_SIZE].to(device),
                c[i : i + DECODE_BATCH_SIZE].to(device),
                torch.from_numpy(u).to(device),
                temperature,
                self._rules(some, attempt, device),
            )
            texts += [self.alphabet.decode(row) for row in tokens.tolist()]
        return texts

    def _rules(self, seeds: Sequence[int], attempt: int, device: torch.device) -> Rules:
        if self._automaton is None:
            return Grammar(self._effects, len(seeds), device)
        ways = uniform(seeds, SCAFFOLD_STREAM + attempt) * len(self._automaton.ways)
        return Forced(self._automaton, ways.astype(np.int64).tolist())
