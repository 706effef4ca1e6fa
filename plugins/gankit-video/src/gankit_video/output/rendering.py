"""A clip that plays, and a contact sheet of many."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

import numpy as np
import PIL.Image
import PIL.ImageDraw
from PIL import ImageFont

from gankit.contract import Rendering
from gankit.errors import GankitError
from gankit.kit.pictures import png, synthetic
from gankit_video.data.fitting import in_mode
from gankit_video.data.items import Clip, Frames
from gankit_video.output.encoding import picture

SIDE = 160
"""Smaller frames are enlarged by a whole factor, up to about this many pixels."""
COLUMNS, MOST_CLIPS = 8, 24
"""Frames per clip, and clips, of a contact sheet."""
SHEET = 960
"""Pixels of its longer side, about."""
LONGEST_LABEL = 20


def render(item: Clip) -> Rendering:
    """A clip as an animated WebP without loss, which repeats: it plays wherever a picture is
    shown, in reports, in the gallery and in notebooks."""
    height, width = item.frames.shape[1:3]
    factor = max(1, SIDE // max(height, width))
    large = item.frames.repeat(factor, 1).repeat(factor, 2)
    first, *others = [picture(frame).convert("RGB") for frame in large]
    file = io.BytesIO()
    first.save(
        file,
        "WEBP",
        save_all=True,
        append_images=others,
        duration=max(1, round(1000 / item.fps)),
        loop=0,
        lossless=True,
        method=0,
    )
    return Rendering("image/webp", file.getvalue())


def preview(items: Sequence[Clip]) -> Rendering:
    """A contact sheet: a row per clip with its frames from left to right, and its label.

    Raises:
        GankitError: there are no clips.
    """
    if not items:
        raise GankitError("no clips to preview", "Generate at least one")
    clips = [items[i] for i in range(min(len(items), MOST_CLIPS))]
    rows = [_strip(clip) for clip in clips]
    height = max(row.shape[0] for row in rows)
    width = max(row.shape[1] for row in rows)
    scale = max(1, SHEET // max(len(rows) * height, width))
    gap = max(1, scale)
    sheet = np.full((len(rows) * (height * scale + gap) - gap, width * scale, 3), 255, np.uint8)
    for i, row in enumerate(rows):
        large = row.repeat(scale, 0).repeat(scale, 1)
        top = i * (height * scale + gap)
        sheet[top : top + large.shape[0], : large.shape[1]] = large
    labels = [clip.label for clip in clips]
    if any(labels):
        names = _names(labels, height * scale, height * scale + gap, len(sheet))
        sheet = np.concatenate([names, sheet], 1)
    return Rendering("image/png", png(PIL.Image.fromarray(sheet), synthetic()))


def _strip(clip: Clip) -> Frames:
    """Frames side by side, evenly spread over the clip, with a line between them."""
    columns = min(COLUMNS, len(clip.frames))
    chosen = np.linspace(0, len(clip.frames) - 1, columns).round().astype(int)
    frames = in_mode(clip.frames[chosen], 3)
    line = np.full((frames.shape[1], 1, 3), 255, np.uint8)
    parts = [part for frame in frames for part in (frame, line)][:-1]
    return np.concatenate(parts, 1)


def _names(labels: Sequence[str | None], height: int, step: int, total: int) -> Frames:
    """A strip with a label in the middle of each row, black on white."""
    font = ImageFont.load_default(min(max(height / 3, 8), 20))
    texts = [label or "" for label in labels]
    texts = [t if len(t) <= LONGEST_LABEL else f"{t[: LONGEST_LABEL - 1]}…" for t in texts]
    gap = 6
    width = math.ceil(max(font.getlength(text) for text in texts)) + 2 * gap
    strip = PIL.Image.new("RGB", (width, total), "white")
    pen = PIL.ImageDraw.Draw(strip)
    for i, text in enumerate(texts):
        pen.text((width - gap, i * step + height / 2), text, "black", font, anchor="rm")
    return np.asarray(strip)
