"""The conformance kit, with a few kinds of molecules."""

from __future__ import annotations

import random
import tempfile
from itertools import product
from typing import ClassVar

from gankit.testing import ModalityTests

RINGS = ("c1ccccc1", "c1ccncc1", "C1CCCCC1", "c1ccsc1")
LINKS = ("C", "CC", "OC", "C(=O)N", "NC(=O)")
ENDS = ("C", "CC", "O", "N", "F", "Cl", "C#N", "OC")
MOLECULES = [end + link + ring for ring, link, end in product(RINGS, LINKS, ENDS)]
random.Random(0).shuffle(MOLECULES)
CACHE = tempfile.TemporaryDirectory()
"""Each codec is trained once, and read in the runs that follow."""
SMALL = {
    "width": 64,
    "latent": 8,
    "smooth": 0.3,
    "vocabulary": 40,
    "epochs": 400.0,
    "cache": CACHE.name,
    "workers": 1,
    "conditions": ["logp", "mw"],
}


class TestLatent(ModalityTests):
    plugin = "molecule"
    settings: ClassVar = SMALL
    data = MOLECULES


class TestUnconditional(ModalityTests):
    plugin = "molecule"
    settings: ClassVar = {**SMALL, "conditions": [], "smooth": 0.2}
    data = MOLECULES
