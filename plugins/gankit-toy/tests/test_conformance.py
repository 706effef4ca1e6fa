"""The plugin keeps gankit's contract."""

from __future__ import annotations

from typing import ClassVar

from gankit.testing import ModalityTests

SMALL = {"count": 600, "hidden": 16, "layers": 2, "d_layers": 2}


class TestToy(ModalityTests):
    plugin = "toy"
    settings: ClassVar = SMALL


class TestToyWithLabels(TestToy):
    settings: ClassVar = {**SMALL, "conditional": True}
