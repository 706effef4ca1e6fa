"""A training step of gankit against a plain PyTorch loop of the same mathematics.

RpGAN with R1 and R2 at every step on R3GAN-like networks. The plain loop passes reals and fakes
through D separately, calls ``loss.backward()``, does not freeze D in G's step, updates parameters
and their average one by one, and reads its losses at every step. Each further row changes one
thing. All take turns within one run, so that other work on the machine affects them alike; on a CPU
the process's own CPU time is compared.

``--architectures`` prints instead, for each architecture of the image plugin, exact R1 and R2
against finite differences: in float32, and in bf16 with channels last.
"""

from __future__ import annotations

import argparse
import copy
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gankit.contract import Batch, Codec, CodecState, Layout, Networks
from gankit.engine.data import RealSamples
from gankit.engine.ema import ema_decay, update_ema
from gankit.engine.objectives import OBJECTIVES
from gankit.engine.plan import TrainingPlan
from gankit.engine.settings import EngineSettings
from gankit.engine.trainer import Trainer
from gankit_image.networks import build_networks
from gankit_image.settings import ImageSettings

LAYOUT = Layout((3, 32, 32))
ITEMS = 1024
GAMMA, HALF_LIFE = 0.05, 10_000.0
LR, BETAS, EPS = 2e-4, (0.0, 0.99), 1e-8
ARCHITECTURES: dict[str, dict[str, Any]] = {
    "r3gan": {"width": (384, 256, 96, 32), "blocks": 1},
    "dcgan": {"width": (32,)},
    "textbook": {"width": (32,)},
    "vit": {"width": (128,), "blocks": 4, "patch": 4},
}
"""Settings of the networks of ``--architectures``."""

Play = Callable[[], None]


@dataclass(frozen=True)
class Ingredients:
    """Improvements of the plain loop."""

    joint: bool = False
    frozen: bool = False
    fused: bool = False
    foreach: bool = False
    silent: bool = False


class PlainLoop:
    """A training step as it is usually written."""

    def __init__(self, networks: Networks, reals: Tensor, batch: int, use: Ingredients) -> None:
        self.G, self.D, self.latent = (
            networks.generator,
            networks.discriminator,
            networks.latent_dim,
        )
        self.average = copy.deepcopy(self.G).requires_grad_(False)
        self.reals, self.batch, self.use = reals, batch, use
        self.g_optimiser, self.d_optimiser = (
            torch.optim.Adam(m.parameters(), LR, BETAS, EPS, fused=use.fused, foreach=False)
            for m in (self.G, self.D)
        )
        self.losses = [0.0, 0.0]

    def __call__(self) -> None:
        self.d_optimiser.zero_grad()
        d_loss = self.d_backward(self._real(), self._z())
        self.d_optimiser.step()
        self.g_optimiser.zero_grad()
        g_loss = self.g_backward(self._real(), self._z())
        self.g_optimiser.step()
        decay = ema_decay(self.batch, HALF_LIFE)
        with torch.no_grad():
            if self.use.foreach:
                update_ema(self.average, self.G, decay)
            else:
                pairs = zip(self.average.parameters(), self.G.parameters(), strict=True)
                for old, new in pairs:
                    old.mul_(decay).add_(new, alpha=1 - decay)
        if not self.use.silent:
            self.losses = [d_loss.item(), g_loss.item()]

    def d_backward(self, real: Tensor, z: Tensor) -> Tensor:
        with torch.no_grad():
            fake = self.G(z)
        if self.use.joint:
            x = torch.cat([real, fake]).requires_grad_()
            both = self.D(x)
            (gradient,) = torch.autograd.grad(both.sum(), x, create_graph=True)
            real_logits, fake_logits = both.chunk(2)
            r1, r2 = gradient.square().sum((1, 2, 3)).chunk(2)
        else:
            real, fake = real.requires_grad_(), fake.requires_grad_()
            real_logits, fake_logits = self.D(real), self.D(fake)
            (of_real,) = torch.autograd.grad(real_logits.sum(), real, create_graph=True)
            (of_fake,) = torch.autograd.grad(fake_logits.sum(), fake, create_graph=True)
            r1, r2 = of_real.square().sum((1, 2, 3)), of_fake.square().sum((1, 2, 3))
        loss = F.softplus(fake_logits - real_logits).mean()
        loss = loss + GAMMA / 2 * (r1.mean() + r2.mean())
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    def g_backward(self, real: Tensor, z: Tensor) -> Tensor:
        self.D.requires_grad_(not self.use.frozen)
        loss = F.softplus(self.D(real) - self.D(self.G(z))).mean()
        loss.backward()  # type: ignore[no-untyped-call]
        self.D.requires_grad_(True)
        return loss.detach()

    def _real(self) -> Tensor:
        index = torch.randint(len(self.reals), (self.batch,), device=self.reals.device)
        return self.reals[index]

    def _z(self) -> Tensor:
        return torch.randn(self.batch, self.latent, device=self.reals.device)


