"""``gankit train``"""

from __future__ import annotations

import math
import shlex
import sys
import time as clock
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gankit import launched
from gankit.cli import _completion as completion
from gankit.cli import _output
from gankit.cli._dry_run import dry_run as show_dry_run
from gankit.cli._output import print_json
from gankit.cli._words import DATA_AND_SETTINGS, data_and_settings
from gankit.errors import GankitError
from gankit.screen.console import duration, err, out, warn
from gankit.screen.streams import visible

if TYPE_CHECKING:
    from gankit.engine.settings import EngineSettings
    from gankit.runs.directory import Run


def train(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar=DATA_AND_SETTINGS,
            autocompletion=completion.settings,
            help="Your data: a file, a folder or an address; and any settings, e.g. "
            "optim.lr=1e-4. `gankit plugins show NAME` lists them.",
        ),
    ] = None,
    plugin: Annotated[
        str,
        typer.Option(
            "--plugin",
            "-p",
            metavar="NAME[/RECIPE]",
            help="The plugin, e.g. image. \\[default: by the data]",
            autocompletion=completion.plugins,
        ),
    ] = "",
    data: Annotated[
        str | None,
        typer.Option(
            metavar="PATH", help="Your data, as DATA. \\[default: the plugin's built-in data]"
        ),
    ] = None,
    child: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH",
            help="A further source, whose records belong to those of the data, or of a source "
            "before it: --child PATH on=KEY. Repeatable; for plugins that have the setting "
            "children.",
        ),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            help="A preset configuration. \\[default: by the data and the device]",
            autocompletion=completion.recipes,
        ),
    ] = None,
    out_: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="RUN",
            help="The run directory; an existing run is resumed.",
            autocompletion=completion.runs,
        ),
    ] = None,
    from_: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="RUN",
            help="Start from the weights of another run, or of a copied model folder.",
            autocompletion=completion.runs,
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.toml", help="Settings from a file, e.g. another run's run.toml."
        ),
    ] = None,
    time: Annotated[
        str | None,
        typer.Option(
            metavar="10m", help="When to stop, from the start of the command: 90s, 10m, 1h30m."
        ),
    ] = None,
    samples: Annotated[
        str | None,
        typer.Option(metavar="6M", help="When to stop, in samples seen: 5000, 200k, 6M."),
    ] = None,
    epochs: Annotated[
        str | None,
        typer.Option(metavar="50", help="When to stop, in passes over the training data."),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(metavar="10m|200k", help="The same as --time or --samples, by its unit."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of everything random.")] = None,
    consent: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="What consent or other legal basis covers the people whose faces or voices are in "
            "the data; stored with the model and with what it generates.",
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    nproc: Annotated[
        int | None,
        typer.Option(
            "--nproc", metavar="N", min=1, help="Train in N processes, each with its own GPU."
        ),
    ] = None,
    max_restarts: Annotated[
        int | None,
        typer.Option(
            "--max-restarts",
            metavar="N",
            min=0,
            help="With --nproc: how often to go on from the last checkpoint when a process dies. "
            "\\[default: 0]",
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show configuration, sizes, memory and time, and exit."),
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="With --dry-run: show all settings too.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Train a GAN.

    `gankit train DATA` chooses the plugin by the data, and the recipe by the data and the device.
    Running the same command with the same --out resumes an interrupted run, bit for bit on a CPU.
    """
    from gankit.cli._children import with_children
    from gankit.cli._consent import prompt_for_consent
    from gankit.cli._settings import settings_words
    from gankit.config import read_toml
    from gankit.engine.devices import choose_device
    from gankit.runs.directory import Run
    from gankit.runs.guard import summary
    from gankit.screen.run import RunDisplay
    from gankit.workflows.launch import joined, launch, new_run
    from gankit.workflows.request import Request, of_main, request
    from gankit.workflows.train import train as run_training

    if max_restarts is not None and nproc is None:
        raise GankitError("--max-restarts has no meaning without --nproc", "Add --nproc N")
    if nproc is not None and nproc > 1 and launched.size() == 1 and not dry_run:
        raise typer.Exit(launch(sys.argv[1:], nproc, max_restarts or 0))
    data, given = data_and_settings(words or [], data)

    def settings(known: type) -> list[str]:
        limits = {"time": time, "samples": samples, "epochs": epochs, "budget": budget}
        related = with_children(given, child or [], data, known, plugin.partition("/")[0])
        return settings_words(related, known, seed=seed, consent=consent, **limits)

    def requested() -> Request:
        return request(
            *(plugin, recipe, data, settings),
            config=None if config is None else read_toml(config),
            out=out_,
            device=device,
            start=from_,
        )

    with joined(device) as parallel:
        what = of_main(parallel, requested)
        loaded, resolved, existing = what.loaded, what.config, what.existing
        folder = out_ or new_run(parallel, f"{resolved.plugin}-{resolved.recipe}")
        if dry_run:
            show_dry_run(what, folder, device, json=json, verbose=verbose)
            return
        again, most = launched.restarts()
        if again:
            warn(f"a process ended: all were started again ({again} of at most {most})")
        with parallel.together():
            choose_device(device)  # what it refuses comes before what was chosen
        had = existing.metrics()[-1]["samples"] if existing and existing.metrics() else 0
        display = RunDisplay(what, folder, device, began=_output.started, processes=parallel.size)
        try:
            status = run_training(
                *(loaded, resolved, folder),
                device=device,
                callbacks=[display],
                progress=display.preparing,
                started=_output.started,
                on_read=display.read,
                on_estimate=display.estimated,
                ask_consent=prompt_for_consent(display.preparing),
            )
        except KeyboardInterrupt:
            display.preparing.close()  # before anything is printed
            err.print("interrupted before training: the same command starts it again")
            raise typer.Exit(130) from None
        finally:
            display.preparing.close()
        if not parallel.is_main:
            raise typer.Exit(130 if status == "interrupted" else 0)
    run = Run(folder)
    last = run.metrics()[-1] if run.metrics() else {}
    if status == "done" and not last.get("samples"):
        raise _untrained(folder)
    if json:
        about = display.data.as_dict() if display.data else None
        result = {"run": str(folder), "status": status, "data": about, **last}
        print_json({**result, **summary(run), "verdict": run.verdict})
    else:
        _report(run, status, last, had, resolved.engine)
    if status == "interrupted":
        raise typer.Exit(130)


def _untrained(folder: Path) -> GankitError:
    """The error for a run whose time was used up by reading the data and preparing."""
    from gankit.config.budgets import as_time

    spent = clock.monotonic() - _output.started
    enough = as_time(60 * math.ceil(2 * spent / 60))
    return GankitError(
        f"the time was used up before training: preparing takes {duration(spent)}",
        f"Give more: gankit train --out {shlex.quote(str(folder))} --time {enough}",
    )


def _report(run: Run, status: str, last: dict[str, Any], had: int, engine: EngineSettings) -> None:
    """The end of a run, and what to do next."""
    from gankit.screen.run import guarded, quality

    folder = run.path
    samples, seconds = int(last.get("samples", 0)), float(last.get("seconds", 0))
    place = shlex.quote(str(folder))
    if status == "done" and samples == had:
        reached = f"Budget already reached ({samples:,} samples, {duration(seconds)}); "
        longer = f"to train longer: gankit train --out {place} {_longer(engine, samples, seconds)}"
        if engine.privacy.epsilon:
            longer = "a private run is not trained longer than planned: start another one"
        out.print(visible(reached + longer))
    lines = [f"{status}: {folder} ({samples:,} samples, {duration(seconds)})"]
    if status == "done":
        shown = engine.log.preview_count
        lines += [
            *guarded(run),
            *quality(run),
            *([f"consent:  {run.model['consent']}"] if "consent" in run.model else []),
            f"previews: {folder / 'previews'} (uncurated: seeds 0 to {shown - 1})",
            f"generate: gankit generate {place} -n 64",
            f"evaluate: gankit evaluate {place}",
        ]
    else:
        lines.append(f"resume:   gankit train --out {place}")
    out.print("\n".join(map(visible, lines)))


def _longer(engine: EngineSettings, samples: int, seconds: float) -> str:
    """The option that doubles what a run has trained."""
    from gankit.config.budgets import as_time

    train = engine.train
    if train.time and samples < train.samples:
        return f"--time {as_time(2 * math.ceil(max(train.time, seconds)))}"
    return f"--samples {2 * samples}"
