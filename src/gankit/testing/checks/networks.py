"""Checks of the networks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from gankit.contract import (
    Batch,
    Categorical,
    Networks,
)
from gankit.engine.objectives import OBJECTIVES
from gankit.engine.penalties import squared_gradient_norm
from gankit.engine.step import AdversarialLoss, LossTerms, LossWeights, trainable
from gankit.engine.validation import alike_refused
from gankit.testing.checks.base import expect, expect_float
from gankit.testing.subject import BATCH, CheckFailed, NotApplicable, Subject


def shapes(s: Subject) -> None:
    """The generator's output has the layout's shape; the discriminator gives logits per sample."""
    networks, real = s.networks(perturbed=False), s.real()
    fake = networks.generator(s.latents(networks, len(real)), real.c)
    shape = (len(real), *s.codec.layout.shape)
    expect_float("the generator's output", fake, shape, "Build it from layout.shape")
    logits = networks.discriminator(real.x, real.c)
    wanted = (len(real), *logits.shape[1:2])
    expect_float("the logits", logits, wanted, "Return (N,) or (N, M); no sigmoid")
    theirs = {id(p) for p in networks.discriminator.parameters()}
    shared = [n for n, p in networks.generator.named_parameters() if id(p) in theirs]
    expect(not shared, f"G and D share {', '.join(shared)}", "Give each network its own parameters")


def generator_determinism(s: Subject) -> None:
    """A generated sample depends on its own latent only, and the generator draws nothing."""
    networks, c = s.networks(), s.real().c
    G, z = networks.generator.eval(), s.latents(networks, BATCH if c is None else len(c))
    with torch.no_grad():
        whole, again = G(z, c), G(z, c)
        part = G(z[:3], None if c is None else c[:3])
    expect(
        torch.equal(whole, again),
        "the same latents give different samples",
        "Draw nothing in the generator",
    )
    close = torch.allclose(whole[:3], part, rtol=1e-3, atol=1e-4)
    fix = "Use no layer that mixes the batch in evaluation mode"
    expect(close, "a sample changes with the size of its batch", fix)


def batch_independence(s: Subject) -> None:
    """A logit depends on its own sample only, unless Networks.batch_dependent is set."""
    networks, real = s.networks(), s.real()
    x = real.x.clone().requires_grad_()
    first = networks.discriminator(x, real.c)[0].sum()
    (gradient,) = torch.autograd.grad(first, x, allow_unused=True, materialize_grads=True)
    alone = networks.batch_dependent or not gradient[1:].any()
    fix = "Set Networks.batch_dependent=True, or remove batch normalisation and statistics"
    expect(alone, "a logit depends on its batch, which R1 and R2 exclude", fix)


def condition(s: Subject) -> None:
    """Both networks use every field of the condition."""
    networks, real, condition = s.networks(), s.real(), s.codec.layout.condition
    if condition is None or real.c is None:
        raise NotApplicable("the layout has no condition")
    z = s.latents(networks, len(real))
    for field, block in condition.blocks():
        other = real.c.clone()
        if isinstance(field, Categorical) and field.optional:
            other[:, block] = torch.eye(field.width)[0]
        else:
            other[:, block] = other[:, block].roll(1, 1) if field.width > 1 else other[:, block] + 1
        if networks.by_likelihood and networks.likelihood is not None:
            with torch.no_grad():
                told = networks.likelihood(real.x, other)
                uses = not torch.equal(networks.likelihood(real.x, real.c), told)
            expect(uses, f"the likelihood ignores {field.name}", "Use c, or leave the field out")
            continue
        for name, net, x in (
            ("generator", networks.generator, z),
            ("discriminator", networks.discriminator, real.x),
        ):
            with torch.no_grad():
                uses = not torch.equal(net.eval()(x, real.c), net(x, other))
            uses = uses or bool(_gradient(net.train(), x, real.c)[:, block].any())
            expect(uses, f"the {name} ignores {field.name}", "Use c, or leave the field out")


def _gradient(net: nn.Module, x: Tensor, c: Tensor) -> Tensor:
    """Of a network's output by ``c``: what is drawn, such as one-hot vectors, need not change with
    it in a few samples, but has a straight-through gradient."""
    c = c.clone().requires_grad_()
    out = net(x, c)
    if not out.requires_grad:
        return torch.zeros_like(c)
    total = out.square().sum() + out.sum()
    (found,) = torch.autograd.grad(total, c, allow_unused=True, materialize_grads=True)
    return found


def gradients(s: Subject) -> None:
    """One step of each network reaches all of its parameters."""
    networks, real = s.networks(), s.real()
    # In a relativistic loss D's last bias cancels in the difference of logits.
    loss = AdversarialLoss(networks, OBJECTIVES["nonsaturating"], LossTerms(zero_centred=False))
    given = real.x, real.c, s.latents(networks, len(real)), LossWeights(*torch.zeros(4))
    steps: dict[str, Any] = {
        "discriminator": loss.discriminator_step,
        "generator": loss.generator_step,
    }
    if networks.by_likelihood:
        steps = {"generator": lambda params, x, c, *_: loss.likelihood_step(params, x, c)}
    fix = "Use it in forward, or set requires_grad=False"
    for name, step in steps.items():
        module = getattr(networks, name)
        named = {n: p for n, p in module.named_parameters() if p.requires_grad}
        expect(named, f"the {name} has no trainable parameters", "Add some")
        found, _ = step([*named.values()], *given)
        finite = all(g.isfinite().all() for g in found)
        expect(finite, f"{name}: a gradient is not finite", "Guard divisions, roots and logs")
        dead = [n for n, g in zip(named, found, strict=True) if not g.any()]
        expect(not dead, f"{name}: no gradient reaches {', '.join(dead[:5])}", fix)


def second_derivatives(s: Subject) -> None:
    """The discriminator's second derivatives, which R1 and R2 need, exist and are correct."""
    networks, real = s.networks(), s.real()
    _penalty_is_smooth(networks, real)
    try:
        predicted, found = _slopes(networks.discriminator.double().eval(), real)
    except RuntimeError as error:  # PyTorch's for a mixture of precisions
        raise NotApplicable(f"D does not run in float64, to measure R1's slope: {error}") from None
    close = abs(predicted - found) <= 0.01 * predicted
    what = f"R1 has the slope {found:.4g}, and {predicted:.4g} by automatic differentiation"
    expect(close, what, "Make the backward of your autograd.Function differentiable")


