"""The generator and the discriminator of clips: gankit-image's compact networks with time."""

from __future__ import annotations

from gankit_video.networks.build import build_networks

__all__ = ["build_networks"]
