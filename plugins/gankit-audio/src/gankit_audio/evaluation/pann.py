"""PANN's CNN14."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchaudio.functional import melscale_fbanks

from gankit.contract import Extractor
from gankit_audio.data.clips import Clip
from gankit_audio.evaluation.network_extractor import (
    NetworkExtractor,
    load_network,
    read_state,
)


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

    Clips under a second are padded with silence.
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
        """Adds the front end; that in the file is ignored."""
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


_IGNORED = ("spectrogram_extractor.", "logmel_extractor.", "fc_audioset.", "spec_augmenter.")
"""Other keys of published files: the front end, and the classes of AudioSet."""


def pann(weights: str) -> Extractor[Clip]:
    """2048 features of :class:`CNN14` at 32 kHz.

    Args:
        weights: path of a state dict with the keys ``bn0.weight`` to ``fc1.bias``, or of a file
            that holds one as ``model``.

    Raises:
        GankitError: the file is missing, or holds something else.
    """
    state = read_state("pann_weights", weights, "pann")
    if isinstance(inner := state.get("model"), dict):
        state = inner
    state = {key: value for key, value in state.items() if not key.startswith(_IGNORED)}
    network = load_network(CNN14, state, "pann_weights", weights, "PANN's CNN14 (32 kHz)")
    return NetworkExtractor("pann", network.prepare(), CNN14.rate)
