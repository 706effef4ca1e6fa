"""The built-in data: clips synthesised from scikit-learn's handwritten digits.

Each of the 1,797 real digits of 8×8 pixels, enlarged to 16×16, moves through a frame of 32×32 in a
straight line and bounces off its edges, in the manner of Moving MNIST (Srivastava et al. 2015,
arXiv 1502.04681). The digits are real, their motion is synthesised.
"""

from __future__ import annotations

import gzip

import numpy as np

from gankit.kit.files import package_file
from gankit_video.data.items import Clip, Frames, Values

SIDE, FRAMES, FPS = 32, 16, 12.0
LICENCE = "digits: UCI ML hand-written digits, CC BY 4.0; motion synthesised"
SLOWEST, FASTEST = 0.8, 2.4
"""Pixels per frame."""
_SEED = 20


def moving_digits(frames: int = FRAMES) -> list[Clip]:
    """1,797 clips (frames, 32, 32, 1) with the digit as the label and the speed in pixels per frame
    as a value; the same ones each time."""
    path = package_file("sklearn", "datasets", "data", "digits.csv.gz")
    with gzip.open(path, "rt") as file:
        table = np.loadtxt(file, delimiter=",")
    rng = np.random.default_rng(_SEED)
    double, clips = _doubling(8), []
    for i, row in enumerate(table):
        digit = double @ (row[:64].reshape(8, 8) / 16) @ double.T
        room = SIDE - len(digit)
        angle, speed = rng.uniform(0, 2 * np.pi), rng.uniform(SLOWEST, FASTEST)
        start = rng.uniform(0, room, 2)
        step = speed * np.array([np.sin(angle), np.cos(angle)])
        places = _bounced(start + step * np.arange(frames)[:, None], room)
        clips.append(
            Clip(_drawn(digit, places), FPS, str(int(row[64])), {"speed": float(speed)}, str(i))
        )
    return clips


def _doubling(n: int) -> Values:
    """A matrix (2n, n) that doubles a signal's length, bilinear; beyond its ends it is zero."""
    matrix = np.zeros((2 * n, n))
    for i in range(n):
        matrix[2 * i, i] = matrix[2 * i + 1, i] = 0.75
        if i > 0:
            matrix[2 * i, i - 1] = 0.25
        if i + 1 < n:
            matrix[2 * i + 1, i + 1] = 0.25
    return matrix


def _bounced(places: Values, room: int) -> Values:
    """Positions on a line folded back into 0 to ``room``."""
    folded = np.mod(places, 2 * room)
    bounced: Values = np.where(folded > room, 2 * room - folded, folded)
    return bounced


def _drawn(digit: Values, places: Values) -> Frames:
    """The digit at fractional positions (T, 2), bilinear: frames (T, 32, 32, 1)."""
    side = len(digit)
    padded = np.pad(digit, 1)
    out = np.zeros((len(places), SIDE + 1, SIDE + 1))
    for frame, (y, x) in zip(out, places, strict=True):
        top, left = int(y), int(x)
        fy, fx = y - top, x - left
        rows = (1 - fy) * padded[1 : side + 2] + fy * padded[: side + 1]
        frame[top : top + side + 1, left : left + side + 1] = (1 - fx) * rows[
            :, 1 : side + 2
        ] + fx * rows[:, : side + 1]
    return np.rint(out[:, :SIDE, :SIDE, None] * 255).clip(0, 255).astype(np.uint8)
