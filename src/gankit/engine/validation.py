"""Checks what a plugin supplied before the first step: shapes, types and finite values.

A wrong shape would otherwise surface as an error deep inside a step, or broadcast silently.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gankit.contract import Codec, Networks


def contract_violation(networks: Networks, codec: Codec[Any], items: Sequence[Any]) -> str:
    """What violates the contract, as a clause; empty when nothing does.

    Random numbers and running statistics are restored.

    Args:
        items: a few real ones.
    """
    n, layout = len(items), codec.layout
    players = networks.generator, networks.discriminator
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        batch = codec.prepare(codec.encode(items, np.random.default_rng(0)))
        if what := _differs("its codec's x", batch.x, (n, *layout.shape)):
            return what
        if (batch.c is None) != (layout.condition is None):
            return "its codec's batches and its layout disagree about having a condition"
        wanted = (n, layout.condition.width if layout.condition else 0)
        if batch.c is not None and (what := _differs("its codec's c", batch.c, wanted)):
            return what
        modes = [player.training for player in players]
        for player in players:
            player.eval()  # running statistics stay as they are
        fake = networks.generator(torch.randn(n, networks.latent_dim), batch.c)
        logits = networks.discriminator(batch.x, batch.c)
        for player, mode in zip(players, modes, strict=True):
            player.train(mode)
    wanted = tuple(logits.shape) if logits.ndim == 2 and len(logits) == n else (n,)
    return _differs("its generator's output", fake, (n, *layout.shape)) or _differs(
        "its discriminator's output", logits, wanted
    )


def _differs(what: str, x: Tensor, shape: tuple[int, ...]) -> str:
    if tuple(x.shape) != shape:
        return f"{what} has shape {tuple(x.shape)}, but the contract requires {shape}"
    if x.dtype != torch.float32:
        return f"{what} is {x.dtype}, but the contract requires torch.float32"
    if not x.isfinite().all():
        return f"{what} is not finite"
    return ""
