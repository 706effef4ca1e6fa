"""Waveform GANs: a step and a second of sound against a plain loop; quality against CPU seconds.

    python benchmarks/audio.py [--width 16] [--batch 8] [--rounds 7]
    python benchmarks/audio.py --quality --data FOLDER [--budgets 60 120 240] [--ours key=value ...]

Without ``--quality``: WaveGAN in gankit's engine against WaveGAN as it is usually written in
PyTorch, with the same layers, WGAN-GP and five critic steps: phase shuffle in a loop over samples,
separate passes of reals and fakes, a critic that is not frozen in the generator's step, losses read
at every step. All take turns within one run; the process's own CPU time is compared, on one thread.
Generation is from latents to clips; its real-time factor is CPU seconds per second of sound.

With it: the default recipe and ``wavegan`` are trained on a folder of recordings and scored by
``gankit evaluate`` after each budget; runs are resumed. CPU seconds are those of all of
``gankit.fit``, including reading and fitting a codec.
"""

from __future__ import annotations

import argparse
import copy
import os
import tempfile
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["GANKIT_PLUGINS"] = ""

import torch
import torch.nn.functional as F
from step import Play, machine, make_trainer, play, take_turns
from table_methods import as_settings
from torch import Tensor, nn

import gankit
from gankit.contract import Layout, Networks
from gankit.engine.sampling.sampler import Sampler
from gankit.engine.settings import EngineSettings
from gankit_audio.codec.conditions import Conditions
from gankit_audio.codec.waveform import WaveformCodec
from gankit_audio.networks.wavegan import build_wavegan
from gankit_audio.settings import AudioSettings

LENGTH, RATE, ITEMS = 16_384, 16_000, 256
PENALTY, CRITIC_STEPS, LR, BETAS = 10.0, 5, 1e-4, (0.5, 0.9)
DRAWN = 64
"""Clips generated at a time."""
RECIPES = {"default": "audio", "wavegan": "audio/wavegan"}


class PlainGenerator(nn.Module):
    def __init__(self, width: int, latent: int) -> None:
        super().__init__()
        widths = [width * k for k in (16, 8, 4, 2, 1)]
        self.width = widths[0]
        self.dense = nn.Linear(latent, 16 * widths[0])
        self.layers = nn.ModuleList(
            nn.ConvTranspose1d(a, b, 25, 4, padding=11, output_padding=1)
            for a, b in pairwise([*widths, 1])
        )

    def forward(self, z: Tensor) -> Tensor:
        x = F.relu(self.dense(z).view(-1, self.width, 16))
        for layer in self.layers[:-1]:
            x = F.relu(layer(x))
        return torch.tanh(self.layers[-1](x))


