"""How often the watermark of images and sounds is found after common edits, and how often it is
seen where it is not. Prints Markdown.

    python benchmarks/watermark.py [--items 20] [--unmarked 100] [--sounds FOLDER] [--part measure]

Covers of images are crops of photographs that come with scikit-image for ``measure``; of others of
them, and scikit-learn's two, for ``tune``, by which the settings were chosen. Covers of sounds are
spoken digits of either part's speakers, one after another, at 16 kHz, and built-in plucked strings.
Marks need a cover only, so a cover stands for a generated item. Needs ffmpeg for MP3 and Ogg.
"""

from __future__ import annotations

import argparse
import io
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image

from gankit_audio.data.clips import Clip
from gankit_audio.output import watermark as of_sounds
from gankit_audio.output.watermark import resampled as rerated
from gankit_image.data.images import Image
from gankit_image.output import watermark as of_images

Array = np.ndarray[Any, Any]
PHOTOGRAPHS = {
    "tune": ("china.jpg", "flower.jpg", "camera.png", "coins.png", "motorcycle_left.png"),
    "measure": (
        *("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "retina.jpg", "moon.png"),
        *("hubble_deep_field.jpg", "gravel.png", "grass.png", "brick.png", "ihc.png"),
    ),
}
SPEAKERS = {"tune": ("george", "lucas", "theo"), "measure": ("jackson", "nicolas", "yweweler")}
KEY, RATE = b"a key of this benchmark", 16_000


# --- Covers -------------------------------------------------------------------------------------


def photographs(part: str) -> list[PIL.Image.Image]:
    import skimage.data
    import sklearn.datasets

    places = [Path(m.__file__).parent for m in (skimage.data, sklearn.datasets)]
    folders = [places[0], places[1] / "images"]
    found = [folder / name for name in PHOTOGRAPHS[part] for folder in folders]
    return [PIL.Image.open(file).convert("RGB") for file in found if file.is_file()]


def pictures(part: str, side: int, count: int, seed: int = 0) -> list[Array]:
    """Square crops of random size and place, scaled down to ``side``; every fourth is grey."""
    rng, found, sources = np.random.default_rng(seed), list[Array](), photographs(part)
    for i in range(count):
        source = sources[i % len(sources)]
        size = int(rng.uniform(side, min(source.size)))
        x, y = (int(rng.integers(0, n - size + 1)) for n in source.size)
        crop = source.crop((x, y, x + size, y + size))
        scaled = crop.resize((side, side), PIL.Image.Resampling.LANCZOS)
        pixels = np.asarray(scaled.convert("L") if i % 4 == 3 else scaled)
        found.append(pixels.reshape(side, side, -1))
    return found


def sounds(
    part: str, folder: Path | None, seconds: float, count: int, seed: int = 0
) -> list[Array]:
    """Clips at 16 kHz, (T,): every fourth of plucked strings, or all without a folder."""
    import soundfile

    from gankit_audio.data import plucked

    rng, size = np.random.default_rng(seed), int(seconds * RATE)
    files = sorted(folder.rglob("*.wav")) if folder else []
    files = [f for f in files if f.stem.split("_")[0] in SPEAKERS[part]]
    found = list[Array]()
    while len(found) < count:
        pieces = list[Array]()
        while sum(map(len, pieces)) < size:
            if files and len(found) % 4 != 3:
                samples, rate = soundfile.read(files[rng.integers(len(files))])
                pieces.append(rerated(samples, rate, RATE))
            else:
                (string,) = plucked.strings(float(rng.uniform(45, 72)), 1, rng)
                pieces.append(rerated(string.squeeze().astype(float), plucked.RATE, RATE))
        found.append(np.concatenate(pieces)[:size])
    return found


# --- Edits --------------------------------------------------------------------------------------


def saved(pixels: Array, **options: Any) -> Array:
    """Through a file."""
    file = io.BytesIO()
    PIL.Image.fromarray(pixels.squeeze()).save(file, **options)
    opened = PIL.Image.open(file).convert("L" if pixels.shape[2] == 1 else "RGB")
    return np.asarray(opened).reshape(pixels.shape)


def scaled(pixels: Array, factor: float) -> Array:
    height, width = (round(n * factor) for n in pixels.shape[:2])
    picture = PIL.Image.fromarray(pixels.squeeze())
    done = np.asarray(picture.resize((width, height), PIL.Image.Resampling.BICUBIC))
    return done.reshape(height, width, -1)


def cropped(pixels: Array, share: float) -> Array:
    """What is left of a picture when so much of its area is kept, off the middle."""
    sides = [round(n * share**0.5) for n in pixels.shape[:2]]
    y, x = (pixels.shape[0] - sides[0]) // 3, (pixels.shape[1] - sides[1]) * 2 // 3
    return pixels[y : y + sides[0], x : x + sides[1]]


def noisy(values: Array, deviation: float, seed: int = 0) -> Array:
    added: Array = values + np.random.default_rng(seed).normal(0, deviation, values.shape)
    return added


def bytes_of(values: Array) -> Array:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def turned(pixels: Array, degrees: float) -> Array:
    picture = PIL.Image.fromarray(pixels.squeeze())
    done = np.asarray(picture.rotate(degrees, PIL.Image.Resampling.BICUBIC))
    return done.reshape(pixels.shape)


OF_PICTURES: dict[str, Callable[[Array], Array]] = {
    "nothing": lambda x: x,
    "PNG": lambda x: saved(x, format="PNG"),
    "JPEG 95": lambda x: saved(x, format="JPEG", quality=95),
    "JPEG 75": lambda x: saved(x, format="JPEG", quality=75),
    "JPEG 50": lambda x: saved(x, format="JPEG", quality=50),
    "WebP 80": lambda x: saved(x, format="WEBP", quality=80),
    "resized to ½ and back": lambda x: scaled(scaled(x, 0.5), 2),
    "resized to ½": lambda x: scaled(x, 0.5),
    "resized to ¾": lambda x: scaled(x, 0.75),
    "cropped to 90 %": lambda x: cropped(x, 0.9),
    "cropped to 75 %": lambda x: cropped(x, 0.75),
    "cropped to 50 %": lambda x: cropped(x, 0.5),
    "mirrored": lambda x: x[:, ::-1],
    "upside down": lambda x: x[::-1],
    "brighter by 20 %": lambda x: bytes_of(x * 1.2),
    "noise of 5/255": lambda x: bytes_of(noisy(x, 5)),
    "cropped and resized": lambda x: scaled(cropped(x, 0.75), 0.8),
    "turned by 2°": lambda x: turned(x, 2),
}


def coded(samples: Array, *how: str, container: str) -> Array:
    """Through a codec of ffmpeg's."""
    run = ["ffmpeg", "-v", "error", "-f", "f32le", "-ar", str(RATE), "-ac", "1", "-i", "-"]
    back = ["ffmpeg", "-v", "error", "-i", "-", "-ac", "1", "-ar", str(RATE), "-f", "f32le", "-"]
    raw = samples.astype("<f4").tobytes()
    made = subprocess.run(
        [*run, *how, "-f", container, "-"], input=raw, capture_output=True, check=True
    )
    done = subprocess.run(back, input=made.stdout, capture_output=True, check=True)
    return np.frombuffer(done.stdout, "<f4").astype(float)


def faster(samples: Array, share: float) -> Array:
    """Played faster, and so higher."""
    return rerated(samples, round(RATE * (1 + share)), RATE)


OF_SOUNDS: dict[str, Callable[[Array], Array]] = {
    "nothing": lambda x: x,
    "16 bits": lambda x: np.rint(x * 32767) / 32767,
    "MP3 128 kbit/s": lambda x: coded(x, "-b:a", "128k", container="mp3"),
    "MP3 64 kbit/s": lambda x: coded(x, "-b:a", "64k", container="mp3"),
    "Ogg Vorbis q3": lambda x: coded(x, "-c:a", "libvorbis", "-q:a", "3", container="ogg"),
    "16 → 8 → 16 kHz": lambda x: rerated(rerated(x, RATE, 8_000), 8_000, RATE),
    "cut to 70 %": lambda x: x[len(x) // 5 + 37 : -len(x) // 10],
    "gain −8 dB": lambda x: x * 0.4,
    "noise at 30 dB": lambda x: noisy(x, float(x.std()) / 31.6),
    "noise at 20 dB": lambda x: noisy(x, float(x.std()) / 10),
    "1 % faster": lambda x: faster(x, 0.01),
}
CODECS = ("MP3 128 kbit/s", "MP3 64 kbit/s", "Ogg Vorbis q3")


# --- Measuring ----------------------------------------------------------------------------------


class Pictures:
    threshold, edits, unit = of_images.THRESHOLD, OF_PICTURES, "PSNR"

    def mark(self, cover: Array, key: bytes = KEY) -> Array:
        return of_images.mark(Image(cover), key).pixels

    def find(self, pixels: Array, key: bytes = KEY) -> float:
        return of_images.find(pixels, key)

    def distance(self, cover: Array, marked: Array) -> float:
        error = np.square(marked.astype(float) - cover).mean()
        return float(10 * np.log10(255**2 / error))


class Sounds:
    threshold, edits, unit = of_sounds.THRESHOLD, OF_SOUNDS, "SNR"

    def mark(self, cover: Array, key: bytes = KEY) -> Array:
        clip = Clip(cover[None].astype(np.float32), RATE)
        return of_sounds.mark(clip, key).samples[0].astype(float)

    def find(self, samples: Array, key: bytes = KEY) -> float:
        return of_sounds.find(rerated(samples, RATE, of_sounds.RATE), key)

    def distance(self, cover: Array, marked: Array) -> float:
        return float(10 * np.log10(np.square(cover).mean() / np.square(marked - cover).mean()))


def timed(function: Callable[[Array], Any], items: Sequence[Array]) -> tuple[list[Any], float]:
    """Results, and milliseconds of CPU an item."""
    function(items[0])
    start = time.process_time()
    found = [function(item) for item in items]
    return found, 1e3 * (time.process_time() - start) / len(items)


def measured(
    kind: Pictures | Sounds, columns: dict[str, list[Array]], unmarked: dict[str, list[Array]]
) -> None:
    """Prints the tables of one kind of item."""
    rows: dict[str, list[str]] = {edit: [] for edit in kind.edits}
    costs = []
    for name, covers in columns.items():
        marked, to_mark = timed(kind.mark, covers)
        _, to_find = timed(kind.find, marked)
        far = [kind.distance(a, b) for a, b in zip(covers, marked, strict=True)]
        costs.append(
            f"| {name} | {np.mean(far):.1f} ({min(far):.1f} to {max(far):.1f}) | "
            f"{to_mark:.0f} | {to_find:.0f} |"
        )
        for edit, function in kind.edits.items():
            if edit in CODECS and not shutil.which("ffmpeg"):
                rows[edit].append("no ffmpeg")
                continue
            scores = [kind.find(function(item)) for item in marked]
            hits = sum(score >= kind.threshold for score in scores)
            rows[edit].append(f"{100 * hits / len(scores):.0f} % ({np.median(scores):.1f})")
    print(f"| found after (median score; threshold {kind.threshold:g}) | {' | '.join(columns)} |")
    print(f"|---|{'---|' * len(columns)}")
    for edit, cells in rows.items():
        print(f"| {edit} | {' | '.join(cells)} |")
    print(
        f"\n| item | {kind.unit} in dB, mean (range) | ms to mark | ms to find |\n|---|---|---|---|"
    )
    print("\n".join(costs))
    print("\n| falsely found | n | found | highest score |\n|---|---|---|---|")
    for name, covers in unmarked.items():
        plain = [kind.find(cover) for cover in covers]
        keys = [f"another key {i}".encode() for i in range(len(covers))]
        some = columns[next(iter(columns))]
        signed = [kind.mark(cover) for cover in some]
        wrong = [kind.find(signed[i % len(signed)], key) for i, key in enumerate(keys)]
        for what, scores in ((f"no mark, {name}", plain), ("another key", wrong)):
            hits = sum(score >= kind.threshold for score in scores)
            print(f"| {what} | {len(scores):,} | {hits} | {max(scores):.2f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--items", type=int, default=20)
    parser.add_argument("--unmarked", type=int, default=100)
    parser.add_argument("--sounds", type=Path, help="spoken digits; plucked strings without")
    parser.add_argument("--part", choices=("tune", "measure"), default="measure")
    parser.add_argument("--only", choices=("pictures", "sounds"))
    given = parser.parse_args()
    part, n, none = given.part, given.items, given.unmarked
    if given.only != "sounds":
        print(f"Images: {n} covers a size, part `{part}`.\n")
        columns = {f"{s}×{s}": pictures(part, s, n) for s in (128, 256)}
        measured(Pictures(), columns, {"128×128": pictures(part, 128, none, 1)})
    if given.only != "pictures":
        print(f"\nSounds: {n} covers a length, part `{part}`.\n")
        lengths = {f"{s:g} s": sounds(part, given.sounds, s, n) for s in (0.5, 1, 3)}
        measured(Sounds(), lengths, {"1 s": sounds(part, given.sounds, 1, none, 1)})


if __name__ == "__main__":
    main()
