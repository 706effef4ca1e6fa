"""Training steps on one GPU in nine minutes: right gradients, speed, idle time, share of a matmul.

    python benchmarks/gpu_step.py [--recipes ...] [--seconds 540]
    python benchmarks/gpu_step.py --toy    # on a CPU, to try the script

Prints Markdown. First, for every architecture, how far gradients of RpGAN + R1 + R2 on the device,
in fp32 and bf16, are from the CPU's in double precision. Then for each recipe and variant the
images a second of whole training steps, the part of the time in which the GPU is idle, and the
operations a second beside those of a square bf16 matrix product. Each variant is a process with a
limit of its own, so that one that fails or hangs loses nothing else; compiled ones come last. With
several GPUs, also the samples a second of one process and of one for each.

Without a GPU and without ``--toy`` it ends with exit code 2.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from step import make_trainer, play
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from gankit import config as configuration
from gankit.contract import Layout, Networks
from gankit.engine.objectives import OBJECTIVES
from gankit.engine.step import AdversarialLoss, LossTerms, LossWeights, trainable
from gankit.plugins.registry import installed
from gankit_image.networks import ARCHITECTURES, build_networks
from gankit_image.settings import ImageSettings

SMALL: dict[str, dict[str, Any]] = {
    "r3gan": {"width": (64, 32), "blocks": 1},
    "vit": {"width": (64,), "blocks": 2},
    "projected": {"width": (32, 16), "backbone_side": 64},
}
"""Settings of small networks, where an architecture needs others than width 16."""
TOLERANCE = {"fp32": 5e-3, "bf16": 0.6}
"""Largest relative distance of a gradient that counts as correct. In bf16 that of the frozen
EfficientNet of ``projected`` is a third; those of the others are below a tenth."""
ATEN = torch.ops.aten
RECIPES = ("r3gan-cifar10", "r3gan-64", "cpu")
VARIANTS: dict[str, dict[str, Any]] = {
    "fp32": {"precision": "fp32", "channels_last": False},
    "bf16": {"precision": "bf16", "channels_last": False},
    "bf16, channels last": {"precision": "bf16", "channels_last": True},
    "bf16, compiled": {"precision": "bf16", "channels_last": False, "compile": True},
    "bf16, channels last, compiled": {"precision": "bf16", "channels_last": True, "compile": True},
}
TOY = ["width=[8]", "train.batch=4", "resolution=8", "augmentations=[]"]
SHORT, LONG = 45.0, 110.0
"""Seconds that an eager and a compiled variant may take."""


def _small(architecture: str, shape: tuple[int, int, int]) -> Networks:
    torch.manual_seed(0)
    values = SMALL.get(architecture, {"width": (16,)})
    known = {k: v for k, v in values.items() if hasattr(ImageSettings(), k)}
    settings = ImageSettings(architecture=architecture, **known)  # type: ignore[arg-type]
    networks = build_networks(Layout(shape), settings)
    with torch.no_grad():  # away from the zeros of the start, where gradients vanish
        for module in (networks.generator, networks.discriminator):
            for p in trainable(module):
                p.add_(0.02 * torch.randn_like(p))
    networks.augment_input = None
    return networks


def gradients(
    networks: Networks, real: Tensor, z: Tensor, autocast: torch.dtype | None
) -> list[Tensor]:
    """D's gradient and G's of RpGAN + R1 + R2, flat, in double precision on the CPU."""
    loss = AdversarialLoss(networks, OBJECTIVES["rpgan"], LossTerms(), autocast)
    w = LossWeights(*(real.new_tensor(v) for v in (1.0, 1.0, 0.0, 0.0)))
    found = []
    for module, step in (
        (networks.discriminator, loss.discriminator_step),
        (networks.generator, loss.generator_step),
    ):
        parts, _ = step(trainable(module), real, None, z, w)
        found.append(torch.cat([g.detach().flatten() for g in parts]).double().cpu())
    return found


def correctness(device: torch.device, side: int = 16, batch: int = 8) -> bool:
    """Prints, for every architecture, how far gradients on the device are from the CPU's in double.

    Returns:
        Whether all are within ``TOLERANCE``.
    """
    print("| architecture | precision | D's gradient | G's gradient | |\n|---|---|---|---|---|")
    good = True
    for architecture in ARCHITECTURES:
        try:
            exact, real = _small(architecture, (3, side, side)), torch.randn(batch, 3, side, side)
            z = torch.randn(batch, exact.latent_dim)
            on_device = copy.deepcopy(exact)
            for module in (exact.generator, exact.discriminator):
                module.double()
            expected = gradients(exact, real.double(), z.double(), None)
            for module in (on_device.generator, on_device.discriminator):
                module.to(device)
            for name, autocast in (("fp32", None), ("bf16", torch.bfloat16)):
                found = gradients(on_device, real.to(device), z.to(device), autocast)
                apart = [
                    float((a - b).norm() / b.norm()) for a, b in zip(found, expected, strict=True)
                ]
                right = max(apart) < TOLERANCE[name]
                good &= right
                mark = "" if right else "**wrong**"
                print(f"| {architecture} | {name} | {apart[0]:.1e} | {apart[1]:.1e} | {mark} |")
        except Exception as error:  # noqa: BLE001 - the others are still of interest
            line = str(error).strip().splitlines()[0] if str(error).strip() else ""
            print(f"| {architecture} | {type(error).__name__}: {line} | | | **failed** |")
            good = False
    return good


# --- Steps --------------------------------------------------------------------------------------


class Flops(TorchDispatchMode):
    """Counts floating-point operations of convolutions and matrix products, groups included."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0.0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        packet = func.overloadpacket
        if packet is ATEN.convolution:
            self.total += _convolution(args[0], args[1], out, args[6])
        elif packet is ATEN.convolution_backward:
            # Each of both gradients costs as much as the convolution.
            self.total += sum(args[10][:2]) * _convolution(args[1], args[2], args[0], args[7])
        elif packet in (ATEN.mm, ATEN.bmm):
            self.total += 2.0 * out.numel() * args[0].shape[-1]
        elif packet in (ATEN.addmm, ATEN.baddbmm):
            self.total += 2.0 * out.numel() * args[1].shape[-1]
        return out


