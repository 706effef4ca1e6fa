"""Configuration: defaults < recipe < ``--config`` file < ``key=value``, validated with names.

In a file and on the command line, the engine's settings stand in their sections (``optim.lr``)
and the plugin's at the top (``resolution``). The table ``[run]`` holds plugin, recipe and data.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import inspect
import itertools
import json
import math
import textwrap
import tomllib
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from gankit.contract import PluginInfo
from gankit.engine.schedules import Ramp
from gankit.engine.settings import EngineSettings
from gankit.errors import GankitError, did_you_mean, without_password

Table = dict[str, Any]

MAY_CHANGE = ("train.samples", "train.time", "data.workers", "data.cache", "checkpoint", "log")
"""What may differ when a run is resumed: none of it alters what a given sample count gives."""


@dataclass(frozen=True)
class Config:
    """The resolved configuration of a run."""

    plugin: str
    recipe: str
    data: str | None
    engine: EngineSettings
    settings: Any
    """The plugin's own settings."""

    def as_table(self) -> Table:
        """What ``run.toml`` holds. Absent values (None) are left out: TOML has none."""
        data = None if self.data is None else without_password(self.data)
        run = {"plugin": self.plugin, "recipe": self.recipe, "data": data}
        table = {"run": run, **_plain(self.settings), **_plain(self.engine)}
        return typing.cast(Table, _without_none(table))

    def differences(self, other: Config) -> list[str]:
        """Dotted names of settings that differ and may not when a run is resumed."""
        mine, theirs = flatten(self.as_table()), flatten(other.as_table())
        return [
            key
            for key in sorted(mine.keys() | theirs.keys())
            if mine.get(key) != theirs.get(key)
            and not any(key == free or key.startswith(free + ".") for free in MAY_CHANGE)
            and key not in ("run.recipe", "run.data")  # the data's fingerprint decides
        ]


@dataclass(frozen=True)
class Setting:
    """One key, as ``gankit plugins show`` lists it."""

    key: str
    type: str
    default: Any
    meaning: str


@dataclass(frozen=True)
class Recipe:
    """A named set of values that gives a known result."""

    name: str
    about: Mapping[str, str]
    """summary, data, expect, hardware, time, source."""
    text: str
    values: Table


def resolve(
    info: PluginInfo,
    settings_type: type,
    *,
    recipe: str | None = None,
    files: Sequence[Table] = (),
    overrides: Sequence[str] = (),
    data: str | None = None,
) -> Config:
    """Merges the layers and checks every value.

    Raises:
        GankitError: an unknown recipe or key, or a value of the wrong type.
    """
    clash = {f.name for f in dataclasses.fields(settings_type)} & _sections()
    if clash:
        raise GankitError(
            f"plugin {info.name}: its setting {min(clash)} has the name of one of "
            "the engine's sections",
            "Rename it in the plugin",
        )
    chosen = recipe or (info.data_recipe if data else "") or info.default_recipe
    merged: Table = {}
    for layer in (load_recipe(info, chosen).values, *files, parse_overrides(overrides)):
        known = {k: v for k, v in layer.items() if k not in ("run", "recipe")}
        check_keys(known, settings_type)
        merged = _merge(merged, known)
    sections = _sections()
    engine = validate(EngineSettings, {k: v for k, v in merged.items() if k in sections})
    own = validate(settings_type, {k: v for k, v in merged.items() if k not in sections})
    _check_engine(engine)
    return Config(info.name, chosen, data, engine, own)


def from_run(table: Table, settings_type: type) -> Config:
    """The configuration that a ``run.toml`` states."""
    run, sections = table["run"], _sections()
    known = {k: v for k, v in table.items() if k != "run"}
    check_keys(known, settings_type)
    return Config(
        run["plugin"],
        run["recipe"],
        run.get("data"),
        validate(EngineSettings, {k: v for k, v in known.items() if k in sections}),
        validate(settings_type, {k: v for k, v in known.items() if k not in sections}),
    )


