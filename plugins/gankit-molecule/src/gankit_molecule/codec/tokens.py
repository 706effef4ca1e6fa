"""Molecules as rows of tokens: atoms, bonds and common fragments."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from gankit.kit.autoencoders import PAD, Ragged
from gankit_molecule.codec.notations import NOTATIONS, Smiles
from gankit_molecule.data.standardise import TOKEN

START, END, UNKNOWN = range(PAD + 1, PAD + 4)
SPECIAL = ("<pad>", "<start>", "<end>", "<unknown>")

FRAGMENT_SAMPLE = 1500
"""Molecules in which fragments are counted."""
MIN_FREQUENCY = 0.004
"""Occurrences per molecule of a fragment that becomes a token."""


class Alphabet:
    """Tokens and their numbers. A text is split from the left into the longest matching tokens.

    Args:
        tokens: of the training set, without the special ones.
        notation: its name in :data:`NOTATIONS`.
    """

    def __init__(self, tokens: Sequence[str], notation: str = "kekule") -> None:
        self.tokens, self.name = (*SPECIAL, *tokens), notation
        self.notation: Smiles = NOTATIONS[notation]()
        self._number = {token: i for i, token in enumerate(self.tokens)}
        longest = sorted(tokens, key=lambda t: (-len(t), t))
        whole = self.notation.parts
        self._pattern = re.compile("|".join([*map(_pattern_of, longest), whole.pattern]), re.DOTALL)
        self.single = frozenset(t for t in tokens if whole.fullmatch(t))
        """Tokens that are one atom, bond, bracket or label, not a fragment."""

    @classmethod
    def of(
        cls,
        smiles: Sequence[str],
        notation: str = "kekule",
        size: int = 0,
        texts: Sequence[str] | None = None,
    ) -> Alphabet:
        """All atoms and bonds of the molecules, the most frequent first, and fragments up to
        ``size`` tokens in all: the most frequent pair of neighbouring tokens becomes one,
        repeatedly (byte-pair encoding, Sennrich et al. 2016; for SMILES, Li & Fourches 2021). A
        molecule is then a third as long.

        Args:
            texts: the molecules in this notation, where they have been written already.
        """
        bare = cls((), notation)
        written = [*map(bare.notation.written, smiles)] if texts is None else texts
        counts = Counter[str]()
        for start in range(0, len(written), 10_000):  # joined, which is much faster
            counts.update(bare.split("\n".join(written[start : start + 10_000])))
        del counts["\n"]
        step = -(-len(smiles) // FRAGMENT_SAMPLE) or 1
        way = bare.notation
        some = [text for s in smiles[::step] for text in (way.written(s), *way.randomised(s, 1))]
        merged = _merged([bare.split(text) for text in some], size - len(counts))
        return cls([*sorted(counts, key=lambda t: (-counts[t], t)), *merged], notation)

    def __len__(self) -> int:
        return len(self.tokens)

    def split(self, text: str) -> list[str]:
        """A text as tokens, whose concatenation is the text."""
        return self._pattern.findall(text)  # no groups in it

    def encode(self, text: str) -> list[int]:
        """Numbers of a text's tokens, and :data:`END`; :data:`UNKNOWN` for unknown ones."""
        return [*(self._number.get(t, UNKNOWN) for t in self.split(text)), END]

    def decode(self, row: Iterable[int]) -> str:
        """The text up to :data:`END`."""
        parts = []
        for number in row:
            if number in (END, PAD):
                break
            parts.append(self.tokens[number])
        return "".join(parts)

    def grammar(self) -> tuple[Tensor, Tensor, Tensor]:
        """The effect of each token on the open brackets and rings of SMILES, int64 each: the change
        in open brackets, the lowest change within the token, and a number whose bits are the rings
        that it opens or closes.
        """
        if self.notation.parts is not TOKEN:
            nothing = torch.zeros(len(self), dtype=torch.int64)
            return nothing, nothing, nothing
        rows = [(0, 0, 0)] * len(SPECIAL) + [_effect(t) for t in self.tokens[len(SPECIAL) :]]
        more, lowest, rings = torch.tensor(rows, dtype=torch.int64).T
        return more, lowest, rings

    def rows(self, texts: Sequence[str]) -> Tensor:
        """Texts as int64 ``(N, T)``, padded at the end with :data:`PAD`."""
        return Ragged(map(self.encode, texts)).take()


def _merged(texts: list[list[str]], most: int) -> list[str]:
    """Fragments, in the order in which they are merged."""
    counts, places = Counter[tuple[str, str]](), defaultdict[tuple[str, str], set[int]](set)
    for i, text in enumerate(texts):
        for pair in pairwise(text):
            counts[pair] += 1
            places[pair].add(i)
    found: list[str] = []
    while counts and len(found) < most:
        (first, second), count = min(counts.items(), key=lambda item: (-item[1], item[0]))
        if count < max(MIN_FREQUENCY * len(texts), 2):
            break
        found.append(first + second)
        for i in sorted(places[first, second]):  # the others do not change
            counts.subtract(pairwise(texts[i]))
            texts[i] = _joined(texts[i], first, second)
            for pair in pairwise(texts[i]):
                counts[pair] += 1
                places[pair].add(i)
        counts = +counts
    return found


def _joined(text: list[str], first: str, second: str) -> list[str]:
    if first not in text:
        return text
    out: list[str] = []
    for token in text:
        if token == second and out and out[-1] == first:
            out[-1] = first + second
        else:
            out.append(token)
    return out


def _effect(token: str) -> tuple[int, int, int]:
    depth, lowest, rings = 0, 0, 0
    for part in TOKEN.findall(token):
        depth += (part == "(") - (part == ")")
        lowest = min(lowest, depth)
        if part.isdigit() or part.startswith("%"):
            rings ^= 1 << int(part.lstrip("%")) % 62
    return depth, lowest, rings


def _pattern_of(token: str) -> str:
    """A pattern of the token that does not match half of a chlorine or bromine."""
    not_half = {"C": "(?!l)", "B": "(?!r)"}.get(token[-1], "")
    return re.escape(token) + not_half
