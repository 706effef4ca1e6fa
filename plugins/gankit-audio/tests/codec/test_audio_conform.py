"""Other data sets where they meet a run: brought to its form, or named for what differs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf

from gankit.contract import Fitting
from gankit.contract.codec import Conforms
from gankit.contract.data import quiet
from gankit.errors import GankitError
from gankit_audio.data import sources
from gankit_audio.data.clips import Clip
from gankit_audio.modality import AudioModality
from gankit_audio.settings import AudioSettings


def folder(root: Path, rate: int, seconds: float, classes: Sequence[str] = "ab") -> Path:
    rng = np.random.default_rng(0)
    for i in range(10):
        file = root / classes[i % len(classes)] / f"{i}.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        sf.write(file, rng.uniform(-0.5, 0.5, round(rate * seconds)), rate)
    return root


def read(source: object, **settings: Any) -> Sequence[Clip]:
    return sources.read(source, replace(AudioSettings(), **settings), quiet).items


@pytest.fixture(params=["spectrogram", "wavegan"])
def codec(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    settings = replace(AudioSettings(), architecture=request.param, code=4)
    clips = read(folder(tmp_path / "train", 8000, 0.2))
    found = AudioModality().fit_codec(clips, settings, Fitting())
    assert isinstance(found, Conforms)
    return found


def test_other_rates_and_lengths_are_brought_to_the_form_of_the_run(
    codec: Any, tmp_path: Path
) -> None:
    clips = read(folder(tmp_path / "other", 16000, 0.5))
    found = codec.conform(clips, strict=True)
    assert [clip.samples.shape for clip in found.items] == [(1, 1600)] * 10
    assert [clip.name for clip in found.items] == [clip.name for clip in clips]
    assert found.warnings == ["The recordings were cut to 0.2 s at 8,000 Hz, mono, as in the run"]
    assert codec.encode(found.items, np.random.default_rng(0)).x.shape[0] == 10
    same = read(tmp_path / "train")
    assert codec.conform(same, strict=True).items is same


def test_clips_that_cannot_be_cut_again_are_refused(codec: Any, tmp_path: Path) -> None:
    clips = read(folder(tmp_path / "other", 16000, 0.5), slice="all", duration=0.1)
    with pytest.raises(GankitError, match="clips of 0.1 s at 16,000 Hz.*0.2 s at 8,000 Hz.*Train"):
        codec.conform(clips, strict=False)


def test_classes_are_compared_by_name(codec: Any, tmp_path: Path) -> None:
    clips = read(folder(tmp_path / "more", 8000, 0.2, ["a", "b", "cow", "dog"]))
    with pytest.raises(
        GankitError, match="the run knows no label cow, dog, which 4 clips have.*a, b"
    ):
        codec.conform(clips, strict=True)
    bare = read(tmp_path / "train", label="none")
    with pytest.raises(GankitError, match="has no label"):
        codec.conform(bare, strict=False)
