"""Differentiable augmentation of the discriminator's input (Karras et al. 2020, appendix B).

Every transformation is drawn for each sample and applied with probability p. Below p = 1 the
augmented distribution determines the original one, so that augmentations do not leak into the
generated samples (section 2.2).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gankit.errors import GankitError, did_you_mean
from gankit_image.networks.diff_augment import tone, translate

NAMES = ("flip", "shift", "scale", "rotate", "color", "cutout", "tone", "translation")

INTEGER_SHIFT = 0.125
"""Largest shift by whole pixels, as a share of the side."""
SHIFT_STD = 0.125
"""Standard deviation of sub-pixel shifts, as a share of the side."""
SCALE_STD = 0.2
"""Standard deviation of log2 of the scale, both isotropic and anisotropic."""
BRIGHTNESS_STD = 0.2
"""Standard deviation of the offset, in units of the data."""
CONTRAST_STD = 0.5
"""Standard deviation of log2 of the contrast."""
SATURATION_STD = 1.0
"""Standard deviation of log2 of the saturation."""
CUTOUT_SIDE = 0.5
"""Share of each side that is cut out."""
COLOR_SHARE = 0.5
"""Colour has half the probability of the others (R3GAN, arXiv 2501.05441, appendix)."""


class Augment:
    """``(x (N, C, H, W) in [-1, 1], p) -> x`` of the same shape, differentiable twice in ``x``.

    ``p`` is a 0-d tensor in [0, 1] on the device of ``x``. Nothing is copied to the host, and
    control flow does not depend on values, so that the augmentation can be compiled. Draws come
    from torch's default generator. Colour does not change the alpha channel.

    Args:
        names: some of :data:`NAMES`; ``tone`` and ``translation`` are those of Zhao et al. 2020.
        bands: whether channels are bands: colour then changes brightness and contrast alone.

    Raises:
        GankitError: an unknown name.
    """

    def __init__(self, names: Sequence[str], *, bands: bool = False) -> None:
        for name in names:
            if name not in NAMES:
                raise GankitError(f"augmentations: there is no {name!r}", did_you_mean(name, NAMES))
        self.names, self.bands = frozenset(names), bands

    def __call__(self, x: Tensor, p: Tensor) -> Tensor:
        draw = _Draw(x, p)
        if self.names & {"flip", "shift", "scale", "rotate"}:
            x = warp(x, self._geometry(draw))
        if "color" in self.names:
            x = _recolour(x, _Draw(x, p * COLOR_SHARE), self.bands)
        if "tone" in self.names:
            x = tone(x, draw.chosen(), self.bands)
        if "translation" in self.names:
            x = translate(x, draw.chosen())
        if "cutout" in self.names:
            x = _cut_out(x, draw)
        return x

    def _geometry(self, draw: _Draw) -> Tensor:
        """Matrices (N, 3, 3) from output positions to input positions, in pixels."""
        height, width = draw.height, draw.width
        matrix = torch.eye(3, device=draw.device, dtype=draw.dtype).expand(draw.n, 3, 3)
        if "flip" in self.names:
            matrix = matrix @ _scaling(1 - 2 * draw.maybe(draw.uniform().round(), 0), draw.ones())
        if "shift" in self.names:
            shift = [
                (draw.uniform(-INTEGER_SHIFT, INTEGER_SHIFT) * side).round()
                for side in (width, height)
            ]
            here = draw.chosen()
            matrix = matrix @ _translation(*(torch.where(here, s, 0) for s in shift))
        if "scale" in self.names:
            scale = draw.maybe(draw.lognormal(SCALE_STD), 1)
            matrix = matrix @ _scaling(scale, scale)
        # One rotation before and one after the anisotropic scaling, with probability p together.
        if "rotate" in self.names:
            matrix = matrix @ _rotation(draw.maybe(draw.angle(), 0, 1 - (1 - draw.p).sqrt()))
        if "scale" in self.names:
            scale = draw.maybe(draw.lognormal(SCALE_STD), 1)
            matrix = matrix @ _scaling(scale, 1 / scale)
        if "rotate" in self.names:
            matrix = matrix @ _rotation(draw.maybe(draw.angle(), 0, 1 - (1 - draw.p).sqrt()))
        if "shift" in self.names:
            here = draw.chosen()
            matrix = matrix @ _translation(
                *(
                    torch.where(here, draw.normal() * SHIFT_STD * side, 0)
                    for side in (width, height)
                )
            )
        return matrix


class _Draw:
    """Random numbers, one per sample (N,), with the device and dtype of ``x``."""

    def __init__(self, x: Tensor, p: Tensor) -> None:
        self.n, _, self.height, self.width = x.shape
        self.device, self.dtype, self.p = x.device, x.dtype, p

    def ones(self) -> Tensor:
        return torch.ones(self.n, device=self.device, dtype=self.dtype)

    def uniform(self, low: float = 0.0, high: float = 1.0) -> Tensor:
        return torch.rand(self.n, device=self.device, dtype=self.dtype) * (high - low) + low

    def normal(self) -> Tensor:
        return torch.randn(self.n, device=self.device, dtype=self.dtype)

    def lognormal(self, std: float) -> Tensor:
        """2^N(0, std²)."""
        return (self.normal() * std).exp2()

    def angle(self) -> Tensor:
        return self.uniform(-math.pi, math.pi)

    def chosen(self, p: Tensor | None = None) -> Tensor:
        """True with probability ``p``."""
        return self.uniform() < (self.p if p is None else p)

    def maybe(self, value: Tensor, otherwise: float, p: Tensor | None = None) -> Tensor:
        """``value`` with probability ``p``."""
        return torch.where(self.chosen(p), value, otherwise)


# --- Geometry -----------------------------------------------------------------------------------


def _matrix(rows: Sequence[Sequence[Tensor | float]], like: Tensor) -> Tensor:
    """(N, rows, columns) of entries that are (N,) or numbers."""
    return torch.stack(
        [
            torch.stack([e if isinstance(e, Tensor) else torch.full_like(like, e) for e in row], 1)
            for row in rows
        ],
        1,
    )


def _scaling(x: Tensor, y: Tensor) -> Tensor:
    return _matrix([[x, 0, 0], [0, y, 0], [0, 0, 1]], x)


def _translation(x: Tensor, y: Tensor) -> Tensor:
    return _matrix([[1, 0, x], [0, 1, y], [0, 0, 1]], x)


def _rotation(angle: Tensor) -> Tensor:
    cos, sin = angle.cos(), angle.sin()
    return _matrix([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]], angle)


def warp(x: Tensor, matrix: Tensor) -> Tensor:
    """``x`` (N, C, H, W) sampled bilinearly at transformed positions, reflected at its border.

    Args:
        matrix: (N, 3, 3), from output to input positions in pixels from the image's centre.
    """
    height, width = x.shape[2:]
    # The unit of affine_grid is half a side.
    theta = torch.stack(
        [
            torch.stack([row[:, 0] * a, row[:, 1] * b, row[:, 2] * c], 1)
            for row, (a, b, c) in zip(
                matrix[:, :2].unbind(1),
                ((1.0, height / width, 2 / width), (width / height, 1.0, 2 / height)),
                strict=True,
            )
        ],
        1,
    )
    grid = F.affine_grid(theta, list(x.shape), align_corners=False)
    y: Tensor = _Gather.apply(x, grid)  # type: ignore[no-untyped-call]
    return y


class _Gather(torch.autograd.Function):
    """Bilinear sampling, linear in ``x``; PyTorch can differentiate ``grid_sample`` only once.

    Its gradient is its adjoint :class:`_Scatter`, whose gradient is :class:`_Gather` again.
    """

    generate_vmap_rule = True  # for per-sample gradients

    @staticmethod
    def forward(x: Tensor, grid: Tensor) -> Tensor:
        return F.grid_sample(x, grid, padding_mode="reflection", align_corners=False)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(inputs[1])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return _Scatter.apply(grad, *ctx.saved_tensors), None  # type: ignore[no-untyped-call]


class _Scatter(torch.autograd.Function):
    generate_vmap_rule = True  # for per-sample gradients

    @staticmethod
    def forward(y: Tensor, grid: Tensor) -> Tensor:
        reflection = 2
        scattered: Tensor = torch.ops.aten.grid_sampler_2d_backward(
            y, torch.zeros_like(y), grid, 0, reflection, False, [True, False]
        )[0]
        return scattered

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(inputs[1])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return _Gather.apply(grad, *ctx.saved_tensors), None  # type: ignore[no-untyped-call]


# --- Colour and cutout --------------------------------------------------------------------------


def _recolour(x: Tensor, draw: _Draw, bands: bool) -> Tensor:
    """Brightness and contrast; for colour images also luma flip, hue and saturation."""
    offset = draw.maybe(draw.normal() * BRIGHTNESS_STD, 0)[:, None, None, None]
    contrast = draw.maybe(draw.lognormal(CONTRAST_STD), 1)[:, None, None, None]
    if bands or x.shape[1] not in (3, 4):
        return (x + offset) * contrast
    colour, alpha = x[:, :3], x[:, 3:]
    colour = (_hues(draw) @ ((colour + offset) * contrast).flatten(2)).view_as(colour)
    return torch.cat([colour, alpha], 1) if x.shape[1] == 4 else colour


def _hues(draw: _Draw) -> Tensor:
    """Matrices (N, 3, 3) that flip the luma, rotate the hue and scale the saturation.

    With v the grey axis these are I − 2vvᵀ, the rotation about v, and vvᵀ + s(I − vvᵀ). All three
    map v and its orthogonal complement to themselves, and act as ±1 and as s·rotation there.
    """
    flip = 1 - 2 * draw.maybe(draw.uniform().round(), 0)
    angle = draw.maybe(draw.angle(), 0)
    saturation = draw.maybe(draw.lognormal(SATURATION_STD), 1)
    along = saturation * angle.cos()
    across = saturation * angle.sin() / math.sqrt(3)
    grey = (flip - along) / 3
    # flip·vvᵀ + s·cos·(I − vvᵀ) + s·sin·[v]×, Rodrigues' formula
    one, two, three = grey + along, grey - across, grey + across
    return _matrix([[one, two, three], [three, one, two], [two, three, one]], flip)


def _cut_out(x: Tensor, draw: _Draw) -> Tensor:
    """Zero (mid-grey) in a rectangle of half the sides around a random centre."""
    hole = draw.chosen()[:, None, None]
    for dim, side in ((1, draw.width), (2, draw.height)):
        at = (torch.arange(side, device=draw.device, dtype=draw.dtype) + 0.5) / side
        near = (at - draw.uniform()[:, None]).abs() < CUTOUT_SIDE / 2
        hole = hole & near.unsqueeze(dim)
    return x * ~hole[:, None]
