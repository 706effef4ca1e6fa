"""Generators and discriminators of images, one module per architecture."""

from __future__ import annotations

from collections.abc import Callable

from gankit.contract import Layout, Networks
from gankit.errors import GankitError
from gankit_image.networks import compact, dcgan, projected, r3gan, textbook, vit
from gankit_image.networks.augment import Augment
from gankit_image.settings import ImageSettings

__all__ = ["ARCHITECTURES", "build_networks"]

ARCHITECTURES: dict[str, Callable[[Layout, ImageSettings, bool], Networks]] = {
    "r3gan": r3gan.build,
    "compact": compact.build,
    "dcgan": dcgan.build,
    "textbook": textbook.build,
    "projected": projected.build,
    "vit": vit.build,
}


def build_networks(
    layout: Layout, settings: ImageSettings, *, deep: bool = False, bands: bool = False
) -> Networks:
    """The networks of ``settings.architecture`` for images of ``layout.shape`` (C, H, W).

    Args:
        deep: whether pixels have more than 8 bits. With ``train.precision=bf16``, whose numbers
            have 8, the layers next to the pixels then compute in float32.
        bands: whether channels are bands, which have neither hue nor transparency.

    Raises:
        GankitError: ``settings.width`` is empty, or an unknown augmentation.
    """
    if not settings.width:
        raise GankitError("width=[]: the networks would have no stage", "Use at least one number")
    networks = ARCHITECTURES[settings.architecture](layout, settings, deep)
    if settings.augmentations:
        networks.augment_input = Augment(settings.augmentations, bands=bands)
    return networks
