"""The command line: one module a command. No module here imports torch when it is imported."""

from __future__ import annotations

import sys

import typer

from gankit.cli import doctor, evaluate, generate, plugins, recipes, runs, train
from gankit.cli._output import fail
from gankit.errors import GankitError

app = typer.Typer(
    name="gankit",
    help="Train GANs on data of your own, generate from them, and see how good they are.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("train")(train.train)
app.command("generate")(generate.generate)
app.command("evaluate")(evaluate.evaluate)
app.add_typer(runs.app, name="runs")
app.add_typer(plugins.app, name="plugins")
app.add_typer(recipes.app, name="recipes")
app.command("doctor")(doctor.doctor)


def _version(shown: bool) -> None:
    if shown:
        from gankit.provenance import software

        print(software())
        raise typer.Exit()


@app.callback()
def gankit(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and stop."
    ),
) -> None:
    """Train GANs on data of your own, generate from them, and see how good they are."""


def main() -> None:
    """The entry point: turns what the user can put right into one line and exit code 2."""
    from gankit.plugins import installed

    try:
        installed().call("gankit_commands", app=app)
        app()
    except GankitError as error:
        fail(error)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
