"""What the codecs of clips share: what the networks are told of a clip, windows, finishing."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gankit.contract import Categorical, Condition, Continuous
from gankit.errors import GankitError, did_you_mean
from gankit_audio.clips import PITCH, Clip, Samples
from gankit_audio.loops import seamless
from gankit_audio.settings import AudioSettings
from gankit_audio.slicing import faded, levelled, window

MOST_CLASSES = 10_000


@dataclass(frozen=True)
class Conditions:
    """The fields that a run is conditioned on; none for an unconditional one.

    A clip whose pitch is asked for but not said has it measured.
    """

    fields: tuple[Categorical | Continuous, ...] = ()

    @classmethod
    def of(cls, clips: Sequence[Clip], settings: AudioSettings) -> Conditions:
        """Of what all clips have: texts become classes, numbers quantities.

        Raises:
            GankitError: ``conditional=true``, or a named column, and not every clip has it.
        """
        if settings.conditional is False or not len(clips):
            return cls()
        asked = settings.conditional is True or settings.conditions != ("label",)
        fields: list[Categorical | Continuous] = []
        for name in dict.fromkeys(settings.conditions):
            values = [_value(clip, name) for clip in clips]
            without = [c for c, v in zip(clips, values, strict=True) if v is None]
            if without:
                if asked:
                    known = sorted({key for clip in clips for key in clip.values} | {PITCH})
                    others = f"Leave {name} out of conditions, or such clips out of the data"
                    raise GankitError(
                        f"conditions: {without[0].name} has no {name}"
                        + (" that could be measured" if name == PITCH else "")
                        + (f", nor have {len(without) - 1:,} others" if len(without) > 1 else ""),
                        others if name in known else did_you_mean(name, known),
                    )
                continue
            if all(isinstance(v, (int, float)) for v in values):
                fields.append(_quantity(name, np.array(values, np.float64)))
                continue
            classes = sorted({str(v) for v in values}, key=natural)
            if len(classes) > MOST_CLASSES:
                raise GankitError(
                    f"{name} has {len(classes):,} different values: too many for classes",
                    "Set another label_key, or conditional=false",
                )
            if len(classes) > 1 or asked:
                fields.append(Categorical(name, tuple(classes)))
        return cls(tuple(fields))

    @property
    def condition(self) -> Condition | None:
        """For the layout."""
        return Condition(self.fields) if self.fields else None

    def encode(self, clips: Sequence[Clip]) -> Tensor | None:
        """Rows of ``c``, float32 ``(N, width)``; None for an unconditional run.

        Raises:
            GankitError: a clip lacks what the run is conditioned on.
        """
        condition = self.condition
        if condition is None:
            return None
        rows = [condition.encode(self._told(clip)) for clip in clips]
        return torch.tensor(rows, dtype=torch.float32).reshape(-1, condition.width)

    def _told(self, clip: Clip) -> dict[str, str | float]:
        values = {f.name: _value(clip, f.name) for f in self.fields}
        for name, value in values.items():
            if value is None:
                raise GankitError(
                    f"clip {clip.name}: it has no {name}, which the run is conditioned on",
                    "Give it one, or leave it out",
                )
        return {name: value for name, value in values.items() if value is not None}

    def values(self, row: Sequence[float]) -> Mapping[str, str | float]:
        """What a row of ``c`` says, by name."""
        condition = self.condition
        return {} if condition is None else condition.decode(row)

    def state(self) -> list[dict[str, Any]]:
        """As JSON."""
        return [asdict(f) for f in self.fields]

    @classmethod
    def load(cls, state: Sequence[Mapping[str, Any]]) -> Conditions:
        """What :meth:`state` described."""
        return cls(
            tuple(
                Categorical(s["name"], tuple(s["values"])) if "values" in s else Continuous(**s)
                for s in state
            )
        )


def view(clip: Clip, rng: np.random.Generator) -> Samples:
    """The clip's samples, or a random window of its recording."""
    if clip.recording is None:
        return clip.samples
    length = clip.samples.shape[1]
    start = int(rng.integers(0, clip.recording.shape[1] - length + 1))
    return window(clip.recording, clip.rate, start, length)


def as_clips(
    x: Tensor, c: Tensor | None, rate: int, conditions: Conditions, settings: AudioSettings
) -> list[Clip]:
    """Generated samples ``(N, channels, T)`` as clips: without offset or clicks at the edges, at
    the level that the data was brought to, fit for a loop where that is set.
    """
    x = x - x.mean(2, keepdim=True)
    x = x / x.abs().amax((1, 2), keepdim=True).clamp(min=1.0)
    told = [{}] * len(x) if c is None else [conditions.values(row) for row in c.tolist()]
    finish = seamless if settings.loop else faded
    # The level comes last: the peak may lie in what is faded, and a blend may go beyond it.
    samples = [levelled(finish(s, rate), rate, settings.loudness) for s in x.numpy()]
    return [Clip(s, rate, values) for s, values in zip(samples, told, strict=True)]


def _value(clip: Clip, name: str) -> str | float | None:
    found = clip.values.get(name)
    if found is None and name == PITCH:
        from gankit_audio.pitch import measure_pitch

        note = float(measure_pitch(clip.samples[None], clip.rate)[0][0])
        return None if math.isnan(note) else note
    return found


def _quantity(name: str, values: np.ndarray[Any, np.dtype[np.float64]]) -> Continuous:
    if not np.isfinite(values).all():
        raise GankitError(f"{name}: a value is not finite", "Mend the manifest, or leave it out")
    return Continuous(name, float(values.mean()), float(values.std()) or 1.0)


def natural(text: str) -> list[tuple[int, int, str]]:
    """A sorting key under which 9 comes before 10, and C4 before C10."""
    parts = re.split(r"([0-9]+)", text)
    return [(0, int(p), p) if p.isdecimal() else (1, 0, p) for p in parts if p]
