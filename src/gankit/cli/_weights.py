"""``--weights``: the option of commands that use a run's generator, and what they say of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gankit.cli import _completion as completion
from gankit.screen.console import err, warn

if TYPE_CHECKING:
    from gankit.runs.directory import Run

Weights = Annotated[
    str,
    typer.Option(
        "--weights",
        metavar="NAME",
        autocompletion=completion.weights,
        help="The generator's weights: best (by held-out distance) or latest. \\[default: best]",
        show_default=False,
    ),
]


def state_weights(run: Run) -> None:
    """Says which weights were used, where there is a choice, or why there is none."""
    from gankit.runs.directory import UNTRAINED
    from gankit.runs.weights import LATEST

    used = run.generator_weights
    if not used.samples:
        warn(UNTRAINED)
    elif used.differ:
        err.print(used.in_words())
    elif run.weights == LATEST:
        err.print(f"the latest weights are also the best: of {used.samples:,} samples")
