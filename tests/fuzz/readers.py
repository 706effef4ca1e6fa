"""Reads damaged files, and reports what is neither data nor a clear error.

    python tests/fuzz/readers.py KIND,KIND… CASES [FIRST]

A process of its own, so that a crash, a hang or lack of memory is seen from outside. Prints a JSON
object: cases, how many were read and refused, faults with the number of the case, and seconds.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from mutations import mutate
from samples import SAMPLES

from gankit.config import validate
from gankit.contract import Fitting, quiet
from gankit.errors import GankitError
from gankit.plugins.registry import installed
from gankit.workflows.data import held_out
from gankit.workflows.reading import by_reason

LIMIT = 20
"""Seconds for one case."""
ADDED, HARD = 2 * 2**30, 16 * 2**30
"""Bytes of memory beyond what the undamaged files need; and that the process may allocate."""
FIXED = {"audio": {"cache": "none"}, "molecule": {"cache": "none"}}


def read(plugin: str, source: Path) -> None:
    """Reads a source, every item of it, and encodes some where that needs no training."""
    modality = installed().modality(plugin).modality
    settings = validate(modality.Settings, FIXED.get(plugin, {}))
    found = modality.read(str(source), settings, quiet)
    items = [found.items[i] for i in range(len(found.items))]
    json.dumps([dict(found.facts), [dict(row) for row in found.table], list(found.warnings)])
    by_reason(found.issues)
    held_out(len(items), 0.1, 0, found.strata)
    if plugin != "molecule":
        codec = modality.fit_codec(found.items, settings, Fitting())
        codec.encode(items[:8], np.random.default_rng(0))


@contextlib.contextmanager
def time_limit() -> Iterator[None]:
    def late(*_: Any) -> None:
        raise TimeoutError(f"more than {LIMIT} s")

    signal.signal(signal.SIGALRM, late)
    signal.alarm(LIMIT)
    try:
        yield
    finally:
        signal.alarm(0)


def main() -> None:
    kinds, cases = sys.argv[1].split(","), int(sys.argv[2])
    first = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    warnings.simplefilter("ignore")
    started, result = time.monotonic(), Counter[str]()
    faults: list[dict[str, Any]] = []
    for kind in kinds:
        for fault in try_out(kind, range(first, first + cases), result):
            faults.append({"kind": kind, **fault})
    seconds = round(time.monotonic() - started, 1)
    print(json.dumps({**result, "faults": faults, "seconds": seconds}))


def try_out(kind: str, cases: range, result: Counter[str]) -> Iterator[dict[str, Any]]:
    """Reads damaged files of one kind; the faults."""
    plugin, make, source = SAMPLES[kind]
    files = make()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "data"
        write(folder, files)
        read(plugin, folder / source)  # the undamaged files; imports too
        before = peak()
        resource.setrlimit(resource.RLIMIT_DATA, (HARD, HARD))
        for case in cases:
            rng = random.Random(f"{kind} {case}")
            damaged = {n: mutate(c, rng) if hit(n, files, rng) else c for n, c in files.items()}
            write(folder, damaged)
            print(f"{kind} {case}", file=sys.stderr, flush=True)  # the last one of a crash
            result["cases"] += 1
            try:
                with time_limit():
                    read(plugin, folder / source)
                result["read"] += 1
            except GankitError as error:
                result["refused"] += 1
                if "\n" in str(error) or len(str(error)) > 2000:
                    yield {"case": case, "error": f"not one line: {str(error)[:300]!r}"}
            except BaseException as error:  # noqa: BLE001 - finding them is the point
                yield {"case": case, **described(error)}
        if (more := peak() - before) > ADDED:
            yield {"case": -1, "error": f"{more / 2**30:.1f} GiB of memory"}


def described(error: BaseException) -> dict[str, str]:
    """What was raised, where, and by which line of ours."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{os.path.basename(f.filename)}:{f.lineno}" for f in frames]
    ours = [p for p, f in zip(places, frames, strict=True) if "gankit" in f.filename]
    said = f"{type(error).__name__}: {error}"[:200]
    return {"error": said, "at": places[-1], "in": ours[-1] if ours else ""}


def peak() -> int:
    """The most memory that was used so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def hit(name: str, files: dict[str, bytes], rng: random.Random) -> bool:
    """Whether a file is damaged: a sidecar always, one of several files now and then."""
    listed = [n for n in files if n.endswith((".json", ".jsonl", ".csv"))]
    return name in listed if listed else len(files) == 1 or rng.random() < 0.3


def write(folder: Path, files: dict[str, bytes]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


if __name__ == "__main__":
    main()
