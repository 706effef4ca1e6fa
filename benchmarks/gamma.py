"""``penalty.gamma=auto`` against the recipes' weights, tuned by hand, and ten times more and less.

    python benchmarks/gamma.py [--data ../shared/data] [--seeds 2] [--only NAME ...]

Each data set is trained with its recipe, shortened, four times over: with gamma adapted, with the
recipe's, with a tenth and with ten times of it. All have the same samples, seeds and networks. Two
numbers are printed of each: the Fréchet distance and coverage of samples beside held-out real ones,
in the plugin's own features. ``auto`` counts as not worse where its mean Fréchet distance is at
most a tenth above the worst seed of the recipe's.

How gamma is adapted was chosen on other data: toy/ring8, 178 wines, MNIST, Adult and spoken digits
0 to 4. Those here were named before they were tried: spiral and grid25, Fashion-MNIST and CIFAR-10
(2,000 pictures of 16×16 each), biopsies and diabetes patients as tables, spoken digits 5 to 9, and
scikit-learn's 8×8 digits as vectors. The digits had been seen as pictures, with fixed weights.
"""

from __future__ import annotations

import argparse
import gzip
import io
import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["GANKIT_PLUGINS"] = ""

import numpy as np
from PIL import Image

import gankit

PICTURES, SIDE = 2_000, 16
FACTORS = {"×0.1": 0.1, "by hand": 1.0, "×10": 10.0}
ALWAYS: Mapping[str, Any] = {"train.threads": 1, "log.verdict": 0, "log.preview": 10**9}
Arguments = Mapping[str, Any]


@dataclass(frozen=True)
class Case:
    """A data set, and the recipe with which it is trained."""

    recipe: str
    by_hand: float | list[float]
    """The recipe's gamma."""
    features: str
    settings: Mapping[str, Any]
    data: Callable[[Path], Arguments] = field(default=lambda folder: {})
    """What ``gankit.fit`` is given, of the folder of data."""


def points(samples: int) -> dict[str, Any]:
    return {"train.samples": samples, "train.burn_in": samples}


