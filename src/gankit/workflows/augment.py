"""Augmenting a data set: the user's items with generated ones added, each marked, none hidden."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gankit.config.paths import absolute, expanded
from gankit.contract import Augmentable, Progress, Sample, quiet
from gankit.errors import GankitError
from gankit.plugins.registry import installed
from gankit.runs.directory import Run
from gankit.runs.output import write_generated
from gankit.runs.targets import Target, refuse_existing
from gankit.system_errors import translated
from gankit.workflows import watermarks
from gankit.workflows.candidates import (
    OUTLIER,
    AttributeView,
    Counts,
    filters,
    generated,
    most_candidates,
    plan,
    thin_requests,
)
from gankit.workflows.conformity import conformed, named
from gankit.workflows.data import read
from gankit.workflows.generate import (
    MEMORY_HINT,
    Generated,
    check_seeds,
    doubts_about,
    output_target,
    run_record,
)
from gankit.workflows.pool import Pool

MANY = 9
"""Outliers per kept item from which on the data is doubted."""


class Augmented:
    """The real items of a data set with generated ones after them, made as they are iterated over.

    Args:
        data: a path, or an object in memory; it is only read.
        balance, factor, where, n: how much to generate, as for
            :func:`gankit.workflows.candidates.plan`.
        keep_all: keep near duplicates and outliers too.
        nproc: processes that draw the candidates; the result is the same with any number.

    Raises:
        GankitError: for whatever the user can fix.
    """

    def __init__(
        self,
        run: Run,
        data: object,
        *,
        balance: str = "",
        factor: float = 0.0,
        where: Mapping[str, object] | None = None,
        n: int = 0,
        seed: int = 0,
        keep_all: bool = False,
        device: str = "auto",
        nproc: int = 1,
        progress: Progress = quiet,
    ) -> None:
        modality, self.name, self.counts = augmentable(run), named(data), Counts()
        dataset = read(run.plugin, data, run.settings, progress)
        self.sampler = run.sampler(device)
        found = conformed(
            *(run.plugin.modality, self.sampler.codec, dataset.items, data),
            strict=True,
            dataset=dataset,
        )
        self.real, self._warnings = found.items, list(found.warnings)
        self.attributes = AttributeView(self.real, modality.attributes)
        requests = plan(self.attributes, balance=balance, factor=factor, where=where, n=n)
        check_seeds(seed, most_candidates(requests))
        codec = self.sampler.codec
        progress("measuring how far real items are apart", 0, 0)
        filter_of = filters(run, codec, self.real, self.attributes, balance, keep_all, seed)
        self._pool = Pool(run, self.sampler, nproc, device=device, alongside=self.real)
        self._made = generated(
            *(self._pool, requests, filter_of, self.counts),
            alongside=self.real,
            seed=seed,
            progress=progress,
        )
        self.record: dict[str, Any] = {
            "source": self.name,
            "description": dataset.description,
            "real": len(self.real),
            "generated": self.counts.as_dict(),
        }
        doubts = doubts_about(run, self.sampler, where or {})
        if doubts := [*doubts, *thin_requests(requests, self.attributes)]:
            self.record["warnings"] = doubts
        if balance:
            self.record["balance"] = balance
            counted = Counter(str(a.get(balance)) for a in self.attributes)
            self.record["before"] = dict(counted)

    def __iter__(self) -> Iterator[Sample[Any]]:
        attributes: Callable[[Any], Any] = self.attributes.attributes
        for i in range(len(self.real)):
            item = self.real[i]
            yield Sample(item, -1, attributes(item), real=True)
        with self._pool:
            yield from self._made

    def warnings(self) -> tuple[str, ...]:
        """Doubts, once all has been made."""
        found = self._warnings
        if self.counts.dropped[OUTLIER] > MANY * max(self.counts.kept, 1):
            found = [
                *found,
                f"most generated items are unlike {self.name}: check that it is data of the kind "
                "that the run was trained on",
            ]
        return tuple(found)


@translated(memory=MEMORY_HINT)
def augment(
    run: Run,
    data: object,
    out: str | Path,
    *,
    where: Mapping[str, object] | None = None,
    format: str | None = None,
    overwrite: bool = False,
    watermark: bool = False,
    **given: Any,
) -> Generated:
    """Writes a new data set: the real items, then the generated ones.

    Args:
        out: the folder or file to make.
        watermark: whether generated items get the user's invisible watermark.
        data, where, given: as for :class:`Augmented`.

    Raises:
        GankitError: for whatever the user can fix.
    """
    augmentable(run)
    path_given = isinstance(data, str | Path)
    like = format_of(run.plugin.modality.formats, str(data)) if path_given else None
    target = output_target(run, out, format, like)
    refuse_source(target, data)
    refuse_existing(target, overwrite)
    if watermark:
        watermarks.refuse_unable(run)
    mark = watermarks.record() if watermark else {}
    made = Augmented(run, data, where=where, **given)
    record = write_generated(
        *(run.plugin, watermarks.marked(run, made) if watermark else made, target),
        codec=made.sampler.codec,
        run=run.model["run"],
        record={**run_record(run), "augmented": made.record, "where": dict(where or {}), **mark},
        plugins=installed(),
        progress=given.get("progress", quiet),
        overwrite=overwrite,
        finish=lambda full: full["augmented"].update(generated=made.counts.as_dict()),
    )
    return Generated(target.path, record, made.warnings())


def augmentable(run: Run) -> Augmentable:
    """The run's modality, which can augment.

    Raises:
        GankitError: it cannot.
    """
    modality = run.plugin.modality
    if not isinstance(modality, Augmentable):
        raise GankitError(
            f"plugin {run.plugin.info.name} does not support augmentation",
            "Use gankit generate, and combine the data yourself",
        )
    return modality


def refuse_source(target: Target, data: object) -> None:
    """Refuses to write over data that is read, or into it.

    Raises:
        GankitError: that is where the target lies.
    """
    if not isinstance(data, str | Path) or not absolute(str(data)) or target.stdout:
        return
    source, path = Path(expanded(str(data))).resolve(), target.path.resolve()
    if path == source or source in path.parents:
        place = "the real data" if path == source else f"inside {data}"
        raise GankitError(
            f"{target.path} is {place}, which must not be changed", "Choose another --out"
        )


def format_of(formats: Sequence[str], data: str) -> str:
    """The source's own format, where the plugin writes it."""
    suffixes = {suffix.removeprefix(".").lower() for suffix in Path(data).suffixes}
    return next((f for f in formats if f in suffixes), formats[0])
