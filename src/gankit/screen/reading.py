"""The screen that says what was read, before training and in a dry run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gankit.screen.console import fact, table, warn
from gankit.workflows.reading import REASONS

if TYPE_CHECKING:
    from rich.console import Console

    from gankit.workflows.reading import Reading

SHOWN_ROWS = 40
"""Rows of details, such as columns; the others are counted."""


def show_resumed(found: Reading, to: Console) -> None:
    """One line: the data was shown when the run started."""
    to.print(f"data: {found.description}; {found.parts()}")


def show_reading(found: Reading, to: Console) -> None:
    """Prints what a data set was taken for, what was skipped by reason, and doubts."""
    fact("data", found.description, to)
    show_details(found, to, {"items": found.parts()})
    for warning in found.warnings:
        warn(warning)


def show_details(found: Reading, to: Console, more: Mapping[str, str] | None = None) -> None:
    """Prints facts, the table of columns or classes, and what was skipped by reason."""
    for name, text in {**found.facts, **(more or {})}.items():
        fact(name, text, to)
    if found.table:
        names = list(dict.fromkeys(name for row in found.table for name in row))
        shown = [[row.get(name, "") for name in names] for row in found.table[:SHOWN_ROWS]]
        table(names, [[*row] for row in shown], to, cut=True)
        if (rest := len(found.table) - SHOWN_ROWS) > 0:
            to.print(f"… and {rest:,} more (all with --dry-run --json)")
    for skipped in found.skipped[:REASONS]:
        example = f"e.g. {skipped.example}: " if skipped.example else ""
        fact("skipped", f"{skipped.count:,}, {example}{skipped.reason}", to)
    if others := sum(reason.count for reason in found.skipped[REASONS:]):
        fact("skipped", f"{others:,} more, for other reasons", to)
