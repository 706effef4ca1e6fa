"""The commands and scripts in README and docs run, and the generated reference is complete.

Every ``$ gankit …`` line of a ``console`` block runs in its own process, page by page, in an empty
folder with ``my-photos``, ``people.csv`` and the like; so do the ``python`` blocks, as one script
per page. Pages show realistic commands; here training and evaluation are reduced to seconds.
A comment above a block changes the expected result::

    <!-- test: fails: TEXT -->   exit code 2, with TEXT in the output
    <!-- test: skip: REASON -->  not run
"""

from __future__ import annotations

import importlib.util
import re
import shlex
import tomllib
import wave
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from pages import BLOCK
from PIL import Image
from preforked import Preforked
from visits_and_shop import save, save_shop, shop, visits
from words import once

from gankit import config
from gankit.engine.objectives import OBJECTIVES
from gankit.engine.settings import EngineSettings
from gankit.plugins.registry import installed

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(
    path
    for path in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md"))
    if not {"_build", "generated"} & set(path.relative_to(ROOT).parts)
)

TINY = {
    "train": [
        *("--samples=8", "train.batch=8", "train.threads=1"),
        *("log.preview_count=8", "log.verdict=0"),
    ],
    "evaluate": ["-n", "40", "--metrics=frechet,memorisation"],
    "project": ["--steps=3", "--seeds=32"],
    "directions": ["--seeds=1", "-n", "2"],
}
"""Arguments appended to commands to make them short; the last one of an option counts."""
TINY_PRIVATE = ["--samples=32", "train.batch=32"]
"""A batch shares the noise, so it must be larger."""
TINY_PLUGINS: dict[tuple[str, ...], dict[str, list[str]]] = {
    ("toy", "people"): {},
    ("video", "moving"): {
        "train": ["width=[16]", "frames=6", "frames_judged=2", "data.holdout=0.9"],
    },
    ("visits", "shop", "made.csv"): {
        "train": ["digit_units=4", "hidden=8", "log.verdict=0", "log.preview_count=1"],
        "evaluate": ["--metrics=columns"],
    },
    ("audio", "sounds"): {"train": ["width=16", "rounds=2"]},
    ("material", "formulas", "oxides"): {"train": ["units=16"]},
    ("text", "poems", "reviews", "runs/direct"): {
        "train": ["width=16", "latent=8", "epochs=1", "units=16", "cache=codecs"],
        "evaluate": ["language_model=false"],
    },
    ("molecule", "compounds", "active"): {
        "train": [
            *("limit=120", "epochs=20", "smooth=0.3", "cache=codecs"),  # trained once a page
            *("calls=60", "elites=10", "resampling.candidates=1"),
        ]
    },
    ("",): {
        "train": ["width=[16]", "blocks=1", 'extractors=["random-conv"]'],
        "evaluate": ['extractors=["random-conv"]'],
    },
}
"""The same for each plugin, by what its commands name; any other command is of images."""
TINY_BUILT_IN = ["data.holdout=0.9"]
"""The same for the data that comes with the image plugin: less to train on and to compare with."""
TINY_CALLS = {
    "image": ", width=(16,), blocks=1, extractors=('random-conv',)",
    "tabular": ", hidden=16",
    "tensor": ", hidden=16",
    "audio": ", width=16, rounds=2",
    "text": ", width=16, latent=8",
}
"""The same for calls of ``gankit.fit``, by plugin."""


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    language: str
    body: str
    test: str
    text: str


def blocks(page: Path) -> list[Block]:
    return [
        Block(m["language"], m["body"], m["test"] or "", m["text"] or "")
        for m in BLOCK.finditer(page.read_text(encoding="utf-8"))
    ]


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


WITH_CODE = [p for p in PAGES if {"console", "python"} & {b.language for b in blocks(p)}]

Run = Callable[[list[str], Path], tuple[int, str]]


