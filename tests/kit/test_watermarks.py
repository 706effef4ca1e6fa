"""A keyed pattern that is found again, wherever an item was cut."""

from __future__ import annotations

import numpy as np
import pytest

from gankit.kit.watermarks import decibels_for, pattern, repeated, score

SHAPE, BAND = (32, 32), (0.05, 0.4)


def test_a_pattern_depends_on_the_key_alone():
    one = pattern(b"a", SHAPE, *BAND)
    assert np.array_equal(one, pattern(b"a", SHAPE, *BAND))
    assert one.std() == pytest.approx(1)
    assert abs(one.mean()) < 1e-9
    assert abs(np.corrcoef(one.ravel(), pattern(b"b", SHAPE, *BAND).ravel())[0, 1]) < 0.2
    # A mark that was made once must be found forever.
    assert np.allclose(
        pattern(b"a", (4,), 0.2, 0.5), [1.267439, 0.510129, -0.362718, -1.41485], 1e-5
    )


@pytest.mark.parametrize("shape", [(100, 70), (32, 32), (33, 95)])
@pytest.mark.parametrize("cut", [0, 13])
def test_it_is_found_in_noise_and_where_it_was_cut(shape, cut):
    rng, period = np.random.default_rng(0), pattern(b"a", SHAPE, *BAND)
    noise = rng.normal(size=(shape[0] + cut, shape[1] + cut))
    marked = (noise + 0.6 * repeated(period, noise.shape))[cut:, cut:]
    assert score(marked, [period]) > 8
    assert score(noise[cut:, cut:], [period]) < 6
    assert score(marked, [pattern(b"b", SHAPE, *BAND)]) < 6
    assert score(marked[:, ::-1], [period]) < 6
    assert score(marked[:, ::-1], [period, period[:, ::-1]]) > 8


def test_nothing_has_no_mark():
    assert score(np.zeros((40, 40)), [pattern(b"a", SHAPE, *BAND)]) == 0


def test_a_mark_is_as_quiet_as_it_may_be():
    assert decibels_for(20, 20, 44, 38, 46) == 44
    assert decibels_for(40, 20, 44, 38, 46) == 46
    assert decibels_for(14.2, 20, 44, 38, 46) == pytest.approx(41, abs=0.1)
    assert decibels_for(0, 20, 44, 38, 46) == 38
