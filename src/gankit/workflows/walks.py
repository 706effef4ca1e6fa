"""Which latents to generate from, other than those of consecutive seeds."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from gankit.contract import Sample
from gankit.errors import GankitError
from gankit.runs.directory import Run
from gankit.runs.latents import LatentFile

if TYPE_CHECKING:
    from gankit.engine.sampling.sampler import Latent, Sampler

END_OF_SEEDS = 2**63
"""Seeds are below this."""
STEPS, FRAMES = 7, 64
"""Samples along a direction by default; and of a film."""
MOST_MIXED = 10_000
"""Samples of one mix."""

Stop: TypeAlias = "int | LatentFile | Latent"
"""A seed, a latent in a file, or a latent in memory."""


class Walk(ABC):
    """A way of choosing latents."""

    takes_seed = False
    """Whether :attr:`Sampling.seed` means something to it."""

    @property
    @abstractmethod
    def stops(self) -> Sequence[Stop]:
        """What it starts from."""

    def check(self, n: int) -> None:
        """Raises:
        GankitError: it makes no sense, for n samples.
        """
        for stop in self.stops:
            if isinstance(stop, int) and not 0 <= stop < END_OF_SEEDS:
                raise GankitError(f"seed {stop}: out of range", "Seeds are integers from 0 on")

    def count(self, n: int | None, film: bool = False) -> int:
        """The number of samples, where ``n`` is what the user gave.

        Raises:
            GankitError: it is fixed, and ``n`` another one.
        """
        return FRAMES if n is None else n

    @abstractmethod
    def draw(
        self, sampler: Sampler, n: int, where: Mapping[str, object]
    ) -> Iterator[Sample[Any]]: ...

    @abstractmethod
    def record(self) -> dict[str, Any]:
        """What the provenance record states of it."""

    @abstractmethod
    def in_words(self) -> str:
        """``between seeds 3 and 17``."""

    def doubts(self, run: Run) -> list[str]:
        """Warnings."""
        files = dict.fromkeys(s.path for s in self.stops if isinstance(s, LatentFile))
        return [doubt for path in files for doubt in LatentFile(path).doubts(run)]


@dataclass(frozen=True)
class Between(Walk):
    """Spherical interpolation from stop to stop, all of them included. All samples have the first
    stop's condition, or the requested one.
    """

    path: tuple[Stop, ...]

    @property
    def stops(self) -> Sequence[Stop]:
        return self.path

    def check(self, n: int) -> None:
        super().check(n)
        if len(self.path) < 2:
            raise GankitError("interpolation needs two seeds or more", "Use 3:17, or 3:17:42")
        for a, b in pairwise(self.path):
            if isinstance(a, int | LatentFile) and a == b:
                both = f"seeds are {a}" if isinstance(a, int) else f"latents are {a}"
                raise GankitError(f"both {both}", "Give two different seeds")
        if n < 2:
            raise GankitError("interpolation includes both ends", "Use n of 2 or more")

    def draw(self, sampler: Sampler, n: int, where: Mapping[str, object]) -> Iterator[Sample[Any]]:
        from gankit.engine.sampling.walks import between

        return between(sampler, [resolved(stop, sampler) for stop in self.path], n, where)

    def record(self) -> dict[str, Any]:
        return {"between": [_recorded(stop) for stop in self.path]}

    def in_words(self) -> str:
        names = [_named(stop) for stop in self.path]
        seeds = "seeds " if all(isinstance(stop, int) for stop in self.path) else ""
        return f"between {seeds}{', '.join(names[:-1])} and {names[-1]}"


@dataclass(frozen=True)
class Along(Walk):
    """Steps along one of the run's directions, from ``first`` to ``last`` standard deviations."""

    direction: int
    """From 1, the strongest, on."""
    first: float
    last: float
    stop: Stop = 0
    """Where it starts from, at 0."""
    takes_seed = True

    @property
    def stops(self) -> Sequence[Stop]:
        return [self.stop]

    def count(self, n: int | None, film: bool = False) -> int:
        if n is not None or film:
            return super().count(n)
        return 1 if self.first == self.last else STEPS

    def check(self, n: int) -> None:
        super().check(n)
        if (n < 2) != (self.first == self.last):
            what = f"{self.first:g}..{self.last:g} in {n} step{'s' if n > 1 else ''}"
            raise GankitError(
                f"along direction {self.direction}: {what}",
                "Use n of 2 or more with a range, and 1 with a single number",
            )

    def steps(self, n: int) -> list[float]:
        """Evenly spaced, both ends included."""
        if n == 1:
            return [self.first]
        return [(self.first * (n - 1 - i) + self.last * i) / (n - 1) for i in range(n)]

    def draw(self, sampler: Sampler, n: int, where: Mapping[str, object]) -> Iterator[Sample[Any]]:
        from gankit.engine.sampling.directions import find_directions
        from gankit.engine.sampling.walks import along

        direction = find_directions(sampler)[self.direction]
        return along(sampler, resolved(self.stop, sampler), direction, self.steps(n), where)

    def record(self) -> dict[str, Any]:
        way = {"direction": self.direction, "from": self.first, "to": self.last}
        return {"along": {**way, "start": _recorded(self.stop)}}

    def in_words(self) -> str:
        seed = "seed " if isinstance(self.stop, int) else ""
        way = f"{self.first:g} to {self.last:g}" if self.first != self.last else f"{self.first:g}"
        return f"along direction {self.direction} by {way} from {seed}{_named(self.stop)}"


