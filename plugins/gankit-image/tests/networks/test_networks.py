"""Networks: published sizes, any image size, conditions, first and second derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.fx.experimental.proxy_tensor import make_fx

from gankit.config import validate
from gankit.contract import Categorical, Condition, Continuous, Layout, Networks
from gankit.errors import GankitError
from gankit.kit.layers import embedding
from gankit_image.networks import build_networks
from gankit_image.networks.canvas import Canvas
from gankit_image.networks.layers import Conv2d, Resample
from gankit_image.settings import ImageSettings

ARCHITECTURES = ("r3gan", "compact", "dcgan", "textbook", "vit")
SMALL: dict[str, Any] = {"width": (8,), "blocks": 1, "group_size": 4, "latent": 6, "embedding": 5}


def classes(n: int) -> Condition:
    return Condition((Categorical("label", tuple(map(str, range(n)))),))


def build(shape: tuple[int, ...], condition: Condition | None = None, **values: Any) -> Networks:
    torch.manual_seed(0)
    return build_networks(Layout(shape, condition), ImageSettings(**(SMALL | values)))


def inputs(networks: Networks, n: int, classes: int = 0) -> tuple[Tensor, Tensor | None]:
    c = F.one_hot(torch.arange(n) % classes, classes).float() if classes else None
    return torch.randn(n, networks.latent_dim), c


def stir(module: nn.Module) -> None:
    """Perturbs the initial state, in which every residual block is the identity."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))


# --- R3GAN as published -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "n_classes", "values", "millions"),
    [
        (32, 0, {"width": (768,)}, (20.73, 20.68)),  # Stacked MNIST
        (32, 10, {"width": (768,)}, (20.78, 21.28)),  # CIFAR-10
        (64, 0, {"width": (768, 768, 768, 768, 384)}, (22.43, 22.38)),  # FFHQ-64
        (256, 0, {"width": (768, 768, 768, 768, 384, 192, 96)}, (23.06, 23.01)),  # FFHQ-256
        (32, 1000, {"width": (1536,), "group_size": 32}, (82.91, 86.55)),  # ImageNet-32
        (64, 1000, {"width": (1536,), "group_size": 32}, (103.57, 107.21)),  # ImageNet-64
    ],
)
def test_r3gan_has_the_published_parameter_counts(
    size: int, n_classes: int, values: dict[str, Any], millions: tuple[float, float]
) -> None:
    layout = Layout((3, size, size), classes(n_classes) if n_classes else None)
    with torch.device("meta"):
        networks = build_networks(layout, ImageSettings(**values))
    counts = [
        sum(p.numel() for p in network.parameters()) / 1e6
        for network in (networks.generator, networks.discriminator)
    ]
    assert [round(count, 2) for count in counts] == list(millions)


def test_r3gan_initialisation() -> None:
    """N(0, g/sqrt(fan-in)) with g = sqrt(2/1.04) L^(-1/4); third convolutions and biases zero."""
    networks = build((3, 16, 16), width=(64,), blocks=2, group_size=16)
    blocks = 2 * 3
    gain = (2 / 1.04) ** 0.5 * blocks**-0.25
    for network in (networks.generator, networks.discriminator):
        state = network.state_dict()
        expand = torch.cat([v.flatten() for k, v in state.items() if "expand.weight" in k])
        mix = torch.cat([v.flatten() for k, v in state.items() if "mix.weight" in k])
        assert expand.std().item() == pytest.approx(gain / 64**0.5, rel=0.03)
        assert mix.std().item() == pytest.approx(gain / (16 * 9) ** 0.5, rel=0.03)
        assert all(not v.any() for k, v in state.items() if "contract" in k or "bias" in k)
        assert sum("bias" in k for k in state) == 2 * blocks
    basis = networks.generator.state_dict()["basis.basis"]
    assert basis.shape == (1, 64, 4, 4)
    assert basis.std().item() == pytest.approx(1, abs=0.1)


