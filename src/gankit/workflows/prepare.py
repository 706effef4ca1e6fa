"""A trainer, ready to start: data, codec, networks and policy of a configuration."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gankit.config import Config
from gankit.contract import Codec, CodecState, Conforms, Fitting, Progress, quiet
from gankit.contract.codec import sample_conditions
from gankit.errors import GankitError, PluginError, ReportedError, did_you_mean
from gankit.kit.files import cache_folder, write_atomic
from gankit.metrics.membership import Likelihoods, membership_auc
from gankit.plugins.records import LoadedModality
from gankit.plugins.registry import Plugins, installed
from gankit.plugins.write_guard import confined
from gankit.runs.directory import load_codec
from gankit.runs.export import export_model
from gankit.runs.model import (
    CODEC,
    MODEL,
    read_model,
    read_tensors,
    refuse_without_networks,
)
from gankit.workflows.choosing_recipes import too_few
from gankit.workflows.conformity import conformed
from gankit.workflows.consent import AskConsent, asked
from gankit.workflows.data import Split, read_data
from gankit.workflows.interrupts import StopRequest
from gankit.workflows.transfer import Start
from gankit.workflows.verdict import reserved
from gankit.workflows.watching import probe_of

if TYPE_CHECKING:
    from gankit.contract import Objective, Penalty
    from gankit.engine.budget import Budget
    from gankit.engine.own_networks import OwnNetworks
    from gankit.engine.parallel import ParallelContext
    from gankit.engine.trainer import Trainer

CODEC_TIME = 0.6
"""The share of a time budget that fitting a codec may take."""


def prepare(
    plugin: LoadedModality,
    config: Config,
    folder: Path,
    *,
    source: object = None,
    device: str = "auto",
    progress: Progress = quiet,
    started: float | None = None,
    stop: StopRequest | None = None,
    parallel: ParallelContext | None = None,
    on_read: Callable[[Split], None] = lambda data: None,
    networks: OwnNetworks | None = None,
    objective: Objective | None = None,
    ask_consent: AskConsent | None = None,
) -> tuple[Trainer, Split]:
    """A trainer, ready to start, and its data; arguments as for ``train``.

    Raises:
        GankitError: for whatever the user can fix.
        PluginError: the plugin breaks its contract.
        KeyboardInterrupt: stopped while the codec was fitted.
    """
    import torch

    from gankit.engine.budget import Budget
    from gankit.engine.checkpoint import checkpoints
    from gankit.engine.devices import choose_device, fastest_precision
    from gankit.engine.own_networks import check_shapes, class_names, own_networks
    from gankit.engine.parallel import ParallelContext
    from gankit.engine.plan import TrainingPlan
    from gankit.engine.policy import TrainingPolicy
    from gankit.engine.privacy.policy import PrivatePolicy, try_out
    from gankit.engine.sampling.conditions import ConditionTable
    from gankit.engine.shadow import Shadow
    from gankit.engine.trainer import Trainer
    from gankit.engine.transfer import freeze_first
    from gankit.engine.validation import contract_violation

    modality, settings, engine = plugin.modality, config.settings, config.engine
    seed, stop = engine.train.seed, stop or StopRequest()
    parallel, budget = parallel or ParallelContext.current(), Budget(engine.train.time, started)
    policy = PrivatePolicy() if engine.privacy.epsilon else TrainingPolicy()
    if policy.shows_real_items and engine.log.verdict:
        budget.reserved = reserved(engine.train.time)
    torch.backends.cudnn.allow_tf32 = False  # double backward is sensitive to it

    with parallel.together():
        begun = (folder / "model" / MODEL).is_file()  # which states what the run started from
        resumes = parallel.is_main and begun and bool(checkpoints(folder / "checkpoints"))
    resumes = parallel.agree(resumes)
    # Each part is checked by the policy as soon as it is known.
    with parallel.together():
        place, pieces = choose_device(device), engine.train.accumulate * parallel.size
        if engine.train.precision == "auto":
            chosen = dataclasses.replace(engine.train, precision=fastest_precision(place))
            engine = dataclasses.replace(engine, train=chosen)
        if engine.privacy.epsilon:  # small batches would drown in noise
            large = dataclasses.replace(engine.train, epoch_steps=0)
            engine = dataclasses.replace(engine, train=large)
        game, penalties = _loss_parts(config, installed(), objective)
        policy.check(engine, game)
        if engine.train.batch % pieces:
            raise GankitError(
                f"train.batch={engine.train.batch} cannot be divided over {parallel.size} "
                f"processes with train.accumulate={engine.train.accumulate}",
                f"Use a multiple of {pieces}",
            )
        start = None
        if engine.transfer.run and not resumes:
            start = Start(engine.transfer.run, folder)
            start.check(plugin, config)
        data = read_data(plugin, config, source, progress)
        if source is not None or config.data is not None:
            few = too_few(plugin.info, config.recipe, len(data.dataset.items))
            data.dataset.warnings = [*data.dataset.warnings, *([few] if few else [])]
        if ask_consent is not None and parallel.size == 1 and not resumes:
            with budget.paused():
                data.consent = asked(data.consent, ask_consent)
        if parallel.is_main:
            on_read(data)
    _refuse_other_data(data, parallel)
    with parallel.together():
        engine = dataclasses.replace(engine, train=engine.train.on(len(data.train), pieces))
        policy.plan(engine, len(data.train))
        torch.manual_seed(seed)  # a codec may be trained
        if parallel.is_main:
            refuse_other_networks(folder, networks)
        own = _stored_codec(folder, plugin, config) if parallel.is_main else None
        name = config.data if source is None else source
        if start is not None and own is None:
            kept, data = start.codec(plugin, config, data, name)
            own = kept if parallel.is_main else None
        keeps_codec = start is not None and own is not None
        if (
            isinstance(own, Conforms) and not keeps_codec
        ):  # data that has changed otherwise is refused by fingerprint
            conformed(modality, own, data.dataset.items, name, strict=True)
        if parallel.is_main and own is None:
            own = _fit_codec(plugin, data, settings, seed, budget, stop, progress)
    codec = _shared_codec(plugin, own, settings, parallel)
    with parallel.together():
        policy.check(engine, game, codec=codec)
        reals = policy.real_samples(
            data.train,
            codec,
            batch=engine.train.batch // pieces,
            seed=seed,
            device=place,
            cache=engine.data.cache,
            workers=engine.data.workers,
            visits=engine.train.samples * engine.train.d_steps,
            share=(parallel.rank, parallel.size),
            progress=progress,
            time_left=budget.left,
        )
        torch.manual_seed(seed)
        if networks is None:
            players = modality.build_networks(codec, settings)
        else:
            players = own_networks(networks, codec)
            check_shapes(players, codec, list(data.train[:2]))
        started_from = _started_from(folder) if resumes else None
        if start is not None:
            fingerprint = data.dataset.fingerprint if policy.shows_real_items else ""
            started_from = start.apply(players, codec, plugin, config, fingerprint)
            started_from["codec"] = "source" if keeps_codec else "fitted"
            data.dataset.warnings = [*data.dataset.warnings, *start.warnings]
        first = list(data.train[:2])
        frozen = freeze_first(players, codec, first, engine.transfer.freeze_d)
        if start is not None and started_from is not None and frozen:
            start.check_frozen(players, frozen, engine.transfer.freeze_d)
            started_from["frozen"] = frozen
        policy.check(engine, game, players)
        if broken := contract_violation(players, codec, list(data.train[:2])):
            raise PluginError(plugin.info.name, broken)
        torch.manual_seed(policy.seed(seed, "start", 0))
        for network in (players.generator, players.discriminator):
            parallel.broadcast_module_(network)
        conditions, shadow = None, None
        if codec.layout.condition is not None and sample_conditions(codec, {}, [0]) is None:
            conditions = ConditionTable.from_training(reals.conditions(), seed)
        if len(data.shadow) and players.likelihood is not None:
            shadow = Shadow(
                *(players, codec, data.train, data.shadow),
                auc=lambda *values: membership_auc(Likelihoods(*values)),
                batch=reals.batch,
                seed=seed,
                device=place,
                autocast=torch.bfloat16 if engine.train.precision == "bf16" else None,
            )
        probe, doubts = None, list[str]()
        if policy.shows_real_items:
            probe, doubts = probe_of(data.train, data.heldout, codec, reals, engine.guard, seed)
        plan = TrainingPlan(
            *(players, codec, reals, engine, game, folder / "checkpoints"),
            penalties=penalties,
            conditions=conditions,
            policy=policy,
            parallel=parallel,
            budget=budget,
            shadow=shadow,
            probe=probe,
            doubts=doubts,
            started_from=started_from,
        )
        about: dict[str, object] = {"licence": data.dataset.licence, "fingerprint": ""}
        if policy.shows_real_items:  # a hash of the data would confirm a guess at one record
            about |= {"fingerprint": data.dataset.fingerprint, "items": len(data.train)}
        name = folder.resolve().name
        trainer = Trainer(
            plan,
            preview=_previewer(plugin, folder / "previews", codec, data, policy.shows_real_items),
            progress=progress,
            export=lambda t: export_model(
                *(folder / "model", t, plugin, config, name, about),
                networks=None if networks is None else class_names(players),
                consent=data.consent.record(),
            ),
            stop=stop,
        )
        if isinstance(policy, PrivatePolicy):
            try_out(trainer.updates, reals, trainer.generator_batch)
    return trainer, data


def _refuse_other_data(data: Split, parallel: ParallelContext) -> None:
    """Refuses to train on what only some of the processes have.

    Raises:
        GankitError: two of them read different data.
    """
    here = [data.dataset.fingerprint, len(data.dataset.items)]
    main, *others = parallel.share(here)
    for rank, there in enumerate(others, 1):
        if there != main:
            kind = GankitError if parallel.is_main else ReportedError
            raise kind(
                f"process {rank} of {parallel.size} read other data ({there[1]:,} items, "
                f"fingerprint {there[0][:8]}) than process 0 ({main[1]:,} items, fingerprint "
                f"{main[0][:8]})",
                "Give all machines the same files",
            )


def _loss_parts(
    config: Config, plugins: Plugins, own: Objective | None
) -> tuple[Objective, tuple[tuple[Penalty, float], ...]]:
    """The objective and the extra penalties that the settings name, from the core or plugins."""
    from gankit.engine.objectives import OBJECTIVES

    loss = config.engine.loss
    theirs = plugins.collect("gankit_objectives", taken=OBJECTIVES)
    objectives = {**OBJECTIVES, **{record.name: record for _, record in theirs}}
    if own is not None:
        objectives[own.name] = own
    penalties = {record.name: record for _, record in plugins.collect("gankit_penalties")}
    extra = ((_named(penalties, k, "loss.extra"), weight) for k, weight in loss.extra.items())
    return _named(objectives, loss.objective, "loss.objective"), tuple(extra)


def _named(known: dict[str, Any], name: str, key: str) -> Any:
    if name not in known:
        raise GankitError(f"{key}={name!r}: unknown name", did_you_mean(name, sorted(known)))
    return known[name]


def _fit_codec(
    plugin: LoadedModality,
    data: Split,
    settings: Any,
    seed: int,
    budget: Budget,
    stop: StopRequest,
    progress: Progress,
) -> Codec[Any]:
    """The codec for the training items, in its share of the time.

    Raises:
        KeyboardInterrupt: the user stopped it; a codec that is trained has saved its progress.
    """
    fitting = Fitting(
        progress=progress,
        time_left=budget.share(CODEC_TIME),
        stopped=stop,
        cache=cache_folder(plugin.info.name),
        seed=seed,
    )
    with stop.listening():
        codec = plugin.modality.fit_codec(data.train, settings, fitting)
    if stop():
        raise KeyboardInterrupt
    return codec


def _shared_codec(
    plugin: LoadedModality, codec: Codec[Any] | None, settings: Any, parallel: ParallelContext
) -> Codec[Any]:
    """The main process's codec, in all processes."""
    from safetensors.torch import load, save

    if codec is not None and parallel.size == 1:
        return codec
    state = CodecState({}) if codec is None else codec.state()
    config = parallel.broadcast(json.dumps(state.config).encode())
    tensors = parallel.broadcast(save(state.tensors))
    if codec is not None:
        return codec
    return plugin.modality.load_codec(CodecState(json.loads(config), load(tensors)), settings)


