"""``gankit generate``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gankit.cli import _completion as completion
from gankit.cli._output import (
    check_stdout,
    parse_between,
    parse_where,
    print_json,
    show_warnings,
    state_provenance,
)
from gankit.errors import GankitError
from gankit.screen.console import err, out, warn
from gankit.screen.streams import visible


def generate(
    run: Annotated[
        Path,
        typer.Argument(
            help="A run directory, or a copied model folder.", autocompletion=completion.runs
        ),
    ],
    settings: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="KEY=VALUE",
            autocompletion=completion.sampling_settings,
            help="Sampling-time options of the plugin; `gankit plugins show NAME` lists them.",
        ),
    ] = None,
    n: Annotated[
        int | None, typer.Option("-n", min=1, help="Number of samples. \\[default: 64]")
    ] = None,
    per_class: Annotated[
        int | None,
        typer.Option(
            "--per-class", metavar="N", min=1, help="N samples of each class, in place of -n."
        ),
    ] = None,
    by: Annotated[
        str,
        typer.Option(
            "--by",
            metavar="KEY",
            autocompletion=completion.condition_names,
            help="The condition that --per-class counts by. \\[default: label, or the only one]",
        ),
    ] = "",
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            autocompletion=completion.conditions,
            help="Condition on a value, e.g. label=7. Repeatable.",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, help="Sample i uses seed SEED+i, independent of -n.")
    ] = 0,
    between: Annotated[
        str | None,
        typer.Option(
            metavar="A:B", help="Interpolate in latent space from seed A to seed B in N steps."
        ),
    ] = None,
    out_: Annotated[
        str | None,
        typer.Option(
            "--out",
            metavar="PATH",
            help="A folder to make; a file of the plugin's formats (people.csv, people.csv.gz), a "
            "zip archive (made.zip), or - for standard output. \\[default: generated/RUN-001]",
        ),
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            autocompletion=completion.formats,
            help="Output format. \\[default: --out's, or the plugin's first]",
        ),
    ] = None,
    phase: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="warm-up: use the generator as it was before the adversarial game. "
            "\\[default: adversarial]",
            show_default=False,
        ),
    ] = "adversarial",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    overwrite: Annotated[bool, typer.Option(help="Replace generated output at --out.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Generate from a trained run. Output files carry metadata marking them as synthetic."""
    from gankit.cli._progress import INCOMPLETE, NOTHING, interruptible
    from gankit.config import parse_overrides
    from gankit.contract import quiet
    from gankit.runs.directory import Run
    from gankit.workflows.generate import Sampling
    from gankit.workflows.generate import generate as write

    if per_class and n:
        raise GankitError("-n and --per-class both give a number of samples", "Use one of them")
    if by and not per_class:
        raise GankitError("--by has no meaning without --per-class", "Add --per-class N")
    ends = None if between is None else parse_between(between)
    if ends and seed:
        raise GankitError("--between and --seed both name seeds", "Use one of them")
    if ends and per_class:
        raise GankitError(
            "--between interpolates with one condition", "Use --between or --per-class"
        )
    piped = check_stdout(out_, json)
    conditions, changed = parse_where(where or []), parse_overrides(settings or [])
    source = Run(run)
    sampling = Sampling(
        *(n or 64, seed, conditions, ends, changed),
        per_class=per_class or 0,
        by=by.strip(),
        phase=phase,
    )
    with interruptible(INCOMPLETE if piped else NOTHING) as meter:
        made = write(
            source,
            sampling,
            out_,
            format=format,
            device=device,
            overwrite=overwrite,
            progress=quiet if piped and out.is_terminal else meter,
        )
    if not source.samples_trained:
        warn("the generator is untrained: its run saw no samples")
    show_warnings(made.record)
    if json:
        print_json({"path": str(made.path), **made.record})
        return
    record = made.record
    first, last = ends or record["seeds"]
    seeds = f"seeds {first} to {last}" if first != last else f"seed {first}"
    if ends:
        seeds = f"between seeds {first} and {last}"
    each = f", {per_class:,} per {record['by']}" if per_class else ""
    err.print(
        seeds + each + "".join(f", {k}={v}" for k, v in [*conditions.items(), *changed.items()])
    )
    counted = ", ".join(f"{k:,} {name}" for name, k in record.get("counted", {}).items())
    line = f"{record['count']:,} generated{f' ({counted})' if counted else ''}"
    if piped:
        state_provenance(line, record)
    else:
        out.print(f"{line}: {visible(made.path)}")
