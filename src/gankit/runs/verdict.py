"""The verdict in ``verdict.json``, and in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

VERDICT = "verdict.json"
COVERAGE, COPIES = "coverage", "copies"


def in_words(verdict: Mapping[str, Any]) -> list[str]:
    """A line for each number of samples that were scored, e.g. ``quality of 359 samples: coverage
    0.17 (real data 0.67), copies 0 of 359 (real data 1.1 %)``.
    """
    lines: dict[int, list[str]] = {}
    for score in verdict["scores"]:
        if score["value"] is not None:
            lines.setdefault(int(score["n_generated"]), []).append(_said(score))
    return [f"quality of {n:,} samples: {', '.join(said)}" for n, said in lines.items()]


def _said(score: Mapping[str, Any]) -> str:
    name, value, real = score["name"], float(score["value"]), score["real_baseline"]
    metric = name.partition("/")[0]
    if metric == COPIES:
        n = int(score["n_generated"])
        baseline = "" if real is None else f" (real data {real:.1%})".replace("%", " %")
        return f"copies {round(value * n):,} of {n:,}{baseline}"
    shown = metric if metric == COVERAGE else name
    shown += " (shared)" if score.get("shared_backbone") else ""
    return f"{shown} {value:.2f}" + ("" if real is None else f" (real data {real:.2f})")
