"""A few hundred pictures at 64×64 for the same processor time: image/few beside other recipes.

    python benchmarks/few_pictures.py prepare WORK --cifar ../shared/data/cifar10
    python benchmarks/few_pictures.py train WORK cifar few --minutes 8
    python benchmarks/few_pictures.py train WORK photos small-data --minutes 5
    python benchmarks/few_pictures.py table WORK

``prepare`` writes two data sets. ``cifar``: the first 50 training pictures of each of CIFAR-10's
ten classes, with labels, and 1,000 of its test part to score with. ``photos``: 320 crops of the
left two thirds of scikit-learn's two photographs (CC BY; a flower, a temple), and 160 of the right
third to score with. Crops of the two parts do not overlap, but each photograph is one scene.

``train`` trains until the process has used so many minutes of the processor (or WORK/stop exists),
scores 1,000 samples, or as many as there are test pictures, and draws the first 64 and, for 8 of
them, the nearest training pictures. No settings were chosen on these pictures. Extractors that
share no network with a discriminator: ``random-conv`` and ``labels``, a classifier of the training
labels.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["GANKIT_PLUGINS"] = ""

import numpy as np
from PIL import Image as Picture

from gankit import config as configuration
from gankit.plugins.registry import installed
from gankit.runs.directory import Run
from gankit.workflows.evaluate import evaluate_path
from gankit.workflows.interrupts import StopRequest
from gankit.workflows.train import train

Pictures = np.ndarray[Any, Any]

ON_A_CPU = {
    "few": [
        "width=[256,128,64,64,32]",
        "backbone_side=96",
        "train.batch=16",
        "train.precision=fp32",
        "train.burn_in=5000",
        "ema.half_life=[0,1000]",
    ],
    "small-data": ["train.precision=fp32", "train.batch=16"],
    "cpu": ["train.precision=fp32"],
}
"""Settings that differ from each recipe's: fp32 is faster on this CPU, and with batches of 16 an
hour has more steps."""
EXTRACTORS = 'extractors=["random-conv","labels"]'
SHOWN = ("frechet", "precision", "recall", "coverage", "copies", "class_agreement")


class ProcessorBudget(StopRequest):
    """Stops after so many seconds of this process, or when a file appears."""

    def __init__(self, seconds: float, file: Path) -> None:
        super().__init__()
        self.until, self.file = time.process_time() + seconds, file

    def __call__(self) -> bool:
        return self.made or time.process_time() > self.until or self.file.exists()


def cifar(folder: Path, part: str, each: int) -> tuple[Pictures, Pictures]:
    """The first pictures of each class."""
    import pyarrow.parquet as pq

    table = pq.read_table(folder / f"{part}.parquet")
    labels = table["label"].to_numpy()
    rows = np.concatenate([np.flatnonzero(labels == k)[:each] for k in np.unique(labels)])
    images = table["image"].take(rows).to_pylist()
    decoded = [np.asarray(Picture.open(io.BytesIO(row["bytes"]))) for row in images]
    return np.stack(decoded), labels[rows]


def crops(left: bool, each: int) -> tuple[Pictures, Pictures]:
    """Crops of a sixth to a half of a photograph's height, at 64×64; labelled by photograph."""
    from sklearn.datasets import load_sample_images

    rng, found, labels = np.random.default_rng(0 if left else 1), [], []
    for number, photo in enumerate(load_sample_images().images):
        height, width = photo.shape[:2]
        border = width * 2 // 3
        part = photo[:, :border] if left else photo[:, border:]
        for _ in range(each):
            side = int(rng.uniform(height / 6, min(height / 2, part.shape[1])))
            top, start = (int(rng.integers(0, n - side + 1)) for n in part.shape[:2])
            crop = Picture.fromarray(part[top : top + side, start : start + side])
            found.append(np.asarray(crop.resize((64, 64), Picture.Resampling.LANCZOS)))
            labels.append(number)
    return np.stack(found), np.array(labels)


def prepare(work: Path, folder: Path) -> None:
    work.mkdir(parents=True, exist_ok=True)
    for name, (images, labels) in {
        "cifar-train": cifar(folder, "train", 50),
        "cifar-test": cifar(folder, "test", 100),
        "photos-train": crops(True, 160),
        "photos-test": crops(False, 80),
    }.items():
        np.savez(work / f"{name}.npz", image=images, label=labels)
        print(f"{name}: {len(images):,} pictures of {images.shape[2]}×{images.shape[1]}")


