"""From a path or an object in memory to clips of one shape, with what was understood."""

from __future__ import annotations

import json
import zipfile
from itertools import pairwise

import numpy as np
import PIL.Image
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moving_clips import film, square, squares

from gankit.errors import GankitError
from gankit_video.data import cutting
from gankit_video.data.digits import moving_digits
from gankit_video.data.fitting import fitted, size_of
from gankit_video.data.items import Clip
from gankit_video.data.sources import read, read_items
from gankit_video.settings import VideoSettings

SHORT = VideoSettings(frames=6)


def dataset(source, **changed):
    found = VideoSettings(**{"frames": 6, **changed})
    return read(source, found, lambda *_: None)


@pytest.fixture
def films(tmp_path):
    """Two classes of five films each, of 6 frames."""
    for label, step in (("slow", 1), ("fast", 3)):
        (tmp_path / "data" / label).mkdir(parents=True)
        for i in range(5):
            path = tmp_path / "data" / label / f"{i}.mkv"
            film(path, square(i, step, channels=3), codec="ffv1", pix_fmt="yuv444p")
    return tmp_path / "data"


def test_the_built_in_clips_are_named_as_synthesised():
    found = read(None, VideoSettings(), lambda *_: None)
    assert len(found.items) == 1797
    assert found.items[0].frames.shape == (16, 32, 32, 1)
    assert "synthesised" in found.description
    assert found.facts["data"].startswith("synthesised: moving digits")
    assert found.facts["labels"] == "10 classes, from the digit"
    assert not found.warnings
    clips = moving_digits()
    assert all(
        np.array_equal(a.frames, b.frames) for a, b in zip(clips, moving_digits(), strict=True)
    )
    # Each digit is whole in every frame, and moves by its speed.
    light = np.stack([clip.frames.sum((1, 2, 3)) for clip in clips[:200]]).astype(float)
    assert (np.abs(light / light[:, :1] - 1) < 0.02).all()


def test_folders_of_films(films):
    found = dataset(films)
    assert len(found.items) == 10
    assert found.items[0].frames.shape == (6, 16, 16, 3)
    assert found.facts["labels"] == "2 classes, from folders"
    assert {clip.label for clip in found.items} == {"slow", "fast"}
    assert found.facts["frames"] == "16×16 RGB; 12 per second"
    again = dataset(films)
    assert again.fingerprint == found.fingerprint
    assert dataset(films, resolution=8).fingerprint != found.fingerprint


def test_an_archive_is_the_same_data(films, tmp_path):
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        for path in films.rglob("*.mkv"):
            archive.write(path, path.relative_to(films))
    packed = dataset(tmp_path / "data.zip")
    plain = {(c.label, c.frames.tobytes()) for c in dataset(films).items}
    assert {(c.label, c.frames.tobytes()) for c in packed.items} == plain


def test_a_table_has_labels_and_numbers(films):
    rows = [
        {"file_name": f"{label}/{i}.mkv", "label": f"c{i % 2}", "speed": i, "note": "x"}
        for label in ("slow", "fast")
        for i in range(5)
    ]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (films / "metadata.jsonl").write_text(lines)
    found = dataset(films)
    assert found.facts["labels"] == "2 classes, from metadata.jsonl"
    assert {clip.values["speed"] for clip in found.items} == {0, 1, 2, 3, 4}
    with pytest.raises(GankitError, match="label_key=kind: no table has such a column"):
        dataset(films, label_key="kind")


def test_splits(films):
    (films.parent / "train").mkdir()
    films.rename(films.parent / "train" / "data")
    test = films.parent / "test"
    test.mkdir()
    film(test / "t.mkv", square(0, 1, channels=3), codec="ffv1", pix_fmt="yuv444p")
    found = dataset(films.parent)
    assert len(found.items) == 10
    assert "test (1 file) left out" in found.facts["split"]


