"""Reading speed of each plugin: rows, images, clips and molecules per CPU second.

    python benchmarks/reading.py [--shared ../shared/data] [--repeats 3]

Prints one JSON object. To compare two checkouts, run it in turns with the Python of each, and
divide.
Everything is read whole: each item is fetched and encoded once, and nothing comes from a cache.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from gankit.config import validate
from gankit.contract import Fitting, quiet
from gankit.plugins.registry import installed


def read(plugin: str, source: str, encode: bool, **settings: Any) -> int:
    """Reads a source and encodes its items; their number."""
    modality = installed().modality(plugin).modality
    chosen = validate(modality.Settings, settings)
    items = modality.read(source, chosen, quiet).items
    if encode:
        codec = modality.fit_codec(items, chosen, Fitting())
        rng = np.random.default_rng(0)
        for start in range(0, len(items), 1024):
            codec.encode(items[start : start + 1024], rng)
    return len(items)


def rate(work: Callable[[], int], repeats: int) -> float:
    """Items per CPU second, the best of some repetitions."""
    best = 0.0
    for _ in range(repeats):
        start = time.process_time()
        n = work()
        best = max(best, n / (time.process_time() - start))
    return round(best, 1)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--shared", type=Path, default=Path("../shared/data"))
    options.add_argument("--repeats", type=int, default=3)
    options.add_argument("--only", default="")
    given = options.parse_args()
    shared: Path = given.shared
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        works = {
            "tabular rows, read": lambda: read("tabular", str(big_table(shared, folder)), False),
            "tabular rows, read and encoded": lambda: read(
                "tabular", str(shared / "adult/train.csv"), True
            ),
            "images, Parquet": lambda: read("image", str(shared / "cifar10/test.parquet"), True),
            "images, folder of PNGs": lambda: read("image", str(pictures(shared, folder)), True),
            "images, zip": lambda: read("image", str(zipped(shared, folder)), True),
            "clips, folder": lambda: read("audio", str(shared / "fsdd"), False, cache="none"),
            "molecules, csv.gz": lambda: read(
                *("molecule", str(shared / "moses/train.csv.gz"), False),
                limit=20_000,
                cache="none",
            ),
        }
        found = {}
        for what, work in works.items():
            if given.only in what:
                work()  # imports, and the files to read
                found[what] = rate(work, given.repeats)
    print(json.dumps(found, indent=1))


def big_table(shared: Path, folder: Path) -> Path:
    """Adult, sixteen times over: half a million rows."""
    file = folder / "adult.csv"
    if not file.exists():
        header, *rows = (shared / "adult/train.csv").read_text().splitlines(keepends=True)
        file.write_text(header + "".join(rows) * 16)
    return file


def pictures(shared: Path, folder: Path) -> Path:
    """2,000 of CIFAR-10's pictures as PNG files in folders of classes."""
    root = folder / "pictures"
    if not root.exists():
        import io

        import pyarrow.parquet as pq
        from PIL import Image

        table = pq.read_table(shared / "cifar10/test.parquet").slice(0, 2000)
        for i, row in enumerate(table.to_pylist()):
            (root / str(row["label"])).mkdir(parents=True, exist_ok=True)
            image = Image.open(io.BytesIO(row["image"]["bytes"]))
            image.save(root / str(row["label"]) / f"{i:05}.png")
    return root


def zipped(shared: Path, folder: Path) -> Path:
    """The same as a zip archive."""
    file = folder / "pictures.zip"
    if not file.exists():
        root = pictures(shared, folder)
        with zipfile.ZipFile(file, "w") as archive:
            for path in sorted(root.rglob("*.png")):
                archive.write(path, path.relative_to(root))
    return file


if __name__ == "__main__":
    main()
