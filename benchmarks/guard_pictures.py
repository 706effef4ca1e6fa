"""Two hundred pictures with and without adaptive augmentation: what the guard's signals tell, and
when the samples do.

    python benchmarks/guard_pictures.py WORK [--samples 40000] [--plot FILE.svg]

200 pictures of Fashion-MNIST at 14×14 are trained on, 600 others are held out; the networks and
settings of guard_runs.py with a weak penalty, seed 0, one run each. ``copying`` and
``d_overfitting`` are the guard's, at 50 checks of 128 samples. ``copies`` is evaluate's, of
300 generated samples of the averaged weights in ten checkpoints, in the features of
``random-conv``: the share that is nearer to a training picture than the nearest 1 % of held-out
ones.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["GANKIT_PLUGINS"] = ""

import numpy as np
import torch
from guard_runs import CHECKS, EVERYWHERE, PICTURES, fashion
from safetensors.torch import load_file, save_file

import gankit
from gankit.workflows.evaluate import evaluate_path

PICTURES_IN_ALL, HELD_OUT, SCORED, AVERAGE = 800, 0.75, 300, "ema/"
ARMS = {"without": 0.0, "with": 0.6}
"""``augment.target`` of each."""
TELLS = {"d_overfitting": 0.5, "copying": 0.6, "copies": 0.05}
"""Values from which on each is read as memorisation: half of what generated samples are; a tenth
above chance; five times the baseline."""


def train(work: Path, arm: str, samples: int) -> Path:
    """A run with ten checkpoints that are kept."""
    folder = work / arm
    settings = {
        **EVERYWHERE,
        **PICTURES,
        "train.burn_in": samples,
        "ema.half_life": samples // 20,
        "data.holdout": HELD_OUT,
        "augment.target": ARMS[arm],
        "augment.speed": 20_000,
        "penalty.gamma": 0.3,
        "augmentations": ["shift", "scale", "cutout"],
        "guard.action": "warn",
        "guard.every": samples // CHECKS,
        "log.every": samples // CHECKS,
        "checkpoint.every": samples // 10,
        "checkpoint.keep": 100,
    }
    if not (folder / "model").exists():
        gankit.fit(
            *("image/cpu", fashion(PICTURES_IN_ALL)),
            out=folder,
            samples=samples,
            seed=0,
            progress=False,
            settings=settings,
        )
    return folder


def copies(folder: Path) -> Iterator[tuple[int, float]]:
    """Samples seen, and the share of copies among what the weights of then generate."""
    file = folder / "model" / "generator.safetensors"
    for checkpoint in sorted((folder / "checkpoints").iterdir()):
        if not (samples := int(checkpoint.name)):
            continue
        tensors = load_file(checkpoint / "state.safetensors")
        average = {k.removeprefix(AVERAGE): v for k, v in tensors.items() if k.startswith(AVERAGE)}
        save_file(average, file, metadata={"samples": str(samples)})
        found = evaluate_path(
            folder, source=fashion(PICTURES_IN_ALL), n=SCORED, only=["copies"], device="cpu"
        )
        yield samples, found.scores[0].value


def curves(folder: Path) -> Mapping[str, list[tuple[int, float]]]:
    """Each signal's values by samples seen."""
    ticks = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    found = {
        name: [(tick["samples"], tick[name]) for tick in ticks if name in tick]
        for name in ("copying", "d_overfitting", "augment_p", "heldout_distance")
    }
    return {**found, "copies": list(copies(folder))}


def first(points: list[tuple[int, float]], least: float) -> str:
    """The samples after which a curve stays above a value for three points, or to the end."""
    for i in range(len(points)):
        if all(value >= least for _, value in points[i : i + 3]):
            return f"{points[i][0]:,}"
    return "never"


def plot(found: Mapping[str, Mapping[str, Any]], file: Path) -> None:
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    matplotlib.rcParams |= {"svg.hashsalt": "gankit", "svg.fonttype": "none", "font.size": 9}
    figure, axes = pyplot.subplots(1, 3, figsize=(9, 2.8), layout="constrained")
    for axis, name in zip(axes, ("d_overfitting", "copying", "copies"), strict=True):
        for arm, style in (("without", "-"), ("with", "--")):
            x, y = zip(*found[arm][name], strict=True)
            axis.plot(x, y, style, label=f"{arm} augmentation")
        axis.axhline(TELLS[name], color="grey", linewidth=0.7)
        axis.set(title=name, xlabel="samples seen")
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].legend(frameon=False)
    figure.savefig(file, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("work", type=Path)
    parser.add_argument("--samples", type=int, default=40_000)
    parser.add_argument("--plot", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    found = {arm: curves(train(given.work, arm, given.samples)) for arm in ARMS}
    if given.plot:
        plot(found, given.plot)
    print("| | without augmentation | with augment.target=0.6 |\n|---|---|---|")
    for name, least in TELLS.items():
        cells = [first(list(found[arm][name]), least) for arm in ARMS]
        print(f"| samples until `{name}` ≥ {least:g} | {' | '.join(cells)} |")
    for name in ("d_overfitting", "copying", "copies", "heldout_distance", "augment_p"):
        cells = [f"{np.median([v for _, v in found[arm][name]][-3:]):.3f}" for arm in ARMS]
        print(f"| `{name}` at the end | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
