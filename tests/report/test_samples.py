"""What a report shows of samples, and of the training items near them."""

from __future__ import annotations

import dataclasses
import re

import pytest

import gankit
from gankit.contract import Rendering
from gankit.report.page import write_report
from gankit.report.samples import embedded, near_items, preview, uncurated


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """An evaluation of a small conditional run on pictures."""
    small = {"train.batch": 8, "train.threads": 1, "log.verdict": 0, "log.preview_count": 40}
    out = tmp_path_factory.mktemp("report") / "run"
    run = gankit.fit(
        "image/digits", out=out, samples=32, settings=small, width=(16,), blocks=1, group_size=8
    )
    overrides = ['extractors=["random-conv"]']
    return run.evaluate(n=60, only=["memorisation"], overrides=overrides)


@pytest.fixture(scope="module")
def points(tmp_path_factory):
    small = {"train.batch": 16, "train.threads": 1, "hidden": 8, "count": 200, "log.verdict": 0}
    out = tmp_path_factory.mktemp("report") / "run"
    return gankit.fit("toy/ring8", out=out, samples=32, settings=small).evaluate(n=40)


def page(evaluation, folder):
    write_report(evaluation, folder / "report.html")
    return (folder / "report.html").read_text()


def test_samples_are_shown_in_turn_by_class_and_are_not_chosen(digits):
    found, caption = uncurated(digits)
    labels = [sample.condition["label"] for sample in found]
    classes = len(set(labels))
    each = len(found) // classes
    assert classes == 10
    assert labels == labels[:classes] * each
    for label in set(labels):
        seeds = [s.seed for s in digits.generated if s.condition["label"] == label]
        assert [s.seed for s in found if s.condition["label"] == label] == seeds[:each]
    assert re.fullmatch(
        rf"Uncurated: the first {each} of each label, of the seeds \d+ to \d+, not chosen\.",
        caption,
    )


def test_without_classes_the_first_ones_are_shown(points):
    found, caption = uncurated(points)
    assert [sample.seed for sample in found] == list(range(40))
    assert caption == "Uncurated: the first 40 samples, of the seeds 0 to 39, not chosen."


def test_the_nearest_training_items_stand_beside_samples(digits, tmp_path):
    near = near_items(digits)
    assert near is not None
    assert (near.extractor, near.compared) == ("random-conv", 60)
    assert [len(rows) for rows in (near.first, near.closest)] == [8, 4]
    for row in (*near.first, *near.closest):
        assert row.sample.address.startswith("data:image/png;base64,")
        assert row.sample.caption.startswith("seed ")
        assert all(item.caption.startswith("real, ") for item in row.items)
    text = page(digits, tmp_path)
    assert text.count("<figure class=sample>") == 12
    assert text.count("<figure class=real>") == 36
    assert "not chosen" in text


def test_a_private_run_shows_no_real_item(digits, tmp_path):
    statement = {
        **dict.fromkeys(("epsilon", "delta", "clip", "noise_multiplier", "sampling_rate"), 1.0),
        "steps": 1,
        "accountant": "",
        "adjacency": "",
        "covers": "",
        "does_not_cover": [],
    }
    record = {**digits.record, "privacy": statement}
    private = dataclasses.replace(digits, record=record)
    assert near_items(private) is None
    assert "<figure class=" not in page(private, tmp_path)


def test_rows_of_numbers_are_not_shown(points, tmp_path):
    assert points.neighbours is None
    assert "Nearest training items" not in page(points, tmp_path)
    assert preview(points).kind == "image"


@pytest.mark.parametrize(
    ("rendering", "shown"),
    [
        (Rendering("text/plain", "<b> שלום".encode()), ">&lt;b&gt; שלום</pre>"),
        (Rendering("video/mp4", b"film"), 'src="data:video/mp4;base64,ZmlsbQ=="></video>'),
        (Rendering("audio/wav", b"clip"), 'src="data:audio/wav;base64,Y2xpcA=="></audio>'),
    ],
)
def test_items_of_any_kind_stand_beside_their_neighbours(
    digits, tmp_path, monkeypatch, rendering, shown
):
    kind = type(digits.plugin.modality)
    monkeypatch.setattr(kind, "render", lambda *_: rendering)
    text = page(digits, tmp_path)
    assert text.count(shown) > 12, "eight samples, and what is near them"


def test_a_long_text_is_shortened():
    assert embedded(Rendering("text/plain", b"a" * 5_000)).text.endswith("a…")
    assert embedded(Rendering("text/html", b"<p>")).kind == "page"
