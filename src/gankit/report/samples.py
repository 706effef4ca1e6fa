"""What a report shows to look at: samples that nobody chose, and the training items near them."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gankit.contract import Categorical, Rendering, Sample
from gankit.runs.scores import Evaluation, Near

SHOWABLE = ("image", "audio", "video", "text")
"""Kinds of items that are shown singly."""
LONGEST_TEXT = 2_000
"""Characters of one item that are shown."""


@dataclass(frozen=True)
class Embedded:
    """Something to look at or listen to, within the page."""

    address: str
    kind: str
    """``image``, ``audio``, ``video``, ``text`` or ``page``."""
    caption: str = ""
    text: str = ""
    """The content of a text, which has no address."""


@dataclass(frozen=True)
class Row:
    """A sample with the training items nearest to it."""

    sample: Embedded
    items: Sequence[Embedded]


@dataclass(frozen=True)
class NearItems:
    """The part of a report with training items near samples."""

    extractor: str
    compared: int
    first: Sequence[Row]
    closest: Sequence[Row]


def preview(evaluation: Evaluation) -> Embedded:
    """The plugin's preview of the first samples, embedded: its page, where it has one."""
    chosen, caption = uncurated(evaluation)
    real = () if evaluation.record.get("privacy") else evaluation.train
    items = [sample.item for sample in chosen]
    shown = evaluation.plugin.modality.preview(items, evaluation.codec, real)
    if shown.page:
        shown = Rendering("text/html", shown.page.encode())
    return embedded(shown, caption)


def uncurated(evaluation: Evaluation) -> tuple[list[Sample[Any]], str]:
    """The samples to show, and what they are: the first ones; of each class in turn, where samples
    are conditioned on one label."""
    generated, most = evaluation.generated, evaluation.shown
    files = not any(sample.condition for sample in generated) and evaluation.codec is None
    what = "files" if files else "samples"
    by_class = _by_class(evaluation)
    each = min([max(most // len(by_class), 1), *map(len, by_class.values())]) if by_class else 0
    if each:
        found = [samples[i] for i in range(each) for samples in by_class.values()]
        which = f"the first {each} of each {_field(evaluation)}"
    else:
        found = list(generated[:most])
        which = f"the first {len(found)} {what}"
    seeds = [sample.seed for sample in found]
    span = "" if files else f", of the seeds {min(seeds)} to {max(seeds)}"
    return found, f"Uncurated: {which}{span}, not chosen."


def _field(evaluation: Evaluation) -> str:
    """The name of the one label that samples are conditioned on; empty for none."""
    condition = evaluation.codec.layout.condition if evaluation.codec else None
    fields = condition.fields if condition else ()
    return fields[0].name if len(fields) == 1 and isinstance(fields[0], Categorical) else ""


def _by_class(evaluation: Evaluation) -> Mapping[str, list[Sample[Any]]]:
    """Samples by their label, in the order of the classes; empty where there is none, or only one
    occurs."""
    if not (name := _field(evaluation)) or evaluation.codec is None:
        return {}
    condition = evaluation.codec.layout.condition
    assert condition is not None  # it has a field
    (field,) = condition.fields
    found: dict[str, list[Sample[Any]]] = {
        value: [] for value in (field.values if isinstance(field, Categorical) else ())
    }
    for sample in evaluation.generated:
        if (value := str(sample.condition.get(name))) in found:
            found[value].append(sample)
    present = {value: samples for value, samples in found.items() if samples}
    return present if 1 < len(present) <= evaluation.shown else {}


def near_items(evaluation: Evaluation) -> NearItems | None:
    """Training items near samples; None for private runs and where items are not shown singly."""
    found = evaluation.neighbours
    if found is None or evaluation.record.get("privacy") or not found.first:
        return None
    if _render(evaluation, evaluation.generated[found.first[0].sample].item) is None:
        return None
    return NearItems(
        found.extractor,
        found.compared,
        _rows(evaluation, found.first),
        _rows(evaluation, found.closest),
    )


def _rows(evaluation: Evaluation, near: Sequence[Near]) -> list[Row]:
    rows = []
    for one in near:
        sample = evaluation.generated[one.sample]
        shown = _render(evaluation, sample.item, f"seed {sample.seed}")
        items = [
            _render(evaluation, evaluation.train[i], f"real, {distance:.2f}")
            for i, distance in zip(one.items, one.distances, strict=True)
        ]
        if shown is not None:
            rows.append(Row(shown, [item for item in items if item is not None]))
    return rows


def _render(evaluation: Evaluation, item: Any, caption: str = "") -> Embedded | None:
    """One item, real or generated; None where that is nothing to look at or to listen to."""
    shown = embedded(evaluation.plugin.modality.render(item, evaluation.codec), caption)
    return shown if shown.kind in SHOWABLE else None


def embedded(shown: Rendering, caption: str = "") -> Embedded:
    """A rendering within a page."""
    kind = shown.media_type.partition("/")[0]
    if shown.media_type.startswith("text/plain"):
        text = shown.content.decode("utf-8", "replace")
        short = text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"
        return Embedded("", "text", caption, short)
    address = f"data:{shown.media_type};base64,{base64.b64encode(shown.content).decode()}"
    return Embedded(address, kind if kind in ("image", "audio", "video") else "page", caption)
