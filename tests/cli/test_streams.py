"""Texts reach the terminal as they are, whatever they hold and whatever it can show."""

from __future__ import annotations

import ast
import errno
import io
import json
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gankit.cli
from gankit.cli import _output
from gankit.cli._streams import Stream, harmless, visible
from gankit.errors import GankitError

ODD = ["run [v2]", "[/bold]", "[red]x", "a\x1b[31mb", "dat\udce9", "żółw", "a\nb", "x" * 300, "‮x"]


@given(st.text())
def test_nothing_commands_the_terminal(text):
    for shown in (visible(text), harmless(text)):
        assert not any(ord(c) < 32 and c not in "\t\n" for c in shown)
        assert "\x7f" not in shown
    assert len(visible(text).splitlines()) <= 1


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"])))
def test_ordinary_text_stays(text):
    assert visible(text) == harmless(text) == text


class Narrow(io.TextIOWrapper):
    def __init__(self, encoding):
        super().__init__(io.BytesIO(), encoding=encoding, write_through=True)


@pytest.mark.parametrize("encoding", ["ascii", "cp1251", "utf-8", "latin-1"])
@pytest.mark.parametrize("text", ODD)
def test_what_an_encoding_lacks_is_replaced(monkeypatch, encoding, text):
    monkeypatch.setattr(sys, "stdout", Narrow(encoding))
    monkeypatch.setattr(sys, "stderr", Narrow(encoding))
    _output.out.print(f"before {text} after")
    _output.table([text], [[text]])
    _output.warn(text)
    _output.print_json({text: text})
    with pytest.raises(SystemExit) as end:
        _output.fail(GankitError(text, text))
    assert end.value.code == 2
    written = sys.stdout.buffer.getvalue().decode(encoding)
    assert "before " in written
    assert "\x1b" not in written
    errors = sys.stderr.buffer.getvalue().decode(encoding)
    assert len(errors.splitlines()) == 2
    assert json.loads(written[written.index("{") :]) == {text: text}


@pytest.mark.parametrize("text", ["run [v2]", "[/bold]", "[red]x[/red]", r"\[a]", ":smile:"])
def test_nothing_is_markup(capsys, text):
    _output.out.print(text)
    _output.table([text], [[text]])
    _output.warn(text)
    shown = capsys.readouterr()
    assert shown.out.split("\n")[:3] == [text] * 3
    assert shown.err == f"warning: {text}\n"


class Refusing(io.StringIO):
    def __init__(self, number):
        super().__init__()
        self.number = number

    def write(self, text):
        raise OSError(self.number, "no")

    def fileno(self):
        raise ValueError


@pytest.mark.parametrize("number", [errno.EPIPE, errno.EIO])
def test_a_closed_terminal_or_pipe_stops_no_work(monkeypatch, number):
    monkeypatch.setattr(sys, "stderr", Refusing(number))
    monkeypatch.setattr(sys, "stdout", Refusing(number))
    _output.err.print("progress")
    _output.out.print("result")
    _output.print_json({})


def test_a_full_disk_under_the_results_is_an_error(monkeypatch):
    monkeypatch.setattr(sys, "stdout", Refusing(errno.ENOSPC))
    with pytest.raises(OSError, match="standard output"):
        Stream("stdout").write("result")
    monkeypatch.setattr(sys, "stderr", Refusing(errno.ENOSPC))
    Stream("stderr").write("progress")


def test_no_output_at_all(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    _output.out.print("result")
    _output.print_json({})


TYPED = ("_output.py", "_progress.py", "_reading.py")
"""Files that name the type of these consoles."""


def test_commands_print_through_these_consoles_only():
    """They take no markup; a console of a command's own might."""
    for file in sorted(Path(gankit.cli.__file__).parent.glob("*.py")):
        tree = ast.parse(file.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rich"):
                names = {alias.name for alias in node.names}
                assert node.module != "rich.markup", f"{file.name}: text is not markup here"
                assert "Console" not in names or file.name in TYPED
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert "[/]" not in node.value, f"{file.name}:{node.lineno}: use warn() or Text"
            if isinstance(node, ast.keyword) and node.arg == "markup":
                assert isinstance(node.value, ast.Constant)
                assert node.value.value is False
            if isinstance(node, ast.Attribute):
                assert node.attr != "from_markup", f"{file.name}:{node.lineno}"
