"""Kills a whole run of molecules at random instants, and compares it with one that was left alone.

    python benchmarks/kills.py [--kills 20] [--seed 0] [--keep FOLDER]

The run has all phases that training can have: the autoencoder's learning, the game, and the density
ratio. The killed run is started again by the same command after each SIGKILL. At the end all
files of both models and the tensors of their last checkpoints are compared, byte for byte. Each
attempt is a process of its own, forked from one that has imported the libraries.
"""

from __future__ import annotations

import argparse
import collections
import hashlib
import importlib
import json
import os
import random
import re
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

SAMPLES = 24_000
RUN = [
    *("train", "--plugin", "molecule", "--out", "run", "--seed", "3", "--device", "cpu"),
    *("limit=1500", "width=64", "latent=16", "vocabulary=64", "epochs=12", "pretrained=none"),
    *('conditions=["logp"]', "workers=1", f"train.samples={SAMPLES}", "train.batch=64"),
    *("train.threads=1", "checkpoint.every=2000", "resampling.candidates=4"),
    *("resampling.pool_size=4000", "log.verdict=0", "log.every=2000", "log.preview=12000"),
    "log.preview_count=4",
]
BEFORE, CODEC, GAME, RATIO, AFTER = PHASES = (
    "reading",
    "the autoencoder's learning",
    "the game",
    "the density ratio",
    "what follows",
)
SHARES = (2, 7, 6, 4, 1)
"""Of twenty kills, by phase."""


def start(folder: Path) -> int:
    """Forks a process that trains in a folder; its number."""
    child = os.fork()
    if child:
        return child
    os.chdir(folder)
    os.environ["GANKIT_CACHE"] = str(folder / "cache")
    log = os.open("output.txt", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    os.dup2(log, 1)
    os.dup2(log, 2)
    code = 1
    try:
        import torch

        import gankit.cli

        torch.set_num_threads(1)  # renews the pool that a fork spoils
        sys.argv = ["gankit", *RUN]
        gankit.cli.main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001 - the process ends here
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def phase(folder: Path) -> str:
    """What a run is at, from its files."""
    run = folder / "run"
    try:
        if json.loads((run / "provenance.json").read_bytes())["status"] == "done":
            return AFTER
    except (OSError, ValueError, KeyError):
        pass
    if (run / "model" / "ratio.safetensors").is_file():
        return AFTER
    last = run / "checkpoints" / f"{SAMPLES:012d}"
    if last.is_dir():
        return RATIO
    if (run / "checkpoints").is_dir():
        return GAME
    return CODEC if (folder / "cache" / "molecule" / "properties").is_dir() else BEFORE


def seconds_of(child: int) -> float:
    """The processor's time that a process has had: other programs do not change it."""
    fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def watched(child: int, folder: Path, seen: Callable[[str, float], bool]) -> int | None:
    """Waits for a process, and kills it when ``seen`` says so of the phase it is in and the time
    it has had; its exit code, or None where it was killed."""
    while True:
        spent = seconds_of(child)
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            seen("", spent)
            return os.waitstatus_to_exitcode(status)
        if seen(phase(folder), spent):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return None
        time.sleep(0.02)


def uninterrupted(folder: Path) -> dict[str, float]:
    """Trains in one go; the seconds that each phase took."""
    entered: dict[str, float] = {}

    def seen(name: str, spent: float) -> bool:
        entered.setdefault(name, spent)
        entered["end"] = spent
        return False

    if code := watched(start(folder), folder, seen):
        raise SystemExit(f"the run ends with {code}: {tail(folder)}")
    times = [entered.get(name, entered["end"]) for name in (*PHASES, "end")]
    return {n: max(b - a, 0.0) for n, a, b in zip(PHASES, times, times[1:], strict=False)}


def killed(folder: Path, kills: int, seed: int, lengths: dict[str, float]) -> list[str]:
    """Trains with so many kills; the phase at each. Those of a phase are spread over its length."""
    rng, found = random.Random(seed), []
    wanted = [number for number, share in enumerate(SHARES) for _ in range(share)]
    for number in sorted(wanted[i % len(wanted)] for i in range(kills)):
        length, share = lengths[PHASES[number]], SHARES[number]
        wait = rng.uniform(0, length * min(1, 2 / share))
        since: list[float] = []

        def seen(
            name: str, spent: float, since: list[float] = since, wait: float = wait,
            number: int = number,
        ) -> bool:  # fmt: skip
            if not since and name and PHASES.index(name) >= number:
                since.append(spent)
            return bool(since) and spent - since[0] >= wait

        code = watched(start(folder), folder, seen)
        if code is None:
            found.append(phase(folder))
        elif code:
            raise SystemExit(f"after {len(found)} kills it ends with {code}: {tail(folder)}")
    if code := watched(start(folder), folder, lambda name, spent: False):
        raise SystemExit(f"after all kills it ends with {code}: {tail(folder)}")
    return found


def tail(folder: Path) -> str:
    return (folder / "output.txt").read_text()[-500:]


def differences(one: Path, other: Path) -> tuple[int, list[str]]:
    """The number of things compared, and those that differ."""
    contents = [content(folder / "run") for folder in (one, other)]
    names = sorted(contents[0].keys() | contents[1].keys())
    return len(names), [n for n in names if contents[0].get(n) != contents[1].get(n)]


def content(run: Path) -> dict[str, str]:
    """Hashes of a model's files, of its previews, and of the last checkpoint's tensors; and what
    else that has, but for the time it took."""
    from safetensors.torch import load_file

    found = {f"model/{p.name}": digest(p.read_bytes()) for p in (run / "model").iterdir()}
    found |= {f"previews/{p.name}": digest(p.read_bytes()) for p in (run / "previews").iterdir()}
    last = sorted((run / "checkpoints").glob("0*"))[-1]
    for name, tensor in load_file(last / "state.safetensors").items():
        bytes_ = tensor.contiguous().view(-1).numpy().tobytes()
        found[f"{last.name}/{name}"] = digest(bytes_)
    state = json.loads((last / "state.json").read_text())
    for timing in ("seconds", "began"):
        state["clock"].pop(timing)
    found[f"{last.name}/state.json"] = json.dumps(state, sort_keys=True)
    card = re.sub(r", in [\d,]+ seconds", "", (run / "model" / "README.md").read_text())
    return {**found, "model/README.md": digest(card.encode())}


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="a new folder for both runs")
    given = parser.parse_args()
    os.environ.update(OMP_NUM_THREADS="1", GANKIT_SIGN="off", SOURCE_DATE_EPOCH="1700000000")
    for name in ("gankit.cli", "gankit.workflows.train", "gankit_molecule.codec.fitting"):
        importlib.import_module(name)  # before the forks
    import torch

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        root = given.keep or Path(name)
        alone, hunted = root / "alone", root / "hunted"
        for folder in (alone, hunted):
            folder.mkdir(parents=True)
        lengths = uninterrupted(alone)
        phases = collections.Counter(killed(hunted, given.kills, given.seed, lengths))
        compared, differing = differences(alone, hunted)
    print("| phase | processor's seconds, uninterrupted | SIGKILLs |\n|---|---|---|")
    for name in PHASES:
        print(f"| {name} | {lengths[name]:.1f} | {phases[name]} |")
    print(f"\n{phases.total()} SIGKILLs. Compared with the uninterrupted run: {compared} files and")
    print(f"tensors, of which {len(differing)} differ.")
    for name in differing[:20]:
        print(f"- {name}")
    if differing:
        sys.exit(1)


if __name__ == "__main__":
    main()
