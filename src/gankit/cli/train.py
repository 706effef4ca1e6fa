"""``gankit train``"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gankit.cli import _completion as completion
from gankit.cli import _output
from gankit.cli._output import duration, err, out, print_json, rows, warn
from gankit.cli._streams import visible
from gankit.errors import GankitError

if TYPE_CHECKING:
    from gankit.engine.settings import EngineSettings


def train(
    settings: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="KEY=VALUE",
            autocompletion=completion.settings,
            help="Any setting, e.g. optim.lr=1e-4. `gankit plugins show NAME` lists them.",
        ),
    ] = None,
    plugin: Annotated[
        str,
        typer.Option(
            "--plugin",
            "-p",
            metavar="NAME[/RECIPE]",
            help="The plugin, e.g. image.",
            autocompletion=completion.plugins,
        ),
    ] = "",
    data: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Your data. \\[default: the plugin's built-in data]"),
    ] = None,
    recipe: Annotated[
        str | None, typer.Option(help="A preset configuration.", autocompletion=completion.recipes)
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
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show configuration, sizes, memory and time, and exit."),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Train a GAN.

    Running the same command with the same --out resumes an interrupted run, bit for bit on a CPU.
    """
    from gankit import config as configuration
    from gankit.cli._display import Display
    from gankit.cli._settings import settings_words
    from gankit.config.paths import from_text
    from gankit.engine.guard import ADVICE
    from gankit.plugins.registry import installed
    from gankit.runs.directory import CONFIG, Run, next_run
    from gankit.workflows.train import train as run_training

    existing = Run(out_) if out_ is not None and (out_ / CONFIG).is_file() else None
    files = [configuration.read_toml(config)] if config else []
    named = files[0].get("run", {}) if files else {}

    if existing is not None and not (plugin or recipe or config):
        # Only the directory is given: resume with the run's own settings.
        table = existing.table
        plugin, recipe = table["run"]["plugin"], table["run"]["recipe"]
        files, named = [table], table["run"]
    elif named:
        plugin, recipe = plugin or named.get("plugin", ""), recipe or named.get("recipe")
    path = None
    if data is None:
        data, path = named.get("data"), from_text(named.get("data_path"))
    if not plugin:
        known = ", ".join(sorted(installed().infos())) or "none is installed"
        raise GankitError("no plugin given", f"Add --plugin NAME ({known})")
    name, _, inline = plugin.partition("/")
    if recipe and inline and recipe.removeprefix(f"{name}/") != inline:
        raise GankitError(
            f"--plugin {plugin} and --recipe {recipe} name two recipes", "Leave out one of them"
        )
    loaded = installed().modality(name)
    words = settings_words(
        *(settings or [], loaded.modality.Settings),
        seed=seed,
        time=time,
        samples=samples,
        epochs=epochs,
        budget=budget,
    )
    resolved = configuration.resolve(
        loaded.info,
        loaded.modality.Settings,
        recipe=(recipe or inline or "").removeprefix(f"{name}/") or None,
        files=files,
        overrides=words,
        data=data,
        data_path=path,
    )
    folder = out_ or next_run(Path("runs"), f"{name}-{resolved.recipe}")
    if dry_run:
        _dry_run(loaded, resolved, folder, device, json)
        return

    had = existing.metrics()[-1]["samples"] if existing and existing.metrics() else 0
    display = Display(
        *(resolved.engine.train, ADVICE),
        resumed=existing is not None,
        private=bool(resolved.engine.privacy.epsilon),
    )
    try:
        status = run_training(
            *(loaded, resolved, folder),
            device=device,
            callbacks=[display],
            progress=display.preparing,
            started=_output.started,
            on_read=display.read,
        )
    except KeyboardInterrupt:
        display.preparing.close()  # before anything is printed
        err.print("interrupted before training: the same command starts it again")
        raise typer.Exit(130) from None
    finally:
        display.preparing.close()
    run = Run(folder)
    last = run.metrics()[-1] if run.metrics() else {}
    if json:
        about = display.data.as_dict() if display.data else None
        print_json({"run": str(folder), "status": status, "data": about, **last})
    else:
        _report(folder, status, last, had, resolved.engine)
    if status == "interrupted":
        raise typer.Exit(130)


def _report(
    folder: Path, status: str, last: dict[str, Any], had: int, engine: EngineSettings
) -> None:
    """The end of a run, and what to do next."""
    samples, seconds = int(last.get("samples", 0)), float(last.get("seconds", 0))
    if not samples:
        warn("the time was used up before training: raise --time")
    place = shlex.quote(str(folder))
    if samples and samples == had:
        reached = f"Budget already reached ({samples:,} samples, {duration(seconds)}); "
        longer = f"to train longer: gankit train --out {place} {_longer(engine, samples)}"
        if engine.privacy.epsilon:
            longer = "a private run is not trained longer than planned: start another one"
        out.print(visible(reached + longer))
    lines = [f"{status}: {folder} ({samples:,} samples, {duration(seconds)})"]
    if status == "done":
        lines += [
            f"previews: {folder / 'previews'}",
            f"generate: gankit generate {place} -n 64",
            f"evaluate: gankit evaluate {place}",
        ]
    else:
        lines.append(f"resume:   gankit train --out {place}")
    out.print("\n".join(map(visible, lines)))


def _longer(engine: EngineSettings, samples: int) -> str:
    """The option that doubles the limit which a run has reached."""
    from gankit.config.budgets import as_time

    train = engine.train
    if train.time and samples < train.samples:
        return f"--time {as_time(2 * train.time)}"
    return f"--epochs {2 * train.epochs:g}" if train.epochs else f"--samples {2 * samples}"


def _dry_run(loaded: Any, config: Any, folder: Path, device: str, json: bool) -> None:
    """Prints everything but the training: what, on what, and how long it would take."""
    import tomli_w

    from gankit.cli._reading import show_reading
    from gankit.workflows.estimate import estimate
    from gankit.workflows.reading import reading

    private = bool(config.engine.privacy.epsilon)
    found = estimate(
        *(loaded, config, folder),
        device=device,
        on_read=lambda data: None if json else show_reading(reading(data, private), out),
    )
    if json:
        print_json({"run": str(folder), **found.as_dict(), "config": config.as_table()})
        return
    rows(found.described, out)
    counts, plan = found.parameters, found.privacy
    lines = [
        f"conditioned on: {', '.join(found.conditions) or 'nothing'}",
        f"parameters:     generator {counts['generator']:,}, "
        f"discriminator {counts['discriminator']:,}",
    ]
    if plan:
        lines.append(
            f"privacy:        epsilon {plan['epsilon']:g}, delta {plan['delta']:.2g}; "
            f"clip {plan['clip']:g}, noise multiplier {plan['noise_multiplier']:.3g}, "
            f"Poisson rate {plan['batch'] / plan['records']:.3g}, {plan['steps']:,} steps"
        )
    lines.append(f"memory:         about {found.memory_bytes / 2**20:,.0f} MiB on {found.device}")
    step = f"{found.seconds_per_step * 1000:.0f} ms per step"
    if found.steps != float("inf"):
        step += f", {found.steps:,.0f} steps"
    lines.append(f"time:           about {duration(found.seconds)} ({step})")
    out.print("\n".join(lines))
    out.print(f"\n{tomli_w.dumps(config.as_table())}".rstrip())
