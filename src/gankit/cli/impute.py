"""``gankit impute``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from gankit.cli import _completion as completion
from gankit.cli._output import check_stdout, print_json, show_warnings, state_provenance
from gankit.cli._parts import refuse_launcher
from gankit.cli._weights import Weights, state_weights
from gankit.errors import GankitError
from gankit.screen.console import err, out, warn
from gankit.screen.streams import visible


def impute(
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
            help="Settings of the plugin by which the data is read.",
        ),
    ] = None,
    *,
    data: Annotated[
        str, typer.Option(metavar="PATH", help="The data with gaps; it is not changed.")
    ],
    out_: Annotated[
        str | None,
        typer.Option(
            "--out",
            metavar="PATH",
            help="A file (filled.csv) or a folder to make, or - for standard output.",
        ),
    ] = None,
    m: Annotated[
        int,
        typer.Option(
            "-m", min=1, help="Number of imputations; of several: filled-1.csv, filled-2.csv …"
        ),
    ] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the first item.")] = 0,
    candidates: Annotated[
        int | None,
        typer.Option(
            min=1, max=15, help="Candidates for an item, of which one is chosen. \\[default: 8]"
        ),
    ] = None,
    mark: Annotated[
        bool, typer.Option("--mark/--no-mark", help="Whether each item states what was filled.")
    ] = True,
    format: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            autocompletion=completion.formats,
            help="Output format; by default the data's.",
        ),
    ] = None,
    weights: Weights = "best",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Report the gaps, and write nothing.")
    ] = False,
    overwrite: Annotated[bool, typer.Option(help="Replace generated output at --out.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Fill the gaps in a data set, each drawn given all that is there.

    A filled value is a draw, not a best guess: with -m 5 the differences show how uncertain it is.
    """
    from gankit.cli._progress import INCOMPLETE, NOTHING, interruptible
    from gankit.config import parse_overrides
    from gankit.engine.sampling.imputation import CANDIDATES
    from gankit.runs.directory import Run
    from gankit.workflows.impute import Imputation
    from gankit.workflows.impute import impute as write

    refuse_launcher()
    if out_ is None and not dry_run:
        raise GankitError("no output given", "Add --out PATH, or --dry-run")
    piped, source = check_stdout(out_, json), Run(run, weights=weights)
    effort: dict[str, Any] = {
        "seed": seed,
        "candidates": candidates or CANDIDATES,
        "settings": parse_overrides(settings or []),
        "device": device,
    }
    if out_ is None or dry_run:
        with interruptible() as progress:
            looked = Imputation(source, data, progress=progress, **effort)
        if json:
            print_json({**looked.found.record(), "warnings": looked.warnings})
            return
        out.print(visible(looked.found.in_words()))
        for warning in looked.warnings:
            warn(warning)
        return
    warnings: list[str] = []

    def say(text: str, doubt: bool) -> None:
        warnings.extend([text] if doubt else [])
        if not json:
            warn(text) if doubt else err.print(visible(text))

    with interruptible(INCOMPLETE if piped else NOTHING) as progress:
        made = write(
            *(source, data, out_),
            m=m,
            format=format,
            mark=mark,
            overwrite=overwrite,
            say=say,
            progress=progress,
            **effort,
        )
    state_weights(source)
    if json:
        records = [{"path": str(one.path), **one.record} for one in made]
        print_json({"imputations": records, "warnings": warnings})
        return
    for one in made:
        show_warnings(one.record)
        done = one.record["imputed"]
        of = f"{done['changed']:,} of {done['items']:,} items"
        what = f"{sum(done['filled'].values()):,} gaps filled in {of}"
        if piped:
            state_provenance(what, one.record)
        else:
            out.print(f"{what}: {visible(one.path)}")
