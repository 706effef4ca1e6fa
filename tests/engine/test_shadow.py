"""How well values tell members from others."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gankit.engine.shadow import area


def test_the_area_is_the_share_of_pairs():
    rng = np.random.default_rng(0)
    members, others = rng.integers(0, 9, 40) - 1.0, rng.integers(0, 9, 60) * 1.0
    pairs = members[:, None], others[None, :]
    expected = (pairs[0] < pairs[1]).mean() + (pairs[0] == pairs[1]).mean() / 2
    found, _ = area(torch.from_numpy(members), torch.from_numpy(others))
    assert found == pytest.approx(expected)


def test_its_error_is_that_of_repetitions():
    torch.manual_seed(0)
    found = [area(torch.randn(200) - 0.3, torch.randn(200)) for _ in range(300)]
    spread = torch.tensor([value for value, _ in found]).std()
    errors = torch.tensor([error for _, error in found]).mean()
    assert float(errors) == pytest.approx(float(spread), rel=0.15)


def test_of_too_few_nothing_is_known():
    assert area(torch.zeros(1), torch.ones(5)) == (0.5, float("inf"))
