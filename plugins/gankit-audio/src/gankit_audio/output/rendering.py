"""Renderings: one clip as a WAV file; many as a picture, with a page that plays them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gankit.contract import Rendering
from gankit.contract.subsets import take
from gankit.errors import GankitError
from gankit.kit.pictures import png, synthetic
from gankit_audio.data.clips import Clip
from gankit_audio.output.encoding import to_wav
from gankit_audio.output.page import Section, build_page
from gankit_audio.output.pictures import columns, grid

MOST, MOST_REAL = 48, 12
"""Most clips of a preview, and most real ones among them."""
CANDIDATES = 96
"""Real clips among which those of a preview are chosen."""


def render(clip: Clip) -> Rendering:
    """A clip as a 16-bit WAV file, marked as synthetic unless it is a recording."""
    return Rendering("audio/wav", to_wav(clip, marked=not clip.name))


def preview(items: Sequence[Clip], real: Sequence[Clip] = ()) -> Rendering:
    """A grid of spectrograms, with a page that plays the clips.

    Args:
        real: training clips; some with the labels of the generated ones are shown below them.

    Raises:
        GankitError: there are no clips.
    """
    if not len(items):
        raise GankitError("no clips to preview", "Generate at least one")
    shown = _whole_rows(items, MOST - MOST_REAL if len(real) else MOST)
    sections = [Section("Generated", shown)]
    if len(real):
        # Drawn, since data may be sorted by class; always the same ones.
        rng = np.random.default_rng(0)
        drawn = rng.choice(len(real), min(len(real), CANDIDATES), replace=False)
        matching = _matching(shown, take(real, np.sort(drawn)))
        sections.append(Section("Real, from the training data", matching, real=True))
    across = columns(shown)
    picture = grid([(section.title, section.clips) for section in sections], across)
    return Rendering("image/png", png(picture, synthetic()), build_page(sections, across))


def _whole_rows(items: Sequence[Clip], most: int) -> Sequence[Clip]:
    """The first clips, in whole rows."""
    across = columns(items)
    return items[: max(most // across * across, 1)] if len(items) > most else items


def _matching(shown: Sequence[Clip], real: Sequence[Clip]) -> list[Clip]:
    """A real clip of the same label for each generated one in the first rows, or any other."""
    across, rest, chosen = columns(shown), list(real), []
    for i in range(min(MOST_REAL // across * across or MOST_REAL, len(rest))):
        label = shown[i % len(shown)].label
        chosen.append(rest.pop(next((k for k, c in enumerate(rest) if c.label == label), 0)))
    return chosen
