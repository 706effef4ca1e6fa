"""Scores of generators: features in, numbers out. Imports no torch."""

from __future__ import annotations

from gankit.metrics.bins import different_bins
from gankit.metrics.by_class import shares_by_class
from gankit.metrics.evaluate import Score, compare, evaluate
from gankit.metrics.frechet import GaussianStats, frechet_distance, frechet_extrapolated
from gankit.metrics.kernel import kernel_distance
from gankit.metrics.manifold import manifold_scores
from gankit.metrics.memorisation import memorisation_scores
from gankit.metrics.modes import mode_scores
from gankit.metrics.neighbours import nearest
from gankit.metrics.weights import fingerprint_weights, read_weights

__all__ = [
    "GaussianStats",
    "Score",
    "compare",
    "different_bins",
    "evaluate",
    "fingerprint_weights",
    "frechet_distance",
    "frechet_extrapolated",
    "kernel_distance",
    "manifold_scores",
    "memorisation_scores",
    "mode_scores",
    "nearest",
    "read_weights",
    "shares_by_class",
]
