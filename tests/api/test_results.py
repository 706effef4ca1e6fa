"""What a run gives: scores, curves, augmented data, how it shows itself."""

from __future__ import annotations

import pandas as pd
import pytest

import gankit
from gankit.errors import GankitError

FRAME = pd.DataFrame(
    {
        "age": [20 + i % 50 for i in range(90)],
        "joined": pd.date_range("2024-01-01", periods=90),
        "paid": [f"${i % 7 + 1},000.00" for i in range(90)],
        "member": ["yes" if i % 5 == 0 else "no" for i in range(90)],
    }
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return gankit.fit(
        "tabular",
        FRAME,
        out=tmp_path_factory.mktemp("results") / "people",
        device="cpu",
        samples=64,
        settings={"train.batch": 32, "train.threads": 1, "hidden": 16, "log.every": 32},
    )


def test_rows_become_a_data_frame_with_the_types_of_the_data(run):
    frame = run.sample(6).to_dataframe()
    assert list(frame.columns) == list(FRAME.columns)
    assert frame["joined"].dtype.kind == "M"
    assert frame["paid"].str.startswith("$").all()
    assert len(pd.concat([FRAME, frame])) == 96
    assert run.sample(2).to_numpy().shape == (2, 4)
    with pytest.raises(GankitError, match=r"not numbers alone. Use \.to_numpy\(\) or \.to_data"):
        run.sample(2).to_torch()


def test_scores_are_numbers_a_frame_and_a_page(run, tmp_path):
    found = run.evaluate(n=20, only=["frechet", "manifold"])
    name = found.scores[0].name
    assert found[name] == found.scores[0].value
    assert found.to_dataframe().loc[name, "value"] == found[name]
    assert dict(found)[name] == found[name]
    assert list(found) == [score.name for score in found.scores]
    assert name in repr(found)
    assert f"<td>{name}</td>" in found._repr_html_()
    assert found.report(tmp_path / "page.html").read_text().startswith("<!doctype html>")
    with pytest.raises(GankitError, match="there is no score 'frechett'"):
        found["frechett"]
    with pytest.raises(GankitError, match="is a folder. Name a file"):
        found.report(tmp_path)


def test_augmenting_returns_items_or_writes_them(run, tmp_path):
    both = run.augment(FRAME, factor=1.2)
    assert repr(both).startswith("90 real and 18 synthetic items of run people")
    frame = both.to_dataframe()
    assert frame.iloc[:90]["age"].tolist() == FRAME["age"].tolist()
    assert both.seeds[:90] == [-1] * 90
    with pytest.raises(GankitError, match="some of these items are real"):
        run.save(both, tmp_path / "x.csv")
    written = run.augment(FRAME, tmp_path / "both.csv", n=5)
    assert written.record["augmented"]["real"] == 90
    assert repr(written) == f"95 items (90 of them real) in {tmp_path / 'both.csv'}"
    assert len(pd.read_csv(tmp_path / "both.csv")) == 95


def test_metrics_and_their_curves(run, tmp_path):
    assert run.metrics().to_dataframe()["samples"].tolist()[-1] == 64
    assert repr(run.metrics()).startswith("3 ticks; the last: samples 64, ")
    drawn = run.plot()
    assert drawn.svg.count("<path") >= 2
    assert drawn._repr_svg_() == drawn.save(tmp_path / "curves.svg").read_text()
    with pytest.raises(GankitError, match="no value 'nlll' was logged. Did you mean nll"):
        run.plot("nlll")


def test_a_run_shows_itself(run):
    assert repr(run).startswith("Run people: plugin tabular, data 90 rows, 4 columns, samples 64")
    assert "<svg" not in run._repr_html_()  # embedded, so that its styles stay apart
    assert "data:image/svg+xml;base64," in run._repr_html_()
    assert "<table>" in run.sample(3)._repr_html_()
