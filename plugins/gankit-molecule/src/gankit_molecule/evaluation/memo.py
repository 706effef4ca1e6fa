"""Functions of molecules, computed once for all evaluators."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeVar

import numpy as np

from gankit.contract import quiet
from gankit_molecule.data.parallel import mapped
from gankit_molecule.data.properties import measure

T = TypeVar("T")
Values = np.ndarray[Any, np.dtype[np.float64]]


class Memo:
    """Computes functions of SMILES in several processes, and remembers the results.

    Args:
        workers: processes; 0 for one per core.
    """

    def __init__(self, workers: int = 0) -> None:
        self._workers = workers
        self._known: dict[Hashable, dict[str, Any]] = {}

    def of(self, function: Callable[[str], T | None], smiles: Sequence[str]) -> list[T | None]:
        """``function(smiles)`` of each; the function is defined at module level."""
        return self._each(
            function.__name__,
            smiles,
            lambda new: mapped(function, new, self._workers, function.__name__, quiet),
        )

    def properties(self, smiles: Sequence[str], names: Sequence[str]) -> Values:
        """``(N, len(names))``, by :func:`gankit_molecule.data.properties.measure`."""
        ordered = sorted(names)
        rows = self._each(
            ("properties", *ordered), smiles, lambda new: measure(new, ordered, self._workers)
        )
        table = np.array(rows, np.float64).reshape(len(smiles), len(ordered))
        return table[:, [ordered.index(name) for name in names]]

    def _each(
        self, what: Hashable, smiles: Sequence[str], compute: Callable[[Sequence[str]], Any]
    ) -> list[Any]:
        known = self._known.setdefault(what, {})
        new = [text for text in dict.fromkeys(smiles) if text not in known]
        known.update(zip(new, compute(new), strict=True))
        return [known[text] for text in smiles]
