"""A look at what a plugin handed over, before the first step: shapes, types and finite values.

A wrong shape would otherwise show as an error deep inside a step, or broadcast without a word.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gankit.contract import Codec, Networks


def contract_violation(networks: Networks, codec: Codec[Any], items: Sequence[Any]) -> str:
    """What does not keep the contract, as a clause; empty when all is well.

    Random numbers and running statistics are afterwards as they were.

    Args:
        items: a few real ones.
    """
    n, layout = len(items), codec.layout
    players = networks.generator, networks.discriminator
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        batch = codec.prepare(codec.encode(items, np.random.default_rng(0)))
        if said := _differs("its codec's x", batch.x, (n, *layout.shape)):
            return said
        if (batch.c is None) != (layout.condition is None):
            return "its codec's batches and its layout disagree on whether there is a condition"
        wanted = (n, layout.condition.width if layout.condition else 0)
        if batch.c is not None and (said := _differs("its codec's c", batch.c, wanted)):
            return said
        modes = [player.training for player in players]
        for player in players:
            player.eval()  # running statistics stay as they are
        fake = networks.generator(torch.randn(n, networks.latent_dim), batch.c)
        logits = networks.discriminator(batch.x, batch.c)
        for player, mode in zip(players, modes, strict=True):
            player.train(mode)
    return _differs("its generator's output", fake, (n, *layout.shape)) or _differs(
        "its discriminator's output", logits, (n,)
    )


def _differs(what: str, x: Tensor, shape: tuple[int, ...]) -> str:
    if tuple(x.shape) != shape:
        return f"{what} has shape {tuple(x.shape)}, where the contract wants {shape}"
    if x.dtype != torch.float32:
        return f"{what} is {x.dtype}, where the contract wants torch.float32"
    if not x.isfinite().all():
        return f"{what} is not finite"
    return ""
