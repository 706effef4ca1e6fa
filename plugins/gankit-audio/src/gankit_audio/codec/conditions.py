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
from gankit_audio.data.clips import PITCH, Clip
from gankit_audio.data.pitch import measure_pitch
from gankit_audio.settings import AudioSettings

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


def _value(clip: Clip, name: str) -> str | float | None:
    found = clip.values.get(name)
    if found is None and name == PITCH:
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
