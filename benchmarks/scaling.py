"""What two processes gain and what they exchange: a training step of a recipe of each modality.

    python benchmarks/scaling.py [NAME ...] [--rounds 9] [--quick]

Two processes of one thread each form a group over gloo. They take turns in every round: first one
makes steps with the whole batch while the other sleeps; then both make steps together, with half of
the batch each (strong scaling) and with the whole batch each (weak scaling). On a machine that
others share, wall times say little: what is compared is a process's own CPU time, with all that it
spends on messages. Figures are medians over rounds; ratios are of turns in the same round.

The second table compares ways of exchanging the discriminator's gradients, the only message that
something else could be computed beside: the generator's forward pass needs no discriminator.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("GANKIT_PLUGINS", "")

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from step import Rows, machine
from torch import Tensor

from gankit import config as configuration
from gankit.contract import Batch, Networks
from gankit.engine.data import RealSamples
from gankit.engine.objectives import OBJECTIVES
from gankit.engine.parallel import ParallelContext
from gankit.engine.plan import TrainingPlan
from gankit.engine.trainer import Trainer
from gankit.plugins.registry import installed
from gankit.workflows.prepare import prepare

RECIPES: dict[str, tuple[str, ...]] = {
    "image/digits": (),
    "image/vit": ("resolution=32",),
    "audio/default": (),
    "tabular/default": (),
    "tabular/game": ("train.warm_up=0",),
    "molecule/default": (),
}
CONDITIONS = 6
"""Properties that molecules are conditioned on."""


class Latents(Rows):
    """Molecules' latents with conditions; to fit the real codec takes minutes."""

    def encode(self, items: Any, rng: Any) -> Batch:
        x = torch.stack(list(items))
        return Batch(x, x[:, :CONDITIONS].clone())


def trainer_of(recipe: str, overrides: tuple[str, ...], parallel: ParallelContext) -> Trainer:
    """A trainer of built-in data, as ``gankit train`` prepares it."""
    name, _, own = recipe.partition("/")
    plugin, cpu = installed().modality(name), torch.device("cpu")
    words = ["train.threads=1", "train.precision=fp32", "train.channels_last=false", *overrides]
    config = configuration.resolve(
        plugin.info, plugin.modality.Settings, recipe=own, overrides=words
    )
    folder = Path(tempfile.mkdtemp())
    if name != "molecule":
        return prepare(plugin, config, folder / "run", device="cpu", parallel=parallel)[0]
    from gankit.kit.autoencoders import LatentDiscriminator, LatentGenerator

    settings, engine = config.settings, config.engine
    sizes = settings.latent, CONDITIONS, settings.units
    networks = Networks(LatentGenerator(*sizes), LatentDiscriminator(*sizes), settings.latent)
    codec, batch = Latents((settings.latent,)), engine.train.batch // parallel.size
    items = list(torch.randn(4096, settings.latent, generator=torch.Generator().manual_seed(0)))
    share = parallel.rank, parallel.size
    reals = RealSamples(
        items, codec, batch=batch, seed=0, device=cpu, cache="always", share=share
    )  # fmt: skip
    engine = replace(engine, resampling=replace(engine.resampling, candidates=1))
    game = OBJECTIVES[engine.loss.objective]
    return Trainer(TrainingPlan(networks, codec, reals, engine, game, None, parallel=parallel))


def step_of(trainer: Trainer) -> Callable[[], None]:
    """A step, and what all processes agree on after each."""

    def step() -> None:
        trainer.step()
        trainer.plan.parallel.agree_on(False, False, False, False)

    return step


# --- What is measured ---------------------------------------------------------------------------


@dataclass
class Messages:
    """Counts what goes through ``dist.all_reduce``, and the wall time until it is there."""

    count: int = 0
    bytes: int = 0
    seconds: float = 0.0
    send: Callable[..., Any] = field(default=dist.all_reduce)

    def __call__(self, tensor: Tensor, *given: Any, **named: Any) -> Any:
        started = time.perf_counter()
        found = self.send(tensor, *given, **named)
        self.seconds += time.perf_counter() - started
        self.count, self.bytes = self.count + 1, self.bytes + tensor.numel() * tensor.element_size()
        return found


@dataclass
class Turn:
    """Means over the steps of a turn."""

    cpu: float
    wall: float
    messages: float
    bytes: float
    waiting: float

    @classmethod
    def of(cls, step: Callable[[], None], steps: int, messages: Messages) -> Turn:
        before = messages.count, messages.bytes, messages.seconds
        cpu, wall = time.process_time(), time.perf_counter()
        for _ in range(steps):
            step()
        spent = time.process_time() - cpu, time.perf_counter() - wall
        after = messages.count, messages.bytes, messages.seconds
        return cls(
            *(x / steps for x in (*spent, *(b - a for a, b in zip(before, after, strict=True))))
        )


def take_turns(
    rows: dict[str, tuple[Callable[[], None], bool]],
    rank: int,
    messages: Messages,
    rounds: int,
    least: float,
) -> dict[str, list[Turn]]:
    """Every row's turns of at least ``least`` CPU seconds.

    Args:
        rows: steps, and whether both processes make them.
    """
    found: dict[str, list[Turn]] = {name: [] for name in rows}
    steps = dict.fromkeys(rows, 2)
    for number in range(rounds + 1):  # the first one warms up
        for name, (step, together) in rows.items():
            dist.barrier()
            if not together and rank:
                continue
            turn = Turn.of(step, steps[name], messages)
            if number:
                found[name].append(turn)
            elif together:  # the same number in both
                each = torch.tensor(turn.cpu)
                messages.send(each, dist.ReduceOp.MAX)
                steps[name] = max(1, round(least / float(each)))
            else:
                steps[name] = max(1, round(least / turn.cpu))
    return found


