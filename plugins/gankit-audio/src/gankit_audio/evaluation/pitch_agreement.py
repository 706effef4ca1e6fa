"""Whether clips have the requested pitch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
    """Whether clips have the requested pitch: the condition ``pitch``, or labels that are pitches.

    - ``pitch_accuracy``: share within 50 cents of it;
    - ``pitch_error_cents``: median distance, infinite if most clips have no pitch.

    Labels are pitches if all of them can be parsed as such and the measured pitch of at least half
    of the training clips agrees with the label.
    """

    name = "pitch"
    fingerprint = "1"
    lower_is_better: Mapping[str, bool] = {"pitch_accuracy": False, "pitch_error_cents": True}
    meanings: Mapping[str, str] = {
        "pitch_accuracy": "sounds of the requested pitch",
        "pitch_error_cents": "median distance from the requested pitch",
    }

    def evaluate(self, data: EvaluationData[Clip], rng: np.random.Generator) -> Scores:
        """Both scores, with baselines from held-out clips and their values; empty if no pitch was
        requested."""
        if not enough(data):
            return {}
        chosen = Selection(data, rng)
        key = self._key(chosen)
        if key is None:
            return {}
        requested = _notes(chosen.requested(key))
        known = _known_notes(data.heldout, chosen.heldout, key)
        chosen.train = chosen.train[:1]
        _, made, heldout = chosen.of(_pitches)
        scores: Scores = {}
        for end, notes, found in (("", requested, made), ("_real", known, heldout)):
            valid = np.isfinite(notes)
            if valid.any():
                cents = 100 * np.abs(np.nan_to_num(found[valid], nan=np.inf) - notes[valid])
                scores[f"pitch_accuracy{end}"] = float((cents <= 50).mean())
                scores[f"pitch_error_cents{end}"] = float(np.median(cents))
        return scores

    @staticmethod
    def _key(chosen: Selection) -> str | None:
        if np.isfinite(_notes(chosen.requested(PITCH))).any():
            return PITCH
        if not np.isfinite(_notes(chosen.requested(LABEL))).all():
            return None
        train = chosen.train[:: max(1, len(chosen.train) // 200)]
        known = _known_notes(chosen.data.train, train, LABEL)
        if not np.isfinite(known).all():
            return None
        found = np.concatenate([_pitches(b) for b in blocks(chosen.data.train, train)])
        return LABEL if (np.abs(found - known) <= 0.5).mean() >= 0.5 else None


def _notes(values: Sequence[object]) -> Values:
    """MIDI note numbers; NaN for values that are not pitches."""
    found = [note_number(v) if isinstance(v, str) else v for v in values]
    return np.array([v if isinstance(v, int | float) else np.nan for v in found], float)


def _known_notes(items: Sequence[Clip], indices: Sequence[int], key: str) -> Values:
    return _notes([clip.values.get(key) for b in blocks(items, indices) for clip in b])


def _pitches(clips: Sequence[Clip]) -> Values:
    def measured(alike: Sequence[Clip]) -> Tensor:
        x = np.stack([clip.samples for clip in alike])
        return torch.from_numpy(measure_pitch(x, alike[0].rate)[0])

    found: Values = by_shape(clips, measured).numpy()
    return found
