"""Decoding: every format, rate and layout of channels, and damaged files of every kind."""

from __future__ import annotations

import contextlib
import io
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given
from hypothesis import strategies as st

from gankit_audio.data import files
from gankit_audio.data.files import UnusableError, Waveform, decode, read_header
from gankit_audio.data.formats import HEAD, is_sound
from gankit_audio.data.mixdown import mixdown
from gankit_audio.data.resampling import LARGEST, ratio


def sine(seconds: float = 0.5, rate: int = 8000, hertz: float = 440) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype("f4")


def encoded(sound: np.ndarray, rate: int = 8000, format: str = "WAV", subtype: Any = None) -> bytes:
    """A file of samples ``(n,)`` or ``(n, channels)``."""
    file = io.BytesIO()
    with sf.SoundFile(file, "w", rate, 1 if sound.ndim == 1 else sound.shape[1], subtype,
                      format=format) as out:  # fmt: skip
        for start in range(0, len(sound), 4096):  # libsndfile overflows its stack on long Ogg
            out.write(sound[start : start + 4096])
    return file.getvalue()


@pytest.mark.parametrize(
    ("format", "subtype", "error"),
    [
        ("WAV", "PCM_U8", 0.01),
        ("WAV", "PCM_16", 4e-5),
        ("WAV", "PCM_24", 1e-6),
        ("WAV", "PCM_32", 1e-6),
        ("WAV", "FLOAT", 0),
        ("WAV", "DOUBLE", 1e-7),
        ("WAV", "ULAW", 0.02),
        ("WAVEX", "PCM_16", 4e-5),
        ("FLAC", "PCM_16", 4e-5),
        ("FLAC", "PCM_24", 1e-6),
        ("AIFF", "PCM_S8", 0.01),
        ("AIFF", "PCM_16", 4e-5),
        ("OGG", "VORBIS", 0.1),
        ("OGG", "OPUS", 0.1),
        ("MP3", "MPEG_LAYER_III", 0.1),
    ],
)
def test_every_format_is_decoded(tmp_path: Path, format: str, subtype: str, error: float) -> None:
    sound = sine(rate=16000)
    data = encoded(sound, 16000, format, subtype)
    file = tmp_path / "sound"
    file.write_bytes(data)
    found = decode(file, 16000, 1)
    assert found.dtype == np.float32
    assert found.shape == (1, len(sound))
    middle = slice(1000, -1000)  # lossy formats smear the edges
    assert np.abs(found[0] - sound)[middle].max() <= error
    assert (decode(data, 16000, 1) == found).all()


