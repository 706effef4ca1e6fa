"""The plugin keeps gankit's contract, on small moving squares in grey and in colour."""

from __future__ import annotations

from typing import ClassVar

from moving_clips import TINY, squares

from gankit.testing import ModalityTests


class TestGreyByLabel(ModalityTests):
    plugin = "video"
    settings: ClassVar = TINY
    data = squares(48)


class TestColourBySpeed(ModalityTests):
    """MP4 stores colour for two by two pixels together, and untrained networks generate noise."""

    plugin = "video"
    tolerance = 0.5
    settings: ClassVar = {**TINY, "conditional": False, "columns": ["speed"], "latent": 6}
    data = squares(48, channels=3)
