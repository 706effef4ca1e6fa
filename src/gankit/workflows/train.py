"""Training from start to end: data to items, items to tensors, tensors to a run on disk."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gankit import config as configuration
from gankit.config import Config
from gankit.contract import Callback, Progress
from gankit.errors import GankitError
from gankit.plugins.callbacks import plugin_callbacks
from gankit.plugins.registry import (
    LoadedModality,
    installed,
)
from gankit.runs.directory import CONFIG, Run
from gankit.runs.recorder import Recorder
from gankit.workflows.data import quiet
from gankit.workflows.prepare import preparing

if TYPE_CHECKING:
    from gankit.engine.trainer import Trainer


def train(
    plugin: LoadedModality,
    config: Config,
    folder: Path,
    *,
    source: object = None,
    device: str = "auto",
    callbacks: Sequence[Callback] = (),
    progress: Progress = quiet,
) -> str:
    """Trains in ``folder``, taking up what is there; ``done`` or ``interrupted``.

    Raises:
        GankitError: for whatever the user can put right.
    """
    plugins = installed()
    with _locked(folder):
        resuming = check_resumable(folder, plugin, config)
        with preparing(plugin, config, folder, source, device, progress) as (trainer, data):
            recorder = Recorder(folder, plugin, config, data, trainer.device.type)
            recorder.record["data"]["found"] = [dict(line) for line in trainer.codec.describe()]
            trainer.callbacks = [recorder, *callbacks, *plugin_callbacks(plugins)]
            if resuming:
                _resume(trainer)
            recorder.begin(trainer.clock.samples)
            for callback in trainer.callbacks:
                callback.started(folder, config.as_table())
            status = "failed"
            try:
                with _stoppable(trainer):
                    status = trainer.train()
            finally:
                for callback in trainer.callbacks:
                    callback.finished(status)
            return status


def _resume(trainer: Trainer) -> None:
    """Takes up the newest checkpoint that can be read, and says so when it is not the newest."""
    from gankit.engine.checkpoint import unreadable

    before = set(unreadable(trainer.folder))
    trainer.resume()
    for bad in sorted(set(unreadable(trainer.folder)) - before):
        for callback in trainer.callbacks:
            callback.warning(
                f"checkpoint {bad.stem} cannot be read and was set aside; going on from "
                f"{trainer.clock.samples:,} samples"
            )


def check_resumable(folder: Path, plugin: LoadedModality, config: Config) -> bool:
    """Whether ``folder`` holds a run to take up.

    Raises:
        GankitError: what is there was made with other settings, or is no run.
    """
    if not folder.exists() or not [p for p in folder.iterdir() if p.name != ".lock"]:
        return False
    table = Run(folder).table
    if table["run"]["plugin"] != config.plugin:
        raise GankitError(
            f"{folder} was trained with --plugin {table['run']['plugin']}", "Choose another --out"
        )
    before = configuration.from_run(table, plugin.modality.Settings)
    changed = before.differences(config)
    if changed:
        was, now = (configuration.flatten(c.as_table()) for c in (before, config))
        said = ", ".join(f"{k} was {was.get(k)!r}, now {now.get(k)!r}" for k in changed[:3])
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        raise GankitError(
            f"{folder} was trained with other settings: {said}{more}",
            f"Resume as it was with `gankit train --out {folder}`, or choose another --out",
        )
    return True


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One process trains in a folder at a time."""
    from filelock import FileLock, Timeout

    lock = FileLock(folder / ".lock")
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        raise GankitError(
            f"another process is training in {folder}", "Wait for it, or choose another --out"
        ) from None
    except OSError as error:
        raise GankitError(
            f"cannot write {error.filename or folder}: {error.strerror}", "Choose another --out"
        ) from error
    try:
        yield
    finally:
        lock.release()
        with contextlib.suppress(OSError):  # nothing came of it: leave no empty folder behind
            if not (folder / CONFIG).is_file():
                (folder / ".lock").unlink(missing_ok=True)
                for place in made:
                    place.rmdir()


@contextlib.contextmanager
def _stoppable(trainer: Trainer) -> Iterator[None]:
    """The first Ctrl-C saves and stops; the second stops at once."""

    def stop(number: int, frame: object) -> None:
        if trainer.stop_requested:
            os._exit(130)
        trainer.stop_requested = True

    try:
        before = {s: signal.signal(s, stop) for s in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not the main thread: the caller's signals are its own
        before = {}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
