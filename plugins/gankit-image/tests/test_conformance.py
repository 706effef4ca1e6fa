"""The plugin keeps gankit's contract, with each pair of networks, on 8×8 digits."""

from __future__ import annotations

from typing import ClassVar

from gankit.testing import ModalityTests

SMALL = {"width": [16], "blocks": 1, "latent": 16, "extractors": ["random-conv"]}


class TestR3GAN(ModalityTests):
    plugin = "image"
    settings: ClassVar = SMALL


class TestDCGAN(ModalityTests):
    plugin = "image"
    settings: ClassVar = {**SMALL, "architecture": "dcgan", "conditional": False}


class TestTextbook(ModalityTests):
    plugin = "image"
    settings: ClassVar = {**SMALL, "architecture": "textbook"}
