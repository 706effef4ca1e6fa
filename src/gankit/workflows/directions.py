"""The directions of a run, with a sheet of what each does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gankit.contract import Progress, Provenance, Rendering, Sample, quiet
from gankit.errors import GankitError
from gankit.kit.files import write_json
from gankit.kit.sheets import Sheet
from gankit.plugins.registry import installed
from gankit.runs.directory import Run, next_run
from gankit.runs.output import write_generated
from gankit.runs.targets import Target, expanded, refuse_existing
from gankit.system_errors import translated
from gankit.workflows.generate import (
    MEMORY_HINT,
    Generated,
    Sampling,
    check_seeds,
    counted,
    sampling_record,
)
from gankit.workflows.walks import Along

if TYPE_CHECKING:
    from gankit.engine.sampling.directions import Directions
    from gankit.engine.sampling.sampler import Sampler

VECTORS, RESULTS, SHEET = "directions.safetensors", "directions.json", "sheet"


@dataclass(frozen=True)
class Shown:
    """What the sheet shows."""

    n: int = 8
    """Directions, the strongest first."""
    seed: int = 0
    seeds: int = 3
    """Rows of each direction: seeds from ``seed`` on."""
    reach: float = 3.0
    """Standard deviations to both sides."""
    steps: int = 7
    """Columns; an odd number has the seed's own item in the middle."""
    where: dict[str, object] = field(default_factory=dict)

    def check(self) -> None:
        """Raises:
        GankitError: a number is out of range.
        """
        for name, least in (("n", 1), ("seeds", 1), ("steps", 2)):
            if getattr(self, name) < least:
                raise GankitError(
                    f"{name}={getattr(self, name)}: out of range", f"Use {least} or more"
                )
        if not 0 < self.reach < float("inf"):
            raise GankitError(f"reach={self.reach:g}: out of range", "Use a positive number")
        check_seeds(self.seed, self.seeds)


@translated(memory=MEMORY_HINT)
def directions(
    run: Run,
    out: str | Path | None = None,
    shown: Shown | None = None,
    *,
    device: str = "auto",
    overwrite: bool = False,
    progress: Progress = quiet,
) -> tuple[Generated, Directions]:
    """Finds the directions, and writes them with a sheet of what each does.

    Args:
        out: the folder to make; ``generated/RUN-directions-001`` by default.

    Raises:
        GankitError: for whatever the user can fix.
    """
    from gankit.engine.sampling.directions import find_directions

    shown = shown or Shown()
    shown.check()
    path = expanded(out) if out else next_run(Path("generated"), f"{run.model['run']}-directions")
    target = Target(path, "directions", single_file=False)
    refuse_existing(target, overwrite)
    sampling = Sampling(shown.seeds, shown.seed, shown.where)
    sampler = sampling.sampler(run, device)
    found = find_directions(sampler)
    numbers = range(1, min(shown.n, len(found)) + 1)
    sheet = _Sheet(run, sampler, found, shown, numbers)
    total = len(numbers) * shown.seeds * shown.steps
    record = write_generated(
        *(run.plugin, counted(sheet.draw(), total, progress), target),
        codec=sampler.codec,
        run=run.model["run"],
        record={**sampling_record(run, sampler, sampling), "layers": list(found.layers)},
        plugins=installed(),
        progress=progress,
        overwrite=overwrite,
        way=f"along directions 1 to {len(numbers)}",
        write=sheet.write,
    )
    return Generated(path, record), found


@dataclass
class _Sheet:
    run: Run
    sampler: Sampler
    found: Directions
    shown: Shown
    numbers: Sequence[int]

    def draw(self) -> Iterator[Sample[Any]]:
        """Row by row: each direction, each seed, each step."""
        shown = self.shown
        for number in self.numbers:
            for seed in range(shown.seed, shown.seed + shown.seeds):
                walk = Along(number, -shown.reach, shown.reach, seed)
                yield from walk.draw(self.sampler, shown.steps, shown.where)

    def write(self, samples: Iterable[Sample[Any]], folder: Path, provenance: Provenance) -> None:
        """Writes the vectors, their strengths and the sheet."""
        from safetensors.torch import save

        shown, found, codec = self.shown, self.found, self.sampler.codec
        tensors = {"directions": found.vectors, "strengths": found.strengths}
        (folder / VECTORS).write_bytes(save(tensors))
        strengths = [float(value) for value in found.strengths]
        write_json(
            folder / RESULTS,
            {"generated": True, "strengths": strengths, "layers": list(found.layers)},
        )
        cells = [self.run.plugin.modality.render(s.item, codec) for s in samples]
        rows: list[tuple[str, Sequence[Rendering | None]]] = []
        for i, number in enumerate(n for n in self.numbers for _ in range(shown.seeds)):
            seed = shown.seed + i % shown.seeds
            share = f" ({strengths[number - 1]:.1%})" if not i % shown.seeds else ""
            label = f"{number}{share}, seed {seed}" if share else f"seed {seed}"
            rows.append((label, cells[i * shown.steps : (i + 1) * shown.steps]))
        columns = [f"{step:+g}" for step in Along(1, -shown.reach, shown.reach).steps(shown.steps)]
        title = f"Directions of {self.run.name}, the strongest first"
        Sheet(title, columns, rows).write(folder, SHEET, provenance.text())