def test_long_videos_are_cut_and_short_ones_are_said(films):
    long = np.concatenate([square(i, 1, channels=3) for i in range(4)])[:22]
    film(films / "slow" / "long.mkv", long, codec="ffv1", pix_fmt="yuv444p")
    film(films / "slow" / "short.mkv", long[:4], codec="ffv1", pix_fmt="yuv444p")
    found = dataset(films)
    assert found.facts["clips"] == (
        "13 of 6 frames from 11 videos; 1 longer ones cut into several; 4 frames left over"
    )
    assert [(i.location, i.reason) for i in found.issues] == [
        ("slow/short.mkv", "4 frames, fewer than the 6 of a clip (frames): left out")
    ]
    assert "slow/long.mkv, frame 12" in [clip.name for clip in found.items]
    assert len(dataset(films, clips_per_video=1).items) == 11
    with pytest.raises(GankitError, match=r"slow/short.mkv: 4 frames.*strict=false"):
        dataset(films, strict=True)


def test_damaged_files_are_named_and_the_rest_is_used(films):
    (films / "slow" / "empty.mp4").write_bytes(b"")
    (films / "slow" / "text.webm").write_text("no film" * 100)
    found = dataset(films)
    assert len(found.items) == 10
    reasons = {issue.location: issue.reason for issue in found.issues}
    assert reasons.keys() == {"slow/empty.mp4", "slow/text.webm"}
    assert all(reason.startswith("cannot be opened") for reason in reasons.values())


def frames_of(folder, clip, ending=".png"):
    folder.mkdir(parents=True)
    for i, pixels in enumerate(clip):
        PIL.Image.fromarray(pixels[..., 0]).save(folder / f"frame{i}{ending}")


def test_folders_of_frames(tmp_path):
    for i in range(8):
        frames_of(tmp_path / "data" / "ab"[i % 2] / f"clip{i}", square(i, 1, frames=11))
    found = dataset(tmp_path / "data", fps=25)
    assert len(found.items) == 8
    assert found.items[0].frames.shape == (6, 16, 16, 1)
    assert found.facts["labels"] == "2 classes, from folders"
    assert found.facts["videos"] == "8 folders of frames, one video each"
    assert found.items[0].fps == 25
    # frame10 comes after frame9.
    whole = dataset(tmp_path / "data", frames=11)
    first = next(clip for clip in whole.items if clip.name == "a/clip0")
    assert np.array_equal(first.frames, square(0, 1, frames=11))
    assert "12 per second assumed" in whole.facts["treated"]


def test_frames_that_cannot_be_used(tmp_path):
    for i in range(9):
        frames_of(tmp_path / "data" / f"clip{i}", square(i, 1))
    (tmp_path / "data" / "clip3" / "frame2.png").write_bytes(b"\x89PNG broken")
    found = dataset(tmp_path / "data")
    assert len(found.items) == 8
    assert [(i.location, i.reason) for i in found.issues] == [
        ("clip3", "frame2.png: not a picture")
    ]


def test_arrays(tmp_path):
    stack = np.stack([square(i, 1) for i in range(9)])
    np.save(tmp_path / "clips.npy", stack)
    found = dataset(tmp_path / "clips.npy")
    assert np.array_equal(np.stack([clip.frames for clip in found.items]), stack)
    np.save(tmp_path / "labels.npy", np.array(["a", "b", "c"] * 3))
    assert dataset(tmp_path / "clips.npy").facts["labels"] == "3 classes, from a file beside it"
    np.save(tmp_path / "labels.npy", np.zeros(4))
    with pytest.raises(GankitError, match=r"labels.npy: 4 labels for 9 clips"):
        dataset(tmp_path / "clips.npy")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda x: x[..., 0], "taken as (N, T, H, W), grey"),
        (lambda x: x.transpose(0, 1, 4, 2, 3), "taken as (N, T, C, H, W)"),
        (lambda x: (x / 255).astype(np.float32), "float32 times 255"),
        (lambda x: x.astype(np.int64), "int64 read as uint8 with the same values"),
    ],
)
def test_other_arrays_are_converted_and_said(change, said):
    stack = np.stack([square(i, 1) for i in range(8)])
    found = dataset(change(stack))
    assert np.array_equal(np.stack([clip.frames for clip in found.items]), stack)
    assert said in found.facts["numbers"]


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((4, 5)), "an array of 4×5 holds no clips"),
        (np.zeros((8, 6, 16, 16, 7)), "an array of 8×6×16×16×7 holds no clips"),
        (np.full((8, 6, 16, 16, 1), -1.0), "numbers from -1 to -1"),
        (np.full((8, 6, 16, 16, 1), np.nan), "some numbers are not finite"),
        (np.full((8, 6, 16, 16, 1), "x"), "holds no pixels"),
        (np.zeros((2, 6, 16, 16, 1), np.uint8), "2 usable clips; at least 8 are needed"),
        (np.zeros((0, 6, 16, 16, 1), np.uint8), "no usable clip"),
    ],
)
def test_arrays_that_are_refused(array, message):
    with pytest.raises(GankitError, match=message):
        dataset(array)


