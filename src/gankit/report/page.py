"""The report of ``gankit evaluate``: one self-contained page.

It shows a few real training items next to generated ones, where the plugin's preview does or where
it allows the nearest ones to be shown; none of a private run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gankit.errors import GankitError
from gankit.kit.files import write_atomic
from gankit.report.html import render
from gankit.report.provenance import provenance
from gankit.report.samples import near_items, preview
from gankit.report.training import curves, guard_states, previews
from gankit.runs.directory import CONFIG, Run, privacy_in_words
from gankit.runs.provenance import software
from gankit.runs.scores import CODEC_BASELINES, WARM_BASELINE, Evaluation
from gankit.system_errors import reason


def write_report(evaluation: Evaluation, target: Path) -> None:
    """Writes one self-contained HTML file.

    Raises:
        GankitError: the file cannot be written.
    """
    record, names = evaluation.record, evaluation.baselines
    overrides = ", ".join(f"{key}={value}" for key, value in record.get("settings", {}).items())
    privacy = record.get("privacy")
    page = render(
        "evaluation.html.j2",
        name=evaluation.subject.resolve().name,
        software=software(),
        plugin=evaluation.plugin,
        record=record,
        summary=record.get("summary", []),
        scores=evaluation.scores,
        meanings=record.get("meanings", {}),
        details=list(record.get("details", {}).values()),
        baselines=names,
        models=[name for name in names if name not in (*CODEC_BASELINES, WARM_BASELINE)],
        codec_baselines=any(name in CODEC_BASELINES for name in names),
        warm_up=WARM_BASELINE if WARM_BASELINE in names else "",
        overrides=overrides,
        privacy=privacy,
        privacy_summary=privacy_in_words(privacy) if privacy else "",
        preview=preview(evaluation),
        near=near_items(evaluation),
        **_of_run(evaluation.subject),
    )
    write_page(page, target, "Choose another --report")


def _of_run(subject: Path) -> dict[str, Any]:
    """What a report shows of a run besides its scores; nothing of a folder of files."""
    if not (subject / CONFIG).is_file():
        return {"curves": [], "guard": [], "history": None, "made": [], "settings": ""}
    run = Run(subject)
    ticks = run.metrics()
    return {
        "curves": curves(ticks),
        "guard": guard_states(ticks),
        "history": previews(subject / "previews"),
        "made": provenance(run),
        "settings": (subject / CONFIG).read_text(encoding="utf-8", errors="backslashreplace"),
    }


def write_page(page: str, target: Path, hint: str) -> None:
    """Writes a page as a whole.

    Raises:
        GankitError: the file cannot be written.
    """
    try:
        write_atomic(target, page.encode(errors="backslashreplace"))
    except OSError as error:
        raise GankitError(f"cannot write {target}: {reason(error)}", hint) from None