def test_widths_start_at_the_coarsest_stage_and_the_last_is_repeated() -> None:
    networks = build((1, 32, 32), width=(16, 8))
    mixes = [v.shape[0] for k, v in networks.generator.state_dict().items() if "mix.weight" in k]
    assert mixes == [32, 16, 16, 16]
    mixes = [v.shape[0] for k, v in networks.discriminator.state_dict().items() if "mix.weig" in k]
    assert mixes == [16, 16, 16, 32]


def test_group_size_falls_back_to_a_divisor() -> None:
    assert Conv2d(24, 24, 3, group_size=16).groups == 3  # groups of 8
    assert Conv2d(32, 32, 3, group_size=16).groups == 2
    assert Conv2d(6, 6, 3, group_size=16).groups == 3
    assert Conv2d(6, 6, 3).groups == 1


# --- Compact networks ---------------------------------------------------------------------------


def test_compact_initialisation() -> None:
    """N(0, g/sqrt(fan-in)) with g = sqrt(2/1.04) L^(-1/2); every block is the identity at first."""
    networks = build((1, 28, 28), architecture="compact", width=(64,), blocks=2)
    gain = (2 / 1.04) ** 0.5 * (2 * 2) ** -0.5
    for network in (networks.generator, networks.discriminator):
        state = network.state_dict()
        expand = torch.cat([v.flatten() for k, v in state.items() if "expand.weight" in k])
        assert expand.std().item() == pytest.approx(gain / (9 * 64) ** 0.5, rel=0.03)
        assert all(not v.any() for k, v in state.items() if "contract" in k)


def test_compact_blocks_stand_below_full_resolution() -> None:
    seen: set[tuple[int, ...]] = set()
    networks = build((1, 28, 28), architecture="compact")
    for network in (networks.generator, networks.discriminator):
        for name, module in network.named_modules():
            if name.endswith("expand"):
                module.register_forward_hook(lambda m, i, out: seen.add(tuple(out.shape[2:])))
    networks.discriminator(networks.generator(*inputs(networks, 2)))
    assert seen == {(7, 7), (14, 14)}


def test_a_compact_generator_takes_a_latent_for_each_stage() -> None:
    networks = build((3, 32, 32), architecture="compact")
    generator = networks.generator
    stir(generator)
    assert generator.stages == 3
    z, other = torch.randn(2, 4, networks.latent_dim).unbind(0)
    alike = torch.stack([z] * 3, 1)
    torch.testing.assert_close(generator(alike), generator(z))
    for stage in range(3):
        mixed = alike.clone()
        mixed[:, stage] = other
        assert (generator(mixed) - generator(z)).abs().max() > 1e-3


# --- The contract, for every architecture -------------------------------------------------------


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize(
    "shape", [(1, 8, 8), (1, 28, 28), (3, 33, 50), (4, 96, 64), (3, 5, 7), (2, 1, 3), (1, 9, 40)]
)
@pytest.mark.parametrize("n_classes", [0, 3])
def test_any_image_size(architecture: str, shape: tuple[int, ...], n_classes: int) -> None:
    networks = build(shape, classes(n_classes) if n_classes else None, architecture=architecture)
    z, c = inputs(networks, 4, n_classes)
    fake = networks.generator(z, c)
    logits = networks.discriminator(fake, c)
    assert fake.shape == (4, *shape)
    assert logits.shape == (4,)
    assert logits.isfinite().all()
    gradients = torch.autograd.grad(logits.square().sum(), list(networks.generator.parameters()))
    assert all(g.isfinite().all() for g in gradients)


@given(height=st.integers(1, 300), width=st.integers(1, 300))
def test_canvas_covers_the_image_with_the_fewest_stages(height: int, width: int) -> None:
    canvas = Canvas.of(height, width)
    assert canvas.size[0] >= height
    assert canvas.size[1] >= width
    assert min(canvas.base) < 8
    if min(height, width) >= 8:
        assert min(canvas.base) >= 4
    assert canvas.size[0] - height < 2**canvas.doublings
    if height == width and height in (4, 8, 16, 32, 64, 128, 256):
        assert canvas.base == (4, 4)
        assert canvas.size == (height, width)


