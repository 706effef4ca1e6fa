"""Tensors as they are, by the numbers of their rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gankit.contract import (
    Batch,
    Categorical,
    Codec,
    CodecState,
    Condition,
    Continuous,
    Layout,
)
from gankit.errors import GankitError, did_you_mean

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

FEWEST = 2
"""Fewest items to train on."""


class TensorRows(Codec[int]):
    """Tensors by the numbers of their rows, as they are.

    Args:
        x: ``(N, *shape)``.
        c: ``(N, width)``, labels ``(N,)``, or None.

    Raises:
        GankitError: they are no such tensors.
    """

    def __init__(self, x: Any, c: Any) -> None:
        import torch

        self.x = _tensor(x, "x").float()
        self.labels: Tensor | None = None
        if self.x.ndim == 1:
            self.x = self.x[:, None]
        if len(self.x) < FEWEST or not self.x.isfinite().all():
            what = "too few items" if len(self.x) < FEWEST else "values that are not finite"
            raise GankitError(f"x of shape {tuple(self.x.shape)} has {what}", "Give other data")
        found = None if c is None else _tensor(c, "c")
        if found is not None and len(found) != len(self.x):
            raise GankitError(f"c has {len(found)} rows for {len(self.x)} items", "Give one each")
        fields: list[Categorical | Continuous] = []
        if found is not None and found.ndim == 1 and not found.is_floating_point():
            self.labels = torch.unique(found)
            fields = [Categorical("label", tuple(map(str, self.labels.tolist())))]
        elif found is not None:
            fields = [Continuous(f"c{i}") for i in range(found.reshape(len(found), -1).shape[1])]
        self.layout = Layout(tuple(self.x.shape[1:]), Condition(tuple(fields)) if fields else None)
        self.c = None if found is None else self.rows(found, len(found))

    def __len__(self) -> int:
        return len(self.x)

    def rows(self, c: Any, n: int) -> Tensor:
        """Conditions as rows ``(n, width)``.

        Raises:
            GankitError: of another width or number, or an unknown label.
        """
        condition = self.layout.condition
        if condition is None:
            raise GankitError("there are no conditions in the data", "Leave c out")
        given = _tensor(c, "c")
        if self.labels is not None and not given.is_floating_point() and given.ndim < 2:
            given = self._one_hot(given.reshape(-1), self.labels)
        elif given.ndim < 2:
            given = given.reshape(-1, 1) if condition.width == 1 else given.reshape(1, -1)
        given = given.float()
        if len(given) == 1:
            given = given.repeat(n, 1)
        if given.shape != (n, condition.width):
            raise GankitError(
                f"c has shape {tuple(given.shape)} for {n} samples",
                f"Give ({n}, {condition.width})",
            )
        return given

    def _one_hot(self, given: Tensor, labels: Tensor) -> Tensor:
        found = given[:, None] == labels
        if not found.any(1).all():
            unknown = str(given[~found.any(1)][0].item())
            known = [str(label) for label in labels.tolist()]
            raise GankitError(f"the data have no label {unknown}", did_you_mean(unknown, known))
        return found

    def encode(self, items: Sequence[int], rng: np.random.Generator) -> Batch:
        index = list(items)
        return Batch(self.x[index], None if self.c is None else self.c[index])

    def decode(
        self, batch: Batch, seeds: Sequence[int], where: Mapping[str, object] | None = None
    ) -> list[Any]:
        return list(batch.x)

    def state(self) -> CodecState:
        return CodecState({})


def _tensor(value: Any, name: str) -> Tensor:
    import torch

    try:
        return torch.as_tensor(value).detach().cpu()
    except (TypeError, ValueError, RuntimeError) as error:
        raise GankitError(f"{name} is no tensor: {error}", "Give a tensor or an array") from None
