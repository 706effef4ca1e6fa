"""Augmentation: each transformation's effect and probability, and its first two derivatives."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

from gankit.errors import GankitError
from gankit_image.networks.augment import NAMES, Augment, warp


def probability(p: float) -> Tensor:
    return torch.tensor(p)


def pictures(n: int, channels: int = 3, height: int = 16, width: int = 16) -> Tensor:
    return torch.rand(n, channels, height, width) * 2 - 1


def changed(before: Tensor, after: Tensor) -> Tensor:
    return (before - after).abs().flatten(1).amax(1) > 1e-5


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@given(
    channels=st.sampled_from([1, 2, 3, 4, 5]),
    height=st.integers(1, 20),
    width=st.integers(1, 20),
    p=st.floats(0, 1),
    names=st.sets(st.sampled_from(NAMES)),
)
@settings(max_examples=30, deadline=None)
def test_shape_dtype_and_finiteness(
    channels: int, height: int, width: int, p: float, names: set[str]
) -> None:
    x = pictures(3, channels, height, width)
    y = Augment(sorted(names))(x, probability(p))
    assert y.shape == x.shape
    assert y.dtype == x.dtype
    assert y.isfinite().all()


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 33, 50), (4, 96, 64)])
def test_probability_zero_is_the_identity(shape: tuple[int, ...]) -> None:
    x = torch.rand(4, *shape) * 2 - 1
    assert torch.allclose(Augment(NAMES)(x, probability(0)), x, atol=2e-5)
    x = x.double()
    assert torch.allclose(Augment(NAMES)(x, probability(0).double()), x, atol=1e-6)


def test_results_depend_on_the_seed_and_differ_between_samples() -> None:
    x = pictures(1).expand(8, -1, -1, -1)
    augment = Augment(NAMES)
    runs = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        runs.append(augment(x, probability(0.9)))
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])
    assert changed(runs[0][:1].expand_as(x), runs[0])[1:].any()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("flip", 0.4 / 2),  # half of the chosen samples stay as they are
        ("rotate", 0.4),  # before and after the anisotropic scaling, with p together
        ("cutout", 0.4),
    ],
)
def test_probability_of_each(name: str, expected: float) -> None:
    x = pictures(4000, 1, 8, 8)
    share = changed(x, Augment([name])(x, probability(0.4))).float().mean().item()
    assert share == pytest.approx(expected, abs=4 * math.sqrt(0.25 / 4000))


def test_colour_has_half_the_probability() -> None:
    """Grey: brightness and contrast, each at p/2."""
    x = pictures(4000, 1, 4, 4)
    share = changed(x, Augment(["color"])(x, probability(0.4))).float().mean().item()
    assert share == pytest.approx(1 - 0.8**2, abs=4 * math.sqrt(0.25 / 4000))


def test_flip_is_a_mirror_image() -> None:
    x = pictures(200, 3, 7, 9)
    y = Augment(["flip"])(x, probability(1))
    mirrored = changed(x, y)
    assert 60 < mirrored.sum() < 140
    assert torch.allclose(y[mirrored], x[mirrored].flip(3), atol=1e-5)


def test_warp_shifts_by_whole_pixels_and_reflects_the_border() -> None:
    x = pictures(1, 1, 4, 6)
    matrix = torch.eye(3)[None].clone()
    matrix[0, 0, 2] = 2  # two pixels to the right in the input
    y = warp(x, matrix)
    assert torch.allclose(y[..., :4], x[..., 2:], atol=1e-5)
    assert torch.allclose(y[..., 4:], x[..., 4:].flip(3), atol=1e-5)


def test_rotation_preserves_shapes_in_an_image_that_is_not_square() -> None:
    height, width = 33, 65
    y, x = torch.meshgrid(torch.arange(33.0) - 16, torch.arange(65.0) - 32, indexing="ij")
    radius = (x**2 + y**2).sqrt()
    ring = (-((radius - 10) ** 2) / 8).exp().expand(16, 1, height, width)
    turned = Augment(["rotate"])(ring, probability(1))
    assert ((turned - ring).abs() * (radius < 15)).max() < 0.1
    mark = (-((x - 8) ** 2 + y**2) / 8).exp().expand(16, 1, height, width)
    turned = Augment(["rotate"])(mark, probability(1))
    assert ((turned - mark).abs() * (radius < 15)).flatten(1).amax(1).median() > 0.5


def test_scale_changes_the_area_by_its_square() -> None:
    """log2 of the isotropic scale has standard deviation 0.2 per side, hence 0.4 for the area."""
    at = torch.meshgrid(torch.arange(32.0) - 15.5, torch.arange(32.0) - 15.5, indexing="ij")
    blob = torch.exp(-(at[0] ** 2 + at[1] ** 2) / 18).expand(2000, 1, 32, 32)
    areas = Augment(["scale"])(blob, probability(1)).sum((1, 2, 3)) / blob[0].sum()
    assert areas.log2().mean().item() == pytest.approx(0, abs=0.05)
    assert areas.log2().std().item() == pytest.approx(0.4, rel=0.1)


def test_shift_has_the_documented_variance() -> None:
    """Uniform within 1/8 of the side plus N(0, 1/8): variance (1/12 · 1/4² + 1/8²) of the side."""
    side = 64
    at = torch.arange(float(side)) - (side - 1) / 2
    blob = torch.exp(-(at[:, None] ** 2 + at**2) / 18).expand(1500, 1, side, side)
    y = Augment(["shift"])(blob, probability(1))[:, 0]
    middle = (y.sum(1) * at).sum(1) / y.sum((1, 2))
    assert middle.mean().item() == pytest.approx(0, abs=1)
    assert middle.std().item() == pytest.approx(side * (1 / 192 + 1 / 64) ** 0.5, rel=0.1)


def test_colour_matrices_rotate_about_the_grey_axis() -> None:
    """Hue and saturation keep the luma, the luma flip negates it, contrast scales it."""
    x = pictures(1, 3, 4, 4).expand(3000, -1, -1, -1).double()
    y = Augment(["color"])(x, probability(1).double())
    luma_x, luma_y = (v.mean(1).flatten(1) for v in (x, y))
    # Within a sample luma is an affine map of luma: contrast·flip·(luma + offset).
    centred_x = luma_x - luma_x.mean(1, keepdim=True)
    centred_y = luma_y - luma_y.mean(1, keepdim=True)
    gain = (centred_x * centred_y).sum(1) / centred_x.square().sum(1)
    assert torch.allclose(centred_y, gain[:, None] * centred_x, atol=1e-9)
    assert (gain < 0).double().mean().item() == pytest.approx(0.25, abs=0.04)
    assert gain.abs().log2().std().item() == pytest.approx(0.5 * 0.5**0.5, rel=0.1)
    # Orthogonal to grey the length is contrast times saturation, and the hue is uniform.
    chroma_x, chroma_y = (v - v.mean(1, keepdim=True) for v in (x, y))
    ratio = chroma_y.flatten(1).norm(dim=1) / chroma_x.flatten(1).norm(dim=1) / gain.abs()
    kept = (ratio.log2().abs() < 1e-9).double().mean().item()
    assert kept == pytest.approx(0.5, abs=0.04)
    assert ratio[ratio.log2().abs() > 1e-9].log2().std().item() == pytest.approx(1, rel=0.1)
    turned = (chroma_x * chroma_y).flatten(1).sum(1)
    assert (turned < 0).double().mean().item() == pytest.approx(0.25, abs=0.04)


def test_alpha_keeps_its_values_under_colour() -> None:
    x = pictures(50, 4)
    y = Augment(["color"])(x, probability(1))
    assert torch.equal(y[:, 3], x[:, 3])
    assert changed(x[:, :3], y[:, :3]).any()


def test_cutout_zeroes_half_the_sides() -> None:
    x = torch.ones(3000, 2, 16, 24)
    y = Augment(["cutout"])(x, probability(1))
    hole = y[:, 0] == 0
    assert torch.equal(y[:, 0], y[:, 1])
    assert ((y == 0) | (y == 1)).all()
    assert hole.any(2).sum(1).max() == 8
    assert hole.any(1).sum(1).max() == 12
    # A side is shorter if the centre is within a quarter of the border: 7/16 on average.
    assert hole.float().mean().item() == pytest.approx((7 / 16) ** 2, abs=0.01)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_first_and_second_derivatives(channels: int) -> None:
    x = torch.randn(2, channels, 4, 5, dtype=torch.double, requires_grad=True)
    augment = Augment(NAMES)

    def function(x: Tensor) -> Tensor:
        torch.manual_seed(3)
        return augment(x, probability(0.8).double()).pow(2)  # augmentation itself is linear

    assert torch.autograd.gradcheck(function, (x,))
    assert torch.autograd.gradgradcheck(function, (x,))


def test_r1_is_differentiable_through_the_augmentation() -> None:
    """The gradient penalty is computed at the original image (R3GAN)."""
    x = pictures(4).requires_grad_()
    weight = torch.randn(3 * 16 * 16, requires_grad=True)
    logits = Augment(NAMES)(x, probability(0.7)).flatten(1).tanh() @ weight
    (gradient,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
    (of_weight,) = torch.autograd.grad(gradient.square().sum(), weight)
    assert of_weight.isfinite().all()
    assert of_weight.abs().sum() > 0


def test_a_traced_augmentation_draws_again_and_depends_on_p() -> None:
    x = pictures(64)
    graph = make_fx(Augment(NAMES))(x, probability(0.5))
    assert not torch.equal(graph(x, probability(0.5)), graph(x, probability(0.5)))
    assert torch.allclose(graph(x, probability(0.0)), x, atol=2e-5)


def test_unknown_names_are_errors_with_the_nearest_name() -> None:
    with pytest.raises(GankitError, match="color"):
        Augment(["colour"])


def test_without_names_nothing_changes() -> None:
    x = pictures(2)
    assert torch.equal(Augment([])(x, probability(1)), x)


def test_warp_and_its_derivative_agree_with_grid_sample() -> None:
    x = pictures(2, 2, 5, 6).requires_grad_()
    matrix = torch.tensor([[0.8, 0.3, 0.7], [-0.2, 1.1, -0.4], [0, 0, 1]]).expand(2, 3, 3)
    sides = torch.tensor([[1, 5 / 6, 2 / 6], [6 / 5, 1, 2 / 5]])
    grid = F.affine_grid(matrix[:, :2] * sides, [2, 2, 5, 6], align_corners=False)
    reference = F.grid_sample(x, grid, padding_mode="reflection", align_corners=False)
    assert torch.allclose(warp(x, matrix), reference, atol=1e-6)
    (a,) = torch.autograd.grad(warp(x, matrix).square().sum(), x)
    (b,) = torch.autograd.grad(reference.square().sum(), x)
    assert torch.allclose(a, b, atol=1e-5)