class Rows(Codec[Tensor]):
    """Items that are tensors already."""

    def __init__(self, shape: Sequence[int]) -> None:
        self.layout = Layout(tuple(shape))

    def encode(self, items: Sequence[Tensor], rng: np.random.Generator) -> Batch:
        return Batch(torch.stack(list(items)))

    def decode(
        self, batch: Batch, seeds: Sequence[int], where: Mapping[str, object] | None = None
    ) -> list[Tensor]:
        return list(batch.x)

    def state(self) -> CodecState:
        return CodecState({})


def settings_of(batch: int, penalty_form: Any = "exact", **train: Any) -> EngineSettings:
    """The plain loop's settings."""
    settings = EngineSettings()
    return replace(
        settings,
        train=replace(settings.train, batch=batch, **train),
        loss=replace(settings.loss, r1=GAMMA, r2=GAMMA, penalty_form=penalty_form),
        optim=replace(settings.optim, lr=LR, beta1=BETAS[0], beta2=BETAS[1], eps=EPS),
        ema=replace(settings.ema, half_life=HALF_LIFE),
    )


def make_trainer(networks: Networks, reals: Tensor, settings: EngineSettings) -> Trainer:
    """The engine's own trainer on the same reals."""
    codec, batch = Rows(reals.shape[1:]), settings.train.batch
    samples = RealSamples(
        list(reals.cpu()), codec, batch=batch, seed=0, device=reals.device, cache="always"
    )
    objective, folder = OBJECTIVES[settings.loss.objective], Path(tempfile.gettempdir())
    return Trainer(TrainingPlan(networks, codec, samples, settings, objective, folder))


def play(trainer: Trainer) -> Play:
    """The body of ``Trainer.train``: D, then G, then the average."""
    train, updates = trainer.settings.train, trainer.updates
    batch = train.batch * train.d_steps

    def step() -> None:
        at = trainer.schedules.at(trainer.clock.samples)
        updates.set(at)
        for _ in range(train.d_steps):
            updates.step_discriminator(trainer.reals.next, True)
        updates.step_generator(trainer.generator_batch)
        update_ema(trainer.ema, trainer.networks.generator, ema_decay(batch, at["half_life"]))
        trainer.clock.samples += batch
        trainer.clock.steps += 1

    return step


def disagreement(networks: Networks, reals: Tensor, batch: int) -> dict[str, float]:
    """Largest relative distance of a parameter's gradient between the plain loop and gankit."""
    plain = PlainLoop(copy.deepcopy(networks), reals, batch, Ingredients())
    trainer = make_trainer(copy.deepcopy(networks), reals, settings_of(batch))
    updates, loss = trainer.updates, trainer.updates.loss
    updates.set(trainer.schedules.at(0))
    real = reals[:batch]
    z = torch.randn(batch, networks.latent_dim, device=reals.device)

    def distance(module: nn.Module, ours: Sequence[Tensor]) -> float:
        theirs = [torch.zeros_like(p) if p.grad is None else p.grad for p in module.parameters()]
        return max(float((a - b).norm() / b.norm()) for a, b in zip(ours, theirs, strict=True))

    plain.d_backward(real.clone(), z)
    d_gradients, _ = loss.discriminator_step(
        updates.discriminator.params, real, None, z, updates.weights, True
    )
    found = {"D": distance(plain.D, d_gradients)}
    plain.g_backward(real.clone(), z)
    g_gradients, _ = loss.generator_step(updates.generator.params, real, None, z, updates.weights)
    return found | {"G": distance(plain.G, g_gradients)}


def variants(networks: Networks, reals: Tensor, batch: int, quick: bool) -> dict[str, Play]:
    """Every row of the table, the plain loop first, each with its own networks."""

    def plain(**use: bool) -> Play:
        return PlainLoop(copy.deepcopy(networks), reals, batch, Ingredients(**use))

    def ours(**train: Any) -> Play:
        return play(make_trainer(copy.deepcopy(networks), reals, settings_of(batch, **train)))

    rows = {
        "plain loop": plain(),
        "+ reals and fakes in one pass": plain(joint=True),
        "+ D frozen in G's step": plain(joint=True, frozen=True),
        "+ fused Adam": plain(joint=True, frozen=True, fused=True),
        "+ foreach EMA": plain(joint=True, frozen=True, fused=True, foreach=True),
        "+ no `.item()`": plain(joint=True, frozen=True, fused=True, foreach=True, silent=True),
        "gankit": ours(),
        "gankit, bf16": ours(precision="bf16"),
        "gankit, bf16, channels last": ours(precision="bf16", channels_last=True),
    }
    if not quick:
        rows |= {
            "gankit, compiled": ours(compile=True),
            "gankit, compiled, bf16": ours(compile=True, precision="bf16"),
            "gankit, compiled, bf16, channels last": ours(
                compile=True, precision="bf16", channels_last=True
            ),
        }
    return rows


