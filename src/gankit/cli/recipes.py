"""``gankit recipes list | show | copy``"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gankit.cli import _completion as completion
from gankit.cli._output import print_json
from gankit.errors import GankitError
from gankit.screen.console import out, table

if TYPE_CHECKING:
    from gankit.config import Recipe

app = typer.Typer(help="Preset configurations.", no_args_is_help=True)


@app.command("list")
def list_(
    plugin: Annotated[
        str | None, typer.Argument(help="Only this plugin.", autocompletion=completion.plugins)
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the recipes of all plugins, or of one."""
    from gankit.config import recipes
    from gankit.errors import did_you_mean
    from gankit.plugins.registry import installed

    infos = installed().infos()
    if plugin is not None and plugin not in infos:
        raise GankitError(f"no plugin named {plugin!r}", did_you_mean(plugin, sorted(infos)))
    found = [
        (info.name, recipe)
        for info in infos.values()
        if plugin in (None, info.name)
        for recipe in recipes(info)
    ]
    if json:
        print_json([{"recipe": f"{name}/{r.name}", **r.as_dict()} for name, r in found])
    else:
        table(
            ["recipe", "summary", "made for", "time"],
            [
                [
                    f"{name}/{r.name}",
                    r.about.get("summary", ""),
                    ", ".join(filter(None, [r.device.upper(), r.made_for()])),
                    r.about.get("time", ""),
                ]
                for name, r in found
            ],
        )


@app.command()
def show(
    name: Annotated[
        str, typer.Argument(metavar="PLUGIN/RECIPE", autocompletion=completion.recipes)
    ],
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print a recipe."""
    recipe = _find(name)
    if json:
        print_json({"recipe": name, **recipe.as_dict(), "values": recipe.values})
    else:
        out.print(recipe.text, end="")


@app.command()
def copy(
    name: Annotated[
        str, typer.Argument(metavar="PLUGIN/RECIPE", autocompletion=completion.recipes)
    ],
    file: Annotated[Path, typer.Argument(help="The file to write.")],
) -> None:
    """Copy a recipe to a file, to edit and train with --config."""
    recipe = _find(name)
    if file.exists():
        raise GankitError(f"{file} exists already", "Choose another name")
    try:
        file.write_text(recipe.text, encoding="utf-8")
    except OSError as error:
        raise GankitError(f"cannot write {file}: {error.strerror}", "Choose another name") from None
    plugin = name.partition("/")[0]
    out.print(f"{file}; train with: gankit train --plugin {plugin} --config {file}")


def _find(name: str) -> Recipe:
    from gankit.config import load_recipe
    from gankit.errors import did_you_mean
    from gankit.plugins.registry import installed

    plugin, _, recipe = name.partition("/")
    infos = installed().infos()
    if plugin not in infos:
        raise GankitError(f"no plugin named {plugin!r}", did_you_mean(plugin, sorted(infos)))
    return load_recipe(infos[plugin], recipe or infos[plugin].default_recipe)
