"""How long ``gankit train`` takes from the command to the end of its first step.

    python benchmarks/first_step.py [--rounds 3]

New processes on the built-in data of each plugin, one thread, taking turns; Python's compiled files
are kept, as for an installed program. Molecules train an autoencoder first: what is timed there is
the command up to its first step.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

GOAL = 5.0
PLUGINS = ("image", "image/digits", "audio", "tabular", "molecule")
CHILD = """
import os, sys, time
import gankit.cli
from gankit.cli import main

def ends_after_first_call(owner, name):
    whole = getattr(owner, name)
    def once(*given, **named):
        found = whole(*given, **named)
        print("cpu", time.process_time(), "compiler", "torch._dynamo" in sys.modules, flush=True)
        os._exit(0)
    setattr(owner, name, once)

plugin, folder = sys.argv[1:]
if plugin == "molecule":
    from gankit_molecule.codec import training
    ends_after_first_call(training, "cross_entropy")
else:
    from gankit.engine.trainer import Trainer
    ends_after_first_call(Trainer, "step")
sys.argv = ["gankit", "train", "--plugin", plugin, "--out", folder]
main()
"""


def first_step(plugin: str, environment: dict[str, str]) -> tuple[float, float, bool]:
    """Wall and CPU seconds, and whether torch's compiler was imported."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", CHILD, plugin, str(Path(folder) / "run")],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **environment},
        )
        wall = time.perf_counter() - started
    lines = [line.split() for line in done.stdout.splitlines() if line.startswith("cpu ")]
    if not lines:
        raise SystemExit(f"{plugin}: the command ended before its first step")
    return wall, float(lines[0][1]), lines[0][3] == "True"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--plugins", nargs="+", default=PLUGINS, choices=PLUGINS)
    options = parser.parse_args()
    environment = {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": ""}
    taken: dict[str, list[tuple[float, float, bool]]] = {p: [] for p in options.plugins}
    for number in range(options.rounds + 1):  # the first round compiles and fills caches
        for plugin in options.plugins:
            found = first_step(plugin, environment)
            if number:
                taken[plugin].append(found)
    print("| plugin or recipe | CPU s | wall s | torch's compiler imported | goal |")
    print("|---|---|---|---|---|")
    for plugin, turns in taken.items():
        wall, cpu, compiler = zip(*turns, strict=True)
        met = "met" if min(cpu) <= GOAL else "not met"
        print(
            f"| {plugin} | {min(cpu):.1f} | {min(wall):.1f} | {'yes' if any(compiler) else 'no'} "
            f"| ≤ {GOAL:g} CPU s: {met} |"
        )


if __name__ == "__main__":
    main()
