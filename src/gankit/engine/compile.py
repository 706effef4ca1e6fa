"""Compiling a whole step, second derivatives included.

``torch.compile`` on a module cannot be differentiated twice. Traced with ``make_fx`` as a pure
function of parameters and batch, first and second derivatives become ordinary operations of one
graph, which compiles as any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn.utils import stateless

from gankit.engine.step import Gradients, Logs, StepFunction


class CompiledStep:
    """Calls like the step it was made of; traced at the first call for the shapes it sees.

    What the step itself draws (augmentation, interpolates) comes from torch's default generator,
    in an order of the compiler's: as random as in the eager step, but not the same numbers.

    Args:
        step: ``AdversarialLoss.discriminator_step`` or another of its steps.
        trained: the network whose gradients the step returns.
        other: the opponent, whose weights change between calls too.
    """

    def __init__(self, step: StepFunction, trained: nn.Module, other: nn.Module) -> None:
        self.step, self.trained, self.other = step, trained, other
        self.compiled: dict[Any, Any] = {}

    def __call__(
        self,
        params: Sequence[Tensor],
        real: Tensor,
        c: Tensor | None,
        z: Tensor,
        w: Any,
        *static: bool,
    ) -> tuple[Gradients, Logs]:
        state = [_named(self.trained), _named(self.other)]
        key = (static, real.shape, z.shape)
        if key not in self.compiled:
            self.compiled[key] = self._trace(state, real, c, z, w, static)
        values = [{k: v.detach() for k, v in s.items()} for s in state]
        result: tuple[Gradients, Logs] = self.compiled[key](*values, real, c, z, vars(w))
        return result

    def _trace(
        self,
        state: list[dict[str, Tensor]],
        real: Tensor,
        c: Tensor | None,
        z: Tensor,
        w: Any,
        static: tuple[bool, ...],
    ) -> Any:
        order = [name for name, p in self.trained.named_parameters() if p.requires_grad]

        def pure(
            trained: dict[str, Tensor],
            other: dict[str, Tensor],
            real: Tensor,
            c: Tensor | None,
            z: Tensor,
            weights: dict[str, Tensor],
        ) -> Any:
            with (
                stateless._reparametrize_module(self.trained, trained),
                stateless._reparametrize_module(self.other, other),
            ):
                return self.step(
                    [trained[k] for k in order], real, c, z, type(w)(**weights), *static
                )

        leaves = [
            {k: v.detach().requires_grad_(v.requires_grad) for k, v in s.items()} for s in state
        ]
        # On fake tensors nothing is drawn or updated, so that a resumed run traces unnoticed.
        trace = make_fx(pure, tracing_mode="fake", _allow_non_fake_inputs=True)
        return torch.compile(trace(*leaves, real, c, z, vars(w)), fullgraph=True)


def _named(module: nn.Module) -> dict[str, Tensor]:
    return {**dict(module.named_parameters()), **dict(module.named_buffers())}
