"""Samples: a sequence that shows itself and converts."""

from __future__ import annotations

import builtins

import numpy as np
import pytest
import torch

import gankit
from gankit.contract import Sample
from gankit.errors import GankitError


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return gankit.fit(
        "toy/ring8",
        out=tmp_path_factory.mktemp("samples") / "points",
        device="cpu",
        count=200,
        hidden=8,
        settings={"train.samples": 64, "train.batch": 32, "train.threads": 1},
    )


def test_a_slice_keeps_seeds_and_can_be_saved(run, tmp_path):
    part = run.sample(10, seed=3)[2:5]
    assert isinstance(part, gankit.Samples)
    assert part.seeds == [5, 6, 7]
    assert run.save(part, tmp_path / "part.csv").record["seeds"] == [5, 6, 7]


def test_rows_that_stay_in_their_table_are_dictionaries_to_the_caller(run):
    from types import MappingProxyType

    rows = [MappingProxyType({"x": i}) for i in range(3)]
    found = gankit.Samples([Sample(row, i, {}) for i, row in enumerate(rows)], run)
    assert [type(row) for row in (*found, found[0])] == [dict] * 4
    assert found == [{"x": 0}, {"x": 1}, {"x": 2}]
    assert found.samples[0].item is rows[0]


def test_a_repr_is_a_line_and_a_few_items(run):
    lines = repr(run.sample(8)).splitlines()
    assert lines[0] == "8 synthetic items of run points"
    assert lines[1].startswith("  seed 0: Point(x=")
    assert lines[-1] == "  … and 3 more"


def test_a_notebook_shows_the_preview(run):
    shown = run.sample(3)._repr_html_()
    assert "3 synthetic items of run points" in shown
    assert '<img src="data:image/png;base64,' in shown


def test_arrays_and_tensors(run):
    samples = run.sample(5)
    array = samples.to_numpy()
    assert array.shape == (5, 2)
    assert np.allclose(array[1], samples[1][:2])
    assert torch.equal(samples.to_torch(), torch.from_numpy(array))


def test_what_a_modality_cannot_give_is_refused_with_what_it_can(run):
    with pytest.raises(GankitError, match=r"to_pil: plugin toy has no such form .* \.to_numpy\(\)"):
        run.sample(2).to_pil()


def test_a_missing_library_is_named(run, monkeypatch):
    def convert(items, to, codec):
        raise ModuleNotFoundError("No module named 'pandas'", name="pandas")

    monkeypatch.setattr(run.plugin.modality, "convert", convert)
    with pytest.raises(GankitError, match=r"to_numpy needs the package pandas\. pip install pan"):
        run.sample(2).to_numpy()


def test_conversions_import_nothing_before_they_are_used(run, monkeypatch):
    real = builtins.__import__

    def without_pandas(name, *given, **named):
        assert name != "pandas", "imported for nothing"
        return real(name, *given, **named)

    monkeypatch.setattr(builtins, "__import__", without_pandas)
    repr(run.sample(2))
