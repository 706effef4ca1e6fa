"""Shares of the time, and work that ends with it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gankit.contract import Fitting
from gankit.kit.autoencoders import part_of
from gankit_molecule.timing import MIN_SUBSET, computed, interruptible


def double(x: int) -> int:
    return 2 * x


def test_a_part_ends_before_the_whole() -> None:
    left = 100.0
    fitting = Fitting(time_left=lambda: left)
    part = part_of(fitting, 0.3)
    assert part.time_left() == pytest.approx(30)
    left = 80.0
    assert part.time_left() == pytest.approx(10)
    assert part_of(part, 0.5).time_left() == pytest.approx(5)
    left = 60.0
    assert part.time_left() < 0
    assert part_of(Fitting(), 0.3).time_left() == math.inf


def test_without_a_limit_all_items_come_in_order() -> None:
    order, found = computed(double, range(2000), 1, "doubling", Fitting())
    assert order.tolist() == list(range(2000))
    assert list(found) == list(range(0, 4000, 2))


@pytest.mark.parametrize("workers", [1, 2])
def test_when_the_time_runs_out_the_results_are_of_a_random_subset(workers: int) -> None:
    times = iter(range(3, -9, -1))
    order, results = computed(
        double, range(5000), workers, "doubling", Fitting(time_left=lambda: next(times))
    )
    found = list(results)
    assert len(found) == 3 * MIN_SUBSET
    rows = order[: len(found)]
    assert found == [2 * i for i in rows]
    assert len(np.unique(rows)) == len(rows)
    assert 2000 < rows.mean() < 3000


def test_a_user_can_stop_it() -> None:
    seen: list[int] = []
    fitting = Fitting(lambda what, done, total: seen.append(done), stopped=lambda: len(seen) > 1)
    with pytest.raises(KeyboardInterrupt):
        list(computed(double, range(5000), 1, "doubling", fitting)[1])
    assert len(seen) == 2
    with pytest.raises(KeyboardInterrupt):
        interruptible(fitting)("anything", 0, 0)
