"""Pieces of learned codecs: sequences of tokens as latents, and a training that the user's time
limits and that resumes. These modules import torch.
"""

from gankit.kit.autoencoders.latents import use_of_latents, with_noise
from gankit.kit.autoencoders.networks import LatentDiscriminator, LatentGenerator
from gankit.kit.autoencoders.ragged import PAD, Ragged
from gankit.kit.autoencoders.snapshots import Snapshots, forget_snapshots
from gankit.kit.autoencoders.training import (
    Result,
    batches_by_length,
    bfloat16_is_fast,
    default_device,
    part_of,
    train,
    trained_or_cached,
)
from gankit.kit.autoencoders.whitening import Whitening

__all__ = [
    "PAD",
    "LatentDiscriminator",
    "LatentGenerator",
    "Ragged",
    "Result",
    "Snapshots",
    "Whitening",
    "batches_by_length",
    "bfloat16_is_fast",
    "default_device",
    "forget_snapshots",
    "part_of",
    "train",
    "trained_or_cached",
    "use_of_latents",
    "with_noise",
]
