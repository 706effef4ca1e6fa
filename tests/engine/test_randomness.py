"""Random numbers of training follow from seed and position, and their latents fit together."""

from __future__ import annotations

import torch

from gankit.engine.parallel import ParallelContext
from gankit.engine.randomness import StepRandomness, combined

CPU = torch.device("cpu")


def drawn(what, position, rank=0, size=1, n=12):
    random = StepRandomness(
        lambda what, at: combined(len(what), at), lambda: position, ParallelContext(rank, size), CPU
    )
    random.begin(what)
    return random.latents(n // size, 3), torch.randn(4)


def test_they_are_functions_of_purpose_and_position():
    one, again = drawn("generator", 64), drawn("generator", 64)
    assert all(torch.equal(a, b) for a, b in zip(one, again, strict=True))
    for other in (drawn("generator", 128), drawn("likelihoods", 64)):
        assert not any(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    assert not torch.equal(one[0].flatten()[:4], one[1])


def test_processes_share_the_latents_of_one():
    whole, own = drawn("generator", 64)
    for size in (2, 3, 4):
        parts = [drawn("generator", 64, rank, size) for rank in range(size)]
        for rank, (part, _) in enumerate(parts):
            assert torch.equal(part, whole[rank::size])
        assert torch.equal(parts[0][1], own)  # what the main process draws itself
        assert len({tuple(numbers.tolist()) for _, numbers in parts}) == size


def test_seeds_of_several_numbers_are_in_range_and_differ():
    seeds = {combined(a, b) for a in range(50) for b in range(50)}
    assert len(seeds) == 2500
    assert all(0 <= seed < 2**63 for seed in seeds)
