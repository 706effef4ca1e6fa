"""A small classifier of clips, trained in seconds, that needs no weights from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gankit_video.data.items import Clip, Values
from gankit_video.evaluation.extractors import as_input

SIDE = 32
FRAMES = 4
"""Frames of a clip that it sees, each next to the change that leads to the following one."""
STEPS, BATCH, RATE = 400, 32, 3e-3
RECIPE = f"cnn {SIDE}px {FRAMES} frames {STEPS} steps"
Predict = Callable[[Sequence[Clip]], Values]


class ClipClassifier(nn.Module):
    """Frames and changes ``(N · FRAMES, 6, H, W)`` to logits (N, classes): the mean over frames
    of what a small network sees at its best position."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        widths = (6, 16, 32, 64)
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in pairwise(widths))
        self.norms = nn.ModuleList(nn.GroupNorm(4, width) for width in widths[1:])
        self.head = nn.Linear(2 * widths[-1], classes)

    def forward(self, x: Tensor) -> Tensor:
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = F.max_pool2d(F.relu(norm(conv(x))), 2)
        pooled = torch.cat([x.amax((2, 3)), x.mean((2, 3))], 1)
        return self.head(pooled).unflatten(0, (-1, FRAMES)).mean(1)  # type: ignore[no-any-return]


def train_classifier(clips: Sequence[Clip], labels: Sequence[str], seed: int) -> Predict:
    """Trains on clips; what is returned names the class of others."""
    names = sorted(set(labels))
    y = torch.tensor([names.index(label) for label in labels])
    x = _views(clips)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = ClipClassifier(len(names))
        optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=1e-2)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=STEPS)
        for _ in range(STEPS):
            chosen = torch.randint(len(x), (BATCH,))
            loss = F.cross_entropy(network(x[chosen].flatten(0, 1)), y[chosen])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
    network.eval()

    def predict(some: Sequence[Clip]) -> Values:
        found = []
        with torch.inference_mode():
            for start in range(0, len(some), 256):
                views = _views(some[start : start + 256])
                found.append(network(views.flatten(0, 1)).argmax(1))
        predicted: Values = np.array(names)[torch.cat(found).numpy()]
        return predicted

    return predict


def _views(clips: Sequence[Clip]) -> Tensor:
    """Frames and the changes that follow (N, FRAMES, 6, H, W)."""
    parts = []
    for start in range(0, len(clips), 64):
        x = as_input(clips[start : start + 64], SIDE).transpose(1, 2)  # (N, T, 3, H, W)
        chosen = torch.linspace(0, x.shape[1] - 2, FRAMES).long()
        parts.append(torch.cat([x[:, chosen], x[:, chosen + 1] - x[:, chosen]], 2))
    return torch.cat(parts)
