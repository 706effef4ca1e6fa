"""Synonyms of options and commands, and options that are given twice or empty: in every command,
those of plugins included."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup

from gankit.cli._aliases import command_meant, no_command, words_of
from gankit.cli._children import ON
from gankit.cli._words import DATA_AND_SETTINGS, divided
from gankit.errors import GankitError

UsageError: Any = typer.BadParameter.__base__
"""What typer raises for a command line that it cannot read."""

if TYPE_CHECKING:
    from typer import Typer


SETTINGS = "KEY=VALUE"
"""The metavar of arguments that are settings."""


class Command(TyperCommand):
    """A command that knows synonyms, and refuses an option given twice and empty values."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if ctx.resilient_parsing:  # as completion is
            return super().parse_args(ctx, args)
        args = words_of(self, ctx).translated(args)
        try:
            _check(self, ctx, args)
            return super().parse_args(ctx, args)
        except UsageError as error:
            hint = f"See {_path(ctx)} --help"
            raise GankitError(error.format_message().rstrip("."), hint) from None


class Group(TyperGroup):
    """A group of commands that knows synonyms."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args[0] not in self.commands:
            meant = command_meant(args[0])
            if meant in self.commands:
                args = [meant, *args[1:]]
            elif not ctx.resilient_parsing:
                raise no_command(args[0], [*self.commands], _path(ctx))
        return super().resolve_command(ctx, args)


def _path(ctx: Any) -> str:
    """``gankit runs show``, however the program was started."""
    names = []
    while ctx.parent is not None:
        names.append(str(ctx.info_name))
        ctx = ctx.parent
    return " ".join(["gankit", *reversed(names)])


def check_options(app: Typer) -> None:
    """Has all commands below ``app`` know synonyms, and refuse options given twice or empty."""
    if not isinstance(app.info.cls, type):
        app.info.cls = Group
    for command in app.registered_commands:
        command.cls = Command if command.cls in (None, TyperCommand) else command.cls
    for group in app.registered_groups:
        if group.typer_instance is not None:
            check_options(group.typer_instance)


def _check(command: Any, ctx: Any, args: Iterable[str]) -> None:
    """Raises:
    GankitError: names the option.
    """
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
                words = divided(typed)[1] if param.metavar != SETTINGS else typed
                children = values.get("child")  # each has its own word on=
                _check_settings(w for w in words if not (children and w.startswith(ON)))
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
