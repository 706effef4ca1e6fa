"""Training from start to end: data to items, items to tensors, tensors to a run on disk."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gankit import config as configuration
from gankit.config import Config
from gankit.contract import Callback, Objective, Progress, quiet
from gankit.contract.codec import describe
from gankit.errors import GankitError
from gankit.kit.files import write_json
from gankit.plugins.callbacks import plugin_callbacks
from gankit.plugins.records import LoadedModality
from gankit.plugins.registry import in_one_line, installed, raise_if_strict
from gankit.report.card import CARD, write_card
from gankit.runs.codec_health import shortcomings
from gankit.runs.consent import NOT_STATED, RESTATED, Consent, restate
from gankit.runs.directory import Run, read_record
from gankit.runs.recorder import Recorder
from gankit.runs.verdict import VERDICT
from gankit.system_errors import translated
from gankit.workflows.codec_health import codec_health
from gankit.workflows.consent import AskConsent
from gankit.workflows.data import Split
from gankit.workflows.estimate import Duration, duration_of
from gankit.workflows.finished import is_finished, reads_the_same
from gankit.workflows.interrupts import StopRequest
from gankit.workflows.lock import locked
from gankit.workflows.prepare import prepare
from gankit.workflows.verdict import allowed, verdict

if TYPE_CHECKING:
    from gankit.engine.own_networks import OwnNetworks
    from gankit.engine.trainer import Trainer

LEFT = re.compile(r"\.lock|\..+\.partial")
"""What a process leaves that was killed before it had written anything."""
DISK_HINT = "Earlier checkpoints are kept: free some space and run the same command again"


def train(
    plugin: LoadedModality,
    config: Config,
    folder: Path,
    *,
    source: object = None,
    device: str = "auto",
    callbacks: Sequence[Callback] = (),
    progress: Progress = quiet,
    started: float | None = None,
    on_read: Callable[[Split], None] = lambda data: None,
    on_estimate: Callable[[Duration], None] | None = None,
    networks: OwnNetworks | None = None,
    objective: Objective | None = None,
    stop: StopRequest | None = None,
    ask_consent: AskConsent | None = None,
) -> str:
    """Trains in ``folder``, continuing an existing run; ``done`` or ``interrupted``. A run that is
    finished is left as it is, and its data is not read.

    Args:
        source: the data as an object in memory; otherwise the configuration's.
        started: when the command started, on ``time.monotonic()``'s clock: ``train.time`` is
            counted from there.
        on_read: called with the data as soon as it is read.
        on_estimate: called before a new run without a time limit trains, with how long it takes.
        networks: in place of the plugin's.
        objective: of that name in the configuration.
        stop: what Ctrl-C does.
        ask_consent: called before a new run on data of people for whom no consent is stated.

    Raises:
        GankitError: for whatever the user can fix.
        KeyboardInterrupt: stopped before training began.
    """
    from gankit.engine.parallel import ParallelContext
    from gankit.engine.sampling.fit_progress import FOLDER as FIT_PROGRESS

    parallel, stop = ParallelContext.current(), stop or StopRequest()
    resuming, finished, same = False, False, source is None
    with parallel.together():
        if parallel.is_main:  # the others may not see the folder
            resuming = check_resumable(folder, plugin, config)
            finished = resuming and is_finished(folder, config)
            same = same and finished and reads_the_same(folder, config)
    resuming, finished, same = parallel.from_main([resuming, finished, same])
    if finished and same:
        if parallel.is_main:
            people = read_record(folder).get("people", "")
            card = folder / "model" / CARD  # written last
            if restate(folder, config, Consent.of(config, people)) or not card.is_file():
                _write_card(folder, plugin)
            shutil.rmtree(folder / "checkpoints" / FIT_PROGRESS, ignore_errors=True)
        return "done"
    with _faults(folder, config), contextlib.ExitStack() as held:
        with parallel.together():
            if parallel.is_main:
                held.enter_context(locked(folder))
        trainer, data = prepare(
            plugin,
            config,
            folder,
            source=source,
            device=device,
            progress=progress,
            started=started,
            stop=stop,
            parallel=parallel,
            on_read=on_read,
            networks=networks,
            objective=objective,
            ask_consent=ask_consent,
        )
        config = data.consent.into(config)
        with parallel.together():
            if parallel.is_main:
                recorder = Recorder(
                    *(folder, plugin, config, trainer.device.type),
                    dataset=data.dataset,
                    sizes=(len(data.train), len(data.heldout)),
                    described=describe(trainer.codec),
                    started_from=trainer.plan.started_from,
                    consent=data.consent,
                )
                trainer.callbacks = [recorder, *callbacks, *plugin_callbacks(installed())]
        if resuming:
            _resume(trainer)
        codec_warnings: list[str] = []
        if parallel.is_main:
            earlier = read_record(folder).get("consent", NOT_STATED) if resuming else NOT_STATED
            restated = resuming and restate(folder, config, data.consent)
            health, unmeasured = _health(trainer, data)
            recorder.begin(trainer.clock.samples, health)
            codec_warnings = [unmeasured] if unmeasured else shortcomings(health)
            if restated and earlier != NOT_STATED:
                recorder.warning(RESTATED)
            for doubt in data.consent.warnings:
                recorder.warning(doubt)
            if not resuming:
                for callback in trainer.callbacks:
                    for doubt in trainer.plan.doubts:
                        callback.warning(doubt)
        alone = parallel.size == 1
        if on_estimate is not None and alone and not resuming and not config.engine.train.time:
            on_estimate(duration_of(trainer))
        for callback in trainer.callbacks:
            callback.started(folder, config.as_table())
            for warning in codec_warnings:
                callback.warning(warning)
        status, before = "failed", trainer.clock.samples
        try:
            with stop.listening():
                status = "done" if finished else trainer.train()
                if status == "done" and trainer.clock.samples > before and parallel.is_main:
                    _judge(plugin, config, folder, trainer, data, stop, progress)
        finally:
            # A disk that is full has been reported by then.
            ignored = [OSError, MemoryError] if status == "failed" else []
            for callback in trainer.callbacks:
                with contextlib.suppress(*ignored):
                    callback.finished(status)
        if parallel.is_main:
            if status == "done":  # what followed training is complete, too
                shutil.rmtree(folder / "checkpoints" / FIT_PROGRESS, ignore_errors=True)
            _write_card(folder, plugin)
        return status


def _health(trainer: Trainer, data: Split) -> tuple[list[dict[str, Any]], str]:
    """The codec's, where it may be known and is not yet, and where there is time."""
    budget, seed = trainer.plan.budget, trainer.settings.train.seed
    if trainer.clock.samples or not trainer.policy.shows_real_items or budget.left() <= 0:
        return [], ""
    return codec_health(trainer.codec, data, seed)


