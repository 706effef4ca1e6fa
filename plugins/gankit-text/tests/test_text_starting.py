"""Which data are recognised as texts, and which are left to other plugins."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from gankit.kit.looking import look
from gankit_text.recognising import recognise

PROSE = "The quick brown fox jumps over it.\nA second line, with more words.\nAnd one more.\n" * 4
ROWS = [{"review": f"this is review number {i} of many", "stars": i % 5} for i in range(20)]


def seen(tmp_path, name, content):
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content, encoding="utf-8")
    return recognise(look(file))


def csv(rows):
    return "\n".join([",".join(rows[0]), *(",".join(map(str, r.values())) for r in rows)])


def jsonl(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("poems.txt", PROSE),
        ("a.txt", "これは短い文です\n今日はとても良い天気ですね\n"),
        ("reviews.csv", csv(ROWS)),
        ("reviews.jsonl", jsonl(ROWS)),
        ("made.jsonl", jsonl([{**row, "seed": 1, "generated": True} for row in ROWS])),
    ],
)
def test_texts_are_recognised(tmp_path, name, content):
    found = seen(tmp_path, name, content)
    assert found is not None
    assert found.confidence >= 0.6


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("mol.txt", "CCO\nCCCN\nc1ccccc1\nCC(=O)O\nCCCCO\nCCOC\n"),
        ("table.txt", "a\tb\n1\t2\n3\t4\n"),
        ("numbers.txt", "1.5\n2.5\n3.5\n"),
        ("people.csv", "age,city,member\n30,Oslo,yes\n40,Lima,no\n"),
        ("wide.csv", csv([{**row, "a": 1, "b": 2, "c": 3} for row in ROWS])),
        ("names.csv", "name,street\nAda Byron,Long Road\nAlan Mathison,Short Road\n"),
    ],
)
def test_other_data_are_left_to_other_plugins(tmp_path, name, content):
    found = seen(tmp_path, name, content)
    assert found is None or found.confidence < 0.5


def test_folders(tmp_path):
    for i in range(4):
        seen(tmp_path, f"poems/{'ab'[i % 2]}/{i}.txt", PROSE)
    assert recognise(look(tmp_path / "poems")).items == 4
    for i in range(40):
        (tmp_path / "poems" / f"{i}.png").write_bytes(b"\x89PNG")
    found = recognise(look(tmp_path / "poems"))
    assert found is None or found.confidence < 0.3


def test_the_plugin_is_listed_without_heavy_imports():
    code = (
        "import sys, gankit_text, gankit_text.recognising, gankit_text.settings;"
        "heavy = {'torch', 'tokenizers', 'pyarrow', 'numpy'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
