"""Films are read as players show them."""

from __future__ import annotations

import struct
from fractions import Fraction

import av
import numpy as np
import pytest
from moving_clips import film, square

from gankit_video.data.films import Film
from gankit_video.data.videos import Plan, UndecodableError

PLAN = Plan((16, 16))


def read(path, plan=PLAN, max_pixels=10**7):
    found = Film(path.name, lambda: path)
    return found.probe(max_pixels), found.decode(plan)


def near(a, b, most=12):
    return np.abs(a.astype(int) - b.astype(int)).mean() < most


@pytest.fixture
def frames():
    return square(2, 1, frames=8, channels=3)


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [
        ("a.mp4", "libx264", "yuv420p"),
        ("a.mov", "mpeg4", "yuv420p"),
        ("a.webm", "libvpx-vp9", "yuv420p"),
        ("a.mkv", "ffv1", "yuv444p"),
        ("a.avi", "mjpeg", "yuvj420p"),
        ("a.gif", "gif", "rgb8"),
    ],
)
def test_formats(tmp_path, frames, name, codec, pix_fmt):
    path = film(tmp_path / name, frames, codec=codec, pix_fmt=pix_fmt)
    probed, decoded = read(path)
    assert probed.size == (16, 16)
    assert decoded.frames.shape == (8, 16, 16, 3)
    assert decoded.fps == pytest.approx(12, rel=0.05)
    assert near(decoded.frames, frames, 25)
    # From an archive its content is in memory.
    content = path.read_bytes()
    inside = Film(name, lambda: content).decode(PLAN)
    assert np.array_equal(inside.frames, decoded.frames)
    assert inside.digest == decoded.digest


def test_stride_and_a_rate_by_time_stamps(tmp_path, frames):
    path = film(tmp_path / "a.mkv", frames, codec="ffv1", pix_fmt="yuv444p")
    whole = read(path)[1].frames
    _, every_other = read(path, Plan((16, 16), stride=2))
    assert np.array_equal(every_other.frames, whole[::2])
    assert every_other.fps == pytest.approx(6)
    _, half = read(path, Plan((16, 16), fps=6))
    assert np.array_equal(half.frames, whole[::2])
    _, double = read(path, Plan((16, 16), fps=24))
    assert np.array_equal(double.frames[:-1:2], whole[: len(double.frames[:-1:2])])
    assert double.remarks == ["fewer than 24 frames per second: frames repeated"]
    assert len(read(path, Plan((16, 16), most=3))[1].frames) == 3


def test_a_variable_rate_is_said(tmp_path, frames):
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=12)
        stream.height, stream.width, stream.pix_fmt = 16, 16, "yuv444p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for i, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = 50 * [0, 1, 2, 8, 9, 10, 20, 21][i], Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert "variable frame rate" in read(path)[1].remarks[0]
    _, even = read(path, Plan((16, 16), fps=20))
    assert not any("variable" in remark for remark in even.remarks)
    assert len(even.frames) == 23  # the last one stays for its own time
    assert np.array_equal(even.frames[2], even.frames[7])  # shown until the next one


def test_other_sizes_are_cropped_padded_or_stretched(tmp_path):
    wide = np.zeros((3, 20, 60, 3), np.uint8)
    wide[:, :, 20:40] = 200
    path = film(tmp_path / "a.mkv", wide, codec="ffv1", pix_fmt="yuv444p")
    cropped = read(path, Plan((10, 10)))[1].frames
    padded = read(path, Plan((12, 12), how="pad"))[1].frames
    stretched = read(path, Plan((10, 10), how="stretch"))[1].frames
    assert cropped[0, :, 1:-1].min() > 150
    assert padded[0, :3].max() < 20
    assert padded[0, 5:7, 5:7].min() > 150
    assert stretched[0, :, 0].max() < 20


def test_ten_bits_and_transparency(tmp_path, frames):
    path = film(tmp_path / "a.mkv", frames, codec="ffv1", pix_fmt="yuv444p10le")
    probed, decoded = read(path)
    assert probed.remarks == ["more than 8 bits per channel: reduced to 8"]
    assert near(decoded.frames, frames)
    path = tmp_path / "b.mkv"
    clear = np.concatenate([frames, np.zeros_like(frames[..., :1])], -1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=12)
        stream.height, stream.width, stream.pix_fmt = 16, 16, "bgra"
        for pixels in clear:
            frame = av.VideoFrame.from_ndarray(pixels, format="rgba").reformat(format="bgra")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    probed, decoded = read(path)
    assert "transparency blended onto white" in probed.remarks
    assert decoded.frames.min() == 255


def turned(path, angle):
    """Sets the display matrix in an MP4's track header: quarter turns clockwise."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    one = 1 << 16
    matrix = {90: (0, one, -one, 0), 180: (-one, 0, 0, -one), 270: (0, -one, one, 0)}[angle]
    a, b, c, d = matrix
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(bytes(data))
    return path


@pytest.mark.parametrize(("angle", "turns"), [(90, 3), (180, 2), (270, 1)])
def test_phones_store_films_turned(tmp_path, angle, turns):
    frames = np.zeros((4, 32, 48, 3), np.uint8)
    frames[:, :8, :12] = 220  # the upper left corner
    path = turned(film(tmp_path / "a.mp4", frames), angle)
    upright = np.rot90(frames, turns, (1, 2))
    probed, decoded = read(path, Plan(upright.shape[1:3]))
    assert probed.size == upright.shape[1:3]
    assert probed.remarks == ["turned upright, as their metadata say"]
    assert near(decoded.frames, upright)


def test_interlaced_films_use_one_field(tmp_path, frames):
    big = frames.repeat(4, 1).repeat(4, 2)
    path = film(
        tmp_path / "a.mkv",
        big,
        codec="mpeg2video",
        flags="+ildct+ilme",
        field_order="tt",
        qscale="1",
    )
    found = Film("a.mkv", lambda: path)
    with av.open(str(path)) as container:
        interlaced = next(container.decode(video=0)).interlaced_frame
    if not interlaced:
        pytest.skip("this PyAV does not mark fields")
    assert "interlaced: every other line is used" in found.probe(10**7).remarks
    assert near(found.decode(PLAN).frames, frames, 25)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "cannot be opened"), (b"no film at all" * 50, "cannot be opened")],
)
def test_no_film(tmp_path, content, message):
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    with pytest.raises(UndecodableError, match=message):
        Film("a.mp4", lambda: path).probe(100)


def test_only_sound(tmp_path):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        samples = np.zeros((1, 1600), np.float32)
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(UndecodableError, match="no video in it, only sound"):
        Film("a.mp4", lambda: path).probe(100)


def test_truncated(tmp_path):
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (60, 32, 32, 3), np.uint8)
    path = film(tmp_path / "a.mp4", noise)
    path.write_bytes(path.read_bytes()[:-2000])  # the index at its end is gone
    with pytest.raises(UndecodableError, match="cannot be opened"):
        Film("a.mp4", lambda: path).probe(10**7)
    path = film(tmp_path / "b.avi", noise, codec="mjpeg", pix_fmt="yuvj420p")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(UndecodableError, match="damaged"):
        Film("b.avi", lambda: path).decode(PLAN)


def test_too_many_pixels(tmp_path, frames):
    path = film(tmp_path / "a.mp4", frames)
    with pytest.raises(UndecodableError, match="more than 100 pixels"):
        Film("a.mp4", lambda: path).probe(100)
