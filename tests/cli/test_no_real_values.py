"""No output repeats an identifier, a rare value, or the name or tags of a real item."""

from __future__ import annotations

from typing import Any

import pytest
from sentinels import MAKERS, Marked, marked_in
from words import once

STORED = ("show", "show as JSON")
"""Commands that show what was stored."""
GENERATED = ("table.csv",)
"""Generated files whose model had rare values to learn."""


@pytest.fixture(scope="module", params=MAKERS)
def plugin(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def marked(plugin: str, tmp_path_factory: pytest.TempPathFactory) -> Marked:
    return MAKERS[plugin](tmp_path_factory.mktemp(plugin))


@pytest.fixture(scope="module")
def said(plugin: str, marked: Marked, gankit_: Any) -> dict[str, str]:
    """What the commands print: one after another, on a run in ``run`` beside the data."""
    home = marked.data.parent
    run, data = home / "run", ("--data", marked.data)
    words = ("--plugin", plugin, *data, "--out", run, *marked.settings, "train.threads=1")
    commands: dict[str, tuple[object, ...]] = {
        "dry run": ("train", *words, "--dry-run"),
        "dry run as JSON": ("train", *words, "--dry-run", "--json"),
        "train": ("train", *words),
        "show": ("runs", "show", run),
        "show as JSON": ("runs", "show", run, "--json"),
        "generate": ("generate", run, "-n", 20, "--out", home / "generated"),
        "evaluate": ("evaluate", run, *marked.evaluation),
        "evaluate as JSON": ("evaluate", run, *marked.evaluation, "--json"),
        "evaluate files": ("evaluate", home / "generated", *data, *marked.evaluation,
                           "--report", home / "report.html"),
    }  # fmt: skip
    if marked.balance:
        balanced = ("augment", run, *data, "--balance", marked.balance)
        commands["augment"] = (*balanced, "--out", home / "augmented")
    if marked.balance and marked.measured:
        commands["measure"] = (*balanced, "--measure", "--repeats", 2, "--test", marked.data)
    done = {name: gankit_(*once(*given)) for name, given in commands.items()}
    return {name: f"{one.stdout}\n{one.stderr}" for name, one in done.items()}


def test_the_data_has_what_is_searched_for(marked: Marked) -> None:
    files = [marked.data] if marked.data.is_file() else list(marked.data.iterdir())
    content = b"".join(str(file.name).encode() + file.read_bytes() for file in files)
    assert marked_in(content, marked)


def test_no_command_prints_it(said: dict[str, str], marked: Marked) -> None:
    found = {
        name: marked_in(text.encode(), marked, quoted=name not in STORED)
        for name, text in said.items()
    }
    assert not {name: values[:5] for name, values in found.items() if values}


@pytest.mark.usefixtures("said")
def test_no_file_has_it(marked: Marked) -> None:
    """Of augmented data, which has the real items, the record alone is searched. A model, and what
    it generates, have the values that it had to learn: rare categories and extreme amounts."""
    home = marked.data.parent
    outputs = [home / "run", home / "generated", home / "report.html"]
    augmented = [*(home / "augmented").rglob("provenance.json")]
    files = [f for top in outputs for f in (top.rglob("*") if top.is_dir() else [top])] + augmented
    found = {}
    for file in files:
        if file.is_file():
            learns = home / "run" / "model" in file.parents or file.name in GENERATED
            content = str(file.relative_to(home)).encode() + b"\n" + file.read_bytes()
            found[str(file.relative_to(home))] = marked_in(content, marked, learned=learns)
    assert len(found) > 10
    assert not {name: values[:5] for name, values in found.items() if values}
