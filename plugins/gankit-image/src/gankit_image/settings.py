"""The plugin's settings; the command line shows the docstring under each field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from gankit.contract import Bounds


@dataclass(frozen=True)
class ImageSettings:
    """Settings of the image plugin."""

    resolution: int | str = "auto"
    """Side in pixels (4 to 4096), or "WIDTHxHEIGHT"; auto keeps the data's size if
    all images have the same one of at most max_resolution, and otherwise uses 64."""
    max_resolution: Annotated[int, Bounds(4, 4096)] = 256
    """The largest side that resolution=auto chooses."""
    mode: Literal["auto", "L", "RGB", "RGBA"] = "auto"
    """Channels: grey, colour, colour with transparency; auto uses the mode with most channels in
    the data, and all bands where they are bands. L and RGB blend transparency onto white."""
    bands: Annotated[tuple[int, ...], Bounds(1)] = ()
    """Channels or bands to train on, numbered from 1; empty uses all, up to 16."""
    preview_bands: Annotated[tuple[int, ...], Bounds(1)] = ()
    """Three of the bands trained on (or one), numbered from 1, to show as red, green and blue;
    empty shows the first three."""
    depth: Literal["auto", "8", "16"] = "auto"
    """Bits per channel of unsigned integers; auto keeps the data's. Signed integers and floating
    point always keep theirs."""
    value_range: Annotated[tuple[float, ...], Bounds()] = ()
    """Lowest and highest value, as [0,4095]; values beyond are clipped. Empty uses the data's own
    range, and for 8 bits 0 to 255 unless no value exceeds 63."""
    fit: Literal["crop", "pad", "stretch"] = "crop"
    """How to fit an image of another aspect ratio: crop the centre, pad by repeating the edge, or
    stretch."""
    conditional: Literal["auto"] | bool = "auto"
    """Whether to condition on labels; auto does if every image has one and there are at least
    two classes."""
    label_type: Literal["auto", "class", "number"] = "auto"
    """Whether labels are names of classes or numbers (an age, an angle, StyleGAN's vectors); auto
    uses numbers if every label is one and at least one is no integer."""
    mirror: bool = False
    """Whether to add the mirror image of every image."""
    strict: bool = False
    """Whether an undecodable file stops the run; otherwise such files are skipped and reported."""
    max_pixels: Annotated[int, Bounds(1)] = 100_000_000
    """Skip images with more pixels than this (decompression bombs)."""
    label: Literal["auto", "prefix"] = "auto"
    """Where labels come from: auto uses a table next to the images, otherwise folders; prefix uses
    the start of the file names (cat_01.jpg and cat02.jpg have the label cat)."""
    builtin: Literal["digits", "mnist"] = "digits"
    """The images that are used where no data is given: digits (scikit-learn's, 8×8) or mnist
    (5,000 of MNIST's, 28×28)."""
    image_key: str = "image"
    """Parquet column or .npz array of the images."""
    label_key: str = "label"
    """Column of the labels in Parquet or a table such as metadata.csv, or array in .npz."""
    split: str = "train"
    """Which split of the data to use: train, test, validation or another that it has; all uses
    every split."""

    architecture: Literal["r3gan", "compact", "projected", "dcgan", "textbook", "vit"] = "r3gan"
    """Networks: r3gan (residual, no normalisation), compact (the same principles at several times
    the images per second on a CPU), projected (light generator, discriminator on the features of a
    frozen EfficientNet, for few images), dcgan (2016), textbook (MLP generator, CNN discriminator),
    vit (transformers on patches, experimental)."""
    width: Annotated[tuple[int, ...], Bounds(1)] = (32,)
    """Channels per stage, from the coarsest up; the last one is repeated. For compact the last one
    is that of half the resolution, and the first one is repeated."""
    blocks: Annotated[int, Bounds(1)] = 2
    """Residual blocks per stage (r3gan, compact), or in all (vit)."""
    patch: Annotated[int, Bounds(1, 64)] = 4
    """Side of a patch in pixels, a power of two (vit)."""
    group_size: Annotated[int, Bounds(1)] = 16
    """Channels per group in grouped convolutions (r3gan)."""
    latent: Annotated[int, Bounds(1)] = 64
    """Dimensions of the latent z."""
    embedding: Annotated[int, Bounds(1)] = 64
    """Dimensions of the label embedding."""
    backbone_side: Annotated[int, Bounds(32, 1024)] = 224
    """Pixels of the square that the frozen network sees, or of a rectangle of as many pixels, in
    multiples of 32 (projected)."""
    augmentations: tuple[str, ...] = ("flip", "shift", "scale", "rotate", "color", "cutout")
    """Augmentations of the discriminator's input, each with probability augment.p: flip, shift,
    scale, rotate, color and cutout of adaptive augmentation; the milder tone and translation."""

    extractors: tuple[str, ...] = ("auto",)
    """Feature extractors of evaluate: random-conv, efficientnet-lite0, inception-v3, dino, labels;
    auto uses efficientnet-lite0 if it is installed, else random-conv. Where the discriminator is
    built on the first, auto uses inception-v3 and dino if their weights are given, then random-conv
    and, if there are classes, labels."""
    inception_weights: str = ""
    """Path of the Inception-v3 weights (safetensors or torchvision's .pth state dict), or
    "download" for torchvision's."""
    dino_weights: str = ""
    """Path of a vision transformer's weights as DINO publishes them (safetensors, or a .pth that
    holds only tensors)."""
