"""Whether clips have the requested pitch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from gankit.contract import EvaluationData, Evaluator
from gankit_audio.data.clips import LABEL, PITCH, Clip
from gankit_audio.data.pitch import measure_pitch, note_number
from gankit_audio.evaluation.selection import (
    Scores,
    Selection,
    Values,
    blocks,
    enough,
)
from gankit_audio.evaluation.waves import by_shape


class PitchAgreement(Evaluator[Clip]):
    """Whether clips have the pitch that was asked for, as ``pitch`` or by labels that are pitches.

    - ``pitch_accuracy``: share within 50 cents of it;
    - ``pitch_error_cents``: median distance, infinite where most clips have no pitch.

    Labels are pitches where all of them can be read as such, and half of the training clips sound
    as theirs says.
    """

    name = "pitch"
    fingerprint = "1"

    def evaluate(self, data: EvaluationData[Clip], rng: np.random.Generator) -> Scores:
        """Both scores and, for held-out clips and what is said of them, their floors; empty where
        no pitch was asked for."""
        if not enough(data):
            return {}
        chosen = Selection(data, rng)
        key = self._key(chosen)
        if key is None:
            return {}
        asked, known = _notes(chosen.asked(key)), _said(data.heldout, chosen.heldout, key)
        chosen.train = chosen.train[:1]
        _, made, heldout = chosen.of(_pitches)
        scores: Scores = {}
        for end, wanted, found in (("", asked, made), ("_real", known, heldout)):
            told = np.isfinite(wanted)
            if told.any():
                cents = 100 * np.abs(np.nan_to_num(found[told], nan=np.inf) - wanted[told])
                scores[f"pitch_accuracy{end}"] = float((cents <= 50).mean())
                scores[f"pitch_error_cents{end}"] = float(np.median(cents))
        return scores

    @staticmethod
    def _key(chosen: Selection) -> str | None:
        if np.isfinite(_notes(chosen.asked(PITCH))).any():
            return PITCH
        if not np.isfinite(_notes(chosen.asked(LABEL))).all():
            return None
        train = chosen.train[:: max(1, len(chosen.train) // 200)]
        said = _said(chosen.data.train, train, LABEL)
        if not np.isfinite(said).all():
            return None
        found = np.concatenate([_pitches(b) for b in blocks(chosen.data.train, train)])
        return LABEL if (np.abs(found - said) <= 0.5).mean() >= 0.5 else None


def _notes(values: Sequence[object]) -> Values:
    """MIDI note numbers; NaN where a value is no pitch."""
    found = [note_number(v) if isinstance(v, str) else v for v in values]
    return np.array([v if isinstance(v, int | float) else np.nan for v in found], float)


def _said(items: Sequence[Clip], indices: Sequence[int], key: str) -> Values:
    return _notes([clip.values.get(key) for b in blocks(items, indices) for clip in b])


def _pitches(clips: Sequence[Clip]) -> Values:
    def measured(alike: Sequence[Clip]) -> Tensor:
        x = np.stack([clip.samples for clip in alike])
        return torch.from_numpy(measure_pitch(x, alike[0].rate)[0])

    found: Values = by_shape(clips, measured).numpy()
    return found
