"""The main path through a process of its own: train, generate, evaluate; and bad input."""

from __future__ import annotations

import json
from itertools import product

import pytest

LINES = [
    f"{who} {does} {what}"
    for who, does, what in product(
        ("the cat", "a dog", "my sister"),
        ("sees", "likes", "paints"),
        ("the sea", "bread", "one", "rain", "tea", "two", "snow", "art", "us"),
    )
]
TINY = ["--samples=64", "train.batch=8", "train.threads=1", "width=16", "latent=8", "units=16",
        "epochs=5", "cache=none"]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("texts")
    rows = [{"text": line, "label": "ab"[i % 2]} for i, line in enumerate(LINES)]
    (folder / "lines.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def test_train_generate_and_evaluate(folder, gankit_):
    done = gankit_("train", "lines.jsonl", "--out", "run", *TINY, cwd=folder)
    assert "81 texts of lines.jsonl, 2 classes" in done.stdout + done.stderr
    words = ["-n", "6", "--where", "label=b", "--out", "made.csv"]
    gankit_("generate", "run", *words, cwd=folder)
    made = (folder / "made.csv").read_text()
    assert made.startswith("text,label,seed,generated\n")
    assert ",b,0,true" in made
    assert (folder / "made.csv.provenance.json").is_file()
    words = ["-n", "8", "--metrics=frechet", "language_model=false"]
    done = gankit_("evaluate", "run", *words, cwd=folder)
    assert "frechet" in done.stdout


@pytest.mark.parametrize(
    ("name", "content", "words", "message"),
    [
        ("binary.txt", b"\x89PNG\r\n\0\0\1\2", [], "not a text file"),
        ("latin.txt", "Zürich\n".encode("cp1252") * 20, [], "line 1: not utf-8"),
        ("one.txt", b"a single line\n", [], "only 1 usable text"),
        ("lines.jsonl", None, ["column=txt"], "Did you mean text?"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(folder, gankit_, name, content, words, message):
    if content is not None:
        (folder / name).write_bytes(content)
    done = gankit_("train", "--plugin", "text", "--data", name, *words, cwd=folder, code=2)
    assert message in done.stderr
