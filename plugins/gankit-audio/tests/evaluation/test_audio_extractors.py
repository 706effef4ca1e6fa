from __future__ import annotations

import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torchaudio.functional import melscale_fbanks

from gankit.contract import EvaluationData, Sample
from gankit.errors import GankitError
from gankit.metrics import evaluate
from gankit_audio.data.clips import Clip
from gankit_audio.evaluation.clap import clap
from gankit_audio.evaluation.extractors import build_extractors
from gankit_audio.evaluation.network_extractor import NetworkExtractor
from gankit_audio.evaluation.pann import CNN14, pann
from gankit_audio.evaluation.random_mel import RandomMel, random_mel
from gankit_audio.evaluation.vggish import VGGish, mel_triangles, vggish
from gankit_audio.evaluation.waves import as_waves
from gankit_audio.settings import AudioSettings


def tones(n: int, seed: int, rate: int = 8000, low: float = 200, high: float = 800) -> list[Clip]:
    """Two decaying partials of a random pitch, with a little noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(rate // 2) / rate
    clips = []
    for hertz in rng.uniform(low, high, n):
        wave = np.sin(2 * np.pi * hertz * t) + 0.5 * np.sin(4 * np.pi * hertz * t)
        wave = 0.4 * wave * np.exp(-4 * t) + 1e-3 * rng.normal(size=len(t))
        clips.append(Clip(wave[None].astype(np.float32), rate))
    return clips


def changed(clips: list[Clip], change: Callable[[np.ndarray], np.ndarray]) -> list[Clip]:
    return [Clip(change(c.samples).astype(np.float32), c.rate) for c in clips]


# --- Waveforms ----------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [8000, 11_025, 22_051, 48_000])
def test_clips_become_mono_at_a_rate(rate: int) -> None:
    t = np.arange(rate) / rate
    wave = np.sin(2 * np.pi * 440 * t)
    clip = Clip(np.stack([wave, np.zeros_like(wave)]).astype(np.float32), rate)
    x = as_waves([clip, clip], 16_000)
    assert x.shape[0] == 2
    assert abs(x.shape[1] - 16_000) <= 1
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(x.shape[1]) / 16_000)
    assert np.abs(x[0].numpy() - expected)[200:-200].max() < 0.01


# --- random-mel ---------------------------------------------------------------------------------


def test_random_mel_is_reproducible_and_draws_nothing() -> None:
    state = torch.get_rng_state()
    one, two = random_mel(), random_mel()
    clips = [*tones(70, 0), *tones(3, 1, rate=11_025), *tones(2, 2)]  # batches, and two rates
    features = one.features(clips)
    assert (one.name, one.fingerprint) == ("random-mel", two.fingerprint)
    assert features.shape == (75, 432)
    assert features.dtype == np.float64
    assert np.isfinite(features).all()
    np.testing.assert_array_equal(features, two.features(clips))
    np.testing.assert_allclose(features[70:], one.features(clips[70:]), atol=1e-4)
    assert torch.equal(torch.get_rng_state(), state)


def test_fingerprint_follows_weights_and_recipe() -> None:
    def fingerprint(seed: int, rate: int) -> str:
        return NetworkExtractor("x", RandomMel(seed), rate).fingerprint

    assert len({fingerprint(0, 16_000), fingerprint(1, 16_000), fingerprint(0, 8000)}) == 3


def noisy(x: np.ndarray) -> np.ndarray:
    return x + 0.01 * np.random.default_rng(1).normal(size=x.shape)


def random_phases(x: np.ndarray) -> np.ndarray:
    """With random phases in each frame."""
    rng = np.random.default_rng(0)
    window = torch.hann_window(256)
    wave = torch.from_numpy(x.astype(np.float32))
    spectrum = torch.stft(wave, 256, 64, window=window, return_complex=True)
    turned = spectrum.abs() * torch.exp(
        2j * torch.pi * torch.from_numpy(rng.random(spectrum.shape))
    )
    return torch.istft(
        turned.to(torch.complex64), 256, 64, window=window, length=x.shape[1]
    ).numpy()


@pytest.mark.parametrize(
    "worse",
    [
        lambda clips: changed(clips, noisy),
        lambda clips: changed(clips, random_phases),
        lambda clips: tones(len(clips), 5, low=300, high=1200),
        lambda clips: tones(len(clips), 5, low=200, high=400),
        lambda clips: changed(clips, lambda x: x[:, ::-1].copy()),
        lambda clips: [clips[0]] * len(clips),
    ],
    ids=["noise", "phases", "pitch", "half of the pitches", "backwards", "collapse"],
)  # fmt: skip
def test_random_mel_detects(worse: Callable[[list[Clip]], list[Clip]]) -> None:
    made = [Sample(clip, 0, {}) for clip in worse(tones(120, 2))]
    data = EvaluationData(made, tones(400, 0), tones(120, 1))
    (score,) = evaluate([random_mel()], data, only=["frechet"])
    assert score.name == "frechet/random-mel"
    assert score.real_baseline is not None
    assert score.value > 2 * score.real_baseline


def test_silence_and_short_clips_have_features() -> None:
    for samples in (np.zeros((1, 4000)), np.ones((1, 3)), np.zeros((2, 1))):
        found = random_mel().features([Clip(samples.astype(np.float32), 8000)])
        assert np.isfinite(found).all()


def test_names() -> None:
    assert [e.name for e in build_extractors(AudioSettings())] == ["random-mel"]
    both = AudioSettings(extractors=("random-mel", "auto"))
    assert [e.name for e in build_extractors(both)] == ["random-mel"]
    assert [e.name for e in build_extractors(AudioSettings(extractors=()))] == ["random-mel"]
    with pytest.raises(GankitError, match=r"vgish.*Did you mean vggish"):
        build_extractors(AudioSettings(extractors=("vgish",)))


# --- Networks with weights: stand-ins of the right layout ---------------------------------------


def test_vggish_front_end_has_its_published_shape() -> None:
    bank = mel_triangles(512, 16_000, 64, 125.0, 7500.0)
    assert bank.shape == (257, 64)
    assert bank[:5].sum() == 0  # bins up to 125 Hz
    assert 0.5 < bank.max() <= 1
    peaks = bank.argmax(0)
    assert (peaks.diff() >= 0).all()
    # Within the band, neighbouring triangles sum to one.
    assert bank.sum(1)[8:230].sub(1).abs().max() < 1e-5
    hz = melscale_fbanks(257, 125.0, 7500.0, 64, 16_000)  # linear in hertz: similar, not the same
    assert 1e-4 < (bank - hz).abs().max() < 0.2


def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Narrows the dense layers, which have a quarter of a gigabyte of weights."""
    build = nn.Linear

    def narrow(fan: int, width: int) -> nn.Module:
        return build(8 if fan == 4096 else fan, 8 if width == 4096 else width)

    monkeypatch.setattr(nn, "Linear", narrow)


