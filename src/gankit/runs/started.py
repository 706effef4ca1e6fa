"""What a run records of another one, whose weights it started from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MOST_ANCESTORS = 100
LISTED = 5
"""Layers that a line names."""


def in_words(record: Mapping[str, Any] | None) -> dict[str, str]:
    """A record of what was taken, for people: labels and lines; none where nothing was."""
    if record is None:
        return {}
    lines = {"start": f"{record['run']}, trained on {record['samples']:,} samples"}
    for name in ("generator", "discriminator"):
        if (found := record[name]) is None:
            lines[name] = f"all new: {record['run']} is a copied model, which has none"
            continue
        taken, total = _counts(found["taken"], found["total"])
        lines[name] = f"took {taken} of {total} weights"
        if new := found["new"]:
            more = f" and {len(new) - LISTED} more" if len(new) > LISTED else ""
            lines[name] += f"; new: {', '.join(new[:LISTED])}{more}"
    if frozen := record.get("frozen"):
        lines["frozen"] = (
            f"{len(frozen)} layer{'s' * (len(frozen) > 1)} of the discriminator: "
            f"{', '.join(frozen)}"
        )
    if record.get("codec") == "source":
        lines["codec"] = f"that of {record['run']}"
    if privacy := record.get("privacy"):
        lines["privacy"] = (
            f"the weights of {record['run']} are differentially private for its data, epsilon "
            f"{privacy['epsilon']:.3g}, delta {privacy['delta']:.2g}"
        )
    return lines


def not_covered(record: Mapping[str, Any]) -> str:
    """What a private run's guarantee does not say of its start."""
    if privacy := record.get("privacy"):
        return (
            f"the data of {record['run']}, whose weights training started from: they have a "
            f"guarantee of their own, epsilon {privacy['epsilon']:.3g} and delta "
            f"{privacy['delta']:.2g}; for a record in both, the two add up"
        )
    return (
        f"the data of {record['run']}, whose weights training started from and which was not "
        "private: they were stated to be public"
    )


def _counts(*numbers: int) -> list[str]:
    """Numbers in the unit of the largest: 3.1 M and 3.4 M."""
    for size, unit in ((1_000_000, " M"), (10_000, " k")):
        if max(numbers) >= size:
            return [f"{n / (1000 if unit == ' k' else size):.3g}{unit}" for n in numbers]
    return [f"{n:,}" for n in numbers]


def lineage(model: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The runs that a model's weights come from, the nearest first: names, data and licences."""
    found: list[dict[str, Any]] = []
    before = model.get("started_from")
    while isinstance(before, Mapping) and len(found) < MOST_ANCESTORS:
        found.append({"run": before.get("run"), **before.get("data", {})})
        before = before.get("started_from")
    return found
