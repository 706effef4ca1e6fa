"""Small data with marked values that no output may repeat, a maker for each bundled plugin, and the
search for these values."""

from __future__ import annotations

import base64
import csv
import gzip
import io
import re
import struct
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.PngImagePlugin

MARK = "Quxzvolt"
"""Part of every marked text; no language and no encoding of numbers has it by chance."""
COUNT = 73_198_461
"""A marked identifier that is a number."""
PRICE = 8_675_309.25
"""A marked amount."""


@dataclass(frozen=True)
class Marked:
    """A data set, and how to use it."""

    data: Path
    settings: tuple[str, ...]
    """Of a training that takes moments."""
    balance: str
    """What to balance by; empty if the plugin cannot augment."""
    learned: tuple[str, ...] = ()
    """Marked texts that a model has to know to generate its data: rare categories."""
    quoted: tuple[str, ...] = ()
    """Marked texts that a warning of what was read may show, but not store."""
    evaluation: tuple[str, ...] = ()
    numbers: tuple[float, ...] = ()
    learned_numbers: tuple[float, ...] = ()
    measured: bool = True
    """Whether augmentation is measured: not where that takes a minute."""


def make_tabular(home: Path) -> Marked:
    """Identifiers of five kinds, a rare category, a rare amount, and a text among numbers."""
    rng = np.random.default_rng(0)
    header = [
        "customer",
        "name",
        "account_id",
        "email",
        "joined",
        "price",
        "city",
        "note",
        "age",
        "plan",
    ]
    rows: list[list[object]] = []
    for i in range(240):
        rows.append(
            [
                f"CUST-{100_000 + 7 * i}",
                f"{rng.choice(['Ada', 'Ben', 'Cleo'])} Person{i:03d} of {rng.integers(10**6)}",
                1_000_003 + 17 * i + int(rng.integers(9)),
                f"user{i}@{rng.choice(['one', 'two'])}.example",
                f"{rng.integers(1, 13):02d}/{rng.integers(13, 28)}/{rng.integers(2018, 2024)}",
                f"${rng.lognormal(5, 0.5):,.2f}",
                rng.choice(["Oslo", "Rome", "Lima"]),
                "" if rng.random() < 0.3 else f"remark {i} by {rng.integers(10**6)}",
                int(rng.integers(18, 90)),
                "gold" if i % 8 == 0 else "free",
            ]
        )
    rows[10][:4] = [f"CUST-{MARK}", f"{MARK} Person", COUNT, f"{MARK}@{MARK}.example"]
    rows[10][5], rows[11][6], rows[12][7] = f"${PRICE:,.2f}", f"{MARK}ville", f"{MARK} said so"
    rows[13][8] = rows[14][8] = rows[15][8] = f"{MARK} old"  # some are trained on
    with (home / "people.csv").open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    small = (
        "hidden=8",
        "digit_units=8",
        "layers=1",
        "train.samples=640",
        "train.batch=32",
        "resampling.candidates=2",
    )
    return Marked(
        *(home / "people.csv", small, "plan", (f"{MARK}ville", f"{MARK} old"), (f"{MARK} old",)),
        numbers=(COUNT, PRICE),
        learned_numbers=(PRICE,),
    )


def make_toy(home: Path) -> Marked:
    """Points in files with marked names."""
    (home / "points").mkdir()
    rng = np.random.default_rng(0)
    for name in (MARK, "other"):
        lines = ["x,y,label", *(f"{x},{y},{name == MARK}" for x, y in rng.normal(size=(60, 2)))]
        (home / "points" / f"{name}.csv").write_text("\n".join(lines))
    return Marked(home / "points", ("hidden=8", "train.samples=640", "train.batch=32"), "")


