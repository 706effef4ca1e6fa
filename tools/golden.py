"""Records the results of every modality for a seed, and compares them with another checkout's.

::

    python tools/golden.py record before.json     # on the old code
    python tools/golden.py compare before.json    # on the new code, on the same machine

A refactoring changes no number: the bytes of the training state, the generated items and the scores
of a short run of each modality stay the same. Sums differ between processors, so a record is only
useful on the machine that made it; the repository contains none.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file


def molecules() -> str:
    rings, links = ("c1ccccc1", "c1ccncc1", "C1CCCCC1", "c1ccsc1"), ("C", "CC", "OC", "NC(=O)")
    ends = ("C", "CC", "O", "N", "F", "Cl", "C#N", "OC")
    found = [end + link + ring for ring, link, end in product(rings, links, ends)]
    random.Random(0).shuffle(found)
    return "\n".join(found) + "\n"


SHORT = ["train.threads=1", "log.preview_count=4", "train.batch=32", "train.samples=1600"]
RUNS: dict[str, list[str]] = {
    "toy": ["hidden=8", "count=400"],
    "image": ["train.samples=640"],
    "tabular": ["hidden=16", "latent=8"],
    "audio": ["width=32", "latent=16", "code=6", "rounds=4", 'extractors=["random-mel"]'],
    "molecule": [
        *("width=64", "latent=8", "smooth=0.3", "vocabulary=40", "epochs=100.0", "cache=none"),
        *("workers=1", 'conditions=["logp","mw"]', "--data", "molecules.smi"),
    ],
}
"""Short runs, by plugin: settings that keep them to seconds."""


def digest(value: Any) -> Any:
    """An item as JSON values, arrays as hashes."""
    if isinstance(value, np.ndarray):
        return hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()[:16]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [digest(getattr(value, f.name)) for f in dataclasses.fields(value)]
    if isinstance(value, Mapping):
        return [[str(k), digest(v)] for k, v in value.items()]
    if isinstance(value, list | tuple):
        return [digest(v) for v in value]
    return repr(value)


def measure(plugin: str, folder: Path) -> dict[str, Any]:
    """One modality's short run: its last checkpoint, items of 20 seeds, and scores."""
    gankit = [sys.executable, "-m", "gankit"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    run = folder / plugin
    (folder / "molecules.smi").write_text(molecules())
    words = ["train", "--plugin", plugin, "--out", str(run), "--seed", "3", *SHORT, *RUNS[plugin]]
    subprocess.run([*gankit, *words], cwd=folder, env=environment, check=True, capture_output=True)
    *_, last = sorted((run / "checkpoints").glob("0*"))
    state = load_file(last / "state.safetensors")
    bytes_ = {k: digest(v) for k, v in sorted(state.items())}
    words = ["evaluate", str(run), "-n", "60", "--json"]
    scored = subprocess.run(
        [*gankit, *words], cwd=folder, env=environment, check=True, capture_output=True, text=True
    )
    scores = {
        s["name"]: [s["value"], s.get("real_baseline", s.get("floor"))]
        for s in json.loads(scored.stdout)["scores"]
    }
    import torch

    import gankit as library

    torch.set_num_threads(1)
    items = [digest(item) for item in library.load(run).sample(20, seed=5)]
    return {
        "checkpoint": hashlib.sha256(json.dumps(bytes_).encode()).hexdigest(),
        "items": items,
        "scores": scores,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=["record", "compare"])
    parser.add_argument("file", type=Path)
    parser.add_argument("plugins", nargs="*", default=list(RUNS))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = {plugin: measure(plugin, Path(folder)) for plugin in given.plugins}
    if given.action == "record":
        given.file.write_text(json.dumps(found, indent=1))
        return 0
    before, changed = json.loads(given.file.read_text()), 0
    for plugin, now in found.items():
        for part, value in now.items():
            was = before[plugin][part]
            if json.loads(json.dumps(value)) == was:
                print(f"{plugin} {part}: the same")
                continue
            changed += 1
            print(f"{plugin} {part}: CHANGED")
            if isinstance(was, dict):
                for key in sorted({*was, *value}):
                    if was.get(key) != value.get(key):
                        print(f"    {key}: {was.get(key)} -> {value.get(key)}")
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main())
