"""Conditions of a run: labels, columns of a manifest, measured pitch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gankit.contract import Categorical, Condition, Continuous
from gankit.errors import GankitError, did_you_mean
from gankit.kit.folders import natural_key
from gankit_audio.data.clips import PITCH, Clip
from gankit_audio.data.pitch import measure_pitch
from gankit_audio.settings import AudioSettings

MOST_CLASSES = 10_000


@dataclass(frozen=True)
class Conditions:
    """The fields that a run is conditioned on; none if it is unconditional.

    The pitch is measured for clips without it.
    """

    fields: tuple[Categorical | Continuous, ...] = ()

    @classmethod
    def of(cls, clips: Sequence[Clip], settings: AudioSettings) -> Conditions:
        """The conditions in ``settings`` that all clips have; text is categorical, numbers are
        continuous.

        Raises:
            GankitError: a clip lacks a condition that the user requires, by ``conditional=true`` or
                by naming it.
        """
        if settings.conditional is False or not len(clips):
            return cls()
        required = settings.conditional is True or settings.conditions != ("label",)
        fields: list[Categorical | Continuous] = []
        for name in dict.fromkeys(settings.conditions):
            values = [_value(clip, name) for clip in clips]
            without = [c for c, v in zip(clips, values, strict=True) if v is None]
            if without:
                if required:
                    raise _missing(name, without, clips)
                continue
            if all(isinstance(v, (int, float)) for v in values):
                fields.append(_continuous(name, np.array(values, np.float64)))
                continue
            classes = sorted({str(v) for v in values}, key=natural_key)
            if len(classes) > MOST_CLASSES:
                raise GankitError(
                    f"{name} has {len(classes):,} different values: too many for classes",
                    "Set another label_key, or conditional=false",
                )
            if len(classes) > 1 or required:
                fields.append(Categorical(name, tuple(classes)))
        return cls(tuple(fields))

    @property
    def condition(self) -> Condition | None:
        """For the layout."""
        return Condition(self.fields) if self.fields else None

    def encode(self, clips: Sequence[Clip]) -> Tensor | None:
        """Rows of ``c``, float32 ``(N, width)``; None for an unconditional run.

        Raises:
            GankitError: a clip lacks a condition.
        """
        condition = self.condition
        if condition is None:
            return None
        rows = [condition.encode(self._values_of(clip)) for clip in clips]
        return torch.tensor(rows, dtype=torch.float32).reshape(-1, condition.width)

    def check(self, clips: Sequence[Clip]) -> None:
        """Checks that clips of another data set have the conditions of the run.

        Raises:
            GankitError: a clip lacks one, or has another class; the message has its name.
        """
        for field in self.fields:
            known = set(field.values) if isinstance(field, Categorical) else None
            unknown: dict[str, int] = {}
            lacking: list[Clip] = []
            for clip in clips:
                value = clip.values.get(field.name)
                if value is None and field.name != PITCH:
                    lacking.append(clip)
                elif known is not None and str(value) not in known:
                    unknown[str(value)] = unknown.get(str(value), 0) + 1
            if lacking:
                raise _missing(field.name, lacking, clips)
            if unknown:
                shown = ", ".join(sorted(unknown, key=natural_key)[:5])
                raise GankitError(
                    f"the run knows no {field.name} {shown}, which {sum(unknown.values()):,} "
                    f"{'clips have' if sum(unknown.values()) > 1 else 'clip has'}",
                    f"It has {', '.join(sorted(known or (), key=natural_key)[:20])}. Remove such "
                    "clips, or train on all classes",
                )

    def _values_of(self, clip: Clip) -> dict[str, str | float]:
        values: dict[str, str | float] = {}
        for field in self.fields:
            value = _value(clip, field.name)
            if value is None:
                raise GankitError(
                    f"clip {clip.name} has no {field.name}, which the run is conditioned on",
                    "Add it, or remove the clip",
                )
            values[field.name] = value
        return values

    def values(self, row: Sequence[float]) -> Mapping[str, str | float]:
        """The named values of a row of ``c``."""
        condition = self.condition
        return {} if condition is None else condition.decode(row)

    def state(self) -> list[dict[str, Any]]:
        """As JSON."""
        return [asdict(f) for f in self.fields]

    @classmethod
    def load(cls, state: Sequence[Mapping[str, Any]]) -> Conditions:
        """The inverse of :meth:`state`."""
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


def _continuous(name: str, values: np.ndarray[Any, np.dtype[np.float64]]) -> Continuous:
    if not np.isfinite(values).all():
        raise GankitError(f"{name}: a value is not finite", "Fix the manifest, or omit the column")
    return Continuous(name, float(values.mean()), float(values.std()) or 1.0)


def _missing(name: str, without: Sequence[Clip], clips: Sequence[Clip]) -> GankitError:
    known = sorted({key for clip in clips for key in clip.values} | {PITCH})
    measured = " that could be measured" if name == PITCH else ""
    count = len(without) - 1
    others = f", nor {'has' if count == 1 else 'have'} {count:,} other" + "s" * (count > 1)
    return GankitError(
        f"conditions: {without[0].name} has no {name}{measured}{others if count else ''}",
        f"Remove {name} from conditions, or such clips from the data"
        if name in known
        else did_you_mean(name, known),
    )
