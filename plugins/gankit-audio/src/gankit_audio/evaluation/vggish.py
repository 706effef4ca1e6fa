"""VGGish, the network behind published Fréchet audio distances."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gankit.contract import Extractor
from gankit_audio.data.clips import Clip
from gankit_audio.evaluation.network_extractor import (
    NetworkExtractor,
    load_network,
    read_state,
)


class VGGish(nn.Module):
    """The network behind published FADs (Hershey et al. 2017; Kilgour et al. 2019).

    Its 128 features are taken before the last ReLU, as in common FAD packages and, since 2020, by
    its authors; FADs with the ReLU are on another scale.

    Clips are cut into examples of 0.96 s; shorter clips are padded with silence. The features of a
    clip are the mean over its examples, whereas published FADs count each example: from 1.92 s on
    ours are lower.
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
        """Adds the front end, which is not in the file."""
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
        # The dense layers expect TensorFlow's order (time, mel, channel).
        found: Tensor = self.embeddings(maps.permute(0, 2, 3, 1).flatten(1))
        return found.view(*examples.shape[:2], -1).mean(1)


def mel_triangles(fft: int, rate: int, mels: int, low: float, high: float) -> Tensor:
    """``(fft / 2 + 1, mels)``: triangles that are linear on the mel scale, not in hertz as usual;
    bin 0 is ignored."""
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
    """128 features of :class:`VGGish`; its Fréchet distance is ``fad``.

    Args:
        weights: path of a state dict with the keys ``features.0.weight`` to
            ``embeddings.4.bias``.

    Raises:
        GankitError: the file is missing, or holds something else.
    """
    state = read_state("vggish_weights", weights, "vggish")
    network = load_network(
        VGGish, state, "vggish_weights", weights, "VGGish in torchvggish's layout"
    )
    return NetworkExtractor("vggish", network.prepare(), VGGish.rate, aliases={"frechet": "fad"})
