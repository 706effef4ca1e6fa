"""Finite-difference R1 and R2 against exact ones: bias and noise by step size and precision.

At the start of training and after some of it, on one batch of real and generated pictures, with
augmentation at p = 0.5. The exact penalty is computed in float32. Differences have the same
augmentation and many directions, forward (D at x and x + sigma e) or central (at x - sigma e and
x + sigma e). Ratios are of the estimates' mean to the exact penalty; "slope" is the part of the
mean gradient in D's parameters along the exact one, relative to it; "noise" the deviation of one
draw's gradient, relative to the exact one.
"""

from __future__ import annotations

import argparse
import copy
import io
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
from PIL import Image
from step import machine, make_trainer, play, settings_of
from torch import Tensor

from gankit.contract import Layout, Networks
from gankit.engine.objectives import OBJECTIVES
from gankit.engine.penalties import augment_alike, difference_norm, squared_gradient_norm
from gankit.engine.step import AdversarialLoss, LossWeights, trainable
from gankit_image.networks import build_networks
from gankit_image.settings import ImageSettings

NETWORKS = {
    "r3gan": {"width": (96, 96, 64, 32), "blocks": 1},
    "vit": {"width": (128,), "blocks": 4, "patch": 4},
}
SIGMAS = (0.01, 0.03, 0.1, 0.3)
AUGMENT_P = 0.5


def pictures(file: Path, n: int) -> Tensor:
    """The first ``n`` of a Parquet file, (n, 3, 32, 32) in [-1, 1]."""
    rows = pq.read_table(file, columns=["image"]).column("image").slice(0, n).to_pylist()
    arrays = [np.asarray(Image.open(io.BytesIO(row["bytes"])).convert("RGB")) for row in rows]
    return torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2).float() / 127.5 - 1


def train(networks: Networks, reals: Tensor, samples: int, batch: int = 32) -> None:
    """Trains in place, with exact penalties."""
    trainer = make_trainer(networks, reals, settings_of(batch))
    step = play(trainer)
    for _ in range(samples // batch):
        step()


class Measured:
    """The penalty of one discriminator on one batch."""

    def __init__(self, networks: Networks, x: Tensor) -> None:
        self.networks, self.x = networks, x
        self.params = trainable(networks.discriminator)
        zero = torch.zeros(())
        self.weights = LossWeights(zero, zero, zero, torch.tensor(AUGMENT_P))
        self.losses = {
            name: AdversarialLoss(networks, OBJECTIVES["rpgan"], autocast=autocast)
            for name, autocast in (("fp32", None), ("bf16", torch.bfloat16))
        }
        self.exact, self.exact_gradient = self._flat(self._exact("fp32"))

    def _exact(self, precision: str) -> Tensor:
        loss, x = self.losses[precision], self.x.clone().requires_grad_()
        torch.manual_seed(0)
        logits = loss.discriminate(loss.augment(x, self.weights), None)
        return squared_gradient_norm(logits, x).mean()

    def _difference(self, precision: str, sigma: float, central: bool, seed: int) -> Tensor:
        loss, rng = self.losses[precision], torch.Generator().manual_seed(seed)
        e = torch.randn(self.x.shape, generator=rng)
        torch.manual_seed(0)
        pair = augment_alike(
            lambda x: loss.augment(x, self.weights),
            self.x - sigma * e if central else self.x,
            self.x + sigma * e,
        )
        first, second = loss.discriminate(torch.cat(pair), None).chunk(2)
        return difference_norm(first, second, sigma if central else sigma / 2).mean()

    def _flat(self, penalty: Tensor) -> tuple[float, Tensor]:
        found = torch.autograd.grad(penalty, self.params, allow_unused=True, materialize_grads=True)
        return float(penalty), torch.cat([g.flatten() for g in found])

    def row(self, precision: str, sigma: float, central: bool, draws: int) -> list[float]:
        """Ratio of values, its standard error, slope, noise."""
        values, projections, squares = [], [], []
        norm = self.exact_gradient.norm()
        for seed in range(draws):
            value, gradient = self._flat(self._difference(precision, sigma, central, seed))
            values.append(value / self.exact)
            projections.append(float(gradient @ self.exact_gradient / norm**2))
            squares.append(float((gradient - self.exact_gradient).norm() / norm) ** 2)
        return [
            float(np.mean(values)),
            float(np.std(values, ddof=1) / draws**0.5),
            float(np.mean(projections)),
            float(np.mean(squares)) ** 0.5,
        ]

    def exact_in_bf16(self) -> list[float]:
        value, gradient = self._flat(self._exact("bf16"))
        norm = self.exact_gradient.norm()
        return [
            value / self.exact,
            0.0,
            float(gradient @ self.exact_gradient / norm**2),
            float((gradient - self.exact_gradient).norm() / norm),
        ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("data", type=Path, help="Parquet file of 32x32 pictures (CIFAR-10)")
    parser.add_argument("--networks", nargs="+", default=[*NETWORKS], choices=[*NETWORKS])
    parser.add_argument("--samples", type=int, default=6400, help="trained on before")
    parser.add_argument("--batch", type=int, default=32, help="real and as many generated pictures")
    parser.add_argument("--draws", type=int, default=24, help="directions")
    options = parser.parse_args()
    torch.set_num_threads(1)
    reals = pictures(options.data, 2000 + options.batch)
    print(f"{machine(torch.device('cpu'))}, torch {torch.__version__}, {options.draws} draws")
    for name in options.networks:
        torch.manual_seed(0)
        networks = build_networks(
            Layout((3, 32, 32)), ImageSettings(architecture=name, **NETWORKS[name])
        )
        augmentation, networks.augment_input = networks.augment_input, None
        for trained in (0, options.samples):
            began = time.process_time()
            train(networks, reals[:2000], trained)
            with torch.no_grad():
                fake = networks.generator(torch.randn(options.batch, networks.latent_dim), None)
            at = copy.deepcopy(networks)
            at.augment_input = augmentation
            measured = Measured(at, torch.cat([reals[-options.batch :], fake]))
            took = time.process_time() - began
            print(
                f"\n{name} after {trained:,} samples ({took:.0f} CPU s): "
                f"mean squared gradient norm {measured.exact:.4g}\n\n"
                "| sigma | form | precision | ratio | slope | noise |\n|---|---|---|---|---|---|"
            )
            cells = measured.exact_in_bf16()
            print(f"| – | exact | bf16 | {cells[0]:.3f} | {cells[2]:.3f} | {cells[3]:.2f} |")
            for precision in ("fp32", "bf16"):
                for sigma in SIGMAS:
                    for central in (False, True):
                        cells = measured.row(precision, sigma, central, options.draws)
                        form = "central" if central else "forward"
                        print(
                            f"| {sigma:g} | {form} | {precision} | {cells[0]:.3f} ± {cells[1]:.3f} "
                            f"| {cells[2]:.3f} | {cells[3]:.2f} |",
                            flush=True,
                        )


if __name__ == "__main__":
    main()
