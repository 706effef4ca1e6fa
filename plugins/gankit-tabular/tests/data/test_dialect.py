"""The dialects of text files: real rows come back byte for byte, and what is odd is said."""

from __future__ import annotations

import numpy as np
import pytest

from gankit.contract import Fitting, Provenance, Sample
from gankit_tabular.codec.codec import TableCodec
from gankit_tabular.modality import TabularModality, TabularSettings

ABOUT = Provenance("gankit 0", "run", "2026-01-01T00:00:00+00:00", "uri")
MODALITY = TabularModality()
ROWS = range(40)


def table(*columns, header, delimiter=",", newline="\n"):
    lines = [delimiter.join(header), *(delimiter.join(str(c(i)) for c in columns) for i in ROWS)]
    return "".join(line + newline for line in lines)


def age(i):
    return 20 + i % 17


def label(i):
    return "ab"[i % 2]


def passed(tmp_path, text, suffix=".csv"):
    """The data set, and its lines and the generated ones as ``augment`` writes them."""
    file = tmp_path / f"t{suffix}"
    file.write_text(text, encoding="utf-8", newline="")
    found = MODALITY.read(file, TabularSettings(), lambda *_: None)
    codec = TableCodec.load(MODALITY.fit_codec(found.items, TabularSettings(), Fitting()).state())
    encoded = codec.prepare(codec.encode(found.items, np.random.default_rng(0)))
    samples = [Sample(row, -1, {}, real=True) for row in found.items]
    made = codec.decode(encoded, range(len(found.items)))
    samples += [Sample(row, i, {}) for i, row in enumerate(made)]
    MODALITY.write(samples, tmp_path, codec, ABOUT, "csv")
    written = (tmp_path / "table.csv").read_text(encoding="utf-8")
    return found, written.splitlines()


R_NUMBERS = ["1e-05", "0.5", "NA", "1e+05", "12"]
QUOTED = {
    "R": table(
        lambda i: f'"{i + 1}"', lambda i: R_NUMBERS[i % 5], lambda i: "NA" if i % 6 == 0 else '"g"',
        lambda i: f'"{label(i)}"', header=['""', '"x"', '"g"', '"y"'],
    ),
    "one column": table(age, lambda i: f'"{i * 7919:,}"', label, header="abc"),
    "empty ones too": table(
        age, lambda i: '""' if i % 5 == 0 else f'"x{i % 3}"', lambda i: f'"{label(i)}"',
        header=['"a"', '"b"', '"y"'],
    ),
    "a dump": table(age, lambda i: r"\N" if i % 5 == 0 else f'"x{i % 3}"', header=['"a"', '"b"']),
    "backslashes": table(age, lambda i: rf'"say \"hi\" {i % 3}"', label, header="abc"),
    "single quotes": table(age, lambda i: f"'a, b{i % 3}'", label, header="abc"),
    "inches": table(age, lambda i: ['5" pipe', "3' x"][i % 2], label, header="abc"),
    "tildes": table(age, lambda i: f"x{i % 3}", label, header="abc", delimiter="~"),
    "colons": table(age, lambda i: f"x{i % 3}", label, header="abc", delimiter=":"),
    "blanks": table(
        age, lambda i: f'"x {i % 3}"', label, header=['"a"', '"b"', '"y"'], delimiter=" "
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", QUOTED)
def test_quotes_come_back_as_they_were(tmp_path, name):
    text = QUOTED[name]
    found, written = passed(tmp_path, text)
    assert len(found.items) == len(ROWS)
    lines = text.splitlines()
    assert [w[: len(line)] for w, line in zip(written, lines, strict=False)] == lines
    assert len(written) == 1 + 2 * len(ROWS)


PLAIN = table(age, lambda i: f"x{i % 3}", label, header="abc")


@pytest.mark.parametrize(
    ("above", "said"),
    [
        ("# exported, 2020\n# by me\n", "line 3"),
        ("Quarterly report\n\n", "line 3"),
        ("Report;;\n", "line 2"),
        ("Report,,\n,,\n", "line 3"),
        ("sep=,\n", ""),
        ('"sep=,"\r\n', ""),
        ("\n\n", ""),
    ],
)
def test_lines_above_the_names(tmp_path, above, said):
    found, written = passed(tmp_path, above + PLAIN)
    assert found.items.table.column_names == ["a", "b", "c"]
    assert len(found.items) == len(ROWS)
    assert written[1].startswith("20,x0,a,")
    assert any(said in w and "above" in w for w in found.warnings) == bool(said)


def test_a_declared_delimiter_is_used(tmp_path):
    text = table(age, lambda i: f"{i},5", label, header="abc", delimiter=";")
    found, _ = passed(tmp_path, "sep=;\r\n" + text)
    assert "semicolon" in found.facts["format"]


@pytest.mark.parametrize(
    "text",
    [
        "age  h  y\n" + "".join(f"{age(i)}  {i / 4}  {label(i)}\n" for i in ROWS),
        "   age city   y\n"
        + "".join(f"{age(i):6} {'abcd'[i % 4]:4}   {label(i)}\r\n" for i in ROWS),
        "a \t b\n" + "".join(f"{i} \t {i * i}\n" for i in ROWS),
    ],
)
def test_runs_of_blanks_are_one_delimiter(tmp_path, text):
    found, _ = passed(tmp_path, text, ".txt")
    assert "runs of blanks" in found.facts["format"]
    assert found.items.table.column_names == text.split("\n")[0].split()
    assert len(found.items) == len(ROWS)


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        (PLAIN.partition("\n")[2], "looks like data"),
        ("".join(f"{label(i)},{'xyz'[i % 3]}\n" for i in ROWS), "looks like data"),
        (PLAIN + "Total,,40\n", "40 numbers and 1 other value ('Total')"),
        (PLAIN + ",,\n,,\n", "2 rows have no values"),
        (table(age, lambda i: ["train", "test"][i % 2], header=["a", "split"]), "names splits"),
        (
            table(lambda i: f"2020-01-{i % 28 + 1:02}" if i else "unknown", label, header="ab"),
            "39 dates and 1 other value ('unknown')",
        ),
    ],
)
def test_doubts(tmp_path, text, doubt):
    found, _ = passed(tmp_path, text)
    assert any(doubt in w for w in found.warnings)


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        table(age, label, header=["1990", "x"]),
        table(age, age, age, label, header=["0", "1", "2", "y"]),
        table(label, age, header=["a name", "5th"]),
        table(lambda i: f"{i}.5", lambda i: f"v{i}", header=["n", "code"]),
    ],
)
def test_no_doubts(tmp_path, text):
    assert not passed(tmp_path, text)[0].warnings
