"""What the shell completes: plugins, recipes, formats, runs, settings, conditions and metrics.

Looked up in what is light to read: no module that computes is imported. What fails completes
nothing: an error message would land on the command line.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
import textwrap
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import typer

Found = list[tuple[str, str]]
"""Words, and what each means."""

METRICS = ("frechet", "kernel", "manifold", "memorisation")
"""Groups of metrics that every extractor has."""


def _quietly(
    look: Callable[[typer.Context, str], Iterable[tuple[str, str]]],
) -> Callable[[typer.Context, str], Found]:
    @functools.wraps(look)
    def completed(ctx: typer.Context, incomplete: str) -> Found:
        try:
            found = [one for one in look(ctx, incomplete) if one[0].startswith(incomplete)]
        except Exception:  # noqa: BLE001
            return []
        # zsh takes a second line for another word.
        return [(word, textwrap.shorten(about, 60, placeholder="…")) for word, about in found]

    return completed


@_quietly
def plugins(ctx: typer.Context, incomplete: str) -> Iterator[tuple[str, str]]:
    """Plugins; after a slash the recipes of one, ``toy/ring8``."""
    from gankit.plugins.registry import installed

    name, slash, _ = incomplete.partition("/")
    for info in installed().infos().values():
        if not slash:
            yield info.name, info.summary
        elif info.name == name:
            yield from ((f"{name}/{recipe}", about) for recipe, about in _recipes(name))


@_quietly
def recipes(ctx: typer.Context, incomplete: str) -> Iterator[tuple[str, str]]:
    """The recipes of the plugin that is given; where none is, of all as ``toy/ring8``."""
    from gankit.plugins.registry import installed

    if plugin := _plugin(ctx):
        yield from _recipes(plugin)
        return
    for name in installed().infos():
        yield from ((f"{name}/{recipe}", about) for recipe, about in _recipes(name))


@_quietly
def runs(ctx: typer.Context, incomplete: str) -> Iterator[tuple[str, str]]:
    """Run directories below ``runs``, or below the folder that is typed."""
    from gankit.runs.directory import find_runs

    typed = Path(incomplete if incomplete.endswith("/") else Path(incomplete).parent)
    for folder in dict.fromkeys([typed, Path("runs")] if incomplete else [Path("runs")]):
        yield from ((str(path), "a run") for path in find_runs(folder))


@_quietly
def sampling_settings(ctx: typer.Context, incomplete: str) -> Iterator[tuple[str, str]]:
    """Keys of the run's plugin."""
    return ((f"{key}=", "a setting of the plugin") for key in _own_keys(ctx))


@_quietly
def settings(ctx: typer.Context, incomplete: str) -> Iterator[tuple[str, str]]:
    """Keys of settings, ``optim.lr=``."""
    from gankit.config import describe
    from gankit.engine.settings import EngineSettings

    if _plugin(ctx):
        yield from sampling_settings(ctx, incomplete)
    for setting in describe(EngineSettings):
        yield f"{setting.key}=", setting.meaning


@_quietly
def formats(ctx: typer.Context, incomplete: str) -> Iterator[tuple[str, str]]:
    """Output formats of the run's plugin."""
    from gankit.plugins.registry import installed

    info = installed().infos()[_plugin(ctx)]
    module = info.target.partition(":")[0]
    found, _ = _defined(module, "formats")
    assert isinstance(found, ast.expr), "a class that states no formats"
    return ((str(one), "") for one in ast.literal_eval(found))


@_quietly
def conditions(ctx: typer.Context, incomplete: str) -> Iterator[tuple[str, str]]:
    """Conditions of the run, ``label=``; after that its classes, ``label=7``."""
    for field in _model(ctx)["layout"]["condition"]:
        key = f"{field['name']}="
        if not incomplete.startswith(key):
            yield key, field["kind"]
        for value in field.get("values", ()) if incomplete.startswith(key) else ():
            yield f"{key}{value}", ""


@_quietly
def condition_names(ctx: typer.Context, incomplete: str) -> Iterator[tuple[str, str]]:
    """Names of the run's conditions."""
    return ((field["name"], field["kind"]) for field in _model(ctx)["layout"]["condition"])


def weights(incomplete: str) -> Found:
    """The names of weights."""
    known = {
        "best": "the best by held-out distance",
        "latest": "as they were when training ended",
    }
    return [(name, about) for name, about in known.items() if name.startswith(incomplete)]


@_quietly
def metrics(ctx: typer.Context, incomplete: str) -> Iterator[tuple[str, str]]:
    """Metrics by name or group; the last one of a list."""
    from gankit.runs.directory import Run

    before, comma, _ = incomplete.rpartition(",")
    run = _run(ctx)
    scored = [score["name"] for score in Run(run).scores()] if run else []
    return ((f"{before}{comma}{name}", "") for name in dict.fromkeys([*METRICS, *scored]))


# --- Where to look --------------------------------------------------------------------------------


def _run(ctx: typer.Context) -> Path | None:
    """The run that is typed."""
    given = [ctx.params.get(name) for name in ("run", "subject", "out_")]
    typed = [Path(one) for one in (*given, *ctx.args) if one]  # not parsed behind an open option
    return next((path for path in typed if path.is_dir()), None)


def _model(ctx: typer.Context) -> dict[str, Any]:
    from gankit.runs.model import MODEL, read_model

    run = _run(ctx) or Path()
    return read_model(run if (run / MODEL).is_file() else run / "model")


def _plugin(ctx: typer.Context) -> str:
    """The name of the plugin that is typed, or of the run's."""
    if typed := ctx.params.get("plugin"):
        return str(typed).partition("/")[0]
    return str(_model(ctx)["plugin"]) if _run(ctx) else ""


def _recipes(plugin: str) -> Found:
    from gankit.config import recipes as recipes_of
    from gankit.plugins.registry import installed

    found = recipes_of(installed().infos()[plugin])
    return [(recipe.name, str(recipe.about.get("summary", ""))) for recipe in found]


def _own_keys(ctx: typer.Context) -> list[str]:
    """The plugin's settings, those of a group by dotted name."""
    from gankit.plugins.registry import installed

    info = installed().infos()[_plugin(ctx)]
    return _fields(info.target.partition(":")[0], "Settings")


def _fields(module: str, name: str, prefix: str = "") -> list[str]:
    """The fields of a class, and of classes that are the types of some."""
    found, where = _defined(module, name)
    keys = []
    for line in found.body if isinstance(found, ast.ClassDef) else []:
        if isinstance(line, ast.AnnAssign):
            key = prefix + ast.unparse(line.target)
            type_ = line.annotation.id if isinstance(line.annotation, ast.Name) else ""
            keys += _fields(where, type_, key + ".") or [key]
    return keys


def _defined(module: str, name: str) -> tuple[ast.AST | None, str]:
    """What a name stands for in a module's source, which is not run: a class or an expression; and
    the module where it is defined.
    """
    spec = importlib.util.find_spec(module) if name else None
    if spec is None or not spec.origin:
        return None, module
    nodes = [*ast.walk(ast.parse(Path(spec.origin).read_text(encoding="utf-8")))]  # outer first
    for node in nodes:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return node, module
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            known = isinstance(node.value, ast.Name)
            return _defined(module, ast.unparse(node.value)) if known else (node.value, module)
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and name in [alias.name for alias in node.names]:
            return _defined(node.module or "", name)
    return None, module