@dataclass(frozen=True)
class Mix(Walk):
    """Style mixing: each coarse stop with each fine one, row by row."""

    coarse: tuple[Stop, ...]
    fine: tuple[Stop, ...]
    first_fine: int | None = None
    """The first stage that takes the fine latent; None for half of the stages."""

    @property
    def stops(self) -> Sequence[Stop]:
        return [*self.coarse, *self.fine]

    def check(self, n: int) -> None:
        super().check(n)
        if not self.coarse or not self.fine:
            raise GankitError("style mixing needs seeds on both sides", "Use 3:17, or 0..5:10..14")
        if len(self.coarse) * len(self.fine) > MOST_MIXED:
            raise GankitError(f"more than {MOST_MIXED:,} mixes", "Mix fewer seeds")

    def count(self, n: int | None, film: bool = False) -> int:
        made = len(self.coarse) * len(self.fine)
        if n not in (None, made):
            raise GankitError(
                f"n={n}: {len(self.coarse)} times {len(self.fine)} seeds make {made} mixes",
                "Leave out n",
            )
        return made

    def draw(self, sampler: Sampler, n: int, where: Mapping[str, object]) -> Iterator[Sample[Any]]:
        from gankit.engine.sampling.walks import mix

        coarse, fine = ([resolved(s, sampler) for s in p] for p in (self.coarse, self.fine))
        return mix(sampler, coarse, fine, self.stage(sampler), where)

    def stage(self, sampler: Sampler) -> int:
        """The first fine stage.

        Raises:
            GankitError: the generator has no stages.
        """
        from gankit.engine.sampling.walks import stages_of

        stages = stages_of(sampler)
        return stages // 2 if self.first_fine is None else self.first_fine

    def record(self) -> dict[str, Any]:
        sides = {"coarse": self.coarse, "fine": self.fine}
        stage = {} if self.first_fine is None else {"first_fine_stage": self.first_fine}
        recorded = {name: [_recorded(stop) for stop in side] for name, side in sides.items()}
        return {"mix": {**recorded, **stage}}

    def in_words(self) -> str:
        coarse, fine = (_listed(side) for side in (self.coarse, self.fine))
        return f"coarse stages of {coarse} with fine stages of {fine}"


@dataclass(frozen=True)
class Given(Walk):
    """Given latents: a file's, or some in memory."""

    source: LatentFile | tuple[Latent, ...]

    @property
    def stops(self) -> Sequence[Stop]:
        return [self.source] if isinstance(self.source, LatentFile) else self.source

    def count(self, n: int | None, film: bool = False) -> int:
        if n is not None:
            raise GankitError("n: the given latents are as many as they are", "Leave out n")
        return 1 if isinstance(self.source, LatentFile) else len(self.source)

    def draw(self, sampler: Sampler, n: int, where: Mapping[str, object]) -> Iterator[Sample[Any]]:
        from gankit.engine.sampling.walks import of_latents

        own = self.source
        latents = own.read(sampler) if isinstance(own, LatentFile) else own
        return of_latents(sampler, latents, 0, where)

    def record(self) -> dict[str, Any]:
        return {"latents": _recorded(self.stops[0])}

    def in_words(self) -> str:
        return f"from {_named(self.stops[0])}"


def resolved(stop: Stop, sampler: Sampler) -> int | Latent:
    """The stop as the engine takes it.

    Raises:
        GankitError: the file cannot be used, or has several latents.
    """
    if not isinstance(stop, LatentFile):
        return stop
    found = stop.read(sampler)
    if len(found) > 1:
        raise GankitError(
            f"{stop} holds {len(found)} latents", f"Choose one: {stop}#0 to {stop}#{len(found) - 1}"
        )
    return found[0]


