"""A user's scorer in a process of its own: ``python -m gankit_molecule.optimize.scorer_process WHERE FUNCTION``.

It reads lines of JSON from its input, each a list of SMILES, and writes one line of JSON for each;
what the scorer prints goes to the standard error. The first line that it writes says that the
function is there, and a hash of the file it is in::

    -> {"ready": "3b5d…"}     or {"error": "ImportError: no module named dock"}
    <- ["CCO", "CCN"]
    -> {"scores": [0.5, null]}  or {"raised": "ValueError: …"}, {"wrong": "gave 1 score for 2 …"}
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
"""Characters of what an exception says."""


def main(where: str, function: str) -> None:
    """Serves until its input ends."""
    replies = _own_output()
    try:
        score, source = find(where, function)
    except BaseException as error:  # noqa: BLE001 - whatever its import raises
        _say(replies, {"error": said(error)})
        return
    _say(replies, {"ready": source})
    for line in sys.stdin:
        _say(replies, answer(score, json.loads(line)))


def find(where: str, function: str) -> tuple[Callable[[list[str]], Any], str]:
    """The function, and a hash of the file that it is in.

    Raises:
        Exception: whatever importing it does.
    """
    if where.endswith(".py"):
        file = Path(where).expanduser().resolve()
        if not file.is_file():
            raise FileNotFoundError(f"no file {where}")
        sys.path.insert(0, str(file.parent))  # it may import what lies beside it
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
    except BaseException as error:  # noqa: BLE001 - whatever it raises, SystemExit too
        return {"raised": said(error)}
    try:
        scores = list(given)
    except TypeError:
        return {"wrong": f"gave {type(given).__name__}, where a list of numbers was due"}
    if len(scores) != len(smiles):
        return {"wrong": f"gave {len(scores):,} scores for {len(smiles):,} molecules"}
    return {"scores": [_number(one) for one in scores]}


def said(error: BaseException) -> str:
    """An exception on one line: its type and what it says."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:LONGEST]


def _number(value: Any) -> float | None:
    try:
        return None if value is None or isinstance(value, str | bytes) else float(value)
    except Exception:  # noqa: BLE001 - it is no number
        return None


def _own_output() -> TextIO:
    """The standard output for replies alone; all else that is written there goes to the error
    stream, a C library's messages too."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    sys.stdout.flush()
    os.dup2(2, 1)
    return replies


def _say(replies: TextIO, message: dict[str, Any]) -> None:
    replies.write(json.dumps(message) + "\n")
    replies.flush()


def _arguments(words: Sequence[str]) -> tuple[str, str]:
    where, function = words
    return where, function


if __name__ == "__main__":
    main(*_arguments(sys.argv[1:]))
