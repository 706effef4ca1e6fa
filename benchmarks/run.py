"""Runs the benchmarks and writes their tables and plots into RESULTS.md: what ``make bench`` does.

    python benchmarks/run.py [SCRIPT ...] [--results FILE] [--plots FOLDER] [--list]

Each script prints Markdown; it goes between the two comments that name the script in the results,
with the command, the date, the machine and the versions. Text outside of them stays. A script that
lacks its data or a package, or fails, is reported with the reason, and keeps its earlier figures.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import importlib.metadata
import importlib.util
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
SHARED = HERE.parent.parent / "shared" / "data"
PACKAGES = ("gankit", "torch", "numpy", "ctgan", "mostlyai-engine", "lightweight-gan")
"""Whose versions are named, where they are installed."""
HEADING = "## Measured by `make bench`"


@dataclass(frozen=True)
class Benchmark:
    """A script in a form for a CPU and a few minutes."""

    script: str
    title: str
    arguments: Sequence[str] = ()
    column: str = ""
    """Of the first table: drawn as bars."""
    needs: Sequence[str] = ()
    """Files, or packages to import."""
    minutes: float = 10
    """After which it is ended."""

    @property
    def command(self) -> str:
        shown = [a.replace(str(SHARED), "../shared/data") for a in self.arguments]
        return " ".join(["python", f"benchmarks/{self.script}.py", *shown])

    def missing(self) -> str:
        """The first thing that it lacks, or nothing."""
        for need in self.needs:
            is_file = "/" in need
            found = Path(need).exists() if is_file else importlib.util.find_spec(need)
            if not found:
                shown = need.replace(str(SHARED), "../shared/data")
                return f"{shown} is missing" if is_file else f"package {need} is not installed"
        return ""


def shared(name: str) -> str:
    return str(SHARED / name)


BENCHMARKS = (
    Benchmark("startup", "Light commands", ("--rounds", "3"), "CPU s, minimum"),
    Benchmark("first_step", "From the command to the first step", ("--rounds", "1"), "CPU s"),
    Benchmark("step", "A step against a plain loop", ("--quick", "--rounds", "3"), "speed-up"),
    Benchmark("overhead", "What the engine costs", ("--quick",), "above the bare loop"),
    Benchmark("audio", "WaveGAN against a plain loop", ("--rounds", "2"), "speed-up"),
    Benchmark("growth", "Costs as they grow", ("--quick",), "exponent of time"),
    Benchmark("writing", "Writing against generating", ("--quick",), "writing, share"),
    Benchmark("scaling", "Two processes", ("image/digits", "audio", "--quick"), "strong"),
    Benchmark("scaling_model", "Eight to 512 GPUs, on paper"),
    Benchmark("serving", "Clients of a gallery", ("--seconds", "10"), "samples per s"),
    Benchmark("streaming", "An epoch over HTTP", ("--quick",)),
    Benchmark("toy", "Twenty-five modes", ("--seeds", "1"), "modes"),
    Benchmark("guard", "Runs that fail, beside healthy ones", ("quick",)),
    Benchmark("gpu_step", "A step on a GPU, tried on the CPU", ("--toy",)),
    Benchmark(
        "finite_differences",
        "Finite differences",
        (shared("cifar10/train.parquet"), "--samples", "160", "--draws", "2", "--batch", "8"),
        needs=(shared("cifar10/train.parquet"),),
    ),
    Benchmark(
        "reading", "Reading", ("--shared", str(SHARED), "--repeats", "1"), needs=(shared("adult"),)
    ),
    Benchmark(
        "stream",
        "Memory while rows stream",
        ("--data", shared("adult/train.csv"), "--rows", "100000"),
        needs=(shared("adult/train.csv"),),
    ),
    Benchmark("kills", "Twenty kills over a run", minutes=20),
    Benchmark("projection", "Projection", ("--items", "2", "--steps", "30")),
    Benchmark("video", "Which scores see motion", (), "motion-random3d"),
    Benchmark("sequences", "Entities with their rows, at toy size", ("toy",)),
    Benchmark("related", "Related tables, at toy size", ("toy-tables",)),
    Benchmark("provenance", "Provenance: what is carried, found and kept"),
    Benchmark("watermark", "Invisible watermark", needs=("skimage",)),
    Benchmark("truncation", "Truncation", ("--psi", "1", "0.5")),
    Benchmark(
        "tabular_speed",
        "Tables against CTGAN",
        ("--data", shared("adult/train.csv"), "--rounds", "1"),
        "ratio",
        needs=(shared("adult/train.csv"), "ctgan"),
    ),
    Benchmark(
        "private",
        "Tables under differential privacy",
        ("--train", shared("adult/train.csv"), "--test", shared("adult/test.csv"), "--epsilon", "3",
         "--ours", "train.samples=20_000"),
        needs=(shared("adult/train.csv"), shared("adult/test.csv")),
    ),
)  # fmt: skip
LONGER = {
    "gamma": "Fashion-MNIST, CIFAR-10, spoken digits and ten minutes",
    "asking": "a trained run and its table",
    "few_pictures": "pictures and an hour",
    "gpu_images": "a GPU",
    "guard_pictures": "Fashion-MNIST and five minutes",
    "image_curves": "Fashion-MNIST, CIFAR-10 and hours",
    "imbalance": "half an hour",
    "imputation": "a quarter of an hour for each table",
    "large_table": "50 million rows",
    "material": "Materials Project formulas and half an hour",
    "molecule": "a file of molecules and minutes to hours",
    "molecule_organ": "an hour",
    "moses": "MOSES and a run's molecules",
    "tabular": "the folders of datasets.py and hours",
    "tabular_until": "the folders of datasets.py",
    "text": "two trained runs, or a quarter of an hour",
    "text_pairs": "a bitext and half an hour",
    "transfer": "Fashion-MNIST and ten minutes",
}
"""Scripts that have no form of a few minutes, and what they need: not run here."""


def machine() -> str:
    """The processor, the load, the versions."""
    model, info = platform.machine(), Path("/proc/cpuinfo")
    if info.exists():
        found = re.search(r"model name\s*: (.+)", info.read_text())
        model = found[1] if found else model
    versions = [f"Python {platform.python_version()}"]
    for name in PACKAGES:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    return f"{model}, {os.cpu_count()} cores, load {load}; {', '.join(versions)}"


@dataclass(frozen=True)
class Outcome:
    """What a script printed, or why it did not."""

    printed: str = ""
    failure: str = ""
    seconds: float = 0.0


def run(benchmark: Benchmark) -> Outcome:
    """Runs a script to its end."""
    if lacking := benchmark.missing():
        return Outcome(failure=lacking)
    started = time.monotonic()
    try:
        done = subprocess.run(
            [sys.executable, str(HERE / f"{benchmark.script}.py"), *benchmark.arguments],
            capture_output=True,
            text=True,
            timeout=60 * benchmark.minutes,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
    except subprocess.TimeoutExpired:
        return Outcome(failure=f"it took more than {benchmark.minutes:g} minutes")
    seconds = time.monotonic() - started
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()[-1]
        return Outcome(failure=f"exit code {done.returncode}: {said}", seconds=seconds)
    return Outcome(done.stdout.strip(), seconds=seconds)


# --- Tables and plots ----------------------------------------------------------------------------


def first_table(markdown: str) -> list[dict[str, str]]:
    """The rows of the first Markdown table, by column."""
    lines = markdown.splitlines()
    for i, line in enumerate(lines[:-1]):
        if line.startswith("|") and re.fullmatch(r"\|[-:| ]+\|", lines[i + 1]):
            names = cells(line)
            rows = []
            for row in lines[i + 2 :]:
                if not row.startswith("|"):
                    break
                rows.append(dict(zip(names, cells(row), strict=False)))
            return rows
    return []


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def number(cell: str) -> float | None:
    """The number that a cell starts with; a percentage as it is written."""
    found = re.match(r"\*{0,2}([-+−]?\d[\d,]*\.?\d*|[-+−]?\.\d+)", cell)
    return float(found[1].replace(",", "").replace("−", "-")) if found else None


def plot(markdown: str, column: str, title: str, file: Path) -> bool:
    """Draws a column of the first table as bars; whether there was one."""
    rows = first_table(markdown)
    if not rows or column not in rows[0]:
        return False
    label = next(iter(rows[0]))
    bars = [(row[label], number(row.get(column, ""))) for row in rows]
    bars = [(name, value) for name, value in bars if value is not None]
    if not bars:
        return False
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    matplotlib.rcParams |= {"svg.hashsalt": "gankit", "svg.fonttype": "none", "font.size": 9}
    names, values = zip(*bars, strict=True)
    figure, axes = pyplot.subplots(figsize=(7, 0.6 + 0.3 * len(bars)), layout="constrained")
    drawn = axes.barh(names, values, color="#4c72b0")
    axes.bar_label(drawn, fmt="%g", padding=3)
    axes.invert_yaxis()
    axes.set(title=title, xlabel=column)
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.12)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, metadata={"Date": None})
    pyplot.close(figure)
    return True


# --- The file ------------------------------------------------------------------------------------


def section(benchmark: Benchmark, outcome: Outcome, before: str, figure: str, about: str) -> str:
    """The text between a script's comments.

    Args:
        before: what stood there.
        figure: the plot's address, or nothing.
        about: date, machine and versions.
    """
    if outcome.failure:
        kept = re.sub(r"\A\*\*Not measured.*?\n\n", "", before.strip() + "\n\n", flags=re.S).strip()
        note = f"**Not measured on {about}: {outcome.failure}.**"
        return f"{note}\n\n{kept}" if kept else f"### {benchmark.title}\n\n{note}"
    parts = [
        f"### {benchmark.title}",
        f"`{benchmark.command}`, {outcome.seconds:.0f} s; {about}.",
        outcome.printed,
    ]
    return "\n\n".join([*parts, *([f"![{benchmark.title}]({figure})"] if figure else [])])


def put(text: str, script: str, body: str) -> str:
    """The results with a script's section replaced, or added at the end of the measured ones."""
    begin, end = f"<!-- bench: {script} -->", f"<!-- end: {script} -->"
    block = f"{begin}\n\n{body.strip()}\n\n{end}"
    if begin in text:
        start, stop = text.index(begin), text.index(end) + len(end)
        return text[:start] + block + text[stop:]
    if HEADING not in text:
        first = text.find("\n## ")
        at = first + 1 if first >= 0 else len(text)
        text = f"{text[:at]}{HEADING}\n\n{text[at:]}"
    at = text.find("\n## ", text.index(HEADING))
    at = at + 1 if at >= 0 else len(text)
    return f"{text[:at].rstrip()}\n\n{block}\n\n{text[at:]}"


