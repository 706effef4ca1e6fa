"""What gives molecules their scores: an expression here, or a user's function in another process.

A score is a number; a molecule that got none has a word instead, one of :data:`REASONS`.
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
from gankit_molecule.data.parallel import CHUNK
from gankit_molecule.data.properties import measure
from gankit_molecule.optimize.objective import Expression, Scoring
from gankit_molecule.settings import MoleculeSettings
from gankit_molecule.store import Store, key_of

Score = float | str

REASONS = {
    "raised": "raised an exception",
    "number": "no finite number",
    "time": "out of time",
    "died": "ended the process",
}
"""Why molecules have no score, and how that is said."""
MOST_TIMEOUTS = 3
"""Batches in a row that run out of time, before that is an error."""
MOST_DEATHS = 10
"""Likewise, for molecules that end the process."""
VERSION = 1
"""Counts changes to what is kept."""


class Scorer(Protocol):
    """Scores molecules, and lets go of what that took."""

    batch: int
    """Molecules to give it at once, so that what is done can be shown and kept."""

    def score(self, smiles: Sequence[str]) -> list[Score]:
        """One score a molecule, in their order."""

    def close(self) -> None:
        """Ends what was begun; scoring begins it anew."""


def scorer_of(objective: Expression | Scoring, settings: MoleculeSettings, store: Store) -> Scorer:
    """What scores by an objective."""
    if isinstance(objective, Expression):
        return ByExpression(objective, settings.workers)
    return ByFunction(objective, settings.scorer_seconds, settings.scorer_batch, store)


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
    """Scores by a function of the user's, in a process of its own that can be timed and ended.

    A batch at which it raises, or which ends the process, is tried one molecule at a time. What it
    says of a molecule is kept in the store, by the contents of the function's file, and not asked
    again; but for what ran out of time, which the next run may give more of.

    Args:
        seconds: that a batch, or loading the function, may take.
        batch: molecules that it is given at once.
    """

    def __init__(self, place: Scoring, seconds: float, batch: int, store: Store) -> None:
        self.place, self.seconds, self.batch, self.store = place, seconds, batch, store
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
        """What the last exception said; empty where there was none."""
        return self._last

    def _scored(self, smiles: Sequence[str]) -> list[Score]:
        try:
            reply = self._started().ask(list(smiles), self.seconds)
        except TimeoutError:
            self.close()
            self._timeouts += 1
            if self._timeouts == MOST_TIMEOUTS:
                raise self._fault(
                    f"ran out of time, {self.seconds:g} s, {MOST_TIMEOUTS} times in a row",
                    "Set a larger scorer_seconds, or a smaller scorer_batch",
                ) from None
            return ["time"] * len(smiles)
        except EOFError:
            code = self._started().code()
            self.close()
            if len(smiles) > 1:
                return [self._scored([text])[0] for text in smiles]
            self._deaths, self._last = self._deaths + 1, f"it ended with exit code {code}"
            if self._deaths == MOST_DEATHS:
                raise self._fault(
                    f"ended its process {MOST_DEATHS} times in a row, with exit code {code}",
                    "Run it by itself on a few SMILES",
                ) from None
            return ["died"]
        self._timeouts = 0
        if "wrong" in reply:
            raise self._fault(reply["wrong"], "It gets a list of SMILES, and gives one number each")
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
            raise self._fault(
                f"did not load within {self.seconds:g} s", "Set a larger scorer_seconds"
            ) from None
        except EOFError:
            code = child.code()
            self.close()
            raise self._fault(
                f"ended its process while it was loaded, with exit code {code}",
                "Import it by itself",
            ) from None
        if "error" in hello:
            self.close()
            raise self._fault(
                f"cannot be loaded: {hello['error']}",
                "Name package.module:function, or path/to/file.py:function, of a function that "
                "takes a list of SMILES",
            )
        if self._known is None:
            key = key_of([VERSION, self.place.function], [hello["ready"]])
            self._file = self.store.path("scores", f"{key}.jsonl")
            self._known = _read(self._file)
        return child

    def _memory(self) -> dict[str, Score]:
        if self._known is None:
            self._started()
        assert self._known is not None
        return self._known

    def _keep(self, found: dict[str, Score]) -> None:
        """Lines at the end of a file, so that each batch is kept at once and runs beside this one
        may do the same."""
        if self._file is not None:
            lines = (json.dumps([k, v]) + "\n" for k, v in found.items() if v != "time")
            self.store.append(self._file, "".join(lines))

    def _fault(self, what: str, hint: str) -> GankitError:
        return GankitError(f"objective={self.place.text}: {self.place.function} {what}", hint)


class _Child:
    """The process that has the function, and the lines that it says."""

    def __init__(self, words: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "gankit_molecule.optimize.scorer_process", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            # In a group of its own: Ctrl-C is ours to heed, and what it starts ends with it.
            start_new_session=True,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def ask(self, smiles: list[str], seconds: float) -> dict[str, Any]:
        """What it answers.

        Raises:
            TimeoutError: it took longer.
            EOFError: it ended.
        """
        assert self._process.stdin is not None
        with suppress(OSError):  # it has ended, as there is nothing to read will say
            self._process.stdin.write(json.dumps(smiles) + "\n")
            self._process.stdin.flush()
        return self.reply(seconds)

    def reply(self, seconds: float) -> dict[str, Any]:
        """Its next line; raises as :meth:`ask`."""
        try:
            line = self._lines.get(timeout=seconds)
        except queue.Empty:
            raise TimeoutError from None
        if not line.endswith("\n"):
            raise EOFError
        said: dict[str, Any] = json.loads(line)
        return said

    def code(self) -> int | str:
        """Its exit code; of one that a signal ended, the signal's name."""
        try:
            code = self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            return "unknown"
        if code < 0:
            with suppress(ValueError):
                return signal.Signals(-code).name
        return code

    def end(self) -> None:
        """Ends it, whatever it does, and all that it started."""
        with suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):  # what was still to be written is nobody's any more
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
