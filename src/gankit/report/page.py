"""The report of ``gankit evaluate``: metrics with their baselines, samples, settings.

It shows a few real training items next to generated ones, where the plugin's preview does or where
it allows the nearest ones to be shown; none of a private run.
"""

from __future__ import annotations

from pathlib import Path

from gankit.errors import GankitError
from gankit.kit.files import write_atomic
from gankit.report.html import render
from gankit.report.samples import near_items, preview
from gankit.runs.directory import CONFIG, privacy_in_words
from gankit.runs.provenance import software
from gankit.runs.scores import CODEC_BASELINES, WARM_BASELINE, Evaluation
from gankit.system_errors import reason


def write_report(evaluation: Evaluation, target: Path) -> None:
    """Writes one self-contained HTML file.

    Raises:
        GankitError: the file cannot be written.
    """
    record, names = evaluation.record, evaluation.baselines
    models = [name for name in names if name not in (*CODEC_BASELINES, WARM_BASELINE)]
    overrides = ", ".join(f"{key}={value}" for key, value in record.get("settings", {}).items())
    config, privacy = evaluation.subject / CONFIG, record.get("privacy")
    page = render(
        "evaluation.html.j2",
        name=evaluation.subject.resolve().name,
        software=software(),
        plugin=evaluation.plugin,
        record=record,
        summary=record.get("summary", []),
        scores=evaluation.scores,
        details=list(record.get("details", {}).values()),
        baselines=names,
        models=models,
        codec_baselines=any(name in CODEC_BASELINES for name in names),
        warm_up=WARM_BASELINE if WARM_BASELINE in names else "",
        overrides=overrides,
        privacy=privacy,
        privacy_summary=privacy_in_words(privacy) if privacy else "",
        preview=preview(evaluation),
        near=near_items(evaluation),
        settings=_text(config) if config.is_file() else "",
    )
    try:
        write_atomic(target, page.encode(errors="backslashreplace"))
    except OSError as error:
        raise GankitError(
            f"cannot write {target}: {reason(error)}", "Choose another --report"
        ) from None


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="backslashreplace")
