"""Scores of generated clips, each beside the same number for real ones: its floor."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from gankit.contract import EvaluationData, Evaluator, Extractor
from gankit.contract.subsets import take
from gankit.metrics import (
    GaussianStats,
    different_bins,
    frechet_distance,
    frechet_extrapolated,
    memorisation_scores,
)
from gankit_audio import artefacts
from gankit_audio.classifier import log_mel, mask_and_shift, train_classifier
from gankit_audio.clips import LABEL, PITCH, Clip
from gankit_audio.embedders import build_extractors, by_shape
from gankit_audio.pitch import measure_pitch, note_number

if TYPE_CHECKING:
    from gankit_audio.settings import AudioSettings

Values = np.ndarray[Any, Any]
Scores = dict[str, float]

TRAIN, JUDGED = 3000, 2000
"""Training clips, and generated or held-out ones, that are looked at, at the most."""
BLOCK = 128
"""Clips that are held in memory at once."""
STEPS = (150, 800)
"""Steps of the classifier's training, at the least and at the most."""
FEWEST = 5
"""Clips of a class from which its diversity is told."""


def build_evaluators(settings: AudioSettings) -> Sequence[Extractor[Clip] | Evaluator[Clip]]:
    """The asked extractors, a :class:`Distribution` for each, then :class:`SoundClassifier`,
    :class:`PitchAgreement` and :class:`Artefacts`.

    Raises:
        GankitError: an unknown extractor, a missing package, weights that cannot be used.
    """
    extractors = build_extractors(settings)
    return (
        *extractors,
        *map(Distribution, extractors),
        SoundClassifier(),
        PitchAgreement(),
        Artefacts(settings),
    )


# --- What is looked at --------------------------------------------------------------------------


def _some(count: int, of: int, rng: np.random.Generator) -> list[int]:
    return sorted(rng.choice(of, min(count, of), replace=False).tolist())


def _blocks(items: Sequence[Any], indices: Sequence[int]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(indices), BLOCK):
        yield take(items, indices[start : start + BLOCK])


def _real_classes(items: Sequence[Clip], indices: Sequence[int], key: str) -> list[str | None]:
    found = (clip.values.get(key) for block in _blocks(items, indices) for clip in block)
    return [value if isinstance(value, str) else None for value in found]


class _Chosen:
    """The numbers of the clips that an evaluator looks at."""

    def __init__(self, data: EvaluationData[Clip], rng: np.random.Generator) -> None:
        self.data = data
        self.train = _some(TRAIN, len(data.train), rng)
        self.generated = _some(JUDGED, len(data.generated), rng)
        self.heldout = _some(JUDGED, len(data.heldout), rng)

    def of(self, function: Callable[[Sequence[Clip]], Values]) -> tuple[Values, Values, Values]:
        """``(N, …)`` for training, generated and held-out clips, some at a time."""
        return (
            np.concatenate([function(b) for b in _blocks(self.data.train, self.train)]),
            np.concatenate(
                [
                    function([sample.item for sample in block])
                    for block in _blocks(self.data.generated, self.generated)
                ]
            ),
            np.concatenate([function(b) for b in _blocks(self.data.heldout, self.heldout)]),
        )

    def asked(self, key: str) -> list[str | float | None]:
        """What each generated clip was asked to be."""
        return [
            sample.condition.get(key)
            for block in _blocks(self.data.generated, self.generated)
            for sample in block
        ]


def _enough(data: EvaluationData[Clip]) -> bool:
    return min(len(data.train), len(data.generated), len(data.heldout)) >= 2


def _class_key(data: EvaluationData[Clip]) -> str:
    """The first condition whose values are classes; the label, where there is none."""
    asked = data.generated[0].condition
    return next((key for key, value in asked.items() if isinstance(value, str)), LABEL)


# --- The whole distribution ---------------------------------------------------------------------


