"""The plugin's settings; the command line shows the docstring under each field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from gankit.contract import Bounds


@dataclass(frozen=True)
class VideoSettings:
    """Settings of the video plugin."""

    resolution: int | str = "auto"
    """Side of a frame in pixels (8 to 512), or "WIDTHxHEIGHT"; auto keeps the data's size if all
    clips have the same one of at most 64, and otherwise uses 64."""
    frames: Annotated[int, Bounds(2, 256)] = 16
    """Frames per clip. Longer videos are cut into clips of this length, shorter ones are left out
    and counted."""
    stride: Annotated[int, Bounds(1, 1000)] = 1
    """Keep every n-th frame, after fps."""
    fps: Annotated[float, Bounds(0, 240)] = 0.0
    """Frames per second to read at, by the videos' time stamps, before stride; 0 takes frames as
    they come."""
    mode: Literal["auto", "L", "RGB"] = "auto"
    """Channels: grey or colour; auto is grey if all of the data is. Transparency is blended onto
    white."""
    fit: Literal["crop", "pad", "stretch"] = "crop"
    """How to fit a frame of another aspect ratio: crop the centre, pad with black, or stretch."""
    clips_per_video: Annotated[int, Bounds(0)] = 0
    """Most clips to cut from one video, evenly spread over it; 0 cuts all."""
    conditional: Literal["auto"] | bool = "auto"
    """Whether to condition on labels; auto does if every clip has one and there are at least
    two classes."""
    label_key: str = "label"
    """Column of the labels in a table such as metadata.csv."""
    columns: tuple[str, ...] = ()
    """Columns of numbers in that table to condition on as well, such as speed."""
    mirror: bool = False
    """Whether to mirror every other clip at random; wrong where left and right matter."""
    strict: bool = False
    """Whether a file that cannot be used stops the run; otherwise it is skipped and reported."""
    split: str = "train"
    """Which split of the data to use: train, test, validation or another that it has; all uses
    every split."""
    max_pixels: Annotated[int, Bounds(1)] = 40_000_000
    """Skip videos whose frames have more pixels than this."""

    width: Annotated[tuple[int, ...], Bounds(1)] = (64, 64, 32)
    """Channels per stage; the last one is that of half the resolution, and the first one is
    repeated: those of gankit-image's compact networks."""
    blocks: Annotated[int, Bounds(1)] = 1
    """Residual blocks per stage."""
    latent: Annotated[int, Bounds(1)] = 64
    """Dimensions of z that decide a clip's appearance."""
    motion: Annotated[int, Bounds(1)] = 32
    """Further dimensions of z, which decide its motion only."""
    embedding: Annotated[int, Bounds(1)] = 64
    """Dimensions of the label embedding."""
    frames_judged: Annotated[int, Bounds(1)] = 4
    """Frames per clip, evenly spread, that the discriminator's image blocks see; its motion branch
    sees the differences of all."""

    extractors: tuple[str, ...] = ("frames", "motion")
    """Feature extractors of evaluate: frames and motion (random convolutions on single frames, and
    3-D ones on their differences), i3d (needs i3d_weights)."""
    i3d_weights: str = ""
    """Path of I3D's weights: the state dict of its RGB network for Kinetics-400, as .safetensors or
    as .pt of tensors only; scores with it are named fvd."""
