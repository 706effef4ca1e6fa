"""``gankit plugins list | show | new | check | install | uninstall``"""

from __future__ import annotations

import shlex
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gankit.cli import _completion as completion
from gankit.cli._output import print_json
from gankit.errors import GankitError
from gankit.screen.console import err, out, table

if TYPE_CHECKING:
    from gankit.plugins.records import PluginRecord

app = typer.Typer(help="List, create, check, install and remove plugins.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not prompt.")]

TRUST = "A plugin is code that runs with your permissions: install only what you trust."


# --- Listing ------------------------------------------------------------------------------------


@app.command("list")
def list_(json: Json = False) -> None:
    """List the installed plugins, and why one cannot be used."""
    from gankit.plugins.registry import installed

    records = installed().records
    if json:
        print_json([asdict(r) for r in records])
        return
    if not records:
        out.print("no plugins; make one with `gankit plugins new`, or install one")
        return
    table(
        ["plugin", "version", "status", "summary"],
        [[r.name, r.version, _status(r), r.summary or r.why] for r in records],
    )
    for r in records:
        if r.status != "ok":
            note = f"{r.status}: {r.why}. {r.what_to_do}"
        elif r.fault:
            note = f"when last used: {r.fault}"
        else:
            continue
        err.print(f"{r.name} ({r.distribution} {r.version}) {note}")


def _status(record: PluginRecord) -> str:
    return "faulty" if record.status == "ok" and record.fault else record.status


@app.command()
def show(
    name: Annotated[
        str, typer.Argument(help="A plugin, e.g. image.", autocompletion=completion.plugins)
    ],
    json: Json = False,
) -> None:
    """Show a plugin: its distribution, formats, recipes, and every setting."""
    from gankit.config import describe, recipes
    from gankit.engine.settings import EngineSettings
    from gankit.plugins.registry import installed

    record = installed().record(name)
    if record is None or record.status != "ok" or not record.modalities:
        if record is None:
            installed().modality(name)  # raises, with the nearest names
        elif json:
            print_json(asdict(record))
        else:
            _show_record(record)
        return
    named = [info.name for info in record.modalities if info.name == name]
    loaded = installed().modality(named[0] if named else record.modalities[0].name)
    own, engine = describe(loaded.modality.Settings), describe(EngineSettings)
    known = recipes(loaded.info)
    if json:
        print_json(
            {
                **asdict(record),
                **asdict(loaded.info),
                "formats": list(loaded.modality.formats),
                "sampling_settings": list(loaded.modality.sampling_settings),
                "recipes": [r.name for r in known],
                "settings": [asdict(s) for s in own],
                "engine": [asdict(s) for s in engine],
            }
        )
        return
    _show_record(record)
    for label, words in (
        ("data", loaded.info.summary),
        ("reads", " ".join(loaded.info.suffixes)),
        ("writes", ", ".join(loaded.modality.formats)),
        ("recipes", ", ".join(r.name for r in known)),
    ):
        out.print(f"{label + ':':9}{words}")
    for title, described in (("plugin settings", own), ("engine settings", engine)):
        out.print(f"\n{title}", style="bold")
        table(
            ["key", "type", "default", "meaning"],
            [[s.key, s.type, _value(s.default), s.meaning] for s in described],
        )
        if described is own and loaded.modality.sampling_settings:
            options = ", ".join(loaded.modality.sampling_settings)
            out.print(f"sampling-time options: {options}")


def _show_record(record: PluginRecord) -> None:
    for label, words in (
        ("plugin", record.name),
        ("from", f"{record.distribution} {record.version}"),
        ("status", _status(record)),
        ("why", record.why),
        ("fix", record.what_to_do),
        ("fault", record.fault),
        ("hooks", ", ".join(hook.removeprefix("gankit_") for hook in record.hooks)),
    ):
        if words:
            out.print(f"{label + ':':9}{words}")


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    return "-" if value is None else str(value)


# --- Creating and checking ------------------------------------------------------------------------


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="The plugin's name, as in --plugin NAME.")],
    out_: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FOLDER", help="The folder to make. \\[default: gankit-NAME]"
        ),
    ] = None,
) -> None:
    """Create a working plugin, with comments marking what to change."""
    from gankit.plugins.registry import installed
    from gankit.plugins.scaffold import scaffold

    folder = scaffold(
        name, out_, taken=["gankit", *(n for r in installed().records for n in r.names)]
    )
    plugin = name.removeprefix("gankit-")
    place = shlex.quote(str(folder) if folder.is_absolute() else f"./{folder}")
    out.print(
        f"{folder}: a plugin on generated data\n"
        f"change:   grep -rn CHANGE {place}\n"
        f"check:    gankit plugins check {place}\n"
        f"install:  gankit plugins install -e {place}\n"
        f"train:    gankit train --plugin {plugin}",
    )


