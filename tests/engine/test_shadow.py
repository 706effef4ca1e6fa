"""Membership is measured without a trace."""

from __future__ import annotations

import pytest
import torch
from likelihood import Histogram
from torch import nn
from vectors import MLP, VectorCodec

from gankit.contract import Networks
from gankit.engine.shadow import Shadow
from gankit.metrics.membership import Likelihoods, membership_auc

ITEMS = [(k / 50 - 3, k % 3) for k in range(300)]


class Noisy(Histogram):
    def __init__(self):
        super().__init__(3)
        self.drop = nn.Dropout(0.5)

    def nll(self, x, c):
        return self.drop(super().nll(x, c))


@pytest.fixture
def shadow():
    G = Noisy()
    networks = Networks(G, MLP(2, 1), 4, likelihood=G.nll)
    return Shadow(
        *(networks, VectorCodec(), ITEMS[::2], ITEMS[1::6]),
        auc=lambda *values: membership_auc(Likelihoods(*values)),
        batch=16,
        seed=3,
        device=torch.device("cpu"),
    )


def test_what_was_learned_by_heart_is_noticed(shadow):
    assert shadow.measure()[0] == pytest.approx(0.5, abs=0.1)
    G = shadow.networks.generator
    members = VectorCodec().encode(ITEMS[::2], None)
    G.eval()  # what dropout leaves out is not learned, now and then too much of it
    for _ in range(30):
        G.zero_grad()
        G.nll(members.x, members.c).mean().backward()
        G.logits.data -= 100 * G.logits.grad
    area, error, _ = shadow.measure()
    assert area - 3 * error > 0.6


def test_measuring_leaves_no_trace(shadow):
    G = shadow.networks.generator
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = shadow.measure()
    assert torch.equal(torch.get_rng_state(), before)
    assert G.training
    torch.manual_seed(6)
    assert shadow.measure() == first


def test_it_is_due_once_in_each_epoch(shadow):
    due = [n for n in range(0, 640, 16) if shadow.due(n, n + 16)]
    assert due == [144, 288, 448, 592]