def pictures(samples: int) -> dict[str, Any]:
    return {
        **points(samples),
        "resolution": SIDE,
        "max_resolution": SIDE,
        "ema.half_life": [0, samples // 6],
        "extractors": ["random-conv"],
        "augmentations": [],
        "mirror": False,
    }


def fashion(folder: Path) -> Arguments:
    place = folder / "fashion-mnist"
    x = gzip.decompress((place / "train-images-idx3-ubyte.gz").read_bytes())
    y = gzip.decompress((place / "train-labels-idx1-ubyte.gz").read_bytes())
    images = np.frombuffer(x, np.uint8, offset=16).reshape(-1, 28, 28)[:PICTURES]
    return {"data": small(images), "c": np.frombuffer(y, np.uint8, offset=8)[:PICTURES]}


def cifar(folder: Path) -> Arguments:
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(folder / "cifar10" / "train.parquet").slice(0, PICTURES)
    files = [row["bytes"] for row in table["image"].to_pylist()]
    images = [np.asarray(Image.open(io.BytesIO(file)).convert("RGB")) for file in files]
    return {"data": small(images), "c": np.asarray(table["label"].to_pylist())}


def small(images: Any) -> np.ndarray[Any, Any]:
    """Pictures at 16×16."""
    return np.stack([np.asarray(Image.fromarray(x).resize((SIDE, SIDE), 4)) for x in images])


def diabetes(folder: Path) -> Arguments:
    from sklearn.datasets import load_diabetes

    return {"data": load_diabetes(as_frame=True, scaled=False).frame}


def digits(folder: Path) -> Arguments:
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return {"data": (x / 8 - 1).astype(np.float32), "c": y}


def spoken(folder: Path) -> Arguments:
    """Digits 5 to 9, by links."""
    place = Path(tempfile.mkdtemp(prefix="gankit-spoken-"))
    for digit in "56789":
        (place / digit).symlink_to((folder / "fsdd" / digit).resolve())
    return {"data": str(place)}


TABLE = {"train.samples": 20_000, "train.batch": 100, "resampling.candidates": 1,
         "ema.half_life": 3_000}  # fmt: skip
CASES: Mapping[str, Case] = {
    "spiral": Case("toy/spiral", [0.2, 0.01], "coordinates", points(76_800)),
    "grid25": Case("toy/grid25", [0.1, 0.003], "coordinates", points(102_400)),
    "Fashion-MNIST": Case("image/mnist", [1.0, 0.3], "random-conv", pictures(9_600), fashion),
    "CIFAR-10": Case("image/cpu", [1.0, 0.3], "random-conv", pictures(9_600), cifar),
    "biopsies": Case("tabular/one-shot", 0.2, "encoded-table", TABLE),
    "diabetes": Case("tabular/one-shot", 0.2, "encoded-table", TABLE, diabetes),
    "spoken 5–9": Case(
        "audio/default",
        0.3,
        "random-mel",
        {**points(20_000), "train.batch": 64, "ema.half_life": 4_000},
        spoken,
    ),
    "digit vectors": Case(
        "tensor/default",
        [0.5, 0.05],
        "values",
        {"train.samples": 64_000, "train.burn_in": 32_000, "train.epochs": 0},
        digits,
    ),
}


def times(gamma: float | list[float], factor: float) -> float | list[float]:
    return [g * factor for g in gamma] if isinstance(gamma, list) else gamma * factor


@dataclass(frozen=True)
class Result:
    frechet: float
    coverage: float
    floors: tuple[float | None, float | None]
    gamma: str


def train(case: Case, gamma: Any, seed: int, given: Arguments, n: int) -> Result:
    """One run, scored; infinitely far where it diverged."""
    settings = {**ALWAYS, **case.settings, "train.seed": seed, "penalty.gamma": gamma}
    names = [f"{score}/{case.features}" for score in ("frechet", "coverage")]
    with tempfile.TemporaryDirectory() as folder:
        quiet: dict[str, Any] = {"device": "cpu", "progress": False}
        try:
            out = Path(folder) / "run"
            run = gankit.fit(case.recipe, **given, out=out, settings=settings, **quiet)
        except gankit.GankitError as error:
            print(f"  {error}", file=sys.stderr)
            return Result(float("inf"), 0.0, (None, None), "")
        found = {s.name: s for s in run.evaluate(n=n, only=names, **quiet).scores}
        adapted = [line["gamma"] for line in run.metrics() if "gamma" in line]
        ends = f"{adapted[len(adapted) // 10]:.2g} → {adapted[-1]:.2g}" if adapted else ""
    frechet, coverage = (found[name] for name in names)
    floors = frechet.real_baseline, coverage.real_baseline
    return Result(frechet.value, coverage.value, floors, ends)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    shared = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
    parser.add_argument("--data", type=Path, default=shared)
    parser.add_argument("--seeds", type=int, default=2, help="of auto and of the recipe's gamma")
    parser.add_argument("--n", type=int, default=400, help="samples that are scored")
    parser.add_argument("--only", nargs="*", default=[], choices=[[], *CASES], metavar="NAME")
    args = parser.parse_args()

    print("Fréchet distance (coverage); the seeds' means, and their range.\n")
    print("| data | recipe | real | auto | γ, auto | γ, by hand | by hand | ×0.1 | ×10 | auto is |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name in args.only or CASES:
        case = CASES[name]
        given, started = case.data(args.data), time.process_time()
        ways = {"auto": "auto", **{k: times(case.by_hand, f) for k, f in FACTORS.items()}}
        results = {
            way: [
                train(case, gamma, seed, given, args.n)
                for seed in range(args.seeds if way in ("auto", "by hand") else 1)
            ]
            for way, gamma in ways.items()
        }
        auto, hand = ([r.frechet for r in results[way]] for way in ("auto", "by hand"))
        verdict = "not worse" if statistics.mean(auto) <= 1.1 * max(hand) < math.inf else "worse"
        floor = results["auto"][0].floors
        gamma = case.by_hand if isinstance(case.by_hand, list) else [case.by_hand]
        row = [
            *(name, case.recipe, " ".join((shown(floor[0]), f"({shown(floor[1])})"))),
            *(cell(results["auto"]), results["auto"][0].gamma, " → ".join(f"{g:g}" for g in gamma)),
            *(cell(results[way]) for way in FACTORS if way == "by hand"),
            *(cell(results[way]) for way in FACTORS if way != "by hand"),
            verdict,
        ]
        print("| " + " | ".join(row) + " |", flush=True)
        print(f"  {name}: {time.process_time() - started:.0f} CPU s", file=sys.stderr)


def cell(results: list[Result]) -> str:
    """Mean Fréchet distance, its range over seeds, and mean coverage."""
    found = [r.frechet for r in results]
    half = f" ± {(max(found) - min(found)) / 2:.2g}" if min(found) < max(found) < math.inf else ""
    coverage = statistics.mean(r.coverage for r in results)
    return f"{shown(statistics.mean(found))}{half} ({shown(coverage)})"


def shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"


if __name__ == "__main__":
    main()
