"""What a report shows of training: curves, the guard's states, previews at fixed seeds."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gankit.report.charts import COLOURS, evenly, line_chart, short
from gankit.report.samples import Embedded

GROUPS: dict[str, tuple[str, ...]] = {
    "Losses": ("d_loss", "g_loss"),
    "Negative log-likelihood": ("nll",),
    "Logits of the discriminator": ("d_real", "d_fake"),
    "Gradient penalties": ("r1", "r2", "r1_lazy", "gradient_penalty"),
    "Weight γ of R1 and R2": ("gamma",),
    "Standard deviation of samples": ("real_std", "fake_std"),
    "Sign of D(real) − D(fake)": ("d_sign",),
    "Learning rate": ("lr",),
    "Probability of augmentation": ("augment_p",),
}
"""Values that one chart shows together; each of the others has its own."""
NOT_SHOWN = ("capped", "samples", "steps", "seconds", "samples_per_second", "device_memory")
MOST_BYTES = 6_000_000
"""Of all previews in a page."""
MOST_PREVIEWS = 24
MEDIA_TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".webp": "image/webp",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True)
class Curves:
    """One chart with the names of its lines."""

    title: str
    svg: str
    lines: Mapping[str, str]
    """The colour of each."""


@dataclass(frozen=True)
class Span:
    """How long the guard had one opinion of training."""

    state: str
    first: str
    last: str
    percent: float


@dataclass(frozen=True)
class Previews:
    """Pictures of the same latents as training went on."""

    shown: Sequence[Embedded]
    """The caption of each is the samples seen."""
    of: int
    """How many there are in the run; fewer are shown where they are many or large."""


def curves(ticks: Sequence[Mapping[str, Any]]) -> list[Curves]:
    """Charts of everything that was logged as a number, but for what is always 0."""
    return overlaid({"": ticks})


def overlaid(runs: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[Curves]:
    """The same of several runs: a line a run, in charts of one value each."""
    logged = dict.fromkeys(
        name
        for ticks in runs.values()
        for tick in ticks
        for name, value in tick.items()
        if name not in NOT_SHOWN and isinstance(value, int | float)
    )
    groups = {title: [n for n in names if n in logged] for title, names in GROUPS.items()}
    groups |= {n: [n] for n in logged if not any(n in names for names in GROUPS.values())}
    if len(runs) > 1:
        groups = {
            name if len(names) > 1 else title: [name]
            for title, names in groups.items()
            for name in names
        }
    found = []
    for title, names in groups.items():
        lines = {run or n: _points(ticks, n) for run, ticks in runs.items() for n in names}
        colours = dict(zip(lines, itertools.cycle(COLOURS), strict=False))  # the same in each chart
        lines = {name: points for name, points in lines.items() if any(y for _, y in points)}
        colours = {name: colours[name] for name in lines}
        if svg := line_chart(title, lines, colours=list(colours.values())):
            found.append(Curves(title, svg, colours))
    return found


def _points(ticks: Sequence[Mapping[str, Any]], name: str) -> list[tuple[float, float]]:
    return [
        (int(t["samples"]), float(t[name])) for t in ticks if isinstance(t.get(name), int | float)
    ]


def guard_states(ticks: Sequence[Mapping[str, Any]]) -> list[Span]:
    """The guard's states in order, each with the samples between which it lasted."""
    spans: list[tuple[str, int, int]] = []
    for tick in ticks:
        state, samples = tick.get("guard"), int(tick["samples"])
        if not isinstance(state, str):
            continue
        begin = spans[-1][2] if spans else 0
        if spans and spans[-1][0] == state:
            spans[-1] = (state, spans[-1][1], samples)
        else:
            spans.append((state, begin, samples))
    total = spans[-1][2] if spans else 0
    return [
        Span(state, short(first), short(last), 100 * (last - first) / max(total, 1))
        for state, first, last in spans
    ]


def previews(folder: Path) -> Previews | None:
    """The pictures of a run's ``previews/``; None where there are fewer than two.

    Of many or large ones, as many as the page has room for, evenly spread, with the first and the
    last.
    """
    found = _pictures(folder)
    if len(found) < 2:
        return None
    chosen = evenly(found, MOST_PREVIEWS)
    while len(chosen) > 2 and sum(path.stat().st_size for path in chosen) > MOST_BYTES:
        chosen = evenly(found, len(chosen) - 1)
    return Previews([_embedded(path) for path in chosen], len(found))


def last_preview(folder: Path) -> Embedded | None:
    """The newest picture of a run's ``previews/``."""
    found = _pictures(folder)
    return _embedded(found[-1]) if found else None


def _pictures(folder: Path) -> list[Path]:
    """In order; some plugins write a page beside each."""
    return sorted(p for p in folder.glob("*") if p.stem.isdigit() and p.suffix in MEDIA_TYPES)


def _embedded(path: Path) -> Embedded:
    content = base64.b64encode(path.read_bytes()).decode()
    address = f"data:{MEDIA_TYPES[path.suffix]};base64,{content}"
    return Embedded(address, "image", f"{int(path.stem):,} samples")
