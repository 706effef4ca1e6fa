"""Plain text: encodings, and what an item is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gankit.errors import GankitError
from gankit_text.data.plain import decoded, items_in, unit_of

POEM = "\n\n".join(["The sea is grey,\nthe sky is wide,\nI went away"] * 3)
PROSE = "\n\n".join(
    ["It was a long and rather cold evening in the old town, and nobody\n"
     "was out in the streets but two dogs and the man who owned the one\nof them."] * 3
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "unit"),
    [("one\ntwo\nthree\n", "line"), ("one\n\ntwo\n\nthree", "line"), (POEM, "block"),
     (PROSE, "paragraph"), ("", "line"), ("one", "line")],
)  # fmt: skip
def test_the_unit_is_seen_by_blank_lines_and_line_lengths(text, unit):
    assert unit_of(text).unit == unit


def test_each_unit_gives_its_items_with_their_lines():
    assert list(items_in("a\n\nb c\n", "line")) == [("line 1", "a"), ("line 3", "b c")]
    assert [item for _, item in items_in(POEM, "block")] == [POEM.split("\n\n")[0]] * 3
    assert [place for place, _ in items_in(POEM, "block")] == ["line 1", "line 5", "line 9"]
    first = next(items_in(PROSE, "paragraph"))[1]
    assert "\n" not in first
    assert first.endswith("the one of them.")
    assert list(items_in("a\n\nb\n", "file")) == [("", "a\n\nb")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-8-sig", "utf-32"])
def test_byte_order_marks_are_understood(encoding):
    assert decoded("häuser\r\nいえ".encode(encoding), "a.txt", "utf-8") == "häuser\nいえ"


@pytest.mark.parametrize(
    ("content", "encoding", "message"),
    [
        ("Zürich\nMünchen".encode("cp1252"), "utf-8", "a.txt, line 1: not utf-8"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\0", "utf-8", "not a text file"),
        (bytes(range(256)) * 20, "utf-8", "not a text file"),
        ("ein Satz".encode("utf-16-le") * 99, "utf-8", "UTF-16 without a byte order mark"),
        ("ein Satz".encode("utf-16-be") * 99, "utf-8", "UTF-16 without a byte order mark"),
        (b"one line\n" * 600 + b"a\0b\n", "utf-8", "a.txt, line 601: a NUL character"),
        (b"text", "uft8", "Python knows no such encoding"),
    ],
)
def test_what_is_no_text_of_that_encoding_is_refused_in_a_line(content, encoding, message):
    with pytest.raises(GankitError) as refused:
        decoded(content, "a.txt", encoding)
    assert message in refused.value.message
    assert "\n" not in refused.value.message


def test_the_encoding_can_be_named():
    assert decoded("Zürich".encode("cp1252"), "a.txt", "cp1252") == "Zürich"


@given(st.lists(st.text(st.characters(exclude_categories=["C"], exclude_characters="\u2028\u2029"),
                        min_size=1).filter(str.strip)))  # fmt: skip
def test_lines_come_back_as_they_are(lines):
    text = "".join(f"{line}\n" for line in lines)
    assert [item for _, item in items_in(decoded(text.encode(), "a", "utf-8"), "line")] == lines
