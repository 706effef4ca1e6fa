"""Points, and the built-in clouds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]
Shape = Literal["ring8", "grid25", "spiral"]
TURNS = 2.5
RADIUS = 4.0


class Point(NamedTuple):
    """A point of the plane; the label, if any, names its mode."""

    x: float
    y: float
    label: str | None = None


def draw(shape: Shape, count: int, sigma: float) -> list[Point]:
    """Draws a cloud; the same points every time.

    - ``grid25``: 25 Gaussians, 2 apart (Srivastava et al. 2017, section 4.1).
    - ``ring8``: 8 Gaussians on a circle of radius 2 (Metz et al. 2017, section 3.1).
    - ``spiral``: 2.5 turns up to radius 4, about evenly along the line; without modes.

    Args:
        shape: which cloud.
        count: number of points, equally many per mode.
        sigma: standard deviation around a mode's centre, or around the spiral's line.
    """
    rng = np.random.default_rng(0)
    middles = centres(shape)
    labels = rng.permutation(np.arange(count) % max(len(middles), 1))
    exact = middles[labels] if len(middles) else _spiral(rng.random(count))
    noisy = exact + sigma * rng.standard_normal((count, 2))
    names = [str(label) for label in labels] if len(middles) else [None] * count
    return [Point(x, y, name) for (x, y), name in zip(noisy.tolist(), names, strict=True)]


def centres(shape: Shape) -> Array:
    """The modes' centres ``(M, 2)``; none for the spiral."""
    if shape == "grid25":
        steps = np.arange(-4.0, 5.0, 2.0)
        return np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    if shape == "ring8":
        return 2 * _on_circle(np.arange(8) / 8)
    return np.empty((0, 2))


def coordinates(points: Sequence[Point]) -> Array:
    """Float64 ``(N, 2)``."""
    return np.array([(p.x, p.y) for p in points], dtype=np.float64).reshape(-1, 2)


def modes(points: Sequence[Point]) -> dict[str, tuple[float, float]]:
    """The mean of each label's points; empty if labels are unlikely to be modes: fewer than two,
    more than 1000, or fewer than five points per label."""
    groups: dict[str, list[Point]] = {}
    for point in points:
        if point.label is not None:
            groups.setdefault(point.label, []).append(point)
    if not 2 <= len(groups) <= min(1000, len(points) / 5):
        return {}
    means = {label: coordinates(groups[label]).mean(axis=0) for label in sorted(groups)}
    return {label: (float(x), float(y)) for label, (x, y) in means.items()}


def _spiral(u: Array) -> Array:
    """Points with r = RADIUS t; since t = √u, uniform ``u`` (N,) are even along the line."""
    t = np.sqrt(u)
    return RADIUS * t[:, None] * _on_circle(TURNS * t)


def _on_circle(turns: Array) -> Array:
    angle = 2 * np.pi * turns
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1)