def median(turns: list[Turn], what: str) -> float:
    return statistics.median(getattr(turn, what) for turn in turns)


def ratio(above: list[Turn], below: list[Turn], what: str = "cpu") -> float:
    pairs = zip(above, below, strict=True)
    return statistics.median(getattr(a, what) / getattr(b, what) for a, b in pairs)


def scaling(recipe: str, rank: int, messages: Messages, rounds: int, least: float) -> str:
    """A row of the first table."""
    alone, together = ParallelContext(), ParallelContext.current()
    own = RECIPES[recipe]
    whole, half = (trainer_of(recipe, own, parallel) for parallel in (alone, together))
    batch = whole.settings.train.batch
    twice = trainer_of(recipe, (*own, f"train.batch={2 * batch}"), together)
    rows = {
        "alone": (step_of(whole), False),
        "strong": (step_of(half), True),
        "weak": (step_of(twice), True),
    }
    found = take_turns(rows, rank, messages, rounds, least)
    if rank:
        return ""
    one, strong, weak = found["alone"], found["strong"], found["weak"]
    cells = (
        f"{recipe}, {batch}",
        *(f"{1e3 * median(turns, 'cpu'):.1f}" for turns in (one, strong, weak)),
        f"{ratio(one, strong):.2f}× of 2",
        f"{ratio(one, weak):.0%}",
        f"{1e3 * median(one, 'wall'):.0f}, {1e3 * median(strong, 'wall'):.0f}",
        f"{median(strong, 'messages'):.0f}, {median(strong, 'bytes') / 2**20:.2f}",
        f"{1e3 * median(strong, 'waiting'):.1f}",
    )
    return f"| {' | '.join(cells)} |"


def ways(recipe: str, rank: int, messages: Messages, rounds: int, least: float) -> str:
    """A row of the second table: D's gradients, and G's forward pass."""
    trainer = trainer_of(recipe, RECIPES[recipe], ParallelContext.current())
    updates, parallel = trainer.updates, trainer.plan.parallel
    real = trainer.reals.next()
    if not trainer.warm_up.over:
        return ""
    gradients = [torch.randn_like(p) for p in updates.discriminator.params]
    z = torch.randn(len(real), trainer.networks.latent_dim)

    def forward() -> None:
        updates.loss.generate(z, real.c)

    def back(flat: Tensor) -> None:
        parts = zip(flat.split(sizes), gradients, strict=True)
        torch._foreach_copy_(gradients, [part.view_as(g) for part, g in parts])

    def blocking() -> None:
        parallel.average_(gradients)
        forward()

    def overlapped() -> None:
        flat = torch.cat([g.reshape(-1) for g in gradients])
        sent = messages.send(flat, async_op=True)
        forward()
        sent.wait()
        flat /= parallel.size
        back(flat)

    def singly() -> None:
        for sent in [messages.send(g, async_op=True) for g in gradients]:
            sent.wait()
        torch._foreach_div_(gradients, parallel.size)
        forward()

    def copies() -> None:
        flat = torch.cat([g.reshape(-1) for g in gradients])
        back(flat)

    sizes = [g.numel() for g in gradients]
    rows = {
        "step": (step_of(trainer), True),
        "forward": (forward, True),
        "blocking": (blocking, True),
        "overlapped": (overlapped, True),
        "singly": (singly, True),
        "copies": (copies, True),
    }
    found = take_turns(rows, rank, messages, rounds, least)
    walls = {name: 1e3 * median(turns, "wall") for name, turns in found.items()}
    gain = statistics.median(
        (a.wall - b.wall) / s.wall
        for a, b, s in zip(found["blocking"], found["overlapped"], found["step"], strict=True)
    )
    cells = (
        recipe,
        f"{len(gradients)}, {4 * sum(sizes) / 2**20:.2f}",
        *(f"{walls[name]:.1f}" for name in rows),
        f"{gain:+.1%}",
    )
    return f"| {' | '.join(cells)} |"


FIRST = (
    "| recipe, batch | CPU ms a step, alone | each of two, half the batch | each, whole batch "
    "| strong: CPU time alone to each of two | weak: efficiency | wall ms alone, of two "
    "| messages a step, MiB | ms until they are there |\n|---|---|---|---|---|---|---|---|---|"
)
SECOND = (
    "| recipe | D's tensors, MiB | wall ms: step | G's forward pass | one message, then that "
    "| one message beside that | a message a tensor, then that | copies of one message "
    "| gain of beside, of a step |\n|---|---|---|---|---|---|---|---|---|"
)


def work(rank: int, folder: str, options: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/group", rank=rank, world_size=2)
    dist.all_reduce = messages = Messages()  # type: ignore[assignment]
    given = rank, messages, *((3, 0.05) if options.quick else (options.rounds, options.seconds))
    names = [r for r in RECIPES if not options.names or r.startswith(tuple(options.names))]
    for head, row in ((FIRST, scaling), (SECOND, ways)):
        if rank == 0:
            print(head, flush=True)
        for recipe in names:
            if (line := row(recipe, *given)) and rank == 0:
                print(line, flush=True)
        if rank == 0:
            print(flush=True)
    dist.destroy_process_group()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("names", nargs="*", help="recipes, by the start of their names; all")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.5, help="CPU seconds a turn")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    print(f"{machine(torch.device('cpu'))}, load {load:.1f}; two processes, 1 thread each, gloo.\n")
    with tempfile.TemporaryDirectory() as folder:
        mp.spawn(work, (folder, options), nprocs=2)


if __name__ == "__main__":
    main()
