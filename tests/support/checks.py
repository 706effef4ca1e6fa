"""Values of a guard's checks."""

from __future__ import annotations

REAL = {
    "heldout_distance_real": 0.002,
    "heldout_distance_noise": 0.002,
    "copying_real": 0.5,
    "coverage_real": 0.95,
    "condition_agreement_real": 0.8,
}
GOOD = REAL | {
    "heldout_distance": 0.02,
    "diversity": 0.9,
    "class_diversity": 0.9,
    "coverage": 0.8,
    "recall": 0.5,
    "copying": 0.45,
    "condition_agreement": 0.8,
    "d_accuracy": 0.7,
    "d_accuracy_heldout": 0.7,
    "d_overfitting": 0.05,
    "d_scale": 0.8,
    "d_steepness": 4.0,
    "g_gradient": 2.0,
}
UNTRAINED = GOOD | {"heldout_distance": 0.7, "diversity": 0.05, "class_diversity": 0.1}
