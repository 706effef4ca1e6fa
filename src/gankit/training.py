"""Training from start to end: data to items, items to tensors, tensors to a run on disk."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gankit import config as configuration
from gankit import provenance
from gankit.config import Config
from gankit.confinement import confined
from gankit.contract import Codec, Progress, Source
from gankit.errors import GankitError, PluginFault
from gankit.hookspecs import Callback
from gankit.items import Part, Rest, Subset
from gankit.plugins import (
    LoadedModality,
    Plugins,
    in_one_line,
    installed,
    raise_if_strict,
)
from gankit.runs import (
    CODEC,
    CONFIG,
    LOG,
    METRICS,
    MODEL,
    Run,
    codec_state,
    export_model,
    next_run,
    read_json,
    read_tensors,
    write_config,
    write_json,
)

if TYPE_CHECKING:
    from gankit.engine.trainer import Trainer

MIN_HELDOUT = 500
"""What distances between features need at the least; a fifth of a small data set caps it."""


MAX_HELDOUT = 100_000
"""More would make no score more certain."""

IN_MEMORY = "(in memory)"
"""What a run says of its data where that was an object, not a path."""


def quiet(what: str, done: int, total: int) -> None:
    """A progress that shows nothing."""


def fit(
    plugin: str,
    data: object = None,
    *,
    recipe: str | None = None,
    out: str | Path | None = None,
    device: str = "auto",
    callbacks: Sequence[Callback] = (),
    **settings: Any,
) -> Run:
    """Trains and returns the run; the Python face of ``gankit train``.

    Args:
        plugin: ``"image"``, or ``"image/dcgan"`` with a recipe.
        data: a path, an object the plugin reads, or None for its built-in data.
        out: the run directory; an existing one is resumed.
        settings: any setting; dots become double underscores (``train__samples=1000``).

    Raises:
        GankitError: for whatever the caller can put right.
        KeyboardInterrupt: after Ctrl-C, once everything is saved; the same call resumes.
    """
    name, _, named = plugin.partition("/")
    loaded = installed().modality(name)
    layer = configuration.parse_overrides([])
    for key, value in settings.items():
        *path, last = key.split("__")
        inner = layer
        for part in path:
            inner = inner.setdefault(part, {})
        inner[last] = value
    config = configuration.resolve(
        loaded.info,
        loaded.modality.Settings,
        recipe=recipe or named or None,
        files=[layer],
        data=None if data is None else str(data) if isinstance(data, str | Path) else IN_MEMORY,
    )
    folder = Path(out) if out else next_run(Path("runs"), f"{name}-{config.recipe}")
    status = train(loaded, config, folder, source=data, device=device, callbacks=callbacks)
    if status == "interrupted":
        raise KeyboardInterrupt(f"saved in {folder}")
    return Run(folder)


@dataclass
class Data:
    """A data set, divided."""

    source: Source[Any]
    train: Part
    heldout: Part


def read_data(
    plugin: LoadedModality, config: Config, source: object = None, progress: Progress = quiet
) -> Data:
    """Reads the data set of a configuration and sets a part aside.

    The division is a function of the number of items, ``data.holdout`` and ``train.seed``.
    """
    wanted = config.data if source is None else source
    if isinstance(wanted, str) and wanted == IN_MEMORY:
        raise GankitError(
            "this run was trained on data in memory, which is gone",
            "Pass the same data to gankit.fit again, with the same out",
        )
    found = plugin.modality.read(wanted, config.settings, progress)
    n, share = len(found.items), config.engine.data.holdout
    least = min(MIN_HELDOUT, n // 5)
    aside = min(max(int(share * n), least), MAX_HELDOUT) if share else 0
    rng = np.random.default_rng([config.engine.train.seed, 7])
    heldout = np.sort(rng.choice(n, aside, replace=False))
    return Data(found, Rest(found.items, heldout), Subset(found.items, heldout))


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
            trainer.callbacks = [recorder, *callbacks, *_plugin_callbacks(plugins)]
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
def preparing(
    plugin: LoadedModality,
    config: Config,
    folder: Path,
    source: object,
    device: str,
    progress: Progress,
) -> Iterator[tuple[Trainer, Data]]:
    """A trainer, ready to begin, and the data it will see."""
    import torch

    from gankit.engine import parallel
    from gankit.engine import privacy as private
    from gankit.engine.data import RealSamples
    from gankit.engine.devices import choose_device
    from gankit.engine.objectives import OBJECTIVES
    from gankit.engine.promises import broken_promise
    from gankit.engine.sampling import ConditionTable
    from gankit.engine.trainer import Trainer

    modality, settings, engine = plugin.modality, config.settings, config.engine
    place = choose_device(device)
    torch.backends.cudnn.allow_tf32 = False  # double backward is sensitive to it
    plugins = installed()
    theirs = plugins.collect("gankit_objectives", taken=OBJECTIVES)
    objectives = {**OBJECTIVES, **{record.name: record for _, record in theirs}}
    penalties = {record.name: record for _, record in plugins.collect("gankit_penalties")}
    objective = _named(objectives, engine.loss.objective, "loss.objective")
    extra = [
        (_named(penalties, name, "loss.extra"), weight)
        for name, weight in engine.loss.extra.items()
    ]

    if engine.privacy.epsilon:
        private.refuse_unsound(engine, objective)
    data = read_data(plugin, config, source, progress)
    privacy = None
    if engine.privacy.epsilon:
        privacy = private.Privacy(private.plan(engine, len(data.train)))
    torch.manual_seed(engine.train.seed)  # a codec may be learnt
    codec = stored_codec(folder, plugin, config)
    if codec is None:
        codec = modality.fit_codec(data.train, settings, progress)
    if privacy is not None:
        private.refuse_unsound(engine, objective, codec=codec)
    rank, size = parallel.world()
    draw: Callable[..., RealSamples] = RealSamples
    if privacy is not None:
        draw = functools.partial(private.PoissonSamples, privacy=privacy)
    reals = draw(
        data.train,
        codec,
        batch=engine.train.batch // engine.train.accumulate // size,
        seed=engine.train.seed,
        device=place,
        cache=engine.data.cache,
        workers=engine.data.workers,
        visits=engine.train.samples * engine.train.d_steps,
        share=(rank, size),
        progress=progress,
    )
    torch.manual_seed(engine.train.seed)
    networks = modality.build_networks(codec.layout, settings)
    if privacy is not None:
        private.refuse_unsound(engine, objective, networks)
    if broken := broken_promise(networks, codec, list(data.train[:2])):
        raise PluginFault(plugin.info.name, broken)
    torch.manual_seed(privacy.seed() if privacy else engine.train.seed * 1009 + 1 + rank)
    conditions = None
    if codec.layout.condition is not None and codec.ask({}, [0]) is None:
        conditions = ConditionTable.from_training(reals.conditions(), engine.train.seed)
    previews = folder / "previews"

    def preview(items: list[Any], samples: int) -> Path:
        previews.mkdir(parents=True, exist_ok=True)
        target = previews / f"{samples:012d}"
        with confined(plugin.info.name, previews):
            if privacy is not None:  # real items would tell what the noise is to hide
                return modality.preview(items, target)
            return modality.preview_beside(items, data.train, target)

    trainer = Trainer(
        networks,
        codec,
        reals,
        engine,
        objective=objective,
        penalties=extra,
        conditions=conditions,
        privacy=privacy,
        folder=folder / "checkpoints",
        preview=preview,
        progress=progress,
        export=lambda t: export_model(
            folder / "model",
            t,
            plugin,
            config,
            folder.resolve().name,
            conditions,
            {
                # By a hash of the data a guess at one record could be checked.
                "fingerprint": data.source.fingerprint if privacy is None else "",
                "licence": data.source.licence,
            },
        ),
    )
    if privacy is not None:
        private.try_out(trainer)
    yield trainer, data


def stored_codec(folder: Path, plugin: LoadedModality, config: Config) -> Codec[Any] | None:
    """The codec of a run that is resumed, or None."""
    model = folder / "model"
    if not ((model / MODEL).is_file() and (model / CODEC).is_file()):
        return None
    state = codec_state(read_json(model / MODEL), read_tensors(model / CODEC))
    return plugin.modality.load_codec(state, config.settings)


class Recorder(Callback):
    """Writes what a run leaves behind: configuration, provenance, metrics, log, film."""

    def __init__(
        self, folder: Path, plugin: LoadedModality, config: Config, data: Data, device: str
    ) -> None:
        self.folder, self.plugin, self.config = folder, plugin, config
        problems = [{"where": p.where, "why": p.why} for p in data.source.problems]
        self.record: dict[str, Any] = {
            "software": provenance.software(),
            "versions": provenance.versions(plugin.distribution),
            "command": provenance.command_line(),
            "created": provenance.now(),
            "device": device,
            "seed": config.engine.train.seed,
            "data": {
                "source": config.as_table()["run"].get("data"),
                "description": data.source.description,
                "licence": data.source.licence,
                "fingerprint": data.source.fingerprint,
                "train": len(data.train),
                "heldout": len(data.heldout),
                "left_out": len(problems),
                "problems": problems[:100],
            },
        }

    def begin(self, samples: int) -> None:
        """Writes configuration and provenance, or checks them when resuming.

        Raises:
            GankitError: the data is not what the run was begun with, or the disk refuses.
        """
        file = self.folder / provenance.RECORD
        if samples and file.is_file():
            before = read_json(file)
            if before["data"]["fingerprint"] != self.record["data"]["fingerprint"]:
                raise GankitError(
                    f"the data has changed since {self.folder} was begun",
                    "Restore it, or train afresh with another --out",
                )
            self.record = {**before, "resumed": [*before.get("resumed", []), provenance.now()]}
        try:
            write_config(self.folder, self.config)
            self._status("training")
            metrics = self.folder / METRICS
            lines = metrics.read_text().splitlines() if samples and metrics.is_file() else []
            kept = [line for line in lines if json.loads(line)["samples"] <= samples]
            metrics.write_text("".join(line + "\n" for line in kept))
        except OSError as error:
            raise GankitError(
                f"cannot write {self.folder}: {error.strerror}",
                "Choose another --out, or make room",
            ) from error
        self.say(f"{'resumed at' if samples else 'began at'} {samples} samples")

    def tick(self, values: dict[str, Any]) -> None:
        with (self.folder / METRICS).open("a") as file:
            file.write(json.dumps(values) + "\n")

    def finished(self, status: str) -> None:
        self._status(status)
        self.say(status)
        previews = sorted((self.folder / "previews").glob("0*"))
        if status == "done" and len(previews) > 1:
            with confined(self.plugin.info.name, self.folder / "previews"):
                self.plugin.modality.animate(previews, self.folder / "previews" / "progress")

    def warning(self, message: str) -> None:
        self.say(f"warning: {message}")

    def say(self, line: str) -> None:
        with (self.folder / LOG).open("a") as file:
            file.write(f"{provenance.now()} {line}\n")

    def _status(self, status: str) -> None:
        write_json(self.folder / provenance.RECORD, {**self.record, "status": status})


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


class Isolated(Callback):
    """A plugin's callback. Once it raises it is reported and left alone; training goes on."""

    def __init__(self, plugin: str, callback: Callback, plugins: Plugins) -> None:
        self._plugin, self._callback, self._plugins = plugin, callback, plugins
        self._works = True

    def started(self, run: Path, config: dict[str, Any]) -> None:
        self._try("started", run, config)

    def tick(self, values: dict[str, Any]) -> None:
        self._try("tick", dict(values))

    def preview(self, file: Path) -> None:
        self._try("preview", file)

    def warning(self, message: str) -> None:
        self._try("warning", message)

    def finished(self, status: str) -> None:
        self._try("finished", status)

    def _try(self, method: str, *arguments: Any) -> None:
        if not self._works:
            return
        try:
            getattr(self._callback, method)(*arguments)
        except Exception as error:  # noqa: BLE001 - isolation is the point
            raise_if_strict(error)
            self._works = False
            what = f"failed in {method} and follows no longer: {in_one_line(error)}"
            self._plugins.report(self._plugin, what)


def _plugin_callbacks(plugins: Plugins) -> list[Callback]:
    return [
        Isolated(plugin, callback, plugins)
        for plugin, callback in plugins.collect("gankit_callbacks")
    ]


def _named(known: dict[str, Any], name: str, key: str) -> Any:
    from gankit.errors import did_you_mean

    if name not in known:
        raise GankitError(
            f"{key}={name!r}: there is no such name", did_you_mean(name, sorted(known))
        )
    return known[name]