@app.command()
def check(
    name: Annotated[
        str, typer.Argument(metavar="NAME|PATH", help="A plugin, or its folder or wheel.")
    ],
    settings: Annotated[
        list[str] | None,
        typer.Argument(metavar="KEY=VALUE", help="Settings that make it small, e.g. width=[16]."),
    ] = None,
    data: Annotated[str | None, typer.Option(metavar="PATH", help="Data to check on.")] = None,
    expect: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CHECK=REASON", help="A check that is expected to fail, and why. Repeatable."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Check a plugin against the contract. Exit code 1 if a check fails.

    A folder or a wheel is checked without installing it; its dependencies must be installed.
    """
    from gankit.config import parse_overrides
    from gankit.plugins import error_log as faults
    from gankit.testing import check_plugin, check_reasons

    expected = _reasons(expect or [])
    check_reasons(expected)
    record, plugins = _find(name)
    results = []
    for result in check_plugin(record, plugins, parse_overrides(settings or []), data, expected):
        results.append(result)
        if not json:
            mark = {"passed": "ok", "skipped": "-"}.get(result.status, result.status.upper())
            message = f": {result.message}" if result.message else ""
            out.print(f"{mark:8}{result.check.name}{message}")
    failed = [r for r in results if not r.ok]
    if json:
        print_json(
            [
                {
                    "check": r.check.name,
                    "status": r.status,
                    "message": r.message,
                    "seconds": r.seconds,
                }
                for r in results
            ]
        )
    else:
        seconds = sum(r.seconds for r in results)
        idle = sum(r.status == "skipped" for r in results)
        skipped = f", {idle} of them skipped as not applicable" if idle else ""
        passed = len(results) - len(failed)
        out.print(f"{passed} of {len(results)} checks passed{skipped} ({seconds:.0f} s)")
    if failed:
        raise typer.Exit(1)
    faults.forget(record.distribution)


def _find(name: str) -> tuple[PluginRecord, Any]:
    """A plugin that is installed, or in a folder or a wheel.

    Raises:
        GankitError: there is none, or it cannot be used.
    """
    from gankit.plugins.install import local
    from gankit.plugins.packages import plugins_at
    from gankit.plugins.registry import installed

    if (path := local(name)) is not None:
        plugins = plugins_at(path)
        record = min(plugins.records, key=lambda r: r.status != "failed")
    else:
        plugins, found = installed(), installed().record(name)
        if found is None:
            plugins.modality(name)  # raises, with the nearest names
        assert found is not None
        record = found
    if record.status != "ok":
        raise GankitError(f"plugin {name} cannot be used: {record.why}", record.what_to_do)
    return record, plugins


def _reasons(words: list[str]) -> dict[str, str]:
    pairs = [word.partition("=") for word in words]
    for check, equals, _ in pairs:
        if not equals:
            raise GankitError(f"--expect {check!r} has no reason", "Use --expect CHECK=REASON")
    return {check: reason for check, _, reason in pairs}


# --- Installing and removing --------------------------------------------------------------------


@app.command()
def install(
    spec: Annotated[
        str, typer.Argument(help="A name on the package index, a git address, a wheel or a folder.")
    ],
    editable: Annotated[
        bool, typer.Option("--editable", "-e", help="Use the folder itself, not a copy.")
    ] = False,
    upgrade: Annotated[
        bool, typer.Option("--upgrade", "-U", help="Install the newest compatible version.")
    ] = False,
    yes: Yes = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the command that would run, and stop.")
    ] = False,
) -> None:
    """Install a plugin into gankit's own environment."""
    from gankit.plugins import error_log as faults
    from gankit.plugins import install as packages

    packages.check_spec(spec)
    command = packages.install_command(spec, editable=editable, upgrade=upgrade)
    kept = " and ".join(packages.KEPT)
    out.print(f"runs: {shlex.join(command)}   ({kept} held at their versions)")
    if dry_run:
        return
    err.print(TRUST)
    _confirm("Install it?", yes)
    done = packages.install(command, _relay)
    records = _afresh()
    for one in done:
        faults.forget(one.name)
        replaced = f" (was {one.before})" if one.before not in (None, one.version) else ""
        again = " (again, or it was there)" if one.before == one.version else ""
        out.print(f"{one.name} {one.version} is installed{replaced}{again}")
    for record in records:
        if record["distribution"] not in {one.name for one in done}:
            continue
        if record["status"] == "disabled":
            err.print(f"{record['name']} is switched off: {record['why']}")
        elif record["status"] != "ok":
            raise GankitError(
                f"{record['name']} was installed but cannot be used: {record['why']}",
                record["what_to_do"],
            )
        for info in record["modalities"]:
            out.print(f"train:    gankit train --plugin {info['name']}")
            out.print(f"settings: gankit plugins show {info['name']}")


@app.command()
def uninstall(
    name: Annotated[str, typer.Argument(help="A plugin, or the distribution that it is in.")],
    yes: Yes = False,
) -> None:
    """Remove a plugin, also one that cannot be loaded. Its runs stay where they are."""
    from gankit.plugins import error_log as faults
    from gankit.plugins import install as packages

    found = packages.find_plugin(name)
    distribution, version = found.name, found.version
    out.print(f"runs: {shlex.join(packages.uninstall_command([distribution]))}")
    _confirm(f"Remove {distribution} {version}?", yes)
    packages.uninstall([distribution], _relay)
    faults.forget(distribution)
    out.print(f"{distribution} {version} is removed")


def _relay(line: str) -> None:
    """Relays a line of pip's or uv's, except those about nothing to do."""
    if not line.startswith(("Requirement already satisfied", "Looking in ")):
        err.print(f"  {line}", style="dim")


def _confirm(question: str, yes: bool) -> None:
    """Raises:
    GankitError: standard input is not a terminal.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise GankitError("cannot prompt: stdin is not a terminal", "Add --yes to confirm")
    if not typer.confirm(question):
        err.print("nothing was changed")
        raise typer.Exit(1)


def _afresh() -> list[dict[str, Any]]:
    """The plugins as a new process sees them: this one has cached its own."""
    import json
    import subprocess

    command = [sys.executable, "-m", "gankit", "plugins", "list", "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    records: list[dict[str, Any]] = json.loads(done.stdout) if done.returncode == 0 else []
    return records
