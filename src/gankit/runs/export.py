"""Writing ``model/`` from a trainer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gankit import config as configuration
from gankit.kit.files import read_json, write_atomic, write_json
from gankit.plugins.records import LoadedModality
from gankit.runs.model import (
    CODEC,
    FORMAT,
    GENERATOR,
    LATEST_GENERATOR,
    MODEL,
    POWER,
    RATIO,
    WARM_GENERATOR,
    layout_to_json,
)
from gankit.runs.started import not_covered

if TYPE_CHECKING:
    from torch import Tensor

    from gankit.engine.trainer import Trainer


def export_model(
    folder: Path,
    trainer: Trainer,
    plugin: LoadedModality,
    config: configuration.Config,
    run: str,
    data: Mapping[str, object],
    networks: Mapping[str, str] | None = None,
    consent: Mapping[str, str] | None = None,
) -> None:
    """Writes ``model/``: the averaged generator as it was best, and as it is where that differs;
    the codec's state, and their description.

    Args:
        run: the run's name.
        data: the data's licence, fingerprint and number of training items.
        networks: the classes of networks that are not the plugin's.
        consent: what the run states of the people in its data.
    """
    import torch
    from safetensors.torch import save

    folder.mkdir(exist_ok=True)
    for left in folder.glob(".*.safetensors.*.partial"):  # of a trainer that was killed
        left.unlink(missing_ok=True)
    if not ((folder / MODEL).is_file() and (folder / CODEC).is_file()):
        about: dict[str, object] = {"run": run, "data": dict(data), **(consent or {})}
        if networks:
            about["networks"] = dict(networks)
        if trainer.plan.started_from:
            about["started_from"] = trainer.plan.started_from
        _write_codec(folder, trainer, plugin, config, about)
    private = trainer.policy.record(trainer.data_steps)
    if private is not None:  # before the weights: rather overstate what was spent than understate
        if trainer.plan.started_from:
            line = not_covered(trainer.plan.started_from)
            private["does_not_cover"] = [*private["does_not_cover"], line]
        write_json(folder / MODEL, read_json(folder / MODEL) | {"privacy": private})
    if trainer.resampler is None:  # one fitted to an earlier generator does not fit this one
        (folder / RATIO).unlink(missing_ok=True)
    content = _weights(trainer.ema.state_dict(), trainer.clock.samples)
    if (best := trainer.best_weights()) is None:
        write_atomic(folder / GENERATOR, content)
        (folder / LATEST_GENERATOR).unlink(missing_ok=True)
    else:
        write_atomic(folder / LATEST_GENERATOR, content)
        write_atomic(folder / GENERATOR, _weights(*best))
    if trainer.ends_warm_up:  # to tell what the game makes of it
        write_atomic(folder / WARM_GENERATOR, content)
    if trainer.resampler is not None:
        ratio = {k: v.contiguous() for k, v in trainer.resampler.ratio.state_dict().items()}
        ratio[POWER] = torch.tensor(trainer.resampler.power)
        write_atomic(folder / RATIO, save(ratio))


def _weights(state: Mapping[str, Tensor], samples: int) -> bytes:
    """A generator's weights, with the training samples that they have seen."""
    from safetensors.torch import save

    tensors = {k: v.contiguous() for k, v in state.items()}
    return save(tensors, metadata={"samples": str(samples)})


def _write_codec(
    folder: Path,
    trainer: Trainer,
    plugin: LoadedModality,
    config: configuration.Config,
    about: Mapping[str, object],
) -> None:
    from safetensors.torch import save

    state, conditions = trainer.codec.state(), trainer.plan.conditions
    tensors = {f"codec/{k}": v for k, v in state.tensors.items()}
    if conditions is not None:
        tensors |= {
            "conditions/rows": conditions.rows,
            "conditions/weights": conditions.weights,
        }
    own = {s.key.partition(".")[0] for s in configuration.describe(plugin.modality.Settings)}
    settings = {k: v for k, v in config.as_table().items() if k in own}
    backbones = trainer.networks.backbones
    write_atomic(folder / CODEC, save(tensors))
    write_json(
        folder / MODEL,
        {
            "format": FORMAT,
            "plugin": plugin.info.name,
            "plugin_version": plugin.version,
            **about,
            "latent_dim": trainer.networks.latent_dim,
            **({"backbones": sorted(backbones)} if backbones else {}),
            "candidates": trainer.settings.resampling.candidates,
            "precision": trainer.settings.train.precision,
            **({"threads": trainer.threads} if trainer.threads else {}),
            "layout": layout_to_json(trainer.codec.layout),
            "settings": settings,
            "codec": state.config,
        },
    )
