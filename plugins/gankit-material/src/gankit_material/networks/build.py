"""The two networks as one record."""

from __future__ import annotations

from gankit.contract import Networks
from gankit_material.codec.codec import MaterialCodec
from gankit_material.networks.critic import Critic
from gankit_material.networks.generator import SlotGenerator
from gankit_material.settings import MaterialSettings


def build_networks(codec: MaterialCodec, settings: MaterialSettings) -> Networks:
    """The networks for a codec's layout."""
    cond_dim = codec.condition.width if codec.condition else 0
    shape = codec.elements, codec.most, codec.slots, cond_dim, settings.units
    temperatures = settings.temperature, settings.count_temperature
    generator = SlotGenerator(
        *shape,
        codec.seen,
        temperatures=temperatures,
        smoothing=settings.smoothing,
        known=codec.known if settings.novel else None,
    )
    return Networks(generator, Critic(*shape), generator.latent_dim, likelihood=generator.nll)