def _previewer(
    plugin: LoadedModality, folder: Path, codec: Codec[Any], data: Split, shows_real: bool
) -> Callable[[list[Any], int], Path]:
    """Writes the preview of a number of samples seen."""

    def preview(items: list[Any], samples: int) -> Path:
        folder.mkdir(exist_ok=True)
        for left in folder.glob(".*.partial"):  # of a process that was killed
            left.unlink(missing_ok=True)
        with confined(plugin.info.name, folder):
            found = plugin.modality.preview(items, codec, data.train if shows_real else ())
        target = folder / f"{samples:012d}{found.suffix}"
        write_atomic(target, found.content)
        if found.page:
            write_atomic(target.with_suffix(".html"), found.page.encode())
        return target

    return preview


def refuse_other_networks(folder: Path, networks: OwnNetworks | None) -> None:
    """Refuses to resume a run without its own networks, or with networks that it did not have.

    Raises:
        GankitError: says which.
    """
    if not (folder / "model" / MODEL).is_file():
        return
    model = read_model(folder / "model")
    if networks is None:
        refuse_without_networks(folder, model)
    elif not model.get("networks"):
        raise GankitError(
            f"{folder} was trained with the plugin's networks",
            "Leave networks out, or choose another out",
        )


def _started_from(folder: Path) -> dict[str, Any] | None:
    """What a run that is resumed has taken from another one's weights, or None."""
    stored = folder / "model"
    return read_model(stored).get("started_from") if (stored / MODEL).is_file() else None


def _stored_codec(folder: Path, plugin: LoadedModality, config: Config) -> Codec[Any] | None:
    """The codec of a run that is resumed, or None."""
    model = folder / "model"
    if not ((model / MODEL).is_file() and (model / CODEC).is_file()):
        return None
    tensors = read_tensors(model / CODEC)
    return load_codec(plugin, model, read_model(model), tensors, config.settings)