@pytest.fixture
def run(preforked: Preforked, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs ``["gankit", …]`` or ``["<file name>", "<code>"]``; exit code and output. Outputs are
    signed, as a reader's are."""
    home = str(tmp_path_factory.mktemp("home"))

    def one(words: list[str], folder: Path) -> tuple[int, str]:
        done = preforked(words, folder, GANKIT_SIGN="on", GANKIT_HOME=home)
        return done.returncode, done.stdout + done.stderr

    return one


METALS = ("Na", "K", "Ca", "Mg", "Ti", "Fe", "Al", "Zn", "Cu", "Sr")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A reader's folder: pictures of two classes and several sizes, one damaged; a table; tones of
    two classes and several lengths, one damaged; compounds and formulas, one of each invalid; and a
    scoring function.
    """
    rng = np.random.default_rng(0)
    for label, tone in (("cats", 60), ("dogs", 180)):
        place = tmp_path / "my-photos" / label
        place.mkdir(parents=True)
        for i in range(32):
            size = (12 + i % 3, 16, 3)
            pixels = (tone + rng.integers(-50, 50, size)).astype(np.uint8)
            Image.fromarray(pixels).save(place / f"{i}.png")
    (tmp_path / "my-photos" / "cats" / "damaged.jpg").write_bytes(b"not a picture")
    people = ["age,city,member,note"]
    for i in range(300):
        city, member = ("Oslo", "Lima", "Rome")[i % 3], "yes" if i % 5 == 0 else "no"
        people.append(f"{rng.integers(18, 90)},{city},{member},n{i}")
    (tmp_path / "people.csv").write_text("\n".join(people) + "\n")
    save(visits(60), tmp_path / "visits.csv")
    save_shop(tmp_path / "shop", shop(60, "customer_id"))
    gaps = ["age,city,member,note", "34,,no,a", ",Lima,,b", "51,Oslo,yes,c"]
    (tmp_path / "gaps.csv").write_text("\n".join(gaps) + "\n")
    for label, low in (("bell", 400), ("dog", 150)):
        place = tmp_path / "my-sounds" / label
        place.mkdir(parents=True)
        for i in range(32):
            time = np.arange(1600 + 50 * (i % 5)) / 8000
            tone = np.sin(2 * np.pi * low * (1 + rng.random()) * time) * np.exp(-9 * time)
            with wave.open(str(place / f"{i}.wav"), "wb") as sound:
                sound.setnchannels(1)
                sound.setsampwidth(2)
                sound.setframerate(8000)
                sound.writeframes((20_000 * tone).astype("<i2").tobytes())
    (tmp_path / "my-sounds" / "dog" / "damaged.wav").write_bytes(b"not a sound")
    parts = product(("C", "CC", "O", "F", "N"), ("C", "OC", "C(=O)N"), ("c1ccccc1", "C1CCCCC1"))
    compounds = [f"{''.join(p)}{'C' * k}" for p in parts for k in range(4)]
    lines = [f"{smiles},{4 + i % 5}" for i, smiles in enumerate(compounds)]
    (tmp_path / "compounds.csv").write_text("\n".join(["smiles,activity", *lines, "C1CC,5"]))
    formulas = [
        a + n + b for a in METALS for n in ("", "2", "3") for b in ("O", "S", "Cl", "F", "N")
    ]
    lines = [f"{formula},{-0.1 * i:.2f}" for i, formula in enumerate(formulas)]
    (tmp_path / "formulas.csv").write_text("\n".join(["formula,formation_energy", *lines, "Xx2,0"]))
    days = [f"{who} {does} the {what}" for who, does, what in product(
        ("a cat", "the sea", "my friend"), ("sees", "hides", "likes"), ("moon", "road", "old house")
    )]  # fmt: skip
    verses = "\n\n".join(f"{day},\nand {day}" for day in days)
    (tmp_path / "poems.txt").write_text(verses + "\n")
    rows = [
        f"it was {day} on day {i},{('good', 'bad')[i % 2]},{i % 5}" for i, day in enumerate(days)
    ]
    (tmp_path / "reviews.csv").write_text("\n".join(["review,mood,stars", *rows, ",good,3"]))
    (tmp_path / "scorer.py").write_text("def score(smiles):\n    return [len(s) for s in smiles]\n")
    return tmp_path


def cut_down(words: list[str]) -> list[str]:
    """The command, reduced to a small amount of work."""
    command = words[1]
    tiny = TINY.get(command, [])
    if command == "train" and any("privacy." in word for word in words):
        tiny = [*tiny, *TINY_PRIVATE]
    own = next(
        reduced
        for names, reduced in TINY_PLUGINS.items()
        if any(name in word for word in words for name in names)
    )
    if command == "train" and words[2:4] == ["--plugin", "image"] and "--data" not in words:
        tiny = [*tiny, *TINY_BUILT_IN]
    return once(*words, *tiny, *own.get(command, []))


def cut_down_calls(script: str) -> str:
    """The script, with each ``gankit.fit("plugin", …, samples=…)`` reduced likewise."""

    def tiny(call: re.Match[str]) -> str:
        own = TINY_CALLS.get(call["plugin"], "")
        if call["plugin"] == "image" and call["data"] is None:
            own += ", data__holdout=0.9"
        return f"{call['before']}samples=8, train__batch=8, train__threads=1, log__verdict=0{own}"

    plugin = r"(?P<before>fit\(\s*\"(?P<plugin>\w+)[^\"]*\"(?P<data>, *(?!\w+=)\S+)?"
    calls = plugin + r"(?:(?!fit\().)*?)(train__)?samples=[\w\"]+"
    return re.sub(calls, tiny, script, flags=re.DOTALL)


@pytest.mark.parametrize("page", WITH_CODE, ids=name)
def test_the_commands_of_a_page_run(page: Path, run: Run, folder: Path) -> None:
    for block in blocks(page):
        if block.language != "console" or block.test == "skip":
            continue
        expected = 2 if block.test == "fails" else 0
        for line in block.body.splitlines():
            assert line.startswith("$ "), f"no output in pages: {name(page)} shows {line!r}"
            if not line.startswith("$ gankit "):
                continue
            words = cut_down(shlex.split(line.removeprefix("$ ")))
            code, output = run(words, folder)
            assert code == expected, f"{line}\n{output}"
            assert block.text in output, f"{line}\n{output}"

    scripts = [b.body for b in blocks(page) if b.language == "python" and b.test != "skip"]
    scripts = [body for body in scripts if not body.startswith("# src/")]  # files of a plugin
    if scripts:
        code, output = run([name(page), cut_down_calls("\n".join(scripts))], folder)
        assert code == 0, output


def test_blocks_are_found() -> None:
    languages = {block.language for page in PAGES for block in blocks(page)}
    assert {"console", "python", "toml", "sh"} <= languages
    assert any(b.test == "fails" and b.text for page in PAGES for b in blocks(page))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_settings_in_toml_blocks_exist(page: Path) -> None:
    info = installed().infos()["image"]
    settings = installed().modality("image").modality.Settings
    for block in blocks(page):
        if block.language == "toml" and "entry-points" not in block.body:
            config.resolve(info, settings, files=[tomllib.loads(block.body)])


@pytest.mark.parametrize("page", [p for p in PAGES if p.parent == ROOT], ids=name)
def test_links_out_of_the_readme_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
    assert links
    for link in links:
        assert link.startswith("https://") or (ROOT / link).is_file(), link


# --- The generated reference --------------------------------------------------------------------


@pytest.fixture(scope="module")
def reference() -> dict[str, str]:
    """The generated pages by file name."""
    file = ROOT / "docs" / "_ext" / "gankit_reference.py"
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    pages: dict[str, str] = module.pages()
    return pages


def test_the_reference_has_every_setting_with_its_meaning(reference: dict[str, str]) -> None:
    kinds = [EngineSettings, *(installed().modality(p).modality.Settings for p in ("image", "toy"))]
    for kind in kinds:
        for setting in config.describe(kind):
            rows = [
                line
                for line in reference["settings.md"].splitlines()
                if line.startswith(f"| `{setting.key}`")
            ]
            assert all(row.count(" | ") == 3 for row in rows), rows
            assert setting.meaning, f"{setting.key} has no docstring"
            assert any(setting.meaning.split()[0] in row for row in rows)


def test_the_reference_has_every_command(reference: dict[str, str]) -> None:
    for command in ("train", "generate", "evaluate", "runs show", "plugins list", "recipes copy"):
        assert f"# `gankit {command}`" in reference["cli.md"]
    assert "`--dry-run`" in reference["cli.md"]


def test_the_reference_has_every_recipe(reference: dict[str, str]) -> None:
    for plugin, info in installed().infos().items():
        for recipe in config.recipes(info):
            assert f"### `{plugin}/{recipe.name}`" in reference["recipes.md"]
            assert recipe.text.strip() in reference["recipes.md"]


def test_settings_that_may_change_on_resuming_are_marked(reference: dict[str, str]) -> None:
    assert "| `train.samples` ↻ |" in reference["settings.md"]
    assert "| `optim.lr` |" in reference["settings.md"]


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_objective_is_explained(objective: str) -> None:
    page = ROOT / "docs" / "explanation" / "the-game.md"
    assert f"| `{objective}` |" in page.read_text(encoding="utf-8")
