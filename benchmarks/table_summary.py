"""What ``tabular.py`` found, as Markdown: a table for each data set, and which goals are met."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

REAL, OURS = "real rows", "tabular/default"
COLUMNS = {
    "fit_s": "fit, CPU s",
    "sample_s": "sample, CPU s",
    "memory_mb": "memory, MB",
    "column_shapes": "shapes",
    "pair_trends": "pairs",
    "tstr": "TSTR",
    "two_sample_auc": "two-sample",
    "exact_copies": "copies",
    "membership_auc": "membership",
    "white_box_membership_auc": "white-box",
    "coverage": "coverage",
    "requested": "requested",
}
Record = Mapping[str, Any]
"""One run of a method: table, method, seed, measures and scores, or why there are none."""
Means = Mapping[str, float]


def seconds(rows: int) -> float:
    """The goal for fitting and sampling: 60 s for 30,000 rows, 180 for 270,000, linear between."""
    return 60 + max(rows - 30_000, 0) / 2_000


CLOSE = 0.55
"""The goal for the two-sample AUC of every table."""
CLOSER = 0.52
"""The goal for that of at least four tables."""
GOALS: dict[str, tuple[Callable[[Means, int], float], int]] = {
    "fit_s": (lambda real, rows: seconds(rows), -1),
    "pair_trends": (lambda real, rows: real["pair_trends"] - 0.01, 1),
    "tstr": (lambda real, rows: real["tstr"] - 0.01, 1),
    "two_sample_auc": (lambda real, rows: CLOSE, -1),
    "exact_copies": (lambda real, rows: real["exact_copies"], -1),
    "membership_auc": (lambda real, rows: 0.51, -1),
    "coverage": (lambda real, rows: real["coverage"] - 0.01, 1),
}
"""For each score the bound, from the means of real rows and the training rows, and whether it is
the least (1) or the most (-1). Seconds are those of fitting and sampling together."""


def summary(records: Sequence[Record]) -> str:
    """Markdown of all records, in the order in which tables and methods first occur."""
    parts, near = [], []
    for table in dict.fromkeys(r["table"] for r in records):
        found = [r for r in records if r["table"] == table]
        parts.append(_of_table(table, found))
        ours = _means([r for r in found if r["method"] == OURS])
        near += [ours["two_sample_auc"] <= CLOSER] if ours else []
    if near:
        parts.append(f"{OURS}: two-sample ≤ {CLOSER} on {sum(near)} of {len(near)} (goal: on 4).")
    return "\n\n".join(parts)


def _of_table(name: str, records: Sequence[Record]) -> str:
    methods = dict.fromkeys(r["method"] for r in records)
    by_method = {m: [r for r in records if r["method"] == m] for m in methods}
    keys = [k for k in COLUMNS if any(k in _scored(r) for r in records)]
    first = records[0]
    lines = [
        f"{name}: {first['rows']:,} rows, {first['columns']} columns; mean (spread over seeds)",
        "",
        "| method | " + " | ".join(COLUMNS[k] for k in keys) + " |",
        "|---" * (len(keys) + 1) + "|",
    ]
    for method, found in by_method.items():
        cells = [_cell([_scored(r)[k] for r in found if k in _scored(r)]) for k in keys]
        lines.append("| " + " | ".join([method, *cells]) + " |")
    real, ours = (_means(by_method.get(m, [])) for m in (REAL, OURS))
    if real and ours:
        cells = [_goal(k, real, ours, first["rows"]) for k in keys]
        lines.append(f"| *goals of {OURS}* | " + " | ".join(cells) + " |")
    failed = dict.fromkeys((r["method"], r["error"]) for r in records if "error" in r)
    lines += [""] * bool(failed) + [f"- {method}: {reason}" for method, reason in failed]
    return "\n".join(lines)


def _scored(record: Record) -> dict[str, float]:
    """A record's numbers, those of a downstream model under one name."""
    numbers = {k: v for k, v in record.items() if k in COLUMNS}
    for name in ("tstr_auc", "tstr_r2"):
        if name in record:
            numbers["tstr"] = record[name]
    return numbers


def _means(records: Sequence[Record]) -> dict[str, float]:
    scored = [_scored(r) for r in records if "error" not in r]
    names = {name for one in scored for name in one}
    return {name: float(np.mean([s[name] for s in scored if name in s])) for name in names}


def _cell(values: Sequence[float]) -> str:
    if not values:
        return "–"
    mean, spread = float(np.mean(values)), float(np.std(values))
    digits = 0 if mean >= 10 else 3 if abs(mean) >= 0.1 else 4
    return f"{mean:,.{digits}f}" + f" ({spread:,.{digits}f})" * (len(values) > 1)


def _goal(key: str, real: Means, ours: Means, rows: int) -> str:
    if key not in GOALS or key not in ours:
        return ""
    bound, sign = GOALS[key]
    limit = bound(real, rows)
    value = ours[key] + (ours["sample_s"] if key == "fit_s" else 0)
    met = value * sign >= limit * sign
    return f"{'≥' if sign > 0 else '≤'} {limit:.3g}: {'met' if met else '**not met**'}"
