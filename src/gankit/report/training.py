"""What a report shows of training: curves with marks, the guard's states and events, previews."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gankit.report.charts import COLOURS, Mark, evenly, line_chart, short
from gankit.report.samples import Embedded
from gankit.runs.guard import HEAL, STATE, Recorded, events_of

SIGNALS = {
    "heldout_distance": "Distance to held-out data (lower is better)",
    "diversity": "Diversity: effective number of modes (1, as of real data, is best)",
    "class_diversity": "Diversity within a class (1, as of real data, is best)",
    "coverage": "Coverage of real data (higher is better)",
    "recall": "Recall (higher is better)",
    "condition_agreement": "Agreement with the condition (higher is better)",
    "copying": "Copying of training items (0.5 is best, 1 is memorisation)",
    "d_overfitting": "Overfitting of the discriminator, r_v (0 is best, 1 is overfitting)",
    "d_scale": "Scale of the logits (should not grow without bound)",
    "g_gradient": "Gradient that reaches the generator (should not vanish)",
    "d_accuracy": "Accuracy of the discriminator on pairs (near 1 it overpowers)",
    "d_steepness": "Steepness of the discriminator (should not grow without bound)",
}
"""Titles of what the guard measures."""
BESIDE = {"d_accuracy": ["d_accuracy_heldout"]}
"""What is shown in their charts, in place of a baseline."""
REAL = "_real"
"""Ends the name of the same value for real data."""
GROUPS: dict[str, tuple[str, ...]] = {
    **{title: (name, *BESIDE.get(name, [name + REAL])) for name, title in SIGNALS.items()},
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
NOT_SHOWN = (
    *("capped", "samples", "steps", "seconds", "samples_per_second", "device_memory"),
    *("heldout_distance_noise", "finite"),
)
MOST_MARKS = 16
"""On a chart: of more, changes of state are left out."""
MOST_SPANS = 8
"""States that are listed one after another: of more, how long each lasted in all."""
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
    dashed: Collection[str] = ()
    """Lines that are baselines of real data."""


@dataclass(frozen=True)
class Marked:
    """An event with its mark on the curves."""

    label: str
    kind: str
    """The class of its style: ``heal``, ``good``, ``bad`` or ``other``."""
    event: Recorded


@dataclass(frozen=True)
class Span:
    """How long the guard had one opinion of training."""

    state: str
    first: str
    last: str
    percent: float


@dataclass(frozen=True)
class Guarded:
    """What the guard saw and did."""

    spans: Sequence[Span]
    events: Sequence[Marked]

    @property
    def on_curves(self) -> list[Marked]:
        """The events with a mark on each curve."""
        few = len(self.events) <= MOST_MARKS
        return [one for one in self.events if few or one.event.kind != STATE][:MOST_MARKS]

    @property
    def in_words(self) -> str:
        """When it saw which state; of many changes, for how much of the run."""
        if len(self.spans) <= MOST_SPANS:
            return "; ".join(f"{s.state} from {s.first} to {s.last} samples" for s in self.spans)
        shares: dict[str, float] = {}
        for span in self.spans:
            shares[span.state] = shares.get(span.state, 0.0) + span.percent
        parts = ", ".join(f"{state} for {share:.0f} %" for state, share in shares.items())
        return f"{parts} of {self.spans[-1].last} samples; {len(self.spans) - 1} changes"


@dataclass(frozen=True)
class Previews:
    """Pictures of the same latents as training went on."""

    shown: Sequence[Embedded]
    """The caption of each is the samples seen."""
    of: int
    """How many there are in the run; fewer are shown where they are many or large."""


def curves(ticks: Sequence[Mapping[str, Any]]) -> list[Curves]:
    """Charts of everything that was logged as a number, but for what is always 0; with marks where
    the guard saw or did something."""
    marks = [
        Mark(one.event.samples, one.label, f"{one.label}: {one.event.in_words}", one.kind)
        for one in guarded(ticks).on_curves
    ]
    return overlaid({"": ticks}, marks)


def overlaid(
    runs: Mapping[str, Sequence[Mapping[str, Any]]], marks: Sequence[Mark] = ()
) -> list[Curves]:
    """The same of several runs: a line a run, in charts of one value each. A value's baseline of
    real data is a dashed line in its chart."""
    logged = dict.fromkeys(
        name
        for ticks in runs.values()
        for tick in ticks
        for name, value in tick.items()
        if name not in NOT_SHOWN and isinstance(value, int | float)
    )
    groups = {title: [n for n in names if n in logged] for title, names in GROUPS.items()}
    known = {name for names in GROUPS.values() for name in names}
    for name in logged:
        if name not in known and not _is_baseline(name, logged):
            groups[name] = [n for n in (name, name + REAL) if n in logged]
    if len(runs) > 1:
        groups = {
            title if _of_one_value(names) else name: [n for n in (name, name + REAL) if n in names]
            for title, names in groups.items()
            for name in names
            if not _is_baseline(name, names)
        }
    end = max((int(tick["samples"]) for ticks in runs.values() for tick in ticks), default=0)
    found = []
    for title, names in groups.items():
        lines, colours, dashed = _lines(runs, names)
        if svg := line_chart(
            *(title, lines), colours=list(colours.values()), dashed=dashed, marks=marks, end=end
        ):
            found.append(Curves(title, svg, colours, dashed))
    return found


def _lines(
    runs: Mapping[str, Sequence[Mapping[str, Any]]], names: Sequence[str]
) -> tuple[dict[str, list[tuple[float, float]]], dict[str, str], set[str]]:
    """The lines of a chart, but for those that are always 0; their colours, which are the same in
    each chart; and which of them are baselines."""
    values = [name for name in names if not _is_baseline(name, names)]
    colour = dict(zip(runs if len(runs) > 1 else values, itertools.cycle(COLOURS), strict=False))
    lines: dict[str, list[tuple[float, float]]] = {}
    colours, dashed = dict[str, str](), set[str]()
    for run, ticks in runs.items():
        for name in names:
            baseline = name not in values
            line = name if not run else f"{run} (real data)" if baseline else run
            points = _points(ticks, name)
            if any(y for _, y in points):
                value = name.removesuffix(REAL) if baseline else name
                lines[line], colours[line] = points, colour[run if len(runs) > 1 else value]
                dashed |= {line} if baseline else set()
    return lines, colours, dashed


def _is_baseline(name: str, among: Collection[str]) -> bool:
    """Whether this is the value of real data of another one."""
    return name.endswith(REAL) and name.removesuffix(REAL) in among


def _of_one_value(names: Sequence[str]) -> bool:
    return len([name for name in names if not _is_baseline(name, names)]) < 2


def guarded(ticks: Sequence[Mapping[str, Any]]) -> Guarded:
    """The guard's states and events; these are numbered."""
    events = enumerate(events_of(ticks), 1)
    return Guarded(guard_states(ticks), [Marked(str(i), _kind(e), e) for i, e in events])


def _kind(event: Recorded) -> str:
    known = {STATE: "good" if event.is_good else "bad", HEAL: "heal"}
    return known.get(event.kind, "other")


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
