"""Coverage of discrete modes: toy mixtures, Stacked MNIST."""

from __future__ import annotations

from typing import Any

import numpy as np

from gankit.errors import GankitError


def mode_scores(
    assignments: np.ndarray[Any, Any],
    n_modes: int,
    reference: np.ndarray[Any, Any] | None = None,
) -> dict[str, float]:
    """How many modes the samples fall on, and how evenly.

    - ``modes``: the number of modes with at least one sample.
    - ``reverse_kl``: KL(generated ‖ reference) of the mode histograms, in nats; infinite where a
      sample falls on a mode that the reference lacks (Stacked MNIST's protocol: Metz et al. 2017,
      Lin et al. 2018).

    Args:
        assignments: integers ``(N,)``, the mode of each sample; -1 is none and is left out.
        n_modes: how many modes there are.
        reference: weights ``(n_modes,)`` of the true modes, uniform by default; need not sum to 1.

    Raises:
        GankitError: no sample falls on a mode.
        ValueError: an assignment or the reference does not fit ``n_modes``.
    """
    chosen = np.asarray(assignments)
    if chosen.size and not -1 <= chosen.min() <= chosen.max() < n_modes:
        raise ValueError(f"assignments must be in -1 ... {n_modes - 1}")
    counts = np.bincount(chosen[chosen >= 0].astype(np.int64), minlength=n_modes)
    if counts.sum() == 0:
        raise GankitError("no generated sample falls on a mode", "Generate more, or train longer")
    q = np.ones(n_modes) if reference is None else np.asarray(reference, dtype=np.float64)
    if q.shape != (n_modes,) or (q < 0).any() or q.sum() <= 0:
        raise ValueError(f"reference must be {n_modes} weights, none negative")

    p, q = counts / counts.sum(), q / q.sum()
    hit = p > 0
    with np.errstate(divide="ignore"):
        divergence = float((p[hit] * np.log(p[hit] / q[hit])).sum())
    return {"modes": float(hit.sum()), "reverse_kl": max(0.0, divergence)}
