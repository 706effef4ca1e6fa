"""Molecules as rows of tokens: the alphabet of SMILES or SELFIES that the training set has."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from gankit.errors import GankitError

PAD, START, END, UNKNOWN = range(4)
SPECIAL = ("<pad>", "<start>", "<end>", "<unknown>")

_SMILES = re.compile(r"\[[^\]]*\]|Br|Cl|%\d\d|.", re.DOTALL)
_SELFIES = re.compile(r"\[[^\]]*\]|.", re.DOTALL)


class Alphabet:
    """Tokens by number.

    Args:
        tokens: those of the training set, without the special ones.
        notation: ``smiles`` or ``selfies``.
    """

    def __init__(self, tokens: Sequence[str], notation: str = "smiles") -> None:
        self.tokens, self.notation = (*SPECIAL, *tokens), notation
        self._number = {token: i for i, token in enumerate(self.tokens)}
        self._pattern = _SELFIES if notation == "selfies" else _SMILES
        if notation == "selfies":
            _selfies()

    @classmethod
    def of(cls, smiles: Iterable[str], notation: str = "smiles") -> Alphabet:
        """All tokens that the molecules need, the commonest first."""
        bare = cls((), notation)
        counts = Counter(token for s in smiles for token in bare.split(bare.written(s)))
        return cls(sorted(counts, key=lambda t: (-counts[t], t)), notation)

    def __len__(self) -> int:
        return len(self.tokens)

    def written(self, smiles: str) -> str:
        """SMILES in this notation. What SELFIES cannot say is the empty text."""
        if self.notation == "smiles":
            return smiles
        sf = _selfies()
        try:
            return str(sf.encoder(smiles))
        except sf.EncoderError:
            return ""

    def read(self, text: str) -> str:
        """What was written in this notation, as SMILES; empty where it says nothing."""
        if self.notation == "smiles":
            return text
        sf = _selfies()
        try:
            return str(sf.decoder(text))
        except sf.DecoderError:
            return ""

    def split(self, text: str) -> list[str]:
        """A text as tokens; joined, they are the text."""
        return self._pattern.findall(text)

    def encode(self, text: str) -> list[int]:
        """Numbers of a text's tokens, and the end; :data:`UNKNOWN` for what is not known."""
        return [*(self._number.get(t, UNKNOWN) for t in self.split(text)), END]

    def decode(self, row: Iterable[int]) -> str:
        """The text up to the end."""
        parts = []
        for number in row:
            if number in (END, PAD):
                break
            parts.append(self.tokens[number])
        return "".join(parts)

    def rows(self, texts: Sequence[str]) -> Tensor:
        """Texts as int64 ``(N, T)``, padded at the end."""
        return padded([self.encode(text) for text in texts])


def padded(rows: Sequence[Sequence[int]]) -> Tensor:
    """Rows of numbers as int64 ``(N, T)``."""
    longest = max(map(len, rows), default=0)
    flat = [[*row, *[PAD] * (longest - len(row))] for row in rows]
    return torch.tensor(flat, dtype=torch.int64).reshape(len(rows), longest)


def _selfies() -> Any:
    try:
        import selfies
    except ImportError:
        raise GankitError(
            "notation=selfies: the package selfies is not installed",
            "pip install 'gankit-molecule[selfies]', or set notation=smiles",
        ) from None
    return selfies
