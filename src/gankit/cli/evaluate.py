"""``gankit evaluate``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gankit.cli import _completion as completion
from gankit.cli._output import print_json
from gankit.cli._parts import Processes, refuse_launcher
from gankit.cli._weights import Weights, state_weights
from gankit.screen.console import err, number, out, table, warn
from gankit.screen.streams import visible


def evaluate(
    subject: Annotated[
        Path,
        typer.Argument(
            metavar="RUN|GENERATED",
            help="A run, or a folder of generated files.",
            autocompletion=completion.runs,
        ),
    ],
    settings: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="KEY=VALUE",
            autocompletion=completion.sampling_settings,
            help="Settings of the plugin: extractors, sampling-time options.",
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="REAL", help="Real data to compare with; for a run, a separate test set."
        ),
    ] = None,
    metrics: Annotated[
        str,
        typer.Option(
            metavar="A,B",
            autocompletion=completion.metrics,
            help="Only these metrics, by name or group.",
        ),
    ] = "",
    n: Annotated[
        int | None,
        typer.Option("-n", min=2, help="Number of samples. \\[default: as many as are held out]"),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of samples and subsets.")] = 0,
    plugin: Annotated[
        str | None,
        typer.Option(
            "--plugin",
            "-p",
            help="The plugin, for files without a record.",
            autocompletion=completion.plugins,
        ),
    ] = None,
    nproc: Processes = 1,
    weights: Weights = "best",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE.html", help="Report to write. \\[default: RUN/report.html]"),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the scores as JSON.")] = False,
) -> None:
    """Evaluate generated data: each metric with its real-data baseline."""
    from gankit.cli._progress import interruptible
    from gankit.report.page import REPORT, refuse_others_report, write_report
    from gankit.runs.directory import CONFIG, Run
    from gankit.runs.model import MODEL
    from gankit.workflows.evaluate import evaluate_path

    refuse_launcher()
    if report is not None:
        refuse_others_report(subject, report)
    only = [name.strip() for name in metrics.split(",") if name.strip()]
    with interruptible() as meter:
        result = evaluate_path(
            subject,
            data=data,
            n=n,
            seed=seed,
            only=only,
            device=device,
            nproc=nproc,
            plugin=plugin,
            overrides=settings or [],
            weights=weights,
            progress=meter,
        )
    page = report
    if page is None and (subject / CONFIG).is_file() and not only:
        page = subject / REPORT
    if page is not None:
        write_report(result, page)
    if (subject / CONFIG).is_file() or (subject / MODEL).is_file():
        state_weights(Run(subject, weights=weights))
    if json:
        print_json(result.record)
        return
    for sentence in result.record["summary"]:
        out.print(visible(sentence))
    table(
        ["metric", "generated", "real baseline", *result.baselines, "better", "n"],
        [
            [
                s.name + (" (shared)" if s.shared_backbone else ""),
                number(s.value, s.error),
                number(s.real_baseline),
                *(number(s.baselines.get(name)) for name in result.baselines),
                {True: "lower", False: "higher", None: ""}[s.lower_is_better],
                s.n_generated,
            ]
            for s in result.scores
        ],
    )
    record = result.record
    err.print(
        f"{record['n_generated']:,} generated, {record['n_train']:,} training and "
        f"{record['n_heldout']:,} held-out real items, seed {seed}"
    )
    for warning in record.get("warnings", ()):
        warn(warning)
    if skipped := record.get("skipped"):
        err.print(
            f"skipped {skipped:,} generated that cannot be read, e.g. {record['skipped_first']}",
        )
    if page is not None:
        out.print(f"report: {visible(page)}")
