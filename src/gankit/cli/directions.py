"""``gankit directions``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gankit.cli import _completion as completion
from gankit.cli._output import parse_where, print_json, show_warnings
from gankit.cli._weights import Weights, state_weights
from gankit.screen.console import err, out
from gankit.screen.streams import visible

LISTED = 5
"""Directions in the summary."""


def directions(
    run: Annotated[
        Path,
        typer.Argument(
            help="A run directory, or a copied model folder.", autocompletion=completion.runs
        ),
    ],
    n: Annotated[
        int, typer.Option("-n", min=1, help="Show the N strongest directions on the sheet.")
    ] = 8,
    seed: Annotated[int, typer.Option(min=0, help="The first seed on the sheet.")] = 0,
    seeds: Annotated[int, typer.Option(min=1, help="Seeds for each direction.")] = 3,
    reach: Annotated[
        float, typer.Option(help="Standard deviations to both sides of the seeds' latents.")
    ] = 3.0,
    steps: Annotated[int, typer.Option(min=2, help="Steps from one side to the other.")] = 7,
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            autocompletion=completion.conditions,
            help="Condition on a value, e.g. label=7. Repeatable.",
        ),
    ] = None,
    out_: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FOLDER",
            help="The folder to make. \\[default: generated/RUN-directions-001]",
        ),
    ] = None,
    weights: Weights = "best",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    overwrite: Annotated[bool, typer.Option(help="Replace generated output at --out.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Find directions in latent space along which samples change most, with a sheet of each.

    They are read off the generator's first layers (closed-form factorisation). gankit generate
    --along K:-3..3 walks along direction K.
    """
    from gankit.cli._progress import interruptible
    from gankit.runs.directory import Run
    from gankit.workflows.directions import SHEET, Shown
    from gankit.workflows.directions import directions as find

    shown = Shown(n, seed, seeds, reach, steps, parse_where(where or []))
    source = Run(run, weights=weights)
    with interruptible() as meter:
        made, found = find(source, out_, shown, device=device, overwrite=overwrite, progress=meter)
    state_weights(source)
    show_warnings(made.record)
    strengths = [float(value) for value in found.strengths]
    if json:
        print_json({"path": str(made.path), "strengths": strengths, "layers": [*found.layers]})
        return
    listed = ", ".join(f"{i}: {value:.1%}" for i, value in enumerate(strengths[:LISTED], 1))
    err.print(visible(f"from {', '.join(found.layers)}: shares of the change: {listed}, …"))
    out.print(f"{len(found)} directions: {visible(made.path / f'{SHEET}.html')}")
    err.print(visible(f"along one: gankit generate {run} --along 1:-3..3"))
