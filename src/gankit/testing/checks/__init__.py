"""What the contract requires of a modality, one function per requirement.

A check looks at one thing, which its name and first line state. It raises :class:`CheckFailed` with
what is wrong and how to fix it.
"""

from gankit.testing.checks.base import Check
from gankit.testing.checks.codec import (
    budget,
    codec_health,
    codec_state,
    encode,
    encode_condition,
    round_trip,
    statelessness,
)
from gankit.testing.checks.data import read, read_refuses, reading
from gankit.testing.checks.evaluation import distances, evaluators, features
from gankit.testing.checks.export import export
from gankit.testing.checks.networks import (
    augment,
    batch_independence,
    condition,
    generator_determinism,
    gradients,
    likelihood,
    second_derivatives,
    shapes,
)
from gankit.testing.checks.output import (
    bad_items,
    confinement,
    conversions,
    preview,
    provenance,
    render,
    watermark,
    write_read,
)
from gankit.testing.checks.plugin import info, light_import, recipes, settings, target
from gankit.testing.checks.running import requests, resume, sampling

CHECKS = tuple(
    map(
        Check.of,
        (
            *(light_import, info, target, recipes, settings),
            *(read, reading, read_refuses),
            *(encode, encode_condition, round_trip, codec_state, statelessness, budget),
            codec_health,
            *(shapes, generator_determinism, batch_independence, condition, gradients),
            *(second_derivatives, augment, likelihood),
            *(resume, sampling, export, requests),
            *(write_read, bad_items, confinement, provenance, render, preview, conversions),
            watermark,
            *(features, distances, evaluators),
        ),
    )
)
"""Every check, from what a plugin states about itself to its scores."""

__all__ = ["CHECKS", "Check"]
