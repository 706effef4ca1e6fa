"""Options that are given twice or empty: refused in every command, those of plugins included."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from typer.core import TyperCommand

from gankit.cli._words import DATA_AND_SETTINGS, divided
from gankit.errors import GankitError

if TYPE_CHECKING:
    from typer import Typer


SETTINGS = "KEY=VALUE"
"""The metavar of arguments that are settings."""


class Command(TyperCommand):
    """A command that refuses an option given twice, and empty values."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        _check(self, ctx, args)
        return super().parse_args(ctx, args)


def check_options(app: Typer) -> None:
    """Has all commands below ``app`` refuse options that are given twice or empty."""
    for command in app.registered_commands:
        command.cls = Command if command.cls in (None, TyperCommand) else command.cls
    for group in app.registered_groups:
        if group.typer_instance is not None:
            check_options(group.typer_instance)


def _check(command: Any, ctx: Any, args: Iterable[str]) -> None:
    """Raises:
    GankitError: names the option.
    """
    if ctx.resilient_parsing:  # completion
        return
    values, _, order = command.make_parser(ctx).parse_args(args=list(args))
    for param, count in Counter(order).items():
        value = values.get(param.name)
        # Values as they were typed: an empty path is the current folder once it is a path.
        typed = value if isinstance(value, list | tuple) else [value]
        name = _name(param)
        if any(isinstance(word, str) and not word.strip() for word in typed):
            raise GankitError(f"{name} is empty", "Give it a value, or leave it out")
        if param.param_type_name != "option":
            if param.metavar in (SETTINGS, DATA_AND_SETTINGS) and len(typed) > 1:
                _check_settings(divided(typed)[1] if param.metavar != SETTINGS else typed)
            continue
        if count > 1 and not (param.multiple or getattr(param, "count", False)):
            raise GankitError(
                f"{name} is given {'twice' if count == 2 else f'{count} times'}", "Give it once"
            )


def _check_settings(words: Iterable[str]) -> None:
    from gankit.config.values import set_twice

    if twice := set_twice(words):
        raise GankitError(f"{twice} is given twice", f"Give {twice} once")


def _name(param: Any) -> str:
    """``--data`` of an option, ``RUN`` of an argument."""
    if param.metavar == DATA_AND_SETTINGS:
        return "DATA"
    if param.param_type_name != "option":
        return str(param.metavar or param.name.upper())
    return str(max(param.opts, key=len))