def trained(work: Path, data: str, recipe: str, minutes: float) -> None:
    plugin, folder = installed().modality("image"), work / f"{data}-{recipe}"
    config = configuration.resolve(
        plugin.info,
        plugin.modality.Settings,
        recipe=recipe,
        data=str((work / f"{data}-train.npz").resolve()),
        overrides=[
            *("resolution=64", "data.holdout=0", "train.threads=1", "train.samples=100000000"),
            *("log.verdict=0", "log.every=1000", "log.preview=100000000"),
            *ON_A_CPU[recipe],
        ],
    )
    started = time.process_time()
    train(plugin, config, folder, device="cpu", stop=ProcessorBudget(60 * minutes, work / "stop"))
    spent = time.process_time() - started
    run, test = Run(folder), work / f"{data}-test.npz"
    n = len(np.load(test)["label"])
    found = evaluate_path(folder, data=str(test), n=n, device="cpu", overrides=[EXTRACTORS])
    record = {
        "data": data,
        "recipe": recipe,
        "settings": ON_A_CPU[recipe],
        "processor_seconds": round(spent, 1),
        "samples": run.samples_trained,
        "n": n,
        "scores": [score.as_dict() for score in found.scores],
    }
    (folder / "few_pictures.json").write_text(json.dumps(record, indent=1))
    grid([s.item.pixels for s in found.generated[:64]], 8).save(folder / "grid.png")
    neighbours([s.item for s in found.generated[:8]], found.train, found.codec).save(
        folder / "neighbours.png"
    )
    print(f"{data}/{recipe}: {spent:,.0f} processor seconds, {run.samples_trained:,} pictures seen")


def grid(pictures: Sequence[Pictures], columns: int) -> Picture.Image:
    """Pictures in rows, twice as large."""
    height, width = pictures[0].shape[:2]
    rows = -(-len(pictures) // columns)
    sheet = Picture.new("RGB", (columns * width, rows * height))
    for i, pixels in enumerate(pictures):
        at = (i % columns * width, i // columns * height)
        sheet.paste(Picture.fromarray(pixels), at)
    return sheet.resize((2 * sheet.width, 2 * sheet.height), Picture.Resampling.NEAREST)


def neighbours(made: Sequence[Any], real: Sequence[Any], codec: Any) -> Picture.Image:
    """Samples above their three nearest training pictures, by features of random convolutions."""
    from gankit_image.data.pixels import fit
    from gankit_image.evaluation.extractors import random_conv

    extractor, items = random_conv(codec), [real[i] for i in range(len(real))]
    a, b = (extractor.features(list(x)) for x in (made, items))
    scale = b.std(0) + 1e-9
    distances = np.stack([(((row - b) / scale) ** 2).sum(1) for row in a])
    order = np.argsort(distances, 1)[:, :3]
    below = [fit(items[i].pixels, codec.format, codec.how) for i in order.T.flatten()]
    return grid([*(sample.pixels for sample in made), *below], len(made))


def table(work: Path) -> None:
    records = [json.loads(p.read_text()) for p in sorted(work.glob("*/few_pictures.json"))]
    for data in dict.fromkeys(record["data"] for record in records):
        of = [record for record in records if record["data"] == data]
        print(f"\n{data}, {of[0]['n']:,} samples\n")
        print(f"| score | {' | '.join(r['recipe'] for r in of)} | real |")
        print("|---" * (len(of) + 2) + "|")
        print("|".join(["| CPU s ", *(f" {r['processor_seconds']:,.0f} " for r in of), " |"]))
        print("|".join(["| pictures seen ", *(f" {r['samples']:,} " for r in of), " |"]))
        for score in of[0]["scores"]:
            if score["name"].partition("/")[0] in SHOWN:
                values = [_value(record, score["name"]) for record in of]
                print(f"| {score['name']} | {' | '.join(values)} | {_number(score)} |")


def _value(record: Mapping[str, Any], name: str) -> str:
    found = [s["value"] for s in record["scores"] if s["name"] == name]
    return f"{found[0]:.3g}" if found and found[0] is not None else ""


def _number(score: Mapping[str, Any]) -> str:
    return "" if score["real_baseline"] is None else f"{score['real_baseline']:.3g}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb in ("prepare", "train", "table"):
        verbs.add_parser(verb).add_argument("work", type=Path)
    verbs.choices["prepare"].add_argument("--cifar", type=Path, required=True)
    verbs.choices["train"].add_argument("data", choices=("cifar", "photos"))
    verbs.choices["train"].add_argument("recipe", choices=tuple(ON_A_CPU))
    verbs.choices["train"].add_argument("--minutes", type=float, default=8)
    args = parser.parse_args()
    if args.verb == "prepare":
        prepare(args.work, args.cifar)
    elif args.verb == "train":
        trained(args.work, args.data, args.recipe, args.minutes)
    else:
        table(args.work)


if __name__ == "__main__":
    main()