def between(text: str, script: str) -> str:
    """What stands in a script's section."""
    begin, end = f"<!-- bench: {script} -->", f"<!-- end: {script} -->"
    return text[text.index(begin) + len(begin) : text.index(end)] if begin in text else ""


def measure(benchmarks: Sequence[Benchmark], results: Path, plots: Path) -> Mapping[str, Outcome]:
    """Runs scripts one after another; the results are written after each."""
    outcomes: dict[str, Outcome] = {}
    for benchmark in benchmarks:
        print(f"{benchmark.command} …", file=sys.stderr, flush=True)
        about = f"{datetime.date.today().isoformat()}; {machine()}"
        outcome = outcomes[benchmark.script] = run(benchmark)
        figure, file = "", plots / f"bench-{benchmark.script}.svg"
        if outcome.printed and benchmark.column:
            try:
                if plot(outcome.printed, benchmark.column, benchmark.title, file):
                    figure = os.path.relpath(file, results.parent)
            except ModuleNotFoundError as error:
                print(f"no plot: {error}; install the group bench", file=sys.stderr)
        text = results.read_text() if results.exists() else "# Results\n"
        body = section(benchmark, outcome, between(text, benchmark.script), figure, about)
        results.write_text(put(text, benchmark.script, body))
        state = outcome.failure or f"{outcome.seconds:.0f} s"
        print(f"  {state}", file=sys.stderr, flush=True)
    return outcomes


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    names = [b.script for b in BENCHMARKS]
    parser.add_argument("scripts", nargs="*", metavar="SCRIPT", help="all by default")
    parser.add_argument("--results", type=Path, default=HERE / "RESULTS.md")
    parser.add_argument("--plots", type=Path, default=HERE.parent / "docs" / "assets")
    parser.add_argument("--minutes", type=float, help="after which a script is ended")
    parser.add_argument("--list", action="store_true", help="what would be run, and what not")
    options = parser.parse_args()
    if unknown := set(options.scripts) - set(names):
        parser.error(f"no script {min(unknown)!r}; there are {', '.join(names)}")
    chosen = [b for b in BENCHMARKS if not options.scripts or b.script in options.scripts]
    if options.minutes:
        chosen = [dataclasses.replace(b, minutes=options.minutes) for b in chosen]
    if options.list:
        for b in chosen:
            print(f"{b.command}{f'  ({why})' if (why := b.missing()) else ''}")
        for script, needs in LONGER.items():
            print(f"benchmarks/{script}.py  (not run: needs {needs})")
        return 0
    outcomes = measure(chosen, options.results, options.plots)
    failed = {name: o.failure for name, o in outcomes.items() if o.failure}
    for name, why in failed.items():
        print(f"not measured: {name}: {why}", file=sys.stderr)
    return 1 if len(failed) == len(outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
