"""The process of a user's scorer: ``python -m gankit_molecule.optimize.scorer_process WHERE NAME``.

It reads lines of JSON, each a list of SMILES, from standard input, and writes one line of JSON for
each; the scorer's own output goes to standard error. The first line that it writes contains a hash
of the function's file::

    -> {"ready": "3b5d…"}     or {"error": "ImportError: no module named dock"}
    <- ["CCO", "CCN"]
    -> {"scores": [0.5, null]}  or {"raised": "ValueError: …"}, {"wrong": "returned 1 score …"}
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import inspect
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TextIO

LONGEST = 300
"""Characters of an exception's message."""


def main(where: str, function: str) -> None:
    """Serves until its input ends."""
    replies = _own_output()
    try:
        score, source = find(where, function)
    except BaseException as error:  # noqa: BLE001 - anything that its import raises
        _reply(replies, {"error": message_of(error)})
        return
    _reply(replies, {"ready": source})
    for line in sys.stdin:
        _reply(replies, answer(score, json.loads(line)))


def find(where: str, function: str) -> tuple[Callable[[list[str]], Any], str]:
    """The function, and a hash of its file.

    Raises:
        Exception: importing it failed.
    """
    if where.endswith(".py"):
        file = Path(where).expanduser().resolve()
        if not file.is_file():
            raise FileNotFoundError(f"no file {where}")
        sys.path.insert(0, str(file.parent))  # it may import its neighbours
        spec = importlib.util.spec_from_file_location(file.stem, file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[file.stem] = module
        spec.loader.exec_module(module)
    else:
        sys.path.insert(0, os.getcwd())
        module = importlib.import_module(where)
    found = getattr(module, function, None)
    if not callable(found):
        raise AttributeError(f"{where} has no function {function}")
    source = ""
    with contextlib.suppress(TypeError, OSError):
        source = hashlib.sha256(Path(inspect.getfile(module)).read_bytes()).hexdigest()
    return found, source


def answer(score: Callable[[list[str]], Any], smiles: list[str]) -> dict[str, Any]:
    """The reply to one line."""
    try:
        given = score(list(smiles))
    except BaseException as error:  # noqa: BLE001 - anything, SystemExit too
        return {"raised": message_of(error)}
    try:
        scores = list(given)
    except TypeError:
        return {"wrong": f"returned {type(given).__name__}, not a list of numbers"}
    if len(scores) != len(smiles):
        return {"wrong": f"returned {len(scores):,} scores for {len(smiles):,} molecules"}
    return {"scores": [_number(one) for one in scores]}


def message_of(error: BaseException) -> str:
    """An exception on one line: its type and its message."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:LONGEST]


def _number(value: Any) -> float | None:
    try:
        return None if value is None or isinstance(value, str | bytes) else float(value)
    except Exception:  # noqa: BLE001 - it is not a number
        return None


def _own_output() -> TextIO:
    """Standard output for replies only; everything else that is written there, by C libraries too,
    goes to standard error."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    sys.stdout.flush()
    os.dup2(2, 1)
    return replies


def _reply(replies: TextIO, message: dict[str, Any]) -> None:
    replies.write(json.dumps(message) + "\n")
    replies.flush()


def _arguments(words: Sequence[str]) -> tuple[str, str]:
    where, function = words
    return where, function


if __name__ == "__main__":
    main(*_arguments(sys.argv[1:]))
