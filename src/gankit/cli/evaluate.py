"""``gankit evaluate``"""

from __future__ import annotations


def evaluate() -> None:
    """Score a run."""
