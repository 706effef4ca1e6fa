"""``gankit augment``"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gankit.cli import _completion as completion
from gankit.cli._output import (
    check_stdout,
    parse_where,
    print_json,
    show_warnings,
    state_provenance,
)
from gankit.cli._parts import Processes, refuse_launcher
from gankit.cli._weights import Weights, state_weights
from gankit.errors import GankitError
from gankit.screen.console import err, out, table, warn
from gankit.screen.streams import visible

if TYPE_CHECKING:
    from gankit.workflows.generate import Generated


def augment(
    run: Annotated[
        Path,
        typer.Argument(
            help="A run directory, or a copied model folder.", autocompletion=completion.runs
        ),
    ],
    data: Annotated[str, typer.Option(metavar="REAL", help="The real data; it is not changed.")],
    out_: Annotated[
        str | None,
        typer.Option(
            "--out",
            metavar="PATH",
            help="A folder to make, a file (more.csv, more.zip), or - for standard output.",
        ),
    ] = None,
    balance: Annotated[
        str,
        typer.Option(
            metavar="KEY",
            autocompletion=completion.condition_names,
            help="Balance the classes of KEY, e.g. label.",
        ),
    ] = "",
    factor: Annotated[
        float, typer.Option(metavar="F", help="Make the data set F times as large, e.g. 2.")
    ] = 0.0,
    n: Annotated[int, typer.Option("-n", min=0, help="Number of samples to add.")] = 0,
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            autocompletion=completion.conditions,
            help="Condition on a value. Repeatable.",
        ),
    ] = None,
    measure: Annotated[
        bool,
        typer.Option(
            "--measure", help="Benchmark downstream performance with and without synthetic data."
        ),
    ] = False,
    test: Annotated[
        str | None, typer.Option(metavar="PATH", help="Real test data for --measure.")
    ] = None,
    target: Annotated[
        str,
        typer.Option(metavar="KEY", help="What the downstream model predicts. \\[default: KEY]"),
    ] = "",
    repeats: Annotated[
        int | None, typer.Option(min=2, help="Repetitions of --measure. \\[default: 5]")
    ] = None,
    keep_all: Annotated[
        bool, typer.Option("--keep-all", help="Keep near duplicates and outliers too.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the first sample.")] = 0,
    format: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            autocompletion=completion.formats,
            help="Output format; by default the data's.",
        ),
    ] = None,
    watermark: Annotated[
        bool,
        typer.Option("--watermark", help="Mark generated items invisibly with your key."),
    ] = False,
    nproc: Processes = 1,
    weights: Weights = "best",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    overwrite: Annotated[bool, typer.Option(help="Replace generated output at --out.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Write an augmented data set: the real items and generated ones, each marked.

    Near duplicates of real items and outliers are dropped and counted.
    """
    from gankit.cli._progress import INCOMPLETE, NOTHING, interruptible
    from gankit.runs.directory import Run
    from gankit.workflows.augment import augment as write
    from gankit.workflows.candidates import plan
    from gankit.workflows.measure import measure as benchmark
    from gankit.workflows.measure import verdict

    refuse_launcher()
    if out_ is None and not measure:
        raise GankitError("no output given", "Add --out PATH, or --measure")
    _refuse(measure, "--measure", {"--test": test, "--target": target, "--repeats": repeats})
    _refuse(
        out_ is not None,
        "--out PATH",
        {
            "--format": format,
            "--overwrite": overwrite,
            "--nproc": nproc > 1,
            "--watermark": watermark,
        },
    )
    piped, repeats = check_stdout(out_, json), repeats or 5
    if piped and measure:
        raise GankitError(
            "--measure and --out - both write to standard output", "Use --out FILE with --measure"
        )
    if data == "-" and measure:  # it is gone once it is read
        raise GankitError("--measure reads the data twice", "Save it to a file: --data FILE")
    source, conditions = Run(run, weights=weights), parse_where(where or [])
    lost = INCOMPLETE if piped else NOTHING
    result: dict[str, Any] = {}
    doubts: list[str] = []
    if measure:
        key = target or balance
        if not key:
            raise GankitError("--measure has no target", "Add --target KEY or --balance KEY")
        with interruptible(lost) as progress:
            benchmarks = benchmark(
                source,
                data,
                test=test,
                key=key,
                requests_of=lambda values: plan(
                    values, balance=balance, factor=factor, where=conditions, n=n
                ),
                repeats=repeats,
                seed=seed,
                keep_all=keep_all,
                device=device,
                progress=progress,
                warn=doubts.append,
            )
        lines = verdict(benchmarks)
        result["benchmarks"] = [dataclasses.asdict(b) for b in benchmarks]
        result["repeats"] = repeats
        result["verdict"] = lines
        if doubts:
            result["warnings"] = doubts
        if not json:
            names = list(benchmarks[0].scores)
            table(
                ["trained on", *names],
                [
                    [b.trained_on, *(f"{b.scores[k][0]:.3f} ± {b.scores[k][1]:.3f}" for k in names)]
                    for b in benchmarks
                ],
            )
            for doubt in doubts:
                warn(doubt)
            err.print(f"mean ± 95 % confidence interval over {repeats} repetitions, seed {seed}")
            out.print("\n".join(lines))
    if out_ is not None:
        with interruptible(lost) as progress:
            made = write(
                source,
                data,
                out_,
                balance=balance,
                factor=factor,
                where=conditions,
                n=n,
                seed=seed,
                keep_all=keep_all,
                format=format,
                device=device,
                nproc=nproc,
                watermark=watermark,
                overwrite=overwrite,
                progress=progress,
            )
        warnings = [*made.record.get("warnings", ()), *made.warnings]
        result |= {"path": str(made.path), **made.record, "warnings": warnings}
        show_warnings(made.record)
        if not json:
            _report(made, piped)
            for warning in made.record["augmented"].get("warnings", ()):
                if warning not in doubts:
                    warn(warning)
    state_weights(source)
    if json:
        print_json(result)


def _refuse(known: bool, needed: str, options: dict[str, object]) -> None:
    """Refuses options that have no meaning without another one."""
    given = [name for name, value in options.items() if value]
    if given and not known:
        raise GankitError(f"{given[0]} has no meaning without {needed}", f"Add {needed}")


def _report(result: Generated, piped: bool) -> None:
    done = result.record["augmented"]
    made = done["generated"]
    err.print(f"real: {done['description']}")
    line = f"{done['real']:,} real and {made['kept']:,} generated"
    if piped:
        state_provenance(line, result.record)
    else:
        out.print(f"{line}: {visible(result.path)}")
    for reason, count in made["dropped"].items():
        err.print(f"dropped {count:,}: {reason}")
    if made["missing"]:
        warn(f"{made['missing']:,} fewer than requested: too many were dropped")
    for warning in result.warnings:
        warn(warning)
