"""Scores of clips: which see motion; and what starting from pictures is worth.

    python benchmarks/video.py
    python benchmarks/video.py --from-pictures [--seconds 240] [--seeds 0 1]

Without arguments: real clips against real ones, and against the same with their time or their
appearance spoiled, in the features of ``gankit evaluate``. Each number is a Fréchet distance in
units of the floor, which is that of two halves of the real clips.

With ``--from-pictures``: an image run on single frames of the training clips, a video run from it,
and one from scratch for the CPU seconds of both, scored by ``gankit evaluate``. CPU seconds are
those of all of ``gankit.fit``.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["GANKIT_PLUGINS"] = ""

import numpy as np

import gankit
from gankit.metrics import GaussianStats, frechet_distance
from gankit_video.data.digits import moving_digits
from gankit_video.data.items import Clip
from gankit_video.evaluation.controls import frozen, shuffled
from gankit_video.evaluation.extractors import frames, motion

COUNT = 700
"""Real clips, in two halves."""
Spoil = Callable[[Clip, np.random.Generator], Clip]


def jittered(clip: Clip, rng: np.random.Generator) -> Clip:
    """Each frame moved by up to two pixels."""
    moved = [np.roll(f, tuple(rng.integers(-2, 3, 2)), (0, 1)) for f in clip.frames]
    return replace(clip, frames=np.stack(moved))


def backwards(clip: Clip, rng: np.random.Generator) -> Clip:
    return replace(clip, frames=clip.frames[::-1])


def twice_as_fast(clip: Clip, rng: np.random.Generator) -> Clip:
    return replace(clip, frames=np.concatenate([clip.frames[::2], clip.frames[::-2]]))


def dim(clip: Clip, rng: np.random.Generator) -> Clip:
    return replace(clip, frames=clip.frames // 4 * 3)


def noisy(clip: Clip, rng: np.random.Generator) -> Clip:
    noise = rng.normal(0, 20, clip.frames.shape)
    return replace(clip, frames=(clip.frames + noise).clip(0, 255).astype(np.uint8))


SPOILED: dict[str, Spoil] = {
    "frozen": frozen,
    "shuffled": shuffled,
    "jittered": jittered,
    "twice as fast": twice_as_fast,
    "backwards": backwards,
    "a quarter darker": dim,
    "noisy": noisy,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--from-pictures", action="store_true")
    parser.add_argument("--seconds", type=int, default=240, help="CPU seconds of each video run")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    options = parser.parse_args()
    if options.from_pictures:
        for seed in options.seeds:
            from_pictures(options.seconds, seed)
    else:
        controls()


def controls() -> None:
    started = time.process_time()
    clips, rng = moving_digits(), np.random.default_rng(0)
    order = rng.permutation(len(clips))
    one, two = ([clips[i] for i in half] for half in np.array_split(order[:COUNT], 2))
    kinds = {name: [spoil(clip, rng) for clip in two] for name, spoil in SPOILED.items()}
    kinds["ten clips, repeated"] = (two[:10] * len(two))[: len(two)]
    print(f"{len(two)} clips of each, Fréchet distance to {len(one)} others, in floors\n")
    extractors = (frames(), motion())
    print("| clips | " + " | ".join(e.name for e in extractors) + " |\n|---|---|---|")
    reals = [GaussianStats.of(e.features(one)) for e in extractors]
    floors = []
    for name, some in {"real (the floor)": two, **kinds}.items():
        far = [
            frechet_distance(real, GaussianStats.of(e.features(some)))
            for real, e in zip(reals, extractors, strict=True)
        ]
        floors = floors or far
        cells = [f"{x / floor:,.1f}" for x, floor in zip(far, floors, strict=True)]
        print(f"| {name} | " + " | ".join(cells) + " |")
    print(f"\n{time.process_time() - started:.0f} CPU seconds")


def from_pictures(seconds: int, seed: int) -> None:
    home = Path(tempfile.mkdtemp())
    clips = moving_digits()
    rng = np.random.default_rng(seed)
    pictures = np.stack([clip.frames[rng.integers(len(clip.frames))] for clip in clips])
    labels = [clip.label for clip in clips]
    same = {"width": [64, 32, 16], "latent": 64, "embedding": 64, "train.seed": seed}
    same |= {"log.verdict": 0, "train.threads": 1}
    print(f"\nseed {seed}\n")
    print("| run | CPU s | samples | frames | motion | still | class agreement |")
    print("|---|---|---|---|---|---|---|")
    share = seconds // 4
    image = {"architecture": "compact", "blocks": 1, "augmentations": [], **same}
    image |= {"train.batch": 64, "optim.lr": 2e-3, "train.channels_last": True}
    start = time.process_time()
    source = gankit.fit(
        "image", pictures, labels, out=home / "image", time=f"{share}s", settings=image
    )
    spent = time.process_time() - start
    print(f"| pictures | {spent:.0f} | {source.samples_trained:,} | | | | |", flush=True)
    for name, left, options in (
        ("from pictures", seconds - spent, {"from_": source}),
        ("from scratch", seconds, {}),
    ):
        start = time.process_time()
        run = gankit.fit(
            "video",
            out=home / name.replace(" ", "-"),
            time=f"{left:.0f}s",
            settings=same,
            **options,
        )
        spent = time.process_time() - start
        scores = {s.name: s for s in run.evaluate(n=359).scores}
        keys = ("frechet/frames-random2d", "frechet/motion-random3d", "still", "class_agreement")
        cells = [f"{scores[k].value:.3f} ({scores[k].real_baseline:.3f})" for k in keys]
        print(f"| {name} | {spent:.0f} | {run.samples_trained:,} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