class PlainDiscriminator(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        widths = [1, *(width * k for k in (1, 2, 4, 8, 16))]
        self.layers = nn.ModuleList(nn.Conv1d(a, b, 25, 4, padding=11) for a, b in pairwise(widths))
        self.head = nn.Linear(16 * widths[-1], 1)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers[:-1]:
            x = F.leaky_relu(layer(x), 0.2)
            if self.training:
                x = self.shuffle(x)
        return self.head(F.leaky_relu(self.layers[-1](x), 0.2).flatten(1))[:, 0]

    @staticmethod
    def shuffle(x: Tensor, n: int = 2) -> Tensor:
        """Sample by sample, as it is usually written."""
        moved = []
        for sample in x:
            k = int(torch.randint(-n, n + 1, ()))
            padded = F.pad(sample, (max(-k, 0), max(k, 0)), mode="reflect")
            moved.append(padded[:, max(k, 0) : max(k, 0) + x.shape[2]])
        return torch.stack(moved)


class PlainLoop:
    """WaveGAN's training as it is usually written: five steps of D, one of G."""

    def __init__(self, G: nn.Module, D: nn.Module, latent: int, reals: Tensor, batch: int) -> None:
        self.G, self.D, self.latent, self.reals, self.batch = G, D, latent, reals, batch
        self.g_optimiser, self.d_optimiser = (
            torch.optim.Adam(m.parameters(), LR, BETAS) for m in (G, D)
        )
        self.losses = [0.0, 0.0]

    def __call__(self) -> None:
        for _ in range(CRITIC_STEPS):
            self.d_optimiser.zero_grad()
            real = self.reals[torch.randint(len(self.reals), (self.batch,))]
            d_loss = self.d_loss(real, torch.randn(self.batch, self.latent))
            d_loss.backward()  # type: ignore[no-untyped-call]
            self.d_optimiser.step()
            self.losses[0] = d_loss.item()
        self.g_optimiser.zero_grad()
        g_loss = -self.D(self.G(torch.randn(self.batch, self.latent))).mean()
        g_loss.backward()
        self.g_optimiser.step()
        self.losses[1] = g_loss.item()

    def d_loss(self, real: Tensor, z: Tensor) -> Tensor:
        with torch.no_grad():
            fake = self.G(z)
        mix = torch.rand(len(real), 1, 1)
        between = (real + mix * (fake - real)).requires_grad_()
        (slope,) = torch.autograd.grad(self.D(between).sum(), between, create_graph=True)
        norm = slope.flatten(1).norm(dim=1)
        game: Tensor = self.D(fake).mean() - self.D(real).mean()
        return game + PENALTY * (norm - 1).square().mean()


def engine_settings(batch: int, **train: object) -> EngineSettings:
    """The settings of the recipe ``wavegan``, with the plain loop's batch."""
    s = EngineSettings()
    return replace(
        s,
        train=replace(s.train, batch=batch, d_steps=CRITIC_STEPS, **train),
        loss=replace(s.loss, objective="wasserstein", gradient_penalty=PENALTY),
        optim=replace(s.optim, lr=LR, beta1=BETAS[0], beta2=BETAS[1]),
        ema=replace(s.ema, half_life=0),
    )


def plain_pair(networks: Networks, width: int, reals: Tensor, batch: int) -> PlainLoop:
    """The plain loop, with its own networks that start with the same weights."""
    G, D = PlainGenerator(width, networks.latent_dim), PlainDiscriminator(width)
    G.load_state_dict(networks.generator.state_dict())
    D.load_state_dict(networks.discriminator.state_dict())
    return PlainLoop(G, D, networks.latent_dim, reals, batch)


def disagreement(networks: Networks, plain: PlainLoop) -> float:
    """Largest relative distance of a gradient of D between the plain loop and gankit, without
    phase shuffle, whose draws differ."""
    trainer = make_trainer(copy.deepcopy(networks), plain.reals, engine_settings(plain.batch))
    updates = trainer.updates
    updates.set(trainer.schedules.at(0))
    real, z = plain.reals[: plain.batch], torch.randn(plain.batch, plain.latent)
    plain.D.eval()
    trainer.networks.discriminator.eval()
    torch.manual_seed(1)
    theirs = torch.autograd.grad(plain.d_loss(real, z), list(plain.D.parameters()))
    torch.manual_seed(1)
    ours, _ = updates.loss.discriminator_step(
        updates.discriminator.params, real, None, z, updates.weights, True
    )
    plain.D.train()
    # The last offset's gradient is zero but for rounding: it cancels in the game.
    pairs = [(a, b) for a, b in zip(ours, theirs, strict=True) if b.numel() > 1]
    return max(float((a - b).norm() / b.norm()) for a, b in pairs)


def generation(networks: Networks, width: int) -> dict[str, Play]:
    """Ways to generate ``DRAWN`` clips, the plain one first."""
    codec = WaveformCodec(RATE, 1, LENGTH, Conditions(), AudioSettings(architecture="wavegan"))
    plain = plain_pair(networks, width, torch.zeros(1), 1).G
    sampler = Sampler(
        copy.deepcopy(networks.generator), codec, networks.latent_dim, torch.device("cpu")
    )

    def plainly() -> None:
        with torch.no_grad():
            list(plain(torch.randn(DRAWN, networks.latent_dim)).numpy())

    return {"plain": plainly, "gankit, to clips": lambda: list(sampler.sample(DRAWN)) and None}


def speed(options: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    device = torch.device("cpu")
    settings = AudioSettings(architecture="wavegan", width=options.width)
    networks = build_wavegan(Layout((1, LENGTH)), settings)
    reals = 0.1 * torch.randn(ITEMS, 1, LENGTH)
    G, D = (
        sum(p.numel() for p in m.parameters()) / 1e6
        for m in (networks.generator, networks.discriminator)
    )
    print(
        f"{machine(device)}, 1 thread, torch {torch.__version__}; WaveGAN, {LENGTH:,} samples, "
        f"batch {options.batch}, G {G:.2f} M and D {D:.2f} M parameters; {options.rounds} rounds."
    )
    plain = plain_pair(networks, options.width, reals, options.batch)
    apart = disagreement(networks, plain)
    print(f"Gradients of D, largest relative distance of any parameter: {apart:.0e}.\n")

    def ours(**train: object) -> Play:
        chosen = engine_settings(options.batch, **train)
        return play(make_trainer(copy.deepcopy(networks), reals, chosen))

    rows: dict[str, Play] = {"plain loop": plain, "gankit": ours()}
    if options.bf16:
        rows["gankit, bf16"] = ours(precision="bf16")
    what = f"{CRITIC_STEPS} steps of D and one of G ({CRITIC_STEPS * options.batch} clips)"
    took = take_turns(rows, options.rounds, 1, device, 0, what)
    shown = {name: CRITIC_STEPS * options.batch / cpu for name, cpu in took.items()}
    print("\nClips/s: " + ", ".join(f"{name} {rate:.3g}" for name, rate in shown.items()) + "\n")
    took = take_turns(
        generation(networks, options.width), options.rounds, 1, device, 0, f"{DRAWN} clips"
    )
    sound = DRAWN * LENGTH / RATE
    factors = (f"{name} {cpu / sound:.2g}" for name, cpu in took.items())
    print("\nReal-time factor: " + ", ".join(factors))


def quality(options: argparse.Namespace) -> None:
    settings = {"default": {}, "wavegan": {"width": options.width}}
    overrides = as_settings(options.ours)
    header: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for recipe in options.recipes:
            out, spent = Path(folder) / recipe, 0.0
            for budget in sorted(options.budgets):
                began = time.process_time()
                run = gankit.fit(
                    RECIPES[recipe],
                    options.data,
                    out=out,
                    device="cpu",
                    **settings[recipe],
                    **overrides,
                    train__time=float(budget),
                    train__samples=10**9,
                    train__threads=1,
                )
                spent += time.process_time() - began
                scores = {s.name: s for s in run.evaluate(n=options.n, device="cpu").scores}
                if not header:
                    header = list(scores)
                    print(f"| recipe | CPU s | clips seen | {' | '.join(header)} |")
                    print("|---" * (3 + len(header)) + "|", flush=True)
                seen = run.metrics()[-1]["samples"]
                cells = [_shown(scores[k].value) if k in scores else "–" for k in header]
                print(f"| {recipe} | {spent:.0f} | {seen:,} | {' | '.join(cells)} |", flush=True)
            baselines = [scores[k].real_baseline if k in scores else None for k in header]
    print(f"| real, held out | | | {' | '.join(map(_shown, baselines))} |")


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--width", type=int, default=16, help="channels; 64 is published")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=7, help="times that every row has its turn")
    parser.add_argument("--bf16", action="store_true", help="a row in bf16 too")
    parser.add_argument("--quality", action="store_true", help="scores by CPU seconds")
    parser.add_argument("--data", help="recordings to train on, for --quality")
    parser.add_argument("--budgets", type=float, nargs="+", default=[60, 120, 240], help="seconds")
    parser.add_argument("--recipes", nargs="+", choices=RECIPES, default=list(RECIPES))
    parser.add_argument("-n", type=int, help="clips scored; as many as are held out by default")
    parser.add_argument("--ours", nargs="*", default=[], help="further settings, key=value")
    options = parser.parse_args()
    if options.quality and not options.data:
        parser.error("--quality needs --data")
    (quality if options.quality else speed)(options)


if __name__ == "__main__":
    main()