def adjust(
    settings_type: type, trained: Table, changes: Table, adjustable: Sequence[str], plugin: str
) -> Any:
    """A plugin's settings as a run was trained with them, some of them given again.

    Args:
        adjustable: the keys that may be given again.

    Raises:
        GankitError: another key, or a value of the wrong type.
    """
    check_keys(changes, settings_type)
    for key in flatten(changes):
        if key not in adjustable:
            section = key.partition(".")[0] in _sections()
            known = f"takes {', '.join(adjustable)}" if adjustable else "has none that can be given"
            raise GankitError(
                f"{key} concerns training, which is over"
                if section
                else f"{key} cannot be given again at generation",
                f"Plugin {plugin} {known} now",
            )
    return validate(settings_type, _merge(trained, changes))


# --- Recipes ------------------------------------------------------------------------------------


def recipes(info: PluginInfo) -> list[Recipe]:
    """A plugin's recipes, by name."""
    if not info.recipes:
        return [Recipe(info.default_recipe, {"summary": "the defaults"}, "", {})]
    found = []
    for file in resources.files(info.recipes).iterdir():
        if file.name.endswith(".toml"):
            text = file.read_text(encoding="utf-8")
            values = tomllib.loads(text)
            found.append(
                Recipe(file.name.removesuffix(".toml"), values.pop("recipe", {}), text, values)
            )
    return sorted(found, key=lambda r: (r.name != info.default_recipe, r.name))


def load_recipe(info: PluginInfo, name: str) -> Recipe:
    """One recipe.

    Raises:
        GankitError: the plugin has none of that name.
    """
    known = {recipe.name: recipe for recipe in recipes(info)}
    if name not in known:
        raise GankitError(
            f"plugin {info.name} has no recipe {name!r}", did_you_mean(name, sorted(known))
        )
    return known[name]


# --- Reading values -----------------------------------------------------------------------------


def read_toml(path: Path) -> Table:
    """A TOML file.

    Raises:
        GankitError: it is not there or not TOML; the message has the line.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise GankitError(f"cannot read {path}: {error.strerror}", "Check the path") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise GankitError(f"{path} is not valid TOML: {error}", "Mend that line") from None


def parse_overrides(words: Iterable[str]) -> Table:
    """``key=value`` words as a nested table; values are TOML, bare words are strings.

    Raises:
        GankitError: a word has no ``=``.
    """
    table: Table = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or not key.strip():
            raise GankitError(f"{word!r} is not a setting", "Write settings as key=value")
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            value = text
        nested: Table = {}
        inner = nested
        *path, last = key.strip().split(".")
        for part in path:
            inner = inner.setdefault(part, {})
        inner[last] = value
        table = _merge(table, nested)
    return table


def check_keys(table: Table, settings_type: type) -> None:
    """Refuses unknown keys, with the nearest known ones.

    Raises:
        GankitError: names the first unknown key.
    """
    known = [s.key for s in (*describe(settings_type), *describe(EngineSettings))]
    tables = {key.rpartition(".")[0] for key in known if "." in key} | {"loss.extra"}
    for key, value in flatten(table).items():
        parents = {key[:i] for i, letter in enumerate(key) if letter == "."}
        in_known = key in known or bool(parents & set(known))
        if not in_known and not (key in tables and value == {}):
            raise GankitError(f"unknown setting {key!r}", did_you_mean(key, known))


def validate(cls: type, values: Table) -> Any:
    """An instance of a settings dataclass.

    Raises:
        GankitError: names the key, its value and what was expected.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(cls).validate_python(values)
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
        expected = f"it takes {given.type}" if given else first["msg"]
        wrong = f"{first['msg'][:1].lower()}{first['msg'][1:]}"
        if first["type"] == "tuple_type":
            listed = json.dumps([value], default=str)
            wrong, expected = "is no list", f"{expected}: '{key}={listed}'"
        raise GankitError(
            f"{key}={value!r}: {wrong}", expected[:1].upper() + expected[1:]
        ) from None


