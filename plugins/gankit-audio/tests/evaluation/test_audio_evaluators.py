from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from gankit.contract import EvaluationData, Evaluator, Sample
from gankit.metrics import evaluate
from gankit_audio.data.clips import Clip
from gankit_audio.evaluation import class_scores
from gankit_audio.evaluation.artefact_rates import Artefacts
from gankit_audio.evaluation.class_scores import SoundClassifier, classifier_score
from gankit_audio.evaluation.distribution import Distribution
from gankit_audio.evaluation.evaluators import build_evaluators
from gankit_audio.evaluation.pitch_agreement import PitchAgreement
from gankit_audio.evaluation.random_mel import random_mel
from gankit_audio.settings import AudioSettings

RATE = 8000
Change = Callable[[np.ndarray], np.ndarray]
NOTES = {"A3": 220.0, "A4": 440.0, "E5": 659.26}


def sounds(n: int, seed: int, channels: int = 1) -> list[Clip]:
    """Decaying notes of three classes with partials, slightly detuned, with a little noise; the end
    is silent."""
    rng = np.random.default_rng(seed)
    t = np.arange(RATE // 2) / RATE
    clips = []
    for i in range(n):
        label = list(NOTES)[i % len(NOTES)]
        hertz = NOTES[label] * 2 ** (rng.normal() * 0.1 / 12)
        wave = sum(
            rng.uniform(0.3, 1) / k * np.sin(2 * np.pi * k * hertz * t + rng.uniform(0, 6))
            for k in range(1, 6)
        )
        wave = wave * np.minimum(t / 0.01, 1) * np.exp(-t * rng.uniform(6, 12))
        wave = 0.8 * wave / np.abs(wave).max() + 1e-4 * rng.normal(size=len(t))
        wave[-50:] = 0
        samples = np.repeat(wave[None], channels, 0).astype(np.float32)
        clips.append(Clip(samples, RATE, {"label": label, "pitch": midi(hertz)}, f"{i}.wav"))
    return clips


def midi(hertz: float) -> float:
    return float(69 + 12 * np.log2(hertz / 440))


def made(clips: list[Clip], change: Change = lambda x: x, *keys: str) -> list[Sample[Clip]]:
    """Samples that were generated for the values of clips, apart from a change."""
    return [
        Sample(
            Clip(change(c.samples.copy()).astype(np.float32), c.rate),
            i,
            {key: c.values[key] for key in keys or ("label",)},
        )
        for i, c in enumerate(clips)
    ]


def scored(evaluator: Evaluator[Clip], data: EvaluationData[Clip]) -> dict[str, float]:
    return evaluator.evaluate(data, np.random.default_rng(0))


# --- Artefacts ----------------------------------------------------------------------------------


def click(x: np.ndarray) -> np.ndarray:
    x[:, 3000] += 0.3
    return x


def tone(x: np.ndarray) -> np.ndarray:
    return x + 0.005 * np.sin(2 * np.pi * 3600 * np.arange(x.shape[1]) / RATE + 0.5)


def tone_with_the_sound(x: np.ndarray) -> np.ndarray:
    loud = np.convolve(np.abs(x[0]), np.ones(400) / 400, "same")
    return x + 0.3 * loud * np.sin(2 * np.pi * 3000 * np.arange(x.shape[1]) / RATE)


PLANTED: dict[str, tuple[str, Change]] = {
    "silence": ("silence_rate", lambda x: 1e-4 * x),
    "clipping": ("clipping_rate", lambda x: np.clip(4 * x, -1, 1)),
    "click": ("click_rate", click),
    "begins away from 0": ("edge_click_rate", lambda x: x[:, 300:]),
    "a tone": ("steady_tone_rate", tone),
    "a tone that comes and goes": ("steady_tone_rate", tone_with_the_sound),
}


@pytest.fixture(scope="module")
def real() -> tuple[list[Clip], list[Clip]]:
    return sounds(240, 0), sounds(90, 1)


@pytest.mark.parametrize("kind", PLANTED)
def test_a_planted_artefact_is_detected(kind: str, real: tuple[list[Clip], list[Clip]]) -> None:
    name, change = PLANTED[kind]
    clips = sounds(60, 2)
    half = [*made(clips[:30], change), *made(clips[30:])]
    found = scored(Artefacts(AudioSettings()), EvaluationData(half, *real))
    assert found[name] == pytest.approx(0.5, abs=0.09)
    assert found[f"{name}_real"] <= 0.05
    others = {n for n, _ in PLANTED.values()} - {name}
    assert max(found[n] for n in others) <= 0.1


def test_clean_clips_have_no_artefacts(real: tuple[list[Clip], list[Clip]]) -> None:
    found = scored(Artefacts(AudioSettings()), EvaluationData(made(sounds(90, 2)), *real))
    for name in {n for n, _ in PLANTED.values()}:
        assert found[name] <= 0.05
        assert found[f"{name}_real"] <= 0.05
    assert found["dc_offset"] == pytest.approx(found["dc_offset_real"], abs=1e-3)
    assert found["out_of_band"] < 0.003


def test_offset_and_power_above_the_band(real: tuple[list[Clip], list[Clip]]) -> None:
    evaluator = Artefacts(AudioSettings())
    shifted = scored(evaluator, EvaluationData(made(sounds(30, 2), lambda x: x + 0.1), *real))
    assert shifted["dc_offset"] == pytest.approx(0.1, abs=0.01)
    rng = np.random.default_rng(0)
    hiss = made(sounds(30, 2), lambda x: x + 0.05 * np.diff(rng.normal(size=(1, 4001))))
    assert scored(evaluator, EvaluationData(hiss, *real))["out_of_band"] > 0.05


def test_an_artefact_in_one_channel_counts() -> None:
    train, heldout = sounds(60, 0, channels=2), sounds(30, 1, channels=2)

    def right(x: np.ndarray) -> np.ndarray:
        x[1:] = click(x[1:])
        return x

    data = EvaluationData(made(sounds(30, 2, channels=2), right), train, heldout)
    found = scored(Artefacts(AudioSettings()), data)
    assert found["click_rate"] > 0.8
    assert found["clipping_rate"] == 0


# --- Pitch --------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["label", "pitch"])
def test_agreement_with_the_requested_pitch(key: str, real: tuple[list[Clip], list[Clip]]) -> None:
    clips = sounds(60, 2)
    mislabelled = [Clip(c.samples, c.rate, {"label": "E5", "pitch": 76.0}) for c in clips]
    good = scored(PitchAgreement(), EvaluationData(made(clips, lambda x: x, key), *real))
    assert good["pitch_accuracy"] > 0.97 < good["pitch_accuracy_real"]
    assert good["pitch_error_cents"] < 15
    bad = scored(PitchAgreement(), EvaluationData(made(mislabelled, lambda x: x, key), *real))
    assert bad["pitch_accuracy"] == pytest.approx(1 / 3, abs=0.02)
    assert bad["pitch_error_cents"] > 600


def test_silence_has_no_pitch_and_infinite_error(real: tuple[list[Clip], list[Clip]]) -> None:
    silence = made(sounds(30, 2), lambda x: 0 * x)
    found = scored(PitchAgreement(), EvaluationData(silence, *real))
    assert found["pitch_accuracy"] == 0
    assert found["pitch_error_cents"] == np.inf


def test_labels_that_only_look_like_pitches() -> None:
    """Speakers ``30`` to ``32`` say the same notes: labels do not agree with measured pitches."""

    def renamed(clips: list[Clip]) -> list[Clip]:
        return [Clip(c.samples, c.rate, {"label": str(30 + i % 3)}) for i, c in enumerate(clips)]

    parts = [renamed(sounds(n, seed)) for n, seed in ((60, 0), (30, 1), (30, 2))]
    assert scored(PitchAgreement(), EvaluationData(made(parts[2]), parts[0], parts[1])) == {}


# --- By class -----------------------------------------------------------------------------------


def test_classifier_score_in_closed_form() -> None:
    certain = np.eye(7)[np.arange(70) % 7]
    assert classifier_score(certain) == pytest.approx(7)
    assert classifier_score(np.full((50, 7), 1 / 7)) == pytest.approx(1)
    assert classifier_score(certain[:1].repeat(9, 0)) == pytest.approx(1)  # all of one class
    # Two classes, predicted with probability 0.9: exp(H(y) - H(y|x)), in nats.
    p = np.array([[0.9, 0.1], [0.1, 0.9]])
    entropy = -(0.9 * np.log(0.9) + 0.1 * np.log(0.1))
    assert classifier_score(p) == pytest.approx(2 * np.exp(-entropy))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short training, enough for these sounds."""
    monkeypatch.setattr(class_scores, "STEPS", (60, 60))


@pytest.fixture(scope="module")
def by_class(real: tuple[list[Clip], list[Clip]]) -> dict[str, dict[str, float]]:
    clips = sounds(90, 2)
    mislabelled = [Clip(c.samples, c.rate, {"label": "A3"}) for c in clips]
    sets = {
        "good": clips,
        "mislabelled": mislabelled,
        "copies": real[0][:90],
        "one class": clips[::3] * 3,
    }
    state = torch.get_rng_state()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(class_scores, "STEPS", (60, 60))
        found = {
            name: scored(SoundClassifier(), EvaluationData(made(items), *real))
            for name, items in sets.items()
        }
    assert torch.equal(torch.get_rng_state(), state)
    return found


def test_agreement_with_the_requested_class(by_class: dict[str, dict[str, float]]) -> None:
    assert by_class["good"]["class_accuracy"] > 0.97 < by_class["good"]["class_accuracy_real"]
    assert by_class["mislabelled"]["class_accuracy"] == pytest.approx(1 / 3, abs=0.03)


def test_the_accuracy_of_each_class(real: tuple[list[Clip], list[Clip]], quick: None) -> None:
    """A lost class shows in its row alone: here a third of the clips is of another one."""
    clips = sounds(60, 2)
    wrong = Clip(clips[0].samples, clips[0].rate, clips[1].values)  # sounds like the first class
    data = EvaluationData(made([*clips, *[wrong] * 20]), *real)
    evaluator, rng = SoundClassifier(), np.random.default_rng(0)
    rows = evaluator.details(data, rng)
    assert [row["class"] for row in rows] == sorted({str(c.values["label"]) for c in clips})
    shares = {row["class"]: row["accuracy"] for row in rows}
    assert shares.pop(str(clips[1].values["label"])) == pytest.approx(0.5, abs=0.05)
    assert min(shares.values()) > 0.9 < min(row["accuracy_real"] for row in rows)
    assert evaluator.evaluate(data, rng)["class_accuracy"] == pytest.approx(0.75, abs=0.03)


def test_a_lost_class_lowers_the_score_and_widens_the_distance(
    by_class: dict[str, dict[str, float]],
) -> None:
    good, lost = by_class["good"], by_class["one class"]
    assert good["classifier_score"] == pytest.approx(good["classifier_score_real"], rel=0.05)
    assert 2.7 < good["classifier_score"] <= 3
    assert lost["classifier_score"] < 1.2
    assert good["frechet/own-classifier"] < 5 * good["frechet/own-classifier_real"]
    assert lost["frechet/own-classifier"] > 10 * good["frechet/own-classifier"]


def test_copies_are_detected_in_its_features(by_class: dict[str, dict[str, float]]) -> None:
    assert by_class["copies"]["closer_to_train/own-classifier"] == 1
    assert by_class["copies"]["copies/own-classifier"] == 1
    assert by_class["good"]["closer_to_train/own-classifier"] == pytest.approx(0.5, abs=0.15)
    assert by_class["good"]["closer_to_train/own-classifier_real"] == pytest.approx(0.5)


def test_no_scores_for_one_class_or_none(real: tuple[list[Clip], list[Clip]], quick: None) -> None:
    train, heldout = real
    one = [c for c in train if c.label == "A3"]
    free = [Clip(c.samples, c.rate) for c in train]
    assert scored(SoundClassifier(), EvaluationData(made(heldout), one, heldout)) == {}
    assert scored(SoundClassifier(), EvaluationData(made(heldout), free, free)) == {}
    unconditional = [Sample(c, 0, {}) for c in heldout]
    found = scored(SoundClassifier(), EvaluationData(unconditional, train, heldout))
    assert found["classifier_score"] > 2.7
    assert not any(name.startswith("class_accuracy") for name in found)


# --- The whole distribution ---------------------------------------------------------------------


def test_distribution(real: tuple[list[Clip], list[Clip]]) -> None:
    evaluator = Distribution(random_mel())
    clips = sounds(90, 2)
    first = {label: next(c for c in clips if c.label == label) for label in NOTES}
    same = [first[str(c.label)] for c in clips]
    good = scored(evaluator, EvaluationData(made(clips), *real))
    bad = scored(evaluator, EvaluationData(made(same), *real))
    assert good["diversity_within_class/random-mel"] == pytest.approx(1, abs=0.1)
    assert good["diversity_within_class/random-mel_real"] == pytest.approx(1, abs=0.1)
    assert good["diversity_within_worst_class/random-mel"] > 0.8
    assert bad["diversity_within_class/random-mel"] < 1e-3
    few = [first["A4"] if c.label == "A4" else c for c in clips]
    mixed = scored(evaluator, EvaluationData(made(few), *real))
    assert mixed["diversity_within_class/random-mel"] > 0.5
    assert mixed["diversity_within_worst_class/random-mel"] < 1e-3
    assert good["different_bins/random-mel"] < 0.4 < bad["different_bins/random-mel"]
    name = "frechet_infinity/random-mel"
    assert bad[name] > 3 * max(good[name], good[f"{name}_real"])


def test_without_classes_there_is_no_diversity_within_them(
    real: tuple[list[Clip], list[Clip]],
) -> None:
    free = [Sample(c, 0, {}) for c in sounds(30, 2)]
    found = scored(Distribution(random_mel()), EvaluationData(free, *real))
    assert set(found) == {
        f"{name}/random-mel{end}"
        for name in ("frechet_infinity", "different_bins")
        for end in ("", "_real")
    }


# --- Together -----------------------------------------------------------------------------------


def test_every_score_has_a_baseline(real: tuple[list[Clip], list[Clip]], quick: None) -> None:
    data = EvaluationData(made(sounds(60, 2)), *real)
    scores = evaluate(build_evaluators(AudioSettings()), data)
    names = [score.name for score in scores]
    assert len(set(names)) == len(names)
    assert {
        "frechet/random-mel", "frechet_infinity/random-mel", "different_bins/random-mel",
        "class_accuracy", "classifier_score", "pitch_accuracy", "steady_tone_rate", "click_rate",
    } <= set(names)  # fmt: skip
    assert [score.name for score in scores if score.real_baseline is None] == []
    again = evaluate(build_evaluators(AudioSettings()), data)
    assert [score.value for score in scores] == [score.value for score in again]


def test_too_few_clips_give_no_scores() -> None:
    clips = sounds(4, 0)
    for evaluator in build_evaluators(AudioSettings()):
        if isinstance(evaluator, Evaluator):
            assert scored(evaluator, EvaluationData(made(clips[:1]), clips, clips)) == {}
            assert scored(evaluator, EvaluationData(made(clips), clips, [])) == {}


@pytest.mark.slow
@pytest.mark.shared
def test_spoken_digits_are_classified(shared_data: Path) -> None:
    soundfile = pytest.importorskip("soundfile")
    clips = []
    for file in sorted((shared_data / "fsdd").glob("*/*.wav")):
        samples, rate = soundfile.read(file, dtype="float32")
        wave = np.zeros((1, rate * 6 // 10), np.float32)
        wave[0, : len(samples)] = samples[: wave.shape[1]] / max(np.abs(samples).max(), 1e-6) * 0.9
        clips.append(Clip(wave, rate, {"label": file.parent.name}))
    order = np.random.default_rng(0).permutation(len(clips))
    train, heldout, rest = ([clips[i] for i in part] for part in np.split(order, [2100, 2550]))
    found = scored(SoundClassifier(), EvaluationData(made(rest), train, heldout))
    assert found["class_accuracy_real"] >= 0.97
    assert found["class_accuracy"] >= 0.97
    assert found["classifier_score_real"] > 9
