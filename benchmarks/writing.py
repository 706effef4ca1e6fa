"""Writing to disk against generating: which share of ``gankit generate`` each stage takes.

    python benchmarks/writing.py [NAME ...] [-n 1000] [--quick]

For each kind of data and format, CPU seconds of the network alone, of decoding its output to items,
and of the writer, for the same items on one thread. Networks are the recipes', untrained. Molecules
are read, not generated: only their writer is timed. *Writing, share* is the writer's time over
the network's: above 1, a disk waits for the encoder and not for the network.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("GANKIT_PLUGINS", "")

import numpy as np
import torch
from growth import table, trainer_of
from step import machine

from gankit.contract import Provenance, Sample
from gankit.plugins.registry import installed

PROVENANCE = Provenance("gankit", "run", "2026-01-01T00:00:00+00:00", "uri")
FORMATS = {
    "image, 32×32 (compact)": ("image", ("folder", "parquet")),
    "image, 64×64 (R3GAN)": ("image", ("folder", "parquet")),
    "audio, 1 s (components)": ("audio", ("wav", "flac")),
    "audio, 1 s (WaveGAN, width 16)": ("audio", ("wav", "flac")),
    "tabular, 10 columns": ("tabular", ("parquet", "csv")),
    "molecule": ("molecule", ("smi", "csv", "sdf")),
}


def trainer(name: str) -> Any:
    if name.startswith("image"):
        side, recipe = (32, "cpu") if "compact" in name else (64, "digits")
        images = np.random.default_rng(0).integers(0, 256, (64, side, side, 3), np.uint8)
        more = [] if recipe == "cpu" else ["width=[64,64,32,32]"]
        given = (images, [str(i % 4) for i in range(64)])
        return trainer_of(f"image/{recipe}", given, "train.batch=8", f"resolution={side}", *more)
    if name.startswith("audio"):
        return trainer_of("audio", None) if "comp" in name else trainer_of(
            "audio/wavegan", None, "width=16", "train.batch=8"
        )  # fmt: skip
    return trainer_of("tabular", table(2_000, 10))


def spent(run: Callable[[], Any]) -> tuple[float, Any]:
    started = time.process_time()
    found = run()
    return time.process_time() - started, found


def row(name: str, plugin: str, formats: Sequence[str], n: int) -> None:
    """Prints a line for each format."""
    modality = installed().modality(plugin).modality
    if plugin == "molecule":
        items = modality.read(None, modality.Settings(workers=1)).items
        samples = [Sample(items[i % len(items)], i, {}) for i in range(n)]
        codec, network, decoding = None, None, None
    else:
        torch.set_num_threads(1)
        made = trainer(name)
        sampler, codec = made.sampler(), made.codec
        size = min(n, codec.decode_batch_size)

        def networks() -> None:
            for start in range(0, n, size):
                seeds = range(start, min(start + size, n))
                c = sampler.draw_conditions(seeds, {})
                sampler.draw(seeds, c)

        networks()
        network, _ = spent(networks)
        whole, samples = spent(lambda: list(sampler.sample(n)))
        decoding = max(whole - network, 0.0)
    for form in formats:
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "out"
            target.mkdir()
            writing, _ = spent(
                lambda form=form, target=target: modality.write(
                    iter(samples), target, codec, PROVENANCE, form
                )
            )
        share = "–" if network is None else f"{writing / network:.2f}"
        figures = [network, decoding, writing]
        cells = [name, form, *("–" if f is None else f"{f / n * 1e6:,.0f}" for f in figures), share]
        print(f"| {' | '.join(cells)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("names", nargs="*", help="by the start of their names; all")
    parser.add_argument("-n", type=int, default=1_000, help="items")
    parser.add_argument("--quick", action="store_true", help="100 items")
    options = parser.parse_args()
    n = 100 if options.quick else options.n
    print(f"{machine(torch.device('cpu'))}, 1 thread, torch {torch.__version__}; {n:,} items.\n")
    print("| items | format | network, µs each | decoding | writing | writing, share |")
    print("|---|---|---|---|---|---|")
    for name, (plugin, formats) in FORMATS.items():
        if options.names and not any(name.startswith(given) for given in options.names):
            continue
        try:
            row(name, plugin, formats, n)
        except Exception as error:  # noqa: BLE001 - the others are still of interest
            print(f"| {name} | {type(error).__name__}: {error} | | | | |", flush=True)


if __name__ == "__main__":
    main()
