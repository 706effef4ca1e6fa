"""The plugin keeps gankit's contract."""

from __future__ import annotations

from typing import ClassVar

from gankit.testing import ModalityTests

SMALL = {"count": 600, "hidden": 16, "layers": 2, "d_layers": 2}


class TestToy(ModalityTests):
    plugin = "toy"
    settings: ClassVar = SMALL
    expected_failures: ClassVar = {
        "write-read": "read takes a file of points and not yet a folder that holds one",
    }


class TestToyWithLabels(TestToy):
    settings: ClassVar = {**SMALL, "conditional": True}
