"""Features of clips under named, fingerprinted networks."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchaudio.functional import melscale_fbanks, resample

from gankit.contract import Extractor
from gankit.errors import GankitError, did_you_mean
from gankit.metrics import fingerprint_weights, read_weights
from gankit_audio.clips import Clip

if TYPE_CHECKING:
    from gankit_audio.settings import AudioSettings

Values = np.ndarray[Any, Any]
Network = TypeVar("Network", bound=nn.Module)

EXTRACTORS = ("random-mel", "vggish", "pann", "clap")
"""What ``settings.extractors`` may name, besides ``auto``."""

BATCH = 64
"""Clips that go through a network at once, ..."""
SECONDS = 128
"""... and seconds of them, at the most."""


def build_extractors(settings: AudioSettings) -> list[Extractor[Clip]]:
    """The asked extractors; ``random-mel`` where none is asked for.

    Raises:
        GankitError: an unknown extractor, a missing package, weights that cannot be used.
    """
    names = dict.fromkeys("random-mel" if n == "auto" else n for n in settings.extractors)
    return [_extractor(name, settings) for name in names] or [random_mel()]


def _extractor(name: str, settings: AudioSettings) -> Extractor[Clip]:
    match name:
        case "random-mel":
            return random_mel()
        case "vggish":
            return vggish(settings.vggish_weights)
        case "pann":
            return pann(settings.pann_weights)
        case "clap":
            return clap(settings.clap_path)
    raise GankitError(
        f"extractors={name}: there is none of that name", did_you_mean(name, ("auto", *EXTRACTORS))
    )


# --- Clips to networks' input -------------------------------------------------------------------


def at_rate(x: Tensor, rate: int, wanted: int) -> Tensor:
    """Waves ``(..., T)`` resampled, to a few millionths of the rate: filters of odd rates, such as
    22051, would take gigabytes."""
    ratio = Fraction(wanted, rate).limit_denominator(500)
    return x if ratio == 1 else resample(x, ratio.denominator, ratio.numerator)


def as_waves(clips: Sequence[Clip], rate: int) -> Tensor:
    """Mono waves ``(N, T)`` at a rate, of clips that are equally long and of one rate."""
    x = torch.from_numpy(np.stack([clip.samples.mean(0) for clip in clips]))
    return at_rate(x, clips[0].rate, rate)


def by_shape(clips: Sequence[Clip], function: Callable[[Sequence[Clip]], Tensor]) -> Tensor:
    """``(N, …)`` of a function that takes a few clips of one rate and length at a time."""
    groups: dict[tuple[int, int], list[int]] = {}
    for i, clip in enumerate(clips):
        groups.setdefault((clip.rate, clip.samples.shape[1]), []).append(i)
    order: list[int] = []
    parts = []
    for (rate, samples), group in groups.items():
        size = max(1, min(BATCH, SECONDS * rate // max(samples, 1)))
        for start in range(0, len(group), size):
            chosen = group[start : start + size]
            parts.append(function([clips[i] for i in chosen]))
            order += chosen
    return torch.cat(parts)[np.argsort(order)]


class NetworkExtractor(Extractor[Clip]):
    """Features from a network that maps waves ``(N, T)`` to ``(N, D)``.

    Args:
        name: scores carry it.
        network: used in evaluation mode, on the GPU where there is one.
        rate: samples a second that it takes; clips are mixed to mono and resampled.
        aliases: established names of scores with this network.
    """

    def __init__(
        self,
        name: str,
        network: nn.Module,
        rate: int,
        *,
        aliases: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.aliases = aliases or {}
        self.fingerprint = fingerprint_weights(network, f"{name} {rate} Hz")
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._network = network.eval().to(self._device)
        self._rate = rate

    def features(self, items: Sequence[Clip]) -> Values:
        def embed(clips: Sequence[Clip]) -> Tensor:
            x = as_waves(clips, self._rate).to(self._device)
            embedded: Tensor = self._network(x).double().cpu()
            return embedded

        with torch.inference_mode():
            found: Values = by_shape(items, embed).numpy()
        return found


# --- random-mel ---------------------------------------------------------------------------------


class RandomMel(nn.Module):
    """Untrained convolutions over a log-mel spectrogram; mean and standard deviation over time.

    Every layer's channels are averaged within bands of frequency, so that features know how high
    a sound is, and over time, so that they know its texture and not its place. Enough to tell
    noise, smeared phases, wrong pitches and missing classes from data, with nothing to install.
    """

    rate = 16_000
    size, hop, mels = 512, 128, 96
    floor = 1e-3
    """Magnitude, of a full-scale sine's 1, below which there is silence: -60 dB in a band."""
    layers = ((8, 8), (16, 4), (32, 2))
    """Channels of each layer, and bands in which they are averaged."""
    bands, weight = 24, 0.3
    """Bands of the spectrogram's own moments, and the weight that keeps them, and loudness with
    them, from drowning the rest."""
    weight0: Tensor
    weight1: Tensor
    weight2: Tensor
    window: Tensor
    bank: Tensor

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        draw = torch.Generator().manual_seed(seed)
        fan = 1
        for i, (width, _) in enumerate(self.layers):
            weight = torch.randn(width, fan, 5, 5, generator=draw)
            if i == 0:  # it sees edges and lines, whatever the level
                weight -= weight.mean((2, 3), keepdim=True)
            self.register_buffer(f"weight{i}", weight * (2.0 / (25 * fan)) ** 0.5)
            fan = width
        self.register_buffer("window", torch.hann_window(self.size))
        bank = melscale_fbanks(self.size // 2 + 1, 40.0, self.rate / 2, self.mels, self.rate)
        self.register_buffer("bank", bank / bank.sum(0).clamp_min(1e-9))

    def forward(self, x: Tensor) -> Tensor:
        x = F.pad(x, (0, max(0, 8 * self.hop - x.shape[1])))
        spectrum = torch.stft(
            x, self.size, self.hop, window=self.window, pad_mode="constant", return_complex=True
        )
        power = (spectrum.abs() / (self.window.sum() / 2)).square()
        x = (power.transpose(1, 2) @ self.bank).transpose(1, 2)[:, None]
        x = 0.5 * torch.log(x + self.floor**2) - math.log(self.floor) - 2.0
        moments = [self.weight * m for m in _moments(x, self.bands)]
        for weight, (_, bands) in zip(
            (self.weight0, self.weight1, self.weight2), self.layers, strict=True
        ):
            x = F.relu(F.conv2d(x, weight, padding=2))
            moments += _moments(x, bands)
            x = F.avg_pool2d(x, 2)
        return torch.cat(moments, dim=1)


def _moments(x: Tensor, bands: int) -> list[Tensor]:
    """Of ``(N, C, mels, frames)``: mean and deviation over time of each channel's bands."""
    banded = x.view(*x.shape[:2], bands, -1, x.shape[3]).mean(3)
    return [banded.mean(3).flatten(1), banded.std(3, unbiased=False).flatten(1)]


def random_mel() -> Extractor[Clip]:
    """432 features of :class:`RandomMel` at 16 kHz."""
    return NetworkExtractor("random-mel", RandomMel(), RandomMel.rate)


# --- vggish -------------------------------------------------------------------------------------


class VGGish(nn.Module):
    """The network behind published FADs (Hershey et al. 2017; Kilgour et al. 2019), its 128
    outputs before the last rectifier, as the usual FAD packages and the network's authors, since
    2020, take them; FADs with the rectifier are another scale.

    Clips are cut into examples of 0.96 s, and a shorter clip is filled up with silence. A clip's
    features are the mean over its examples, where published FADs count each example: from 1.92 s
    on ours are lower.
    """

    rate = 16_000
    size, hop, fft, mels, frames = 400, 160, 512, 64, 96
    window: Tensor
    bank: Tensor

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        fan = 1
        for widths in ((64,), (128,), (256, 256), (512, 512)):
            for width in widths:
                layers += [nn.Conv2d(fan, width, 3, padding=1), nn.ReLU()]
                fan = width
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.embeddings = nn.Sequential(
            nn.Linear(512 * 6 * 4, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU(),
            nn.Linear(4096, 128),
        )  # fmt: skip

    def prepare(self) -> VGGish:
        """With its front end, which no file stores."""
        self.register_buffer("window", torch.hann_window(self.size))
        self.register_buffer("bank", mel_triangles(self.fft, self.rate, self.mels, 125.0, 7500.0))
        return self

    def forward(self, x: Tensor) -> Tensor:
        short = self.size + (self.frames - 1) * self.hop - x.shape[1]
        frames = F.pad(x, (0, max(0, short))).unfold(1, self.size, self.hop)
        magnitude = torch.fft.rfft(frames * self.window, self.fft).abs()
        mel = torch.log(magnitude @ self.bank + 0.01)
        examples = mel.unfold(1, self.frames, self.frames).transpose(2, 3)  # (N, E, frames, mels)
        maps = self.features(examples.flatten(0, 1)[:, None])
        # Its dense layers read (time, mel, channel), as TensorFlow lays them out.
        found: Tensor = self.embeddings(maps.permute(0, 2, 3, 1).flatten(1))
        return found.view(*examples.shape[:2], -1).mean(1)


def mel_triangles(fft: int, rate: int, mels: int, low: float, high: float) -> Tensor:
    """``(fft / 2 + 1, mels)``: triangles that are straight on the mel scale, and not, as usually,
    in hertz; the constant bin counts nowhere."""
    bins = 1127.0 * torch.log1p(torch.linspace(0, rate / 2, fft // 2 + 1).double() / 700.0)
    edges = torch.linspace(
        1127.0 * math.log1p(low / 700.0), 1127.0 * math.log1p(high / 700.0), mels + 2
    ).double()
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    rising = (bins[:, None] - left) / (centre - left)
    falling = (right - bins[:, None]) / (right - centre)
    bank = torch.minimum(rising, falling).clamp_min(0.0)
    bank[0] = 0.0
    return bank.float()


def vggish(weights: str) -> Extractor[Clip]:
    """128 features of :class:`VGGish`; its Fréchet distance is called ``fad``.

    Args:
        weights: path of a state dict with the keys ``features.0.weight`` to
            ``embeddings.4.bias``.

    Raises:
        GankitError: the file is missing, or holds something else.
    """
    state = _read_state("vggish_weights", weights, "extractors=vggish")
    network = _filled(VGGish, state, "vggish_weights", weights, "VGGish in torchvggish's layout")
    return NetworkExtractor("vggish", network.prepare(), VGGish.rate, aliases={"frechet": "fad"})


# --- pann ---------------------------------------------------------------------------------------


class _Block(nn.Module):
    def __init__(self, fan: int, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(fan, width, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(width), nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(x)))


class CNN14(nn.Module):
    """The 14-layer network of PANNs (Kong et al. 2020), up to its 2048 embeddings.

    Clips under a second are filled up with silence.
    """

    rate = 32_000
    size, hop, mels = 1024, 320, 64
    widths = (64, 128, 256, 512, 1024, 2048)
    window: Tensor
    bank: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.bn0 = nn.BatchNorm2d(self.mels)
        fan = 1
        for i, width in enumerate(self.widths, 1):
            self.add_module(f"conv_block{i}", _Block(fan, width))
            fan = width
        self.fc1 = nn.Linear(fan, fan)

    def prepare(self) -> CNN14:
        """With its front end; what a file stores of one is left aside."""
        self.register_buffer("window", torch.hann_window(self.size))
        bank = melscale_fbanks(
            self.size // 2 + 1, 50.0, 14_000.0, self.mels, self.rate, norm="slaney",
            mel_scale="slaney",
        )  # fmt: skip
        self.register_buffer("bank", bank)
        return self

    def forward(self, x: Tensor) -> Tensor:
        x = F.pad(x, (0, max(0, self.rate - x.shape[1])))
        spectrum = torch.stft(x, self.size, self.hop, window=self.window, return_complex=True)
        mel = spectrum.abs().square().transpose(1, 2) @ self.bank
        x = 10.0 * torch.log10(mel.clamp_min(1e-10))[:, None]  # (N, 1, frames, mels)
        x = self.bn0(x.transpose(1, 3)).transpose(1, 3)
        for i in range(1, len(self.widths) + 1):
            x = self.get_submodule(f"conv_block{i}")(x)
            if i < len(self.widths):
                x = F.avg_pool2d(x, 2)
        x = x.mean(3)
        return F.relu(self.fc1(x.amax(2) + x.mean(2)))


_PANN_REST = ("spectrogram_extractor.", "logmel_extractor.", "fc_audioset.", "spec_augmenter.")
"""What published files hold besides: the front end, and the classes of AudioSet."""


def pann(weights: str) -> Extractor[Clip]:
    """2048 features of :class:`CNN14` at 32 kHz.

    Args:
        weights: path of a state dict with the keys ``bn0.weight`` to ``fc1.bias``, or of a file
            that holds one as ``model``.

    Raises:
        GankitError: the file is missing, or holds something else.
    """
    state = _read_state("pann_weights", weights, "extractors=pann")
    if isinstance(inner := state.get("model"), dict):
        state = inner
    state = {key: value for key, value in state.items() if not key.startswith(_PANN_REST)}
    network = _filled(CNN14, state, "pann_weights", weights, "PANN's CNN14 (32 kHz)")
    return NetworkExtractor("pann", network.prepare(), CNN14.rate)


# --- clap ---------------------------------------------------------------------------------------


class ClapExtractor(Extractor[Clip]):
    """Embeddings of sound of a CLAP model (Wu et al. 2023), of unit length.

    Of clips above ten seconds the first ten are heard.
    """

    name = "clap"

    def __init__(self, model: Any, prepare: Any, fingerprint: str) -> None:
        self.fingerprint = fingerprint
        self._model, self._prepare = model, prepare
        self._rate = int(prepare.sampling_rate)

    def features(self, items: Sequence[Clip]) -> Values:
        parts = []
        with torch.inference_mode():
            for clip in items:
                # One at a time: their extractor fills shorter clips up to the longest.
                wave = as_waves([clip], self._rate)[0, : 10 * self._rate].numpy()
                given = self._prepare(wave, sampling_rate=self._rate, return_tensors="pt")
                found = self._model.get_audio_features(**given)
                found = found if isinstance(found, Tensor) else found.pooler_output
                parts.append(F.normalize(found.double(), dim=-1).cpu())
        features: Values = torch.cat(parts).numpy()
        return features


def clap(path: str) -> Extractor[Clip]:
    """Features of the CLAP model in a folder; nothing is fetched.

    Raises:
        GankitError: transformers or the folder is missing, or it holds something else.
    """
    if not path:
        raise GankitError("extractors=clap needs clap_path", "Give the model's folder")
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise GankitError(f"clap_path={path}: no such folder", "Give the model's folder")
    try:
        from transformers import ClapFeatureExtractor, ClapModel
    except ImportError:
        raise GankitError(
            "extractors=clap: no module transformers", "pip install 'gankit-audio[clap]'"
        ) from None
    try:
        model = ClapModel.from_pretrained(folder, local_files_only=True, use_safetensors=True)
        prepare = ClapFeatureExtractor.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise GankitError(
            f"clap_path={path}: {(str(error).splitlines() or [type(error).__name__])[0]}",
            "It must hold config.json, preprocessor_config.json and model.safetensors",
        ) from error
    return ClapExtractor(model.eval(), prepare, fingerprint_weights(model, "clap"))


# --- Weights ------------------------------------------------------------------------------------


def _read_state(setting: str, given: str, wanted_by: str) -> dict[str, Any]:
    if not given:
        raise GankitError(f"{wanted_by} needs {setting}", "Give the path of the weights")
    return read_weights(given, setting)


def _filled(
    build: Callable[[], Network], state: dict[str, Any], setting: str, given: str, what: str
) -> Network:
    """A network with these weights; nothing is drawn, so the run's random numbers stay."""
    with torch.device("meta"):
        network = build()
    wanted = network.state_dict()
    missing = [k for k in wanted if k not in state and not k.endswith("num_batches_tracked")]
    wrong = [k for k in state if k not in wanted or not isinstance(state[k], Tensor)]
    shapes = [k for k in wanted if k in state and k not in wrong]
    shapes = [k for k in shapes if state[k].shape != wanted[k].shape]
    if missing or wrong or shapes:
        why = f"{missing[0]} is missing" if missing else ""
        why = why or (f"{wrong[0]} has no place" if wrong else f"{shapes[0]} has another shape")
        raise GankitError(f"{setting}={given}: {why}", f"The file must hold {what}")
    counters = {k: torch.zeros((), dtype=torch.long) for k in wanted if k not in state}
    network.load_state_dict({**state, **counters}, assign=True)
    return network.float()
