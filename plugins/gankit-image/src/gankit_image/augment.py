"""Differentiable augmentation of what the discriminator sees (Karras et al. 2020, appendix B).

Every transformation is drawn sample by sample and applied with probability p. Below p = 1 a
distribution can be told from its augmented one, so that the generator need not learn the
augmentation ("non-leaking", section 2.2).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gankit.errors import GankitError, did_you_mean

NAMES = ("flip", "shift", "scale", "rotate", "color", "cutout")

INTEGER_SHIFT = 0.125
"""Shifts by whole pixels reach so far, as a share of the side."""
SHIFT_STD = 0.125
"""Standard deviation of sub-pixel shifts, as a share of the side."""
SCALE_STD = 0.2
"""Standard deviation of log2 of the scale, isotropic and anisotropic alike."""
BRIGHTNESS_STD = 0.2
"""Standard deviation of the offset, in units of the data."""
CONTRAST_STD = 0.5
"""Standard deviation of log2 of the contrast."""
SATURATION_STD = 1.0
"""Standard deviation of log2 of the saturation."""
CUTOUT_SIDE = 0.5
"""Share of each side that is cut out."""
COLOR_SHARE = 0.5
"""Colour at half the probability of the others (R3GAN, arXiv 2501.05441, appendix)."""


class Augment:
    """``(x (N, C, H, W) in [-1, 1], p) -> x`` of the same shape, differentiable twice in ``x``.

    ``p`` is a 0-d tensor in [0, 1] on the device of ``x``: nothing is read back to the host and
    nothing depends on its value, so that the whole can be traced. Draws come from torch's default
    generator. Colour leaves the alpha channel alone.

    Args:
        names: some of ``flip``, ``shift``, ``scale``, ``rotate``, ``color``, ``cutout``.

    Raises:
        GankitError: an unknown name.
    """

    def __init__(self, names: Sequence[str]) -> None:
        for name in names:
            if name not in NAMES:
                raise GankitError(f"augmentations: there is no {name!r}", did_you_mean(name, NAMES))
        self.names = frozenset(names)

    def __call__(self, x: Tensor, p: Tensor) -> Tensor:
        draw = _Draw(x, p)
        if self.names & {"flip", "shift", "scale", "rotate"}:
            x = warp(x, self._geometry(draw))
        if "color" in self.names:
            x = _recolour(x, _Draw(x, p * COLOR_SHARE))
        if "cutout" in self.names:
            x = _cut_out(x, draw)
        return x

    def _geometry(self, draw: _Draw) -> Tensor:
        """Matrices (N, 3, 3) from places in the output to places in the input, in pixels."""
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
        # A turn before and one after the anisotropic scaling, together at probability p.
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
    """Random numbers, one a sample (N,), on the device and in the precision of ``x``."""

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
    """``x`` (N, C, H, W) read bilinearly at transformed places, mirrored beyond its border.

    Args:
        matrix: (N, 3, 3), from output to input places in pixels from the image's centre.
    """
    height, width = x.shape[2:]
    # affine_grid counts in half sides.
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
    """Bilinear reading, linear in ``x``; PyTorch differentiates ``grid_sample`` only once.

    Its gradient is its adjoint :class:`_Scatter`, whose gradient is reading again.
    """

    generate_vmap_rule = True  # for gradients a sample

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
    generate_vmap_rule = True  # for gradients a sample

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


def _recolour(x: Tensor, draw: _Draw) -> Tensor:
    """Brightness and contrast; for colours luma flip, hue and saturation too; alpha stays."""
    offset = draw.maybe(draw.normal() * BRIGHTNESS_STD, 0)[:, None, None, None]
    contrast = draw.maybe(draw.lognormal(CONTRAST_STD), 1)[:, None, None, None]
    if x.shape[1] not in (3, 4):
        return (x + offset) * contrast
    colour, alpha = x[:, :3], x[:, 3:]
    colour = (_hues(draw) @ ((colour + offset) * contrast).flatten(2)).view_as(colour)
    return torch.cat([colour, alpha], 1) if x.shape[1] == 4 else colour


def _hues(draw: _Draw) -> Tensor:
    """Matrices (N, 3, 3) that flip the luma, turn the hue and scale the saturation.

    With v the grey axis: I − 2vvᵀ, the rotation about v, and vvᵀ + s(I − vvᵀ). All three keep
    the split into v and what is perpendicular to it, where they act as ±1 and as s·rotation.
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
    """Zero, mid-grey, in a rectangle of half the sides about a random centre."""
    hole = draw.chosen()[:, None, None]
    for dim, side in ((1, draw.width), (2, draw.height)):
        at = (torch.arange(side, device=draw.device, dtype=draw.dtype) + 0.5) / side
        near = (at - draw.uniform()[:, None]).abs() < CUTOUT_SIDE / 2
        hole = hole & near.unsqueeze(dim)
    return x * ~hole[:, None]


__all__ = ["NAMES", "Augment", "warp"]
