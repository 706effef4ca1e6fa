"""The time of a step on 8, 64 and 512 GPUs, on paper: nothing here ran on one.

    python benchmarks/scaling_model.py

Counted, on tensors without values: parameters, floating-point operations of an image, operations of
a step. Published: images a second of one GPU on CIFAR-10. Assumed: everything in ``Network`` and
``LAUNCH``, that other sizes reach as many operations a second, and that a GPU that has little to do
waits for its launches. See docs/explanation/scaling.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from gpu_steps import Flops
from torch._subclasses.fake_tensor import FakeTensorMode

from gankit import config as configuration
from gankit.contract import Layout
from gankit.engine.objectives import OBJECTIVES
from gankit.engine.step import AdversarialLoss, LossTerms, LossWeights, trainable
from gankit.plugins.registry import installed
from gankit_image.networks import build_networks

PUBLISHED = 90.0
"""Images a second of R3GAN on CIFAR-10 on one L40."""
LAUNCH = 8e-6
"""Seconds to launch an operation from Python."""


@dataclass
class Network:
    name: str
    inside: float
    """Bytes a second of an all-reduce among the 8 GPUs of a machine."""
    between: float
    """The same among machines, a GPU."""
    hop: float
    """Seconds of a message between two GPUs."""


NETWORKS = (
    Network("NVLink, 400 Gb/s a GPU", 300e9, 40e9, 10e-6),
    Network("PCIe, 100 Gb/s a machine", 20e9, 10e9 / 8, 30e-6),
)


class Counting(Flops):
    """Counts operations, too."""

    def __init__(self) -> None:
        super().__init__()
        self.operations = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.operations += not func.is_view
        return super().__torch_dispatch__(func, types, args, kwargs)


@dataclass
class Step:
    batch: int
    bytes: tuple[int, int]
    """Of D's gradients and of G's."""
    operations: int
    flops: float
    """Of an image."""

    @classmethod
    def of(cls, recipe: str) -> Step:
        plugin = installed().modality("image")
        config = configuration.resolve(
            plugin.info, plugin.modality.Settings, recipe=recipe, overrides=["augmentations=[]"]
        )
        side, n = config.settings.resolution, 2
        fake = FakeTensorMode()
        with fake:
            networks = build_networks(Layout((3, side, side)), config.settings)
            real, z = torch.randn(n, 3, side, side), torch.randn(n, networks.latent_dim)
            w = LossWeights(*(torch.ones(()) for _ in range(4)))
        loss = AdversarialLoss(networks, OBJECTIVES["rpgan"], LossTerms())
        D, G = trainable(networks.discriminator), trainable(networks.generator)
        with fake, Counting() as counted:
            loss.discriminator_step(D, real, None, z, w)
            loss.generator_step(G, real, None, z, w)
        sizes = [4 * sum(p.numel() for p in params) for params in (D, G)]
        batch = config.engine.train.batch
        return cls(batch, (sizes[0], sizes[1]), counted.operations, counted.total / n)

    def computing(self, images: float, rate: float) -> float:
        """Seconds for so many images of a GPU, at least the time of the launches."""
        return max(images / rate, self.operations * LAUNCH)

    def messages(self, network: Network, gpus: int) -> float:
        """Seconds of both all-reduces: within machines, then between them."""
        inside, machines = min(gpus, 8), max(gpus // 8, 1)
        seconds = 0.0
        for size in self.bytes:
            seconds += 2 * (inside - 1) / inside * size / network.inside
            seconds += 2 * (machines - 1) / machines * size / inside / network.between
            seconds += 2 * math.ceil(math.log2(gpus)) * network.hop
        return seconds


def main() -> None:
    steps = {name: Step.of(name) for name in ("r3gan-cifar10", "r3gan-64", "r3gan-256")}
    rates = {
        name: PUBLISHED * steps["r3gan-cifar10"].flops / step.flops for name, step in steps.items()
    }
    print("| recipe | batch | gradients of D, G, MB | operations a step | GFLOP an image | img/s |")
    print("|---|---|---|---|---|---|")
    for name, step in steps.items():
        sizes = ", ".join(f"{size / 1e6:.1f}" for size in step.bytes)
        print(
            f"| {name} | {step.batch} | {sizes} | {step.operations:,} | {step.flops / 1e9:.1f} "
            f"| {rates[name]:.1f} |"
        )
    for network in NETWORKS:
        print(
            f"\n{network.name}\n\n| recipe | GPUs | images a GPU | computing, ms | messages, ms "
            "| the recipe's batch: efficiency | 32 images a GPU: efficiency |\n"
            "|---|---|---|---|---|---|---|"
        )
        for name, step in steps.items():
            rate = rates[name]
            for gpus in (8, 64, 512):
                images, sent = step.batch / gpus, step.messages(network, gpus)
                took = step.computing(max(images, 1), rate) + sent
                ideal, weak = images / rate, step.computing(32, rate)
                strong = f"{ideal / took:.0%}" if images >= 1 else "–"
                print(
                    f"| {name} | {gpus} | {images:g} | {1e3 * (took - sent):.0f} "
                    f"| {1e3 * sent:.2f} | {strong} | {32 / rate / (weak + sent):.0%} |"
                )


if __name__ == "__main__":
    main()
