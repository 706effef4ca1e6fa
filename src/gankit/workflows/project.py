"""Projecting items: a latent whose sample is as near as possible to each given one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gankit.contract import (
    Codec,
    Converts,
    Dataset,
    Progress,
    Provenance,
    ReadsItems,
    Rendering,
    Sample,
    quiet,
)
from gankit.contract.codec import encode_targets
from gankit.contract.subsets import take
from gankit.errors import GankitError
from gankit.kit.files import write_json
from gankit.kit.films import write_film
from gankit.kit.remote import Remote, is_remote
from gankit.kit.sheets import Sheet, is_raster, picture, stacked
from gankit.plugins.registry import installed
from gankit.provenance.sealing import COMPOSITE
from gankit.runs.directory import Run, next_run
from gankit.runs.latents import write_latents
from gankit.runs.output import write_generated
from gankit.runs.targets import Target, expanded, refuse_existing
from gankit.system_errors import translated
from gankit.workflows.conformity import conformed, named
from gankit.workflows.data import read
from gankit.workflows.generate import MEMORY_HINT, run_record
from gankit.workflows.remote import with_copy

if TYPE_CHECKING:
    from torch import Tensor

    from gankit.engine.sampling.projection import Effort, Found
    from gankit.engine.sampling.sampler import Latent, Sampler

LATENTS, RESULTS, ITEMS, FILM = "latents.safetensors", "projection.json", "items", "way.gif"
SHEET = "sheet"
MOST = 64
"""Items that are projected where their number is not given."""
SHOWN = 8
"""Items in the film."""
FPS, REST = 12, 1.5


@dataclass(frozen=True)
class Projected:
    """One projected item."""

    name: str
    """The given item's."""
    target: Any
    """The given item in the run's form."""
    item: Any
    """Its reconstruction."""
    latent: Latent
    """Its latent and condition: ``run.sample(between=(projected, 17))``."""
    condition: Mapping[str, str | float]
    error: float
    """Mean squared error, in the units of the networks."""
    start_error: float
    """The same of the best of the seeds from which the search started."""
    start_seed: int
    scores: Mapping[str, float]
    """``rmse`` in the item's own units, and ``psnr`` in dB where these are unsigned integers; of
    the best seed as ``start_rmse`` and ``start_psnr``."""

    def record(self) -> dict[str, Any]:
        """All but the items and the latent."""
        return {
            "name": self.name,
            "condition": dict(self.condition),
            "mse": self.error,
            "start_mse": self.start_error,
            "start_seed": self.start_seed,
            **self.scores,
        }


@dataclass(frozen=True)
class Projection(Sequence[Projected]):
    """Projected items, in the order in which they were given."""

    items: Sequence[Projected]
    path: Path | None = None
    """The folder that was written."""
    warnings: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, i: Any) -> Any:
        return self.items[i]

    @property
    def latent(self) -> Latent:
        """The latent of the only item.

        Raises:
            GankitError: there are several.
        """
        if len(self.items) != 1:
            raise GankitError(f"{len(self.items)} items were projected", "Choose one: found[0]")
        return self.items[0].latent

    def __repr__(self) -> str:
        place = f" in {self.path}" if self.path else ""
        lines = [f"{len(self)} projected item{'' if len(self) == 1 else 's'}{place}"]
        lines += [f"  {in_words(one)}" for one in self.items[:5]]
        return "\n".join(lines + (["  …"] if len(self) > 5 else []))


def in_words(one: Projected) -> str:
    """One line on a projected item."""
    condition = "".join(f" {key}={value}" for key, value in one.condition.items())
    scores = one.scores
    error = f"mean squared error {one.error:.3g} (best seed {one.start_error:.3g})"
    if "psnr" in scores:
        error += f", PSNR {scores['psnr']:.1f} dB ({scores['start_psnr']:.1f})"
    return f"{one.name}:{condition} {error}"


