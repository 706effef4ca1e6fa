"""Data at an address: an epoch over local HTTP and from disk, connections killed, and resumed.

    python benchmarks/streaming.py [--quick] [--images 20000] [--side 64] [--shards 8]

Writes JPEG images into tar shards and Parquet files, serves them on this machine with range
requests, and reads an epoch in the engine's order: from the disk, over HTTP, over HTTP where every
200th answer is cut off in the middle, and from mid-epoch on as a resumed run does. Then the same
with 20 ms before each answer, as of a server far away. Reported: images a second of wall time,
requests, and bytes sent for each byte of the data.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import itertools
import os
import platform
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

import numpy as np
import PIL.Image
import pyarrow as pa
import pyarrow.parquet as pq
from web import Web, serving

from gankit.contract.subsets import blocks, take
from gankit.engine.data import sample_order
from gankit.plugins.registry import installed
from gankit.workflows.data import read

BATCH = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few seconds instead of minutes")
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--shards", type=int, default=8)
    given = parser.parse_args()
    if given.quick:
        given.images, given.shards = 400, 2
    with tempfile.TemporaryDirectory() as folder:
        os.environ["GANKIT_CACHE"] = f"{folder}/cache"
        root = Path(folder) / "site"
        root.mkdir()
        write(root, given.images, given.side, given.shards)
        size = sum(path.stat().st_size for path in root.glob("*.tar"))
        print(
            f"{given.images:,} JPEG of {given.side}×{given.side}, {size / 2**20:,.0f} MiB in "
            f"{given.shards} shards; {platform.machine()}, {os.cpu_count()} cores, "
            f"Python {platform.python_version()}\n"
        )
        print("| data | images/s | requests | bytes / byte of data | the same images |")
        print("|---|---|---|---|---|")
        last = given.shards - 1
        for name in (f"d-{{0..{last}}}.tar", f"d-{{0..{last}}}.parquet"):
            with serving(root) as web:
                measure(web, name, given.images)


def write(root: Path, count: int, side: int, shards: int) -> None:
    """The same images in tars and Parquet files."""
    rng = np.random.default_rng(0)
    for shard, numbers in enumerate(np.array_split(np.arange(count), shards)):
        rows = []
        with tarfile.open(root / f"d-{shard}.tar", "w") as archive:
            for i in numbers.tolist():
                small = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
                file, label = io.BytesIO(), str(i % 10)
                image = PIL.Image.fromarray(small).resize(
                    (side, side), PIL.Image.Resampling.BICUBIC
                )
                image.save(file, "JPEG", quality=90)
                rows.append({"image": {"bytes": file.getvalue(), "path": None}, "label": label})
                for ending, data in ((".jpg", file.getvalue()), (".cls", label.encode())):
                    member = tarfile.TarInfo(f"{i:08}{ending}")
                    member.size = len(data)
                    archive.addfile(member, io.BytesIO(data))
        pq.write_table(
            pa.Table.from_pylist(rows),
            root / f"d-{shard}.parquet",
            row_group_size=20 if count < 1000 else 100,
        )


def measure(web: Web, name: str, count: int) -> None:
    plugin = installed().modality("image")
    settings = plugin.modality.Settings()
    address, kind = web.address(name), name.rpartition(".")[2]
    size = sum(path.stat().st_size for path in web.root.glob(f"*.{kind}"))

    def row(what: str, seconds: float, images: int, same: str = "") -> None:
        print(
            f"| {kind}: {what} | {images / seconds:,.0f} | {len(web.requests):,} | "
            f"{web.moved / size:.2f} | {same} |",
            flush=True,
        )

    def fresh() -> float:
        web.requests.clear()
        web.moved = 0
        return time.perf_counter()

    began = fresh()
    copied = read(plugin, address, settings, remote="copy")
    row("copied and checked", time.perf_counter() - began, count)
    began = fresh()
    streamed = read(plugin, address, settings, remote="stream")
    row("opened for streaming (headers, labels, 256 images)", time.perf_counter() - began, count)

    def epoch(items: Any, start: int = 0) -> tuple[float, list[bytes]]:
        order = sample_order(len(items), 0, start, blocks(streamed.items))
        positions = list(itertools.islice(order, count - start))
        began, found = fresh(), list[bytes]()
        for batch in batches(positions):
            found += [hashlib.sha256(i.pixels.tobytes()).digest() for i in take(items, batch)]
        return time.perf_counter() - began, found

    seconds, whole = epoch(copied.items)
    row("epoch, local copy in memory", seconds, count)
    seconds, found = epoch(streamed.items)
    row("epoch over HTTP", seconds, count, yes(found == whole))
    forget()
    streamed = read(plugin, address, settings, remote="stream")
    web.kill_every = 200
    seconds, found = epoch(streamed.items)
    web.kill_every = 0
    row("epoch, every 200th answer cut off", seconds, count, yes(found == whole))
    forget()
    half = count // 2 + 17
    streamed = read(plugin, address, settings, remote="stream")
    seconds, found = epoch(streamed.items, half)
    row("resumed in mid-epoch", seconds, count - half, yes(found == whole[half:]))
    forget()
    streamed = read(plugin, address, settings, remote="stream")
    web.delay = 0.02
    seconds, found = epoch(streamed.items)
    web.delay = 0.0
    row("epoch, 20 ms before each answer", seconds, count, yes(found == whole))


def batches(positions: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(positions), BATCH):
        yield positions[start : start + BATCH]


def forget() -> None:
    """Row groups are read again."""
    for path in Path(os.environ["GANKIT_CACHE"]).glob("remote-groups/*"):
        path.unlink()


def yes(same: bool) -> str:
    return "yes" if same else "NO"


if __name__ == "__main__":
    main()
