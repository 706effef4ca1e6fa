"""``gankit generate``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gankit.cli._output import (
    err,
    out,
    parse_between,
    parse_where,
    print_json,
    show_warnings,
)
from gankit.errors import GankitError


def generate(
    run: Annotated[Path, typer.Argument(help="A run directory, or a copied model folder.")],
    settings: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="KEY=VALUE",
            help="Sampling-time options of the plugin; `gankit plugins show NAME` lists them.",
        ),
    ] = None,
    n: Annotated[int, typer.Option("-n", min=1, help="Number of samples.")] = 64,
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Condition on a value, e.g. label=7. Repeatable."),
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
        Path | None,
        typer.Option(
            "--out",
            metavar="PATH",
            help="A folder to make, or a file of the plugin's formats (people.csv). "
            "\\[default: generated/RUN-001]",
        ),
    ] = None,
    format: Annotated[
        str | None, typer.Option(metavar="NAME", help="Output format; the plugin's first one.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    overwrite: Annotated[bool, typer.Option(help="Replace generated output at --out.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Generate from a trained run. Output files carry metadata marking them as synthetic."""
    from gankit.config import parse_overrides
    from gankit.runs.directory import Run
    from gankit.workflows.generate import Sampling
    from gankit.workflows.generate import generate as write

    ends = None if between is None else parse_between(between)
    if ends and seed:
        raise GankitError("--between and --seed both name seeds", "Use one of them")
    conditions, changed = parse_where(where or []), parse_overrides(settings or [])
    source = Run(run)
    made = write(
        *(source, Sampling(n, seed, conditions, ends, changed), out_),
        format=format,
        device=device,
        overwrite=overwrite,
    )
    if not source.samples_trained:
        err.print("[yellow]warning:[/] the generator is untrained: its run saw no samples")
    show_warnings(made.record)
    if json:
        print_json({"path": str(made.path), **made.record})
        return
    seeds = f"between seeds {ends[0]} and {ends[1]}" if ends else f"seeds {seed} to {seed + n - 1}"
    err.print(
        seeds + "".join(f", {k}={v}" for k, v in [*conditions.items(), *changed.items()]),
        markup=False,
    )
    counted = ", ".join(f"{k:,} {name}" for name, k in made.record.get("counted", {}).items())
    out.print(f"{n:,} generated{f' ({counted})' if counted else ''}: {made.path}", markup=False)
