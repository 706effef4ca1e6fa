"""A data set made larger: the user's items beside generated ones, each marked, none hidden."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gankit.contract import Progress, Sample
from gankit.errors import GankitError, without_password
from gankit.plugins.registry import installed
from gankit.runs import provenance
from gankit.runs.directory import Run
from gankit.workflows.candidates import (
    AttributeView,
    Counts,
    generated,
    judges,
    plan,
)
from gankit.workflows.data import quiet


def augment(
    run: Run,
    data: str,
    out: Path,
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
) -> dict[str, Any]:
    """Writes a new data set: the real items, then the generated ones.

    Args:
        data: the real data; it is only read.
        out: the folder to make.
        keep_all: keep near duplicates and items off the manifold too.

    Returns:
        What ``provenance.json`` says.

    Raises:
        GankitError: for whatever the user can put right.
    """
    modality = run.plugin.modality
    if not modality.mixes:
        raise GankitError(
            f"plugin {run.plugin.info.name} cannot write real items beside generated ones",
            "Use gankit generate, and put the folders together yourself",
        )
    provenance.refuse_existing(out, overwrite)
    inside = Path(data).resolve()
    if out.resolve() == inside or inside in out.resolve().parents:
        raise GankitError(
            f"{out} lies in {data}, which is not to be changed", "Choose another --out"
        )
    source = modality.read(data, run.settings, progress)
    real = source.items
    values = AttributeView(real, modality.values)
    requests = plan(values, balance=balance, factor=factor, where=where, n=n)
    counts, model, sampler = Counts(), run.model, run.sampler(device)
    judge = judges(run, real, values, balance, keep_all, seed)
    made = generated(sampler, requests, judge, counts, beside=real, seed=seed, progress=progress)

    def everything() -> Iterator[Sample[Any]]:
        for i in range(len(real)):
            yield Sample(real[i], -1, dict(values[i]), real=True)
        yield from made

    record: dict[str, Any] = {
        "plugin": run.plugin.info.name,
        "versions": provenance.versions(run.plugin.distribution),
        "augmented": {
            "source": without_password(data),
            "description": source.description,
            "real": len(real),
            "generated": counts.as_dict(),
        },
        "where": dict(where or {}),
        "data_fingerprint": model["data"]["fingerprint"],
        "data_licence": model["data"]["licence"],
    }
    if balance:
        record["augmented"]["balance"] = balance
        record["augmented"]["before"] = dict(Counter(str(v.get(balance)) for v in values))
    return provenance.write_generated(
        modality,
        everything(),
        out,
        format=format or _format_of(modality.formats, data),
        run=model["run"],
        plugins=installed(),
        overwrite=overwrite,
        record=record,
        finish=lambda full: full["augmented"].update(generated=counts.as_dict()),
    )


def _format_of(formats: Sequence[str], data: str) -> str:
    """The source's own format, where the plugin writes it."""
    suffixes = {suffix.removeprefix(".") for suffix in Path(data).suffixes}
    return next((f for f in formats if f in suffixes), formats[0])
