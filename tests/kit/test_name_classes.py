"""Classes in the names of files."""

from __future__ import annotations

import pytest

from gankit.kit.name_classes import name_prefix, suggest_prefixes

DRUMS = [f"{kind}_{i:02}.wav" for kind in ("kick", "snare") for i in range(20)]


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("kick_00.wav", "kick"),
        ("drums/kick-00.wav", "kick"),
        ("kick07.wav", "kick"),
        ("kick (3).wav", "kick"),
        ("7_jackson_0.wav", "7"),
        ("C4_01.wav", "C4"),
        ("hi-hat.closed.wav", "hi"),
        ("0001.png", "0001"),
        ("kick", "kick"),
        ("_.png", "_"),
    ],
)
def test_the_prefix_of_a_name(name: str, prefix: str) -> None:
    assert name_prefix(name) == prefix


def test_names_that_look_like_classes_are_suggested_with_their_numbers() -> None:
    warning = suggest_prefixes(DRUMS)
    assert "kick (20), snare (20)" in warning
    assert "label=prefix" in warning


@pytest.mark.parametrize(
    "names",
    [
        [f"IMG_{i}.jpg" for i in range(40)],
        [*(f"IMG_{i}.jpg" for i in range(40)), *(f"scan{i}.png" for i in range(9))],
        [f"{i:04}.jpg" for i in range(40)],
        [f"2020-{i}.jpg" for i in range(20)] + [f"2021-{i}.jpg" for i in range(20)],
        [*DRUMS, "readme.wav"],
        [f"{word}.wav" for word in ("one", "two", "three")],
        [],
    ],
    ids=["camera", "devices", "numbers", "years", "one that differs", "words", "none"],
)
def test_other_names_are_not(names: list[str]) -> None:
    assert suggest_prefixes(names) == ""