def make_image(home: Path) -> Marked:
    """Pictures with marked names, text chunks and EXIF, and a table with a marked column."""
    rng, root = np.random.default_rng(0), home / "photos"
    root.mkdir()
    rows = [["file_name", "label", "patient"]]
    for i in range(24):
        name, label = f"{MARK}_{i:02d}.png" if i % 2 else f"{i:02d}.png", ("cat", "dog")[i % 3 // 2]
        picture = PIL.Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
        exif = PIL.Image.Exif()
        exif[0x010E] = exif[0x013B] = f"{MARK} taken by {i}"
        about = PIL.PngImagePlugin.PngInfo()
        about.add_text("Comment", f"{MARK} {i}")
        picture.save(root / name, exif=exif, pnginfo=about)
        rows.append([name, label, f"{MARK} patient {i}"])
    with (root / "metadata.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    small = ("width=[16]", "train.batch=8", "train.samples=32", "log.preview_count=4",
             'extractors=["random-conv"]')  # fmt: skip
    return Marked(root, small, "label")


def make_audio(home: Path) -> Marked:
    """Clips with marked names and tags, and a table with a marked column."""
    import soundfile

    rng, root = np.random.default_rng(0), home / "sounds"
    root.mkdir()
    rows = [["file_name", "label", "speaker"]]
    for i in range(40):
        t, label = np.arange(2400) / 8000, ("high", "low")[i % 3 // 2]
        name = f"{MARK}_{i:02d}.wav" if i % 2 else f"{i:02d}.wav"
        x = 0.5 * np.sin(2 * np.pi * (800 if label == "high" else 200) * t) * np.exp(-8 * t)
        with soundfile.SoundFile(root / name, "w", 8000, 1, "PCM_16") as sound:
            sound.title, sound.artist, sound.comment = (f"{MARK} {what}" for what in "tac")
            sound.write(x + rng.normal(0, 0.01, 2400))
        rows.append([name, label, f"{MARK} speaker {i}"])
    with (root / "metadata.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    small = ("width=16", "rounds=2", "mels=24", "code=16", "train.samples=640", "train.batch=32",
             "log.preview_count=4")  # fmt: skip
    return Marked(root, small, "label", measured=False)


def make_molecule(home: Path) -> Marked:
    """An SDF file with marked titles and a marked field."""
    from rdkit import Chem

    parts = [(e, k, r) for e in "CNOF" for k in ("C", "OC", "CC", "C(=O)N") for r in range(1, 7)]
    with Chem.SDWriter(str(home / "molecules.sdf")) as writer:
        for i, (end, link, n) in enumerate(parts):
            mol = Chem.MolFromSmiles(f"{end}{link}{'C' * n}c1ccccc1")
            mol.SetProp("_Name", f"{MARK} {i}" if i % 2 else f"compound {i}")
            mol.SetProp("supplier", f"{MARK} Ltd {i}")
            mol.SetProp("activity", "yes" if n > 4 else "no")
            writer.write(mol)
    small = ("width=64", "latent=8", "smooth=0.3", "vocabulary=40", "epochs=100", "workers=1",
             "train.samples=640", "train.batch=32", "log.preview_count=4",
             "resampling.candidates=1", f"cache={home / 'cache'}")  # fmt: skip
    return Marked(home / "molecules.sdf", small, "")


def make_text(home: Path) -> Marked:
    """Texts with a class, and a marked column beside them that is not learned."""
    rows = [["review", "mood", "customer"]]
    subjects, ends = ("the film", "this book", "our meal", "that song"), ("again", "twice", "today")
    for i in range(96):
        mood = ("good", "bad")[i % 2]
        text = f"{subjects[i % 4]} was {('fine', 'poor')[i % 2]} {ends[i % 3]} on day {i}"
        rows.append([text, mood, f"{MARK} customer {i}"])
    with (home / "reviews.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    small = ("width=16", "latent=8", "epochs=1", "units=16", "cache=none", "train.samples=640",
             "train.batch=32", "log.preview_count=4")  # fmt: skip
    evaluation = ("language_model=false",)
    return Marked(home / "reviews.csv", small, "label", evaluation=evaluation, measured=False)


def make_material(home: Path) -> Marked:
    """Formulas with an energy, and a marked column beside them."""
    rows = [["formula", "formation_energy", "laboratory"]]
    metals, others = ("Na", "K", "Mg", "Ca", "Fe", "Ti", "Al", "Zn"), ("O", "S", "Cl", "F", "N")
    for i, (a, n, b) in enumerate(
        (a, n, b) for a in metals for n in ("", "2", "3") for b in others
    ):
        rows.append([f"{a}{n}{b}", f"{-0.01 * i:.2f}", f"{MARK} laboratory {i}"])
    with (home / "oxides.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    small = ("units=16", "train.samples=640", "train.batch=32", "log.preview_count=4")
    return Marked(home / "oxides.csv", small, "")


def make_video(home: Path) -> Marked:
    """Films with marked names and comments, and a table with a marked column."""
    rng, root = np.random.default_rng(0), home / "films"
    root.mkdir()
    rows = [["file_name", "label", "actor"]]
    for i in range(16):
        name, label = f"{MARK}_{i:02d}.gif" if i % 2 else f"{i:02d}.gif", ("up", "down")[i % 4 // 2]
        frames = [
            PIL.Image.fromarray(f) for f in rng.integers(0, 256, (4, 8, 8, 3), dtype=np.uint8)
        ]
        comment = f"{MARK} film {i}".encode()
        frames[0].save(root / name, save_all=True, append_images=frames[1:], comment=comment)
        rows.append([name, label, f"{MARK} actor {i}"])
    with (root / "metadata.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    small = ("width=[8]", "frames=4", "train.batch=4", "train.samples=16", "log.preview_count=4")
    return Marked(root, small, "label", evaluation=("frames=4",), measured=False)


MAKERS: dict[str, Callable[[Path], Marked]] = {
    "tabular": make_tabular,
    "toy": make_toy,
    "image": make_image,
    "audio": make_audio,
    "molecule": make_molecule,
    "text": make_text,
    "material": make_material,
    "video": make_video,
}


# --- Search -------------------------------------------------------------------------------------


def marked_in(
    content: bytes, marked: Marked, *, learned: bool = False, quoted: bool = False
) -> list[str]:
    """What of the marked values occurs in a file or in text, in any encoding, also within archives,
    compressed members and embedded data.

    Args:
        learned: whether values that a model has to know may occur.
        quoted: whether values that warnings quote may occur.
    """
    found: list[str] = []
    allowed = (*(marked.learned if learned else ()), *(marked.quoted if quoted else ()))
    for layer in _layers(content):
        for text in {layer.decode("latin-1"), layer.decode("utf-16-le", "replace")}:
            for permitted in allowed:
                text = text.replace(permitted, "")
            found += re.findall(f"(?i).{{0,40}}{MARK}.{{0,20}}", text)
        for value in set(marked.numbers) - set(marked.learned_numbers if learned else ()):
            found += [f"{value} as {form!r}" for form in _forms(value) if form in layer]
    return found


def _forms(value: float) -> Iterator[bytes]:
    whole = int(value)
    yield from (str(whole).encode(), f"{whole:,}".encode(), f"{whole:_}".encode())
    yield struct.pack("<d", value)
    yield struct.pack("<f", value)
    yield struct.pack("<q", whole)


def _layers(content: bytes) -> Iterator[bytes]:
    """The content, and what is packed or embedded in it."""
    yield content
    if content[:2] == b"\x1f\x8b":
        yield from _layers(gzip.decompress(content))
    if content[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield name.encode()
                yield from _layers(archive.read(name))
    for match in re.finditer(rb"data:[\w/+.-]+;base64,([A-Za-z0-9+/=]+)", content):
        yield from _layers(base64.b64decode(match[1]))
