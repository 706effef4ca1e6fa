"""Checks what a plugin supplied before the first step: shapes, types and finite values.

A wrong shape would otherwise surface as an error deep inside a step, or broadcast silently.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gankit.contract import Codec, Layout, Networks
from gankit.engine.penalties import augment_alike
from gankit.errors import GankitError


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


def refuse_random_differences(networks: Networks, layout: Layout) -> None:
    """Refuses networks whose logits differ at x and at x + sigma e for another reason than e.

    Random numbers and running statistics are restored.

    Raises:
        GankitError: the discriminator draws random numbers, or the augmentation cannot be applied
            twice with the same ones.
    """
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        x = torch.randn(2, *layout.shape)
        c = torch.zeros(2, layout.condition.width) if layout.condition else None
        D = copy.deepcopy(networks.discriminator).train()
        why = ""
        if not torch.equal(D(x, c), D(x, c)):
            why = "this discriminator: the same sample gives different logits (dropout?)"
        elif (augment := networks.augment_input) is not None:
            why = alike_refused(lambda x: augment(x, torch.ones(())), x)
            why = why and f"this augmentation: {why}"
    if why:
        what = f"loss.penalty_form=finite-difference cannot be used with {why}"
        raise GankitError(what, "Use loss.penalty_form=exact")


def alike_refused(augment: Callable[[Tensor], Tensor], x: Tensor) -> str:
    """Why an augmentation cannot be applied twice with the same random numbers, as a clause; empty
    where it can."""
    try:
        first, second = augment_alike(augment, x, x)
    except (RuntimeError, ValueError) as error:
        return f"torch.vmap does not run it ({str(error).strip().splitlines()[0]})"
    return "" if torch.equal(first, second) else "it draws other numbers each time it is applied"


def _differs(what: str, x: Tensor, shape: tuple[int, ...]) -> str:
    if tuple(x.shape) != shape:
        return f"{what} has shape {tuple(x.shape)}, but the contract requires {shape}"
    if x.dtype != torch.float32:
        return f"{what} is {x.dtype}, but the contract requires torch.float32"
    if not x.isfinite().all():
        return f"{what} is not finite"
    return ""
