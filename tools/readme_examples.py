"""Trains every modality by its default recipe on built-in data, and shows the results in README.

::

    python tools/readme_examples.py WORK [NAME ...]

Writes ``docs/assets/NAME.png`` and the part of README.md between the comments ``examples``. Runs in
the folder WORK that are finished are used again. Figures are CPU seconds of the whole command,
reading and start included, on one thread.
"""

from __future__ import annotations

import csv
import json
import os
import re
import resource
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

ROOT = Path(__file__).resolve().parents[1]
MARK = "<!-- examples -->"


@dataclass(frozen=True)
class Example:
    """A modality's entry in README.

    Attributes:
        plugin: its name, also of the picture.
        title: of the row.
        data: what it was trained on.
        shown: what the picture shows.
        size: pixels of the preview that are shown, from its upper left corner.
        columns: of a table, those that are shown; empty for others.
        texts: how many texts are shown; 0 for a picture.
    """

    plugin: str
    title: str
    data: str
    shown: str
    size: tuple[int, int] = (1000, 1000)
    columns: Sequence[str] = ()
    texts: int = 0


EXAMPLES = (
    Example(
        "image",
        "Images",
        "5,000 digits of 28×28 pixels (MNIST)",
        "one row per requested class",
        (604, 570),
    ),
    Example(
        "audio",
        "Sounds",
        "synthesised plucked strings, twelve notes",
        "mel spectrograms and waveforms of two each",
        (1012, 280),
    ),
    Example(
        "molecule",
        "Molecules",
        "4,848 molecules of the NCI",
        "drawn, with computed properties",
        (836, 620),
    ),
    Example(
        *("tabular", "Tables", "569 biopsies, 11 columns", "four generated rows, five columns"),
        columns=("diagnosis", "mean_radius", "mean_texture", "mean_area", "mean_concavity"),
    ),
    Example(
        *("text", "Texts", "5,500 definitions of WordNet, by kind of noun"),
        "ten generated texts, not chosen",
        texts=10,
    ),
    Example(
        "material",
        "Materials",
        "8,000 formulas with Seebeck coefficients",
        "elements of generated and real formulas, and their properties",
        (1182, 505),
    ),
    Example(
        "video",
        "Video",
        "1,797 synthesised clips of moving digits",
        "eight of sixteen frames; a row a clip, a label each",
        (281, 330),
    ),
)


def gankit(*words: object) -> float:
    """Runs a command on one thread; its CPU seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-m", "gankit", *map(str, words)], env=environment, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def train(example: Example, run: Path) -> float:
    """Trains the default recipe unless the run is finished; CPU seconds."""
    record = run.with_suffix(".json")
    if not record.is_file():
        spent = gankit("train", "--plugin", example.plugin, "--out", run, "train.threads=1")
        record.write_text(json.dumps({"cpu_seconds": spent}))
    return float(json.loads(record.read_text())["cpu_seconds"])


def picture(example: Example, run: Path) -> str:
    """Copies the top of the last preview, with its metadata, to the documentation; a link to it."""
    last = max((run / "previews").glob("*.png"), key=lambda file: file.stem)
    target = ROOT / "docs" / "assets" / f"{example.plugin}.png"
    with Image.open(last) as image:
        mark = PngInfo()
        for key, text in image.text.items():
            mark.add_itxt(key, text)
        width, height = map(min, image.size, example.size)
        shown = image.crop((0, 0, width, height))
        shown.save(target, optimize=True, pnginfo=mark)
    return f"![Generated {example.title.lower()}](docs/assets/{target.name})"


def rows(example: Example, run: Path) -> str:
    """A table of generated rows."""
    target = run.with_suffix(".csv")
    gankit("generate", run, "-n", 4, "--out", target, "--overwrite")
    with target.open(newline="", encoding="utf-8") as file:
        found = [[row[column] for column in example.columns] for row in csv.DictReader(file)]
    lines = [example.columns, ["---"] * len(example.columns), *found]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def texts(example: Example, run: Path) -> str:
    """The first generated texts, each after the class that was requested."""
    target = run.with_suffix(".jsonl")
    gankit("generate", run, "-n", example.texts, "--out", target, "--overwrite")
    found = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]
    return "\n".join(f"- *{one['kind']}*: {' '.join(one['text'].split())}" for one in found)


def section(example: Example, run: Path) -> str:
    spent = train(example, run)
    made = (rows if example.columns else texts if example.texts else picture)(example, run)
    time = f"{spent:.0f} CPU seconds" if spent < 100 else f"{spent / 60:.1f} CPU minutes"
    return f"**{example.title}** from {example.data}; {time} of training; {example.shown}\n\n{made}"


def main(work: Path, names: Sequence[str]) -> None:
    work.mkdir(parents=True, exist_ok=True)
    chosen = [e for e in EXAMPLES if not names or e.plugin in names]
    made = {f"**{e.title}**": section(e, work / e.plugin) for e in chosen}
    readme = ROOT / "README.md"
    before, shown, after = readme.read_text(encoding="utf-8").split(MARK)
    kept = {part.split(" from ")[0]: part for part in re.split(r"\n\n(?=\*\*)", shown.strip())}
    parts = {**kept, **made}
    text = "\n\n".join(
        [MARK, *(parts[t] for e in EXAMPLES if (t := f"**{e.title}**") in parts), MARK]
    )
    readme.write_text(before + text + after, encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), sys.argv[2:])
