"""``gankit project``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gankit.cli import _completion as completion
from gankit.cli._output import parse_where, print_json
from gankit.cli._weights import Weights, state_weights
from gankit.screen.console import err, out, warn
from gankit.screen.streams import visible


def project(
    run: Annotated[
        Path,
        typer.Argument(
            help="A run directory, or a copied model folder.", autocompletion=completion.runs
        ),
    ],
    items: Annotated[
        str, typer.Argument(metavar="ITEM", help="The item: a file, or a folder of several.")
    ],
    n: Annotated[
        int | None, typer.Option("-n", min=1, help="Project the first N items. \\[default: all]")
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            autocompletion=completion.conditions,
            help="Project with this condition, e.g. label=7. Repeatable. \\[default: the item's "
            "own, or the best]",
        ),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=0, help="Steps of optimisation. \\[default: 300]")
    ] = None,
    starts: Annotated[
        int | None,
        typer.Option(min=1, help="Latents that are optimised for each item. \\[default: 4]"),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(min=1, help="Seeds from which the starts are chosen. \\[default: 1000]"),
    ] = None,
    out_: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FOLDER",
            help="The folder to make. \\[default: generated/RUN-projected-001]",
        ),
    ] = None,
    weights: Weights = "best",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    overwrite: Annotated[bool, typer.Option(help="Replace generated output at --out.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Find latents whose samples are as near as possible to given items.

    Writes the latents, for gankit generate --latent and --between, the reconstructions, their
    errors, a sheet, and a film of the way.
    """
    from gankit.cli._progress import interruptible
    from gankit.engine.sampling.projection import Effort
    from gankit.runs.directory import Run
    from gankit.workflows.project import LATENTS, in_words
    from gankit.workflows.project import project as find

    conditions = parse_where(where or [])
    given = {"steps": steps, "starts": starts, "seeds": seeds}
    effort = Effort(**{key: value for key, value in given.items() if value is not None})
    source = Run(run, weights=weights)
    with interruptible() as meter:
        found = find(
            *(source, items, out_),
            n=n,
            where=conditions,
            effort=effort,
            device=device,
            overwrite=overwrite,
            progress=meter,
        )
    state_weights(source)
    for warning in found.warnings:
        warn(warning)
    if json:
        print_json({"path": str(found.path), "items": [one.record() for one in found.items]})
        return
    for one in found.items:
        err.print(visible(in_words(one)))
    assert found.path is not None
    several = f"{len(found)} items" if len(found) > 1 else "1 item"
    out.print(f"{several} projected: {visible(found.path)}")
    number = "#0" if len(found) > 1 else ""
    file = f"{found.path / LATENTS}{number}"
    err.print(visible(f"from here: gankit generate {run} --between {file}:17"))
