"""The sheet of a style mix."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gankit.contract import Provenance, Rendering, Sample
from gankit.kit.sheets import Sheet
from gankit.runs.directory import Run

if TYPE_CHECKING:
    from gankit.engine.sampling.sampler import Sampler
    from gankit.workflows.walks import Mix, Stop


class MixSheet:
    """The sheet of a style mix: coarse sources in the first column, fine ones in the first row.

    Args:
        where: the requested conditions.
    """

    def __init__(self, run: Run, sampler: Sampler, mix: Mix, where: Mapping[str, object]) -> None:
        self.run, self.sampler, self.mix, self.where = run, sampler, mix, where
        self.seen: list[Any] = []

    def watching(self, samples: Iterable[Sample[Any]]) -> Iterator[Sample[Any]]:
        """The same samples, which are kept for the sheet."""
        for sample in samples:
            self.seen.append(sample.item)
            yield sample

    def write(self, folder: Path, provenance: Provenance) -> None:
        """Writes ``mix.html`` and ``mix.png``."""
        modality, codec = self.run.plugin.modality, self.sampler.codec
        wide = len(self.mix.fine)
        rows: list[tuple[str, Sequence[Rendering | None]]] = [
            ("", [None, *map(self._source, self.mix.fine)])
        ]
        for y, stop in enumerate(self.mix.coarse):
            made = self.seen[y * wide : (y + 1) * wide]
            cells = [modality.render(item, codec) for item in made]
            rows.append((str(stop), [self._source(stop), *cells]))
        title = f"{self.run.name}: {self.mix.in_words()}"
        columns = ["", *map(str, self.mix.fine)]
        Sheet(title, columns, rows).write(folder, "mix", provenance.text())

    def _source(self, stop: Stop) -> Rendering:
        from gankit.workflows.walks import resolved

        codec = self.sampler.codec
        batch, _, _ = self.sampler.end(resolved(stop, self.sampler), None, self.where)
        (sample,) = self.sampler.as_samples(batch, [stop if isinstance(stop, int) else 0])
        return self.run.plugin.modality.render(sample.item, codec)
