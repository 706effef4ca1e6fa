"""Settings as they are declared: names, types, defaults and docstrings; and checking values."""

from __future__ import annotations

import ast
import dataclasses
import functools
import inspect
import itertools
import json
import operator
import sys
import textwrap
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gankit.config.values import Table, flatten
from gankit.contract.settings import Before, Bounds
from gankit.engine.schedules import Ramp, Scheduled
from gankit.engine.settings import EngineSettings
from gankit.errors import GankitError, did_you_mean

WRONG = {
    "int_type": "is not an integer",
    "int_parsing": "is not an integer",
    "int_from_float": "is not an integer",
    "float_type": "is not a number",
    "float_parsing": "is not a number",
    "finite_number": "is not finite",
    "bool_type": "is neither true nor false",
    "bool_parsing": "is neither true nor false",
    "string_type": "is not text",
    "literal_error": "is not one of the choices",
}
"""What is wrong with a value, by pydantic's type of error."""


@dataclass(frozen=True)
class Setting:
    """One key, as ``gankit plugins show`` lists it."""

    key: str
    type: str
    default: Any
    meaning: str


def check_keys(table: Table, settings_type: type) -> None:
    """Refuses unknown keys, with the nearest known ones.

    Raises:
        GankitError: names the first unknown key.
    """
    known = [s.key for s in (*describe(settings_type), *describe(EngineSettings))]
    sections_ = {key.rpartition(".")[0] for key in known if "." in key} | {"loss.extra"}
    for key, value in flatten(table).items():
        parents = {key[:i] for i, letter in enumerate(key) if letter == "."}
        in_known = key in known or bool(parents & set(known))
        if not in_known and not (key in sections_ and value == {}):
            raise GankitError(f"unknown setting {key!r}", did_you_mean(key, known))


def validate(cls: type, values: Table) -> Any:
    """An instance of a settings dataclass.

    Raises:
        GankitError: names the key, its value and what was expected.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        _refuse_booleans(cls, values)
        found: Any = TypeAdapter(cls).validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        names = [str(part) for part in first["loc"]]
        given = next(
            (s for s in describe(cls) if s.key == ".".join(names[: s.key.count(".") + 1])), None
        )
        key = given.key if given else ".".join(names)
        value = functools.reduce(
            lambda t, k: t.get(k, first["input"]) if isinstance(t, dict) else first["input"],
            key.split("."),
            typing.cast(Any, values),
        )
        expected = f"expected {given.type}" if given else first["msg"]
        wrong = WRONG.get(first["type"], f"{first['msg'][:1].lower()}{first['msg'][1:]}")
        if first["type"] == "string_type" and isinstance(value, int | float):
            expected += f": '{key}={json.dumps(str(value))}'"
        if first["type"] == "tuple_type":
            listed = json.dumps([value], default=str)
            wrong, expected = "is not a list", f"{expected}: '{key}={listed}'"
        raise GankitError(
            f"{key}={value!r}: {wrong}", expected[:1].upper() + expected[1:]
        ) from None
    check_bounds(found)
    return found


def _refuse_booleans(cls: type, values: Table) -> None:
    """Pydantic takes true for 1.

    Raises:
        GankitError: true or false where a number is expected.
    """
    given = flatten(values)
    for setting in describe(cls):
        value = given.get(setting.key)
        if isinstance(value, bool) and setting.type.startswith(("integer", "number")):
            kind = "an integer" if setting.type.startswith("integer") else "a number"
            raise GankitError(
                f"{setting.key}={json.dumps(value)}: is not {kind}",
                f"Expected {setting.type}",
            )


def completed(cls: type, trained: Table) -> Table:
    """A run's settings, with those that did not exist when it was trained as they were then."""
    hints = typing.get_type_hints(cls, include_extras=True)
    notes = ((name, m) for name in hints for m in getattr(hints[name], "__metadata__", ()))
    return {name: m.value for name, m in notes if isinstance(m, Before)} | dict(trained)


def check_bounds(settings: Any, prefix: str = "") -> None:
    """Checks the numbers of a settings dataclass against the bounds next to its fields.

    Raises:
        GankitError: names the key, its value and its range.
    """
    hints = typing.get_type_hints(type(settings), include_extras=True)
    for f in dataclasses.fields(settings):
        key, value = prefix + f.name, getattr(settings, f.name)
        if dataclasses.is_dataclass(value) and not isinstance(value, Ramp):
            check_bounds(value, key + ".")
            continue
        bounds = _bounds_of(hints[f.name])
        for number in _numbers(value):
            if bounds is not None and number not in bounds:
                raise GankitError(f"{key}={_shown(value)}: out of range", f"Use {bounds}")