@translated(memory=MEMORY_HINT)
def project(
    run: Run,
    data: object,
    out: str | Path | None = None,
    *,
    n: int | None = None,
    where: Mapping[str, object] | None = None,
    effort: Effort | None = None,
    device: str = "auto",
    write: bool = True,
    overwrite: bool = False,
    progress: Progress = quiet,
) -> Projection:
    """Projects items, and writes their latents, reconstructions, errors, a sheet and a film.

    Args:
        data: a file, a folder or an object in memory.
        out: the folder to make; ``generated/RUN-projected-001`` by default.
        n: the first so many items; all by default, at most ``MOST``.
        where: the condition; by default each item's own, or the best of the classes.
        write: whether anything is written.

    Raises:
        GankitError: for whatever the user can fix.
    """
    from gankit.engine.sampling.projection import Effort
    from gankit.engine.sampling.projection import project as search

    effort = effort or Effort()
    effort.check()
    if n is not None and n < 1:
        raise GankitError(f"n={n}: nothing to project", "Use 1 or more")
    path = expanded(out) if out else next_run(Path("generated"), f"{run.model['run']}-projected")
    target = Target(path, "projection", single_file=False)
    if write:
        refuse_existing(target, overwrite)
    sampler = run.sampler(device)
    where = dict(where or {})
    sampler.draw_conditions([0], where)  # a wrong condition fails before any work
    items, names, warnings = _read(run, sampler.codec, data, n, progress)
    x = encode_targets(sampler.codec, items)
    rows = [None if where else _own_row(sampler.codec, item) for item in items]
    found = search(
        *(sampler, x, rows, effort, where),
        lambda done, total: progress("projecting", done, total),
    )
    made = _Made(run, sampler, x, found, names, where)
    if not write:
        return Projection(made.projected, None, warnings)
    settings = {"seeds": effort.seeds, "starts": effort.starts, "steps": effort.steps}
    write_generated(
        *(run.plugin, made.samples, target),
        codec=sampler.codec,
        run=run.model["run"],
        record={**run_record(run, warnings), "projected": {**settings, "where": where}},
        plugins=installed(),
        progress=progress,
        overwrite=overwrite,
        way="from latents found by projection",
        composites=(f"{SHEET}.png", FILM),
        write=made.write,
    )
    return Projection(made.projected, path, warnings)


def _read(
    run: Run, codec: Codec[Any], data: object, n: int | None, progress: Progress
) -> tuple[Sequence[Any], list[str], tuple[str, ...]]:
    """The items, their names and warnings.

    Raises:
        GankitError: they cannot be read, do not fit the run, or are too many.
    """
    modality, settings = run.plugin.modality, run.settings
    source = expanded(str(data)) if isinstance(data, str | Path) else data
    if isinstance(modality, ReadsItems) and is_remote(source):
        copied = with_copy(Remote(str(source)), lambda path: modality.read_items(path, settings))
        dataset: Dataset[Any] = copied
    elif isinstance(modality, ReadsItems):
        dataset = modality.read_items(source, settings)
    else:
        dataset = read(run.plugin, source, settings, progress)
    count = len(dataset.items)
    if n is None and count > MOST:
        raise GankitError(
            f"{named(data)}: {count:,} items, and at most {MOST} are projected by default",
            "Choose how many: -n N projects the first N",
        )
    items = take(dataset.items, range(min(count, n or count)))
    found: dict[str, None] = {}
    for item in items:  # one by one: their forms may differ
        found |= dict.fromkeys(conformed(modality, codec, [item], data).warnings)
    names = [str(getattr(item, "name", "") or f"item {i}") for i, item in enumerate(items)]
    return items, names, tuple(found)


def _own_row(codec: Codec[Any], item: Any) -> Tensor | None:
    """An item's own conditions; None where it has none that the run knows."""
    if codec.layout.condition is None:
        return None
    try:
        c = codec.encode([item], np.random.default_rng(0)).c
    except GankitError:
        return None
    return None if c is None else c[0].float()


