"""Coverage of modes, and the divergence of their histogram."""

from __future__ import annotations

import numpy as np
import pytest

from gankit.errors import GankitError
from gankit.metrics import mode_scores


def test_even_coverage() -> None:
    assert mode_scores(np.arange(1000) % 10, 10) == {"modes": 10.0, "reverse_kl": 0.0}


def test_half_the_modes() -> None:
    scores = mode_scores(np.arange(1000) % 5, 10)
    assert scores == pytest.approx({"modes": 5.0, "reverse_kl": np.log(2)})


def test_reference_weights() -> None:
    scores = mode_scores(np.array([0, 0, 0, 1]), 2, reference=np.array([30.0, 10.0]))
    assert scores["reverse_kl"] == pytest.approx(0.0, abs=1e-12)
    scores = mode_scores(np.array([0, 1]), 2, reference=np.array([3.0, 1.0]))
    assert scores["reverse_kl"] == pytest.approx(0.5 * np.log(2 / 3) + 0.5 * np.log(2))


def test_a_mode_the_reference_lacks_is_infinitely_wrong() -> None:
    assert mode_scores(np.array([0, 1]), 2, reference=np.array([1.0, 0.0]))["reverse_kl"] == np.inf


def test_samples_on_no_mode_are_left_out() -> None:
    assert mode_scores(np.array([-1, 0, 1, -1]), 2) == {"modes": 2.0, "reverse_kl": 0.0}
    with pytest.raises(GankitError, match="no generated sample"):
        mode_scores(np.array([-1, -1]), 2)


def test_assignments_must_fit() -> None:
    with pytest.raises(ValueError, match=r"-1 \.\.\. 3"):
        mode_scores(np.array([0, 4]), 4)
