"""The command line: one module a command. No module here imports torch when it is imported."""

from __future__ import annotations

import sys
import time

import typer
from typer.models import CommandInfo, TyperInfo

from gankit import launched
from gankit.cli import (
    _output,
    augment,
    directions,
    doctor,
    evaluate,
    export,
    generate,
    impute,
    plugins,
    project,
    provenance,
    recipes,
    runs,
    serve,
    train,
)
from gankit.cli._options import check_options
from gankit.cli._output import fail
from gankit.errors import GankitError, PluginError
from gankit.screen.console import err, flush, silence
from gankit.system_errors import translate
from gankit.workflows.interrupts import ended_by_signals

app = typer.Typer(
    name="gankit",
    help="Train GANs on your own data, generate from them, and evaluate them.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("train")(train.train)
app.command("generate")(generate.generate)
app.command("project")(project.project)
app.command("directions")(directions.directions)
app.command("augment")(augment.augment)
app.command("impute")(impute.impute)
app.command("evaluate")(evaluate.evaluate)
app.command("serve")(serve.serve)
app.command("export")(export.export)
app.add_typer(runs.app, name="runs")
app.add_typer(plugins.app, name="plugins")
app.add_typer(recipes.app, name="recipes")
app.add_typer(provenance.app, name="provenance")
app.command("doctor")(doctor.doctor)


def _version(shown: bool) -> None:
    if shown:
        from gankit.runs.provenance import software

        print(software())
        raise typer.Exit()


@app.callback()
def gankit(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and stop."
    ),
) -> None:
    """Train GANs on your own data, generate from them, and evaluate them."""


def main() -> None:
    """The entry point: turns errors that the user can fix into one line and exit code 2."""
    _output.started = time.monotonic()
    try:
        _run()
    except SystemExit as ended:
        if not isinstance(ended.code, int) or launched.size() == 1:
            raise
        from gankit.workflows.launch import settle

        sys.exit(settle(ended.code))


def _run() -> None:
    try:
        try:
            if launched.rank():
                silence()
            if launched.size() > 1:
                from gankit.workflows.launch import end_if_settled

                end_if_settled()
            with ended_by_signals():
                _add_commands()
                check_options(app)
                app()
        finally:
            flush()
    except GankitError as error:
        if isinstance(error, PluginError):
            _remember(error.plugin, error.what)
        fail(error)
    except KeyboardInterrupt:
        err.print("interrupted")
        sys.exit(130)
    except Exception as error:
        if (of_system := translate(error)) is not None:
            fail(of_system)
        fault = _plugin_fault(error)
        if fault is None:
            raise
        _remember(fault.plugin, fault.what)
        fail(fault)


def _add_commands() -> None:
    """Adds the commands of plugins unless the command is ours: ours never wait for a plugin."""
    ours = {*map(_name, app.registered_commands), *map(_name, app.registered_groups)}
    words = [word for word in sys.argv[1:] if not word.startswith("-")]
    if words and words[0] in ours:
        return
    from gankit.plugins.registry import installed

    for plugin, theirs in installed().commands():
        for kind in ("registered_commands", "registered_groups"):
            for command in getattr(theirs, kind):
                if (name := _name(command)) in ours:
                    installed().report(plugin, f"has a command {name!r}, which is taken")
                else:
                    ours.add(name)
                    getattr(app, kind).append(command)


def _name(command: CommandInfo | TyperInfo) -> str:
    if command.name:
        return command.name
    return command.callback.__name__.replace("_", "-") if command.callback else ""


def _plugin_fault(error: Exception) -> PluginError | None:
    """The exception as a plugin's error, where a third-party plugin's code raised it."""
    from gankit.plugins.registry import in_one_line, installed, raise_if_strict

    record = installed().attribute_error(error)
    if record is None:
        return None
    raise_if_strict(error)
    return PluginError(record.name, f"{in_one_line(error)} (GANKIT_STRICT_PLUGINS=1 shows where)")


def _remember(plugin: str, what: str) -> None:
    from gankit.plugins.registry import installed

    installed().remember(plugin, what)
