"""Something to look at and to listen to: a grid of spectrograms, and a page that plays them.

The page holds everything that it needs: it asks no network for anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL.PngImagePlugin import PngInfo

from gankit.contract import Modality
from gankit.contract.subsets import take
from gankit.errors import GankitError
from gankit_audio.data.clips import Clip
from gankit_audio.output.page import (
    MADE_BY,
    Section,
    build_page,
)
from gankit_audio.output.pictures import (
    columns,
    grid,
)

MOST, MOST_REAL = 48, 12
"""Clips that are shown at the most; real ones among them."""
LOOKED_AT = 96
"""Real clips among which those to be shown are chosen."""


def preview(items: Sequence[Clip], target: Path) -> Path:
    """A grid of spectrograms, ``target`` plus ``.png``, and the same as a page that plays the
    clips, ``target`` plus ``.html``; the picture's path.

    Raises:
        GankitError: there are no clips.
    """
    return _both([("Generated", _some(items, MOST), False)], target)


def preview_beside(items: Sequence[Clip], real: Sequence[Clip], target: Path) -> Path:
    """The same with some training clips below, of the labels of the generated ones."""
    if not len(real):
        return preview(items, target)
    some = _some(items, MOST - MOST_REAL)
    # Drawn, for data in the order of its classes or going round them; and the same ones each time.
    drawn = np.random.default_rng(0).choice(len(real), min(len(real), LOOKED_AT), replace=False)
    beside = _like(some, take(real, np.sort(drawn)))
    return _both(
        [("Generated", some, False), ("Real, from the training data", beside, True)], target
    )


def _some(items: Sequence[Clip], most: int) -> Sequence[Clip]:
    """The first ones, in whole rows."""
    if not items:
        raise GankitError("no clips to preview", "Ask for at least one")
    across = columns(items)
    return items[: max(most // across * across, 1)] if len(items) > most else items


def _like(shown: Sequence[Clip], real: Sequence[Clip]) -> list[Clip]:
    """Real clips below generated ones of their label; others where there are none of it."""
    across, left, chosen = columns(shown), list(real), []
    for i in range(min(MOST_REAL // across * across or MOST_REAL, len(left))):
        label = shown[i % len(shown)].label
        chosen.append(left.pop(next((k for k, c in enumerate(left) if c.label == label), 0)))
    return chosen


def _both(parts: Sequence[Section], target: Path) -> Path:
    file = target.with_name(f"{target.name}.png")
    file.parent.mkdir(parents=True, exist_ok=True)
    across = columns(parts[0][1])
    info = PngInfo()
    info.add_text("Source", MADE_BY)
    info.add_text("DigitalSourceType", Modality.source_type)
    grid([(title, clips) for title, clips, _ in parts], across).save(file, pnginfo=info)
    page = target.with_name(f"{target.name}.html")
    page.write_text(build_page(parts, across), encoding="utf-8")
    return file