def _without_bounds(hint: Any) -> Any:
    """A type hint without its annotations."""
    if hasattr(hint, "__metadata__"):
        return _without_bounds(hint.__origin__)
    args = typing.get_args(hint)
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        return functools.reduce(operator.or_, map(_without_bounds, args))
    return hint


def _bounds_of(hint: Any) -> Bounds | None:
    """The bounds in a type hint, also inside ``X | None``."""
    found = [m for m in getattr(hint, "__metadata__", ()) if isinstance(m, Bounds)]
    if found:
        return found[0]
    return next((b for a in typing.get_args(hint) if (b := _bounds_of(a)) is not None), None)


def _numbers(value: Any) -> Iterator[float]:
    """The numbers of a setting: itself, those of a list, or the ends of a schedule."""
    if isinstance(value, Ramp):
        yield from (value.start, value.stop)
    elif isinstance(value, tuple | list):
        for inner in value:
            yield from _numbers(inner)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value


def _shown(value: Any) -> str:
    return json.dumps(dataclasses.asdict(value) if isinstance(value, Ramp) else value)


@functools.cache
def describe(cls: type, prefix: str = "") -> tuple[Setting, ...]:
    """Every setting of a dataclass, nested ones by dotted name, with its docstring."""
    hints, docs = typing.get_type_hints(cls, include_extras=True), _field_docs(cls)
    described: list[Setting] = []
    for f in dataclasses.fields(cls):
        key = prefix + f.name
        if dataclasses.is_dataclass(hints[f.name]):
            described += describe(typing.cast(type, hints[f.name]), key + ".")
            continue
        default = f.default
        if default is dataclasses.MISSING and f.default_factory is not dataclasses.MISSING:
            default = f.default_factory()
        described.append(Setting(key, _type_name(hints[f.name]), default, docs.get(f.name, "")))
    return tuple(described)


def _field_docs(cls: type) -> dict[str, str]:
    """The string under each field (PEP 257's attribute docstrings), base classes included."""
    docs: dict[str, str] = {}
    for base in reversed(cls.__mro__[:-1]):
        try:
            body = _class_body(base)
        except (OSError, TypeError):
            continue
        for statement, below in itertools.pairwise(body):
            if (
                isinstance(statement, ast.AnnAssign)
                and isinstance(statement.target, ast.Name)
                and isinstance(below, ast.Expr)
                and isinstance(below.value, ast.Constant)
            ):
                docs[statement.target.id] = " ".join(str(below.value.value).split())
    return docs


def _class_body(cls: type) -> list[ast.stmt]:
    # inspect parses the whole module anew for each of its classes.
    module = sys.modules.get(cls.__module__)
    known = _classes_of(module) if module is not None else {}
    if (found := known.get(cls.__qualname__)) is not None:
        return found.body
    source = textwrap.dedent(inspect.getsource(cls))
    return typing.cast(ast.ClassDef, ast.parse(source).body[0]).body


@functools.lru_cache(maxsize=64)
def _classes_of(module: types.ModuleType) -> dict[str, ast.ClassDef]:
    """The classes at the top of a module's source."""
    tree = ast.parse(inspect.getsource(module))
    return {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}


def _type_name(hint: Any) -> str:
    if bounds := _bounds_of(hint):
        plain = _type_name(_without_bounds(hint))
        return f"{plain}, {bounds}"
    if hasattr(hint, "__metadata__"):
        return _type_name(_without_bounds(hint))
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if {*typing.get_args(Scheduled)} <= {*args}:
        others = [_type_name(a) for a in args if a not in (*typing.get_args(Scheduled), type(None))]
        return ", ".join([*others, "number, [from, to] or table"])
    if origin is typing.Literal:
        return " | ".join(str(a) for a in args)
    if args and origin is tuple:
        return f"list of {_type_name(args[0])}"
    if origin is dict:
        return "table"
    if args:
        return " | ".join(_type_name(a) for a in args if a is not type(None))
    return {"int": "integer", "float": "number", "str": "text", "bool": "true | false"}.get(
        getattr(hint, "__name__", ""), str(getattr(hint, "__name__", hint))
    )


def sections() -> set[str]:
    return {f.name for f in dataclasses.fields(EngineSettings)}