def _check_engine(engine: EngineSettings) -> None:
    """What types cannot say."""
    positive = {
        "train.samples": engine.train.samples,
        "train.batch": engine.train.batch,
        "train.accumulate": engine.train.accumulate,
        "train.d_steps": engine.train.d_steps,
        "loss.penalty_every": engine.loss.penalty_every,
        "checkpoint.keep": engine.checkpoint.keep,
        "log.preview_count": engine.log.preview_count,
        "augment.speed": engine.augment.speed,
        "refine.candidates": engine.refine.candidates,
        "refine.share": engine.refine.share,
        "refine.lr": engine.refine.lr,
    }
    for key, value in positive.items():
        if value <= 0:
            raise GankitError(f"{key}={value}: must be above 0", f"Give {key} a positive number")
    if engine.train.burn_in <= 0:
        for key, value in flatten(dataclasses.asdict(engine)).items():
            pair = isinstance(value, tuple) and len(value) == 2
            if pair or (key.endswith(".over") and value is None):
                raise GankitError(
                    f"{key.removesuffix('.over')}: it moves over train.burn_in samples, "
                    "and that is 0",
                    "Set train.burn_in",
                )
    for key, value in {
        "train.threads": engine.train.threads,
        "train.time": engine.train.time,
        "data.workers": engine.data.workers,
        "train.seed": engine.train.seed,
    }.items():
        if value < 0:
            raise GankitError(f"{key}={value}: must not be negative", "Use 0 or more")
    scheduled = engine.augment.p
    ends = (
        scheduled if isinstance(scheduled, tuple)
        else (scheduled.start, scheduled.stop) if isinstance(scheduled, Ramp) else (scheduled,)
    )  # fmt: skip
    if not all(0 <= p <= 1 for p in ends):
        raise GankitError(f"augment.p={engine.augment.p}: a probability", "Use 0 to 1")
    privacy = engine.privacy
    if privacy.epsilon < 0 or not math.isfinite(privacy.epsilon):
        raise GankitError(
            f"privacy.epsilon={privacy.epsilon}: must be above 0, or 0 for none", "3 is usual"
        )
    if not 0 <= privacy.delta < 1:
        raise GankitError(
            f"privacy.delta={privacy.delta}: must lie between 0 and 1", "0 takes 1/(10 n)"
        )
    if not 0 < privacy.clip < math.inf:
        raise GankitError(f"privacy.clip={privacy.clip}: must be above 0", "1 is usual")
    if engine.train.batch % engine.train.accumulate:
        raise GankitError(
            f"train.batch={engine.train.batch} cannot be cut into "
            f"train.accumulate={engine.train.accumulate} equal pieces",
            "Choose a divisor",
        )
    if not 0 <= engine.data.holdout < 1:
        raise GankitError(
            f"data.holdout={engine.data.holdout}: must be at least 0 and below 1",
            "0.1 sets a tenth aside",
        )


# --- Describing settings ------------------------------------------------------------------------


@functools.cache
def describe(cls: type, prefix: str = "") -> tuple[Setting, ...]:
    """Every setting of a dataclass, nested ones by dotted name, with its docstring."""
    hints, docs = typing.get_type_hints(cls), _field_docs(cls)
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
            body = typing.cast(
                ast.ClassDef, ast.parse(textwrap.dedent(inspect.getsource(base))).body[0]
            ).body
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


def _type_name(hint: Any) -> str:
    from gankit.engine.schedules import Scheduled

    if hint in (Scheduled, Scheduled | None):
        return "number, [from, to] or table"
    origin, args = typing.get_origin(hint), typing.get_args(hint)
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


# --- Tables -------------------------------------------------------------------------------------


def flatten(table: Table, prefix: str = "") -> Table:
    """Nested tables as one, keys joined by dots."""
    flat: Table = {}
    for key, value in table.items():
        if isinstance(value, dict) and value:
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def as_toml(value: Any) -> str:
    """One value as TOML."""
    import tomli_w

    return tomli_w.dumps({"v": value}, multiline_strings=False).removeprefix("v = ").strip()


def _merge(below: Table, above: Table) -> Table:
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both else value
    return merged


def _plain(value: Any) -> Any:
    """Dataclasses and tuples as what JSON and TOML know."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    return {k: _plain(v) for k, v in value.items()} if isinstance(value, dict) else value


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_none(v) for k, v in value.items() if v is not None}
    return value


def _sections() -> set[str]:
    return {f.name for f in dataclasses.fields(EngineSettings)}
