"""``gankit runs list | show | compare | film``"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from gankit.cli import _completion as completion
from gankit.cli._output import print_json
from gankit.errors import GankitError
from gankit.screen.console import LABEL, duration, fact, number, out, rows, table, warn
from gankit.screen.streams import visible
from gankit.system_errors import translate

EVENTS = 20
"""The newest events that are shown; all are in the JSON."""

app = typer.Typer(help="List and inspect runs.", no_args_is_help=True)


@app.command("list")
def list_(
    folder: Annotated[Path, typer.Argument(help="The folder of the runs.")] = Path("runs"),
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the runs in a folder."""
    from gankit.runs.directory import find_runs

    found = [_summary(path) for path in find_runs(folder)]
    if json:
        print_json(found)
    elif not found:
        out.print(f"no runs in {folder}; make one: gankit train --plugin NAME")
    else:
        table(
            ["run", "plugin", "recipe", "status", "guard", "samples", "time", "created"],
            [
                [
                    r["run"],
                    r["plugin"],
                    r["recipe"],
                    r["status"],
                    r["guard"],
                    f"{r['samples']:,}",
                    duration(r["seconds"]),
                    r["created"],
                ]
                for r in found
            ],
        )


@app.command()
def show(
    run: Annotated[Path, typer.Argument(help="A run directory.", autocompletion=completion.runs)],
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show one run: data, settings, progress, scores."""
    import tomli_w

    from gankit.runs.codec_health import HEALTH, shortcomings, strengths
    from gankit.runs.consent import consent_in
    from gankit.runs.directory import Run, privacy_in_words
    from gankit.runs.guard import events_of
    from gankit.runs.guard import in_words as guard_in_words
    from gankit.runs.memorisation import in_words as memorisation_in_words
    from gankit.runs.phases import in_words as phases_in_words
    from gankit.runs.phases import warm_up_of
    from gankit.runs.started import in_words as started_in_words
    from gankit.runs.verdict import in_words

    it = Run(run)
    if not it.table:
        raise GankitError(f"{run} is a model without its run", "Pass the run directory")
    metrics = it.metrics()
    events = events_of(metrics)
    facts = {
        **_summary(run),
        "events": [event.as_dict() for event in events],
        "provenance": it.record,
        "config": it.table,
        "last": metrics[-1] if metrics else None,
        "scores": it.scores(),
        "verdict": it.verdict,
        "privacy": it.privacy,
    }
    if json:
        print_json(facts)
        return
    used = it.generator_weights if it.has_model else None
    data, warm_up = it.record.get("data", {}), warm_up_of(metrics)
    for label, value in (
        ("run", facts["run"]),
        ("status", facts["status"]),
        ("data", f"{data.get('description', '?')} ({data.get('source') or 'built in'})"),
        *data.get("facts", {}).items(),
        (
            "items",
            f"{data.get('train', 0):,} to train on, {data.get('heldout', 0):,} held out, "
            f"{data.get('skipped', 0):,} skipped",
        ),
        ("seen", f"{facts['samples']:,} samples in {duration(facts['seconds'])}"),
        *([("phases", phases_in_words(facts["samples"], warm_up))] if warm_up else []),
        ("training", guard_in_words(metrics) or "-"),
        *(("event", f"{e.samples:,} samples: {e.in_words}") for e in events[-EVENTS:]),
        *([("weights", used.in_words())] if used and used.differ else []),
        ("software", it.record.get("software", "?")),
    ):
        fact(label, value)
    for label, value in consent_in(it.record).items():
        fact(label, value)
    for label, value in started_in_words(it.record.get("started_from")).items():
        fact(label, value)
    for line in strengths(it.record.get(HEALTH, [])):
        fact("codec", line)
    for line in shortcomings(it.record.get(HEALTH, [])):
        fact("warning", line)
    if it.privacy:
        fact("privacy", privacy_in_words(it.privacy))
        for line in it.privacy["does_not_cover"]:
            out.print(f"{'':{LABEL}}not covered: {line}")
    for warning in data.get("warnings", []):
        fact("warning", warning)
    if it.verdict:
        for line in [*in_words(it.verdict), *(f"warning: {w}" for w in it.verdict["warnings"])]:
            out.print(visible(line))
    if told := memorisation_in_words(it):
        fact("memorisation", told)
    for score in facts["scores"]:
        real = score["real_baseline"]
        shown = number(score["value"], score.get("error"))
        baseline = "" if real is None else f"   (real baseline {number(real)})"
        shared = score.get("shared_backbone")
        flatters = f"   (flattering: shares {shared} with the discriminator)" if shared else ""
        out.print(visible(f"{score['name'] + ':':32}{shown}{baseline}{flatters}"))
    out.print()
    rows(data.get("described", []), out)
    out.print(tomli_w.dumps(it.table))


@app.command()
def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN RUN ...", help="Run directories.", autocompletion=completion.runs
        ),
    ],
    out_: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE.html", help="Page to write, with curves and previews as well."
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace FILE.html.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare runs of one plugin: scores with baselines, and settings that differ."""
    from gankit.report.comparison import write_comparison
    from gankit.report.page import refuse_others_page
    from gankit.runs.comparison import compare as compared
    from gankit.runs.guard import in_words as guard_in_words

    if out_ is not None:
        refuse_others_page(out_, "--out", overwrite)
    found = compared(runs)
    if out_ is not None:
        write_comparison(found, out_)
    if json:
        print_json(found.as_dict())
        return
    if found.rows:
        table(
            ["metric", *found.names, "better"],
            [
                [
                    row.name,
                    *(_with_baseline(score) for score in row.scores),
                    {True: "lower", False: "higher", None: ""}[row.lower_is_better],
                ]
                for row in found.rows
            ],
        )
    else:
        out.print("scores: not evaluated yet: gankit evaluate RUN")
    out.print()
    ticks = [run.metrics() for run in found.runs]
    table(
        ["run", *found.names],
        [
            ["samples", *(f"{(t[-1]['samples'] if t else 0):,}" for t in ticks)],
            ["training", *(guard_in_words(t) or "-" for t in ticks)],
        ],
    )
    out.print()
    table(
        ["setting", *found.names],
        [[key, *("-" if v is None else v for v in vs)] for key, vs in found.settings.items()]
        or [["none differs", *("" for _ in found.names)]],
    )
    for note in found.notes:
        warn(note)
    if out_ is not None:
        out.print(f"page: {visible(out_)}")


def _with_baseline(score: Mapping[str, Any] | None) -> str:
    if score is None:
        return "-"
    real = score["real_baseline"]
    return number(score["value"], score.get("error")) + (
        "" if real is None else f" (real {number(real)})"
    )


@app.command()
def film(
    run: Annotated[Path, typer.Argument(help="A run directory.", autocompletion=completion.runs)],
    out_: Annotated[
        Path,
        typer.Option("--out", metavar="FILE", help="The film: .gif, .webp, .apng or .mp4."),
    ] = Path("training.gif"),
    fps: Annotated[float, typer.Option(help="Previews per second, up to 50.")] = 8,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace FILE.")] = False,
) -> None:
    """Make a film of a run's previews: the same samples, as they were during training."""
    from gankit.report.film import training_film
    from gankit.runs.directory import Run

    count = training_film(Run(run), out_, fps=fps, overwrite=overwrite)
    out.print(f"{visible(out_)}: {count} previews of {visible(run)}")


def _summary(path: Path) -> dict[str, Any]:
    from gankit.runs.directory import Run
    from gankit.runs.guard import summary

    try:
        run = Run(path)
        metrics, about, record = run.metrics(), run.table["run"], run.record
        guarded = summary(run)
    except (GankitError, OSError) as error:
        return {
            "run": str(path),
            "plugin": "?",
            "recipe": "?",
            "status": str(translate(error) or error),
            "guard": "?",
            "interventions": 0,
            "best_samples": None,
            "latest_samples": None,
            "samples": 0,
            "seconds": 0.0,
            "created": "?",
        }
    last = metrics[-1] if metrics else {}
    return {
        "run": str(path),
        "plugin": about["plugin"],
        "recipe": about["recipe"],
        "status": record.get("status", "?"),
        **guarded,
        "samples": int(last.get("samples", 0)),
        "seconds": float(last.get("seconds", 0)),
        "created": record.get("created", "?"),
    }
