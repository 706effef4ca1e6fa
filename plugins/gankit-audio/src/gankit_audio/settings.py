"""What a user can set; the docstring under each field is what the command line shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class AudioSettings:
    """Settings of the audio plugin."""

    rate: int | str = "auto"
    """Samples a second (4000 to 192000); auto takes the data's commonest rate, at most 16000."""
    duration: float | str = "auto"
    """Seconds of a clip (0.05 to 60); auto takes what nine tenths of the recordings fit in, at
    most 2."""
    channels: Literal["mono", "stereo"] = "mono"
    """Channels; more are mixed down, and one is heard on both sides."""
    slice: Literal["first", "random", "all", "onset"] = "first"
    """What to take of a recording that is longer: its beginning, another window at each visit, all
    windows one after the other, or one that starts at each onset."""
    pad: Literal["zero", "reflect", "drop"] = "zero"
    """What to do with a shorter one: add silence, add its mirror image, or leave it out."""
    loudness: float | str = "peak"
    """Level of each clip: peak (its highest sample at -1 dB of full scale), keep (as it is), or a
    loudness in LUFS (-70 to 0), such as -23, as far as the peak allows."""
    trim: float = 0.0
    """Decibels below a recording's peak, under which silence at its start and end is cut off; 0
    cuts nothing, 40 is usual."""
    silent: float = -60.0
    """Clips whose highest sample lies below so many decibels of full scale (-120 to 0) are left
    out."""
    conditional: Literal["auto"] | bool = "auto"
    """Whether to condition on conditions; auto does so where every clip has them."""
    conditions: tuple[str, ...] = ("label",)
    """What to condition on: label, columns of the manifest, and pitch (measured where the data
    does not say it). Numbers are quantities, texts are classes."""
    label: Literal["auto", "folder", "prefix", "none"] = "auto"
    """Where a file's label is: its folder, or its name's part before the first _ or -; auto takes
    a column of the manifest, else the folders where there are at least two."""
    audio_key: str = "auto"
    """Column of a manifest or Parquet file that has the path or the audio; auto looks for audio,
    file_name, path, file and filename."""
    label_key: str = "label"
    """Column that is the label."""
    strict: bool = False
    """Whether one unusable file stops the run; otherwise such files are left out and named."""
    cache: str = "none"
    """Where decoded and resampled audio is kept for later runs: none, auto (a folder of the system's
    cache), or a path."""
    memory: float = 1.0
    """Gigabytes of decoded audio, above which it is kept in a temporary file."""
    workers: int = 2
    """Threads that decode."""

    architecture: Literal["spectrogram", "istft", "wavegan"] = "spectrogram"
    """Networks: spectrogram (principal components of mel spectrograms, and Griffin-Lim; trains
    in minutes on a CPU), istft (ConvNeXt with an inverse STFT; for a GPU), wavegan (2019)."""
    mels: int = 64
    """Mel bands of the spectrogram path."""
    frames: int = 0
    """Frames of its spectrogram; 0 takes one for 10 ms, at most 160."""
    code: int = 128
    """Principal components of spectrograms that it generates."""
    rounds: int = 60
    """Rounds of Griffin-Lim, by which a spectrogram gets its phases."""
    width: int = 0
    """Channels of the networks: 256 units (spectrogram), 256 (istft), 64 (wavegan) by default."""
    latent: int = 100
    """Dimensions of the latent z."""
    postprocess: int = 0
    """Taps of a learned filter of the output (wavegan); 512 is published, 0 is none."""

    loop: bool = False
    """Whether a generated clip can be played in a loop: its end is blended into its start."""

    extractors: tuple[str, ...] = ("auto",)
    """Embedders of evaluate: random-mel, vggish, pann, clap; auto is random-mel."""
    vggish_weights: str = ""
    """Path of VGGish's weights (safetensors, or a state dict of tensors alone)."""
    pann_weights: str = ""
    """Path of the weights of PANN's CNN14, likewise."""
    clap_path: str = ""
    """Folder of a CLAP model in the layout of Hugging Face's transformers."""
