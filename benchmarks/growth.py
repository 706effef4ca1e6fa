"""Costs as they grow: rows, columns, pixels, clip length, molecules, candidates.

    python benchmarks/growth.py [NAME ...] [--quick]

Each size runs in a forked process on one thread, which gives its CPU seconds and how far its peak
memory rose above what was there before. The exponent is the slope of a least-squares line through
their logarithms: 1 is linear. What takes less than 20 ms or 8 MB at its largest has none.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("GANKIT_PLUGINS", "")

import numpy as np
import pyarrow as pa
import torch
from step import machine

from gankit import config as configuration
from gankit.contract import Layout, quiet
from gankit.engine.trainer import Trainer
from gankit.plugins.registry import installed
from gankit.workflows.prepare import prepare

LEAST_SECONDS, LEAST_BYTES = 0.02, 8e6
Work = Callable[[], object]


def table(rows: int, columns: int) -> pa.Table:
    """Half numbers, half categories, all related."""
    rng = np.random.default_rng(0)
    hidden = rng.standard_normal((rows, 4))
    found: dict[str, Any] = {}
    for i in range(columns):
        value = hidden @ rng.standard_normal(4) + rng.standard_normal(rows)
        groups = np.digitize(value, [-3, -1, 0, 1, 3])
        found[f"c{i}"] = value.round(2) if i % 2 else np.array(list("abcdef"))[groups]
    return pa.table(found)


def trainer_of(recipe: str, source: object, *overrides: str) -> Trainer:
    plugin, _, name = recipe.partition("/")
    modality = installed().modality(plugin)
    config = configuration.resolve(
        modality.info,
        modality.modality.Settings,
        recipe=name or "default",
        overrides=["train.threads=1", "train.precision=fp32", "log.verdict=false", *overrides],
    )
    folder = Path(tempfile.mkdtemp()) / "run"
    return prepare(modality, config, folder, source=source, device="cpu")[0]


def steps(trainer: Trainer, count: int) -> Work:
    """A few steps after the first, which allocates."""
    torch.set_num_threads(1)
    trainer.step()
    return lambda: [trainer.step() for _ in range(count)]


def rows_read(n: int) -> Work:
    given = table(n, 10)
    return lambda: trainer_of("tabular", given)


def columns_learnt(n: int) -> Work:
    given = table(1000, n)
    return lambda: trainer_of("tabular", given)


def columns_trained(n: int) -> Work:
    return steps(trainer_of("tabular", table(1000, n), "train.batch=100"), 3)


def columns_drawn(n: int) -> Work:
    sampler = trainer_of("tabular", table(1000, n)).sampler()
    return lambda: list(sampler.sample(500))


def columns_flattened(n: int) -> Work:
    """Fitting the density ratio of candidates, which ends with ``flatten_ratio``."""
    overrides = ("train.batch=100", "train.samples=1000", "resampling.candidates=4")
    trainer = trainer_of("tabular/one-shot", table(1000, n), *overrides)
    trainer.step()
    trainer.clock.samples = 1000
    return trainer._fit_resampling


def image_step(recipe: str) -> Callable[[int], Work]:
    def pixels(n: int) -> Work:
        side = math.isqrt(n)
        images = np.random.default_rng(0).integers(0, 256, (64, side, side, 3), np.uint8)
        labels = [str(i % 4) for i in range(64)]
        overrides = ["train.batch=8", f"resolution={side}"]
        overrides += ["width=[64,64,32,32]"] if recipe.endswith("digits") else []
        return steps(trainer_of(recipe, (images, labels), *overrides), 1)

    return pixels


def clips_trained(n: int) -> Work:
    from step import make_trainer, play, settings_of

    from gankit_audio.networks.wavegan import build_wavegan
    from gankit_audio.settings import AudioSettings

    networks = build_wavegan(Layout((1, n)), AudioSettings(architecture="wavegan", width=8))
    step = play(make_trainer(networks, 0.1 * torch.randn(8, 1, n), settings_of(4)))
    step()
    return step


def clips_written(n: int) -> Work:
    """Spectrograms to sounds."""
    from gankit_audio.codec.spectrogram import MelSpectrogram

    mel = MelSpectrogram(16_000, n, 128, n // 160)
    s = mel(0.1 * torch.randn(1, n))
    return lambda: [mel.invert(s, 32) for _ in range(4)]


def molecules_read(n: int) -> Work:
    from rdkit import RDConfig

    file = Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi"
    lines = file.read_text().splitlines()[:n]
    kept = Path(tempfile.mkdtemp()) / "some.smi"
    kept.write_text("\n".join(line.split()[0] for line in lines))
    modality = installed().modality("molecule").modality
    return lambda: modality.read(str(kept), modality.Settings(workers=1), quiet)


def candidates_drawn(n: int) -> Work:
    from gankit.engine.sampling.sampler import Resampler

    trainer = trainer_of("tabular/one-shot", table(1000, 10))
    if n > 1:
        trainer.resampler = Resampler(trainer.networks.discriminator.eval(), n, 1.0)
    sampler = trainer.sampler()
    return lambda: list(sampler.sample(2000))


@dataclass(frozen=True)
class Growth:
    """A cost, and the sizes at which it is measured."""

    prepare: Callable[[int], Work]
    sizes: Sequence[int]
    why: str = ""
    """Of an exponent that is not 1."""


GROWTHS = {
    "rows: read, learned, encoded": Growth(rows_read, (4_000, 16_000, 64_000, 256_000)),
    "columns: read, learned, encoded": Growth(columns_learnt, (16, 64, 256, 1_000)),
    "columns: training step": Growth(columns_trained, (16, 64, 256, 1_000)),
    "columns: drawing rows": Growth(columns_drawn, (16, 64, 256, 1_000)),
    "columns: density ratio": Growth(columns_flattened, (16, 64, 256, 1_000)),
    "pixels: step, R3GAN": Growth(image_step("image/digits"), (16**2, 32**2, 64**2)),
    "pixels: step, compact": Growth(image_step("image/cpu"), (16**2, 32**2, 64**2)),
    "clip length: step, WaveGAN": Growth(clips_trained, (4_096, 16_384, 65_536)),
    "clip length: Griffin-Lim": Growth(clips_written, (8_000, 32_000, 128_000)),
    "molecules: read": Growth(molecules_read, (500, 1_000, 2_000, 4_000)),
    "candidates: drawing rows": Growth(candidates_drawn, (1, 2, 4, 8)),
}


def _measure(prepare: Callable[[int], Work], size: int, connection: Any) -> None:
    torch.set_num_threads(1)
    try:
        work = prepare(size)
        before = _peak()
        started = time.process_time()
        work()
        connection.send((time.process_time() - started, _peak() - before))
    except Exception as error:  # noqa: BLE001 - reported in its row
        connection.send(f"{type(error).__name__}: {error}")


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure(prepare: Callable[[int], Work], size: int) -> tuple[float, float] | str:
    """CPU seconds and bytes of one size, in a process of its own; or what went wrong."""
    context = multiprocessing.get_context("fork")
    mine, theirs = context.Pipe()
    child = context.Process(target=_measure, args=(prepare, size, theirs))
    child.start()
    theirs.close()
    try:
        found: tuple[float, float] | str = mine.recv()
    except EOFError:
        found = "the process was ended, perhaps for want of memory"
    child.join()
    return found


def exponent(sizes: Sequence[int], costs: Sequence[float], least: float) -> float | None:
    """The slope of log cost over log size; None where the cost is too small to tell."""
    if max(costs) < least or min(costs) <= 0 or len(sizes) < 2:
        return None
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("names", nargs="*", help="costs, by the start of their names; all")
    parser.add_argument("--quick", action="store_true", help="all sizes but the largest")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{machine(torch.device('cpu'))}, 1 thread, torch {torch.__version__}.\n")
    print("| cost of | sizes | CPU s | MB | exponent of time | exponent of memory |")
    print("|---|---|---|---|---|---|")
    for name, growth in GROWTHS.items():
        if options.names and not any(name.startswith(n) for n in options.names):
            continue
        sizes = growth.sizes[:-1] if options.quick else growth.sizes
        found = [measure(growth.prepare, size) for size in sizes]
        if failed := [f for f in found if isinstance(f, str)]:
            print(f"| {name} | {', '.join(f'{s:,}' for s in sizes)} | {failed[0]} | | | |")
            continue
        seconds, sizes_of_memory = zip(*found, strict=True)  # type: ignore[misc]
        slopes = [
            exponent(sizes, seconds, LEAST_SECONDS),
            exponent(sizes, sizes_of_memory, LEAST_BYTES),
        ]
        cells = [
            ", ".join(f"{s:,}" for s in sizes),
            ", ".join(f"{s:.3g}" for s in seconds),
            ", ".join(f"{b / 1e6:.0f}" for b in sizes_of_memory),
            *("–" if slope is None else f"{slope:.2f}" for slope in slopes),
        ]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
