"""What a run's record has of its codec's health, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

HEALTH = "codec"
"""In the record: a list of signs."""

Signs = Iterable[Mapping[str, Any]]


def strengths(signs: Signs) -> list[str]:
    """A line for each sign that is as it should be."""
    return [str(sign["text"]) for sign in signs if not sign.get("remedy")]


def shortcomings(signs: Signs) -> list[str]:
    """A line for each other one, with the remedy."""
    return [f"codec: {sign['text']}. {sign['remedy']}" for sign in signs if sign.get("remedy")]
