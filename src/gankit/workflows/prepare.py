"""A trainer, ready to begin."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gankit.config import Config
from gankit.contract import Codec, Progress
from gankit.errors import GankitError, PluginError
from gankit.kit.files import read_json
from gankit.plugins.registry import (
    LoadedModality,
    installed,
)
from gankit.plugins.write_guard import confined
from gankit.runs.export import export_model
from gankit.runs.model import CODEC, MODEL, codec_state, read_tensors
from gankit.workflows.data import Data, read_data

if TYPE_CHECKING:
    from gankit.engine.trainer import Trainer


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
    from gankit.engine.data import RealSamples
    from gankit.engine.devices import choose_device
    from gankit.engine.objectives import OBJECTIVES
    from gankit.engine.privacy.accountant import plan as plan_noise
    from gankit.engine.privacy.batches import PoissonSamples
    from gankit.engine.privacy.policy import refuse_unsound, try_out
    from gankit.engine.privacy.secret import Privacy
    from gankit.engine.sampling.conditions import ConditionTable
    from gankit.engine.trainer import Trainer
    from gankit.engine.validation import contract_violation

    modality, settings, engine = plugin.modality, config.settings, config.engine
    place = choose_device(device)
    torch.backends.cudnn.allow_tf32 = False  # double backward is sensitive to it
    plugins = installed()
    theirs = plugins.collect("gankit_objectives", taken=OBJECTIVES)
    objectives = {**OBJECTIVES, **{record.name: record for _, record in theirs}}
    penalties = {record.name: record for _, record in plugins.collect("gankit_penalties")}
    objective = named_record(objectives, engine.loss.objective, "loss.objective")
    extra = [
        (named_record(penalties, name, "loss.extra"), weight)
        for name, weight in engine.loss.extra.items()
    ]

    if engine.privacy.epsilon:
        refuse_unsound(engine, objective)
    data = read_data(plugin, config, source, progress)
    privacy = None
    if engine.privacy.epsilon:
        privacy = Privacy(plan_noise(engine, len(data.train)))
    torch.manual_seed(engine.train.seed)  # a codec may be learnt
    codec = stored_codec(folder, plugin, config)
    if codec is None:
        codec = modality.fit_codec(data.train, settings, progress)
    if privacy is not None:
        refuse_unsound(engine, objective, codec=codec)
    rank, size = parallel.world()
    draw: Callable[..., RealSamples] = RealSamples
    if privacy is not None:
        draw = functools.partial(PoissonSamples, privacy=privacy)
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
        refuse_unsound(engine, objective, networks)
    if broken := contract_violation(networks, codec, list(data.train[:2])):
        raise PluginError(plugin.info.name, broken)
    torch.manual_seed(privacy.seed() if privacy else engine.train.seed * 1009 + 1 + rank)
    conditions = None
    if codec.layout.condition is not None and codec.sample_conditions({}, [0]) is None:
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
        try_out(trainer)
    yield trainer, data


def stored_codec(folder: Path, plugin: LoadedModality, config: Config) -> Codec[Any] | None:
    """The codec of a run that is resumed, or None."""
    model = folder / "model"
    if not ((model / MODEL).is_file() and (model / CODEC).is_file()):
        return None
    state = codec_state(read_json(model / MODEL), read_tensors(model / CODEC))
    return plugin.modality.load_codec(state, config.settings)


def named_record(known: dict[str, Any], name: str, key: str) -> Any:
    from gankit.errors import did_you_mean

    if name not in known:
        raise GankitError(
            f"{key}={name!r}: there is no such name", did_you_mean(name, sorted(known))
        )
    return known[name]
