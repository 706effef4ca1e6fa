"""Networks of waveforms: sizes as published, any rate and length, derivatives, clean spectra."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.func import functional_call

from gankit.config import resolve
from gankit.contract import Categorical, Condition, Continuous, Layout, Networks
from gankit_audio import gankit_modalities
from gankit_audio.codec.conditions import Conditions
from gankit_audio.codec.waveform import WaveformCodec
from gankit_audio.networks.build import build_networks
from gankit_audio.networks.critics import COARSE, Critics, SpectrumCritic
from gankit_audio.networks.fourier import Fourier
from gankit_audio.networks.istft import ISTFTGenerator, build_istft
from gankit_audio.networks.layers import power_of_two
from gankit_audio.networks.wavegan import build_wavegan, phase_shuffle, shifted, steps_of, widths_of
from gankit_audio.settings import AudioSettings

RATE = 16_000
ARCHITECTURES = ("wavegan", "istft")
LABEL = Categorical("label", ("a", "b", "c"))
CONDITIONS = {
    "none": None,
    "classes": Condition((LABEL,)),
    "number": Condition((Continuous("pitch", 60, 12),)),
    "both": Condition((LABEL, Continuous("pitch", 60, 12))),
}


def pair(
    architecture: str,
    shape: tuple[int, int] = (1, 4096),
    condition: Condition | None = None,
    rate: int = RATE,
    **values: Any,
) -> Networks:
    torch.manual_seed(0)
    layout = Layout(shape, condition)
    chosen = AudioSettings(**({"width": 8, "latent": 10} | values))
    return (
        build_wavegan(layout, chosen)
        if architecture == "wavegan"
        else build_istft(layout, chosen, rate)
    )


def inputs(networks: Networks, n: int, condition: Condition | None) -> tuple[Tensor, Tensor | None]:
    torch.manual_seed(1)
    z = torch.randn(n, networks.latent_dim)
    if condition is None:
        return z, None
    blocks = [
        F.one_hot(torch.arange(n) % f.width, f.width).float()
        if isinstance(f, Categorical)
        else torch.randn(n, 1)
        for f in condition.fields
    ]
    return z, torch.cat(blocks, 1)


def millions(module: nn.Module) -> float:
    return sum(p.numel() for p in module.parameters()) / 1e6


def perturb(module: nn.Module, by: float = 0.02) -> None:
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(by * torch.randn_like(parameter))


# --- As published -------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "sizes"), [(64, (19.1, 17.4)), (16, (1.5, 1.1))])
def test_wavegan_has_the_published_size(width: int, sizes: tuple[float, float]) -> None:
    with torch.device("meta"):
        networks = pair("wavegan", (1, 16_384), width=width, latent=100)
    assert round(millions(networks.generator), 1) == sizes[0]
    assert round(millions(networks.discriminator), 1) == sizes[1]


def test_wavegan_has_the_published_layers() -> None:
    with torch.device("meta"):
        networks = pair("wavegan", (1, 16_384), width=0, latent=100)
    up, down = (
        [tuple(v.shape) for v in m.state_dict().values() if v.ndim > 1]
        for m in (networks.generator, networks.discriminator)
    )
    pairs = [(1024, 512), (512, 256), (256, 128), (128, 64), (64, 1)]
    assert up == [(16 * 1024, 100), *((a, b, 25) for a, b in pairs)]
    assert down == [*((a, b, 25) for a, b in pairs[::-1]), (1, 16 * 1024)]


@pytest.mark.parametrize(
    ("width", "sizes"), [(0, (3.4, 0.6)), (256, (3.4, 0.6)), (128, (1.1, 0.16))]
)
def test_istft_is_small(width: int, sizes: tuple[float, float]) -> None:
    with torch.device("meta"):
        networks = pair("istft", (1, 16_384), width=width, latent=100)
    assert millions(networks.generator) == pytest.approx(sizes[0], rel=0.05)
    assert millions(networks.discriminator) == pytest.approx(sizes[1], rel=0.05)


@given(length=st.integers(200, 1_000_000))
def test_wavegan_covers_a_clip_with_the_fewest_layers(length: int) -> None:
    layers, steps = steps_of(length)
    assert steps * 4**layers >= length > (steps - 1) * 4**layers
    assert 16 <= steps < 65
    assert len(widths_of(8, layers)) == layers
    assert max(widths_of(8, layers)) <= 16 * 8


def test_lengths_of_the_authors_code_have_their_layers() -> None:
    """16,384 and 65,536 samples start from 16 steps."""
    assert [steps_of(n) for n in (16_384, 65_536, 32_768)] == [(5, 16), (6, 16), (5, 32)]


# --- Phase shuffle ------------------------------------------------------------------------------


def test_shifts_reflect_at_the_ends() -> None:
    x = torch.arange(5.0).expand(5, 2, 5)
    y = shifted(x, torch.tensor([-2, -1, 0, 1, 2]))
    expected = [[2, 1, 0, 1, 2], [1, 0, 1, 2, 3], [0, 1, 2, 3, 4], [1, 2, 3, 4, 3], [2, 3, 4, 3, 2]]
    assert torch.equal(y[:, 0], torch.tensor(expected).float())
    assert torch.equal(y[:, 0], y[:, 1])


@given(length=st.integers(3, 40), by=st.integers(-2, 2))
@settings(max_examples=30)
def test_a_shift_is_a_cut_of_the_padded_sequence(length: int, by: int) -> None:
    x = torch.randn(1, 3, length)
    padded = F.pad(x, (2, 2), mode="reflect")
    y = shifted(x, torch.tensor([by]))
    assert torch.equal(y, padded[:, :, 2 + by : 2 + by + length])


def test_phase_shuffle_draws_every_shift_equally_often_and_for_each_sample() -> None:
    torch.manual_seed(0)
    x = torch.arange(10.0).expand(2000, 1, 10)
    shifts = phase_shuffle(x, 2)[:, 0, 5] - 5
    counts = torch.stack([(shifts == k).sum() for k in range(-2, 3)])
    assert counts.sum() == 2000
    assert counts.min() > 330  # 400 on average
    torch.manual_seed(0)
    assert torch.equal(phase_shuffle(x, 2)[:, 0, 5] - 5, shifts)  # torch's default generator
    assert phase_shuffle(torch.ones(2, 1, 1), 2).shape == (2, 1, 1)


def test_phase_is_shuffled_in_training_alone() -> None:
    discriminator = pair("wavegan").discriminator
    x = torch.randn(3, 1, 4096)
    assert not torch.equal(discriminator(x, None), discriminator(x, None))
    discriminator.eval()
    assert torch.equal(discriminator(x, None), discriminator(x, None))


# --- The transform ------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "length"), [(8, 17), (64, 1000), (256, 1024), (512, 4000)])
def test_the_transform_is_torchs_and_has_an_inverse(n: int, length: int) -> None:
    fourier, window = Fourier(n, length), torch.hann_window(n)
    norm = window.square().sum().sqrt()
    torch.manual_seed(0)
    x = torch.randn(2, 3, length)
    spectra = fourier.analyse(x)
    assert spectra.shape == (2, 3, fourier.frames, fourier.bins)
    assert torch.allclose(fourier.synthesise(spectra), x, atol=1e-5)
    if length % (n // 4) == 0:
        theirs = torch.stft(x[0], n, n // 4, window=window, return_complex=True).mT / norm
        assert torch.allclose(spectra[0], theirs, atol=1e-5)
    anything = torch.view_as_complex(torch.randn(*spectra.shape, 2))
    theirs = torch.istft((anything[0] * norm).mT, n, n // 4, window=window, length=length)
    assert torch.allclose(fourier.synthesise(anything)[0], theirs, atol=1e-5)


def test_white_noise_has_bins_of_its_own_variance() -> None:
    torch.manual_seed(0)
    spectra = Fourier(64, 16_000).analyse(3 * torch.randn(4, 1, 16_000))
    assert spectra[..., 1:-1].abs().square().mean().item() == pytest.approx(9, rel=0.03)


def test_the_transform_has_two_derivatives() -> None:
    fourier = Fourier(8, 18).double()
    x = torch.randn(1, 2, 18, dtype=torch.double, requires_grad=True)

    def energy(x: Tensor) -> Tensor:
        return torch.view_as_real(fourier.analyse(x)).pow(3).sum()

    assert torch.autograd.gradcheck(energy, x)
    assert torch.autograd.gradgradcheck(energy, x)


def test_windows_are_the_powers_of_two_nearest_to_a_time() -> None:
    assert [power_of_two(1 / 20, rate, 10**6) for rate in (8_000, 16_000, 44_100, 48_000)] == [
        512,
        1024,
        2048,
        2048,
    ]
    assert power_of_two(1, 48_000, 200) == 64  # at most half of the clip


# --- The contract, for both architectures -------------------------------------------------------


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize(
    ("shape", "rate"),
    [((1, 200), 4_000), ((1, 8_000), 8_000), ((2, 3_001), 22_050), ((2, 48_000), 48_000)],
)
def test_any_rate_and_length(architecture: str, shape: tuple[int, int], rate: int) -> None:
    networks = pair(architecture, shape, rate=rate)
    fake = networks.generator(*inputs(networks, 2, None))
    logits = networks.discriminator(fake, None)
    assert fake.shape == (2, *shape)
    assert logits.shape == (2,)
    assert fake.dtype == logits.dtype == torch.float32
    gradients = torch.autograd.grad(logits.square().sum(), list(networks.generator.parameters()))
    assert all(g.isfinite().all() and g.any() for g in gradients)
    if shape[0] == 2:
        assert not torch.allclose(fake[:, 0], fake[:, 1], atol=1e-4)


def test_ten_seconds_at_48_khz() -> None:
    networks = pair("istft", (2, 480_000), rate=48_000)
    with torch.no_grad():
        fake = networks.generator(*inputs(networks, 1, None))
        assert fake.shape == (1, 2, 480_000)
        assert networks.discriminator(fake, None).isfinite().all()
    with torch.device("meta"):
        assert millions(pair("istft", (2, 480_000), rate=48_000, width=0).generator) < 9


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("name", ["classes", "number", "both"])
def test_both_networks_use_conditions(architecture: str, name: str) -> None:
    condition = CONDITIONS[name]
    assert condition is not None
    networks = pair(architecture, condition=condition)
    generator, discriminator = networks.generator.eval(), networks.discriminator.eval()
    perturb(discriminator)
    z, c = inputs(networks, 4, condition)
    assert c is not None
    fake = generator(z, c)
    logits = discriminator(fake, c)
    for _, block in condition.blocks():
        other = c.clone()
        other[:, block] = c[:, block].roll(1, 1) if c[:, block].shape[1] > 1 else c[:, block] + 1
        changed = (generator(z, other) - fake).square().mean().sqrt()
        assert changed > 0.02 * fake.square().mean().sqrt()
        assert ((discriminator(fake, other) - logits).abs() > 1e-7).all()
    # Clip and condition interact: the logit is not a sum of one term for each.
    x, rows = torch.randn(2, 1, 4096), c[:2]
    a = discriminator(x[[0, 0, 1, 1]], rows[[0, 1, 0, 1]]).unflatten(0, (2, 2))
    assert (a[0, 0] - a[0, 1] - a[1, 0] + a[1, 1]).abs() > 1e-6


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_samples_are_independent_and_generators_deterministic(architecture: str) -> None:
    networks = pair(architecture, condition=CONDITIONS["both"])
    assert not networks.batch_dependent
    z, c = inputs(networks, 5, CONDITIONS["both"])
    assert c is not None
    fake = networks.generator(z, c)
    assert torch.equal(networks.generator(z, c), fake)
    assert torch.allclose(networks.generator(z[2:3], c[2:3]), fake[2:3], atol=1e-6)
    x = fake.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(networks.discriminator(x, c)[0], x)
    assert gradient[0].any()
    assert not gradient[1:].any()


def penalised(discriminator: nn.Module, x: Tensor, c: Tensor | None) -> tuple[Tensor, ...]:
    """Gradients of R1 in the parameters of D."""
    x = x.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(discriminator(x, c).sum(), x, create_graph=True)
    norm = gradient.square().flatten(1).sum(1).mean()
    return torch.autograd.grad(
        norm, list(discriminator.parameters()), allow_unused=True, materialize_grads=True
    )


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("sound", ["noise", "silence", "half silent"])
def test_derivatives_are_finite_at_silence_too(architecture: str, sound: str) -> None:
    discriminator = pair(architecture, condition=CONDITIONS["both"]).discriminator
    x = torch.randn(3, 1, 4096)
    if sound != "noise":
        x[..., 0 if sound == "silence" else 2048 :] = 0
    _, c = inputs(pair(architecture), 3, CONDITIONS["both"])
    assert discriminator(x, c).isfinite().all()
    found = penalised(discriminator, x, c)
    assert all(g.isfinite().all() for g in found)
    weights = [g for g, p in zip(found, discriminator.parameters(), strict=True) if p.ndim > 2]
    assert all(g.any() for g in weights)  # R1 has a gradient in every convolution, at silence too


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_r1_gradients_match_finite_differences(architecture: str) -> None:
    condition = CONDITIONS["classes"]
    networks = pair(architecture, (1, 1000), condition)
    discriminator = networks.discriminator.double().eval()
    perturb(discriminator)
    x = torch.randn(2, 1, 1000, dtype=torch.double)
    c = torch.eye(3, dtype=torch.double)[:2]
    gradients = penalised(discriminator, x, c)
    length = math.sqrt(sum(float(g.square().sum()) for g in gradients))
    params = dict(discriminator.named_parameters())

    def norm(step: float) -> float:
        moved = {
            k: p.detach() + step / length * g
            for (k, p), g in zip(params.items(), gradients, strict=True)
        }
        y = x.clone().requires_grad_()
        logits = functional_call(discriminator, moved, (y, c))
        (gradient,) = torch.autograd.grad(logits.sum(), y)
        return float(gradient.square().flatten(1).sum(1).mean())

    assert (norm(1e-7) - norm(-1e-7)) / 2e-7 == pytest.approx(length, rel=1e-3)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_bf16_autocast_stays_close_to_float32(architecture: str) -> None:
    networks = pair(architecture, condition=CONDITIONS["both"], width=16)
    networks.discriminator.eval()
    z, c = inputs(networks, 4, CONDITIONS["both"])
    fake = networks.generator(z, c).detach()
    x = fake / fake.square().mean().sqrt()
    logits = networks.discriminator(x, c)
    with torch.autocast("cpu", torch.bfloat16):
        low, rough = networks.generator(z, c), networks.discriminator(x, c)
        gradients = penalised(networks.discriminator, x, c)
    assert low.dtype == rough.dtype == torch.float32
    assert all(g.isfinite().all() for g in gradients)
    assert F.cosine_similarity(low.flatten(), fake.flatten(), dim=0) > 0.98
    assert (rough - logits).abs().max() < 0.05 * logits.abs().max() + 0.01


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_step_can_be_traced_with_its_second_derivatives(architecture: str) -> None:
    from torch.fx.experimental.proxy_tensor import make_fx

    discriminator = pair(architecture, (1, 1000)).discriminator.eval()
    x = torch.randn(2, 1, 1000)
    graph = make_fx(lambda x: penalised(discriminator, x, None))(x)
    y = torch.randn(2, 1, 1000)
    for a, b in zip(penalised(discriminator, y, None), graph(y), strict=True):
        assert torch.allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_networks_are_seeded_and_state_dicts_complete(architecture: str) -> None:
    first, second = (pair(architecture) for _ in range(2))
    z, _ = inputs(first, 2, None)
    fake = first.generator(z, None)
    assert torch.equal(second.generator(z, None), fake)
    perturb(second.generator)
    second.generator.load_state_dict(first.generator.state_dict())
    assert torch.equal(second.generator(z, None), fake)


def test_wavegan_stays_within_full_scale_and_its_filter_starts_as_the_identity() -> None:
    plain, filtered = pair("wavegan"), pair("wavegan", postprocess=512)
    z, _ = inputs(plain, 3, None)
    for module in (plain.generator, filtered.generator):
        with torch.no_grad():
            for parameter in module.dense.parameters():
                parameter.mul_(1e4)
    fake = plain.generator(z, None)
    assert 0.5 < fake.abs().max() <= 1
    assert torch.allclose(filtered.generator(z, None), fake, atol=1e-6)
    taps = filtered.generator.state_dict()["filter.weight"]
    assert taps.shape == (1, 1, 512)


# --- Sound --------------------------------------------------------------------------------------


def lines(x: Tensor, stride: int) -> float:
    """Decibels by which tones at multiples of rate / stride exceed the mean spectrum of ``x``
    (N, C, T), on average over those multiples."""
    length = x.shape[-1]
    power = torch.fft.rfft(x.double()).abs().square().mean((0, 1))
    step = length // stride
    found = [
        power[k] / torch.cat([power[k - 8 : k - 1], power[k + 2 : k + 9]]).median()
        for k in range(max(step, 9), len(power) - 9, step)
    ]
    return float(10 * torch.stack(found).log10().mean())


def trained(networks: Networks, steps: int, level: float) -> nn.Module:
    """The generator after a few steps of RpGAN with R1 and R2 on noise."""
    G, D = networks.generator, networks.discriminator
    optimisers = [torch.optim.Adam(m.parameters(), 2e-4, (0.0, 0.99)) for m in (G, D)]

    def update(optimiser: torch.optim.Optimizer, module: nn.Module, loss: Tensor) -> None:
        params = list(module.parameters())
        found = torch.autograd.grad(loss, params, allow_unused=True, materialize_grads=True)
        for p, g in zip(params, found, strict=True):
            p.grad = g
        optimiser.step()

    for _ in range(steps):
        real = level * torch.randn(4, 1, 4096)
        with torch.no_grad():
            fake = G(torch.randn(4, networks.latent_dim), None)
        x = torch.cat([real, fake]).requires_grad_()
        logits = D(x, None)
        (slope,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
        loss = F.softplus(logits[4:] - logits[:4]).mean() + slope.square().sum() / 4
        update(optimisers[1], D, loss)
        loss = F.softplus(-D(G(torch.randn(4, networks.latent_dim), None), None)).mean()
        update(optimisers[0], G, loss)
    return G


@pytest.mark.parametrize("steps", [0, 10])
def test_istft_has_no_tones_at_its_strides(steps: int) -> None:
    """WaveGAN's transposed convolutions are known for such tones (section 3.3 of the paper counters
    them by phase shuffle): untrained, with 16,384 samples, 43 dB at rate / 4 and 30 dB at
    rate / 16. The iSTFT networks have none beyond chance."""
    torch.manual_seed(0)
    generator = trained(pair("istft", width=32), steps, 1.0)
    with torch.no_grad():
        x = generator(torch.randn(128, 10), None)
        wavegan = pair("wavegan").generator(torch.randn(128, 10), None)
    for stride in (64, 128, 256, 512, 1024):  # the window's quarter, and its doublings
        assert abs(lines(x, stride)) < 1.5
    assert lines(wavegan, 4) > 20  # the measure detects them


def test_istft_begins_as_quiet_noise() -> None:
    with torch.no_grad():
        generator = pair("istft", (2, 16_384), width=64, latent=100).generator
        x = generator(torch.randn(32, 100), None)
    rms = x.square().mean().sqrt()
    assert 0.01 < rms < 0.1
    power = torch.fft.rfft(x.double()).abs().square().mean((0, 1))[1:-1]
    smooth = power.unfold(0, 256, 256).mean(1)
    assert smooth.max() < 4 * smooth.min()  # flat like noise
    assert x.abs().max() < 10 * rms  # no clicks
    # Latents give different sounds, not one at several levels; so do channels.
    correlation = torch.corrcoef(x[:, 0])
    assert (correlation - torch.eye(32)).abs().max() < 0.5
    assert F.cosine_similarity(x[:, 0], x[:, 1]).abs().max() < 0.5


def test_istft_has_neither_clicks_at_its_ends_nor_dc_offset() -> None:
    networks = pair("istft", (1, 8_000), width=32)
    perturb(networks.generator)
    with torch.no_grad():
        x = networks.generator(torch.randn(16, 10), None)
        looped = pair("istft", (1, 8_000), width=32, loop=True).generator(torch.randn(16, 10), None)
    rms = x.square().mean().sqrt()
    assert x[..., [0, -1]].abs().max() < 0.02 * rms
    assert x[..., :16].square().mean().sqrt() < 0.5 * rms
    assert x[..., 32:64].square().mean().sqrt() > 0.5 * rms  # at full level after 2 ms
    assert x.mean(-1).abs().max() < 0.005 * rms
    # Ends that will be blended are not faded.
    assert looped[..., [0, -1]].square().mean().sqrt() > 0.3 * looped.square().mean().sqrt()


def test_constant_frames_are_a_steady_tone() -> None:
    """With constant magnitude and phase, bin k sounds at k · rate / window."""
    generator = pair("istft", (1, 8_000), width=8).generator
    assert isinstance(generator, ISTFTGenerator)
    k, n = 37, generator.fourier.n
    with torch.no_grad():
        for layer in (generator.magnitude, generator.phase):
            layer.weight.zero_()
        generator.magnitude.bias.fill_(-30)
        generator.magnitude.bias[k - 1] = 2
        x = generator.sound(torch.zeros(1, generator.fourier.frames, 8))
    tone = torch.cos(2 * math.pi * k / n * torch.arange(8_000.0))
    assert F.cosine_similarity(x[0, 0, 100:-100], tone[100:-100], dim=0).abs() > 0.999


def test_magnitudes_have_a_limit_with_a_gradient() -> None:
    generator = pair("istft", (1, 8_000)).generator
    assert isinstance(generator, ISTFTGenerator)
    bias = torch.full_like(generator.magnitude.bias, 12.0).requires_grad_()
    x = functional_call(generator, {"magnitude.bias": bias}, (torch.randn(2, 10), None))
    assert x.isfinite().all()
    (gradient,) = torch.autograd.grad(x.square().sum(), bias)
    assert x.abs().max() < 3 * math.exp(6) * 10
    assert gradient.abs().min() > 0


def test_critics_have_three_windows_and_see_the_waveform() -> None:
    critics = pair("istft", (1, 16_000)).discriminator
    assert isinstance(critics, Critics)
    windows = [c.fourier.n for c in critics.critics if isinstance(c, SpectrumCritic)]
    assert windows == [128, 512, 1024]
    assert len(critics.critics) == 4
    outputs: list[Tensor] = []
    for critic in critics.critics[:3]:
        critic.layers[-1].register_forward_hook(lambda module, given, made: outputs.append(made))
    critics(torch.randn(1, 1, 16_000), None)
    assert max(size for h in outputs for size in h.shape[2:]) <= COARSE


# --- Recipes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("recipe", ARCHITECTURES)
def test_recipes_build_their_networks(recipe: str) -> None:
    (info,) = gankit_modalities()
    config = resolve(info, AudioSettings, recipe=recipe)
    assert config.settings.architecture == recipe
    rate, seconds = config.settings.rate, config.settings.duration
    length = 16_384 if recipe == "istft" else round(rate * seconds)
    assert length == 16_384
    with torch.device("meta"):
        codec = WaveformCodec(RATE, 1, length, Conditions(), config.settings)
        networks = build_networks(codec, config.settings)
    assert millions(networks.generator) == pytest.approx(
        19.1 if recipe == "wavegan" else 3.4, rel=0.02
    )


def test_the_wavegan_recipe_trains_as_in_the_paper() -> None:
    (info,) = gankit_modalities()
    engine = resolve(info, AudioSettings, recipe="wavegan").engine
    assert (engine.loss.objective, engine.loss.gradient_penalty) == ("wasserstein", 10)
    assert engine.gammas == (0, 0)
    assert (engine.train.batch, engine.train.d_steps) == (64, 5)
    assert (engine.optim.lr, engine.optim.beta1, engine.optim.beta2) == (1e-4, 0.5, 0.9)
    assert engine.train.samples == 200_000 * 5 * 64
