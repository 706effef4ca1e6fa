"""Gaps in pairs of numbers whose joint distribution is a table of sixteen probabilities."""

from __future__ import annotations

import numpy as np
import torch

from gankit.contract import Batch, Completed, Gaps
from gankit.engine.sampling.imputation import Imputer
from gankit.seeds import normal

JOINT = torch.tensor([
    [0.284, 0.05, 0.025, 0.001],
    [0.250, 0.05, 0.002, 0.004],
    [0.111, 0.10, 0.004, 0.010],
    [0.060, 0.04, 0.009, 0.000],
])  # fmt: skip
"""P(a, b)."""
A = JOINT.sum(1)
N = 4000


def drawn(weights, u):
    sums = weights.double().cumsum(1)
    return (sums < u[:, None] * sums[:, -1:]).sum(1).clamp(max=3)


def generate(z, c):
    """a from P(a) whatever b is, then b given a: wrong where only b is known."""
    u = torch.special.ndtr(z.double())
    known_a, known_b = c[:, :4].any(1), c[:, 4:].any(1)
    a = torch.where(known_a, c[:, :4].argmax(1), drawn(A.expand(len(z), 4), u[:, 0]))
    b = torch.where(known_b, c[:, 4:].argmax(1), drawn(JOINT[a], u[:, 1]))
    return Batch(torch.cat([torch.eye(4)[a], torch.eye(4)[b]], 1), c)


def parts(x, c):
    a, b = x[:, :4].argmax(1), x[:, 4:].argmax(1)
    of_a, of_b = -A[a].log(), -(JOINT[a, b] / A[a]).log()
    known = torch.stack([c[:, :4].any(1), c[:, 4:].any(1)], 1)
    return torch.stack([of_a, of_b], 1).masked_fill(known, 0)


class Pairs:
    """Items are (a, b), None for a gap."""

    def __init__(self, forbidden=()):
        self.forbidden = set(forbidden)

    def observed(self, items):
        c = torch.zeros(len(items), 8)
        for i, item in enumerate(items):
            for place, value in enumerate(item):
                if value is not None:
                    c[i, 4 * place + value] = 1
        return c

    def complete(self, items, batch, seeds, draw):
        made = []
        for item, x in zip(items, batch.x, strict=True):
            own = (int(x[:4].argmax()), int(x[4:].argmax()))
            made.append(tuple(o if v is None else v for v, o in zip(item, own, strict=True)))
        missing = torch.tensor([[v is None for v in item] for item in items])
        valid = torch.tensor([item not in self.forbidden for item in made])
        return Completed(made, self.observed(made), missing, valid)

    def gaps(self, items):
        return Gaps(("a", "b"), np.array([[v is None for v in item] for item in items]))


def imputer(candidates=15, codec=None):
    return Imputer(
        generate,
        lambda seeds, k: torch.from_numpy(normal(seeds, 2, k)),
        lambda x, c: parts(x, c).sum(1),
        parts,
        codec or Pairs(),
        1000,
        candidates,
    )


def filled(items, draw=0, **options):
    return imputer(**options).fill(items, range(len(items)), draw)


def test_a_gap_is_drawn_given_all_that_is_there():
    items, valid = filled([(None, 1)] * N)
    assert valid.all()
    counts = np.bincount([a for a, _ in items], minlength=4) / N
    expected = (JOINT[:, 1] / JOINT[:, 1].sum()).numpy()
    proposed = A.numpy()
    assert np.abs(counts - expected).max() < 0.035
    assert np.abs(proposed - expected).max() > 0.1  # which it would be without the choice


def test_all_gaps_of_an_item_are_drawn_together():
    items, _ = filled([(None, None)] * N)
    counts = np.zeros((4, 4))
    np.add.at(counts, tuple(np.array(items).T), 1 / N)
    assert np.abs(counts - JOINT.numpy()).max() < 0.03


def test_an_item_depends_on_its_seed_and_on_the_draw_alone():
    given = [(None, 1), (0, None), (None, None)] * 20
    items, _ = filled(given)
    assert items == filled(given)[0]
    alone, _ = imputer().fill(given[7:8], [7])
    assert alone == items[7:8]
    assert filled(given, draw=1)[0] != items


def test_items_that_no_candidate_fits_are_said():
    codec = Pairs(forbidden=[(a, 1) for a in range(4)])
    _, valid = filled([(None, 1), (None, 0)], codec=codec)
    assert valid.tolist() == [False, True]
    rarely = Pairs(forbidden=[(a, b) for a in range(3) for b in range(4)])
    _, valid = filled([(None, None)] * 40, codec=rarely)  # of further rounds
    assert valid.mean() > 0.9