def _convolution(x: Tensor, weight: Tensor, out: Tensor, transposed: bool) -> float:
    positions = x if transposed else out
    return 2.0 * positions.shape[0] * positions[0, 0].numel() * weight.numel()


def synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds(run: Callable[[], object], device: torch.device, least: float, until: float) -> float:
    """Mean wall seconds of a call, over at least ``least`` seconds."""
    synchronise(device)
    started, calls = time.perf_counter(), 0
    while True:
        run()
        calls += 1
        synchronise(device)
        spent = time.perf_counter() - started
        if spent > least or time.monotonic() > until:
            return spent / calls


def matmul_ceiling(device: torch.device, side: int, until: float) -> float:
    """FLOP/s of a square bf16 matrix product of random numbers."""
    a, b = torch.randn(2, side, side, device=device, dtype=torch.bfloat16)
    for _ in range(3):
        a @ b

    def ten() -> None:
        for _ in range(10):
            torch.mm(a, b)

    return 20 * side**3 / seconds(ten, device, 1.0, until)


def idle_share(step: Callable[[], object], device: torch.device, steps: int = 5) -> float | None:
    """The share of time in which the GPU runs no kernel; None without one."""
    if device.type != "cuda":
        return None
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CUDA]) as found:
        for _ in range(steps):
            step()
        synchronise(device)
    spans = sorted(
        (e.time_range.start, e.time_range.end)
        for e in found.events()
        if str(e.device_type).endswith("CUDA")
    )
    if not spans:
        return None
    busy, end = 0.0, spans[0][0]
    for a, b in spans:
        busy += max(b - max(a, end), 0)
        end = max(end, b)
    return 1 - busy / (end - spans[0][0])


@contextlib.contextmanager
def _smaller_after_running_out(batch: int) -> Iterator[None]:
    try:
        yield
    except torch.OutOfMemoryError:
        torch.cuda.empty_cache()
        print(f"(out of memory at batch {batch})", flush=True)


def throughput(
    recipe: str,
    device: torch.device,
    *,
    compiled: bool,
    overrides: Sequence[str],
    ceiling_side: int,
    variant: str = "",
    until: float,
    least: float = 5.0,
) -> None:
    """Prints the speed of a recipe's whole training step, at its batch or the largest that fits.

    Args:
        variant: one of ``VARIANTS``; bf16 without it.
    """
    plugin = installed().modality("image")
    config = configuration.resolve(
        plugin.info, plugin.modality.Settings, recipe=recipe, overrides=[*overrides]
    )
    own, engine = config.settings, config.engine
    side = own.resolution if isinstance(own.resolution, int) else 64
    shape = (3, side, side)
    batch, step = engine.train.batch, None
    while batch:
        with _smaller_after_running_out(batch):
            torch.manual_seed(0)
            networks = build_networks(Layout(shape), own)
            values = {"precision": "bf16", "compile": compiled, **VARIANTS.get(variant, {})}
            train = replace(engine.train, batch=batch, **values)
            settings = replace(engine, train=train)
            reals = torch.randn(2 * batch, *shape, device=device)
            step = play(make_trainer(networks, reals, settings))
            started = time.perf_counter()
            for _ in range(2):  # compiles, too
                step()
            synchronise(device)
            first = time.perf_counter() - started
            break
        batch //= 2
    assert step is not None, "nothing fits"
    each = seconds(step, device, least, until)
    idle = idle_share(step, device)
    operations, flops = 0.0, "–"
    ceiling = matmul_ceiling(device, ceiling_side, until)
    if not compiled:
        counter = Flops()
        with counter:
            step()
        operations = counter.total
        rate = operations / each
        flops = f"{rate / 1e12:.2f} of {ceiling / 1e12:.2f} ({rate / ceiling:.0%})"
    peak = torch.cuda.max_memory_allocated(device) / 2**30 if device.type == "cuda" else 0.0
    columns = {
        "recipe": recipe,
        "variant" if variant else "compiled": variant or ("yes" if compiled else "no"),
        "side, batch": f"{side}, {batch}",
        "img/s": f"{batch / each:,.1f}",
        "GFLOP an image": f"{operations / batch / 1e9:.1f}" if operations else "–",
        "TFLOP/s of bf16 matmul's": flops,
        "GPU idle": "–" if idle is None else f"{idle:.0%}",
        "peak GiB": f"{peak:.1f}",
        "first two steps, s": f"{first:.1f}",
    }
    for cells in (columns, ["---"] * len(columns), columns.values()):
        print(f"| {' | '.join(cells)} |", flush=True)


