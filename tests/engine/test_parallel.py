"""Several processes: each has a part of a batch, and all act alike."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from processes import run_in_processes
from safetensors.torch import load_file

from gankit.engine.parallel import ParallelContext

GRADIENTS = """
from safetensors.torch import save_file
from torch import nn
from gankit.contract import Networks
from gankit.engine.objectives import OBJECTIVES
from gankit.engine.parallel import ParallelContext
from gankit.engine.step import AdversarialLoss, LossTerms, LossWeights, trainable

class Net(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(inputs, 8), nn.Tanh(), nn.Linear(8, outputs))
        self.register_buffer("scale", torch.tensor(0.7))  # DDP would broadcast it in between
        self.outputs = outputs
    def forward(self, x, c):
        y = self.net(torch.cat([x, c], 1)) * self.scale
        return y.squeeze(1) if self.outputs == 1 else y

parallel = ParallelContext.current()
assert (parallel.rank, parallel.size, parallel.is_main) == (rank, size, rank == 0)
torch.manual_seed(0)
networks = Networks(Net(5, 3), Net(5, 1), 3)
networks.generator.double(); networks.discriminator.double()
networks.generator.net[2] = nn.Linear(8, 3).double()
real, c, z = (torch.randn(8, n, dtype=torch.float64) for n in (3, 2, 3))
mine = slice(rank, None, size)
w = LossWeights(*(torch.tensor(v, dtype=torch.float64) for v in (0.8, 0.4, 0.0, 0.0)))
loss = AdversarialLoss(networks, OBJECTIVES["rpgan"])
result = {}
for name, step, module in (("d", loss.discriminator_step, networks.discriminator),
                           ("g", loss.generator_step, networks.generator)):
    gradients, _ = step(trainable(module), real[mine], c[mine], z[mine], w)
    parallel.average_(gradients)
    result |= {f"{name}{i}": g.contiguous() for i, g in enumerate(gradients)}
# Each process draws its own directions of finite differences.
loss = AdversarialLoss(networks, OBJECTIVES["rpgan"], LossTerms(finite_difference=0.01))
parts = []
for part in range(2) if size == 1 else [rank]:
    torch.manual_seed(part)
    some = slice(part, None, 2)
    params = trainable(networks.discriminator)
    parts.append(loss.discriminator_step(params, real[some], c[some], z[some], w)[0])
gradients = [torch.stack(same).mean(0) for same in zip(*parts)]
parallel.average_(gradients)
result |= {f"fd{i}": g.contiguous() for i, g in enumerate(gradients)}
save_file(result, folder / f"gradients-{rank}-of-{size}.safetensors")
"""

AGREEMENT = """
from gankit.engine.parallel import ParallelContext
from gankit.errors import GankitError, ReportedError

parallel = ParallelContext.current()
assert parallel.agree(rank == 1) is True
assert parallel.agree(False) is False
assert parallel.agree_on(rank == 0, False, True) == [True, False, True]
assert parallel.mean({"a": rank, "b": 2.0}) == {"a": (size - 1) / 2, "b": 2.0}
assert parallel.share(["é", rank]) == [["é", other] for other in range(size)]
assert parallel.from_main({"is": rank}) == {"is": 0}
shared = parallel.broadcast_tensors({"x": torch.full((2,), 7.0 + rank)})
assert shared["x"].tolist() == [7.0, 7.0]

mean = (size - 1) / 2
several = [torch.full((2, 3), float(rank)), torch.tensor(rank, dtype=torch.float64)]
parallel.average_(several)
assert several[0].tolist() == [[mean] * 3] * 2
assert (float(several[1]), several[1].dtype) == (mean, torch.float64)

states = parallel.gather(torch.full((5,), rank, dtype=torch.uint8))
assert [s.tolist() for s in states] == [[other] * 5 for other in range(size)]
assert parallel.broadcast(b"the main one's" if rank == 0 else b"mine") == b"the main one's"

for failing in (0, 1):
    for kind in (KeyboardInterrupt, GankitError):
        try:
            with parallel.together():
                if rank == failing:
                    raise kind("disk full")
        except KeyboardInterrupt:
            assert rank == failing
        except GankitError as error:
            said = "disk full" if kind is GankitError else "KeyboardInterrupt: disk full"
            where = "" if rank == failing else f"process {failing} of {size}: "
            assert error.message == where + said
            assert isinstance(error, ReportedError) == (rank > 0)  # the main one reports it
        else:
            raise AssertionError("it went on alone")
with parallel.together():
    pass
"""


def gradients(folder: Path, size: int) -> list[dict[str, torch.Tensor]]:
    run_in_processes(GRADIENTS, folder, size)
    return [load_file(folder / f"gradients-{r}-of-{size}.safetensors") for r in range(size)]


def test_two_processes_have_the_gradients_of_one_with_the_whole_batch(tmp_path):
    """With R1 and R2, in double precision: equal to rounding, which finite differences divide by
    sigma."""
    (one,), (two, other) = gradients(tmp_path, 1), gradients(tmp_path, 2)
    assert one.keys() == two.keys()
    for name in one:
        atol = 1e-11 if name.startswith("fd") else 1e-14
        torch.testing.assert_close(two[name], one[name], rtol=0, atol=atol)
        assert torch.equal(two[name], other[name])
    assert sum(float(g.abs().sum()) for g in one.values()) > 0.1


@pytest.mark.parametrize("size", [2, 3])
def test_processes_agree_share_and_fail_together(tmp_path, size):
    run_in_processes(AGREEMENT, tmp_path, size)


LOST = """
import os
from gankit.engine.parallel import ParallelContext
from gankit.errors import LostProcessError

if rank == 1:
    os._exit(0)
try:
    ParallelContext.current().average_([torch.ones(3)])
except LostProcessError as error:
    assert "another process of this command ended" in str(error)
    os._exit(0)
raise AssertionError("it did not notice")
"""


def test_a_process_that_dies_is_noticed(tmp_path):
    run_in_processes(LOST, tmp_path, 2)


def test_a_single_process_exchanges_nothing():
    alone, value = ParallelContext(), torch.ones(3)
    assert (alone.rank, alone.size, alone.is_main) == (0, 1, True)
    assert ParallelContext.current() == alone
    assert [alone.agree(True), alone.agree(False)] == [True, False]
    assert alone.gather(value) == [value]
    assert alone.broadcast(b"x") == b"x"
    assert alone.share(2) == [2]
    assert alone.from_main([1]) == [1]
    assert alone.mean({"a": 1.0}) == {"a": 1.0}
    assert alone.broadcast_tensors({"x": value}) == {"x": value}
    alone.average_([value])
    assert value.tolist() == [1.0, 1.0, 1.0]
    with pytest.raises(ValueError, match="its own"), alone.together():
        raise ValueError("its own")
