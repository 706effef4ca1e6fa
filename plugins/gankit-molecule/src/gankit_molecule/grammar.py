"""What may be written next: the brackets and rings of SMILES."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from gankit_molecule.tokens import END


class Rules(ABC):
    """Follows N texts while they are written, token after token."""

    @abstractmethod
    def allowed(self) -> Tensor:
        """Which tokens may come next, bool (N, tokens); always one at least."""

    @abstractmethod
    def wrote(self, tokens: Tensor) -> None:
        """What came, int64 (N,); padding after a text's end."""


class Grammar(Rules):
    """No bracket is closed that is not open, and the end comes when all brackets and rings are
    closed.

    Args:
        effects: of each token, see :meth:`Alphabet.grammar`.
        n: texts.
    """

    def __init__(self, effects: tuple[Tensor, Tensor, Tensor], n: int) -> None:
        self._more, self._lowest, self._closes = effects
        self._depth, self._rings = (torch.zeros(n, dtype=torch.int64) for _ in range(2))

    def allowed(self) -> Tensor:
        allowed = self._depth[:, None] + self._lowest >= 0
        allowed[:, END] = (self._depth == 0) & (self._rings == 0)
        return allowed

    def wrote(self, tokens: Tensor) -> None:
        self._depth = self._depth + self._more[tokens]
        self._rings = self._rings ^ self._closes[tokens]
