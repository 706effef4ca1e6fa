"""Settings; the docstring under each field is its help text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from gankit.contract import Bounds

RATES = Bounds(4000, 192_000)
"""Supported rates, in samples per second."""
DURATIONS = Bounds(0.05, 60.0)
"""Seconds of a clip."""


@dataclass(frozen=True)
class AudioSettings:
    """Settings of the audio plugin."""

    rate: Annotated[int, RATES] | Literal["auto"] = "auto"
    """Samples per second; auto is the most common rate of the data, at most 16,000."""
    duration: Annotated[float, DURATIONS] | Literal["auto"] = "auto"
    """Seconds of a clip; auto covers nine tenths of the recordings, at most 2."""
    channels: Literal["mono", "stereo"] = "mono"
    """Channels; more are mixed down, and mono recordings are copied to both sides of stereo."""
    slice: Literal["first", "random", "all", "onset"] = "first"
    """Which part of a longer recording to use: its beginning (first), another window at each visit
    (random), consecutive windows (all), or a window at each onset."""
    pad: Literal["zero", "reflect", "drop"] = "zero"
    """How to extend a shorter recording: with silence, by reflection, or not at all (drop skips
    it)."""
    loudness: Annotated[float, Bounds(-70.0, 0.0)] | Literal["peak", "keep"] = "peak"
    """Level of each clip: peak (its highest sample at -1 dB of full scale), keep (unchanged), or a
    loudness in LUFS, such as -23, as far as the peak allows."""
    trim: Annotated[float, Bounds(0.0, 200.0)] = 0.0
    """Trim both ends of a recording where they are this many decibels below its peak; 0 disables
    trimming, 40 is common."""
    remove_dc: bool = False
    """Whether to remove the DC offset of each recording: its mean is subtracted."""
    silent: Annotated[float, Bounds(-120.0, 0.0)] = -60.0
    """Skip clips whose peak is below this many decibels of full scale."""
    conditional: Literal["auto"] | bool = "auto"
    """Whether to condition on conditions; auto does if every clip has them."""
    conditions: tuple[str, ...] = ("label",)
    """What to condition on: label, columns of the manifest, and pitch (measured where the data does
    not have it). Columns of numbers are continuous, of text categorical."""
    label: Literal["auto", "folder", "prefix", "none"] = "auto"
    """Where to find a file's label: its folder, or the start of its name (prefix: kick_00.wav and
    kick07.wav have the label kick); auto uses a column of the manifest, otherwise folders if there
    are at least two."""
    split: str = "train"
    """Which split to use where the data has splits: train, test, validation, or all."""
    audio_key: str = "auto"
    """Column of a manifest or Parquet file with the path or the audio; auto tries audio, file_name,
    path, file and filename."""
    label_key: str = "label"
    """Column of the label."""
    strict: bool = False
    """Whether an unusable file stops the run; otherwise it is skipped and reported."""
    cache: str = "none"
    """Where to keep decoded audio for later runs: none, auto (the system's cache folder), or a
    path."""
    memory: Annotated[float, Bounds(0.0)] = 1.0
    """Gigabytes of decoded audio above which it is stored in a temporary file."""
    workers: Annotated[int, Bounds(1, 256)] = 2
    """Threads for decoding."""

    architecture: Literal["spectrogram", "istft", "wavegan"] = "spectrogram"
    """Networks: spectrogram (principal components of mel spectrograms, and Griffin-Lim; trains in
    minutes on a CPU), istft (ConvNeXt with an inverse STFT; for a GPU), wavegan (2019)."""
    mels: Annotated[int, Bounds(4, 512)] = 64
    """Mel bands of the spectrogram architecture."""
    frames: Annotated[int, Bounds(0)] = 0
    """Frames of its spectrogram, at least 8; 0 is one per 10 ms, at most 160."""
    code: Annotated[int, Bounds(1)] = 128
    """Principal components of spectrograms that it generates."""
    rounds: Annotated[int, Bounds(0, 10_000)] = 60
    """Griffin-Lim iterations."""
    width: Annotated[int, Bounds(0)] = 0
    """Channels of the networks; 0 is 256 units (spectrogram), 256 (istft) or 64 (wavegan)."""
    latent: Annotated[int, Bounds(1)] = 100
    """Dimensions of the latent z."""
    postprocess: Annotated[int, Bounds(0)] = 0
    """Taps of a learned filter of the output (wavegan); 512 in the paper, 0 for none."""

    loop: bool = False
    """Whether generated clips loop seamlessly: the end is blended into the start."""

    extractors: tuple[str, ...] = ("auto",)
    """Embeddings for evaluate: random-mel, vggish, pann, clap; auto is random-mel."""
    vggish_weights: str = ""
    """Path of VGGish's weights (safetensors, or a state dict of tensors only)."""
    pann_weights: str = ""
    """Path of the weights of PANN's CNN14, likewise."""
    clap_path: str = ""
    """Folder of a CLAP model in the layout of Hugging Face's transformers."""
