"""The plugin keeps gankit's contract."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from gankit.testing import ModalityTests

SMALL = {"hidden": 16, "layers": 1, "latent": 4}
RNG = np.random.default_rng(0)


class TestTensor(ModalityTests):
    plugin = "tensor"
    settings: ClassVar = SMALL


class TestMatrices(TestTensor):
    """Whole numbers of two axes, without conditions."""

    source: ClassVar = RNG.integers(0, 50, (300, 3, 4))


class TestNumbersAsConditions(TestTensor):
    source: ClassVar = (RNG.normal(size=(300, 5)), RNG.normal(size=(300, 2)))
