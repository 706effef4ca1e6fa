"""``gankit.fit`` and ``gankit.load``."""

from __future__ import annotations

import dataclasses
import json
import os
import time as clock
from collections.abc import Callable, Mapping, Sequence, Sized
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gankit import config as configuration
from gankit.api.callbacks import as_callback
from gankit.api.objectives import as_objective
from gankit.api.run import Run
from gankit.api.settings import as_table
from gankit.config.budgets import LIFTED, with_limits
from gankit.contract import Callback, Objective, quiet
from gankit.errors import GankitError
from gankit.plugins.registry import installed
from gankit.runs.weights import BEST
from gankit.screen.console import err, wanted
from gankit.screen.run import RunDisplay, guarded, quality
from gankit.workflows.data import IN_MEMORY
from gankit.workflows.interrupts import StopRequest
from gankit.workflows.launch import joined, new_run
from gankit.workflows.request import Request, of_main, request
from gankit.workflows.train import train

if TYPE_CHECKING:
    from gankit.engine.own_networks import OwnNetworks

_interrupted: dict[str, tuple[Path, object]] = {}
"""The folder and the data of each call that was interrupted in this process: the same call resumes
it. The data is kept so that no other object gets its identity."""


def fit(
    plugin: str | None = None,
    data: object = None,
    c: object = None,
    *,
    recipe: str | None = None,
    from_: str | Path | Run | None = None,
    out: str | Path | None = None,
    time: str | float | None = None,
    samples: str | int | None = None,
    epochs: float | None = None,
    seed: int | None = None,
    networks: OwnNetworks | None = None,
    objective: str | Objective | Callable[..., Any] | Sequence[Any] | None = None,
    device: str = "auto",
    callbacks: Sequence[Callback | Callable[[dict[str, Any]], None]] = (),
    progress: bool | None = None,
    settings: Mapping[str, Any] | None = None,
    **keywords: Any,
) -> Run:
    """Trains and returns the run, as ``gankit train`` does. A script that torchrun started in
    several processes trains in all of them.

    Args:
        plugin: ``"image"``, or ``"image/dcgan"`` with a recipe; by default, the one whose kind of
            data ``data`` is. ``fit("people.csv")`` is short for ``fit(data="people.csv")``.
        data: a path, an object the plugin reads, or None for its built-in data.
        c: labels or conditions of the items in ``data``, where that is an object without them.
        from_: the run whose weights training starts from, or the path of a copied ``model``
            folder.
        out: the run directory; an existing one is resumed, and needs no other argument.
        time: how long to train at most, ``"10m"``, counted from this call.
        samples: how many samples to train on, ``"6M"`` or a number.
        epochs: how often to go over the data.
        seed: of everything random.
        networks: your own in place of the plugin's: ``(G, D)``, two torch modules;
            ``gankit.Networks``; or a function of the codec that gives either.
        objective: a name, a ``gankit.Objective``, a pair of functions ``(real logits, fake logits)
            -> loss`` for discriminator and generator, or one, which the generator minimises with
            the logits swapped.
        callbacks: objects, or functions of the values of a tick.
        progress: whether to show progress; by default on a terminal and in a notebook.
        settings: any by dotted name, ``{"optim.lr": 1e-4}``.
        keywords: the same with double underscores for the dots, ``optim__lr=1e-4``, or by the
            names of other libraries: ``lr=1e-4``, ``batch_size=64``.

    Raises:
        GankitError: for whatever the caller can fix.
        KeyboardInterrupt: after Ctrl-C, once everything is saved; the same call resumes.
    """
    started = clock.monotonic()
    plugin, data = _named(plugin, data)
    own = None if objective is None else as_objective(objective)
    fixed: dict[str, Any] = {} if own is None else {"loss.objective": own.name}
    fixed |= {} if seed is None else {"train.seed": seed}

    def table(known: type) -> configuration.Table:
        names = [field.name for field in dataclasses.fields(known)]
        return as_table(settings or {}, keywords, fixed, own=names)

    start = from_.path if isinstance(from_, Run) else from_

    def requested() -> Request:
        return request(
            *(plugin or "", recipe),
            None if data is None else str(data) if isinstance(data, str | Path) else IN_MEMORY,
            lambda known: _limits(table(known), time, samples, epochs),
            table=table,
            out=Path(out) if out else None,
            device=device,
            count=None if isinstance(data, str | Path) else lambda: _length(data),
            start=None if start is None else Path(start),
        )

    with joined(device) as parallel:
        what = of_main(parallel, requested)
        loaded, config = what.loaded, what.config
        source = data if c is None else (data, c)
        call = json.dumps([os.getcwd(), config.as_table(), id(data), id(c)], default=str)
        folder = Path(out) if out else _interrupted.get(call, (None,))[0]
        folder = folder or new_run(parallel, f"{config.plugin}-{config.recipe}")
        shown = None
        if wanted(progress):
            shown = RunDisplay(
                *(what, folder, device),
                began=started,
                option='{}="{}"',
                processes=parallel.size,
            )
        try:
            status = train(
                *(loaded, config, folder),
                source=None if isinstance(source, str | Path) else source,
                device=device,
                callbacks=[*([shown] if shown else []), *map(as_callback, callbacks)],
                progress=shown.preparing if shown else quiet,
                started=started,
                on_read=shown.read if shown else lambda data: None,
                on_estimate=shown.estimated if shown else None,
                networks=networks,
                objective=own if isinstance(own, Objective) else None,
                stop=StopRequest(exits=False),
            )
        finally:
            if shown:
                shown.finished("")
    run = Run(folder, networks, None if isinstance(source, str | Path) else source)
    if status == "interrupted":
        _interrupted[call] = folder, source
        raise KeyboardInterrupt(
            f"saved in {folder} after {run.generator_weights.latest:,} samples; the same call "
            f"resumes it here, and with out={str(folder)!r} later"
        )
    _interrupted.pop(call, None)
    for line in [*guarded(run), *quality(run)] if shown else ():
        err.print(line)
    return run


