"""The screen that says what was read, before training and in a dry run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gankit.cli._output import table, warn
from gankit.workflows.reading import REASONS

if TYPE_CHECKING:
    from rich.console import Console

    from gankit.workflows.reading import Reading

SHOWN_ROWS = 40
"""Rows of details, such as columns; the others are counted."""
LABEL = 16
"""Width of the labels in front of the facts."""


def show_resumed(found: Reading, to: Console) -> None:
    """One line: the data was shown when the run started."""
    said = f"{found.train_items:,} to train on, {found.heldout_items:,} held out"
    to.print(f"data: {found.description}; {said}")


def show_reading(found: Reading, to: Console) -> None:
    """Prints what a data set was taken for, what was skipped by reason, and doubts."""
    facts = {
        "data": found.description,
        **found.facts,
        "items": f"{found.train_items:,} to train on, {found.heldout_items:,} held out",
    }
    for name, text in facts.items():
        to.print(f"{name + ':':<{LABEL}}{text}")
    if found.table:
        names = list(dict.fromkeys(name for row in found.table for name in row))
        shown = [[row.get(name, "") for name in names] for row in found.table[:SHOWN_ROWS]]
        table(names, [[*row] for row in shown], to)
        if (more := len(found.table) - SHOWN_ROWS) > 0:
            to.print(f"… and {more:,} more (all with --dry-run --json)")
    for skipped in found.skipped[:REASONS]:
        example = f"e.g. {skipped.example}: " if skipped.example else ""
        line = f"{skipped.count:,}, {example}{skipped.reason}"
        to.print(f"{'skipped:':<{LABEL}}{line}")
    if rest := sum(reason.count for reason in found.skipped[REASONS:]):
        to.print(f"{'skipped:':<{LABEL}}{rest:,} more, for other reasons")
    for warning in found.warnings:
        warn(warning)