def _recorded(stop: Stop) -> int | str:
    return stop if isinstance(stop, int) else _named(stop)


def _named(stop: Stop) -> str:
    if isinstance(stop, LatentFile):  # paths are nobody's business but the user's
        number = "" if stop.number is None else f"#{stop.number}"
        return f"latent {stop.path.name}{number}"
    return str(stop) if isinstance(stop, int) else "a latent in memory"


def _listed(stops: Sequence[Stop]) -> str:
    names = [_named(stop) for stop in stops]
    seeds = "seed " if all(isinstance(stop, int) for stop in stops) else ""
    if len(names) > 3:
        names = [names[0], "…", names[-1]]
    return f"{seeds.replace(' ', 's ') if len(names) > 1 else seeds}{', '.join(names)}"


# --- Words --------------------------------------------------------------------------------------


def parse_stop(word: str) -> int | LatentFile:
    """``3``, ``latent.safetensors`` or ``latents.safetensors#2``.

    Raises:
        GankitError: neither a seed nor such a file's name.
    """
    text = word.strip()
    if re.fullmatch(r"[0-9]+", text):
        return int(text)
    file = re.fullmatch(r"(.+\.safetensors)(?:#([0-9]+))?", text)
    if file is None:
        raise GankitError(
            f"{word!r} is neither a seed nor a file of latents",
            "Use seeds from 0 on, as 3:17, or files that `gankit project` wrote",
        )
    return LatentFile(Path(file[1]).expanduser(), None if file[2] is None else int(file[2]))


def parse_latents(text: str) -> LatentFile:
    """``latents.safetensors``, or ``latents.safetensors#2``.

    Raises:
        GankitError: it is no such file's name.
    """
    stop = parse_stop(text)
    if isinstance(stop, int):
        raise GankitError(
            f"{text!r} is no file of latents",
            "`gankit project RUN ITEM` writes one; a seed is given with --seed",
        )
    return stop


def parse_between(text: str) -> Between:
    """``3:17``, ``3:17:42`` or ``latent.safetensors:17``."""
    words = re.split(r":(?![\\/])", text)  # not the colon of C:\\…
    if len(words) < 2:
        raise GankitError(
            f"--between {text!r} is not a pair of seeds", "Use --between 3:17, with seeds from 0 on"
        )
    try:
        return Between(tuple(map(parse_stop, words)))
    except GankitError as error:
        raise GankitError(f"--between {text!r}: {error.message}", error.hint) from None


def parse_along(text: str, stop: Stop = 0) -> Along:
    """``2:-3..3``, or ``2:1.5`` for one step."""
    number = r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
    found = re.fullmatch(rf"([0-9]+):({number})(?:\.\.({number}))?", text.strip())
    if found is None:
        raise GankitError(
            f"--along {text!r} is not a direction with a range",
            "Use --along 2:-3..3: direction 2, from -3 to 3 standard deviations",
        )
    first = float(found[2])
    return Along(int(found[1]), first, first if found[3] is None else float(found[3]), stop)


def parse_mix(text: str, first_fine: int | None = None) -> Mix:
    """``3:17``, ``0,2,5:10..14``: coarse seeds and fine ones."""
    sides = text.split(":")
    if len(sides) != 2:
        raise GankitError(
            f"--mix {text!r} is not two lists of seeds", "Use --mix 3:17, or --mix 0..5:10..14"
        )
    coarse, fine = (_seeds(side, text) for side in sides)
    return Mix(coarse, fine, first_fine)


def _seeds(side: str, whole: str) -> tuple[Stop, ...]:
    found: list[Stop] = []
    for word in side.split(","):
        span = re.fullmatch(r"\s*([0-9]+)\.\.([0-9]+)\s*", word)
        if span is None:
            try:
                found.append(parse_stop(word))
            except GankitError as error:
                raise GankitError(f"--mix {whole!r}: {error.message}", error.hint) from None
            continue
        first, last = int(span[1]), int(span[2])
        if first > last:
            raise GankitError(f"--mix {whole!r}: {first} is greater than {last}", "Swap them")
        if last - first >= MOST_MIXED:
            raise GankitError(f"--mix {whole!r}: more than {MOST_MIXED:,} seeds", "Mix fewer")
        found += range(first, last + 1)
    return tuple(found)


def choose_walk(**chosen: Walk | None) -> Walk | None:
    """The one that is given, by its name.

    Raises:
        GankitError: several are.
    """
    given = {name: walk for name, walk in chosen.items() if walk is not None}
    if len(given) > 1:
        raise GankitError(f"{' and '.join(given)} each choose the latents", "Use one of them")
    return next(iter(given.values()), None)
