"""Runs a notebook's cells, one after another in this process, and keeps what they show.

    python tools/run_notebook.py docs/tutorials/tables.ipynb

Enough for the tutorials: plain Python, and lines that begin with ``!`` for the shell. What a cell
prints and the value of its last line are stored as Jupyter would store them. It runs in a new,
empty folder. A cell that raises ends it, with nothing written.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import io
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

KINDS = {"image/svg+xml": "_repr_svg_", "text/html": "_repr_html_"}


def run(notebook: dict[str, Any]) -> None:
    """Runs all cells and replaces their outputs."""
    names: dict[str, Any] = {"__name__": "__main__"}
    count = 0
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            count += 1
            cell["execution_count"] = count
            cell["outputs"] = outputs("".join(cell["source"]), names, count)


def outputs(source: str, names: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """What a cell shows when it is run among these names."""
    names["_shell"] = _shell
    tree = ast.parse(re.sub(r"^!(.*)", lambda m: f"_shell({m[1]!r})", source, flags=re.MULTILINE))
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    said, value = io.StringIO(), None
    with contextlib.redirect_stdout(said):
        exec(compile(tree, f"cell {count}", "exec"), names)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), f"cell {count}", "eval"), names)
    found: list[dict[str, Any]] = []
    if text := said.getvalue():
        found.append({"output_type": "stream", "name": "stdout", "text": _lines(text)})
    if value is not None:
        data = {"text/plain": _lines(repr(value))}
        for kind, method in KINDS.items():
            if shown := getattr(value, method, lambda: None)():
                data[kind] = _lines(shown)
        about = {"execution_count": count, "metadata": {}}
        found.append({"output_type": "execute_result", "data": data, **about})
    return found


def _shell(command: str) -> None:
    """Prints what a command says; its progress goes to this process's own standard error."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "COLUMNS": "100"}
    done = subprocess.run(command, shell=True, stdout=subprocess.PIPE, text=True, env=environment)
    print(done.stdout, end="")
    if done.returncode:
        raise SystemExit(f"{command}: exit code {done.returncode}")


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebook", type=Path)
    file = parser.parse_args().notebook.resolve()
    notebook = json.loads(file.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        run(notebook)
        os.chdir(file.parent)
    file.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
