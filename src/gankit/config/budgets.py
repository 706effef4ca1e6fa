"""Budgets as people write them: times (``90s``, ``1h30m``), numbers of samples (``200k``, ``6M``)
and epochs (``50``). The command line and ``gankit.fit`` read them here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable

from gankit.config.values import flatten, parse_overrides
from gankit.errors import GankitError

UNLIMITED = 10**12
"""Samples of a run that something else ends."""
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
"""Of each unit of time."""
_COUNTS = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9}
_NUMBER = r"\d[\d_]*(?:\.\d+)?(?:e\+?\d+)?|\.\d+"
_PART = re.compile(rf"({_NUMBER})\s*([a-z]+)\s*")
_UNIT = re.compile(r"s(ec(ond)?s?)?|m(in(ute)?s?)?|h((ou)?rs?)?|d(ays?)?")

LIFTED = {"train.time": 0.0, "train.samples": UNLIMITED, "train.epochs": 0.0}
"""The settings of the limits, as they are where there is none."""


def with_limits(
    words: Iterable[str],
    *,
    time: object = None,
    samples: object = None,
    epochs: object = None,
    budget: object = None,
    own: Collection[str] = (),
    prefix: str = "--",
) -> list[str]:
    """``key=value`` words with limits added as the settings ``train.time``, ``train.samples`` and
    ``train.epochs``. Of several limits the first that is reached ends training; those that are not
    given are lifted.

    Args:
        words: settings; what they limit stays. ``time=10m`` is a limit too.
        budget: a time or a number of samples, by its unit.
        own: the plugin's settings: of these names none is a limit among the words.
        prefix: what stands before a limit's name in messages.

    Raises:
        GankitError: a limit is not understood, zero, or given twice.
    """
    found: list[tuple[str, str, object]] = []
    rest = []
    for word in words:
        name, equals, text = word.partition("=")
        if equals and name in PARSERS and name not in own:
            found.append((name, f"{name}=", text))
        else:
            rest.append(word)
    separator = " " if prefix else "="
    options = {"time": time, "samples": samples, "epochs": epochs, "budget": budget}
    found += [(k, f"{prefix}{k}{separator}", v) for k, v in options.items() if v is not None]
    if not found:
        return rest
    limits: dict[str, float] = {}
    named = dict.fromkeys(flatten(parse_overrides(rest)), "")
    for kind, name, value in found:
        key, limit = PARSERS[kind](value, name)
        if key in named:
            other = named[key] or key
            raise GankitError(f"{name.strip(' =')} and {other} set the same", "Use one of them")
        limits[key], named[key] = limit, name.strip(" =")
    free = {key: value for key, value in LIFTED.items() if key not in named}
    return rest + [f"{key}={value}" for key, value in {**free, **limits}.items()]


def seconds(value: object, name: str = "--time ") -> float:
    """``90s``, ``10m``, ``1h30m`` or ``2 days`` in seconds.

    Raises:
        GankitError: it is no time above 0 with its unit.
    """
    text = str(value).strip()
    parts = _PART.findall(text.lower())
    known = all(_UNIT.fullmatch(unit) for _, unit in parts)
    known = known and len({unit[0] for _, unit in parts}) == len(parts)
    if not parts or _PART.sub("", text.lower()) or not known:
        if _is_number(text):
            _above_zero(float(text), value, name)
            raise GankitError(
                f"{name}{text}: {text} what?", f"Use {name}{text}s, {text}m or {text}h"
            )
        raise GankitError(f"{name}{text} is not a time", f"Use {name}90s, 10m, 2h or 1h30m")
    total = sum(_float(n) * SECONDS[unit[0]] for n, unit in parts)
    return _above_zero(total, value, name)


def count(value: object, name: str = "--samples ") -> int:
    """``5000``, ``200k``, ``6M``, ``6_000_000`` or ``1e6`` as a number of samples.

    Raises:
        GankitError: it is no whole number from 1 on.
    """
    text = str(value).strip()
    found = re.fullmatch(rf"({_NUMBER})\s*([kKMG]?)", text)
    if found is None:
        if _is_number(text):
            _above_zero(float(text), value, name)
        hint = f"Use {name}5000, 200k or 6M"
        if re.fullmatch(r"\d+(\.\d+)?m", text):
            hint = f"Use {name}{text[:-1]}M for millions of samples, or --time {text} for minutes"
        raise GankitError(f"{name}{text} is not a number of samples", hint)
    number = _float(found[1]) * _COUNTS[found[2]]
    if number >= UNLIMITED:
        raise GankitError(f"{name}{text} is too many", f"Use less than {UNLIMITED:,}")
    return round(_above_zero(round(number), value, name))


def passes(value: object, name: str = "--epochs ") -> float:
    """``50`` or ``0.5`` passes over the training items.

    Raises:
        GankitError: it is no number above 0.
    """
    text = str(value).strip()
    if not _is_number(text):
        raise GankitError(f"{name}{text} is not a number of epochs", f"Use {name}50, say")
    return _above_zero(float(text), value, name)


def time_or_count(value: object, name: str = "--budget ") -> tuple[str, float]:
    """A time (``10m``) or a number of samples (``200k``) as the setting that it limits, with its
    value.

    Raises:
        GankitError: it has no unit, or is neither.
    """
    text = str(value).strip()
    if _is_number(text):
        _above_zero(float(text), value, name)
        raise GankitError(
            f"{name}{text}: {text} what?",
            f"Use --time {text}m, --samples {text}k or --epochs {text}",
        )
    if re.fullmatch(rf"({_NUMBER})\s*[kKMG]", text):
        return "train.samples", count(text, name)
    if _PART.match(text.lower()):
        return "train.time", seconds(text, name)
    raise GankitError(
        f"{name}{text} is neither a time nor a number of samples",
        "Use 90s, 10m or 2h; or 200k or 3M samples",
    )


PARSERS: dict[str, Callable[[object, str], tuple[str, float]]] = {
    "time": lambda value, name: ("train.time", seconds(value, name)),
    "samples": lambda value, name: ("train.samples", count(value, name)),
    "epochs": lambda value, name: ("train.epochs", passes(value, name)),
    "budget": time_or_count,
}
"""The setting and its value, by the name of a limit."""


def as_time(duration: float) -> str:
    """A time as it can be typed: ``5400`` as ``90m``."""
    for unit in ("d", "h", "m"):
        if duration >= SECONDS[unit] and duration % SECONDS[unit] == 0:
            return f"{duration / SECONDS[unit]:.0f}{unit}"
    return f"{math.ceil(duration)}s"


def _float(text: str) -> float:
    return float(text.replace("_", ""))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _above_zero(number: float, value: object, name: str) -> float:
    if not 0 < number < math.inf:  # nan is not
        raise GankitError(f"{name}{value}: out of range", "Use a number above 0")
    return number
