"""Layers that are cheap to differentiate twice, as R1 and R2 require."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class _Convolution(torch.autograd.Function):
    """Stride-1 convolution with a cheap second derivative.

    The penalties differentiate the gradient with respect to the *input*. PyTorch's formula for
    that loops over the groups: a hundred small convolutions at 1,536 channels. Written as a
    transposed convolution, the input's gradient is an ordinary operation, and only its first
    derivative is needed.
    """

    generate_vmap_rule = True  # for per-sample gradients

    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor | None, groups: int) -> Tensor:
        return F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2, groups=groups)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, weight, _, ctx.groups = inputs
        ctx.save_for_backward(x, weight)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        padding = weight.shape[-1] // 2
        for_x, for_weight, for_bias, _ = ctx.needs_input_grad
        of_x = of_weight = of_bias = None
        if for_x:
            of_x = F.conv_transpose2d(grad, weight, padding=padding, groups=ctx.groups)
        if for_weight:
            of_weight = torch.ops.aten.convolution_backward(
                grad, x, weight, None, [1, 1], [padding, padding], [1, 1], False, [0, 0],
                ctx.groups, [False, True, False],
            )[1]  # fmt: skip
        if for_bias:
            of_bias = grad.sum((0, 2, 3))
        return of_x, of_weight, of_bias, None


class Conv2d(nn.Module):
    """A convolution of odd kernel and stride 1 that keeps the size, used throughout R3GAN.

    Args:
        group_size: channels per group; 0 is one group. Lowered to a common divisor if it does not
            divide the channels.
        gain: weights are drawn from N(0, gain²/fan_in); 0 starts from zero.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 1, *, group_size: int = 0,
        bias: bool = False, gain: float = 1.0,
    ) -> None:  # fmt: skip
        super().__init__()
        common = math.gcd(inputs, outputs)
        self.groups = common // math.gcd(common, group_size) if group_size else 1
        fan_in = inputs // self.groups * kernel**2
        self.weight = nn.Parameter(torch.empty(outputs, inputs // self.groups, kernel, kernel))
        nn.init.normal_(self.weight, std=gain / math.sqrt(fan_in))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        weight: Tensor = self.weight
        bias: Tensor | None = self.bias
        # Autocast does not reach an autograd function's backward pass: cast here.
        if torch.is_autocast_enabled(x.device.type):
            dtype = torch.get_autocast_dtype(x.device.type)
            x, weight = x.to(dtype), weight.to(dtype)
            bias = None if bias is None else bias.to(dtype)
        if not torch.is_grad_enabled():
            return F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2, groups=self.groups)
        y: Tensor = _Convolution.apply(x, weight, bias, self.groups)  # type: ignore[no-untyped-call]
        return y


class _Upsample(torch.autograd.Function):
    """Doubles the resolution; its gradient is four times :class:`_Downsample`, and vice versa."""

    generate_vmap_rule = True  # for per-sample gradients

    @staticmethod
    def forward(x: Tensor, kernel: Tensor) -> Tensor:
        return _upsample(x, kernel)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(inputs[1])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return 4 * _Downsample.apply(grad, *ctx.saved_tensors), None  # type: ignore[no-untyped-call]


class _Downsample(torch.autograd.Function):
    generate_vmap_rule = True  # for per-sample gradients

    @staticmethod
    def forward(x: Tensor, kernel: Tensor) -> Tensor:
        return _downsample(x, kernel)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(inputs[1])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return _Upsample.apply(grad, *ctx.saved_tensors) / 4, None  # type: ignore[no-untyped-call]


def _upsample(x: Tensor, kernel: Tensor) -> Tensor:
    channels = x.shape[1]
    kernel = 4 * kernel.to(x.dtype).expand(channels, 1, 4, 4)
    return F.conv_transpose2d(x, kernel, stride=2, padding=1, groups=channels)


def _downsample(x: Tensor, kernel: Tensor) -> Tensor:
    channels = x.shape[1]
    kernel = kernel.to(x.dtype).expand(channels, 1, 4, 4)
    return F.conv2d(x, kernel, stride=2, padding=1, groups=channels)


class Resample(nn.Module):
    """The separable filter [1, 3, 3, 1]/8 (linear interpolation) by a factor of two.

    Upsampling has gain 4, one for each zero it fills. The image is padded with zeros.
    """

    kernel: Tensor

    def __init__(self, *, up: bool) -> None:
        super().__init__()
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
        self.register_buffer("kernel", torch.outer(taps, taps)[None, None], persistent=False)
        self.up = up

    def forward(self, x: Tensor) -> Tensor:
        if not torch.is_grad_enabled():
            return _upsample(x, self.kernel) if self.up else _downsample(x, self.kernel)
        y: Tensor = (_Upsample if self.up else _Downsample).apply(x, self.kernel)  # type: ignore[no-untyped-call]
        return y


def linear(inputs: int, outputs: int) -> nn.Linear:
    """A linear map without bias; weights from N(0, 1/inputs)."""
    layer = nn.Linear(inputs, outputs, bias=False)
    nn.init.normal_(layer.weight, std=1 / math.sqrt(inputs))
    return layer


def exact(layer: nn.Module, x: Tensor, deep: bool = True) -> Tensor:
    """``layer(x)``, in the layer's own precision under autocast if ``deep``: bf16 has 8 bits."""
    if not deep:
        y: Tensor = layer(x)
        return y
    with torch.autocast(x.device.type, enabled=False):
        y = layer(x.to(next(layer.parameters()).dtype))
    return y
