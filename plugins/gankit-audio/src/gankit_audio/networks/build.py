"""Builds the networks of the setting ``architecture``."""

from __future__ import annotations

from gankit.contract import Networks
from gankit_audio.codec.base import ClipCodec
from gankit_audio.networks.istft import build_istft
from gankit_audio.networks.latent import build_latent
from gankit_audio.networks.wavegan import build_wavegan
from gankit_audio.settings import AudioSettings


def build_networks(codec: ClipCodec, settings: AudioSettings) -> Networks:
    """Generator and discriminator for encoded clips."""
    if settings.architecture == "wavegan":
        return build_wavegan(codec.layout, settings)
    if settings.architecture == "istft":
        return build_istft(codec.layout, settings, codec.rate)
    return build_latent(codec.layout, settings)