@given(height=st.integers(1, 40), width=st.integers(1, 40))
@settings(max_examples=30)
def test_cropping_undoes_padding_with_repeated_borders(height: int, width: int) -> None:
    canvas = Canvas.of(height, width)
    x = torch.randn(2, 3, height, width)
    padded = canvas.pad(x)
    assert padded.shape[2:] == canvas.size
    assert torch.equal(canvas.crop(padded), x)
    assert padded[0, 0, 0, 0] == x[0, 0, 0, 0]
    assert padded[0, 0, -1, -1] == x[0, 0, -1, -1]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_both_networks_use_the_condition(architecture: str) -> None:
    networks = build((1, 8, 8), classes(3), architecture=architecture)
    stir(networks.generator)
    stir(networks.discriminator)
    networks.generator.eval()
    networks.discriminator.eval()
    z = torch.randn(1, networks.latent_dim).expand(3, -1)
    c = torch.eye(3)
    fake = networks.generator(z, c)
    assert (fake[0] - fake[1]).abs().max() > 1e-4
    logits = networks.discriminator(fake[:1].expand(3, -1, -1, -1), c)
    assert len({round(v, 6) for v in logits.tolist()}) == 3
    # The logit depends on the combination of image and label: it is not a sum of two terms.
    x = torch.randn(2, 1, 1, 8, 8).expand(2, 2, 1, 8, 8).flatten(0, 1)
    a = networks.discriminator(x, torch.eye(3)[[0, 1, 0, 1]]).unflatten(0, (2, 2))
    assert (a[0, 0] - a[0, 1] - a[1, 0] + a[1, 1]).abs() > 1e-6


def test_one_hot_embedding_is_a_table_and_a_number_at_its_mean_is_not_zero() -> None:
    torch.manual_seed(0)
    table = embedding(classes(4), 7)
    assert torch.equal(table(torch.eye(4)[2:3])[0], table.weight[:, 2])
    assert table.bias is None
    number = embedding(Condition((Continuous("size"),)), 7)
    assert number(torch.zeros(1, 1)).abs().min() > 0
    mixed = embedding(Condition((Continuous("size"), *classes(2).fields)), 7)
    assert mixed.in_features == 3


@pytest.mark.parametrize("architecture", ["r3gan", "compact", "textbook", "vit"])
def test_samples_are_independent(architecture: str) -> None:
    networks = build((3, 16, 16), architecture=architecture)
    assert not networks.batch_dependent
    stir(networks.generator)
    stir(networks.discriminator)
    z, _ = inputs(networks, 6)
    fake = networks.generator(z, None)
    assert torch.allclose(networks.generator(z[2:3], None), fake[2:3], atol=1e-5)
    logits = networks.discriminator(fake, None)
    assert torch.allclose(networks.discriminator(fake[2:3], None), logits[2:3], atol=1e-5)


def test_dcgan_samples_are_dependent_only_in_training() -> None:
    networks = build((3, 16, 16), architecture="dcgan")
    assert networks.batch_dependent
    z, _ = inputs(networks, 6)
    training = networks.generator(z, None)
    assert not torch.allclose(networks.generator(z[:3], None), training[:3], atol=1e-5)
    generator = networks.generator.eval()
    assert torch.allclose(generator(z[:3], None), generator(z, None)[:3], atol=1e-6)


def test_dcgan_as_in_the_paper() -> None:
    """Five strided convolutions at 64×64; base width 64 gives half the channels of figure 1."""
    networks = build((3, 64, 64), architecture="dcgan", width=(64,), latent=100)
    shapes = [tuple(v.shape) for v in networks.generator.state_dict().values() if v.ndim == 4]
    assert shapes == [
        (100, 512, 4, 4),
        (512, 256, 4, 4),
        (256, 128, 4, 4),
        (128, 64, 4, 4),
        (64, 3, 4, 4),
    ]
    weight = networks.discriminator.state_dict()["layers.3.weight"]
    assert weight.std().item() == pytest.approx(0.02, rel=0.02)
    assert networks.generator(torch.randn(2, 100), None).abs().max() <= 1