class Distribution(Evaluator[Clip]):
    """What only a set of clips shows, in an extractor's features.

    - ``frechet_infinity/<extractor>``: the Fréchet distance to the training clips, extrapolated to
      infinitely many generated ones;
    - ``different_bins/<extractor>``: share of the training data's clusters that hold significantly
      more or fewer generated clips;
    - ``diversity_within_class/<extractor>``: mean distance of two generated clips of one class
      over that of two training clips of it, averaged over classes, and the least of them as
      ``diversity_within_worst_class/<extractor>``. Near 0 all clips of a class sound the same.
    """

    def __init__(self, extractor: Extractor[Clip]) -> None:
        self.extractor = extractor
        self.name = f"distribution/{extractor.name}"
        self.fingerprint = extractor.fingerprint

    def evaluate(self, data: EvaluationData[Clip], rng: np.random.Generator) -> Scores:
        """The scores, with floors of as many held-out clips; diversity where there are classes."""
        if not _enough(data):
            return {}
        chosen = _Chosen(data, rng)
        n = min(len(chosen.generated), len(chosen.heldout))
        chosen.generated = [chosen.generated[i] for i in _some(n, len(chosen.generated), rng)]
        chosen.heldout = [chosen.heldout[i] for i in _some(n, len(chosen.heldout), rng)]
        train, made, heldout = chosen.of(self.extractor.features)
        scores: Scores = {}
        seed = int(rng.integers(2**32))  # value and floor meet the same draws
        for end, other in (("", made), ("_real", heldout)):
            name = self.extractor.name
            fixed = np.random.default_rng(seed)
            scores[f"frechet_infinity/{name}{end}"] = frechet_extrapolated(train, other, fixed)[0]
            scores[f"different_bins/{name}{end}"] = different_bins(train, other, fixed)
        return scores | self._diversity(chosen, train, made, heldout)

    def _diversity(self, chosen: _Chosen, train: Values, made: Values, heldout: Values) -> Scores:
        data = chosen.data
        key = _class_key(data)
        labels = _real_classes(data.train, chosen.train, key)
        asked = [value if isinstance(value, str) else None for value in chosen.asked(key)]
        known = _real_classes(data.heldout, chosen.heldout, key)
        usual = _spread(train, labels)
        scores: Scores = {}
        for end, features, classes in (("", made, asked), ("_real", heldout, known)):
            found = _spread(features, classes)
            ratios = [found[c] / usual[c] for c in found if usual.get(c, 0.0) > 0]
            if not ratios:
                return {} if not end else scores
            name = self.extractor.name
            scores[f"diversity_within_class/{name}{end}"] = float(np.mean(ratios))
            scores[f"diversity_within_worst_class/{name}{end}"] = float(min(ratios))
        return scores


def _spread(features: Values, classes: Sequence[str | None]) -> dict[str, float]:
    """The mean distance of two clips of each class that has enough of them."""
    found = {}
    names = np.array(["" if c is None else c for c in classes])
    for name in dict.fromkeys(c for c in classes if c is not None):
        x = features[names == name][:300]
        if len(x) >= FEWEST:
            squares = np.square(x).sum(1)
            distances = np.sqrt(np.maximum(squares[:, None] + squares - 2 * x @ x.T, 0.0))
            np.fill_diagonal(distances, 0.0)
            found[name] = float(distances.sum() / (len(x) * (len(x) - 1)))
    return found


# --- By class -----------------------------------------------------------------------------------


class SoundClassifier(Evaluator[Clip]):
    """Scores by a classifier that is trained on the user's own classes, anew each time.

    - ``class_accuracy``: share of generated clips that it takes for the class asked for;
    - ``classifier_score``: the exponential of the mean KL divergence of a clip's class
      probabilities from their mean (Salimans et al. 2016, with this classifier for Inception):
      from 1 to the number of classes;
    - ``frechet/own-classifier``: the Fréchet distance to training clips in its features;
    - ``closer_to_train/own-classifier`` and ``copies/own-classifier``: memorisation in them.

    Another data set's classifier is another one: numbers compare within one data set only.
    """

    name = "own-classifier"
    fingerprint = "1"
    """Another number for another network or training; the weights follow from data and seed."""

    def evaluate(self, data: EvaluationData[Clip], rng: np.random.Generator) -> Scores:
        """Empty where the training clips have fewer than two classes."""
        if not _enough(data):
            return {}
        key = _class_key(data)
        chosen = _Chosen(data, rng)
        labels = _real_classes(data.train, chosen.train, key)
        chosen.train = [i for i, c in zip(chosen.train, labels, strict=True) if c is not None]
        classes = [c for c in labels if c is not None]
        if len(set(classes)) < 2:
            return {}
        train, made, heldout = (
            torch.from_numpy(x) for x in chosen.of(lambda clips: log_mel(clips).numpy())
        )
        seed = int(rng.integers(2**31))
        classifier = train_classifier(train, classes, seed, augment=mask_and_shift, steps=STEPS)
        (_, known), (p, features), (p_real, unseen) = map(classifier, (train, made, heldout))
        n = min(len(p), len(p_real))
        scores = {
            "classifier_score": classifier_score(p[rng.permutation(len(p))[:n]]),
            "classifier_score_real": classifier_score(p_real[rng.permutation(len(p_real))[:n]]),
        }
        whole = GaussianStats.of(known)
        for end, found in (("", features), ("_real", unseen)):
            some = found[rng.permutation(len(found))[:n]]
            distance = frechet_distance(whole, GaussianStats.of(some))
            copying = memorisation_scores(known, some, unseen)
            scores[f"frechet/own-classifier{end}"] = distance
            for metric in ("closer_to_train", "copies"):
                scores[f"{metric}/own-classifier{end}"] = copying[metric]
        names = np.array(classifier.names)
        for end, probabilities, asked in (
            ("", p, chosen.asked(key)),
            ("_real", p_real, _real_classes(data.heldout, chosen.heldout, key)),
        ):
            told = [i for i, c in enumerate(asked) if c is not None]
            if told:
                right = names[probabilities[told].argmax(1)] == [str(asked[i]) for i in told]
                scores[f"class_accuracy{end}"] = float(np.mean(right))
        if "class_accuracy" not in scores:
            scores.pop("class_accuracy_real", None)
        return scores


