"""Several processes: each has a part of a batch, and all act alike."""

from __future__ import annotations

import warnings

import pytest
import torch
from processes import run_in_processes
from safetensors.torch import load_file
from torch import Tensor

from gankit.engine.parallel import ParallelContext

GRADIENTS = """
from safetensors.torch import save_file
from torch import nn
from gankit.contract import Networks
from gankit.engine.compile import CompiledStep
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

def gradients(part, parts, dtype, terms, autocast=None, compiled=False):
    "Those of one of the parts of a batch of 12, in both networks' parameters."
    torch.manual_seed(0)
    networks = Networks(Net(5, 3).to(dtype), Net(5, 1).to(dtype), 3)
    real, c, z = (torch.randn(12, n, dtype=torch.float64).to(dtype) for n in (3, 2, 3))
    weights = LossWeights(*(torch.tensor(v, dtype=dtype) for v in (0.8, 0.4, 0.5, 0.0)))
    loss = AdversarialLoss(networks, OBJECTIVES["rpgan"], terms, autocast)
    found = []
    G, D, some = networks.generator, networks.discriminator, slice(part, None, parts)
    torch.manual_seed(part)  # each process draws its own directions and interpolates
    for step, network, other in ((loss.discriminator_step, D, G), (loss.generator_step, G, D)):
        step = CompiledStep(step, network, other) if compiled and network is D else step
        given = real[some].contiguous(), c[some].contiguous(), z[some].contiguous()
        found += step(trainable(network), *given, weights)[0]
    return [one.contiguous() for one in found]

exact, penalty = LossTerms(), LossTerms(zero_centred=False, gradient_penalty=True)
differences = LossTerms(finite_difference=0.01)
forms = {"double": (torch.float64, exact), "exact": (torch.float32, exact),
         "penalty": (torch.float32, penalty), "differences": (torch.float32, differences),
         "bf16": (torch.float32, exact, torch.bfloat16),
         "bf16-differences": (torch.float32, differences, torch.bfloat16),
         "bf16-penalty": (torch.float32, penalty, torch.bfloat16),
         "compiled": (torch.float32, exact, None, True)}
parallel = ParallelContext.current()
assert (parallel.rank, parallel.size, parallel.is_main) == (rank, size, rank == 0)
result = {}
for name, form in forms.items():
    if name == "compiled" and size == 3:
        continue  # another shape would be compiled for it
    for parts in (1, 2, 3) if size == 1 else [size]:
        if name == "compiled" and parts != 2:
            continue
        if size > 1:
            mean = gradients(rank, parts, *form)
            parallel.average_(mean)
        else:
            each = [gradients(part, parts, *form) for part in range(parts)]
            mean = [torch.stack(same).mean(0) for same in zip(*each)]
        result |= {f"{name}/{parts}/{i}": g.contiguous() for i, g in enumerate(mean)}
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


STEPS = """
from gankit.contract import Batch
from gankit.engine.randomness import StepRandomness
from gankit.engine.settings import AugmentSettings, EngineSettings, TrainSettings
from gankit.engine.updates import Updates

torch.manual_seed(0)
networks = Networks(Net(5, 3), Net(5, 1), 3, augment_input=lambda x, p: x * (1 + p))
networks.generator.net = nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.Linear(8, 3))
settings = EngineSettings(train=TrainSettings(batch=12), augment=AugmentSettings(target=0.6))
cpu = torch.device("cpu")
random = StepRandomness(lambda what, at: at, lambda: 5, parallel, cpu)
loss = AdversarialLoss(networks, OBJECTIVES["rpgan"])
updates = Updates(networks, loss, settings, cpu, parallel, random)
updates.weights.augment_p.fill_(0.5)
torch.manual_seed(rank)  # each process sees other samples
draw = lambda: Batch(rank + torch.randn(12 // size, 3), torch.randn(12 // size, 2))
updates.step_discriminator(draw, True)
updates.step_generator(draw)
own = [*networks.generator.state_dict().values(), *networks.discriminator.state_dict().values(),
       updates.weights.augment_p]
for value in own:
    values = parallel.gather(value.reshape(-1).double())
    assert all(torch.equal(values[0], other) for other in values)
assert float(updates.weights.augment_p) != 0.5
assert float(networks.generator.net[1].running_mean.abs().sum()) > 0
"""

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


FORMS = ["double", "exact", "penalty", "differences", "bf16", "bf16-differences", "bf16-penalty"]


@pytest.fixture(scope="module")
def gradients(tmp_path_factory: pytest.TempPathFactory) -> dict[int, list[dict[str, Tensor]]]:
    """By the number of processes, those that each has after averaging, by form and parts."""
    folder = tmp_path_factory.mktemp("gradients")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the compiler's
        exec(GRADIENTS, {"torch": torch, "rank": 0, "size": 1, "folder": folder})
    for size in (2, 3):  # starting them takes the time: they do all that is tested
        run_in_processes(GRADIENTS + AGREEMENT + STEPS + (LOST if size == 2 else ""), folder, size)
    return {
        size: [load_file(folder / f"gradients-{r}-of-{size}.safetensors") for r in range(size)]
        for size in (1, 2, 3)
    }


def below(found: dict[str, Tensor], name: str) -> list[Tensor]:
    return [value for key, value in sorted(found.items()) if key.startswith(name + "/")]


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("form", [*FORMS, "compiled"])
def test_processes_have_the_gradients_of_one(gradients, form, size):
    """Of the same parts of a batch, where each draws its own directions or interpolates."""
    if form == "compiled" and size == 3:
        pytest.skip("compiled for two processes only, to save time")
    (one,), several = gradients[1], gradients[size]
    name = f"{form}/{size}"
    expected = below(one, name)
    assert sum(float(g.abs().sum()) for g in expected) > 0.1
    for found in several:
        for a, b in zip(below(found, name), expected, strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=1e-14 if form == "double" else 1e-6)
        assert all(map(torch.equal, below(found, name), below(several[0], name)))


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize(("form", "atol"), [("double", 1e-14), ("exact", 1e-6)])
def test_processes_have_the_gradients_of_the_whole_batch(gradients, form, atol, size):
    (one,), several = gradients[1], gradients[size]
    for a, b in zip(below(several[0], f"{form}/{size}"), below(one, f"{form}/1"), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=atol)


def test_processes_agree_share_fail_together_and_notice_one_that_dies(gradients):
    """They assert it themselves."""
    assert {size: len(found) for size, found in gradients.items()} == {1: 1, 2: 2, 3: 3}


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
