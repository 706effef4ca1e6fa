"""A few pictures, from nothing and from a run on others: what ``--from`` and FreezeD give.

    python benchmarks/transfer.py ../shared/data/fashion-mnist runs-transfer

A source is trained on eight classes of Fashion-MNIST. Then 200 pictures of the two others, bags and
ankle boots, are trained on for equally many samples: from nothing, from the source, and from the
source with the discriminator's first layers frozen. Scores compare generated pictures with real
ones of the two classes, from the official test part, beside as many others of it. The same
settings throughout, those of ``image/cpu-few``; one seed.
"""

from __future__ import annotations

import argparse
import gzip
import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

import gankit
from gankit.contract import EvaluationData, Extractor
from gankit.metrics import evaluate
from gankit.plugins.registry import installed
from gankit_image.data.images import Image
from gankit_image.settings import ImageSettings

NAMES = ["top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot"]
TARGET = ("bag", "boot")
Values = np.ndarray[Any, Any]


class Once(Extractor[Image]):
    """Computes the features of each picture once."""

    def __init__(self, of: Extractor[Image]) -> None:
        self.of, self.name, self.fingerprint = of, of.name, of.fingerprint
        self.known: dict[bytes, Values] = {}

    def features(self, items: Sequence[Image]) -> Values:
        keys = [item.pixels.tobytes() for item in items]
        todo = {key: item for key, item in zip(keys, items, strict=True) if key not in self.known}
        if todo:
            self.known.update(zip(todo, self.of.features([*todo.values()]), strict=True))
        return np.stack([self.known[key] for key in keys])


def idx(file: Path) -> Values:
    data = gzip.decompress(file.read_bytes())
    shape = [int.from_bytes(data[4 + 4 * i : 8 + 4 * i], "big") for i in range(data[3])]
    return np.frombuffer(data, np.uint8, offset=4 + 4 * len(shape)).reshape(shape)


def part(folder: Path, name: str) -> tuple[Values, Values]:
    x, y = (idx(folder / f"{name}-{kind}-ubyte.gz") for kind in ("images-idx3", "labels-idx1"))
    return x, np.array(NAMES)[y]


def images(x: Values) -> list[Image]:
    return [Image(one[..., None]) for one in x]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--source", type=int, default=60_000, help="samples of the source")
    parser.add_argument("--samples", type=int, default=15_000, help="samples of each other run")
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("-n", type=int, default=300, help="pictures that are scored")
    parser.add_argument("--freeze", type=int, nargs="*", default=[3])
    given = parser.parse_args()
    torch.set_num_threads(1)
    os.environ.setdefault("OMP_NUM_THREADS", "1")

    x, y = part(given.data, "train")
    few = np.flatnonzero(np.isin(y, TARGET))[: given.pictures]
    many = np.flatnonzero(~np.isin(y, TARGET))
    real, labels = part(given.data, "t10k")
    real = real[np.isin(labels, TARGET)]
    settings = {
        "train.threads": 1,
        "log.verdict": 0,
        "checkpoint.minutes": 60,
        "mirror": False,
        "data.holdout": 0,
    }
    found: Any = ImageSettings(extractors=("efficientnet-lite0",))
    evaluators = installed().modality("image").modality.evaluators(None, found)
    extractor = Once(next(e for e in evaluators if isinstance(e, Extractor)))
    print(f"{platform.processor() or platform.machine()}, torch {torch.__version__}, one thread")
    print(f"{len(few)} pictures of {' and '.join(TARGET)}; source: {len(many):,} of the others")

    def train(name: str, chosen: Values, samples: int, **more: Any) -> gankit.Run:
        started = time.process_time()
        given_here = {**settings, "train.burn_in": samples, **more.pop("extra", {})}
        run = gankit.fit(
            "image/cpu-few",
            (x[chosen], y[chosen].tolist()),
            out=given.out / name,
            samples=samples,
            settings=given_here,
            progress=False,
            **more,
        )
        seconds = time.process_time() - started
        print(f"{name}: {run.samples_trained:,} samples, {seconds:.0f} CPU s", flush=True)
        return run

    def score(name: str, made: Sequence[Any]) -> None:
        n = given.n
        data = EvaluationData(made, images(real[:n]), images(real[n : 2 * n]))
        shown = [
            f"{score.name.partition('/')[0]} {score.value:.3g} ({score.real_baseline:.3g})"
            for score in evaluate([extractor], data, only=["frechet", "manifold"])
        ]
        print(f"{name}: {', '.join(shown)}", flush=True)

    source = train("source", many, given.source)
    runs = {"from nothing": train("from-nothing", few, given.samples)}
    runs["from the source"] = train("from-source", few, given.samples, from_=source)
    for layers in given.freeze:
        extra = {"transfer.freeze_d": layers}
        name = f"from the source, {layers} layers frozen"
        runs[name] = train(f"frozen-{layers}", few, given.samples, from_=source, extra=extra)
    for name, run in runs.items():
        score(name, list(run.stream(given.n)))


if __name__ == "__main__":
    main()
