"""Marking generated items on their way from the generator to a file or to the caller."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

from gankit.contract import Sample, Watermarks
from gankit.errors import GankitError
from gankit.provenance.watermark import watermark_key
from gankit.runs.directory import Run

RECORD = "watermark"
"""Where the provenance record states that items are marked, and the key's id."""


def refuse_unable(run: Run) -> None:
    """Raises:
    GankitError: the run's items carry no watermark.
    """
    if not isinstance(run.plugin.modality, Watermarks):
        raise GankitError(
            f"plugin {run.plugin.info.name} has no watermark for its items",
            "Leave out --watermark: metadata and the signature mark the files",
        )


def marked(run: Run, samples: Iterable[Sample[Any]]) -> Iterator[Sample[Any]]:
    """The same samples; generated items with the user's mark, real ones as they are.

    Raises:
        GankitError: an item cannot carry it, or there is no key.
    """
    modality, key = run.plugin.modality, watermark_key()
    assert isinstance(modality, Watermarks)
    for sample in samples:
        if sample.real:
            yield sample
        else:
            item = modality.watermark(sample.item, key.secret)
            yield dataclasses.replace(sample, item=item)


def record() -> dict[str, Any]:
    """What the provenance record states."""
    return {RECORD: {"key": watermark_key().id}}
