"""A small classifier of sounds, trained in seconds on the clips of the data.

It is used for the scores by class and as the downstream model for augmentation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchaudio.functional import mask_along_axis_iid, melscale_fbanks

from gankit_audio.data.clips import Clip
from gankit_audio.evaluation.waves import by_shape

Values = np.ndarray[Any, Any]
Augment = Callable[[Tensor], Tensor]
"""Augments spectrograms ``(N, 1, MELS, FRAMES)``; draws from torch's default generator."""

MELS, FRAMES = 40, 48
"""Size of the network's input, for clips of any length."""
FLOOR = 1e-3
"""Magnitude of silence, relative to a full-scale sine: -60 dB."""
BATCH = 32


# --- Spectrograms and their augmentation --------------------------------------------------------


def log_mel(clips: Sequence[Clip]) -> Tensor:
    """Log-mel spectrograms ``(N, 1, MELS, FRAMES)`` of clips, mixed to mono: ``log(1 + p) / 2``
    with p the power relative to the floor, so that silence is 0.
    """
    if not clips:
        return torch.zeros(0, 1, MELS, FRAMES)
    return by_shape(clips, _log_mel)


def _log_mel(clips: Sequence[Clip]) -> Tensor:
    x = torch.from_numpy(np.stack([clip.samples.mean(0) for clip in clips]))
    rate, length = clips[0].rate, x.shape[1]
    # Long clips have several frames, each short enough to show motion, averaged into one.
    together = max(1, math.ceil(length / FRAMES / (0.02 * rate)))
    hop = max(1, math.ceil(length / (FRAMES * together - 1)))
    size = 1 << (max(2 * hop, round(0.03 * rate), 64) - 1).bit_length()
    window = torch.hann_window(size)
    spectrum = torch.stft(x, size, hop, window=window, pad_mode="constant", return_complex=True)
    power = (spectrum.abs() / (window.sum() / 2)).square()
    bank = melscale_fbanks(size // 2 + 1, 40.0, rate / 2, MELS, rate)
    mel = (power.transpose(1, 2) @ (bank / bank.sum(0).clamp_min(1e-9))).transpose(1, 2)
    mel = F.avg_pool1d(F.pad(mel, (0, FRAMES * together - mel.shape[2])), together)
    return 0.5 * torch.log1p(mel / FLOOR**2)[:, None]


def mask(x: Tensor) -> Tensor:
    """SpecAugment without warping (Park et al. 2019): a band and a period of each are silenced, at
    most a fifth of either axis."""
    for axis, most in ((2, MELS // 5), (3, FRAMES // 5)):
        x = mask_along_axis_iid(x, most, 0.0, axis)
    return x


def shift(x: Tensor) -> Tensor:
    """Each is shifted in time by up to a tenth, padded with silence."""
    most = FRAMES // 10
    places = torch.arange(FRAMES) + torch.randint(2 * most + 1, (len(x), 1))
    return F.pad(x, (most, most)).gather(3, places[:, None, None].expand(-1, 1, MELS, -1))


def add_noise(x: Tensor) -> Tensor:
    """White noise of -70 to -40 dB per band is added to each."""
    level = 10 ** (3 * torch.rand(len(x), 1, 1, 1) - 1)
    return 0.5 * torch.log1p(torch.expm1(2 * x) + level * torch.empty_like(x).exponential_())


def mask_and_shift(x: Tensor) -> Tensor:
    return mask(shift(x))


def noise_and_shift(x: Tensor) -> Tensor:
    return add_noise(shift(x))


# --- The network --------------------------------------------------------------------------------


class KeywordNet(nn.Module):
    """Three convolutions and a dense layer: spectrograms to features ``(N, 64)`` and logits."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for i, (fan, width) in enumerate(((1, 16), (16, 32), (32, 64))):
            layers += [
                nn.Conv2d(fan, width, 3, stride=1 if i else 2, padding=1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(),
                *([nn.MaxPool2d(2)] if i else []),
            ]
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.Dropout(0.2))
        self.features = nn.Linear(64 * (MELS // 8) * (FRAMES // 8), 64)
        self.logits = nn.Linear(64, classes)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = F.relu(self.features(self.body(x)))
        return features, self.logits(F.dropout(features, 0.2, self.training))


class Classifier:
    """A trained :class:`KeywordNet` with the names of its classes and the scale of its input."""

    def __init__(self, network: KeywordNet, names: Sequence[str], mean: Tensor, std: Tensor):
        self.names = tuple(names)
        self._network = network.eval()
        self._mean, self._std = mean, std

    def __call__(self, x: Tensor) -> tuple[Values, Values]:
        """Probabilities ``(N, classes)`` and features ``(N, 64)`` of spectrograms, float64."""
        with torch.inference_mode():
            parts = [
                self._network((block - self._mean) / self._std) for block in torch.split(x, 256)
            ]
        features = torch.cat([f for f, _ in parts]).double()
        logits = torch.cat([y for _, y in parts]).double()
        return logits.softmax(1).numpy(), features.numpy()

    def labels(self, x: Tensor) -> Values:
        """The most probable class of each, by name."""
        found: Values = np.array(self.names)[self(x)[0].argmax(1)]
        return found


def train_classifier(
    x: Tensor,
    labels: Sequence[str],
    seed: int,
    *,
    augment: Augment | None = None,
    balanced: bool = False,
    steps: tuple[int, int],
) -> Classifier:
    """A classifier trained for sixteen epochs, within bounds, by AdamW with a one-cycle schedule.

    The state of torch's default generator is preserved.

    Args:
        x: spectrograms ``(N, 1, MELS, FRAMES)``.
        labels: N class names, of at least two classes.
        seed: of weights, batches and augmentation.
        augment: applied to each batch.
        balanced: whether to weight classes by the inverse of their frequency.
        steps: fewest and most training steps.
    """
    names, target = np.unique(np.asarray(labels), return_inverse=True)
    y = torch.from_numpy(target)
    weight = (len(y) / len(names) / y.bincount()).float() if balanced else None
    mean, std = x.mean(), x.std().clamp_min(1e-6)
    size = min(BATCH, len(x))
    count = min(max(16 * len(x) // size, steps[0]), steps[1])
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        network = KeywordNet(len(names)).train()
        optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3)
        cycle = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=count)
        order = torch.empty(0, dtype=torch.long)
        for _ in range(count):
            if len(order) < size:
                order = torch.cat([order, torch.randperm(len(x))])
            batch, order = order[:size], order[size:]
            inputs = x[batch] if augment is None else augment(x[batch])
            logits = network((inputs - mean) / std)[1]
            loss = F.cross_entropy(logits, y[batch], weight=weight)
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            cycle.step()
    return Classifier(network, names.tolist(), mean, std)
