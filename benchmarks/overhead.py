"""What the engine costs: a training step of a recipe against a bare loop of the same mathematics.

    python benchmarks/overhead.py [NAME ...] [--rounds 15] [--quick]

The bare loop is the least code that makes the same operations with the same networks, the same
fused kernels and the same preparation of batches: items are drawn by ``torch.randint``, nothing is
scheduled, logged, averaged over processes, watched or saved. What is above it is the engine's. Both
take turns in one process on one thread, and the process's own CPU time is compared: the figure is
that of the quickest turns, which other work on the machine disturbs least; the median over rounds
of turns that follow each other stands beside it. Watching for memorisation is off.

A second table is the step's budget: operations of products and convolutions, bytes that kernels
read and write, the number of kernels, and the floor: the time of the operations at the rate of a
square matrix product, or of the bytes at that of a copy, whichever is longer.
"""

from __future__ import annotations

import argparse
import copy
import math
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("GANKIT_PLUGINS", "")

import torch
from gpu_step import Flops
from step import Rows, machine
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from gankit import config as configuration
from gankit.contract import Batch, Networks
from gankit.engine.adam import Adam
from gankit.engine.data import RealSamples
from gankit.engine.ema import ema_decay
from gankit.engine.objectives import OBJECTIVES
from gankit.engine.plan import TrainingPlan
from gankit.engine.trainer import Trainer
from gankit.plugins.registry import installed
from gankit.workflows.prepare import prepare

GOAL = 0.03
RECIPES: dict[str, tuple[str, list[str]]] = {
    "image (compact networks)": ("image/mnist", []),
    "image/digits (R3GAN)": ("image/digits", []),
    "audio (components)": ("audio/default", []),
    "audio/wavegan, width 8, batch 4": ("audio/wavegan", ["width=8", "train.batch=4"]),
    "tabular (likelihood)": ("tabular/default", ["warm_up.early_stop=false"]),
    "tabular/game, the game": ("tabular/game", ["train.warm_up=0"]),
    "tabular/one-shot": ("tabular/one-shot", []),
    "molecule (latents)": ("molecule/default", []),
}


class Latents(Rows):
    """Molecules' latents with conditions; fitting the real codec takes minutes."""

    def __init__(self, latent: int, conditions: int) -> None:
        super().__init__((latent,))
        self.conditions = conditions

    def encode(self, items: object, rng: object) -> Batch:
        x = torch.stack(list(items))  # type: ignore[call-overload]
        return Batch(x, x[:, : self.conditions].clone())


def trainer_of(recipe: str, overrides: list[str]) -> Trainer:
    """A trainer of built-in data, prepared as ``gankit train`` does."""
    plugin = installed().modality(recipe.split("/")[0])
    more = ["train.threads=1", "train.precision=fp32"]
    config = configuration.resolve(
        plugin.info,
        plugin.modality.Settings,
        recipe=recipe.split("/")[1],
        overrides=[*more, *overrides],
    )
    folder = Path(tempfile.mkdtemp())
    if not recipe.startswith("molecule"):
        return prepare(plugin, config, folder / "run", device="cpu")[0]
    from gankit.kit.autoencoders import LatentDiscriminator, LatentGenerator

    own, engine = config.settings, config.engine
    latent, conditions, units = own.latent, 6, own.units
    networks = Networks(
        LatentGenerator(latent, conditions, units),
        LatentDiscriminator(latent, conditions, units),
        latent,
    )
    codec = Latents(latent, conditions)
    samples = RealSamples(
        list(torch.randn(4096, latent)),
        codec,
        batch=engine.train.batch,
        seed=0,
        device=torch.device("cpu"),
        cache="always",
    )
    engine = replace(engine, resampling=replace(engine.resampling, candidates=1))
    objective = OBJECTIVES[engine.loss.objective]
    return Trainer(TrainingPlan(networks, codec, samples, engine, objective, folder))


