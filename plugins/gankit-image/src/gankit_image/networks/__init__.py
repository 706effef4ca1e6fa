"""Generators and discriminators of images, one module per architecture."""

from __future__ import annotations

from collections.abc import Callable

from gankit.contract import Layout, Networks
from gankit.errors import GankitError, did_you_mean
from gankit_image.networks import dcgan, r3gan, textbook
from gankit_image.networks.augment import Augment
from gankit_image.settings import ImageSettings

__all__ = ["ARCHITECTURES", "build_networks"]

ARCHITECTURES: dict[str, Callable[[Layout, ImageSettings], Networks]] = {
    "r3gan": r3gan.build,
    "dcgan": dcgan.build,
    "textbook": textbook.build,
}


def build_networks(layout: Layout, settings: ImageSettings) -> Networks:
    """The networks of ``settings.architecture`` for images of ``layout.shape`` (C, H, W).

    Raises:
        GankitError: no such architecture, or a size of zero.
    """
    if settings.architecture not in ARCHITECTURES:
        raise GankitError(
            f"architecture={settings.architecture!r}: there is no such architecture",
            did_you_mean(settings.architecture, list(ARCHITECTURES)),
        )
    sizes = {
        "width": min(settings.width, default=0),
        "blocks": settings.blocks,
        "group_size": settings.group_size,
        "latent": settings.latent,
        "embedding": settings.embedding,
    }
    for name, size in sizes.items():
        if size < 1:
            raise GankitError(
                f"{name}={getattr(settings, name)!r}: the networks would be empty",
                f"{name} takes numbers of at least 1",
            )
    networks = ARCHITECTURES[settings.architecture](layout, settings)
    if settings.augmentations:
        networks.augment = Augment(settings.augmentations)
    return networks