@pytest.mark.parametrize("rate", [4000, 11025, 22050, 44100, 48000, 96000, 192000])
@pytest.mark.parametrize("target", [8000, 16000, 44100])
def test_a_tone_keeps_its_pitch_and_level(rate: int, target: int) -> None:
    sound = sine(0.4, rate, 440)
    found = decode(Waveform(sound[:, None], rate), target, 1)[0]
    assert len(found) == -(-len(sound) * target // rate)
    inside = slice(len(found) // 4, -len(found) // 4)
    assert np.abs(found - sine(1, target, 440)[: len(found)])[inside].max() < 2e-3


def test_frequencies_above_the_new_rate_are_filtered_out() -> None:
    found = decode(Waveform(sine(0.4, 44100, 9000)[:, None], 44100), 16000, 1)
    assert np.abs(found[0, 500:-500]).max() < 1e-3


@given(st.integers(4000, 192_000), st.integers(4000, 192_000))
def test_any_two_rates_have_a_small_ratio(rate: int, target: int) -> None:
    p, q = ratio(rate, target)
    assert abs(p / q / (rate / target) - 1) < 6e-4  # a cent
    assert p * q <= 1.001 * LARGEST**2  # the nearest fraction may lie a little above


@pytest.mark.parametrize(("rate", "target"), [(44100, 16000), (8000, 8000), (8000, 11025)])
def test_blocks_leave_no_seams(rate: int, target: int, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = Waveform(np.random.default_rng(0).uniform(-1, 1, (30_000, 2)), rate)
    whole = decode(noise, target, 2)
    monkeypatch.setattr(files, "BLOCK", 3000)
    assert np.allclose(decode(noise, target, 2), whole, atol=1e-6)
    some = decode(noise, target, 2, most=5001)
    assert some.shape == (2, 5001)
    assert np.allclose(some, whole[:, :5001], atol=1e-6)


def test_no_more_is_decoded_than_is_needed(tmp_path: Path) -> None:
    file = tmp_path / "hour.flac"
    with sf.SoundFile(file, "w", 8000, 1) as out:
        for _ in range(60):
            out.write(np.zeros(8000 * 60, "i2") + 100)
    tracemalloc.start()
    assert decode(file, 8000, 1, most=8000).shape == (1, 8000)
    assert tracemalloc.get_traced_memory()[1] < 20e6  # an hour takes 115 MB
    tracemalloc.stop()


# --- Channels -----------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["WAV", "FLAC", "OGG"])
def test_surround_is_mixed_by_the_standard(format: str) -> None:
    """5.1 channels one by one: the front at 0 dB, centre and back at -3 dB, no subwoofer."""
    order = "FL FC FR BL BR LFE" if format == "OGG" else "FL FR FC LFE BL BR"
    share = {"FL": (1, 0), "FR": (0, 1), "FC": (0.5**0.5,) * 2, "BL": (0.5**0.5, 0)}
    share |= {"BR": (0, 0.5**0.5), "LFE": (0, 0)}
    for i, speaker in enumerate(order.split()):
        sound = np.zeros((16000, 6), "f4")
        sound[:, i] = sine(1, 16000)
        found = decode(encoded(sound, 16000, format), 16000, 2)[:, 4000:-4000]
        heights = np.abs(found).max(1) / 0.5 * (1 + 2 * 0.5**0.5)
        assert np.allclose(heights, share[speaker], atol=0.1 if format == "OGG" else 1e-3)


@given(st.integers(1, 40), st.sampled_from([1, 2]), st.booleans())
def test_mixing_stays_within_full_scale(inputs: int, outputs: int, vorbis: bool) -> None:
    matrix = mixdown(inputs, outputs, vorbis)
    assert matrix.shape == (inputs, outputs)
    assert (matrix >= 0).all()
    assert np.allclose(matrix.sum(0), 1)


def test_mono_goes_to_both_sides() -> None:
    found = decode(encoded(sine()), 8000, 2)
    assert (found[0] == found[1]).all()
    assert np.abs(found).max() > 0.49


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", ">i2", "i4", "u2", "f2", "f4", "f8", ">f4"])
def test_arrays_of_every_type(dtype: str) -> None:
    sound, kind = sine(), np.dtype(dtype)
    if kind.kind == "f":
        array = sound.astype(kind)
    else:
        full = 2.0 ** (8 * kind.itemsize - 1)
        array = (sound * (full - 1) + (full if kind.kind == "u" else 0)).astype(kind)
    found = decode(Waveform(array[:, None], 8000), 8000, 1)[0]
    assert np.abs(found - sound).max() < 0.02


# --- Unusable files -----------------------------------------------------------------------------

WAV = encoded(sine())
FLAC = encoded(np.random.default_rng(0).uniform(-1, 1, 8000), 8000, "FLAC")


def corrupt(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes(500) + data[middle + 500 :]


def without_length(data: bytes) -> bytes:
    """A FLAC file as written to a pipe: without the number of samples in its header."""
    head = bytearray(data)
    head[21] &= 0xF0
    head[22:26] = bytes(4)
    return bytes(head)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "an empty file"),
        (b"hello, this is a text\n" * 50, "cannot be decoded"),
        (b"\0junk\xff", "cannot be decoded"),
        (WAV[:30], "cannot be decoded"),
        (WAV[:44], "no samples"),
        (WAV[: len(WAV) // 2], "cut off: its header claims a longer recording"),
        (encoded(sine(), format="AIFF")[:3000], "cut off: its header claims"),
        (encoded(sine(), format="OGG")[:-2000], "cannot be decoded|no samples"),
        (FLAC[: len(FLAC) // 2], "cannot be decoded|cut off"),
        (corrupt(FLAC), "cannot be decoded|cut off"),
        (without_length(FLAC), "its header has no length: convert it with: ffmpeg"),
        (encoded(sine(), 3999), "a rate of 3999 Hz; supported are 4000 to 192000"),
        (encoded(sine(), 200_000), "a rate of 200000 Hz"),
        (encoded(np.zeros(0, "f4")), "no samples"),
        (encoded(np.array([0, np.nan, 0], "f4"), subtype="FLOAT"), "NaN or infinite"),
        (encoded(np.array([0, np.inf, 0], "f4"), subtype="FLOAT"), "NaN or infinite"),
        (encoded(np.array([0, 1e300, 0]), subtype="DOUBLE"), "NaN or infinite"),
        (encoded(np.array([0, 3e4, 0], "f4"), subtype="FLOAT"), "times full scale, which is 1"),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else None,  # bytes that hold the time
)
@pytest.mark.parametrize("in_memory", [False, True])
def test_unusable_files_have_a_reason(
    tmp_path: Path, data: bytes, why: str, in_memory: bool
) -> None:
    (tmp_path / "a.wav").write_bytes(data)
    content = data if in_memory else tmp_path / "a.wav"
    with pytest.raises(UnusableError, match=why):
        decode(content, 8000, 1)


def test_a_file_is_read_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(FLAC)
    header, _ = read_header(tmp_path / "a.wav")
    assert header.format == "FLAC"
    assert decode(tmp_path / "a.wav", 8000, 1).shape == (1, 8000)
    (tmp_path / "a.raw").write_bytes(WAV)
    with pytest.raises(UnusableError, match="not a supported sound file"):
        read_header(tmp_path / "a.raw")


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFFFFF, 0xFFFFFFFF - 36])
def test_a_wav_file_from_a_pipe_is_whole(size: int) -> None:
    at = WAV.index(b"data") + 4
    piped = WAV[:at] + struct.pack("<I", size) + WAV[at + 4 :]
    assert decode(piped, 8000, 1).shape == (1, 4000)


def with_size(size: int) -> bytes:
    at = WAV.index(b"data") + 4
    return WAV[:at] + struct.pack("<I", size) + WAV[at + 4 :]


@pytest.mark.parametrize("lack", [2, 16, 44])
def test_a_header_that_claims_little_too_much_is_no_fault(lack: int) -> None:
    header, _ = read_header(with_size(8000 + lack))
    assert header.repaired
    assert decode(with_size(8000 + lack), 8000, 1).shape == (1, 4000)
    assert not read_header(WAV)[0].repaired
    with pytest.raises(UnusableError, match="cut off"):
        read_header(with_size(8600))


def test_a_recorder_that_was_interrupted_leaves_no_size() -> None:
    assert read_header(with_size(0))[0].repaired
    assert (decode(with_size(0), 8000, 1) == decode(WAV, 8000, 1)).all()
    au = encoded(sine(), format="AU")
    assert decode(au[:8] + bytes(4) + au[12:], 8000, 1).shape == (1, 4000)


@pytest.mark.parametrize("format", ["WAV", "AIFF", "FLAC", "OGG", "AU", "CAF", "W64", "MP3"])
def test_a_tag_in_front_is_skipped(format: str) -> None:
    data = encoded(sine(rate=16000), 16000, format)
    tagged = b"ID3\3\0\0\0\0\1\0" + bytes(128) + data
    assert (decode(tagged, 16000, 1) == decode(data, 16000, 1)).all()


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100])
@pytest.mark.parametrize("name", ["a.mp3", "a.wav", "a"])
def test_mp3_needs_neither_tag_nor_extension(tmp_path: Path, rate: int, name: str) -> None:
    data = encoded(sine(rate=rate), rate, "MP3")
    (tmp_path / name).write_bytes(data)
    assert read_header(data)[0].frames == read_header(tmp_path / name)[0].frames == rate // 2


READABLE = {"RAW", "SD2", "XI", "HTK", "SDS", "WVE"}  # tested apart, or written with other lengths


@pytest.mark.parametrize("format", sorted(sf.available_formats().keys() - READABLE))
def test_every_format_of_libsndfile(format: str) -> None:
    subtypes = [
        s for s in sf.available_subtypes(format) if s.startswith(("PCM_", "ALAW", "VORBIS"))
    ]
    subtypes += ["MPEG_LAYER_III"] if format == "MP3" else []
    sound = sine(rate=16000)
    for subtype in subtypes:
        data = encoded(sound, 16000, format, subtype)
        assert is_sound(data[:HEAD]) or format in ("MP3", "MPC2K")
        found = decode(data, 16000, 1)[0, : len(sound)]
        if format == "VOC":  # whose rates are rounded
            assert abs(len(found) - len(sound)) < 80
            continue
        assert np.abs(found - sound)[1000:-1000].max() < 0.1


@pytest.mark.parametrize("format", ["AU", "CAF", "RF64", "W64", "SVX", "NIST"])
def test_cut_files_of_other_formats_are_no_shorter_recordings(format: str) -> None:
    data = encoded(sine(), format=format)
    with pytest.raises(UnusableError, match="cut off|cannot be decoded"):
        read_header(data[: len(data) - 3000])
    assert decode(data[:-16], 8000, 1).shape[1] >= 3988


@pytest.mark.parametrize(
    ("head", "why"),
    [
        (b"\0\0\0\x20ftypM4A ", "MPEG-4 audio .*ffmpeg"),
        (b"\xff\xf1\x50\x80", "AAC: convert"),
        (b"\x30\x26\xb2\x75\x8e\x66", "Windows Media"),
        (b"\x1a\x45\xdf\xa3", "WebM"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1", "Git LFS pointer"),
        (b"MThd\0\0\0\6", "MIDI"),
    ],
)
def test_other_content_is_named(head: bytes, why: str) -> None:
    with pytest.raises(UnusableError, match=why):
        read_header(head + bytes(400))


def test_recordings_that_decode_to_too_much_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_BYTES", 8000)
    with pytest.raises(UnusableError, match="too long: split it"):
        decode(WAV, 8000, 1)
    assert decode(WAV, 8000, 1, most=100).shape == (1, 100)


def test_missing_and_special_files(tmp_path: Path) -> None:
    with pytest.raises(UnusableError, match="no such file"):
        read_header(tmp_path / "a.wav")
    with pytest.raises(UnusableError, match="not a file"):
        read_header(tmp_path)
    with pytest.raises(UnusableError, match="cannot be read|no such file"):
        read_header(tmp_path / ("x" * 5000))


@given(st.binary(max_size=300), st.integers(0, len(WAV)))
def test_damage_never_escapes(junk: bytes, at: int) -> None:
    with contextlib.suppress(UnusableError):  # no other error
        found = decode(WAV[:at] + junk + WAV[at + len(junk) :], 8000, 1)
        assert np.isfinite(found).all()


def test_hashes_depend_on_content_only(tmp_path: Path) -> None:
    for name in ("a.wav", "b.flac"):
        (tmp_path / name).write_bytes(WAV)
    assert (
        read_header(tmp_path / "a.wav")[1]
        == read_header(tmp_path / "b.flac")[1]
        == read_header(WAV)[1]
    )
    assert read_header(FLAC)[1] != read_header(WAV)[1]
    array = sine()[:, None]
    assert read_header(Waveform(array, 8000))[1] == read_header(Waveform(array.copy(), 8000))[1]
    assert read_header(Waveform(array, 8000))[1] != read_header(Waveform(array, 8001))[1]
