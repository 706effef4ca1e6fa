"""Adam and AdamW (Kingma & Ba 2015; Loshchilov & Hutter 2019), by the kernels of ``torch.optim``.

``torch.optim`` imports all of torch's compiler when its first optimiser is created, about as long
as torch itself takes, and looks at groups, hooks and flags in each step. This one has a single
group of parameters; its numbers and its state are those of ``torch.optim``, fused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

Moments = dict[int, dict[str, Tensor]]


class Adam:
    """Updates parameters in place.

    Args:
        params: floating-point tensors on one device.
        betas: decays of the first and the second moment.
        weight_decay: per unit of the learning rate, decoupled from the moments (AdamW).
    """

    def __init__(
        self,
        params: Sequence[Tensor],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        self.params = list(params)
        self.lr, self.betas, self.eps, self.weight_decay = lr, betas, eps, weight_decay
        self.state: Moments = {}
        """``step``, ``exp_avg`` and ``exp_avg_sq`` by a parameter's number, once it has stepped."""
        self._by_dtype: dict[torch.dtype, list[int]] = {}  # a kernel takes one dtype
        for i, p in enumerate(self.params):
            self._by_dtype.setdefault(p.dtype, []).append(i)

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor]) -> None:
        """One step.

        Args:
            gradients: of all parameters in order, each in its parameter's memory format, which the
                kernels rely on.
        """
        if not self.state:
            self.state = {
                i: {
                    "step": torch.zeros((), dtype=torch.float32, device=p.device),
                    "exp_avg": torch.zeros_like(p),
                    "exp_avg_sq": torch.zeros_like(p),
                }
                for i, p in enumerate(self.params)
            }
        update = torch._fused_adamw_ if self.weight_decay else torch._fused_adam_
        for numbers in self._by_dtype.values():
            states = [self.state[i] for i in numbers]
            steps = [s["step"] for s in states]
            torch._foreach_add_(steps, 1)
            update(
                [self.params[i] for i in numbers],
                [gradients[i] for i in numbers],
                [s["exp_avg"] for s in states],
                [s["exp_avg_sq"] for s in states],
                [],
                steps,
                lr=self.lr,
                beta1=self.betas[0],
                beta2=self.betas[1],
                weight_decay=self.weight_decay,
                eps=self.eps,
                amsgrad=False,
                maximize=False,
            )

    def load(self, state: Mapping[int, Mapping[str, Any]]) -> None:
        """Continues from a ``state``.

        Raises:
            ValueError: it is not that of these parameters.
        """
        numbers = range(len(self.params)) if state else ()
        if set(state) != set(numbers):
            raise ValueError(f"moments of {len(state)} parameters, not of {len(self.params)}")
        self.state = {i: {k: v.clone() for k, v in state[i].items()} for i in numbers}
