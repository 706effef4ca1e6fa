"""Writing ``model/`` from a trainer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gankit import config as configuration
from gankit.kit.files import read_json, write_atomic, write_json
from gankit.plugins.registry import LoadedModality
from gankit.runs.model import (
    CODEC,
    FORMAT,
    GENERATOR,
    MODEL,
    POWER,
    RATIO,
    layout_to_json,
)

if TYPE_CHECKING:
    from gankit.engine.sampling.conditions import ConditionTable
    from gankit.engine.trainer import Trainer


def export_model(
    folder: Path,
    trainer: Trainer,
    plugin: LoadedModality,
    config: configuration.Config,
    run: str,
    conditions: ConditionTable | None,
    data: Mapping[str, str],
) -> None:
    """Writes ``model/``: the averaged generator, the codec's state, and what describes them."""
    import torch
    from safetensors.torch import save

    folder.mkdir(parents=True, exist_ok=True)
    weights = {k: v.contiguous() for k, v in trainer.ema.state_dict().items()}
    if not (folder / MODEL).is_file():
        state = trainer.codec.state()
        tensors = {f"codec/{k}": v for k, v in state.tensors.items()}
        if conditions is not None:
            tensors |= {
                "conditions/rows": conditions.rows,
                "conditions/weights": conditions.weights,
            }
        settings = {
            k: v
            for k, v in config.as_table().items()
            if k
            in {f.key.partition(".")[0] for f in configuration.describe(plugin.modality.Settings)}
        }
        write_atomic(folder / CODEC, save(tensors))
        write_atomic(
            folder / MODEL,
            json.dumps(
                {
                    "format": FORMAT,
                    "plugin": plugin.info.name,
                    "plugin_version": plugin.version,
                    "data": dict(data),
                    "run": run,
                    "latent_dim": trainer.networks.latent_dim,
                    "candidates": trainer.settings.resampling.candidates,
                    "precision": trainer.settings.train.precision,
                    "layout": layout_to_json(trainer.codec.layout),
                    "settings": settings,
                    "codec": state.config,
                },
                indent=1,
            ).encode(),
        )
    if trainer.privacy is not None:  # before the weights: rather claim too much than too little
        about = read_json(folder / MODEL)
        write_json(folder / MODEL, about | {"privacy": trainer.privacy.record(trainer.d_steps)})
    if trainer.ratio is None:  # one that was learnt for an earlier generator does not fit this one
        (folder / RATIO).unlink(missing_ok=True)
    write_atomic(
        folder / GENERATOR, save(weights, metadata={"samples": str(trainer.clock.samples)})
    )
    if trainer.ratio is not None:
        ratio = {k: v.contiguous() for k, v in trainer.ratio.state_dict().items()}
        ratio[POWER] = torch.tensor(trainer.ratio_power)
        write_atomic(folder / RATIO, save(ratio))
