"""Which of a run's weights are used: the best ones by held-out distance, or the latest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gankit.errors import GankitError
from gankit.runs.checks import using
from gankit.runs.model import GENERATOR, LATEST_GENERATOR, read_metadata

BEST, LATEST = "best", "latest"


@dataclass(frozen=True)
class Weights:
    """The generator's weights that are used, of those in a ``model/`` folder."""

    name: str
    """``best``, or ``latest`` where that was requested and is another one."""
    file: Path
    samples: int
    """Training samples that these weights have seen."""
    latest: int
    """Those that the latest weights have seen."""
    best: int

    @property
    def differ(self) -> bool:
        """Whether the latest weights are others than the best."""
        return self.latest != self.best

    def in_words(self) -> str:
        """One line where there is a choice; empty where there is none."""
        if not self.differ:
            return ""
        if self.name == BEST:
            return (
                f"weights of {self.best:,} samples, the best by held-out distance; the latest are "
                f"of {self.latest:,}: --weights latest"
            )
        return (
            f"weights of {self.latest:,} samples, the latest; the best by held-out distance are of "
            f"{self.best:,}: --weights best"
        )

    def record(self) -> dict[str, Any]:
        """For the records of what is made with them."""
        choice = {"weights": self.name} if self.differ else {}
        return {"samples_trained": self.samples, **choice}


def checked(name: str) -> str:
    """The name of a choice.

    Raises:
        GankitError: it is none.
    """
    if name not in (BEST, LATEST):
        raise GankitError(f"no weights {name!r}", f"Use {BEST} or {LATEST}")
    return name


def weights_in(folder: Path, name: str = BEST) -> Weights:
    """The weights of this name in a ``model/`` folder; the same for both where there is one file.

    Raises:
        GankitError: a file is damaged.
    """
    best = latest = _samples(folder / GENERATOR)
    if (folder / LATEST_GENERATOR).is_file():
        # A smaller number is left over: a process was killed before it removed the file.
        latest = max(latest, _samples(folder / LATEST_GENERATOR))
    if name == LATEST and latest != best:
        return Weights(LATEST, folder / LATEST_GENERATOR, latest, latest, best)
    return Weights(BEST, folder / GENERATOR, best, latest, best)


def _samples(file: Path) -> int:
    with using(file, "cannot be read"):
        return int(read_metadata(file).get("samples", 0))
