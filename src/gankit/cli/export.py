"""``gankit export``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gankit.cli import _completion as completion
from gankit.cli._output import print_json, show_warnings
from gankit.cli._weights import Weights, state_weights
from gankit.errors import GankitError
from gankit.screen.console import err, out, warn
from gankit.screen.streams import visible


def export(
    run: Annotated[
        Path,
        typer.Argument(
            help="A run directory, or a copied model folder.", autocompletion=completion.runs
        ),
    ],
    out_: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="The file to write: .onnx or .pt2."),
    ] = None,
    hub: Annotated[
        str,
        typer.Option(
            metavar="OWNER/NAME",
            help="Upload the model with its card to this repository of the Hugging Face hub.",
        ),
    ] = "",
    public: Annotated[
        bool, typer.Option("--public", help="Create the repository public, not private.")
    ] = False,
    weights: Weights = "best",
    overwrite: Annotated[bool, typer.Option(help="Replace an earlier export at --out.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Export the generator, for use without gankit, or publish the model.

    The file computes decoded items, or what can be computed of them, from latents and conditions.
    It states what to feed it, and is compared with torch before it is kept.
    """
    if out_ is None and not hub:
        raise GankitError(
            "nothing to export to", "Add --out model.onnx, --out model.pt2 or --hub OWNER/NAME"
        )
    if public and not hub:
        raise GankitError("--public is about --hub", "Add --hub OWNER/NAME, or leave it out")
    if hub and weights != "best":
        raise GankitError("--hub uploads the best weights", "Leave out --weights, or --hub")
    if hub and json:
        raise GankitError("--json is about --out", "Leave out --json, or --hub")
    if out_ is not None:
        _to_file(run, out_, weights, overwrite, json)
    if hub:
        _to_hub(run, hub, public)


def _to_hub(run: Path, repository: str, public: bool) -> None:
    from gankit.runs.directory import Run
    from gankit.workflows.hub import Upload, publish

    def announce(upload: Upload) -> None:
        if upload.warning:
            warn(upload.warning)
        for line in upload.lines():
            err.print(visible(line))

    out.print(visible(publish(Run(run), repository, public=public, announce=announce)))


def _to_file(run: Path, path: Path, weights: str, overwrite: bool, as_json: bool) -> None:
    from gankit.cli._progress import interruptible
    from gankit.runs.directory import Run
    from gankit.workflows.export import export as write

    source = Run(run, weights=weights)
    with interruptible() as meter:
        made = write(source, path, overwrite=overwrite, progress=meter)
    state_weights(source)
    show_warnings(made.record)
    if not made.parity:
        warn("not compared with torch: onnxruntime is not installed")
    if as_json:
        parity = {each.output: each.error for each in made.parity}
        print_json({"path": str(made.path), "parity": parity, **made.about})
        return
    for line in made.lines():
        err.print(visible(line))
    out.print(visible(made.path))
