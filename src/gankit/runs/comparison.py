"""Several runs side by side: settings that differ, and scores that may be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gankit.errors import GankitError
from gankit.runs.directory import Run
from gankit.runs.guard import events_of, state_of

CONDITIONS = {
    "data": "data",
    "heldout": "held-out set",
    "extractor_fingerprint": "extractor",
    "n_generated": "generated samples",
    "n_real": "reference items",
    "split": "split",
    "shared_backbone": "backbone shared with the discriminator",
}
"""What two scores of one name must have in common to be compared, with the words for it."""
MOST = 8
"""Runs in one comparison."""
NAMED = 4
"""Scores that a note names."""


@dataclass(frozen=True)
class ScoreRow:
    """One metric of those runs whose numbers may be compared."""

    name: str
    lower_is_better: bool | None
    scores: Sequence[Mapping[str, Any] | None]
    """A run each; None where it has none, or one under other conditions."""
    reason: str = ""
    """Why other runs' numbers of this name are in other rows."""


@dataclass(frozen=True)
class Comparison:
    """What ``gankit runs compare`` found."""

    runs: Sequence[Run]
    names: Sequence[str]
    """Of the runs; their paths where names repeat."""
    settings: Mapping[str, Sequence[Any]]
    """By dotted name: the values that differ, a run each; None where one lacks it."""
    rows: Sequence[ScoreRow]
    notes: Sequence[str]
    """What is missing, and what cannot be compared."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "runs": [
                {
                    "run": str(run.path),
                    "plugin": run.table["run"]["plugin"],
                    "recipe": run.table["run"]["recipe"],
                    "status": run.record.get("status"),
                    **_progress(run),
                    **_guarded(run),
                }
                for run in self.runs
            ],
            "settings": {key: list(values) for key, values in self.settings.items()},
            "scores": [
                {
                    "name": row.name,
                    "lower_is_better": row.lower_is_better,
                    "reason": row.reason,
                    "values": [score and score["value"] for score in row.scores],
                    "real_baselines": [score and score["real_baseline"] for score in row.scores],
                    "errors": [score and score.get("error") for score in row.scores],
                }
                for row in self.rows
            ],
            "notes": list(self.notes),
        }


def compare(paths: Sequence[Path]) -> Comparison:
    """Runs of one plugin, with their scores as far as the last evaluations recorded them.

    Raises:
        GankitError: fewer than two runs, one given twice, a copied model, a damaged run, or runs of
            different plugins.
    """
    if not 2 <= len(paths) <= MOST:
        raise GankitError(
            f"{len(paths)} run{'s' * (len(paths) != 1)} to compare",
            f"Name two to {MOST}: gankit runs compare RUN RUN",
        )
    runs = [Run(path) for path in paths]
    for run in runs:
        if not run.table:
            raise GankitError(f"{run.path} is a model without its run", "Pass run directories")
        if run.has_model:
            _ = run.model  # a damaged one is refused: it says what is private
    places = [path.resolve() for path in paths]
    for i, place in enumerate(places):
        if place in places[:i]:
            raise GankitError(f"{paths[i]} is given twice", "Name each run once")
    plugins = {run.table["run"]["plugin"]: run for run in runs}
    if len(plugins) > 1:
        told = ", ".join(f"{run.path} is of plugin {name}" for name, run in plugins.items())
        raise GankitError(f"{told}: their scores measure different things", "Compare one plugin's")
    names = [run.name for run in runs]
    if len(set(names)) < len(names):
        names = [str(path) for path in paths]
    notes = [note for run, name in zip(runs, names, strict=True) for note in _state(run, name)]
    rows = _rows(runs, names)
    reasons: dict[str, list[str]] = {}
    for row in rows:
        reasons.setdefault(row.reason, []).append(row.name)
    for reason, apart in reasons.items():
        if reason:
            distinct = list(dict.fromkeys(apart))
            more = f" and {len(distinct) - NAMED} more" if len(distinct) > NAMED else ""
            notes.append(f"not comparable, {reason}: {', '.join(distinct[:NAMED])}{more}")
    return Comparison(runs, names, _different([run.table for run in runs]), rows, notes)


def _progress(run: Run) -> dict[str, Any]:
    last = (run.metrics() or [{}])[-1]
    return {"samples": last.get("samples", 0), "seconds": last.get("seconds", 0.0)}


def _guarded(run: Run) -> dict[str, Any]:
    ticks = run.metrics()
    events = [event.as_dict() for event in events_of(ticks)]
    return {"guard": state_of(ticks), "events": events}


def _state(run: Run, name: str) -> list[str]:
    """What is not as it will be, or missing."""
    found = []
    if (status := run.record.get("status")) not in ("done", None):
        found.append(f"{name}: {status}; its numbers may change")
    if not run.scores():
        found.append(f"{name}: not evaluated yet: gankit evaluate {run.path}")
    return found


def _different(configs: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    flat = [dict(_flat(config)) for config in configs]
    keys = sorted({key for one in flat for key in one})
    values = {key: [one.get(key) for one in flat] for key in keys}
    return {key: found for key, found in values.items() if any(v != found[0] for v in found)}


def _flat(table: Mapping[str, Any], before: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in table.items():
        name = f"{before}{key}"
        found += _flat(value, f"{name}.") if isinstance(value, Mapping) else [(name, value)]
    return found


def _rows(runs: Sequence[Run], names: Sequence[str]) -> list[ScoreRow]:
    """A row for each name of a score and each set of conditions."""
    by_run = [{score["name"]: score for score in _scores(run)} for run in runs]
    rows = []
    for name in dict.fromkeys(name for scores in by_run for name in scores):
        groups: dict[tuple[Any, ...], list[Mapping[str, Any] | None]] = {}
        for i, scores in enumerate(by_run):
            if (score := scores.get(name)) is not None:
                key = tuple(score.get(condition) for condition in CONDITIONS)
                groups.setdefault(key, [None] * len(runs))[i] = score
        reason = _reason(groups, names)
        for found in groups.values():
            first = next(score for score in found if score is not None)
            rows.append(ScoreRow(name, first.get("lower_is_better"), found, reason))
    return rows


def _scores(run: Run) -> list[dict[str, Any]]:
    """Scores with what they were computed on."""
    if (record := run.evaluation) is None:
        return []
    about = {
        "data": run.record.get("data", {}).get("fingerprint"),
        "heldout": record.get("heldout"),
    }
    return [{**score, **about} for score in record["scores"]]


def _reason(groups: Mapping[tuple[Any, ...], Sequence[object]], names: Sequence[str]) -> str:
    """Which runs' numbers are apart, and what differs; empty where all may be compared."""
    if len(groups) < 2:
        return ""
    differ = [
        words for i, words in enumerate(CONDITIONS.values()) if len({key[i] for key in groups}) > 1
    ]
    sets = [
        " and ".join(run for run, score in zip(names, found, strict=True) if score is not None)
        for found in groups.values()
    ]
    return f"different {' and '.join(differ)} ({' / '.join(sets)})"
