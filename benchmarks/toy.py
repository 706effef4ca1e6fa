"""RpGAN + R1 + R2 finds all 25 modes; the saturating game without a penalty does not.

Trains the toy plugin's recipes ``grid25`` and ``saturating``, which differ in their loss alone,
over a few seeds, and prints one row a run: modes found, reverse KL (nats), share of points within
three standard deviations of a centre, and CPU seconds of training. The last row is held-out real
data.

Usage: python benchmarks/toy.py [--seeds 3] [--points 10000]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import gankit

RECIPES = ("grid25", "saturating")
SCORES = ("modes", "reverse_kl", "high_quality")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3, help="runs of each recipe")
    parser.add_argument("--points", type=int, default=10_000, help="points scored of each run")
    args = parser.parse_args()

    print("| recipe | seed | modes | reverse KL | high quality | CPU s |")
    print("|---|---|---|---|---|---|")
    baseline: dict[str, float | None] = {}
    with tempfile.TemporaryDirectory() as folder:
        for recipe in RECIPES:
            for seed in range(args.seeds):
                out = Path(folder) / f"{recipe}-{seed}"
                started = time.process_time()
                run = gankit.fit(f"toy/{recipe}", out=out, device="cpu", train__seed=seed)
                seconds = time.process_time() - started
                scores = run.evaluate(n=args.points, only=["modes"], device="cpu").scores
                values = {score.name: score.value for score in scores}
                baseline = {score.name: score.real_baseline for score in scores}
                print(row(recipe, str(seed), values, f"{seconds:.0f}"), flush=True)
    print(row("real, held out", "", baseline, ""))


def row(
    recipe: str, seed: str, values: dict[str, float] | dict[str, float | None], cpu: str
) -> str:
    """A table row; a dash where there is no number."""
    found = [values.get(name) for name in SCORES]
    shown = ["–" if value is None else f"{value:.3g}" for value in found]
    return "| " + " | ".join([recipe, seed, *shown, cpu]) + " |"


if __name__ == "__main__":
    main()
