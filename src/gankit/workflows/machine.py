"""What this machine can do: how long each plugin's recipe would train here, by measured steps."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from gankit import config as configuration
from gankit.contract import Codec, Dataset, Fitting, Modality, PluginInfo, Progress
from gankit.contract.subsets import Subset
from gankit.errors import GankitError
from gankit.plugins.registry import Plugins, installed
from gankit.workflows.choosing_recipes import choose_recipe
from gankit.workflows.estimate import duration_of
from gankit.workflows.interrupts import StopRequest
from gankit.workflows.prepare import prepare

PATIENCE = 1.0
"""Seconds that fitting a codec may take before its time is projected."""
ITEMS = 128
"""Items of the built-in data that are used, so that an answer takes seconds; steps are as long as
with all."""
MINUTES, HALF_AN_HOUR, HOURS = 15 * 60, 45 * 60, 2 * 3600
"""Upper ends, in seconds, of "in minutes", "in about half an hour" and "in an hour or two"."""


@dataclass(frozen=True)
class Ability:
    """How long a plugin's recipe for this machine trains here."""

    plugin: str
    recipe: str
    summary: str
    makes: str
    """What it generates, in a word or two; the plugin's name where the recipe does not state it."""
    seconds: float | None
    """From start to end on the plugin's built-in data; None where it cannot be measured."""
    seconds_per_step: float | None
    projected: bool
    """Whether the codec was too slow to be fitted, and its time is projected from its progress."""
    problem: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return dataclasses.asdict(self)


def abilities(say: Callable[[str], None] = lambda plugin: None) -> Iterator[Ability]:
    """Measures the recipe that each plugin takes here for own data, on its built-in data.

    Args:
        say: called with a plugin's name before it is measured.
    """
    plugins = installed()
    for name, info in plugins.infos().items():
        say(name)
        recipe = choose_recipe(info, "auto").recipe
        about = configuration.load_recipe(info, recipe).about
        words = about.get("summary", ""), about.get("makes", name)
        try:
            seconds, step, projected = _measured(plugins, info, recipe)
        except GankitError as error:
            yield Ability(name, recipe, *words, None, None, False, str(error))
        else:
            yield Ability(name, recipe, *words, seconds, step, projected)


def in_words(found: Sequence[Ability], gpu: str) -> str:
    """A sentence: what trains in minutes, and what takes longer.

    Args:
        gpu: its name; empty for none.
    """
    groups: dict[str, list[str]] = {}
    for ability in sorted(found, key=lambda ability: ability.seconds or 0):
        if ability.seconds is not None:
            groups.setdefault(_how_long(ability.seconds), []).append(ability.makes)
    said = [f"{_listed(names)} {how}" for how, names in groups.items()]
    return f"{gpu or 'no GPU'}: {'; '.join(said) or 'nothing was measured'}"


def _how_long(seconds: float) -> str:
    if seconds <= MINUTES:
        return "in minutes"
    if seconds <= HALF_AN_HOUR:
        return "in about half an hour"
    if seconds <= HOURS:
        return "in an hour or two"
    return f"in about {seconds / 3600:,.0f} hours"


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


class _Patience(StopRequest):
    """Stops the fitting of a codec after a while, and knows how far it has come."""

    def __init__(self) -> None:
        super().__init__()
        self.started = time.monotonic()
        self.first: tuple[str, float] = ("", 0.0)
        self.projected = 0.0
        """Seconds that the slowest part of it would take."""

    def __call__(self) -> bool:
        return self.made or (self.projected > 0 and self._waited() > PATIENCE)

    def progress(self, what: str, done: int, total: int) -> None:
        name = what.partition("(")[0]  # numbers that change stand in parentheses
        if name != self.first[0]:
            self.first = name, time.monotonic()
        elif 0 < done <= total:
            self.projected = max(self.projected, self._waited() * total / done)

    def _waited(self) -> float:
        return time.monotonic() - self.first[1]


class _Few:
    """A modality whose data is cut to a few items, and whose codec is fitted afresh."""

    def __init__(self, modality: Modality[Any], cache: Path) -> None:
        self._modality = modality
        self._cache = cache
        self.items = 0
        """Of the whole data."""
        self.share = 1.0
        """Of them that are used."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._modality, name)

    def read(self, source: object, settings: Any, progress: Progress) -> Dataset[Any]:
        found = self._modality.read(source, settings, progress)
        kept = range(0, len(found.items), max(1, len(found.items) // ITEMS))[:ITEMS]
        self.items = len(found.items)
        self.share = len(kept) / max(self.items, 1)
        strata = found.strata and [found.strata[i] for i in kept]
        return dataclasses.replace(found, items=Subset(found.items, np.array(kept)), strata=strata)

    def fit_codec(self, items: Sequence[Any], settings: Any, fitting: Fitting) -> Codec[Any]:
        fresh = dataclasses.replace(fitting, cache=self._cache)
        return self._modality.fit_codec(items, settings, fresh)


def _measured(plugins: Plugins, info: PluginInfo, recipe: str) -> tuple[float, float, bool]:
    """Seconds in all, seconds of a step, and whether a part of them is projected."""
    loaded = plugins.modality(info.name)
    config = configuration.resolve(info, loaded.modality.Settings, recipe=recipe)
    patience = _Patience()
    with tempfile.TemporaryDirectory(prefix="gankit-") as place:
        folder, few = Path(place) / "run", _Few(loaded.modality, Path(place))
        loaded = dataclasses.replace(loaded, modality=cast("Modality[Any]", few))
        started = time.monotonic()
        try:
            trainer, _ = prepare(
                *(loaded, config, folder), progress=patience.progress, stop=patience
            )
            before = time.monotonic() - started
        except KeyboardInterrupt:
            if patience.made:
                raise
            # Steps are measured on a codec that is hardly fitted: it is as large as the real one.
            limited = dataclasses.replace(config.engine.train, time=2 * PATIENCE)
            engine = dataclasses.replace(config.engine, train=limited)
            trainer, _ = prepare(loaded, dataclasses.replace(config, engine=engine), folder)
            before = patience.projected / few.share
        step = duration_of(trainer).seconds_per_step
    steps = config.engine.train.on(few.items).steps
    return before + steps * step, step, patience.projected > PATIENCE