def classifier_score(probabilities: Values) -> float:
    """``exp(mean KL(p(y|x) ‖ p(y)))`` of class probabilities ``(N, classes)``: from 1, where all
    clips look the same, to the number of classes, where all are told perfectly and evenly."""
    p = np.clip(probabilities, 1e-12, 1.0)
    return float(np.exp((p * (np.log(p) - np.log(p.mean(0)))).sum(1).mean()))


# --- Pitch --------------------------------------------------------------------------------------


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
        if not _enough(data):
            return {}
        chosen = _Chosen(data, rng)
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
    def _key(chosen: _Chosen) -> str | None:
        if np.isfinite(_notes(chosen.asked(PITCH))).any():
            return PITCH
        if not np.isfinite(_notes(chosen.asked(LABEL))).all():
            return None
        train = chosen.train[:: max(1, len(chosen.train) // 200)]
        said = _said(chosen.data.train, train, LABEL)
        if not np.isfinite(said).all():
            return None
        found = np.concatenate([_pitches(b) for b in _blocks(chosen.data.train, train)])
        return LABEL if (np.abs(found - said) <= 0.5).mean() >= 0.5 else None


def _notes(values: Sequence[object]) -> Values:
    """MIDI note numbers; NaN where a value is no pitch."""
    found = [note_number(v) if isinstance(v, str) else v for v in values]
    return np.array([v if isinstance(v, int | float) else np.nan for v in found], float)


def _said(items: Sequence[Clip], indices: Sequence[int], key: str) -> Values:
    return _notes([clip.values.get(key) for b in _blocks(items, indices) for clip in b])


def _pitches(clips: Sequence[Clip]) -> Values:
    def measured(alike: Sequence[Clip]) -> Tensor:
        x = np.stack([clip.samples for clip in alike])
        return torch.from_numpy(measure_pitch(x, alike[0].rate)[0])

    found: Values = by_shape(clips, measured).numpy()
    return found


# --- Artefacts ----------------------------------------------------------------------------------


class Artefacts(Evaluator[Clip]):
    """What is wrong with clips by ear, as a share of them; see :mod:`gankit_audio.artefacts`.

    - ``silence_rate``, ``clipping_rate``, ``edge_click_rate``;
    - ``click_rate``: those with a sharper lone jump than 99 % of the training clips have;
    - ``steady_tone_rate``: those with a tone all through that no training clip has, as networks
      that enlarge step by step leave behind;
    - ``dc_offset``: the mean sample's distance from 0, of full scale;
    - ``out_of_band``: share of power above the frequency that 99.9 % of the training clips' power
      lies below.
    """

    name = "artefacts"
    fingerprint = "1"

    def __init__(self, settings: AudioSettings) -> None:
        self.settings = settings

    def evaluate(self, data: EvaluationData[Clip], rng: np.random.Generator) -> Scores:
        """All of them, with those of held-out clips as floors."""
        if not _enough(data):
            return {}
        chosen = _Chosen(data, rng)
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
        """``(N, 5)``; what one channel has, the clip has."""

        def looked(alike: Sequence[Clip]) -> Tensor:
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

        found: Values = by_shape(clips, looked).numpy()
        return found


def _in_frequency(clips: Sequence[Clip]) -> Values:
    """``(N, 3, bins)``: mean power, then :func:`artefacts.lines`."""

    def looked(alike: Sequence[Clip]) -> Tensor:
        x = torch.from_numpy(np.stack([clip.samples.mean(0) for clip in alike]))
        magnitudes = artefacts.spectra(x, alike[0].rate)
        lines = torch.from_numpy(artefacts.lines(magnitudes))
        return torch.cat([magnitudes.square().mean(2)[:, None], lines], 1)

    found: Values = by_shape(clips, looked).numpy()
    return found
