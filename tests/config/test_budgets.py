"""Budgets as people write them: times, numbers of samples and epochs."""

from __future__ import annotations

import math

import pytest

from gankit.config.budgets import (
    UNLIMITED,
    as_time,
    count,
    passes,
    seconds,
    time_or_count,
    with_limits,
)
from gankit.engine.settings import TrainSettings
from gankit.errors import GankitError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("90s", 90),
        ("10m", 600),
        ("10M", 600),
        ("1.5h", 5400),
        ("1h30m", 5400),
        ("1h 30 min", 5400),
        ("1d", 86400),
        ("2 days", 172800),
        (" 5 minutes ", 300),
        ("1e2s", 100),
        ("1_000s", 1000),
    ],
)
def test_times(text, value):
    assert seconds(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5000", 5000),
        ("200k", 200_000),
        ("200K", 200_000),
        ("3M", 3_000_000),
        ("1.5M", 1_500_000),
        ("6_000_000", 6_000_000),
        ("1e6", 1_000_000),
        (6_000_000, 6_000_000),
        ("0.1k", 100),
    ],
)
def test_counts(text, value):
    assert count(text) == value


@pytest.mark.parametrize("text", ["50", "0.5", 50, "1e1"])
def test_epochs(text):
    assert passes(text) == float(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("10m", ("train.time", 600)),
        ("200k", ("train.samples", 200_000)),
        ("1h5m", ("train.time", 3900)),
    ],
)
def test_a_budget_is_either(text, found):
    assert time_or_count(text) == found


@pytest.mark.parametrize(
    ("parse", "text", "message"),
    [
        (seconds, "10", "--time 10: 10 what? Use --time 10s, 10m or 10h"),
        (seconds, "soon", "--time soon is not a time. Use --time 90s"),
        (seconds, "10x", "--time 10x is not a time"),
        (seconds, "1h30", "--time 1h30 is not a time"),
        (seconds, "5m5m", "--time 5m5m is not a time"),
        (seconds, "-5m", "--time -5m is not a time"),
        (seconds, "0s", "--time 0s: out of range"),
        (seconds, "0", "--time 0: out of range. Use a number above 0"),
        (seconds, "nan", "--time nan: out of range"),
        (seconds, "inf", "--time inf: out of range"),
        (seconds, math.nan, "--time nan: out of range"),
        (seconds, "", "is not a time"),
        (seconds, "1e999s", "out of range"),
        (count, "10m", "Use --samples 10M for millions of samples, or --time 10m for minutes"),
        (count, "0", "--samples 0: out of range"),
        (count, "0.2", "--samples 0.2: out of range"),
        (count, "-5", "--samples -5: out of range"),
        (count, "nan", "--samples nan: out of range"),
        (count, "inf", "--samples inf: out of range"),
        (count, "many", "--samples many is not a number of samples. Use --samples 5000, 200k"),
        (count, "1,5M", "not a number of samples"),
        (count, "1e15", "--samples 1e15 is too many"),
        (count, "1e999", "--samples 1e999"),
        (passes, "0", "--epochs 0: out of range"),
        (passes, "nan", "--epochs nan: out of range"),
        (passes, "-1", "--epochs -1: out of range"),
        (passes, "ten", "--epochs ten is not a number of epochs"),
        (
            time_or_count,
            "10",
            "--budget 10: 10 what? Use --time 10m, --samples 10k or --epochs 10",
        ),
        (time_or_count, "0", "--budget 0: out of range"),
        (time_or_count, "ten", "--budget ten is neither a time nor a number of samples"),
        (time_or_count, "10x", "--budget 10x is not a time"),
    ],
)
def test_refused(parse, text, message):
    with pytest.raises(GankitError) as error:
        parse(text)
    assert message in str(error.value)


def test_limits_that_are_not_given_are_lifted():
    free = f"train.samples={UNLIMITED}"
    assert with_limits(["a=1"]) == ["a=1"]
    assert {*with_limits([], time="10m")} == {"train.time=600.0", free, "train.epochs=0.0"}
    assert {*with_limits([], samples="6M", epochs=2)} == {
        *("train.time=0.0", "train.samples=6000000", "train.epochs=2.0")
    }
    assert {*with_limits(["train.samples=9"], time="10m")} == {
        *("train.samples=9", "train.time=600.0", "train.epochs=0.0")
    }


@pytest.mark.parametrize(
    ("words", "limits", "message"),
    [
        (["train.time=5"], {"time": "10m"}, "--time and train.time set the same"),
        (["train={samples=5}"], {"samples": 9}, "--samples and train.samples set the same"),
        (["train.epochs=5"], {"epochs": 9}, "--epochs and train.epochs set the same"),
        ([], {"time": "10m", "budget": "5m"}, "--budget and --time set the same"),
        (["train.samples=5"], {"budget": "9k"}, "--budget and train.samples set the same"),
    ],
)
def test_a_limit_is_given_once(words, limits, message):
    with pytest.raises(GankitError, match=message):
        with_limits(words, **limits)


def test_python_names_its_arguments():
    with pytest.raises(GankitError, match="^time=10: 10 what"):
        with_limits([], time=10, prefix="")


@pytest.mark.parametrize(
    ("duration", "text"), [(90, "90s"), (600, "10m"), (5400, "90m"), (86400, "1d"), (1.5, "2s")]
)
def test_times_can_be_typed_again(duration, text):
    assert as_time(duration) == text


def test_epochs_are_samples_once_the_items_are_known():
    assert TrainSettings(samples=UNLIMITED, epochs=2.5).on(1001).samples == 2503
    assert TrainSettings(samples=1000, epochs=2.5).on(1001).samples == 1000
    assert TrainSettings(samples=1000).on(10).samples == 1000
    with pytest.raises(GankitError, match=r"less than one batch, train.batch=64. Use at least 6.4"):
        TrainSettings(epochs=1).on(10)
