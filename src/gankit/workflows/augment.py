"""Augmenting a data set: the user's items with generated ones added, each marked, none hidden."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gankit.config.paths import absolute, expanded
from gankit.contract import Augmentable, Progress, Sample, quiet
from gankit.errors import GankitError, without_password
from gankit.plugins.registry import installed
from gankit.runs.directory import Run
from gankit.runs.output import write_generated
from gankit.runs.targets import refuse_existing
from gankit.system_errors import translated
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
from gankit.workflows.conformity import conformed
from gankit.workflows.generate import (
    MEMORY_HINT,
    Generated,
    check_seeds,
    output_target,
    run_record,
)

MANY = 9
"""Outliers per kept item from which on the data is doubted."""


@translated(memory=MEMORY_HINT)
def augment(
    run: Run,
    data: str,
    out: str | Path,
    *,
    balance: str = "",
    factor: float = 0.0,
    where: Mapping[str, object] | None = None,
    n: int = 0,
    seed: int = 0,
    keep_all: bool = False,
    format: str | None = None,
    device: str = "auto",
    overwrite: bool = False,
    progress: Progress = quiet,
) -> Generated:
    """Writes a new data set: the real items, then the generated ones.

    Args:
        data: the real data; it is only read.
        out: the folder or file to make.
        balance, factor, where, n: how much to generate, as for
            :func:`gankit.workflows.candidates.plan`.
        keep_all: keep near duplicates and outliers too.

    Raises:
        GankitError: for whatever the user can fix.
    """
    modality = augmentable(run)
    target = output_target(run, out, format, _format_of(run.plugin.modality.formats, data))
    if absolute(data) and not target.stdout:
        source_path, path = Path(expanded(data)).resolve(), target.path.resolve()
        if path == source_path or source_path in path.parents:
            place = "the real data" if path == source_path else f"inside {data}"
            raise GankitError(
                f"{out} is {place}, which must not be changed", "Choose another --out"
            )
    refuse_existing(target, overwrite)
    dataset = run.plugin.modality.read(expanded(data), run.settings, progress)
    counts, sampler = Counts(), run.sampler(device)
    found = conformed(
        *(run.plugin.modality, sampler.codec, dataset.items, data), strict=True, dataset=dataset
    )
    real, warnings = found.items, list(found.warnings)
    attributes = AttributeView(real, modality.attributes)
    requests = plan(attributes, balance=balance, factor=factor, where=where, n=n)
    check_seeds(seed, most_candidates(requests))
    progress("measuring how far real items are apart", 0, 0)
    filter_of = filters(run, sampler.codec, real, attributes, balance, keep_all, seed)
    made = generated(
        *(sampler, requests, filter_of, counts), alongside=real, seed=seed, progress=progress
    )

    def everything() -> Iterator[Sample[Any]]:
        for i in range(len(real)):
            yield Sample(real[i], -1, dict(attributes[i]), real=True)
        yield from made

    augmented: dict[str, Any] = {
        "source": without_password(data),
        "description": dataset.description,
        "real": len(real),
        "generated": counts.as_dict(),
    }
    if thin := thin_requests(requests, attributes):
        augmented["warnings"] = thin
    if balance:
        augmented["balance"] = balance
        augmented["before"] = dict(Counter(str(a.get(balance)) for a in attributes))
    record = write_generated(
        *(run.plugin, everything(), target),
        codec=sampler.codec,
        run=run.model["run"],
        record={**run_record(run), "augmented": augmented, "where": dict(where or {})},
        plugins=installed(),
        overwrite=overwrite,
        finish=lambda full: full["augmented"].update(generated=counts.as_dict()),
    )
    if counts.dropped[OUTLIER] > MANY * max(counts.kept, 1):
        warnings.append(
            f"most generated items are unlike {without_password(data)}: check that it is data of "
            "the kind that the run was trained on"
        )
    return Generated(target.path, record, tuple(warnings))


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


def _format_of(formats: Sequence[str], data: str) -> str:
    """The source's own format, where the plugin writes it."""
    suffixes = {suffix.removeprefix(".").lower() for suffix in Path(data).suffixes}
    return next((f for f in formats if f in suffixes), formats[0])
