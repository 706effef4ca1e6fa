"""The result of an evaluation as Python uses it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gankit.api.frames import frame
from gankit.api.notebook import table
from gankit.errors import GankitError, did_you_mean
from gankit.report.page import write_report
from gankit.runs import scores

BETTER = {True: "lower", False: "higher", None: ""}


class Evaluation(scores.Evaluation):
    """Scores, each with the same score of held-out real items: ``found["coverage/NAME"]``;
    ``dict(found)`` has all values.
    """

    @classmethod
    def of(cls, found: scores.Evaluation) -> Evaluation:
        return cls(**{f.name: getattr(found, f.name) for f in dataclasses.fields(found)})

    def __getitem__(self, name: str) -> float:
        """The value of a score.

        Raises:
            GankitError: there is none of that name.
        """
        for score in self.scores:
            if score.name == name:
                return score.value
        raise GankitError(f"there is no score {name!r}", did_you_mean(name, self.keys()))

    def keys(self) -> list[str]:
        """The names of the scores."""
        return [score.name for score in self.scores]

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.scores)

    def to_dataframe(self) -> Any:
        """A row a score, by its name: value, real baseline, other baselines, what is better.

        Raises:
            GankitError: pandas is not installed.
        """
        found = frame(self._rows())
        return found.set_index("score") if self.scores else found

    def report(self, path: str | Path = "report.html") -> Path:
        """Writes the page of ``gankit evaluate``, and returns its path.

        Raises:
            GankitError: it cannot be written, or a file that gankit did not write is there.
        """
        target = Path(path)
        write_report(self, target)
        return target

    def _rows(self) -> list[dict[str, Any]]:
        shared = any(score.shared_backbone for score in self.scores)
        return [
            {
                "score": score.name,
                "value": score.value,
                "real_baseline": score.real_baseline,
                **{name: score.baselines.get(name) for name in self.baselines},
                "better": BETTER[score.lower_is_better],
                "n": score.n_generated,
                **({"shared_backbone": score.shared_backbone} if shared else {}),
            }
            for score in self.scores
        ]

    def __repr__(self) -> str:
        count = self.record["n_generated"]
        lines = [f"{len(self.scores)} scores of {count:,} generated items ({self.subject.name})"]
        for s in self.scores:
            real = "" if s.real_baseline is None else f"   real {s.real_baseline:.4g}"
            shared = f"   shares {s.shared_backbone}" if s.shared_backbone else ""
            lines.append(f"  {s.name:<32} {s.value:<10.4g}{real}{shared}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return table(self._rows())
