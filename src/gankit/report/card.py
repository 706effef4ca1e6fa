"""The model card: ``README.md`` in ``model/``, in the form that the Hugging Face hub reads.

https://huggingface.co/docs/hub/model-cards: front matter in YAML, then Markdown. Every value in the
front matter is a JSON string or number, which YAML reads as the same.
"""

from __future__ import annotations

import html
import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from gankit.kit.files import write_atomic
from gankit.report.html import environment
from gankit.report.provenance import consent_of
from gankit.runs.directory import Run, privacy_in_words
from gankit.runs.provenance import software

CARD = "README.md"
SPECIAL = re.compile(r"([\\`*_{}\[\]#|~$])")


def write_card(run: Run) -> Path:
    """Writes the card of a run's model, with the scores of the last evaluation, and returns its
    path.

    It has counts and the fingerprint of the data, never values of it. That of a private run has
    neither, and no scores: they are computed from the training data, outside its guarantee.

    Raises:
        GankitError: the run has no model yet, or is damaged.
        OSError: it cannot be written.
    """
    record, model = run.record, run.model
    data = {} if run.privacy else record.get("data", {})
    evaluation = {} if run.privacy else run.evaluation or {}
    last = (run.metrics() or [{}])[-1]
    jinja = environment()
    jinja.filters["md"] = escaped
    text = jinja.get_template("card.md.j2").render(
        front=Markup(front_matter(run, evaluation)),
        run=run,
        model=model,
        data=data,
        record=record,
        recipe=run.table["run"]["recipe"],
        software=record.get("software") or software(),
        seed="" if run.privacy else record.get("seed", ""),
        weights=run.generator_weights,
        seconds=last.get("seconds"),
        settings=_main_settings(run),
        evaluation=evaluation,
        scores=[s for s in evaluation.get("scores", []) if s["value"] is not None],
        privacy=run.privacy,
        privacy_summary=privacy_in_words(run.privacy) if run.privacy else "",
        consent=consent_of(record),
    )
    target = run.model_folder / CARD
    write_atomic(target, text.encode(errors="replace"))
    return target


def front_matter(run: Run, evaluation: Mapping[str, Any]) -> str:
    """The lines between ``---`` and ``---``."""
    task = run.plugin.modality.hub_task
    lines = ["library_name: gankit", "license: unknown"]  # of the model, which nobody has stated
    if task:
        lines.append(f"pipeline_tag: {_text(task)}")
    tags = ["gankit", "gan", "synthetic-data", run.model["plugin"]]
    lines += ["tags:", *(f"- {_text(tag)}" for tag in dict.fromkeys(tags))]
    if results := _results(evaluation):
        described = run.record.get("data", {}).get("description") or "training data"
        lines += [
            "model-index:",
            f"- name: {_text(run.name)}",
            "  results:",
            "  - task:",
            f"      type: {_text(task or 'other')}",
            "    dataset:",
            f"      name: {_text(described)}",
            f"      type: {_text(run.model['data']['fingerprint'])}",
            "    metrics:",
            *results,
        ]
    return "\n".join(lines)


def _results(evaluation: Mapping[str, Any]) -> list[str]:
    """The scores, but for those that are flattered by a shared backbone."""
    found = []
    for score in evaluation.get("scores", []):
        value = score["value"]
        if value is not None and math.isfinite(value) and not score.get("shared_backbone"):
            name = f"{score['name']}, {score['n_generated']} samples"
            found += [
                f"    - type: {_text(score['name'])}",
                f"      name: {_text(name)}",
                f"      value: {json.dumps(value)}",
            ]
    return found


def _text(value: str) -> str:
    """As a string of YAML: one of JSON, with printable characters alone."""
    return json.dumps(_printable(value), ensure_ascii=False)


def _printable(value: str) -> str:
    return "".join(c if c.isprintable() else " " for c in value)


def escaped(value: object) -> Markup:
    """Text that Markdown shows as it is, in one line, and no HTML."""
    line = " ".join(_printable(str(value)).split())
    return Markup(SPECIAL.sub(r"\\\1", html.escape(line, quote=False)))


def _main_settings(run: Run) -> Sequence[tuple[str, Any]]:
    """What shapes the result most."""
    train = run.table.get("train", {})
    return [(key, train[key]) for key in ("batch", "lr", "precision") if key in train]
