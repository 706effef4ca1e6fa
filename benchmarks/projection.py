"""What projection reconstructs: items that were trained on, held-out ones, and generated ones.

A generator reconstructs its own samples best; how far real items stay behind is what it cannot
make, and held-out items that stay behind training items would mean that it memorises. Trains the
recipe ``image/digits``, or takes a run, and prints a row a kind of items: their mean squared error
(in units of the networks), PSNR in dB, the same of the best of the seeds, the latents' mean square
(1 for latents of N(0, I)), and how often the best of the classes is the item's own.

Usage: python benchmarks/projection.py [--run RUN] [--items 20] [--steps 300]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import gankit
from gankit.contract.subsets import take
from gankit.workflows.data import read_data

GENERATED_FROM = 1_000_000
"""The first seed of the generated items: none of those that projection starts from."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, help="a run of a plugin with pictures")
    parser.add_argument("--items", type=int, default=20, help="of each kind")
    parser.add_argument("--steps", type=int, default=300, help="of each projection")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if args.run:
            run = gankit.load(args.run)
        else:
            run = gankit.fit("image/digits", out=Path(folder) / "run", device="cpu")
        split = read_data(run.plugin, run.config)
        kinds = {
            "trained on": _chosen(split.train, args.items),
            "held out": _chosen(split.heldout, args.items),
            "generated": list(run.stream(args.items, seed=GENERATED_FROM, device="cpu")),
        }
        print(
            "| items | n | MSE | best seed | PSNR, dB | best seed | z² | own class | CPU s each |"
        )
        print("|---|---|---|---|---|---|---|---|---|")
        for kind, items in kinds.items():
            print(_row(run, kind, [getattr(one, "item", one) for one in items], args.steps))


def _chosen(part: Any, n: int) -> list[Any]:
    rng = np.random.default_rng(0)
    return list(take(part, sorted(rng.choice(len(part), n, replace=False).tolist())))


def _row(run: Any, kind: str, items: list[Any], steps: int) -> str:
    started = time.process_time()
    # Without their labels: the best of the classes has to be found.
    unlabelled = np.stack([item.pixels for item in items])
    found = run.project(unlabelled, steps=steps, device="cpu")
    seconds = (time.process_time() - started) / len(items)
    own = np.mean([p.condition.get("label") == i.label for p, i in zip(found, items, strict=True)])
    means = {
        name: np.mean([value(p) for p in found])
        for name, value in {
            "mse": lambda p: p.error,
            "start": lambda p: p.start_error,
            "psnr": lambda p: p.scores["psnr"],
            "start_psnr": lambda p: p.scores["start_psnr"],
            "z": lambda p: float(p.latent.z.square().mean()),
        }.items()
    }
    return (
        f"| {kind} | {len(items)} | {means['mse']:.4f} | {means['start']:.4f} | "
        f"{means['psnr']:.1f} | {means['start_psnr']:.1f} | {means['z']:.2f} | {own:.2f} | "
        f"{seconds:.2f} |"
    )


if __name__ == "__main__":
    main()
