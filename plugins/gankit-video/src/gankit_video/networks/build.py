"""The pair of networks from the settings."""

from __future__ import annotations

from gankit.contract import Layout, Networks
from gankit.errors import GankitError
from gankit_video.networks.discriminator import VideoDiscriminator
from gankit_video.networks.generator import VideoGenerator
from gankit_video.settings import VideoSettings


def build_networks(layout: Layout, settings: VideoSettings) -> Networks:
    """Networks for clips of ``layout.shape`` (T, C, H, W).

    Raises:
        GankitError: ``settings.width`` is empty.
    """
    if not settings.width:
        raise GankitError("width=[]: the networks would have no stage", "Use at least one number")
    return Networks(
        VideoGenerator(layout, settings),
        VideoDiscriminator(layout, settings),
        latent_dim=settings.latent + settings.motion,
    )