# --- All of them --------------------------------------------------------------------------------


def one(part: str, toy: bool, seconds: float) -> int:
    """Runs one part in this process; its exit code."""
    device = torch.device("cpu" if toy else "cuda")
    if toy:
        torch.set_num_threads(1)
    torch.backends.cudnn.allow_tf32 = False
    if part == "correctness":
        return 0 if correctness(device, *((8, 2) if toy else ())) else 1
    recipe, variant = part.split(": ")
    throughput(
        recipe,
        device,
        compiled=bool(VARIANTS[variant].get("compile")),
        overrides=TOY if toy else [],
        ceiling_side=128 if toy else 8192,
        until=time.monotonic() + seconds,
        least=0.1 if toy else 5.0,
        variant=variant,
    )
    return 0


def plan(recipes: Sequence[str]) -> list[tuple[str, float]]:
    """Parts with the most seconds of each, compiled ones last."""
    parts = [("correctness", LONG)]
    variants = sorted(VARIANTS, key=lambda v: bool(VARIANTS[v].get("compile")))
    return parts + [
        (f"{recipe}: {variant}", LONG if VARIANTS[variant].get("compile") else SHORT)
        for variant in variants
        for recipe in recipes
    ]


def in_a_process(part: str, toy: bool, most: float) -> str:
    """Markdown of a part, or why there is none."""
    command = [sys.executable, __file__, "--child", part, "--seconds", str(most)]
    try:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as cache:
            done = subprocess.run(
                [*command, *(["--toy"] if toy else [])],
                capture_output=True,
                text=True,
                timeout=most,
                env={**os.environ, "TORCHINDUCTOR_CACHE_DIR": cache},
            )
    except subprocess.TimeoutExpired:
        return f"**{part}: not finished within {most:.0f} s**"
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["no message"]
        return f"{done.stdout.strip()}\n\n**{part}: exit code {done.returncode}: {said[-1]}**"
    return done.stdout.strip()


def scaling(most: float) -> str:
    """Samples a second of one process and of one for each GPU, as ``gankit train`` logs them."""
    rows = ["| processes | samples a second |", "|---|---|"]
    for processes in (1, torch.cuda.device_count()):
        with tempfile.TemporaryDirectory() as folder:
            launcher = [
                "torch.distributed.run",
                "--standalone",
                f"--nproc-per-node={processes}",
                "-m",
            ]
            words = ["--plugin", "image/digits", "--out", f"{folder}/run"]
            words += ["--budget", f"{most / 3:.0f}s", "train.batch=1024", "log.verdict=false"]
            command = [sys.executable, "-m", *launcher, "gankit", "train", *words]
            subprocess.run(command, check=True, capture_output=True, timeout=most)
            lines = (Path(folder) / "run" / "metrics.jsonl").read_text().splitlines()
            rates = [json.loads(line).get("samples_per_second", 0) for line in lines]
            rows.append(f"| {processes} | {max(rates):,.0f} |")
    return "\n".join(rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--toy", action="store_true", help="on a CPU, to try the script")
    parser.add_argument("--recipes", nargs="+", default=[*RECIPES], choices=RECIPES)
    parser.add_argument("--seconds", type=float, default=540, help="of everything")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        return one(options.child, options.toy, options.seconds)
    if not options.toy and not torch.cuda.is_available():
        print("no GPU: --toy tries the script on a CPU", file=sys.stderr)
        return 2
    where = "CPU, toy size" if options.toy else torch.cuda.get_device_name()
    print(f"{where}, torch {torch.__version__}.\n", flush=True)
    ends, parts = time.monotonic() + options.seconds, plan(options.recipes)
    if options.toy:  # one variant; that CPU may be busy
        ends += 3600
        parts = [(part, 900.0) for part, _ in parts[: 1 + len(options.recipes)]]
    for part, most in parts:
        left = ends - time.monotonic()
        text = in_a_process(part, options.toy, min(most, left)) if left > 5 else "no time left"
        print(f"#### {part}\n\n{text}\n", flush=True)
    if torch.cuda.device_count() > 1 and (left := ends - time.monotonic()) > 60:
        print(f"#### scaling\n\n{scaling(left / 2)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
