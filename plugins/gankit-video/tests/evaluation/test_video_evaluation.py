"""Appearance and motion are scored apart, and the controls show it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from moving_clips import squares
from safetensors.torch import save_file

from gankit.contract import EvaluationData, Sample
from gankit.errors import GankitError
from gankit.metrics import GaussianStats, frechet_distance
from gankit_video.data.digits import moving_digits
from gankit_video.data.items import Clip
from gankit_video.evaluation import classifier, i3d
from gankit_video.evaluation.class_agreement import ClassAgreement
from gankit_video.evaluation.controls import CONTROLS, controls
from gankit_video.evaluation.downstream import ClipModel
from gankit_video.evaluation.evaluators import build_evaluators
from gankit_video.evaluation.extractors import frames, motion
from gankit_video.evaluation.movement import Movement
from gankit_video.settings import VideoSettings


@pytest.fixture(scope="module")
def clips():
    return moving_digits(8)[:300]


def clips_of(made):
    return [Clip(m["frames"], 12.0, m["label"], {}, str(i)) for i, m in enumerate(made)]


@pytest.fixture(scope="module")
def ratios(clips):
    """By extractor and kind of clips, the Fréchet distance in units of real clips' own."""
    rng = np.random.default_rng(0)
    one, two = clips[:150], clips[150:]
    noisy = [
        replace(c, frames=(c.frames // 2 + rng.integers(0, 60, c.frames.shape)).astype(np.uint8))
        for c in two
    ]
    kinds = {"real": two, **controls(two, 150, 0), "noisy": noisy, "collapsed": two[:3] * 50}
    found = {}
    for extractor in (frames(), motion()):
        base = GaussianStats.of(extractor.features(one))
        floor = None
        for kind, some in kinds.items():
            far = frechet_distance(base, GaussianStats.of(extractor.features(some)))
            floor = far if floor is None else floor
            found[extractor.name, kind] = far / floor
    return found


def test_motion_features_notice_time_and_frames_hardly_do(ratios):
    for control in CONTROLS:
        assert ratios["motion-random3d", control] > 5
        assert ratios["motion-random3d", control] > 2 * ratios["frames-random2d", control]


def test_both_notice_noise_and_collapse(ratios):
    for name in ("frames-random2d", "motion-random3d"):
        assert ratios[name, "noisy"] > 5
        assert ratios[name, "collapsed"] > 3


def test_features_are_fingerprinted_by_what_draws_them():
    again, other = frames(), motion()
    assert frames().fingerprint == again.fingerprint != other.fingerprint
    assert again.features(clips_of(squares(3))).shape == (3, 224)
    large = clips_of(squares(2, side=40, channels=3))
    assert again.features(large).shape == (2, 224)


def test_controls_keep_the_frames_and_lose_their_time(clips):
    found = controls(clips[:20], 30, 1)
    assert found.keys() == {"frozen", "shuffled"}
    assert len(found["frozen"]) == 30
    by_name = {clip.name: clip for clip in clips}
    for frozen, shuffled in zip(found["frozen"], found["shuffled"], strict=True):
        whole = by_name[frozen.name].frames
        assert (frozen.frames == whole[4]).all()
        ordered = sorted(frame.tobytes() for frame in whole)
        assert sorted(frame.tobytes() for frame in shuffled.frames) == ordered
        assert by_name[shuffled.name].label == shuffled.label


def data_of(made, real):
    samples = [Sample(clip, i, {"label": clip.label or ""}) for i, clip in enumerate(made)]
    return EvaluationData(samples, real[: len(real) // 2], real[len(real) // 2 :])


def test_still_clips_are_counted_and_warned_of(clips):
    rng = np.random.default_rng(0)
    half = [CONTROLS["frozen"](clip, rng) if i % 2 else clip for i, clip in enumerate(clips[:40])]
    data = data_of(half, clips[40:200])
    found = Movement().evaluate(data, rng)
    assert found["still"] == 0.5
    assert found["still_real"] == 0
    assert "50% of the generated clips hardly move" in Movement().warnings(data)[0]
    assert not Movement().warnings(data_of(clips[:40], clips[40:200]))
    nothing = [CONTROLS["frozen"](clip, rng) for clip in clips[:40]]
    assert Movement().evaluate(data_of(nothing, nothing), rng) == {}


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(classifier, "STEPS", 60)


def test_class_agreement(quick):
    real, made = clips_of(squares(60)), clips_of(squares(20))
    evaluator = ClassAgreement()
    data = data_of(made, real)
    found = evaluator.evaluate(data, np.random.default_rng(0))
    assert found["class_agreement"] > 0.85
    assert found["class_agreement_real"] > 0.85
    rows = evaluator.details(data, np.random.default_rng(0))
    assert [row["class"] for row in rows] == ["fast", "slow"]
    swapped = [replace(c, label={"slow": "fast", "fast": "slow"}[c.label or ""]) for c in made]
    wrong = ClassAgreement().evaluate(data_of(swapped, real), np.random.default_rng(0))
    assert wrong["class_agreement"] < 0.15
    alike = [replace(clip, label="a") for clip in real]
    assert ClassAgreement().evaluate(data_of(made, alike), np.random.default_rng(0)) == {}


def test_the_downstream_model(quick):
    train, test = clips_of(squares(40)), clips_of(squares(16))
    model = ClipModel()
    for mitigation in ("", *model.mitigations):
        found = model.scores(train, test, "label", mitigation, 0)
        assert found.keys() == {"accuracy", "balanced_accuracy", "f1"}
        assert found["accuracy"] > 0.8
    with pytest.raises(GankitError, match="cannot predict speed"):
        model.scores(train, test, "speed", "", 0)


def test_i3d_needs_its_weights(tmp_path):
    with pytest.raises(GankitError, match="its weights are in no package"):
        build_evaluators(VideoSettings(extractors=("i3d",)))
    with pytest.raises(GankitError, match="no such file"):
        i3d.i3d(str(tmp_path / "no.safetensors"))
    save_file({"a": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(GankitError, match="weights are missing or of another shape"):
        i3d.i3d(str(tmp_path / "other.safetensors"))
    with pytest.raises(GankitError, match=r"extractors=frame: .*frames"):
        build_evaluators(VideoSettings(extractors=("frame",)))


def test_only_i3d_gives_fvd(tmp_path, monkeypatch):
    with torch.device("meta"):
        names = i3d.I3D().state_dict()
    assert sum(
        w.numel() for n, w in names.items() if not n.endswith(("mean", "var", "tracked"))
    ) == (
        12_697_264  # parameters with 400 classes, as published
    )
    weights = {n: torch.zeros(w.shape, dtype=w.dtype) for n, w in names.items()}
    save_file(weights, tmp_path / "i3d.safetensors")
    monkeypatch.setattr(i3d, "SIDE", 64)
    monkeypatch.setattr(i3d.F, "avg_pool3d", lambda x, *_: x.mean((2, 3, 4), keepdim=True))
    found, *_ = build_evaluators(
        VideoSettings(extractors=("i3d",), i3d_weights=str(tmp_path / "i3d.safetensors"))
    )
    assert found.aliases == {"frechet": "fvd"}
    assert found.features(clips_of(squares(1))).shape == (1, 400)
    assert not frames().aliases
    assert not motion().aliases
