"""Features of a small classifier of the data's own labels: independent of every pretrained network,
and sensitive to what distinguishes the classes."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gankit.contract import Extractor
from gankit.contract.subsets import take
from gankit_image.data.images import Image
from gankit_image.evaluation.extractors import BATCH, Values, as_input

if TYPE_CHECKING:
    from gankit_image.codec.image_codec import ImageCodec

SIDE = 32
"""Pixels of the square that images are stretched to."""
FEATURES = 64
FEWEST = 10
"""Images of a class, below which it is left out; and with fewer than two classes left, there are no
features."""
MOST = 5_000
"""Training images."""
STEPS, LR = 300, 2e-3
"""Steps of 64 images each: about a quarter of a minute on one core."""
SHIFT = 4
"""Largest shift of a training image, in pixels."""


class LabelFeatures(Extractor[Image]):
    """The last layer but one of a convolutional network that :meth:`fit` trains to tell the classes
    of the training images apart: 64 features of an image at 32×32 pixels.

    Trained with seed 0 and one thread's order of summation, so that the same training images give
    the same features on the same machine. Scores compare only where fingerprints, which hash the
    trained weights, are the same: those of one run, or of several on the same data and split.

    Without two classes of ten or more images it accepts no item, so that there are no scores.
    """

    name = "labels"
    fingerprint = ""

    def __init__(self, codec: ImageCodec | None = None) -> None:
        self._codec = codec
        self._network: nn.Module | None = None

    def fit(self, train: Sequence[Image]) -> None:
        chosen = np.linspace(0, len(train) - 1, min(len(train), MOST)).round().astype(int)
        items = take(train, sorted(set(chosen.tolist())))
        counts = Counter(item.label for item in items if item.label is not None)
        classes = sorted(label for label, count in counts.items() if count >= FEWEST)
        if len(classes) < 2:
            self._network = None
            return
        number = {label: i for i, label in enumerate(classes)}
        known = [item for item in items if item.label in number]
        x = torch.cat([self._input(known[i : i + BATCH]) for i in range(0, len(known), BATCH)])
        y = torch.tensor([number[str(item.label)] for item in known])
        threads = torch.get_num_threads()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            torch.set_num_threads(1)  # the order of summation decides the last digits
            try:
                self._network = _trained(x, y, len(classes))
            finally:
                torch.set_num_threads(threads)
        digest = hashlib.sha256(b"labels")
        for tensor in self._network.state_dict().values():
            digest.update(tensor.numpy().tobytes())
        self.fingerprint = digest.hexdigest()[:16]

    def accepts(self, item: Image) -> bool:
        return self._network is not None

    def features(self, items: Sequence[Image]) -> Values:
        assert self._network is not None, "fit comes first"
        parts: list[Tensor] = []
        with torch.inference_mode():
            for start in range(0, len(items), BATCH):
                parts.append(self._network[:-1](self._input(items[start : start + BATCH])))  # type: ignore[index]
        found: np.ndarray[Any, Any] = torch.cat(parts).double().numpy()
        return found

    def _input(self, images: Sequence[Image]) -> Tensor:
        return as_input(images, SIDE, antialias=True, codec=self._codec) / 127.5 - 1


def _network(classes: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, outputs in ((3, 16), (16, 32), (32, FEATURES)):
        layers += [
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(FEATURES, classes)]
    return nn.Sequential(*layers)


def _trained(x: Tensor, y: Tensor, classes: int) -> nn.Sequential:
    """Trained with Adam and a learning rate that rises and falls, on shifted images."""
    network = _network(classes).train()
    optimiser = torch.optim.Adam(network.parameters(), lr=LR)
    for step in range(STEPS):
        part = (step + 1) / STEPS
        optimiser.param_groups[0]["lr"] = LR * min(10 * part, 1) * (1 - part)
        chosen = torch.randint(len(x), (64,))
        down, right = torch.randint(-SHIFT, SHIFT + 1, (2,)).tolist()
        shifted = F.pad(x[chosen], [SHIFT] * 4, mode="replicate")
        shifted = shifted.roll((down, right), (2, 3))[:, :, SHIFT:-SHIFT, SHIFT:-SHIFT]
        optimiser.zero_grad()
        F.cross_entropy(network(shifted), y[chosen]).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return network.eval()
