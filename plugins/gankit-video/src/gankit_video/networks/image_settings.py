"""A clip's settings as those of gankit-image's networks."""

from __future__ import annotations

from gankit_image.settings import ImageSettings
from gankit_video.settings import VideoSettings


def as_image(settings: VideoSettings) -> ImageSettings:
    """The settings of the compact networks of a frame."""
    return ImageSettings(
        architecture="compact",
        width=tuple(settings.width),
        blocks=settings.blocks,
        latent=settings.latent,
        embedding=settings.embedding,
        augmentations=(),
    )