class Bare:
    """The mathematics of a trainer's step and nothing else, on copies of its networks."""

    def __init__(self, trainer: Trainer) -> None:
        self.settings, self.codec = trainer.settings, trainer.codec
        networks = trainer.networks
        self.latent, self.augment = networks.latent_dim, networks.augment_input
        self.G, self.D = copy.deepcopy((networks.generator, networks.discriminator))
        self.average = copy.deepcopy(self.G).requires_grad_(False)
        # A bound method of the copy.
        likelihood = networks.likelihood
        self.likelihood = None if likelihood is None else getattr(self.G, likelihood.__name__)
        stored = trainer.reals._stored
        assert stored is not None, "streamed data is not compared"
        self.stored, self.terms = stored, trainer.updates.loss.terms
        self.objective = trainer.updates.loss.objective
        at = trainer.schedules.at(0)
        self.at, self.p = at, torch.tensor(at["augment_p"])
        optim, warm_up = self.settings.optim, self.settings.warm_up
        beta1 = optim.beta1 if optim.d_beta1 is None else optim.d_beta1
        self.g_params, self.d_params = ([*m.parameters()] for m in (self.G, self.D))
        self.g_adam = Adam(self.g_params, at["g_lr"], (optim.beta1, at["g_beta2"]), optim.eps)
        self.d_adam = Adam(self.d_params, at["d_lr"], (beta1, at["d_beta2"]), optim.eps)
        self.nll_adam = Adam(
            self.g_params, warm_up.lr, (warm_up.beta1, warm_up.beta2), optim.eps,
            warm_up.weight_decay,
        )  # fmt: skip
        self.warms = not trainer.warm_up.over
        self.pairs = (
            [*self.average.parameters()],
            [*self.G.parameters()],
        )

    def __call__(self) -> None:
        train = self.settings.train
        if self.warms:
            real = self.draw()
            assert self.likelihood is not None
            loss = self.likelihood(real.x, real.c).float().mean()
            gradients = list(torch.autograd.grad(loss, self.g_params))
            if clip := self.settings.warm_up.clip:
                norm = torch.stack(torch._foreach_norm(gradients)).norm()
                torch._foreach_mul_(gradients, (clip / (norm + 1e-6)).clamp(max=1))
            self.nll_adam.step(gradients)
            return
        for _ in range(train.d_steps):
            self.d_step(self.draw())
        self.g_step(self.draw())
        decay = ema_decay(train.batch * train.d_steps, self.at["half_life"])
        torch._foreach_lerp_(*self.pairs, 1 - decay)

    def draw(self) -> Batch:
        index = torch.randint(len(self.stored), (self.settings.train.batch,))
        batch = self.codec.prepare(self.stored[index])
        if self.settings.train.channels_last and batch.x.ndim == 4:
            batch = Batch(batch.x.contiguous(memory_format=torch.channels_last), batch.c)
        return batch

    def judged(self, x: Tensor) -> Tensor:
        return x if self.augment is None else self.augment(x, self.p)

    def d_step(self, real: Batch) -> None:
        n, c = len(real), real.c
        with torch.no_grad():
            fake = self.G(torch.randn(n, self.latent), c)
        logits, norms = zip(
            *(self.critic(real[k], fake[k], p) for k, p in self.parts(n)), strict=True
        )
        ours, theirs = (torch.cat(pieces) for pieces in zip(*logits, strict=True))
        loss = self.objective.discriminator(ours, theirs).mean()
        if self.terms.zero_centred:
            r1, r2 = norms[0]
            loss = loss + self.at["r1"] / 2 * r1.mean() + self.at["r2"] / 2 * r2.mean()
        if self.terms.gradient_penalty:
            mix = torch.rand(n, *[1] * (fake.ndim - 1))
            between = torch.lerp(real.x, fake, mix).requires_grad_()
            (slope,) = torch.autograd.grad(self.D(between, c).sum(), between, create_graph=True)
            norm = (slope.square().flatten(1).sum(1) + 1e-12).sqrt()
            loss = loss + self.at["gradient_penalty"] * (norm - 1).square().mean()
        self.d_adam.step(torch.autograd.grad(loss, self.d_params))

    def parts(self, n: int) -> list[tuple[slice, bool]]:
        """The parts of a batch that are passed together, and whether they are penalised."""
        if not self.terms.zero_centred:
            return [(slice(None), False)]
        share = math.ceil(self.terms.penalty_share * n)
        return [(slice(share), True), *([(slice(share, None), False)] if share < n else [])]

    def critic(
        self, real: Batch, fake: Tensor, penalise: bool
    ) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, ...]]:
        x = torch.cat([real.x, fake])
        both = None if real.c is None else torch.cat([real.c, real.c])
        x.requires_grad_(penalise)
        logits, norm = self.D(self.judged(x), both), torch.zeros(2)
        if penalise:
            (slope,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
            norm = slope.square().flatten(1).sum(1)
        a, b = logits.chunk(2)
        return (a, b), norm.chunk(2)

    def g_step(self, real: Batch) -> None:
        c = real.c
        self.D.requires_grad_(False)
        fake = self.G(torch.randn(len(real), self.latent), c)
        fake_logits = self.D(self.judged(fake), c)
        real_logits = fake_logits.detach()
        if self.objective.generator_sees_reals:
            with torch.no_grad():
                real_logits = self.D(self.judged(real.x), c)
        loss = self.objective.generator(real_logits, fake_logits).mean()
        if self.terms.likelihood:
            assert self.likelihood is not None
            loss = loss + self.terms.likelihood * self.likelihood(real.x, c).float().mean()
        self.g_adam.step(torch.autograd.grad(loss, self.g_params, materialize_grads=True))
        self.D.requires_grad_(True)


def engine_step(trainer: Trainer) -> Callable[[], None]:
    """A step, and what the loop does after each."""

    def step() -> None:
        trainer.step()
        trainer.clock.seconds = trainer.plan.budget.spent()
        trainer._over(0.0)

    return step


def spent(run: Callable[[], None], calls: int) -> float:
    """CPU seconds of a call."""
    started = time.process_time()
    for _ in range(calls):
        run()
    return (time.process_time() - started) / calls


def compare(trainer: Trainer, rounds: int, least: float) -> tuple[float, float, float]:
    """Milliseconds of the quickest bare turn and of the engine's, and the median ratio less one.

    Args:
        least: CPU seconds a turn.
    """
    torch.set_num_threads(1)
    bare, ours = Bare(trainer), engine_step(trainer)
    for run in (bare, ours, bare, ours):
        each = spent(run, 2)
    calls, found = max(1, round(least / each)), []
    for number in range(rounds):  # whoever is first in a round is second in the next
        turns = {run: spent(run, calls) for run in ((bare, ours) if number % 2 else (ours, bare))}
        found.append((turns[bare], turns[ours]))
    plain, engine = (min(t) * 1e3 for t in zip(*found, strict=True))
    return plain, engine, statistics.median(b / a for a, b in found) - 1


# --- The budget ---------------------------------------------------------------------------------


class Traffic(TorchDispatchMode):
    """Counts kernels and the bytes of tensors that go in and come out; views are free."""

    def __init__(self) -> None:
        super().__init__()
        self.kernels, self.bytes = 0, 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        if not func.is_view and "detach" not in func.name():
            self.kernels += 1
            tensors = [t for t in tree_leaves((args, kwargs, out)) if isinstance(t, Tensor)]
            self.bytes += sum(t.numel() * t.element_size() for t in tensors)
        return out


def ceilings() -> tuple[float, float]:
    """Operations a second of a matrix product, bytes a second of a copy, both on one thread."""
    a, b = torch.randn(2, 768, 768)
    product = min(spent(lambda: a @ b, 1) for _ in range(20))
    big, there = torch.randn(2, 2**24)
    copy = min(spent(lambda: there.copy_(big), 1) for _ in range(10))
    return 2 * 768**3 / product, 2 * 4 * 2**24 / copy


def budget(trainer: Trainer) -> tuple[float, float, int]:
    """Operations, bytes and kernels of a step."""
    operations, traffic = Flops(), Traffic()
    with operations, traffic:
        trainer.step()
    return operations.total, traffic.bytes, traffic.kernels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("names", nargs="*", help="recipes, by the start of their names; all")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=0.4, help="CPU seconds a turn")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    options = parser.parse_args()
    rounds, least = (7, 0.1) if options.quick else (options.rounds, options.seconds)
    torch.set_num_threads(1)
    print(
        f"{machine(torch.device('cpu'))}, 1 thread, torch {torch.__version__}; {rounds} rounds.\n"
    )
    print("| step | bare loop, ms | gankit, ms | above the bare loop | median | goal |")
    print("|---|---|---|---|---|---|")
    budgets: dict[str, tuple[float, float, int, float]] = {}
    for name, (recipe, overrides) in RECIPES.items():
        if options.names and not any(name.startswith(n) for n in options.names):
            continue
        torch.manual_seed(0)
        trainer = trainer_of(recipe, overrides)
        plain, engine, median = compare(trainer, rounds, least)
        budgets[name] = (*budget(trainer), engine)
        above = engine / plain - 1
        met = "met" if above <= GOAL else "not met"
        row = [name, f"{plain:.2f}", f"{engine:.2f}", f"{above:+.1%}", f"{median:+.1%}"]
        print(f"| {' | '.join(row)} | ≤ {GOAL:.0%}: {met} |", flush=True)
    rate, bandwidth = ceilings()
    print(f"\n{rate / 1e9:.0f} GFLOP/s of a product, {bandwidth / 1e9:.1f} GB/s of a copy.\n")
    print("| step | GFLOP | MB | kernels | floor, ms | gankit, ms | reached |")
    print("|---|---|---|---|---|---|---|")
    for name, (operations, moved, kernels, engine) in budgets.items():
        floor = max(operations / rate, moved / bandwidth) * 1e3
        row = [name, f"{operations / 1e9:.2f}", f"{moved / 1e6:.0f}", f"{kernels:,}"]
        row += [f"{floor:.1f}", f"{engine:.1f}", f"{floor / engine:.0%}"]
        print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    main()
