"""Scorers of molecules: an expression, or a user's function in another process.

A score is a number; a molecule without one has one of the keys of :data:`REASONS` instead.
"""

from __future__ import annotations

import json
import math
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from gankit.errors import GankitError
from gankit.kit.cache import Cache
from gankit_molecule.data.hashes import key_of
from gankit_molecule.data.parallel import CHUNK
from gankit_molecule.data.properties import measure
from gankit_molecule.optimize.objective import Expression, Scoring
from gankit_molecule.settings import MoleculeSettings

Score = float | str

REASONS = {
    "raised": "raised an exception",
    "number": "no finite number",
    "time": "out of time",
    "died": "ended the process",
}
"""Why molecules have no score, with the words for messages."""
MAX_TIMEOUTS = 3
"""Batches in a row that run out of time, after which that is an error."""
MAX_DEATHS = 10
"""Molecules in a row that end the process, after which that is an error."""
CACHE_VERSION = 1
"""Of the cached scores' format."""


class Scorer(Protocol):
    """Scores molecules."""

    batch: int
    """Molecules to score at once: between batches progress is shown and scores are cached."""

    def score(self, smiles: Sequence[str]) -> list[Score]:
        """One score per molecule, in their order."""

    def close(self) -> None:
        """Ends processes; the next call of :meth:`score` starts them again."""


def scorer_of(objective: Expression | Scoring, settings: MoleculeSettings, cache: Cache) -> Scorer:
    """The scorer of an objective."""
    if isinstance(objective, Expression):
        return ByExpression(objective, settings.workers)
    return ByFunction(objective, settings.scorer_seconds, settings.scorer_batch, cache)


class ByExpression:
    """Scores by an expression of computed properties."""

    batch = 8 * CHUNK

    def __init__(self, expression: Expression, workers: int = 0) -> None:
        self.expression, self.workers = expression, workers

    def score(self, smiles: Sequence[str]) -> list[Score]:
        names = self.expression.names
        table = measure(smiles, names, self.workers)
        scores = self.expression.of(dict(zip(names, table.T, strict=True)))
        return [_finite(value) for value in scores.tolist()]

    def close(self) -> None:
        pass


