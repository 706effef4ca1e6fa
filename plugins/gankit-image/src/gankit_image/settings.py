"""What a user can set; the docstring under each field is what the command line shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class ImageSettings:
    """Settings of the image plugin."""

    resolution: int | str = "auto"
    """Side in pixels (4 to 4096), or "WIDTHxHEIGHT"; auto takes the data's own size where it is
    one and the same for all and at most 256, and 64 otherwise."""
    mode: Literal["auto", "L", "RGB", "RGBA"] = "auto"
    """Channels: grey, colour, colour with transparency; auto takes the widest that occurs.
    Transparency goes onto white where L or RGB is asked."""
    depth: Literal["auto", "8", "16"] = "auto"
    """Bits a channel; auto keeps 16 where the data has them (grey images only)."""
    fit: Literal["crop", "pad", "stretch"] = "crop"
    """How an image of another shape becomes the asked one: cut the centre, pad by repeating its
    edge, or stretch."""
    conditional: Literal["auto"] | bool = "auto"
    """Whether to condition on labels; auto does so where every image has one and there are at
    least two."""
    mirror: bool = False
    """Whether a mirror image is as good as the original: doubles the data."""
    strict: bool = False
    """Whether one undecodable file stops the run; otherwise such files are left out and named."""
    max_pixels: int = 100_000_000
    """Refuse images with more pixels than this (decompression bombs)."""
    image_key: str = "image"
    """Parquet column or .npz array that holds the images."""
    label_key: str = "label"
    """Parquet column or .npz array that holds the labels."""

    architecture: Literal["r3gan", "dcgan", "textbook"] = "r3gan"
    """Networks: r3gan (residual, no normalisation), dcgan (2016), textbook (MLP against CNN)."""
    width: tuple[int, ...] = (32,)
    """Channels a stage, from the coarsest up; the last one is repeated."""
    blocks: int = 2
    """Residual blocks a stage (r3gan)."""
    group_size: int = 16
    """Channels a group in grouped convolutions (r3gan)."""
    latent: int = 64
    """Dimensions of the latent z."""
    embedding: int = 64
    """Dimensions of the label embedding."""
    augmentations: tuple[str, ...] = ("flip", "shift", "scale", "rotate", "color", "cutout")
    """What augmentation of D's input does, at probability augment.p."""

    extractors: tuple[str, ...] = ("auto",)
    """Feature extractors of evaluate: random-conv, efficientnet-lite0, inception-v3; auto takes
    efficientnet-lite0 where it is installed, else random-conv."""
    inception_weights: str = ""
    """Path of the Inception-v3 weights (safetensors or torchvision's .pth state dict), or
    "download" to fetch torchvision's."""