class _Made:
    """What was found, as items and files."""

    def __init__(
        self,
        run: Run,
        sampler: Sampler,
        x: Tensor,
        found: Sequence[Found],
        names: Sequence[str],
        where: Mapping[str, object],
    ) -> None:
        from gankit.contract import Batch
        from gankit.engine.sampling.walks import of_latents

        self.run, self.sampler, self.found = run, sampler, found
        self.modality, codec = run.plugin.modality, sampler.codec
        self.samples = list(of_latents(sampler, [one.latent for one in found]))
        self.starts = [s.item for s in of_latents(sampler, [one.start for one in found])]
        rows = [one.latent.c for one in found if one.latent.c is not None]
        import torch

        batch = Batch(x, torch.stack(rows) if rows else None)
        targets = [s.item for s in sampler.as_samples(batch, range(len(x)), where)]
        self.projected = [
            Projected(
                *(name, target, sample.item, one.latent, sample.condition),
                *(one.error, one.start_error, one.start_seed),
                {
                    **_scores(self.modality, codec, target, sample.item),
                    **{
                        f"start_{key}": value
                        for key, value in _scores(self.modality, codec, target, start).items()
                    },
                },
            )
            for name, target, sample, start, one in zip(
                names, targets, self.samples, self.starts, found, strict=True
            )
        ]

    def write(
        self, samples: Iterable[Sample[Any]], folder: Path, provenance: Provenance
    ) -> Mapping[str, int] | Any:
        """Writes everything into a folder."""
        modality, codec = self.modality, self.sampler.codec
        text = replace(provenance, source_type=COMPOSITE).text()
        format = modality.formats[0]
        told = modality.write(samples, folder / ITEMS, codec, provenance, format)
        write_latents(folder / LATENTS, [one.latent for one in self.projected], self.run)
        records = [one.record() for one in self.projected]
        write_json(folder / RESULTS, {"generated": True, "items": records})
        cells = [
            [modality.render(item, codec) for item in (one.target, start, one.item)]
            for one, start in zip(self.projected, self.starts, strict=True)
        ]
        labels = [f"{one.name}: {one.error:.3g}" for one in self.projected]
        columns = ("given", "best seed", "projected")
        title = f"Projected with {self.run.name}: mean squared errors"
        Sheet(title, columns, list(zip(labels, cells, strict=True))).write(folder, SHEET, text)
        if all(is_raster(cell) for row in cells for cell in row) and self._moved():
            frames = self._frames([row[0] for row in cells])
            write_film(frames, folder / FILM, fps=FPS, text=text, rest=REST)
        return told

    def _moved(self) -> bool:
        return all(len(one.way) > 1 for one in self.found[:SHOWN])

    def _frames(self, targets: Sequence[Rendering]) -> Iterator[Any]:
        """The given items above, what there is of them below."""
        from gankit.engine.sampling.sampler import Latent
        from gankit.engine.sampling.walks import of_latents

        shown, codec = self.found[:SHOWN], self.sampler.codec
        above = [picture(target) for target in targets[:SHOWN]]
        for step in range(len(shown[0].way)):
            latents = [Latent(one.way[step], one.latent.c) for one in shown]
            below = [
                picture(self.modality.render(sample.item, codec))
                for sample in of_latents(self.sampler, latents)
            ]
            yield stacked(above, below)


def _scores(modality: object, codec: Codec[Any], target: Any, item: Any) -> dict[str, float]:
    """Errors in the item's own units, where the modality gives arrays."""
    if not isinstance(modality, Converts) or "numpy" not in modality.conversions:
        return {}
    a, b = (modality.convert([one], "numpy", codec) for one in (target, item))
    if a.shape != b.shape or a.dtype.kind not in "biuf":
        return {}
    mse = float(np.square(a.astype(np.float64) - b.astype(np.float64)).mean())
    found = {"rmse": mse**0.5}
    if a.dtype.kind == "u":
        peak = float(np.iinfo(a.dtype).max)
        found["psnr"] = float(10 * np.log10(peak**2 / max(mse, 1 / a.size)))
    return found
