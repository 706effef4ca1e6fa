"""Shares of clips with audible artefacts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from gankit.contract import EvaluationData, Evaluator
from gankit_audio.data.clips import Clip
from gankit_audio.evaluation import artefacts
from gankit_audio.evaluation.selection import (
    Scores,
    Selection,
    Values,
    enough,
)
from gankit_audio.evaluation.waves import by_shape

if TYPE_CHECKING:
    from gankit_audio.settings import AudioSettings


class Artefacts(Evaluator[Clip]):
    """Shares of clips with audible artefacts, from :mod:`gankit_audio.evaluation.artefacts`.

    - ``silence_rate``, ``clipping_rate``, ``edge_click_rate``;
    - ``click_rate``: clips with a sharper isolated jump than 99 % of the training clips;
    - ``steady_tone_rate``: clips with a constant tone that no training clip has, an artefact of
      networks that upsample step by step;
    - ``dc_offset``: distance of the mean sample from 0, relative to full scale;
    - ``out_of_band``: share of power above the band that has 99.9 % of the training clips' power.
    """

    name = "artefacts"
    fingerprint = "1"
    meanings: Mapping[str, str] = {
        "silence_rate": "share of silent clips",
        "clipping_rate": "share of clips that are clipped",
        "edge_click_rate": "share of clips that click at their ends",
        "click_rate": "share with a sharper jump than 99 % of training clips",
        "steady_tone_rate": "share with a constant tone that no training clip has",
        "dc_offset": "distance of the mean sample from 0, relative to full scale",
        "out_of_band": "share of power above the band of the training clips",
    }

    def __init__(self, settings: AudioSettings) -> None:
        self.settings = settings

    def evaluate(self, data: EvaluationData[Clip], rng: np.random.Generator) -> Scores:
        """All of them, with baselines from held-out clips."""
        if not enough(data):
            return {}
        chosen = Selection(data, rng)
        scores: Scores = {}
        train, made, heldout = chosen.of(self._in_time)
        names = ("silence_rate", "clipping_rate", "edge_click_rate", "dc_offset")
        for end, found in (("", made), ("_real", heldout)):
            mean = found.mean(0).tolist()
            scores |= {f"{name}{end}": mean[i] for i, name in enumerate(names)}
            clicks = artefacts.clicks(found[:, 4], train[:, 4])
            scores[f"click_rate{end}"] = float(clicks.mean())

        train, made, heldout = chosen.of(_in_frequency)
        edge = artefacts.band_edge(train[:, 0].mean(0))
        for end, found in (("", made), ("_real", heldout)):
            power = found[:, 0]
            above = power[:, edge:].sum(1) / np.maximum(power.sum(1), 1e-12)
            scores[f"out_of_band{end}"] = float(above.mean())
            tones = artefacts.steady_tones(found[:, 1:], train[:, 1:])
            scores[f"steady_tone_rate{end}"] = float(tones.mean())
        return scores

    def _in_time(self, clips: Sequence[Clip]) -> Values:
        """``(N, 5)``: the worst channel of each clip."""

        def measured(alike: Sequence[Clip]) -> Tensor:
            x = torch.from_numpy(np.stack([clip.samples for clip in alike]))
            flat = x.flatten(0, 1)
            by_channel = (
                artefacts.clipped(flat),
                artefacts.edge_clicks(flat),
                artefacts.offset(flat),
                artefacts.click_strength(flat, alike[0].rate),
            )
            worst = [v.astype(float).reshape(x.shape[:2]).max(1) for v in by_channel]
            silent = artefacts.silent(x.abs().amax(1), self.settings.silent).astype(float)
            return torch.from_numpy(np.stack([silent, *worst], 1))

        found: Values = by_shape(clips, measured).numpy()
        return found


def _in_frequency(clips: Sequence[Clip]) -> Values:
    """``(N, 3, bins)``: mean power, then :func:`artefacts.lines`."""

    def measured(alike: Sequence[Clip]) -> Tensor:
        x = torch.from_numpy(np.stack([clip.samples.mean(0) for clip in alike]))
        magnitudes = artefacts.spectra(x, alike[0].rate)
        lines = torch.from_numpy(artefacts.lines(magnitudes))
        return torch.cat([magnitudes.square().mean(2)[:, None], lines], 1)

    found: Values = by_shape(clips, measured).numpy()
    return found
