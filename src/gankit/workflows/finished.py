"""Whether a run has nothing left to train, from what it recorded: nothing is read for it."""

from __future__ import annotations

from pathlib import Path

from gankit.config import Config, from_run
from gankit.runs.directory import Run


def is_finished(folder: Path, config: Config) -> bool:
    """Whether a run ended, and the limits of ``config`` allow no more than it has had.

    Args:
        config: what the run should be continued with; its settings are the run's.
    """
    run = Run(folder)
    lines = run.metrics()
    items = run.record.get("data", {}).get("train")
    if run.record.get("status") != "done" or not lines or not items:
        return False
    before = from_run(run.table, type(config.settings)).engine.train.on(items)
    now, had = config.engine.train.on(items), lines[-1]
    if had["samples"] >= now.samples or (had.get("capped") and now.warm_up == 1):
        return True
    if not now.time:
        return False
    ended_by_time = had["samples"] < before.samples
    return had["seconds"] >= now.time or (ended_by_time and now.time <= before.time)


def reads_the_same(folder: Path, config: Config) -> bool:
    """Whether ``config`` names the data that the run was trained on."""
    run = Run(folder).table["run"]
    here = config.as_table()["run"]
    return all(run.get(key) == here.get(key) for key in ("data", "data_path"))
