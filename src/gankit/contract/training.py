"""What a plugin can add to training: objectives, penalties, callbacks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Objective:
    """An adversarial objective: two elementwise functions ``(real_logits, fake_logits) -> loss``,
    all of shape (N,) or (N, M)."""

    name: str
    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor, Tensor], Tensor]
    generator_sees_reals: bool = False
    """Whether the generator's loss uses the real logits."""


@dataclass(frozen=True)
class Penalty:
    """A penalty on the discriminator: ``(discriminate, real, fake, c) -> (N,)``; weighted by
    ``loss.extra``."""

    name: str
    function: Callable[
        [Callable[[Tensor, Tensor | None], Tensor], Tensor, Tensor, Tensor | None], Tensor
    ]


class Callback:
    """Follows a training run. Override the methods you need."""

    def started(self, run: Path, config: dict[str, Any]) -> None:
        """Training begins or resumes in the folder ``run``."""

    def tick(self, values: dict[str, Any]) -> None:
        """A line of ``metrics.jsonl``: numbers by name, and ``guard`` as text."""

    def preview(self, file: Path) -> None:
        """A preview was written."""

    def warning(self, message: str) -> None:
        """Something that a user should know; training continues."""

    def finished(self, status: str) -> None:
        """Training ended: ``done``, ``interrupted`` or ``failed``."""
