"""Builds the networks of the setting ``architecture``."""

from __future__ import annotations

from gankit.contract import Layout, Networks
from gankit_audio.networks.istft import build_istft
from gankit_audio.networks.latent import build_latent
from gankit_audio.networks.wavegan import build_wavegan
from gankit_audio.settings import AudioSettings

BUILDERS = {"spectrogram": build_latent, "istft": build_istft, "wavegan": build_wavegan}


def build_networks(layout: Layout, settings: AudioSettings) -> Networks:
    """The networks of ``settings.architecture`` for encoded clips of this layout."""
    return BUILDERS[settings.architecture](layout, settings)
