"""``gankit serve``"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from gankit.cli import _completion as completion
from gankit.cli._weights import Weights
from gankit.screen.console import err, out, warn
from gankit.screen.streams import visible

TOKEN = "GANKIT_SERVE_TOKEN"
"""The environment variable that can hold the token, where a command line is seen by others."""


def serve(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN…",
            help="Run directories, or copied model folders.",
            autocompletion=completion.runs,
        ),
    ],
    host: Annotated[
        str, typer.Option(help="The address to listen at; 0.0.0.0 for all of this machine's.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port; 0 for any that is free.")
    ] = 8000,
    token: Annotated[
        str,
        typer.Option(
            metavar="SECRET",
            help=f"Serve only those who know it. \\[default: ${TOKEN}, or none]",
            show_default=False,
        ),
    ] = "",
    single: Annotated[
        bool, typer.Option("--single", help="Show one sample, another one at each reload.")
    ] = False,
    rate: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Samples per second and client; 0 for no limit. \\[default: none on this machine, "
            "100 elsewhere]",
        ),
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    weights: Weights = "best",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
) -> None:
    """Show runs in a browser: fresh samples, conditions, interpolation; and a JSON API."""
    from gankit.serve.server import prepare

    server = prepare(
        runs,
        host=host,
        port=port,
        token=token or os.environ.get(TOKEN, ""),
        single=single,
        rate=rate,
        device=device,
        weights=weights,
    )
    for run in server.runs:
        training = ", still training" if run.training else ""
        err.print(visible(f"{run.name}: {run.plugin}, {run.trained:,} samples seen{training}"))
        if words := run.run.generator_weights.in_words():
            err.print(visible(f"{run.name}: {words}"))
    for warning in server.warnings:
        warn(warning)
    out.print(visible(f"serving at {server.address}"))
    err.print("Ctrl-C stops it")
    if open_:
        import webbrowser

        webbrowser.open(server.address)
    try:
        server.run()
    except KeyboardInterrupt:  # the way to end it
        err.print("stopped")