def load(
    path: str | Path,
    *,
    networks: OwnNetworks | None = None,
    data: object = None,
    weights: str = BEST,
) -> Run:
    """The run in a directory, or the model in a copied ``model/`` folder.

    Args:
        networks: those that it was trained with, where they were your own.
        data: what it was trained on, where that was an object: evaluation needs it.
        weights: ``best`` or ``latest``: of the generator, where the best ones by held-out distance
            are not the latest.

    Raises:
        GankitError: there is none; no such weights.
    """
    return Run(path, networks, data, weights)


def _named(plugin: str | None, data: object) -> tuple[str | None, object]:
    """The plugin and the data; the first argument may be either.

    Raises:
        GankitError: it is an object.
    """
    infos = installed().infos()
    if plugin is not None and not isinstance(plugin, str | Path):
        raise GankitError(
            f"the first argument is a {type(plugin).__name__}, no plugin's name",
            f"Name the plugin: gankit.fit(PLUGIN, data), of {', '.join(sorted(infos))}",
        )
    unknown = plugin is not None and str(plugin).partition("/")[0] not in infos
    if unknown and data is None and (_exists(str(plugin)) or Path(str(plugin)).suffix):
        return None, plugin
    return None if plugin is None else str(plugin), data


def _length(data: object) -> int | None:
    """The number of items of an object, where its length is that."""
    return len(data) if isinstance(data, Sized) and not isinstance(data, tuple | dict) else None


def _exists(path: str) -> bool:
    return Path(path).expanduser().exists()


def _limits(table: configuration.Table, time: object, samples: object, epochs: object) -> list[str]:
    """The limits as ``key=value`` words; those in the table stay.

    Raises:
        GankitError: one is not understood, or given twice.
    """
    given = configuration.flatten(table)
    words = [f"{key}={given[key]}" for key in LIFTED if key in given]
    if isinstance(time, int | float):
        time = f"{time:g}s"
    return with_limits(words, time=time, samples=samples, epochs=epochs, prefix="")