def test_objects_in_memory():
    found = dataset(squares(12))
    assert found.items[3].label == "fast"
    assert found.items[3].values == {"speed": 3.25}
    pair = dataset(([clip["frames"] for clip in squares(12)], [0, 1] * 6))
    assert pair.items[1].label == "1"
    clips = [Clip(clip["frames"], 30.0, "x", {}, f"c{i}") for i, clip in enumerate(squares(8))]
    assert dataset(clips).items[2].fps == 30
    with pytest.raises(GankitError, match="3 labels for 12 clips"):
        dataset(([clip["frames"] for clip in squares(12)], [0, 1, 2]))
    with pytest.raises(GankitError, match="item 0: no frames; it has label"):
        dataset([{"label": 1}] * 9)


def test_what_looks_wrong_is_said():
    still = [{"frames": np.full((6, 16, 16, 1), 7 * i, np.uint8)} for i in range(8)]
    warnings = dataset([*squares(8), *still, still[0]]).warnings
    assert "9 of 17 clips do not move at all" in warnings[0]
    assert "1 clips are exact copies" in warnings[1]


def test_one_clip_can_be_read_alone(films):
    path = films / "slow" / "0.mkv"
    assert len(read_items(path, SHORT).items) == 1
    with pytest.raises(GankitError, match=r"0.mkv: 1 usable clip; at least 8"):
        dataset(path)


def test_nothing_usable(tmp_path):
    with pytest.raises(GankitError, match="no such file"):
        dataset(tmp_path / "no")
    (tmp_path / "empty").mkdir()
    with pytest.raises(GankitError, match="the folder is empty"):
        dataset(tmp_path / "empty")
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(GankitError, match=r"no clips found \(1 .txt\)"):
        dataset(tmp_path)
    with pytest.raises(GankitError, match=r"cannot read clips from .txt files"):
        dataset(tmp_path / "a.txt")
    (tmp_path / "b.npy").write_bytes(b"\x93NUMPY")
    with pytest.raises(GankitError, match=r"b.npy: not a readable .npy file"):
        dataset(tmp_path / "b.npy")


def test_too_much_for_memory(monkeypatch):
    monkeypatch.setattr("gankit_video.data.sources.MOST_BYTES", 10_000)
    with pytest.raises(GankitError, match=r"more than .* GiB of memory"):
        dataset(squares(48))


@pytest.mark.parametrize("text", ["big", "4", "9999", "16x", "x16"])
def test_no_resolution(text):
    with pytest.raises(GankitError, match=f"resolution={text}"):
        size_of(text)
    assert size_of("64x48") == (48, 64)


@given(st.integers(0, 200), st.integers(2, 40), st.integers(0, 6))
def test_clips_lie_within_their_video(length, frames, most):
    found = cutting.starts(length, frames, most)
    assert all(0 <= start <= length - frames for start in found)
    assert len(found) == min(length // frames, most or length)
    assert all(b - a >= frames for a, b in pairwise(found))


@settings(deadline=None, max_examples=40)
@given(
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.tuples(st.integers(8, 24), st.integers(8, 24)),
    st.sampled_from(["crop", "pad", "stretch"]),
    st.sampled_from([1, 3]),
    st.sampled_from([1, 3, 4]),
)
def test_any_frame_fits_any_size(size, target, how, channels, own):
    frames = np.full((2, *size, own), 255, np.uint8)
    out = fitted(frames, target, channels, how)
    assert out.shape == (2, *target, channels)
    if how != "pad":
        assert out.min() == 255
