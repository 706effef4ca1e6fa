"""What a page or an API request asks for, in the query of its address."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from gankit.config import parse_overrides
from gankit.errors import GankitError, did_you_mean
from gankit.workflows.generate import Sampling
from gankit.workflows.walks import END_OF_SEEDS, Between

KNOWN = ("n", "seed", "where", "truncation", "between")
PREFIXES = ("where.", "min.", "max.", "set.")
"""Of fields in forms: a condition, the ends of a range of numbers, and a sampling-time option."""
STEPS = 9
"""Samples of an interpolation, if nobody says."""


@dataclass(frozen=True)
class Query:
    """Samples to show. Two that are equal give the same samples."""

    n: int = 0
    """0 for as many as the page shows by default."""
    seed: int | None = None
    """None for fresh samples."""
    where: tuple[tuple[str, str], ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    """Sampling-time options of the plugin."""
    truncation: float = 1.0
    rendered: bool = True
    """Whether items are shown as the plugin renders them, and not only stated."""
    between: tuple[int, int] | None = None
    """Interpolate from one seed to the other, in place of consecutive seeds."""

    @classmethod
    def parse(cls, pairs: Iterable[tuple[str, str]], others: Iterable[str] = ()) -> Query:
        """The query of decoded pairs of names and values. Fields of a form that are left empty
        mean nothing.

        Args:
            others: names that the page reads itself.

        Raises:
            GankitError: an unknown or repeated name, or a value that cannot be read.
        """
        given: dict[str, str] = {}
        for name, value in pairs:
            if name in others or not value.strip():
                continue
            if name not in KNOWN and not name.startswith(PREFIXES):
                known = [*KNOWN, *others]
                raise GankitError(f"unknown parameter {name!r}", did_you_mean(name, known))
            if name == "where":
                whole, (key, equals, value) = value, value.partition("=")
                if not equals or not key.strip():
                    fix = "Use where=NAME=VALUE, or where.NAME=VALUE"
                    raise GankitError(f"where={whole}: not a condition", fix)
                name = f"where.{key.strip()}"
            if name in given:
                raise GankitError(f"{name} is given twice", "Give it once")
            given[name] = value.strip()
        return cls(
            n=_integer(given, "n", 0, least=1),
            seed=_integer(given, "seed", 0) if "seed" in given else None,
            where=_where(given),
            settings=_named(given, "set."),
            truncation=_number(given, "truncation", 1.0),
            between=_between(given.get("between")),
        )

    def sized(self, default: int, most: int) -> Query:
        """The same with its number of samples settled.

        Raises:
            GankitError: more than this server gives at once.
        """
        n = self.n or (STEPS if self.between else default)
        if n > most:
            raise GankitError(
                f"n={n}: this server gives at most {most} samples at once",
                "Use a smaller n and several seeds, or gankit generate",
            )
        return replace(self, n=n)

    def sampling(self) -> Sampling:
        """What to generate."""
        return Sampling(
            *(self.n, self.seed or 0, dict(self.where)),
            walk=Between(self.between) if self.between else None,
            settings=parse_overrides(f"{key}={value}" for key, value in self.settings),
            truncation=self.truncation,
        )

    def without_defaults(self, defaults: Mapping[str, str]) -> Query:
        """The same without options that change nothing, as forms send them."""
        changed = tuple((k, v) for k, v in self.settings if defaults.get(k) != v)
        return replace(self, settings=changed)

    def text(self) -> str:
        """The query as part of an address; equal queries have equal texts."""
        pairs: list[tuple[str, object]] = [("n", self.n)] if self.n else []
        if self.between:
            pairs.append(("between", "{}:{}".format(*self.between)))
        elif self.seed is not None:
            pairs.append(("seed", self.seed))
        pairs += [(f"where.{name}", value) for name, value in self.where]
        pairs += [(f"set.{name}", value) for name, value in self.settings]
        if self.truncation != 1:
            pairs.append(("truncation", f"{self.truncation:g}"))
        return urlencode(pairs)

    def item(self, i: int) -> Query:
        """The query of sample ``i`` alone; of an interpolation, the whole of it."""
        return self if self.between else replace(self, n=1, seed=(self.seed or 0) + i)

    @property
    def requested(self) -> Mapping[str, str]:
        """The conditions by name."""
        return dict(self.where)


def _named(given: Mapping[str, str], prefix: str) -> tuple[tuple[str, str], ...]:
    found = {k.removeprefix(prefix): v for k, v in given.items() if k.startswith(prefix)}
    return tuple(sorted(found.items()))


def _where(given: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The conditions; the two ends of a range become one, ``30..40``."""
    found = dict(_named(given, "where."))
    low, high = dict(_named(given, "min.")), dict(_named(given, "max."))
    for name in {**low, **high}:
        if name in found:
            raise GankitError(f"{name} is requested twice", "Use a value or a range")
        ends = low.get(name, ""), high.get(name, "")
        found[name] = ends[0] if ends[0] == ends[1] else "..".join(ends)
    return tuple(sorted(found.items()))


def _integer(given: Mapping[str, str], name: str, default: int, least: int = 0) -> int:
    text = given.get(name, str(default))
    if not (text.isascii() and text.isdigit()):
        raise GankitError(f"{name}={text}: not a whole number", f"Use {least} or more")
    if len(text) > 19:
        raise GankitError(f"{name}={text}: out of range", f"Use less than {END_OF_SEEDS}")
    if name in given and int(text) < least:
        raise GankitError(f"{name}={text}: out of range", f"Use {least} or more")
    return int(text)


def _number(given: Mapping[str, str], name: str, default: float) -> float:
    text = given.get(name, str(default))
    try:
        return float(text)
    except ValueError:
        raise GankitError(f"{name}={text}: not a number", "Use a number from 0 to 1") from None


def _between(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    parts = text.split(":")
    if len(parts) != 2:
        raise GankitError(f"between={text}: not two seeds", "Use between=3:17")
    first, last = (_integer({"between": part.strip()}, "between", 0) for part in parts)
    return first, last
