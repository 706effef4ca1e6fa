"""``gankit plugins list | show | check``"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from gankit.cli._output import err, out, print_json, table

app = typer.Typer(help="See what kinds of data are supported.", no_args_is_help=True)


@app.command("list")
def list_(json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the installed plugins, and why one could not be loaded."""
    from gankit.plugins import installed

    records = installed().records
    if json:
        print_json([asdict(r) for r in records])
        return
    if not records:
        out.print("no plugins; install one, e.g. pip install gankit-image")
        return
    table(
        ["plugin", "version", "status", "summary"],
        [[r.name, r.version, r.status, r.summary or r.why] for r in records],
    )
    for r in records:
        if r.status != "ok":
            err.print(
                f"{r.name} ({r.distribution} {r.version}) {r.status}: {r.why}. {r.what_to_do}",
                markup=False,
            )


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A plugin, e.g. image.")],
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show a plugin: formats, recipes, and every setting with type, default and meaning."""
    from gankit.config import describe, recipes
    from gankit.engine.settings import EngineSettings
    from gankit.plugins import installed

    loaded = installed().modality(name)
    own = describe(loaded.modality.Settings)
    engine = describe(EngineSettings)
    known = recipes(loaded.info)
    if json:
        print_json(
            {
                **asdict(loaded.info),
                "version": loaded.version,
                "formats": list(loaded.modality.formats),
                "recipes": [r.name for r in known],
                "settings": [asdict(s) for s in own],
                "engine": [asdict(s) for s in engine],
            }
        )
        return
    out.print(f"{loaded.info.name} {loaded.version}: {loaded.info.summary}", markup=False)
    out.print(f"reads:   {' '.join(loaded.info.suffixes)}", markup=False)
    out.print(f"writes:  {', '.join(loaded.modality.formats)}", markup=False)
    out.print(f"recipes: {', '.join(r.name for r in known)}", markup=False)
    for title, described in (("its settings", own), ("the engine's settings", engine)):
        out.print(f"\n[bold]{title}[/]")
        table(
            ["key", "type", "default", "meaning"],
            [[s.key, s.type, _value(s.default), s.meaning] for s in described],
        )


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    return "-" if value is None else str(value)


@app.command()
def check(
    name: Annotated[str, typer.Argument(help="A plugin, e.g. image.")],
    settings: Annotated[
        list[str] | None,
        typer.Argument(metavar="KEY=VALUE", help="Settings that make it small, e.g. width=[16]."),
    ] = None,
    data: Annotated[str | None, typer.Option(metavar="PATH", help="Data to check on.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Run the conformance kit: does the plugin keep the contract? Exit code 1 if it does not."""
    from gankit.config import parse_overrides
    from gankit.testing import CHECKS, Subject, run_check

    subject = Subject.of(name, parse_overrides(settings or []), data)
    results = []
    for one in CHECKS:
        result = run_check(subject, one)
        results.append(result)
        if not json:
            mark = {"passed": "ok", "skipped": "-"}.get(result.status, result.status.upper())
            told = f": {result.message}" if result.message else ""
            out.print(f"{mark:8}{one.name}{told}", markup=False)
    failed = [r for r in results if not r.ok]
    if json:
        print_json(
            [
                {"check": r.check.name, "status": r.status, "message": r.message,
                 "seconds": r.seconds}
                for r in results
            ]
        )  # fmt: skip
    else:
        seconds = sum(r.seconds for r in results)
        out.print(f"{len(results) - len(failed)} of {len(results)} hold ({seconds:.0f} s)")
    if failed:
        raise typer.Exit(1)
