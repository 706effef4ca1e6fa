"""What a machine can do."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from vectors import VectorModality

from gankit.contract import PluginInfo
from gankit.errors import GankitError
from gankit.plugins.records import LoadedModality
from gankit.workflows import machine
from gankit.workflows.machine import Ability, abilities, in_words

INFO = PluginInfo("vectors", "", "")


@pytest.fixture
def installed(monkeypatch):
    def only(modality):
        loaded = LoadedModality(INFO, modality, "vectors", "1")
        found = SimpleNamespace(infos=lambda: {"vectors": INFO}, modality=lambda name: loaded)
        monkeypatch.setattr(machine, "installed", lambda: found)
        return abilities

    return only


def ability(plugin, seconds):
    return Ability(plugin, "default", "", plugin, seconds, 1.0, projected=False)


def test_a_sentence_says_what_takes_how_long():
    found = [ability("d", 90_000), ability("a", 60), ability("b", 100), ability("c", 2000)]
    assert in_words(found, "") == (
        "no GPU: a and b in minutes; c in about half an hour; d in about 25 hours"
    )
    assert in_words([ability("a", 7000)], "H200") == "H200: a in an hour or two"
    assert in_words([ability("a", None)], "") == "no GPU: nothing was measured"


def test_recipes_are_measured(installed):
    said = []
    (found,) = installed(VectorModality())(said.append)
    assert said == ["vectors"]
    assert found.recipe == "default"
    assert found.seconds > 1000 * found.seconds_per_step > 0
    assert not found.projected
    assert found.as_dict()["plugin"] == "vectors"


def test_a_slow_codec_is_projected_from_its_progress(installed, monkeypatch):
    monkeypatch.setattr(machine, "PATIENCE", 0.0)

    class Slow(VectorModality):
        def fit_codec(self, items, settings, fitting):
            for step in range(1_000_000):
                fitting.progress(f"fitting (loss {step})", step, 1_000_000)
                if fitting.stopped() or fitting.time_left() < float("inf"):
                    break
            return super().fit_codec(items, settings, fitting)

    (found,) = installed(Slow())()
    assert found.projected
    assert found.seconds > 0


def test_a_few_items_are_measured_and_the_codec_is_fitted_afresh(installed, monkeypatch):
    monkeypatch.setattr(machine, "ITEMS", 40)
    seen = []

    class Watched(VectorModality):
        def fit_codec(self, items, settings, fitting):
            seen.append((len(items), fitting.cache))
            return super().fit_codec(items, settings, fitting)

    (found,) = installed(Watched())()
    assert found.makes == "vectors"
    (items, cache) = seen[0]
    assert items <= 40
    assert not cache.exists()  # a temporary one


def test_a_plugin_that_cannot_be_measured_is_said(installed):
    class Broken(VectorModality):
        def read(self, source, settings, progress):
            raise GankitError("no data came with it")

    (found,) = installed(Broken())()
    assert found.seconds is None
    assert "no data came with it" in found.problem
