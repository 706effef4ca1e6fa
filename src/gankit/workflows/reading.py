"""What was read, in words: shown before training, by a dry run and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gankit.contract import Issue

if TYPE_CHECKING:
    from gankit.workflows.data import Split

REASONS = 8
"""Reasons for skipping that are shown one by one."""


@dataclass(frozen=True)
class Skipped:
    """What was skipped for one reason."""

    reason: str
    count: int
    example: str
    """The location of the first one; empty for private runs."""


@dataclass(frozen=True)
class Reading:
    """What a data set was taken for."""

    description: str
    train_items: int
    heldout_items: int
    facts: Mapping[str, str]
    table: Sequence[Mapping[str, str]]
    """Columns, classes or whatever the modality has, a row each."""
    skipped: Sequence[Skipped]
    """By reason, the most frequent first."""
    warnings: Sequence[str]
    shadow_items: int = 0

    def parts(self) -> str:
        """How many items are in each part."""
        shadow = f", {self.shadow_items:,} to see what is memorised" if self.shadow_items else ""
        return f"{self.train_items:,} to train on, {self.heldout_items:,} held out{shadow}"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "description": self.description,
            "train_items": self.train_items,
            "heldout_items": self.heldout_items,
            "shadow_items": self.shadow_items,
            "facts": dict(self.facts),
            "table": [dict(row) for row in self.table],
            "skipped": [vars(reason) for reason in self.skipped],
            "warnings": list(self.warnings),
        }


def reading(split: Split, private: bool = False) -> Reading:
    """What was read, from the data set and its parts.

    Args:
        private: leave out what may show single items: details and examples.
    """
    found = split.dataset
    return Reading(
        description=found.description,
        train_items=len(split.train),
        heldout_items=len(split.heldout),
        facts={**found.facts, **split.consent.record()},
        table=() if private else found.table,
        skipped=by_reason(found.issues, private),
        warnings=[*found.warnings, *split.consent.warnings],
        shadow_items=len(split.shadow),
    )


def by_reason(issues: Sequence[Issue], private: bool = False) -> list[Skipped]:
    """Issues counted by their reason, the most frequent first; without examples where private."""
    first: dict[str, str] = {}
    counts: dict[str, int] = {}
    for issue in issues:
        first.setdefault(issue.reason, issue.location)
        counts[issue.reason] = counts.get(issue.reason, 0) + 1
    order = sorted(counts, key=lambda reason: -counts[reason])
    return [Skipped(r, counts[r], "" if private else first[r]) for r in order]
