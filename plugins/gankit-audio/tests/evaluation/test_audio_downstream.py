from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gankit.errors import GankitError
from gankit_audio.data.clips import Clip
from gankit_audio.evaluation import downstream
from gankit_audio.evaluation.classifier import (
    FRAMES,
    MELS,
    add_noise,
    log_mel,
    mask,
    shift,
    train_classifier,
)
from gankit_audio.evaluation.downstream import KeywordClassifier
from gankit_audio.settings import AudioSettings


def words(counts: dict[str, int], seed: int) -> list[Clip]:
    """Rising, falling and steady glides, in noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(4000) / 8000
    slope = {"rise": 1.0, "fall": -1.0, "stay": 0.0}
    clips = []
    for word, count in counts.items():
        for _ in range(count):
            hertz = rng.uniform(500, 900) * (1 + slope[word] * (t - 0.25) * rng.uniform(0.8, 1.6))
            wave = 0.3 * np.sin(2 * np.pi * np.cumsum(hertz) / 8000) + 0.03 * rng.normal(size=4000)
            values = {"label": word, "pitch": 60.0, "speaker": f"s{rng.integers(2)}"}
            clips.append(Clip(wave[None].astype(np.float32), 8000, values, f"{word}.wav"))
    return clips


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downstream, "STEPS", (50, 50))


@given(
    st.sampled_from([4000, 8000, 16_000, 44_100]),
    st.floats(0.05, 3.0),
    st.integers(1, 2),
)
def test_a_spectrogram_has_one_shape(rate: int, seconds: float, channels: int) -> None:
    clip = Clip(np.zeros((channels, int(rate * seconds)), np.float32), rate)
    x = log_mel([clip, clip])
    assert x.shape == (2, 1, MELS, FRAMES)
    assert (x == 0).all()  # silence


def test_a_tone_is_in_one_band_throughout() -> None:
    t = np.arange(16_000) / 8000
    low, high = (
        Clip(np.sin(2 * np.pi * f * t)[None].astype(np.float32), 8000) for f in (200, 3000)
    )
    x = log_mel([low, high])
    assert x[0, 0, :, 5:40].argmax(0).float().std() == 0
    assert x[0, 0, :, 20].argmax() < x[1, 0, :, 20].argmax()
    quiet = Clip(high.samples * 10 ** (-20 / 20), 8000)
    assert x[1].max() - log_mel([quiet]).max() == pytest.approx(np.log(10), abs=0.05)


def test_augmentation_of_spectrograms() -> None:
    torch.manual_seed(0)
    x = torch.rand(50, 1, MELS, FRAMES) + 0.5
    masked = mask(x)
    assert ((masked == x) | (masked == 0)).all()
    assert 0.02 < (masked == 0).float().mean() < 0.4
    assert (mask(x[:1]).shape, shift(x[:1]).shape) == (x[:1].shape, x[:1].shape)
    moved = shift(x)
    place = FRAMES // 2
    for before, after in zip(x[:, 0, 0], moved[:, 0, 0], strict=True):
        gap = int((before == after[place]).nonzero()) - place
        assert abs(gap) <= FRAMES // 10
    assert (add_noise(x) >= x).all()


def test_training_is_seeded_and_preserves_the_generator() -> None:
    clips = words({"rise": 12, "fall": 12}, 0)
    labels = [str(c.label) for c in clips]
    x = log_mel(clips)
    state = torch.get_rng_state()
    one, two, three = (
        train_classifier(x, labels, seed, augment=mask, steps=(20, 20)) for seed in (0, 0, 1)
    )
    assert torch.equal(torch.get_rng_state(), state)
    np.testing.assert_array_equal(one(x)[0], two(x)[0])
    assert not np.allclose(one(x)[0], three(x)[0])
    assert one.names == ("fall", "rise")
    np.testing.assert_allclose(one(x)[0].sum(1), 1)


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("mitigation", ["", *KeywordClassifier.mitigations])
def test_words_are_classified(mitigation: str) -> None:
    model = KeywordClassifier(AudioSettings())
    train = words({"rise": 30, "fall": 12, "stay": 30}, 0)
    test = words({"rise": 20, "fall": 20, "stay": 20}, 1)
    found = model.scores(train, test, "label", mitigation, 0)
    assert set(found) == {"accuracy", "balanced_accuracy", "f1"}
    assert found["accuracy"] > 0.8
    assert found["accuracy"] == pytest.approx(found["balanced_accuracy"])
    if not mitigation:
        assert found == model.scores(train, test, "label", mitigation, 0)


@pytest.mark.usefixtures("short")
def test_an_unpredictable_key_scores_at_chance() -> None:
    model = KeywordClassifier(AudioSettings())
    train, test = words({"rise": 40}, 0), words({"rise": 60}, 1)
    assert model.scores(train, test, "speaker", "", 0)["balanced_accuracy"] < 0.7


def test_keys_that_cannot_be_predicted() -> None:
    model, clips = KeywordClassifier(AudioSettings()), words({"rise": 4, "fall": 4}, 0)
    for key, why in (("pitch", "has the number 60.0"), ("age", "rise.wav has no value")):
        with pytest.raises(GankitError, match=f"{key} cannot be predicted.*{why}"):
            model.scores(clips, clips, key, "", 0)
    with pytest.raises(GankitError, match="all clips have the same value"):
        model.scores(clips[:4], clips, "label", "", 0)
