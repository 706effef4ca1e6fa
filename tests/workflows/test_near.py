"""The training items that generated ones are nearest to."""

from __future__ import annotations

import pytest

import gankit
from gankit.contract import Sample
from gankit.errors import GankitError
from gankit.runs.directory import Run
from gankit.workflows.near import NEIGHBOURS, TrainingItems, refusal
from gankit_toy.modality import ToyModality


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("near")
    rows = [f"{i % 7 + i / 400},{i % 5 + i / 300}" for i in range(200)]
    (folder / "real.csv").write_text("x,y\n" + "\n".join(rows) + "\n")
    small = {"train__samples": 64, "train__batch": 32, "train__threads": 1, "hidden": 8}
    return Run(gankit.fit("toy", folder / "real.csv", out=folder / "run", **small).path)


@pytest.fixture
def shown(monkeypatch):
    monkeypatch.setattr(ToyModality, "shows_real_items", True)


def test_a_copy_is_at_no_distance(run, shown):
    train = TrainingItems(run)
    copies = [Sample(train.items[i], i, {}) for i in (0, 9)]
    found = train.near(copies)
    assert [len(neighbours) for neighbours in found] == [NEIGHBOURS] * 2
    for copy, neighbours in zip(copies, found, strict=True):
        assert neighbours[0].item == copy.item
        assert neighbours[0].distance == pytest.approx(0, abs=1e-6)
        distances = [one.distance for one in neighbours]
        assert distances == sorted(distances)


def test_items_that_may_not_be_shown(run, shown, monkeypatch):
    monkeypatch.setattr(Run, "privacy", {"epsilon": 3.0})
    assert "differentially private" in refusal(run)
    with pytest.raises(GankitError, match="shown to nobody"):
        TrainingItems(run)


def test_modalities_that_show_none(run):
    assert refusal(run) == "Plugin toy does not show single training items"


def test_data_that_has_changed_or_is_gone(run, shown, tmp_path):
    data = run.path.parent / "real.csv"
    kept = data.read_text()
    try:
        data.write_text(kept + "1,1\n")
        with pytest.raises(GankitError, match="data has changed"):
            TrainingItems(Run(run.path))
        data.unlink()
        with pytest.raises(GankitError, match=r"real\.csv"):
            TrainingItems(Run(run.path))
    finally:
        data.write_text(kept)
