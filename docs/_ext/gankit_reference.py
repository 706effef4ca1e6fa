"""Generates reference pages from the code, before Sphinx reads its sources.

They are written to ``reference/generated/`` as Markdown; the pages in ``reference/`` include them.
They describe the installed commands, settings, recipes and checks.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gankit import config
from gankit.engine.settings import EngineSettings
from gankit.plugins.records import LoadedModality
from gankit.plugins.registry import installed

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ABOUT = ("data", "expect", "hardware", "time", "source")
"""Entries of a recipe's description, in the order of its table."""


def pages() -> dict[str, str]:
    """Every generated page by its file name."""
    return {
        "cli.md": commands(),
        "settings.md": settings(ours()),
        "recipes.md": recipes(ours()),
        "choice.md": choice(ours()),
        "checks.md": checks(),
    }


def ours() -> list[LoadedModality]:
    """The bundled modalities, regardless of what else is installed.

    Raises:
        RuntimeError: one does not load, and the reference would be incomplete.
    """
    found = []
    for record in installed().records:
        if not record.bundled:
            continue
        if record.status != "ok":
            raise RuntimeError(f"plugin {record.name} is {record.status}: {record.why}")
        found += [installed().modality(info.name) for info in record.modalities]
    return sorted(found, key=lambda loaded: loaded.info.name)


# --- Commands -----------------------------------------------------------------------------------


def commands() -> str:
    """Usage, arguments and options of every command."""
    import typer

    from gankit.cli import app

    return "\n\n".join(_command(typer.main.get_command(app), "gankit", None, 2))


def _command(command: Any, name: str, parent: Any, depth: int) -> Iterator[str]:
    context = type(command).context_class(
        command, info_name=name, parent=parent, **command.context_settings
    )
    inner = getattr(command, "commands", {})
    yield f"{'#' * depth} `{context.command_path}`"
    yield command.help or ""
    yield _fenced(command.get_usage(context).removeprefix("Usage: "), "text")
    records = [param.get_help_record(context) for param in command.get_params(context)]
    described = [record for record in records if record is not None]
    if not inner:
        yield _table(("", ""), [(_code(names), _text(help)) for names, help in described])
    elif depth == 2:
        yield "Every command takes `-h` or `--help`."
    for sub, child in inner.items():
        yield from _command(child, sub, context, depth + 1)


# --- Settings -----------------------------------------------------------------------------------


def settings(plugins: Iterable[LoadedModality]) -> str:
    """Every setting of the engine, section by section, then of each plugin."""
    parts = ["## The engine"]
    described = config.describe(EngineSettings)
    for section in dict.fromkeys(s.key.partition(".")[0] for s in described):
        about = type(getattr(EngineSettings(), section)).__doc__ or ""
        chosen = [s for s in described if s.key.startswith(section + ".")]
        parts += [f"### `[{section}]`", about, _settings(chosen)]
    for loaded in plugins:
        parts += [
            f"## Plugin `{loaded.info.name}`",
            f"{loaded.info.summary}. Writes {', '.join(map(_code, loaded.modality.formats))}."
            + _sampling_time(loaded.modality.sampling_settings),
            _settings(config.describe(loaded.modality.Settings)),
        ]
    return "\n\n".join(parts)


def _sampling_time(keys: Iterable[str]) -> str:
    listed = ", ".join(map(_code, keys))
    return f" Sampling-time options of `gankit generate`: {listed}." if listed else ""


def _settings(described: Iterable[config.Setting]) -> str:
    return _table(
        ("key", "type", "default", "meaning"),
        [
            (
                _code(s.key) + (" ↻" if _may_change(s.key) else ""),
                _text(s.type),
                "" if s.default is None or s.default == "" else _code(_value(s.default)),
                _text(s.meaning),
            )
            for s in described
        ],
    )


def _may_change(key: str) -> bool:
    return any(key == free or key.startswith(free + ".") for free in config.MAY_CHANGE)


def _value(value: Any) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    return "{}" if value == {} else config.as_toml(value)


# --- Recipes ------------------------------------------------------------------------------------


def recipes(plugins: Iterable[LoadedModality]) -> str:
    """Every recipe with its description."""
    parts: list[str] = []
    for info in (loaded.info for loaded in plugins):
        parts.append(f"## Plugin `{info.name}`")
        for recipe in config.recipes(info):
            default = " (the default)" if recipe.name == info.default_recipe else ""
            parts += [f"### `{info.name}/{recipe.name}`", _sentence(recipe.about, default)]
            rows = [(key, _text(recipe.about[key])) for key in ABOUT if recipe.about.get(key)]
            if rows:
                parts.append(_table(("", ""), rows))
            parts.append(_fenced(recipe.text.strip(), "toml"))
    return "\n\n".join(parts)


def choice(plugins: Iterable[LoadedModality]) -> str:
    """Every recipe with what it is made for: the device, the number of items, the time."""
    rows = []
    for info in (loaded.info for loaded in plugins):
        for recipe in config.recipes(info):
            about = tomllib.loads(recipe.text).get("recipe", {})
            device = {"cpu": "a CPU", "gpu": "a GPU"}.get(about.get("device", ""), "any")
            low, *high = about.get("items") or [0]
            items = f"{low:,} to {high[0]:,}" if high else f"{low:,} or more" if low else ""
            time = _text(about.get("time", ""))
            rows.append((_code(f"{info.name}/{recipe.name}"), device, items, time))
    return _table(("recipe", "device", "items", "time"), rows)


def _sentence(about: Mapping[str, str], note: str) -> str:
    summary = about.get("summary", "").rstrip(".")
    return _text(summary[:1].upper() + summary[1:] + note + ".")


def checks() -> str:
    """Every check of the conformance kit."""
    from gankit.testing import CHECKS, HOOK_CHECKS

    parts = []
    for title, listed in (("Modalities", CHECKS), ("Other hooks", HOOK_CHECKS)):
        rows = [(_code(check.name), _text(check.summary)) for check in listed]
        parts += [f"## {title}", _table(("check", "requirement"), rows)]
    return "\n\n".join(parts)


# --- Markdown -----------------------------------------------------------------------------------


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _text(text: str) -> str:
    """Plain text for a table's cell; text between backticks stays code."""
    pieces = text.replace("``", "`").replace("|", "\\|").split("`")
    for i in range(0, len(pieces), 2):
        for special in "*_<[":
            pieces[i] = pieces[i].replace(special, "\\" + special)
    return "`".join(pieces)


def _code(text: str) -> str:
    return "`" + text.replace("|", "\\|") + "`"


def _fenced(text: str, language: str) -> str:
    return f"```{language}\n{text}\n```"


def write(target: Path) -> None:
    """Writes the pages, except those that are up to date."""
    target.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        file = target / name
        if not file.is_file() or file.read_text(encoding="utf-8") != text + "\n":
            file.write_text(text + "\n", encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Sphinx calls this."""
    app.connect("builder-inited", lambda app: write(Path(app.srcdir) / "reference" / "generated"))
    return {"version": "1", "parallel_read_safe": True}
