"""What outputs carry, whether changes are found, what survives other programs, and what it costs.

    python benchmarks/provenance.py [PLUGIN ...] [--n 12]

Each plugin is trained for seconds; the samples look accordingly, and their files are what matters.
Every format is generated, verified, changed and verified again: one byte in the middle, one cell or
value, and the record. Then copies go through common programs, away from their records. Keys and
outputs are in a temporary folder.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("GANKIT_PLUGINS", "")

import numpy as np
import torch
from step import machine

import gankit
from gankit.contract import Provenance
from gankit.provenance import keys
from gankit.provenance.content_credentials import MEDIA_TYPES, ManifestWriter
from gankit.provenance.evidence import Known
from gankit.provenance.inspection import Finding, inspect
from gankit.provenance.verification import verify

TINY: dict[str, dict[str, Any]] = {
    "image": {"width": (16,), "blocks": 1},
    "audio": {"width": 16, "rounds": 2},
    "tabular": {"hidden": 16},
    "molecule": {"limit": 120, "epochs": 20, "smooth": 0.3, "cache": "none", "calls": 120,
                 "elites": 20, "resampling__candidates": 1},
    "tensor": {"hidden": 16},
    "toy": {"hidden": 8, "count": 400},
}  # fmt: skip
FORMATS = {
    "image": ("folder", "zip", "parquet", "npz", "npy"),
    "audio": ("wav", "flac", "ogg", "mp3", "parquet"),
    "tabular": ("csv", "parquet", "feather", "jsonl", "xlsx"),
    "molecule": ("smi", "csv", "parquet", "sdf"),
    "tensor": ("npz",),
    "toy": ("csv",),
}
LAYERS = ("metadata", "content credentials", "record")
STATES = {True: "intact", False: "**changed**", None: "found"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("plugins", nargs="*", help="all by default")
    parser.add_argument("--n", type=int, default=12, help="samples of each output")
    options = parser.parse_args()
    chosen = options.plugins or list(TINY)
    print(f"{machine(torch.device('cpu'))}, 1 thread; {options.n} samples an output.\n")
    with tempfile.TemporaryDirectory() as place:
        os.environ |= {"GANKIT_HOME": f"{place}/home", "GANKIT_SIGN": "on"}
        runs = {name: trained(name, Path(place)) for name in chosen}
        outputs(runs, Path(place), options.n)
        print()
        survivors(runs, Path(place))
        print()
        costs()


def trained(name: str, place: Path) -> gankit.Run:
    data: Any = None
    if name == "tensor":
        data = np.random.default_rng(0).normal(size=(200, 6)).astype(np.float32)
    brief = {"train__samples": 32, "train__batch": 16, "train__threads": 1, **TINY[name]}
    with contextlib.redirect_stderr(open(os.devnull, "w")):
        return gankit.fit(name, data, out=place / name, **brief)


# --- Written, changed and verified --------------------------------------------------------------


def outputs(runs: dict[str, gankit.Run], place: Path, n: int) -> None:
    """Prints what each format carries, and what becomes of changes."""
    print(
        "| plugin | format | metadata | content credentials | verify | a byte | a value | record |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for name, run in runs.items():
        samples = list(run.stream(n))
        for form in FORMATS[name]:
            out = place / f"{name}-{form}"
            run.save(samples, out, format=form)
            finding = inspect(payload(out), Known.of_user())
            shown = [state(finding, layer) for layer in LAYERS[:2]]
            found = [verdict(out), *(after(out, change) for change in (byte, value, record))]
            print(f"| {' | '.join([name, form, *shown, *found])} |", flush=True)


def payload(out: Path) -> Path:
    """The first file of an output."""
    files = sorted(p for p in out.rglob("*") if p.is_file() and "provenance" not in p.name)
    return next((p for p in files if p.name != "metadata.jsonl"), files[0])


def state(finding: Finding, name: str) -> str:
    layer = next(layer for layer in finding.layers if layer.name == name)
    return STATES[layer.intact] if layer.found else "–"


def verdict(out: Path) -> str:
    found = verify(out, Known.of_user())
    return found.verdict + ("" if found.known else ", signer unknown")


def after(out: Path, change: Callable[[Path], None]) -> str:
    """The verdict on a changed copy."""
    copy = out.with_name("changed")
    shutil.copytree(out, copy)
    try:
        change(copy)
        return f"**{verdict(copy)}**"
    finally:
        shutil.rmtree(copy)


def byte(out: Path) -> None:
    file = payload(out)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def value(out: Path) -> None:
    """A digit of a text, or the last bytes of anything else."""
    file = payload(out)
    content = bytearray(file.read_bytes())
    digits = [i for i, b in enumerate(content) if chr(b).isdigit()]
    place = digits[-1] if file.suffix in (".csv", ".jsonl", ".smi", ".sdf") else len(content) - 9
    content[place] = (content[place] ^ 1) & 0xFF
    file.write_bytes(content)


def record(out: Path) -> None:
    file = out / "provenance.json"
    stored = json.loads(file.read_text())
    file.write_text(json.dumps({**stored, "run": "another"}, indent=1))


# --- Through other programs ---------------------------------------------------------------------


def survivors(runs: dict[str, gankit.Run], place: Path) -> None:
    """Prints which layers are left after common programs, in a copy away from its record; the
    record is then given with ``--record``."""
    print("| file | then | metadata | content credentials | found in the record |")
    print("|---|---|---|---|---|")
    for plugin, form, what, convert in conversions():
        out = place / f"{plugin}-{form}"
        if not out.exists():
            continue
        source = payload(out)
        with tempfile.TemporaryDirectory() as folder:
            try:
                made = convert(source, Path(folder))
            except (ImportError, FileNotFoundError, subprocess.CalledProcessError) as error:
                print(f"| {source.suffix[1:]} | {what} | not tried: {error} | | |", flush=True)
                continue
            finding = inspect(made, Known.of_user(), out / "provenance.json")
            shown = [state(finding, layer) for layer in LAYERS[:2]]
            last = next(layer for layer in finding.layers if layer.name == "record")
            shown.append("yes" if last.intact else "no")
            print(f"| {source.suffix[1:]} | {what} | {' | '.join(shown)} |", flush=True)


def conversions() -> Iterator[tuple[str, str, str, Callable[[Path, Path], Path]]]:
    def named(name: str, function: Callable[[Path, Path], Any]) -> Callable[[Path, Path], Path]:
        def convert(source: Path, folder: Path) -> Path:
            function(source, folder / name)
            return folder / name

        return convert

    def pillow(change: Callable[[Any], Any]) -> Callable[[Path, Path], None]:
        def convert(source: Path, target: Path) -> None:
            import PIL.Image

            with PIL.Image.open(source) as image:
                change(image.convert("RGB")).save(target)

        return convert

    def ffmpeg(source: Path, target: Path) -> None:
        words = ("ffmpeg", "-loglevel", "error", "-y", "-i", source, target)
        subprocess.run(words, check=True)

    def pandas(source: Path, target: Path) -> None:
        import pandas

        read = pandas.read_csv if source.suffix == ".csv" else pandas.read_parquet
        table = read(source)
        if target.suffix == ".csv":
            table.to_csv(target, index=False)
        else:
            table.to_parquet(target)

    def zipped(source: Path, target: Path) -> None:
        packed = shutil.make_archive(str(target.with_suffix("")), "zip", source.parent, source.name)
        shutil.unpack_archive(packed, target.parent / "un")
        shutil.move(target.parent / "un" / source.name, target)

    def rdkit(source: Path, target: Path) -> None:
        from rdkit import Chem

        molecules = [m for m in Chem.SDMolSupplier(str(source)) if m]
        with Chem.SDWriter(str(target)) as writer:
            for molecule in molecules:
                writer.write(molecule)

    same = lambda image: image  # noqa: E731
    yield "image", "folder", "copied and renamed", named("b.png", shutil.copy)
    yield "image", "folder", "zipped and unzipped", named("b.png", zipped)
    yield "image", "folder", "Pillow: saved again as PNG", named("b.png", pillow(same))
    yield "image", "folder", "Pillow: saved as JPEG", named("b.jpg", pillow(same))
    yield "image", "folder", "Pillow: half the size", named(
        "b.png", pillow(lambda image: image.resize((image.width // 2, image.height // 2)))
    )  # fmt: skip
    yield "image", "folder", "ffmpeg: to WebP", named("b.webp", ffmpeg)
    yield "audio", "wav", "copied and renamed", named("b.wav", shutil.copy)
    yield "audio", "wav", "ffmpeg: to MP3", named("b.mp3", ffmpeg)
    yield "audio", "wav", "ffmpeg: to FLAC", named("b.flac", ffmpeg)
    yield "audio", "flac", "ffmpeg: to WAV", named("b.wav", ffmpeg)
    yield "tabular", "csv", "copied and renamed", named("b.csv", shutil.copy)
    yield "tabular", "csv", "pandas: to Parquet", named("b.parquet", pandas)
    yield "tabular", "parquet", "pandas: saved again", named("b.parquet", pandas)
    yield "tabular", "parquet", "pandas: to CSV", named("b.csv", pandas)
    yield "molecule", "sdf", "RDKit: saved again", named("b.sdf", rdkit)


# --- Costs --------------------------------------------------------------------------------------


def costs() -> None:
    """Prints what a manifest costs in a file of each type."""
    import io

    import PIL.Image

    statement = Provenance("gankit 0.1.0", "run", "2026-01-01T00:00:00+00:00", "http://x/y")
    writer = ManifestWriter(keys.signer(), statement)  # type: ignore[arg-type]
    print("| file | bytes before | bytes more | CPU ms each, median of 50 |")
    print("|---|---|---|---|")
    rng = np.random.default_rng(0)
    for side in (64, 256, 1024):
        image = PIL.Image.fromarray(rng.integers(0, 255, (side, side, 3), dtype=np.uint8))
        for form, ending in (("PNG", ".png"), ("JPEG", ".jpg"), ("WEBP", ".webp"), ("GIF", ".gif")):
            file = io.BytesIO()
            image.save(file, form)
            plain, media_type, times = file.getvalue(), MEDIA_TYPES[ending], []
            for _ in range(50):
                started = time.process_time()
                signed = writer.signed(plain, media_type)
                times.append(time.process_time() - started)
            more, each = len(signed) - len(plain), statistics.median(times) * 1e3
            print(f"| {form}, {side}×{side} | {len(plain):,} | {more:,} | {each:.2f} |", flush=True)


if __name__ == "__main__":
    main()
