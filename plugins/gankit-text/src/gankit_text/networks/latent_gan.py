"""Generator and discriminator over the whitened latents of texts."""

from __future__ import annotations

from gankit.contract import Codec, Networks
from gankit.kit.autoencoders import LatentDiscriminator, LatentGenerator
from gankit_text.data.items import Text
from gankit_text.settings import TextSettings


def build_networks(codec: Codec[Text], settings: TextSettings) -> Networks:
    """The networks for the codec's latents."""
    latent, condition = codec.layout.shape[0], codec.layout.condition
    cond_dim = condition.width if condition else 0
    return Networks(
        generator=LatentGenerator(latent, cond_dim, settings.units),
        discriminator=LatentDiscriminator(latent, cond_dim, settings.units),
        latent_dim=latent,
    )