def _write_card(folder: Path, plugin: LoadedModality) -> None:
    run = Run(folder)
    if run.has_model:
        run.plugin = plugin  # as given: it need not be installed
        write_card(run)


def _judge(
    plugin: LoadedModality,
    config: Config,
    folder: Path,
    trainer: Trainer,
    data: Split,
    stop: StopRequest,
    progress: Progress,
) -> None:
    """Writes the run's verdict. What goes wrong is a warning: the training is done."""
    budget = trainer.plan.budget
    budget.reserved = 0.0
    if not (trainer.policy.shows_real_items and config.engine.log.verdict):
        return
    try:
        found = verdict(
            *(plugin, config, trainer, data),
            seconds=allowed(budget.spent(), budget.left()),
            stopped=stop,
            progress=progress,
        )
        if found is None:
            return
        write_json(folder / VERDICT, found)
        warnings = found["warnings"]
    except Exception as error:  # noqa: BLE001 - whatever it is, the run is complete
        raise_if_strict(error)
        warnings = [f"the samples could not be scored: {in_one_line(error)}"]
    for warning in warnings:
        for callback in trainer.callbacks:
            callback.warning(warning)


@contextlib.contextmanager
def _faults(folder: Path, config: Config) -> Iterator[None]:
    """Reports faults of the system, whatever was being done, as errors of the user's."""
    hints = {"memory": memory_hint(config), "gpu_memory": memory_hint(config, gpu=True)}
    with translated(folder, disk=DISK_HINT, **hints):
        try:
            yield
        except FileNotFoundError as error:
            if folder.is_dir():
                raise
            raise GankitError(
                f"{folder} is gone: the run was moved or deleted while it trained",
                "Where it was moved, go on from its last checkpoint: gankit train --out ITS_PLACE",
            ) from error


def memory_hint(config: Config, gpu: bool = False) -> str:
    """Which of the settings to change where memory does not suffice: the system's, or a GPU's."""
    engine, train = config.engine, config.engine.train
    smaller = []
    if not gpu or train.shard or engine.privacy.epsilon:  # else steps are computed in pieces anyway
        counts = (p for p in (2, 4, 8, 16, 32, 64) if p > train.accumulate and train.batch % p == 0)
        pieces = 0 if engine.privacy.epsilon else next(counts, 0)
        smaller += [f"train.accumulate={pieces}"] if pieces else []
        smaller += [f"train.batch={train.batch // 2 or 1}"] if gpu or not pieces else []
    if (resolution := getattr(config.settings, "resolution", None)) is not None:
        half = f"={resolution // 2}" if isinstance(resolution, int) and resolution > 1 else ""
        smaller.append(f"a smaller resolution{half}")
    if gpu and train.precision == "fp32":
        smaller.append("train.precision=bf16")
    if gpu and engine.data.cache != "never":
        smaller.append("data.cache=never")
    if not gpu and engine.data.workers:
        smaller.append("data.workers=0")
    return f"Earlier checkpoints are kept. Try {' or '.join(smaller or ['smaller networks'])}"


def _resume(trainer: Trainer) -> None:
    """Continues from the newest readable checkpoint, and warns when that is not the newest."""
    from gankit.engine.checkpoint import unreadable

    folder = trainer.plan.folder
    assert folder is not None  # of a run
    before = set(unreadable(folder))
    trainer.resume()
    for bad in sorted(set(unreadable(folder)) - before):
        for callback in trainer.callbacks:
            callback.warning(
                f"checkpoint {bad.stem} cannot be read and was set aside; continuing from "
                f"{trainer.clock.samples:,} samples"
            )


def check_resumable(folder: Path, plugin: LoadedModality, config: Config) -> bool:
    """Whether ``folder`` holds a run to continue.

    Raises:
        GankitError: it was made with other settings, or is no run.
    """
    if not folder.exists() or all(LEFT.fullmatch(p.name) for p in folder.iterdir()):
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
            f"Resume with the same settings, `gankit train --out {folder}`, or choose another "
            "--out",
        )
    return True
