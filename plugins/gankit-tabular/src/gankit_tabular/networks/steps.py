"""The rows of a batch of trees, step by step, and what each stands after."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def possible(parents: Sequence[int]) -> Tensor:
    """Which parts, or the end, can follow a row of each part, flags (parts, parts + 1): a child,
    or a row of the same part or of a later child of the same parent, at any level above.
    """
    n = len(parents)
    found = torch.zeros(n, n + 1, dtype=torch.bool)
    for p in range(n):
        found[p, n] = True
        found[p, [q for q in range(n) if parents[q] == p]] = True
        at = p
        while parents[at] >= 0:
            found[p, [q for q in range(at, n) if parents[q] == parents[at]]] = True
            at = parents[at]
    return found


class Steps:
    """Where each row's parent, sibling and root are, of samples (N, steps, 1 + digits).

    Steps are numbered through all samples, ``sample · steps + step``; only as many steps as the
    longest sample has are considered. Where there is none, the number is -1.

    Args:
        parents: the parent of each part; -1 for the root's.
    """

    def __init__(self, x: Tensor, parents: Sequence[int]) -> None:
        end = len(parents)
        types = x[:, :, 0].long()
        lengths = (types != end).sum(1)
        t = min(int(lengths.max()) + 1, x.shape[1])
        self.x, self.types = x[:, :t], types[:, :t]
        n, device = len(x), x.device
        step = torch.arange(t, device=device)
        flat = self.types.flatten()
        self.parents = parents
        self.of = [(flat == p).nonzero().squeeze(1) for p in range(end)]
        """The steps of each part's rows."""
        self.decided = ((step > 0) & (step <= lengths[:, None])).flatten().nonzero().squeeze(1)
        """The steps at which it is drawn what follows."""
        is_part = [self.types == p for p in range(end)]
        last = [torch.where(m, step, -1).cummax(1).values for m in is_part]
        self._before = [torch.nn.functional.pad(a[:, :-1], (1, 0), value=-1) for a in last]
        counts = [m.long().cumsum(1) for m in is_part]
        self._counts = [torch.nn.functional.pad(a[:, :-1], (1, 0)) for a in counts]
        places = []
        for p, up in enumerate(parents):
            until = torch.zeros_like(self.types)
            if up >= 0:  # rows of the part before the latest of its parent's
                until = counts[p].gather(1, self._before[up].clamp(min=0))
            places.append(self._counts[p] - until)
        self._places = torch.stack(places, 2).view(n * t, end)

    def codes(self, p: int, width: int) -> Tensor:
        """The codes of a part's rows, (rows, width)."""
        return self.x.flatten(0, 1)[self.of[p], 1 : 1 + width].long()

    def root(self, at: Tensor) -> Tensor:
        """The root's step of each of these; none for the root itself."""
        t = self.types.shape[1]
        return torch.where(at % t > 0, at - at % t, -1)

    def parent(self, p: int) -> Tensor:
        """The step of each row's parent."""
        up = self.parents[p]
        return self._absolute(self._before[up], p) if up >= 0 else torch.full_like(self.of[p], -1)

    def sibling(self, p: int) -> Tensor:
        """The number, among the part's rows, of the row before each with the same parent."""
        rows = torch.arange(len(self.of[p]), device=self.types.device)
        return torch.where(self.place(p) > 0, rows - 1, -1)

    def place(self, p: int) -> Tensor:
        """The place of each row among its siblings, from 0."""
        return self._places[self.of[p], p]

    def places(self, at: Tensor) -> Tensor:
        """For each part, the rows below the latest one of its parent's, (N, parts)."""
        return self._places[at]

    def _absolute(self, steps: Tensor, p: int) -> Tensor:
        at, t = self.of[p], self.types.shape[1]
        found = steps.flatten()[at]
        return torch.where(found >= 0, at - at % t + found, -1)
