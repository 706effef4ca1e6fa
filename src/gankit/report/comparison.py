"""The page of ``gankit runs compare``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gankit.report.html import render
from gankit.report.page import write_page
from gankit.report.provenance import provenance
from gankit.report.samples import Embedded
from gankit.report.training import Guarded, guarded, last_preview, overlaid
from gankit.runs.comparison import Comparison
from gankit.runs.provenance import software


@dataclass(frozen=True)
class _Column:
    name: str
    made: list[tuple[str, str]]
    preview: Embedded | None
    guard: Guarded


def write_comparison(comparison: Comparison, target: Path) -> None:
    """Writes one self-contained HTML file.

    Raises:
        GankitError: the file cannot be written.
    """
    runs: dict[str, list[dict[str, Any]]] = {
        name: run.metrics() for name, run in zip(comparison.names, comparison.runs, strict=True)
    }
    columns = [
        _Column(
            *(name, provenance(run), last_preview(run.path / "previews"), guarded(runs[name])),
        )
        for name, run in zip(comparison.names, comparison.runs, strict=True)
    ]
    page = render(
        "comparison.html.j2",
        software=software(),
        comparison=comparison,
        columns=columns,
        curves=overlaid(runs),
    )
    write_page(page, target, "Choose another --out")
