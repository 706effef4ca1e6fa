"""``gankit train``"""

from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from gankit.cli._output import duration, err, found, out, parse_budget, print_json
from gankit.errors import GankitError


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
        typer.Option(
            "--plugin", "-p", metavar="NAME[/RECIPE]", help="What kind of data, e.g. image."
        ),
    ] = "",
    data: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Your data. Without it, the plugin's built-in data."),
    ] = None,
    recipe: Annotated[str | None, typer.Option(help="A named set of settings.")] = None,
    out_: Annotated[
        Path | None,
        typer.Option("--out", metavar="RUN", help="The run directory. One that exists is resumed."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.toml", help="Settings from a file, e.g. another run's run.toml."
        ),
    ] = None,
    budget: Annotated[
        str | None, typer.Option(help="When to stop: 90s, 10m, 2h, or 200k samples.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of everything random.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show configuration, sizes, memory and time, and stop."),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Train a GAN.

    Running the same command with the same --out resumes an interrupted run, bit for bit on a CPU.
    """
    from gankit import config as configuration
    from gankit.cli._display import Display
    from gankit.plugins.registry import installed
    from gankit.runs.directory import CONFIG, Run, next_run
    from gankit.workflows import train as training

    existing = Run(out_) if out_ is not None and (out_ / CONFIG).is_file() else None
    files = [configuration.read_toml(config)] if config else []
    named = files[0].get("run", {}) if files else {}
    limits = parse_budget(budget) if budget else {}
    words = list(settings or [])
    if seed is not None:
        words.append(f"train.seed={seed}")
    words += [f"train.{key}={value}" for key, value in limits.items()]

    if existing is not None and not (plugin or recipe or config):
        # Only the directory is named: take up the run as it was, with what may change.
        table = existing.table
        plugin, recipe = table["run"]["plugin"], table["run"]["recipe"]
        files, data = [table], data or table["run"].get("data")
    elif named:
        plugin, recipe = plugin or named.get("plugin", ""), recipe or named.get("recipe")
        data = data or named.get("data")
    if not plugin:
        known = ", ".join(sorted(installed().infos())) or "none is installed"
        raise GankitError("which kind of data?", f"Name a plugin: --plugin NAME ({known})")
    name, _, inline = plugin.partition("/")
    loaded = installed().modality(name)
    resolved = configuration.resolve(
        loaded.info,
        loaded.modality.Settings,
        recipe=(recipe or inline or "").removeprefix(f"{name}/") or None,
        files=files,
        overrides=words,
        data=data,
    )
    folder = out_ or next_run(Path("runs"), f"{name}-{resolved.recipe}")

    engine = resolved.engine
    if dry_run:
        _dry_run(loaded, resolved, folder, device, json)
        return
    from gankit.engine.guard import ADVICE

    had = existing.metrics()[-1]["samples"] if existing and existing.metrics() else 0
    display = Display(engine.train.samples, engine.train.time, ADVICE)
    try:
        status = training.train(
            loaded, resolved, folder, device=device, callbacks=[display], progress=display.preparing
        )
    except KeyboardInterrupt:
        err.print("interrupted before training began: the same command begins again")
        raise typer.Exit(130) from None
    run = Run(folder)
    last = run.metrics()[-1] if run.metrics() else {}
    left_out = run.record["data"]["left_out"]
    if left_out:
        first = run.record["data"]["issues"][0]
        err.print(
            f"left out {left_out:,}, e.g. {first['location']}: "
            f"{first['reason']} (all in {folder / 'provenance.json'})",
            markup=False,
        )
    if json:
        print_json({"run": str(folder), "status": status, **last})
    else:
        seconds = float(last.get("seconds", 0))
        samples = int(last.get("samples", 0))
        if samples == had:
            out.print(
                "nothing left to train: it has had its samples or its time; for more, add "
                f"--budget {2 * samples}"
            )
        out.print(f"{status}: {folder} ({samples:,} samples, {duration(seconds)})")
        if status == "done":
            place = shlex.quote(str(folder))
            out.print(
                f"look:     {folder / 'previews'}\n"
                f"generate: gankit generate {place} -n 64\n"
                f"evaluate: gankit evaluate {place}"
            )
        else:
            out.print(f"resume:   gankit train --out {shlex.quote(str(folder))}")
    if status == "interrupted":
        raise typer.Exit(130)


def _dry_run(loaded: Any, config: Any, folder: Path, device: str, json: bool) -> None:
    """Everything but training: what would be trained, on what, and how long it would take."""
    import tomli_w

    from gankit.engine.profiling import PROFILE_SAMPLES, memory_bytes, step_seconds
    from gankit.workflows.data import quiet
    from gankit.workflows.prepare import preparing

    with preparing(loaded, config, folder, None, device, quiet) as (
        trainer,
        data,
    ):
        some = PROFILE_SAMPLES if trainer.device.type == "cpu" else None
        step = step_seconds(trainer, some)
        count = {
            name: sum(p.numel() for p in module.parameters())
            for name, module in (
                ("generator", trainer.networks.generator),
                ("discriminator", trainer.networks.discriminator),
            )
        }
        train = config.engine.train
        steps = -(-train.samples // (train.batch * train.d_steps))
        seconds = steps * step
        if train.time:
            seconds = min(seconds, train.time)
        memory = memory_bytes(trainer)
    condition = trainer.codec.layout.condition
    facts = {
        "run": str(folder),
        "data": data.source.description,
        "train_items": len(data.train),
        "heldout_items": len(data.heldout),
        "left_out": len(data.source.issues),
        "shape": list(trainer.codec.layout.shape),
        "found": [dict(line) for line in trainer.codec.describe()],
        "conditions": [f.name for f in condition.fields] if condition else [],
        "parameters": count,
        "device": str(trainer.device),
        "estimated_memory_bytes": memory,
        "privacy": dataclasses.asdict(trainer.privacy.plan) if trainer.privacy else None,
        "seconds_a_step": step,
        "estimated_seconds": seconds,
    }
    if json:
        print_json({**facts, "config": config.as_table()})
        return
    out.print(tomli_w.dumps(config.as_table()), markup=False)
    out.print(f"data:           {data.source.description}", markup=False)
    out.print(f"items:          {len(data.train):,} to train on, {len(data.heldout):,} held out")
    if data.source.issues:
        first = data.source.issues[0]
        out.print(
            f"left out:       {len(data.source.issues)}, e.g. {first.location}: {first.reason}",
            markup=False,
        )
    found(facts["found"], out)
    out.print(f"conditioned on: {', '.join(facts['conditions']) or 'nothing'}", markup=False)
    out.print(
        f"parameters:     generator {count['generator']:,}, "
        f"discriminator {count['discriminator']:,}"
    )
    if trainer.privacy:
        plan = trainer.privacy.plan
        out.print(
            f"privacy:        epsilon {plan.epsilon:g}, delta {plan.delta:.2g}; "
            f"clip {plan.clip:g}, noise multiplier {plan.noise_multiplier:.3g}, "
            f"Poisson rate {plan.rate:.3g}, {plan.steps:,} steps"
        )
    out.print(f"memory:         about {memory / 2**20:,.0f} MiB on {trainer.device}")
    out.print(
        f"time:           about {duration(seconds)} ({step * 1000:.0f} ms a step, {steps:,} steps)"
    )
