"""From what checks measure to a state."""

from __future__ import annotations

import dataclasses
import json
import re

import pytest
from checks import GOOD, UNTRAINED

from gankit.engine.guard.history import GRACE, LEARNS
from gankit.engine.guard.judge import Judge


def trained(checks=3 * GRACE + 2, **changes):
    """A judge after an untrained generator's check and good ones."""
    judge = Judge()
    for at in range(checks):
        # Still better each time, so that it has not converged.
        distance = 0.02 * 0.9**at
        values = UNTRAINED if not at else GOOD | {"heldout_distance": distance} | changes
        event = judge.judge(values, 1000 * at)
    assert event.state == "healthy", event
    return judge


FAILURES = {
    "nothing finite": ({"finite": 0.0}, "diverged", "not finite"),
    "logits": ({"d_scale": 4e3}, "diverged", r"4e\+03"),
    "off the data": ({"heldout_distance": 1.5}, "diverged", r"1\.5\).*0\.70"),
    "quality lost": ({"heldout_distance": 0.4}, "diverged", r"0\.400.*samples"),
    "worse and alike": ({"heldout_distance": 0.4, "diversity": 0.4}, "collapsing", r"0\.400"),
    "no diversity": (
        {"diversity": 0.01, "coverage": 0.4},
        "collapsing",
        "1 % of the effective modes",
    ),
    "none within classes": ({"class_diversity": 0.02}, "collapsing", "same condition"),
    "copies": ({"copying": 0.9}, "memorising", r"0\.90"),
    "overfitting": ({"d_overfitting": 0.9}, "warning", "90 %"),
    "no gradient": ({"g_gradient": 1e-6}, "collapsing", "vanished"),
    "misses the data": ({"coverage": 0.01}, "diverged", "near 1 % of the real items"),
    "overpowered": ({"d_accuracy": 0.99, "d_steepness": 30.0}, "diverged", "change by 30"),
    "condition ignored": ({"condition_agreement": 0.01}, "warning", "ignored"),
    "all pairs": ({"d_accuracy": 1.0}, "warning", "100.0 %"),
}


CHECKS = {"diverged": 3, "collapsing": 8, "memorising": 3, "warning": 4}
"""As many as it takes: what was good before looks like progress for a while."""


@pytest.mark.parametrize(
    ("change", "state", "said"), [pytest.param(*v, id=k) for k, v in FAILURES.items()]
)
def test_a_failure_that_lasts_is_found_and_said(change, state, said):
    judge = trained()
    found = [judge.judge(GOOD | change, 20_000 + 1000 * i) for i in range(CHECKS[state])]
    assert found[-1].state == state
    assert re.search(said, found[-1].text), found[-1].text
    assert found[-1].remedy
    if "finite" not in change:  # one bad check is noise
        assert found[0].state != state


def test_a_state_is_left_after_a_few_good_checks():
    judge = trained()
    for at in range(3):
        judge.judge(GOOD | {"d_overfitting": 0.9}, 20_000 + at)
    states = [judge.judge(GOOD | {"heldout_distance": 0.001}, 30_000 + i).state for i in range(3)]
    assert states == ["warning", "warning", "healthy"]


def test_an_untrained_generator_is_no_failure():
    judge = Judge()
    for at in range(GRACE):
        assert judge.judge(UNTRAINED, 1000 * at).state == "healthy"
    assert judge.judge(UNTRAINED, 10_000).state == "collapsing"


def test_what_still_improves_has_not_collapsed():
    judge, states = Judge(), []
    for at in range(3 * GRACE):
        values = UNTRAINED | {"diversity": 0.01 * 1.2**at, "class_diversity": 0.01 * 1.2**at}
        states.append(judge.judge(values | {"heldout_distance": 0.7 * 0.9**at}, 1000 * at).state)
    assert set(states) == {"healthy"}


def test_no_gain_for_half_of_the_samples_is_convergence():
    judge = trained()
    states = [
        judge.judge(GOOD | {"heldout_distance": 0.006}, 16_000 + 1000 * i).state for i in range(40)
    ]
    assert states[0] == "healthy"
    assert states[-1] == "converged"


def test_signals_that_were_left_out_are_not_judged():
    judge, values = Judge(), {"diversity": 0.9, "coverage": 0.5}
    assert {judge.judge(values, 1000 * i).state for i in range(30)} == {"healthy"}
    assert judge.acceptable(values)


def test_weights_are_acceptable_until_they_are_significantly_worse():
    judge = trained()
    assert judge.acceptable(GOOD | {"heldout_distance": judge.best + 0.001})
    assert not judge.acceptable(GOOD | {"heldout_distance": 0.4})
    assert not judge.acceptable({"finite": 0.0})


def test_a_judge_is_json():
    judge = trained()
    again = Judge(**json.loads(json.dumps(dataclasses.asdict(judge))))
    assert again == judge
    bad = GOOD | {"diversity": 0.0}
    for at in range(3):
        assert again.judge(bad, 20_000 + at) == judge.judge(bad, 20_000 + at)


def test_a_run_that_had_run_away_by_its_first_check_is_found():
    judge = Judge()
    states = [judge.judge(GOOD | {"heldout_distance": 20.0 / (1 + i)}, 1000 * i) for i in range(5)]
    assert states[-1].state == "diverged"


def test_conditions_are_learnt_after_looks():
    for gained, state in ((0.1, "healthy"), (0.0, "warning")):
        judge, states = Judge(), []
        for at in range(LEARNS + GRACE):
            agrees = 0.01 + gained * max(at - LEARNS + 5, 0)
            values = GOOD | {"condition_agreement": agrees}
            states.append(judge.judge(values, 1000 * at).state)
        assert set(states[:LEARNS]) == {"healthy"}
        assert states[-1] == state


def test_a_certain_discriminator_is_no_failure_while_samples_improve():
    judge = Judge()
    states = [
        judge.judge(GOOD | {"heldout_distance": 0.9**at, "d_accuracy": 1.0}, 1000 * at).state
        for at in range(3 * GRACE)
    ]
    assert set(states) == {"healthy"}


def test_samples_of_a_condition_that_become_alike_have_collapsed_whatever_improves():
    judge = Judge()
    states = [
        judge.judge(
            GOOD | {"heldout_distance": 0.9**at, "class_diversity": 0.9**at}, 1000 * at
        ).state
        for at in range(3 * GRACE)
    ]
    assert states[GRACE] == "healthy"
    assert states[-1] == "collapsing"