def drawn(network: nn.Module, seed: int = 0) -> nn.Module:
    torch.nn.init.normal_(next(network.parameters()), generator=torch.Generator().manual_seed(seed))
    return network


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_vggish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    from safetensors.torch import save_file

    small(monkeypatch)
    save: Callable[..., None] = torch.save if suffix == ".pth" else save_file
    save(drawn(VGGish()).state_dict(), file := tmp_path / f"w{suffix}")
    state = torch.get_rng_state()
    (extractor,) = build_extractors(AudioSettings(extractors=("vggish",), vggish_weights=str(file)))
    assert torch.equal(torch.get_rng_state(), state)
    assert (extractor.name, extractor.aliases) == ("vggish", {"frechet": "fad"})
    found = extractor.features([*tones(2, 0), *tones(1, 1, rate=16_000)])
    assert found.shape == (3, 128)
    assert np.isfinite(found).all()
    assert np.ptp(found, axis=0).max() > 0
    assert extractor.fingerprint == vggish(str(file)).fingerprint
    save(drawn(VGGish(), 1).state_dict(), file)
    assert extractor.fingerprint != vggish(str(file)).fingerprint


def test_vggish_keys_are_torchvggishs(monkeypatch: pytest.MonkeyPatch) -> None:
    with torch.device("meta"):
        shapes = {key: tuple(value.shape) for key, value in VGGish().state_dict().items()}
    convolutions = {0: (64, 1), 3: (128, 64), 6: (256, 128), 8: (256, 256), 11: (512, 256)}
    for place, shape in {**convolutions, 13: (512, 512)}.items():
        assert shapes[f"features.{place}.weight"] == (*shape, 3, 3)
    for place, dense in {0: (4096, 12_288), 2: (4096, 4096), 4: (128, 4096)}.items():
        assert shapes[f"embeddings.{place}.weight"] == dense
    assert len(shapes) == 2 * (6 + 3)


def test_a_clip_of_two_examples_has_their_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch)
    network = drawn(VGGish()).prepare().eval()
    x = torch.randn(1, 2 * 96 * 160 + 240, generator=torch.Generator().manual_seed(0))
    first, second = x[:, : 96 * 160 + 240], x[:, 96 * 160 :]
    with torch.inference_mode():
        torch.testing.assert_close(network(x), (network(first) + network(second)) / 2)
        # A partial example is dropped unless it is the only one.
        torch.testing.assert_close(network(x[:, : 180 * 160]), network(first))
        assert network(x[:, :100]).shape == (1, 128)