def test_vit_sees_each_patch_once() -> None:
    """A pixel moves the logit through its own patch's token alone."""
    networks = build((1, 8, 12), architecture="vit", patch=4)
    discriminator = networks.discriminator
    assert discriminator.tokens.shape == (1, 2 * 3 + 1, 8)
    seen: list[Tensor] = []
    discriminator.from_pixels.register_forward_hook(lambda m, given, out: seen.append(given[0]))
    x = torch.zeros(1, 1, 8, 12)
    x[0, 0, 5, 6] = 1  # row 1, column 1 of the grid; row 1, column 2 of the patch
    discriminator(x)
    assert seen[0].shape == (1, 6, 16)
    assert seen[0].nonzero().tolist() == [[0, 4, 6]]


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 9, 14)])
def test_vit_s_generator_puts_patches_where_its_discriminator_looks(
    shape: tuple[int, int, int],
) -> None:
    """With the discriminator's cutting, pixels are what the last layer computed."""
    networks = build(shape, architecture="vit", patch=2)
    G, D = networks.generator, networks.discriminator
    made: list[Tensor] = []
    G.to_pixels.register_forward_hook(lambda m, given, out: made.append(out))
    D.from_pixels.register_forward_hook(lambda m, given, out: made.append(given[0]))
    z, _ = inputs(networks, 2)
    D(G(z))
    if shape[1] % 2 == 0:
        assert torch.equal(made[0], made[1])
    assert made[0].shape == made[1].shape


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_same_seed_same_networks_and_state_dict_round_trip(architecture: str) -> None:
    first, second = (build((1, 8, 8), classes(2), architecture=architecture) for _ in range(2))
    z, c = inputs(first, 3, 2)
    a = first.generator.eval()(z, c)
    assert torch.equal(a, second.generator.eval()(z, c))
    torch.manual_seed(1)
    third = build_networks(
        Layout((1, 8, 8), classes(2)), ImageSettings(**(SMALL | {"architecture": architecture}))
    )
    assert not torch.equal(a, third.generator.eval()(z, c))
    third.generator.load_state_dict(first.generator.state_dict())
    assert torch.equal(a, third.generator(z, c))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"architecture": "dcgann"}, "dcgan"),
        ({"width": ()}, "width"),
        ({"width": (32, 0)}, r"width=\[32, 0\]: out of range\. Use at least 1"),
        ({"latent": 0}, "latent=0: out of range"),
        ({"blocks": 0}, "blocks=0: out of range"),
        ({"group_size": -1}, "group_size=-1: out of range"),
        ({"embedding": 0}, "embedding=0: out of range"),
        ({"architecture": "vit", "patch": 6}, r"patch=6: .* power of two\. Use 4 or 8"),
        ({"architecture": "vit", "patch": 65}, "patch=65: out of range"),
        ({"augmentations": ("flipp",)}, "flip"),
    ],
)
def test_impossible_settings_are_errors(values: dict[str, Any], message: str) -> None:
    with pytest.raises(GankitError, match=message):
        build_networks(Layout((1, 8, 8)), validate(ImageSettings, SMALL | values))


def test_without_augmentations_there_is_no_augmentation() -> None:
    assert build((1, 8, 8), augmentations=()).augment_input is None
    assert build((1, 8, 8), augmentations=("flip",)).augment_input is not None


# --- Derivatives --------------------------------------------------------------------------------