class ByFunction:
    """Scores by a user's function, in a process of its own that can be timed and killed.

    A batch at which it raises, or which ends the process, is repeated one molecule at a time.
    Scores are cached by the contents of the function's file; timeouts are not, since the next run
    may have more time.

    Args:
        seconds: time limit for a batch, and for loading the function.
        batch: molecules that it gets at once.
    """

    def __init__(self, place: Scoring, seconds: float, batch: int, cache: Cache) -> None:
        self.place, self.seconds, self.batch, self.cache = place, seconds, batch, cache
        self._child: _Child | None = None
        self._known: dict[str, Score] | None = None
        self._file: Path | None = None
        self._timeouts, self._deaths, self._last = 0, 0, ""

    def score(self, smiles: Sequence[str]) -> list[Score]:
        known = self._memory()
        new = [text for text in dict.fromkeys(smiles) if text not in known]
        for start in range(0, len(new), self.batch):
            some = new[start : start + self.batch]
            found = dict(zip(some, self._scored(some), strict=True))
            self._keep(found)
            known |= found
        given = [known[text] for text in smiles]
        for text in [text for text in new if known[text] == "time"]:
            del known[text]
        return given

    def close(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None

    @property
    def why(self) -> str:
        """The message of the last exception; empty where there was none."""
        return self._last

    def _scored(self, smiles: Sequence[str]) -> list[Score]:
        try:
            reply = self._started().request(list(smiles), self.seconds)
        except TimeoutError:
            self.close()
            self._timeouts += 1
            if self._timeouts == MAX_TIMEOUTS:
                raise self._error(
                    f"ran out of time, {self.seconds:g} s, {MAX_TIMEOUTS} times in a row",
                    "Set a larger scorer_seconds, or a smaller scorer_batch",
                ) from None
            return ["time"] * len(smiles)
        except EOFError:
            code = self._started().code()
            self.close()
            if len(smiles) > 1:
                return [self._scored([text])[0] for text in smiles]
            self._deaths, self._last = self._deaths + 1, f"it ended with exit code {code}"
            if self._deaths == MAX_DEATHS:
                raise self._error(
                    f"ended its process {MAX_DEATHS} times in a row, with exit code {code}",
                    "Run it by itself on a few SMILES",
                ) from None
            return ["died"]
        self._timeouts = 0
        if "wrong" in reply:
            raise self._error(
                reply["wrong"], "It gets a list of SMILES, and returns one number each"
            )
        if "raised" in reply:
            self._last = f"it raised {reply['raised']}"
            if len(smiles) > 1:
                return [self._scored([text])[0] for text in smiles]
            return ["raised"]
        self._deaths = 0
        return [_finite(value) for value in reply["scores"]]

    def _started(self) -> _Child:
        if self._child is not None:
            return self._child
        self._child = child = _Child([self.place.where, self.place.function])
        try:
            hello = child.reply(self.seconds)
        except TimeoutError:
            self.close()
            raise self._error(
                f"did not load within {self.seconds:g} s", "Set a larger scorer_seconds"
            ) from None
        except EOFError:
            code = child.code()
            self.close()
            raise self._error(
                f"ended its process while it was loaded, with exit code {code}",
                "Import it by itself",
            ) from None
        if "error" in hello:
            self.close()
            raise self._error(
                f"cannot be loaded: {hello['error']}",
                "Name package.module:function, or path/to/file.py:function, of a function that "
                "takes a list of SMILES",
            )
        if self._known is None:
            key = key_of([CACHE_VERSION, self.place.function], [hello["ready"]])
            self._file = self.cache.path("scores", f"{key}.jsonl")
            self._known = _read(self._file)
        return child

    def _memory(self) -> dict[str, Score]:
        if self._known is None:
            self._started()
        assert self._known is not None
        return self._known

    def _keep(self, found: dict[str, Score]) -> None:
        """Appends lines to a file, so that each batch is cached at once, and concurrent runs can do
        the same."""
        if self._file is not None:
            lines = (json.dumps([k, v]) + "\n" for k, v in found.items() if v != "time")
            self.cache.append(self._file, "".join(lines))

    def _error(self, what: str, hint: str) -> GankitError:
        return GankitError(f"objective={self.place.text}: {self.place.function} {what}", hint)


class _Child:
    """The process that has the function, and the lines that it writes."""

    def __init__(self, words: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "gankit_molecule.optimize.scorer_process", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            # In a group of its own: it does not get Ctrl-C, and its children are killed with it.
            start_new_session=True,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def request(self, smiles: list[str], seconds: float) -> dict[str, Any]:
        """Its reply to a batch.

        Raises:
            TimeoutError: it took longer.
            EOFError: it ended.
        """
        assert self._process.stdin is not None
        with suppress(OSError):  # it has ended: reading its reply raises
            self._process.stdin.write(json.dumps(smiles) + "\n")
            self._process.stdin.flush()
        return self.reply(seconds)

    def reply(self, seconds: float) -> dict[str, Any]:
        """Its next line; raises like :meth:`request`."""
        try:
            line = self._lines.get(timeout=seconds)
        except queue.Empty:
            raise TimeoutError from None
        if not line.endswith("\n"):
            raise EOFError
        reply: dict[str, Any] = json.loads(line)
        return reply

    def code(self) -> int | str:
        """Its exit code, or the name of the signal that killed it."""
        try:
            code = self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            return "unknown"
        if code < 0:
            with suppress(ValueError):
                return signal.Signals(-code).name
        return code

    def end(self) -> None:
        """Kills it and its children."""
        with suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):  # unwritten input is dropped
                if pipe is not None:
                    pipe.close()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with suppress(ValueError, OSError):  # it was closed
            for line in self._process.stdout:
                self._lines.put(line)
        self._lines.put("")


def _finite(value: float | None) -> Score:
    return float(value) if value is not None and math.isfinite(value) else "number"


def _read(file: Path | None) -> dict[str, Score]:
    known: dict[str, Score] = {}
    if file is not None and file.is_file():
        with suppress(OSError):
            for line in file.read_text("utf-8", errors="replace").splitlines():
                with suppress(ValueError, TypeError):  # a line that was cut off
                    smiles, score = json.loads(line)
                    if isinstance(score, float | int) or score in REASONS:
                        known[smiles] = score
    return known
