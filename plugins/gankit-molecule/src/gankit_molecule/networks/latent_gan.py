"""Generator and discriminator over the whitened latents of molecules."""

from __future__ import annotations

from gankit.contract import Networks
from gankit.kit.autoencoders import LatentDiscriminator, LatentGenerator
from gankit_molecule.codec.codec import MoleculeCodec
from gankit_molecule.optimize.surrogate import reward_terms
from gankit_molecule.settings import MoleculeSettings


def build_networks(codec: MoleculeCodec, settings: MoleculeSettings) -> Networks:
    """The networks for the codec's latents."""
    latent, condition = codec.layout.shape[0], codec.layout.condition
    cond_dim = condition.width if condition else 0
    surrogate = None if codec.elites is None else codec.elites.surrogate
    return Networks(
        generator=LatentGenerator(latent, cond_dim, settings.units),
        discriminator=LatentDiscriminator(latent, cond_dim, settings.units),
        latent_dim=latent,
        generator_terms=reward_terms(surrogate, settings.reward),
    )
