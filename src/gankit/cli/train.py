"""``gankit train``"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gankit.cli import _output
from gankit.cli._output import UNLIMITED, duration, err, out, parse_budget, print_json, rows, warn
from gankit.cli._streams import visible
from gankit.errors import GankitError

if TYPE_CHECKING:
    from gankit.runs.directory import Run


def train(
    settings: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="KEY=VALUE",
            help="Any setting, e.g. optim.lr=1e-4. `gankit plugins show NAME` lists them.",
        ),
    ] = None,
    plugin: Annotated[
        str,
        typer.Option("--plugin", "-p", metavar="NAME[/RECIPE]", help="The plugin, e.g. image."),
    ] = "",
    data: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Your data. \\[default: the plugin's built-in data]"),
    ] = None,
    recipe: Annotated[str | None, typer.Option(help="A preset configuration.")] = None,
    out_: Annotated[
        Path | None,
        typer.Option("--out", metavar="RUN", help="The run directory; an existing run is resumed."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.toml", help="Settings from a file, e.g. another run's run.toml."
        ),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            help="When to stop: a time from the start of the command (90s, 10m, 2h), or a number "
            "of samples (200k, 3M)."
        ),
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
    from gankit.config.paths import from_text
    from gankit.engine.guard import ADVICE
    from gankit.plugins.registry import installed
    from gankit.runs.directory import CONFIG, Run, next_run
    from gankit.workflows.train import train as run_training

    existing = Run(out_) if out_ is not None and (out_ / CONFIG).is_file() else None
    files = [configuration.read_toml(config)] if config else []
    named = files[0].get("run", {}) if files else {}
    limits = parse_budget(budget) if budget else {}
    words = list(settings or [])
    _refuse_twice(words, seed, limits)
    if seed is not None:
        words.append(f"train.seed={seed}")
    words += [f"train.{key}={value}" for key, value in limits.items()]

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
        *(resolved.engine.train.samples, resolved.engine.train.time, ADVICE),
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
        err.print("interrupted before training: the same command starts it again")
        raise typer.Exit(130) from None
    run = Run(folder)
    last = run.metrics()[-1] if run.metrics() else {}
    if json:
        about = display.data.as_dict() if display.data else None
        result = {"run": str(folder), "status": status, "data": about, **last}
        print_json({**result, "verdict": run.verdict})
    else:
        _report(run, status, last, had)
    if status == "interrupted":
        raise typer.Exit(130)


def _refuse_twice(words: list[str], seed: int | None, limits: dict[str, float]) -> None:
    """Refuses settings that options set too."""
    from gankit.config import flatten, parse_overrides

    given = flatten(parse_overrides(words))
    options = {"--seed": ["train.seed"] * (seed is not None)}
    options["--budget"] = [f"train.{key}" for key in limits]
    for option, keys in options.items():
        for key in keys:
            if key in given:
                raise GankitError(f"{option} and {key} set the same", "Use one of them")


def _report(run: Run, status: str, last: dict[str, Any], had: int) -> None:
    """The end of a run, and what to do next."""
    from gankit.runs.verdict import in_words

    folder = run.path
    samples, seconds = int(last.get("samples", 0)), float(last.get("seconds", 0))
    if not samples:
        warn("the time was used up before training: raise --budget")
    elif samples == had:
        out.print(f"Budget already reached. To train longer, add --budget {2 * samples}")
    place = shlex.quote(str(folder))
    lines = [f"{status}: {folder} ({samples:,} samples, {duration(seconds)})"]
    if status == "done":
        lines += in_words(run.verdict) if run.verdict else []
        lines += [
            f"previews: {folder / 'previews'}",
            f"generate: gankit generate {place} -n 64",
            f"evaluate: gankit evaluate {place}",
        ]
    else:
        lines.append(f"resume:   gankit train --out {place}")
    out.print("\n".join(map(visible, lines)))


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
        unlimited=UNLIMITED,
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
