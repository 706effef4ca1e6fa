"""The key of watermarks, what is said of one in a file, and marking on the way out."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import numpy as np
import PIL.Image
import pytest

from gankit.contract import Sample, WatermarkSearch
from gankit.errors import GankitError
from gankit.plugins.registry import installed
from gankit.provenance import keys
from gankit.provenance import watermark as marks
from gankit.provenance.evidence import Evidence
from gankit.provenance.watermark import GIVEN, find_watermark, known_keys, watermark_key
from gankit.workflows import watermarks


@pytest.fixture
def picture(tmp_path):
    file = tmp_path / "a.png"
    PIL.Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(file)
    return Evidence.of(file)


def test_the_key_is_derived_from_the_signing_key(signing, monkeypatch):
    key = watermark_key()
    assert key == watermark_key()
    assert key.id != key.secret.hex()[:12]
    assert [known.id for known in known_keys()] == [key.id]
    monkeypatch.setenv(GIVEN, "a long secret of a studio")
    assert watermark_key().id != key.id
    assert [known.id for known in known_keys()] == [watermark_key().id, key.id]


def test_a_former_key_still_finds_its_marks(monkeypatch, tmp_path):
    monkeypatch.setenv("GANKIT_HOME", str(tmp_path))
    before = watermark_key()  # makes one
    keys.replace_own("other")
    now = watermark_key()
    assert now.id != before.id
    assert {k.id: k.whose for k in known_keys()} == {
        now.id: "your key",
        before.id: "your former key",
    }


def test_a_short_secret_is_refused(monkeypatch):
    monkeypatch.setenv(GIVEN, "short")
    with pytest.raises(GankitError, match="5 characters, fewer than 16"):
        watermark_key()


@pytest.mark.parametrize(("score", "found"), [(12.3, True), (4.1, False)])
def test_the_layer_states_score_and_threshold(signing, picture, monkeypatch, score, found):
    modality = type(installed().modality("image").modality)
    search = WatermarkSearch(score, 6.0, "0 of 9 unmarked reach it")
    monkeypatch.setattr(modality, "find_watermark", lambda *given: search)
    layer = find_watermark(picture)
    assert layer is not None
    assert (layer.found, layer.generated, layer.intact) == (found, found, None)
    assert f"the score is {score}" in layer.says
    assert "0 of 9 unmarked reach it" in layer.says
    assert (watermark_key().id in layer.says) == found
    assert "not generated" not in layer.says


def test_files_that_carry_none_have_no_such_layer(signing, picture, monkeypatch, tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n")
    assert find_watermark(Evidence.of(tmp_path / "a.csv")) is None
    (tmp_path / "b.png").write_bytes(b"no picture")
    assert find_watermark(Evidence.of(tmp_path / "b.png")) is None
    monkeypatch.setattr(marks, "LARGEST", 9)
    assert find_watermark(picture) is None


def test_without_a_key_nothing_is_looked_for(picture, monkeypatch, tmp_path):
    monkeypatch.setenv("GANKIT_HOME", str(tmp_path / "none"))
    layer = find_watermark(picture)
    assert layer is not None
    assert layer.says == "not looked for: you have no key"
    assert not (tmp_path / "none").exists()


class Doubling:
    """A modality of numbers whose watermark doubles them."""

    def watermark(self, item, key):
        return 2 * item

    def find_watermark(self, content, key):
        return None


def run(modality):
    return SimpleNamespace(
        plugin=SimpleNamespace(modality=modality, info=SimpleNamespace(name="numbers"))
    )


def test_generated_items_are_marked_and_real_ones_are_not(signing):
    samples = [Sample(1, 0, {}), Sample(1, -1, {}, real=True)]
    watermarks.refuse_unable(run(Doubling()))
    found = list(watermarks.marked(run(Doubling()), samples))
    assert found == [dataclasses.replace(samples[0], item=2), samples[1]]
    assert watermarks.record() == {"watermark": {"key": watermark_key().id}}


def test_a_plugin_without_one_is_refused():
    with pytest.raises(GankitError, match="plugin numbers has no watermark for its items"):
        watermarks.refuse_unable(run(object()))
