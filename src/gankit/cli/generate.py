"""``gankit generate``"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gankit.cli._output import err, out, parse_between, parse_where, print_json
from gankit.errors import GankitError


def generate(
    run: Annotated[Path, typer.Argument(help="A run directory, or a copied model folder.")],
    settings: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="KEY=VALUE",
            help="A setting of the plugin that can be given again; "
            "`gankit plugins show NAME` says which.",
        ),
    ] = None,
    n: Annotated[int, typer.Option("-n", min=1, help="How many.")] = 64,
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Ask for a condition, e.g. label=7. Repeatable."),
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, help="Item i is that of seed SEED+i, whatever N is.")
    ] = 0,
    between: Annotated[
        str | None,
        typer.Option(
            metavar="A:B",
            help="Go from the item of seed A to that of seed B in N steps, both included.",
        ),
    ] = None,
    out_: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="PATH", help="The folder to make. [default: generated/RUN-001]"
        ),
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="How to write; the plugin's first format by default."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    overwrite: Annotated[bool, typer.Option(help="Replace what is at --out.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Generate from a trained run. Every file says of itself that it is generated."""
    from gankit.config import parse_overrides
    from gankit.plugins.registry import installed
    from gankit.runs.directory import Run, next_run
    from gankit.runs.provenance import refuse_existing, versions, write_generated

    ends = None if between is None else parse_between(between)
    if ends and seed:
        raise GankitError("--between names its seeds, and --seed another", "Give one of them")
    source = Run(run)
    asked, changed = parse_where(where or []), parse_overrides(settings or [])
    model, plugin = source.model, source.plugin
    target = out_ or next_run(Path("generated"), model["run"])
    refuse_existing(target, overwrite)
    chosen = format or plugin.modality.formats[0]
    data = model["data"]
    record = write_generated(
        plugin.modality,
        source.stream(n, seed=seed, where=asked, between=ends, settings=changed, device=device),
        target,
        format=chosen,
        run=model["run"],
        plugins=installed(),
        overwrite=overwrite,
        between=ends,
        record={
            "plugin": plugin.info.name,
            "versions": versions(plugin.distribution),
            **({"between": list(ends)} if ends else {"seeds": [seed, seed + n - 1]}),
            "where": asked,
            **({"settings": changed} if changed else {}),
            "data_fingerprint": data["fingerprint"],
            "data_licence": data["licence"],
            **({"privacy": source.privacy} if source.privacy else {}),
        },
    )
    # Something to look at beside the files.
    if json:
        print_json({"path": str(target), **record})
    else:
        seeds = (
            f"between seeds {ends[0]} and {ends[1]}" if ends else f"seeds {seed} to {seed + n - 1}"
        )
        err.print(
            seeds + "".join(f", {k}={v}" for k, v in [*asked.items(), *changed.items()]),
            markup=False,
        )
        counted = ", ".join(f"{k:,} {name}" for name, k in record.get("counted", {}).items())
        out.print(f"{n:,} generated{f' ({counted})' if counted else ''}: {target}")
