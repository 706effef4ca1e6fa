"""``gankit train --dry-run``: what would be trained, on what, and how long it would take."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gankit.cli._output import print_json
from gankit.config.budgets import UNLIMITED
from gankit.runs.phases import in_words
from gankit.runs.started import in_words as started_in_words
from gankit.screen.console import duration, fact, out, rows, warn
from gankit.screen.reading import show_details

if TYPE_CHECKING:
    from gankit.engine.settings import TrainSettings
    from gankit.workflows.estimate import Estimate
    from gankit.workflows.request import Request


def dry_run(what: Request, folder: Path, device: str, *, json: bool, verbose: bool) -> None:
    """Prints everything but the training: a summary, and then what was read.

    Raises:
        GankitError: for whatever the user can fix.
    """
    import tomli_w

    from gankit.workflows.estimate import estimate

    config = what.config
    found = estimate(*(what.loaded, config, folder), device=device)
    if json:
        chosen = {"plugin": what.plugin, "recipe": what.recipe}
        about = {"run": str(folder), "chosen": chosen, **found.as_dict()}
        print_json({**about, "config": config.as_table()})
        return
    for name, text in _summary(what, found).items():
        fact(name, text)
    out.print()
    show_details(found.data, out)
    rows(found.described, out)
    if verbose:
        out.print(f"\n{tomli_w.dumps(config.as_table())}".rstrip())
    else:
        out.print("Settings: --dry-run --verbose; everything as JSON: --dry-run --json")
    for warning in found.data.warnings:
        warn(warning)


def _phases(train: TrainSettings) -> str:
    """``500,000 samples: 400,000 by likelihood, 100,000 adversarial``, as far as it is known."""
    if train.samples < UNLIMITED:
        return f"{train.samples:,} samples: {in_words(train.samples, train.warm_up_samples)}"
    if train.warm_up > 1:
        return f"{train.warm_up_samples:,} samples by likelihood, then adversarial"
    if train.warm_up == 1:
        return "all by likelihood"
    return f"{train.warm_up:.0%} of the time by likelihood, then adversarial"


def _summary(what: Request, found: Estimate) -> dict[str, str]:
    """The run at a glance, a line each."""
    step = found.seconds_per_step
    steps = min(found.steps, found.seconds / step if step else found.steps)
    counts, plan = found.parameters, found.privacy
    lines = {
        "data": f"{found.data.description}; {found.data.parts()}",
        "plugin": what.plugin,
        "recipe": what.recipe,
        "device": found.device,
        **({"phases": _phases(found.train)} if found.train.warm_up else {}),
        "time": f"about {duration(found.seconds)} ({steps:,.0f} steps of {step * 1000:.0f} ms)",
        "memory": f"about {found.memory_bytes / 2**20:,.0f} MiB",
        "networks": f"generator {counts['generator']:,}, discriminator "
        f"{counts['discriminator']:,} parameters",
        "conditioned on": ", ".join(found.conditions) or "nothing",
    }
    if found.started_from:
        lines |= started_in_words(found.started_from)
    if plan:
        lines["privacy"] = (
            f"epsilon {plan['epsilon']:g}, delta {plan['delta']:.2g}; clip {plan['clip']:g}, "
            f"noise multiplier {plan['noise_multiplier']:.3g}, "
            f"Poisson rate {plan['batch'] / plan['records']:.3g}, {plan['steps']:,} steps"
        )
    return lines
