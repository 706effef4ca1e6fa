"""Parts of gpu_images.py: gradients against double precision, steps against a matmul's speed."""

from __future__ import annotations

import contextlib
import copy
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
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
    until: float,
    least: float = 5.0,
) -> None:
    """Prints the speed of a recipe's whole training step, at its batch or the largest that fits."""
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
            train = replace(engine.train, batch=batch, precision="bf16", compile=compiled)
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
    flops = ""
    ceiling = matmul_ceiling(device, ceiling_side, until)
    if not compiled:
        counter = Flops()
        with counter:
            step()
        rate = counter.total / each
        flops = (
            f"{counter.total / batch / 1e9:.1f} | {rate / 1e12:.2f} of {ceiling / 1e12:.2f} "
            f"({rate / ceiling:.0%})"
        )
    peak = torch.cuda.max_memory_allocated(device) / 2**30 if device.type == "cuda" else 0.0
    print(
        "| recipe | compiled | side, batch | img/s | GFLOP an image | TFLOP/s of bf16 matmul's "
        "| GPU idle | peak GiB | first two steps, s |\n|---|---|---|---|---|---|---|---|---|\n"
        f"| {recipe} | {'yes' if compiled else 'no'} | {side}, {batch} | {batch / each:,.1f} "
        f"| {flops or '– | –'} | {'–' if idle is None else f'{idle:.0%}'} | {peak:.1f} "
        f"| {first:.1f} |",
        flush=True,
    )
