"""Two processes with half a batch each give the gradients of one with all of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

WORKER = """
import sys, torch, torch.distributed as dist
from datetime import timedelta
from safetensors.torch import save_file
from torch import nn
from gankit.contract import Networks
from gankit.engine.objectives import OBJECTIVES
from gankit.engine.parallel import average_, world
from gankit.engine.step import AdversarialLoss, LossWeights, trainable

rank, size, store, out = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
torch.set_num_threads(1)
if size > 1:
    dist.init_process_group("gloo", init_method="file://" + store, rank=rank, world_size=size,
                            timeout=timedelta(seconds=60))
assert world() == (rank, size)

class Net(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(inputs, 8), nn.Tanh(), nn.Linear(8, outputs))
        self.register_buffer("scale", torch.tensor(0.7))  # DDP would broadcast it in between
        self.outputs = outputs
    def forward(self, x, c):
        y = self.net(torch.cat([x, c], 1)) * self.scale
        return y.squeeze(1) if self.outputs == 1 else y

torch.manual_seed(0)
networks = Networks(Net(5, 3), Net(5, 1), 3)
networks.generator.double(); networks.discriminator.double()
networks.generator.net[2] = nn.Linear(8, 3).double()
real, c, z = (torch.randn(8, n, dtype=torch.float64) for n in (3, 2, 3))
mine = slice(rank, None, size)
w = LossWeights(*(torch.tensor(v, dtype=torch.float64) for v in (0.8, 0.4, 0.0, 0.0)))
game = AdversarialLoss(networks, OBJECTIVES["rpgan"])
result = {}
for name, step, module in (("d", game.discriminator_step, networks.discriminator),
                           ("g", game.generator_step, networks.generator)):
    gradients, _ = step(trainable(module), real[mine], c[mine], z[mine], w)
    average_(gradients)
    result |= {f"{name}{i}": g.contiguous() for i, g in enumerate(gradients)}
if rank == 0:
    save_file(result, out)
if size > 1:
    dist.destroy_process_group()
"""


def run(folder: Path, size: int) -> dict[str, torch.Tensor]:
    out = folder / f"gradients-{size}.safetensors"
    processes = [
        subprocess.Popen(
            [
                sys.executable,
                "-W",
                "ignore",
                "-c",
                WORKER,
                str(rank),
                str(size),
                str(folder / "store"),
                str(out),
            ]
        )
        for rank in range(size)
    ]
    assert [p.wait(timeout=120) for p in processes] == [0] * size
    return load_file(out)


def test_two_gloo_processes_agree_with_one(tmp_path):
    """With R1 and R2, in double precision: equal to rounding."""
    one, two = run(tmp_path, 1), run(tmp_path, 2)
    assert one.keys() == two.keys()
    for name in one:
        torch.testing.assert_close(two[name], one[name], rtol=0, atol=1e-14)
    assert sum(float(g.abs().sum()) for g in one.values()) > 0.1