def test_resampling_is_the_1331_filter() -> None:
    x = torch.randn(2, 3, 6, 10, dtype=torch.double)
    taps = np.array([1, 3, 3, 1]) / 8
    down = Resample(up=False)(x)
    padded = F.pad(x, (1, 1, 1, 1)).numpy()
    window = np.einsum("ncij,i,j->nc", padded[:, :, 4:8, 6:10], taps, taps)
    assert np.allclose(down[:, :, 2, 3].numpy(), window, atol=1e-7)
    # Up is linear interpolation: inside, it agrees with PyTorch's bilinear.
    up = Resample(up=True)(x)
    reference = F.interpolate(x, scale_factor=2, mode="bilinear")
    assert torch.allclose(up[:, :, 1:-1, 1:-1], reference[:, :, 1:-1, 1:-1], atol=1e-7)
    # and four times the adjoint of down.
    y = torch.randn_like(down)
    assert torch.allclose((Resample(up=True)(y) * x).sum(), 4 * (y * down).sum())


@pytest.mark.parametrize(
    "layer",
    [
        lambda: Resample(up=True),
        lambda: Resample(up=False),
        lambda: Conv2d(4, 4, 3, group_size=2, bias=True),
        lambda: Conv2d(4, 2),
    ],
)
def test_layers_have_first_and_second_derivatives(layer: Any) -> None:
    torch.manual_seed(0)
    module = layer().double()
    names = [name for name, _ in module.named_parameters()]

    def function(x: Tensor, *parameters: Tensor) -> Tensor:
        state = dict(zip(names, parameters, strict=True))
        y: Tensor = torch.func.functional_call(module, state, (x,))
        return y.square()  # not linear

    x = torch.randn(2, 4, 4, 6, dtype=torch.double, requires_grad=True)
    arguments = (x, *(p.detach().requires_grad_() for p in module.parameters()))
    assert torch.autograd.gradcheck(function, arguments)
    assert torch.autograd.gradgradcheck(function, arguments)