def penalty_forms(networks: Networks, reals: Tensor, batch: int, quick: bool) -> dict[str, Play]:
    """Exact penalties against finite differences."""
    fast: dict[str, Any] = {"precision": "bf16", "channels_last": True}
    ways: dict[str, dict[str, Any]] = {"": {}, ", bf16, channels last": fast}
    if not quick:
        ways[", compiled, bf16, channels last"] = {**fast, "compile": True}
    return {
        f"{form}{way}": play(
            make_trainer(
                copy.deepcopy(networks), reals, settings_of(batch, penalty_form=form, **train)
            )
        )
        for way, train in ways.items()
        for form in ("exact", "finite-difference")
    }


def seconds(step: Play, steps: int, device: torch.device) -> tuple[float, float]:
    """CPU and wall seconds a step, the device's work included."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(steps):
        step()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return (time.process_time() - cpu) / steps, (time.perf_counter() - wall) / steps


def take_turns(
    rows: Mapping[str, Play],
    rounds: int,
    steps: int,
    device: torch.device,
    clock: int,
    what: str = "a step",
) -> dict[str, float]:
    """Times every row in each round, prints a table of ratios to the first row, and returns the
    median seconds of each.

    Args:
        rounds: times that every row has its turn.
        steps: steps a turn.
        clock: 0 compares CPU times, 1 wall times.
        what: what is timed.
    """
    for step in rows.values():  # compiles, too
        seconds(step, 2, device)
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in rows}
    for _ in range(rounds):
        for name, step in rows.items():
            taken[name].append(seconds(step, steps, device))

    print(f"| {what}, ms | CPU min | CPU median | wall min | wall median | speed-up |")
    print("|---|---|---|---|---|---|")
    reference = [t[clock] for t in next(iter(taken.values()))]
    for name, turns in taken.items():
        cpu, wall = zip(*turns, strict=True)
        ratios = [a / b[clock] for a, b in zip(reference, turns, strict=True)]
        figures = [f(t) * 1e3 for t in (cpu, wall) for f in (min, statistics.median)]
        cells = [*(f"{f:.0f}" if f >= 100 else f"{f:.1f}" for f in figures)]
        print(f"| {name} | {' | '.join(cells)} | {statistics.median(ratios):.2f}× |", flush=True)
    return {name: statistics.median(t[clock] for t in turns) for name, turns in taken.items()}


def perturbed(device: torch.device, **settings: Any) -> Networks:
    """Networks away from the zeros of the start, where gradients vanish."""
    networks = build_networks(LAYOUT, ImageSettings(augmentations=(), **settings))
    for module in (networks.generator, networks.discriminator):
        module.to(device)
        with torch.no_grad():
            for p in module.parameters():
                p.add_(0.01 * torch.randn_like(p))
    return networks


def parameters(networks: Networks) -> str:
    G, D = (
        sum(p.numel() for p in m.parameters()) / 1e6
        for m in (networks.generator, networks.discriminator)
    )
    return f"G {G:.2f} M and D {D:.2f} M parameters"


def machine(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.machine()} CPU, {os.cpu_count()} cores"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--width", type=int, nargs="+", default=[384, 256, 96, 32])
    parser.add_argument("--blocks", type=int, default=1, help="residual blocks a stage")
    parser.add_argument("--rounds", type=int, default=9, help="times that every row has its turn")
    parser.add_argument("--steps", type=int, default=0, help="steps a turn; 0: 1, or 20 on CUDA")
    parser.add_argument("--quick", action="store_true", help="leave out the compiled rows")
    parser.add_argument(
        "--architectures",
        nargs="+",
        choices=[*ARCHITECTURES],
        help="in place of the plain loop: exact penalties against finite differences",
    )
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    device = torch.device(options.device)
    steps = options.steps or (20 if device.type == "cuda" else 1)
    reals = torch.randn(ITEMS, *LAYOUT.shape, device=device)
    print(
        f"{machine(device)}, {options.threads} thread(s), torch {torch.__version__}; "
        f"32×32×3, batch {options.batch}; {options.rounds} rounds of {steps} step(s)."
    )
    clock = 1 if device.type == "cuda" else 0  # wall time there, CPU time here
    for architecture in options.architectures or ():
        given = ARCHITECTURES[architecture]
        networks = perturbed(device, architecture=architecture, **given)
        print(f"\n{architecture}, {parameters(networks)}\n")
        rows = penalty_forms(networks, reals, options.batch, options.quick)
        take_turns(rows, options.rounds, steps, device, clock)
    if options.architectures:
        return
    networks = perturbed(device, width=tuple(options.width), blocks=options.blocks)
    print(f"{parameters(networks)}.")
    apart = disagreement(networks, reals, options.batch)
    print(
        "Gradients of gankit against the plain loop's, largest relative distance of any "
        f"parameter: D {apart['D']:.0e}, G {apart['G']:.0e}.\n",
        flush=True,
    )

    take_turns(
        variants(networks, reals, options.batch, options.quick),
        options.rounds,
        steps,
        device,
        clock,
    )


if __name__ == "__main__":
    main()
