"""A run as it is followed from the choice of its recipe to its end."""

from __future__ import annotations

from pathlib import Path

from gankit.runs.directory import CONFIG, Run
from gankit.runs.guard import in_words as guard_in_words
from gankit.runs.verdict import in_words
from gankit.screen.console import duration, err, fact, warn
from gankit.screen.training import Display
from gankit.workflows.choosing_recipes import made_for
from gankit.workflows.estimate import Duration
from gankit.workflows.request import Request

UNSCORED = "quality:  not scored: too few held-out items, or too little time; evaluate tells more"
"""Where a run has no verdict."""
LONG = 2 * 3600
"""Seconds from which on the length of a run is said before it begins."""


class RunDisplay(Display):
    """Says what was chosen and why, a line each, and follows the run in ``folder``.

    Args:
        device: as it was named.
        began: when the command or call began, on ``time.monotonic()``'s clock.
        option: how an option and its value are written there.
        processes: that train together.
    """

    def __init__(
        self,
        what: Request,
        folder: Path,
        device: str,
        *,
        began: float,
        option: str = "--{} {}",
        processes: int = 1,
    ) -> None:
        engine = what.config.engine
        super().__init__(
            engine.train,
            resumed=(folder / CONFIG).is_file(),
            private=bool(engine.privacy.epsilon),
            began=began,
        )
        self.what, self.device, self.option = what, device, option
        for choice in () if self.resumed else what.choices:
            fact(*choice, err)
        if processes > 1:
            fact("processes", f"{processes:,}, which share each batch", err)

    def estimated(self, found: Duration) -> None:
        """Says before training that it takes long, and what would not."""
        from gankit.engine.devices import choose_device

        if found.seconds <= LONG:
            return
        info, recipe = self.what.loaded.info, self.what.config.recipe
        other = made_for(info, choose_device(self.device).type, recipe)
        shorter = f"{self.option.format('time', '30m')} ends it after half an hour"
        if other:
            shorter += f"; {self.option.format('recipe', other)} is made for this device"
        warn(
            f"training takes about {duration(found.seconds)} on this device "
            f"({found.seconds_per_step:.2g} s a step, measured). It goes on; Ctrl-C saves and "
            f"stops, and {shorter}"
        )


def guarded(run: Run) -> list[str]:
    """The guard's state at the end, and which weights are used from now on."""
    state = guard_in_words(run.metrics())
    lines = [f"guard:    {state}"] if state else []
    if run.has_model and (used := run.generator_weights).differ:
        lines.append(f"weights:  {used.in_words().removeprefix('weights ')}")
    elif run.has_model and (seen := run.samples_trained):
        lines.append(f"weights:  the latest, of {seen:,} samples")
    return lines


def quality(run: Run) -> list[str]:
    """What the verdict on a run says, or why there is none; empty where none is due."""
    if run.verdict:
        return in_words(run.verdict)
    engine = run.config.engine
    due = run.samples_trained and engine.log.verdict and not engine.privacy.epsilon
    return [UNSCORED] if due else []