def penalised(discriminator: nn.Module, x: Tensor, c: Tensor | None) -> tuple[Tensor, ...]:
    """Gradients in D's parameters of a loss with R1."""
    x = x.detach().requires_grad_()
    logits = discriminator(x, c)
    (gradient,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
    loss = F.softplus(-logits).mean() + gradient.square().flatten(1).sum(1).mean()
    return torch.autograd.grad(loss, list(discriminator.parameters()))


def test_r1_gradients_match_finite_differences() -> None:
    networks = build((1, 10, 12), classes(2))
    discriminator = networks.discriminator.double()
    stir(discriminator)
    x = torch.randn(3, 1, 10, 12, dtype=torch.double)
    c = torch.eye(2, dtype=torch.double)[[0, 1, 1]]

    def loss() -> float:
        y = x.clone().requires_grad_()
        logits = discriminator(y, c)
        (gradient,) = torch.autograd.grad(logits.sum(), y)
        loss = F.softplus(-logits).mean() + gradient.square().flatten(1).sum(1).mean()
        return float(loss.detach())

    gradients = penalised(discriminator, x, c)
    direction = [torch.randn_like(g) for g in gradients]
    slope = float(sum((g * d).sum() for g, d in zip(gradients, direction, strict=True)))
    step = 1e-6
    values = []
    for sign in (1, -2, 1):
        with torch.no_grad():
            for parameter, d in zip(discriminator.parameters(), direction, strict=True):
                parameter.add_(sign * step * d)
        values.append(loss())
    assert (values[0] - values[1]) / (2 * step) == pytest.approx(slope, rel=1e-5)


@pytest.mark.parametrize("architecture", ["r3gan", "compact", "textbook", "vit"])
def test_per_sample_gradients_for_differential_privacy(architecture: str) -> None:
    """Their mean, by ``vmap`` and with R1, is the batch's gradient."""
    discriminator = build((3, 16, 16), classes(3), architecture=architecture).discriminator
    stir(discriminator)
    params = {k: v.detach() for k, v in discriminator.named_parameters()}
    x, c = torch.randn(4, 3, 16, 16), F.one_hot(torch.arange(4) % 3, 3).float()

    def loss(params: dict[str, Tensor], x: Tensor, c: Tensor) -> Tensor:
        def logit(x: Tensor) -> Tensor:
            y: Tensor = functional_call(discriminator, params, (x[None], c[None]))[0]
            return y

        return logit(x) + grad(logit)(x).square().sum()

    each = vmap(grad(loss), in_dims=(None, 0, 0))(params, x, c)
    x.requires_grad_()
    logits = discriminator(x, c)
    (slope,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
    total = logits.mean() + slope.square().flatten(1).sum(1).mean()
    whole = torch.autograd.grad(total, list(discriminator.parameters()), materialize_grads=True)
    for (name, found), expected in zip(each.items(), whole, strict=True):
        torch.testing.assert_close(found.mean(0), expected, rtol=1e-3, atol=1e-4, msg=name)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_r1_can_be_traced_and_does_not_depend_on_the_memory_format(architecture: str) -> None:
    networks = build((3, 12, 12), classes(2), architecture=architecture)
    discriminator = networks.discriminator
    stir(discriminator)
    x, c = torch.randn(4, 3, 12, 12), torch.eye(2)[[0, 1, 1, 0]]
    expected = penalised(discriminator, x, c)
    graph = make_fx(lambda x, c: penalised(discriminator, x, c))(x, c)
    for a, b in zip(expected, graph(x, c), strict=True):
        assert torch.allclose(a, b, atol=1e-5)
    discriminator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    last = penalised(discriminator, x.contiguous(memory_format=torch.channels_last), c)
    for a, b in zip(expected, last, strict=True):
        assert torch.allclose(a, b, atol=1e-4)


def test_second_derivatives_do_not_loop_over_groups() -> None:
    """PyTorch's own formula has one convolution per group."""
    layer = Conv2d(64, 64, 3, group_size=1)

    class Critic(nn.Module):
        def forward(self, x: Tensor, c: Tensor | None) -> Tensor:
            y: Tensor = layer(x)
            return y.square().flatten(1).sum(1)

        def parameters(self, recurse: bool = True) -> Any:
            return layer.parameters(recurse)

    graph = make_fx(lambda x: penalised(Critic(), x, None))(torch.randn(2, 64, 4, 4))
    assert sum("convolution" in str(node.target) for node in graph.graph.nodes) < 10


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_bf16_autocast_stays_close_to_float32(architecture: str) -> None:
    networks = build((3, 12, 12), classes(2), architecture=architecture, width=(16,))
    generator, discriminator = networks.generator, networks.discriminator
    stir(discriminator)
    z, c = inputs(networks, 4, 2)
    x = torch.randn(4, 3, 12, 12)

    def step() -> tuple[Tensor, list[Tensor]]:
        y = x.clone().requires_grad_()
        logits = discriminator(y, c).float()
        with torch.autocast("cpu", enabled=False):  # as in the engine
            (gradient,) = torch.autograd.grad(logits.sum(), y, create_graph=True)
            loss = logits.mean() + gradient.square().sum()
            return generator(z, c), list(
                torch.autograd.grad(loss, list(discriminator.parameters()))
            )

    fake, exact = step()
    with torch.autocast("cpu", torch.bfloat16):
        low = generator(z, c).float()
        _, rough = step()
    assert all(g.dtype == torch.float32 for g in rough)
    assert (low - fake).abs().mean() < 0.05 * fake.abs().mean() + 0.01
    a, b = (torch.cat([g.flatten() for g in gs]) for gs in (exact, rough))
    assert F.cosine_similarity(a, b, dim=0) > 0.98
    if architecture == "r3gan":
        with torch.autocast("cpu", torch.bfloat16):
            assert generator(z, c).dtype == torch.float32
            assert discriminator(x, c).dtype == torch.float32


def test_generator_exports() -> None:
    networks = build((1, 12, 12), classes(2))
    z, c = inputs(networks, 2, 2)
    generator = networks.generator.eval()
    with torch.no_grad():
        program = torch.export.export(generator, (z, c))
        assert torch.allclose(program.module()(z, c), generator(z, c), atol=1e-6)