def augment(s: Subject) -> None:
    """Augmentation is the identity at p = 0, keeps shapes, has second derivatives, and can be
    applied to two batches with the same random numbers."""
    networks, real = s.networks(), s.real()
    if (function := networks.augment_input) is None:
        raise NotApplicable("the networks have no augmentation")
    off, on = torch.tensor(0.0), torch.tensor(1.0)
    same = torch.allclose(function(real.x, off), real.x, atol=1e-4)
    expect(same, "augmentation changes samples at p = 0", "Apply each change with probability p")
    expect_float("the augmented batch", function(real.x, on), tuple(real.x.shape), "Keep the shape")
    _penalty_is_smooth(networks, real, lambda x: function(x, on))
    why = alike_refused(lambda x: function(x, on), real.x)
    fix = "Draw from torch's default generator, and use operations that torch.vmap supports"
    expect(not why, f"augmentation cannot be repeated: {why}", fix)


def likelihood(s: Subject) -> None:
    """The generator's negative log-likelihood is one finite number per sample, with gradients."""
    networks, real = s.networks(), s.real()
    if networks.likelihood is None:
        raise NotApplicable("the networks have no likelihood")
    found = networks.likelihood(real.x, real.c)
    expect_float("the likelihood", found, (len(real),), "Return one number per sample")
    params = trainable(networks.generator)
    slopes = torch.autograd.grad(found.mean(), params, allow_unused=True, materialize_grads=True)
    moves = any(g.any() for g in slopes)
    expect(moves, "the likelihood has no gradient", "Compute it from the generator's parameters")


def _penalty_is_smooth(
    networks: Networks, real: Batch, view: Callable[[Tensor], Tensor] = lambda x: x
) -> None:
    """The gradient of R1 in D's parameters exists, is finite, and is not zero."""
    fix = "Use differentiable operations; an autograd.Function needs a differentiable backward"
    x = real.x.clone().requires_grad_()
    params = trainable(networks.discriminator)
    try:
        norm = squared_gradient_norm(networks.discriminator(view(x), real.c), x).mean()
        found = torch.autograd.grad(norm, params, allow_unused=True, materialize_grads=True)
    except RuntimeError as error:
        raise CheckFailed(f"R1 has no gradient: {error}", fix) from None
    expect(all(g.isfinite().all() for g in found), "R1's gradient is not finite", fix)
    expect(any(g.any() for g in found), "R1's gradient is zero everywhere", fix)


def _slopes(discriminator: nn.Module, real: Batch) -> tuple[float, float]:
    """R1's slope along its own gradient in D's parameters: from that gradient, and measured.

    In double precision a step can be so short that hardly a leaky ReLU changes sides.
    """
    x, params, step = real.x.double().requires_grad_(), trainable(discriminator), 1e-8
    c = None if real.c is None else real.c.double()

    def penalty() -> Tensor:
        torch.manual_seed(0)
        return squared_gradient_norm(discriminator(x, c), x).mean()

    gradient = torch.autograd.grad(penalty(), params, allow_unused=True, materialize_grads=True)
    length = float(torch.stack([g.square().sum() for g in gradient]).sum().sqrt())
    values = []
    for way in (step, -2 * step):
        torch._foreach_add_([p.data for p in params], list(gradient), alpha=way / length)
        values.append(penalty().item())
    return length, (values[0] - values[1]) / (2 * step)
