"""What a light command costs compared with the libraries of the command line alone.

Rounds of new processes, taking turns: one that only imports typer, rich and pluggy, then ``gankit
--help`` and ``gankit plugins list``, with the installed plugins and, last, with ten more. Compiled
bytecode is kept between rounds, as for an installed program. Prints the minimum of each one's
processor seconds, and the median over rounds of their ratio to the libraries alone.

Usage: python benchmarks/startup.py [--rounds 9]
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

PLUGINS = 10
HOOKS = """
from gankit.contract import PluginInfo, hookimpl

@hookimpl
def gankit_modalities():
    yield PluginInfo("{name}", "nothing", "absent:Nothing", api=2)
"""
# Typer needs pydantic as soon as a command has a parameter; importing it alone would hide that.
LIBRARIES = """
import pluggy, rich.console, rich.table, typer
app = typer.Typer()

@app.command()
def show(count: int = 1) -> None:
    rich.console.Console().print("libraries")

app()
"""


def add_plugins(site: Path) -> dict[str, str]:
    """Writes plugins and their metadata as installers do; returns what makes them known."""
    names = [f"listed{number}" for number in range(PLUGINS)]
    for name in names:
        info = site / f"gankit_{name}-1.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: gankit-{name}\nVersion: 1\nRequires-Dist: gankit\n"
        )
        (info / "entry_points.txt").write_text(f"[gankit]\n{name} = {name}_hooks\n")
        (site / f"{name}_hooks.py").write_text(HOOKS.format(name=name))
    return {"PYTHONPATH": str(site), "GANKIT_PLUGINS": ",".join(f"gankit-{n}" for n in names)}


def seconds(words: list[str], environment: dict[str, str], folder: Path) -> float:
    """Processor seconds of one process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        check=True,
        capture_output=True,
        env={**os.environ, **environment},
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        compiled = {
            "PYTHONDONTWRITEBYTECODE": "",
            "PYTHONPYCACHEPREFIX": str(here / "compiled"),
            "GANKIT_PLUGINS": "",
        }
        more = {**compiled, **add_plugins(here / "site")}
        listed = ["-m", "gankit", "plugins", "list"]
        processes = {
            "typer, rich and pluggy alone": (["-c", LIBRARIES], compiled),
            "gankit --help": (["-m", "gankit", "--help"], compiled),
            "gankit plugins list": (listed, compiled),
            f"gankit plugins list, {PLUGINS} more plugins": (listed, more),
        }
        taken: dict[str, list[float]] = {name: [] for name in processes}
        for number in range(args.rounds + 1):  # the first round compiles
            for name, (words, environment) in processes.items():
                spent = seconds(words, environment, here)
                if number:
                    taken[name].append(spent)
    alone = next(iter(taken.values()))
    print("| process | CPU s, minimum | ratio to the libraries |")
    print("|---|---|---|")
    for name, values in taken.items():
        ratio = statistics.median(mine / theirs for mine, theirs in zip(values, alone, strict=True))
        print(f"| {name} | {min(values):.2f} | {ratio:.2f}× |")


if __name__ == "__main__":
    main()
