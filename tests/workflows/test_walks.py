"""What users write for latents that are chosen, and what is said of what makes no sense."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gankit.errors import GankitError
from gankit.runs.latents import LatentFile
from gankit.workflows.walks import (
    Along,
    Between,
    Mix,
    choose_walk,
    parse_along,
    parse_between,
    parse_latents,
    parse_mix,
    parse_stop,
)

FILE = LatentFile(Path("a b.safetensors"))
SEEDS = st.integers(0, 2**63 - 1)
FILES = st.builds(LatentFile, st.just(Path("d/x.safetensors")), st.none() | st.integers(0, 99))


@given(st.lists(SEEDS | FILES, min_size=2))
def test_stops_are_read_as_they_are_written(stops):
    assert parse_between(":".join(map(str, stops))) == Between(tuple(stops))


def test_a_drive_is_no_stop():
    path = parse_between(r"C:\x\l.safetensors:17").path
    assert path == (LatentFile(Path(r"C:\x\l.safetensors")), 17)


@given(st.integers(0, 99), st.floats(-9, 9).map(lambda x: round(x, 3)), st.integers(-9, 9))
def test_directions_are_read_as_they_are_written(number, first, last):
    assert parse_along(f"{number}:{first:f}..{last}") == Along(number, first, last)
    assert parse_along(f"{number}:{last}", 7) == Along(number, last, last, 7)


def test_lists_of_seeds():
    assert parse_mix("3:17") == Mix((3,), (17,))
    assert parse_mix("0..2,9:4,a b.safetensors", 2) == Mix((0, 1, 2, 9), (4, FILE), 2)


@pytest.mark.parametrize(
    ("parse", "word", "message"),
    [
        (parse_between, "3", "not a pair of seeds"),
        (parse_between, "3:", "'' is neither a seed nor a file"),
        (parse_between, "3:x.png", "'x.png' is neither a seed nor a file of latents"),
        (parse_along, "2:x..3", "Use --along 2:-3..3"),
        (parse_along, "2:1..", "Use --along 2:-3..3"),
        (parse_along, "2:nan", "Use --along 2:-3..3"),
        (parse_mix, "1:2:3", "not two lists of seeds"),
        (parse_mix, "1,:2", "'' is neither a seed nor a file"),
        (parse_mix, "5..1:2", "5 is greater than 1"),
        (parse_mix, "0..99999999999:2", "more than 10,000 seeds"),
        (parse_latents, "7", "no file of latents"),
        (parse_stop, "-1", "neither a seed nor a file"),
    ],
)
def test_what_cannot_be_read(parse, word, message):
    with pytest.raises(GankitError, match=message):
        parse(word)


@pytest.mark.parametrize(
    ("walk", "n", "message"),
    [
        (Between((3,)), 5, "two seeds or more"),
        (Between((3, 4, 4)), 5, "both seeds are 4"),
        (Between((FILE, FILE)), 5, r"both latents are a b\.safetensors"),
        (Between((3, -1)), 5, "seed -1: out of range"),
        (Between((3, 2**63)), 5, "out of range"),
        (Between((3, 4)), 1, "Use n of 2 or more"),
        (Along(1, -1, 1), 1, "Use n of 2 or more with a range"),
        (Along(1, 2, 2), 3, "and 1 with a single number"),
        (Mix((), (1,)), 0, "seeds on both sides"),
        (Mix(tuple(range(200)), tuple(range(200))), 40_000, "more than 10,000 mixes"),
    ],
)
def test_what_makes_no_sense(walk, n, message):
    with pytest.raises(GankitError, match=message):
        walk.check(n)


def test_counts():
    assert Between((3, 4)).count(None) == 64
    assert Along(1, -3, 3).count(None) == 7
    assert Along(1, -3, 3).count(None, film=True) == 64
    assert Along(1, 2, 2).count(None) == 1
    assert Mix((1, 2), (3, 4, 5)).count(None) == Mix((1, 2), (3, 4, 5)).count(6) == 6
    with pytest.raises(GankitError, match="2 times 3 seeds make 6 mixes"):
        Mix((1, 2), (3, 4, 5)).count(5)
    assert Along(1, -3, 3).steps(7) == [-3, -2, -1, 0, 1, 2, 3]


def test_words_for_people():
    assert Between((3, 17)).in_words() == "between seeds 3 and 17"
    assert Between((3, FILE, 5)).in_words() == "between 3, latent a b.safetensors and 5"
    assert Along(2, -3, 3, 5).in_words() == "along direction 2 by -3 to 3 from seed 5"
    assert Mix((1, 2), (3,)).in_words() == "coarse stages of seeds 1, 2 with fine stages of seed 3"
    with pytest.raises(GankitError, match="--between and --mix each choose the latents"):
        choose_walk(**{"--between": Between((3, 17)), "--mix": Mix((1,), (2,)), "--along": None})
