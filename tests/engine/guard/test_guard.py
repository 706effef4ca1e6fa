"""When it is checked, what is decided, and the ladder of what is changed."""

from __future__ import annotations

import itertools
import json

import pytest
from checks import GOOD, UNTRAINED

from gankit.engine.guard.guard import Guard
from gankit.engine.guard.ladder import Changes, gamma_factor, ladder
from gankit.engine.settings import GuardSettings

COLLAPSED = GOOD | {"diversity": 0.01, "class_diversity": 0.01, "coverage": 0.1}


def guard(total=100_000, **settings):
    return Guard(GuardSettings(samples=16, **settings), total)


def follow(guard, values, checks):
    """The decisions of as many checks, each when it is due."""
    found = []
    for at in range(checks):
        given = values(at) if callable(values) else values
        found.append(guard.check(given, guard.next_at))
    return found


def healthy(guard, checks=30):
    return follow(guard, lambda at: UNTRAINED if not at else GOOD, checks)


def test_checks_depend_on_samples_alone():
    one, seen = guard(), []
    for samples in range(0, 100_000, 32):
        if one.due(samples):
            one.check(GOOD, samples)
            seen.append(samples)
    assert 80 < len(seen) < 150
    gaps = [b - a for a, b in itertools.pairwise(seen)]
    assert min(gaps) >= 160
    assert max(gaps) <= 1_000 + 32


def test_a_given_interval_is_kept():
    one = guard(every=500)
    assert [d for d in range(0, 5000, 50) if one.due(d) and one.check(GOOD, d)] == [
        *range(0, 5000, 500)
    ]


def test_each_state_is_said_once():
    one = guard(action="warn")
    said = [e for d in [*healthy(one), *follow(one, COLLAPSED, 20)] for e in d.events]
    assert [e.state for e in said][-1] == "collapsing"
    assert [e.state for e in said].count("collapsing") == 1


def test_healing_climbs_the_ladder_and_ends():
    one = guard(attempts=4)
    one.playing = True
    healthy(one)
    decisions = follow(one, COLLAPSED, 100)
    assert [d.heal for d in decisions if d.heal] == list(ladder("collapsing", erratic=False)[:4])
    kinds = [e.kind for d in decisions for e in d.events]
    assert kinds.count("heal") == 4
    assert kinds.count("exhausted") == 1
    assert not any(d.stop for d in decisions)
    assert one.changes.adapt
    assert one.changes.gamma == 10
    assert one.changes.lr == pytest.approx(0.1)


def test_stopping():
    one = guard(action="stop")
    healthy(one)
    last = next(d for d in follow(one, COLLAPSED, 20) if d.stop)
    assert [e.kind for e in last.events] == ["state", "stop"]
    assert not any(d.heal for d in [last])


def test_warning_changes_nothing():
    one = guard(action="warn")
    healthy(one)
    assert not any(d.heal or d.stop or d.pin for d in follow(one, COLLAPSED, 40))
    assert one.pinned == frozenset()


def test_training_returns_to_what_healthy_checks_followed():
    one = guard()
    assert one.pinned == {0}
    decisions = healthy(one, 12)
    pinned = [d.pin for d in decisions].index(True)
    assert one.candidate > 0
    assert one.healthy in (0, one.candidate)
    before = one.healthy
    one = guard()
    healthy(one, pinned + 1)
    assert one.healthy == 0  # not before others have followed
    healed = next(d for d in follow(one, COLLAPSED, 10) if d.heal)
    assert "back to the initial weights" in healed.events[-1].text
    assert before >= one.healthy


def test_early_stopping():
    one = guard(early_stop=0.5)
    healthy(one)
    last = next(d for d in follow(one, GOOD, 200) if d.stop)
    assert last.events[-1].kind == "early stop"
    assert "guard.early_stop=0.5" in last.events[-1].text
    assert not any(d.stop for d in follow(guard(), GOOD, 200))


def test_a_guard_is_json():
    one = guard()
    one.playing = True
    healthy(one)
    follow(one, COLLAPSED, 4)
    again = guard()
    again.resume(json.loads(json.dumps(one.as_dict())))
    assert again == one
    assert follow(again, COLLAPSED, 30) == follow(one, COLLAPSED, 30)


@pytest.mark.parametrize(
    "damage",
    [
        {"next_at": "soon"},
        {"judge": {"unknown": 1}},
        {"changes": {}},
        {"judge": None},
    ],
)
def test_a_damaged_guard_is_refused(damage):
    with pytest.raises((KeyError, TypeError, ValueError)):
        guard().resume(guard().as_dict() | damage)


def test_gamma_is_raised_for_both_penalties():
    changes = Changes()
    changes.take("gamma")
    at = {"r1": 0.5, "r2": 0.0, "g_lr": 1.0, "d_lr": 2.0, "gradient_penalty": 0.0}
    assert changes.applied(at, spread=3) == at | {"r1": 5.0, "r2": 5.0}
    off = at | {"r1": 0.0}
    assert changes.applied(off, spread=3)["r1"] > 0


def test_gamma_that_is_adapted_anyway_is_raised():
    changes = Changes()
    assert changes.rung("collapsing", erratic=False, augments=False) == "adapt"
    assert changes.rung("collapsing", erratic=False, augments=False, adapts=True) == "gamma"


def test_augmentation_is_a_rung_only_where_there_is_one():
    assert Changes().rung("memorising", erratic=False, augments=True) == "augment"
    assert Changes().rung("memorising", erratic=False, augments=False) == "gamma"


def test_samples_that_jump_are_answered_by_smaller_learning_rates():
    one = guard()
    one.playing = True
    jumping = follow(one, lambda at: COLLAPSED | {"heldout_distance": 0.5 + 0.4 * (at % 2)}, 40)
    assert next(d.heal for d in jumping if d.heal) == "lr"


@pytest.mark.parametrize(("steepness", "factor"), [(0, 10), (2, 10), (10, 50), (50, 100)])
def test_gamma_is_raised_by_how_steep_the_discriminator_is(steepness, factor):
    assert gamma_factor(steepness) == factor