def thin(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr(CNN14, "widths", (2, 2, 3, 3, 4, 6))
    published = {
        **CNN14().state_dict(),
        "spectrogram_extractor.stft.conv_real.weight": torch.zeros(2),
        "logmel_extractor.melW": torch.zeros(2),
        "fc_audioset.weight": torch.zeros(527, 6),
    }
    return published


def test_pann(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published = thin(monkeypatch)
    files = tmp_path / "a.pth", tmp_path / "b.pth"
    torch.save(published, files[0])
    torch.save({"iteration": 3, "model": published}, files[1])
    one, two = (pann(str(file)) for file in files)
    assert one.fingerprint == two.fingerprint
    assert one.aliases == {}
    found = one.features([*tones(3, 0), *tones(2, 1, rate=32_000)])
    assert found.shape == (5, 6)
    assert np.isfinite(found).all()


def test_pann_has_its_published_layout() -> None:
    with torch.device("meta"):
        shapes = {key: tuple(value.shape) for key, value in CNN14().state_dict().items()}
    assert shapes["bn0.running_var"] == (64,)
    assert shapes["conv_block1.conv1.weight"] == (64, 1, 3, 3)
    assert shapes["conv_block6.conv2.weight"] == (2048, 2048, 3, 3)
    assert shapes["conv_block6.bn2.weight"] == (2048,)
    assert shapes["fc1.weight"] == (2048, 2048)


UNUSABLE: list[tuple[Callable[[Path, dict[str, Any]], object], str]] = [
    (lambda path, state: None, "no such file"),
    (lambda path, state: path.write_bytes(b""), "cannot be read"),
    (lambda path, state: path.write_bytes(b"not a model"), "cannot be read"),
    (lambda path, state: torch.save(nn.Linear(2, 2), path), "cannot be read"),
    (lambda path, state: torch.save([1, 2], path), "is missing"),
    (lambda path, state: torch.save({"fc1.bias": torch.zeros(2)}, path), "bn0.weight is missing"),
    (lambda path, state: torch.save({**state, "more": torch.ones(1)}, path), "more is unknown"),
    (
        lambda path, state: torch.save({**state, "fc1.bias": torch.ones(3)}, path),
        "fc1.bias has another shape",
    ),
    (lambda path, state: torch.save({**state, "fc1.bias": 3}, path), "fc1.bias is unknown"),
]


@pytest.mark.parametrize(
    ("write", "message"),
    UNUSABLE,
    ids=["missing", "empty", "rubbish", "code", "list", "other", "extra", "shape", "number"],
)
def test_unusable_weights(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    write: Callable[[Path, dict[str, Any]], object],
    message: str,
) -> None:
    published = thin(monkeypatch)
    file = tmp_path / "weights.pth"
    write(file, published)
    with pytest.raises(GankitError, match=message) as caught:
        pann(str(file))
    assert caught.value.message.startswith(f"pann_weights={file}")
    assert caught.value.hint


def test_weights_are_required() -> None:
    for name, setting in (
        ("vggish", "vggish_weights"), ("pann", "pann_weights"), ("clap", "clap_path"),
    ):  # fmt: skip
        with pytest.raises(GankitError, match=f"extractors={name} needs {setting}"):
            build_extractors(AudioSettings(extractors=(name,)))


# --- clap, with a stand-in of transformers ------------------------------------------------------


class StandIn(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(1, 4)

    @classmethod
    def from_pretrained(cls, folder: Path, **options: bool) -> StandIn:
        assert options == {"local_files_only": True, "use_safetensors": True}
        if not (folder / "config.json").exists():
            raise OSError(f"{folder} has no config.json\nand more lines")
        return cls()

    def get_audio_features(self, input_features: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.layer(input_features.std(1, keepdim=True))
        return found


class Prepare:
    sampling_rate = 48_000

    @classmethod
    def from_pretrained(cls, folder: Path, **options: bool) -> Prepare:
        return cls()

    def __call__(self, wave: np.ndarray, **options: Any) -> dict[str, torch.Tensor]:
        assert options == {"sampling_rate": 48_000, "return_tensors": "pt"}
        assert len(wave) <= 480_000
        return {"input_features": torch.from_numpy(wave)[None]}


def test_clap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(GankitError, match="no such folder"):
        clap(str(tmp_path / "none"))
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(GankitError, match=r"gankit-audio\[clap\]"):
        clap(str(tmp_path))
    module: Any = types.ModuleType("transformers")
    module.ClapModel, module.ClapFeatureExtractor = StandIn, Prepare
    monkeypatch.setitem(sys.modules, "transformers", module)
    with pytest.raises(GankitError, match=r"has no config.json\. It must hold"):
        clap(str(tmp_path))
    (tmp_path / "config.json").write_text("{}")
    extractor = clap(str(tmp_path))
    long = Clip(np.ones((1, 11 * 8000), np.float32), 8000)
    found = extractor.features([*tones(3, 0), long])
    assert found.shape == (4, 4)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1)
