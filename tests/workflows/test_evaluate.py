"""Scoring a run: with its own codec, next to baselines; and what is refused before generating."""

from __future__ import annotations

import dataclasses
import json
import math
import shutil

import numpy as np
import pytest
import torch

import gankit
from gankit.cli.runs import show
from gankit.contract import Evaluator, Extractor
from gankit.errors import GankitError, PluginError
from gankit.kit.own_output import doubt
from gankit.metrics.duality import DUALITY_GAP
from gankit.metrics.membership import WHITE_BOX
from gankit.report.page import write_report
from gankit.runs.directory import Run
from gankit.workflows.data import read_data
from gankit.workflows.evaluate import evaluate_path
from gankit_toy.modality import ToyModality, ToySettings

SMALL = {"train__samples": 640, "train__batch": 32, "train__threads": 1, "hidden": 8}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("scored") / "run"
    return gankit.fit("toy/ring8", out=out, device="cpu", count=200, **SMALL)


@pytest.fixture(scope="module")
def files(run, tmp_path_factory):
    """A folder of generated files, and other points as real data."""
    folder = tmp_path_factory.mktemp("files")
    run.generate(folder / "made", 60)
    run.generate(folder / "real", 60, seed=1000)
    return folder


# --- Backbones that discriminator and extractor share -------------------------------------------


@pytest.fixture
def on_a_backbone(run, monkeypatch, tmp_path):
    """A copy of the run whose discriminator is built on the network of the toy's extractor."""
    copy = tmp_path / "copy"
    shutil.copytree(run.path, copy)
    model = json.loads((copy / "model" / "model.json").read_text())
    model["backbones"] = ["net"]
    (copy / "model" / "model.json").write_text(json.dumps(model))
    evaluators = ToyModality.evaluators

    def with_backbone(self, codec, settings):
        found = evaluators(self, codec, settings)
        found[0].backbone = "net"
        return found

    monkeypatch.setattr(ToyModality, "evaluators", with_backbone)
    return copy


def test_scores_that_share_the_discriminators_backbone_are_marked_everywhere(
    on_a_backbone, tmp_path, monkeypatch, capsys
):
    found = evaluate_path(on_a_backbone, device="cpu")
    marked = {s.name for s in found.scores if s.shared_backbone == "net"}
    assert {"frechet/coordinates", "copies/coordinates"} <= marked
    assert found.record["backbones"] == ["net"]
    assert all(s["shared_backbone"] == "net" for s in found.record["scores"] if s["name"] in marked)
    (warning,) = [w for w in found.record["warnings"] if "shares" in w or "share" in w]
    assert "share net with the discriminator" in warning
    assert not any("realism" in sentence for sentence in found.record["summary"])
    write_report(found, tmp_path / "report.html")
    assert "flattering, do not compare" in (tmp_path / "report.html").read_text()
    api = gankit.load(on_a_backbone).evaluate()
    assert "shares net" in repr(api)
    show(on_a_backbone)
    assert "flattering: shares net" in capsys.readouterr().out


def test_generated_files_state_the_backbones(on_a_backbone, files, tmp_path):
    gankit.load(on_a_backbone).generate(tmp_path / "made", 60)
    found = evaluate_path(tmp_path / "made", data=str(files / "real"))
    assert found.scores[0].shared_backbone == "net"


def test_a_modality_can_avoid_them(on_a_backbone, monkeypatch):
    asked = []

    def without(self, codec, settings, backbones):
        asked.append(backbones)
        return [e for e in self.evaluators(codec, settings) if e.backbone not in backbones]

    monkeypatch.setattr(ToyModality, "evaluators_without", without, raising=False)
    found = evaluate_path(on_a_backbone, device="cpu")
    assert asked == [{"net"}]
    assert not any(s.shared_backbone for s in found.scores)
    assert not any("share" in w for w in found.record.get("warnings", ()))


# --- The codec ----------------------------------------------------------------------------------


@pytest.fixture
def codecs(monkeypatch):
    """The codecs that the modality's evaluators get, and those that it fits."""
    seen, evaluators, fit = [], ToyModality.evaluators, ToyModality.fit_codec

    def noting(self, codec, settings):
        seen.append(("evaluators", codec))
        return evaluators(self, codec, settings)

    def fitting(self, items, settings, fitting):
        seen.append(("fit", None))
        return fit(self, items, settings, fitting)

    monkeypatch.setattr(ToyModality, "evaluators", noting)
    monkeypatch.setattr(ToyModality, "fit_codec", fitting)
    return seen


def test_a_run_is_scored_with_its_own_codec(run, codecs):
    """Not with one that is fitted anew, to other items."""
    found = evaluate_path(run.path, n=40)
    ((what, codec),) = codecs
    assert what == "evaluators"
    assert codec.state() == run.codec.state()
    assert found.codec is codec


def test_a_copied_model_is_scored_with_its_own_codec(run, files, codecs):
    evaluate_path(run.model_folder, data=str(files / "real"), n=40)
    ((_, codec),) = codecs
    assert codec.state() == run.codec.state()


def test_files_without_their_run_have_no_codec(files, codecs):
    found = evaluate_path(files / "made", data=str(files / "real"))
    assert codecs == [("evaluators", None)]
    assert found.codec is None


def test_extractors_are_fitted_once_to_the_training_items(run, monkeypatch):
    fitted = []

    class Fitted(Extractor):
        name, fingerprint = "fitted", "1"

        def fit(self, train):
            fitted.append(len(train))

        def features(self, items):
            assert fitted
            return np.array([[p.x, p.y] for p in items])

    monkeypatch.setattr(ToyModality, "evaluators", lambda *_: [Fitted()])
    evaluate_path(run.path, n=40, only=["frechet"])
    assert fitted == [160]


# --- Baselines ----------------------------------------------------------------------------------


def bring_baselines(monkeypatch, found):
    """A toy whose baselines are ``found(training items, n)``."""

    class WithBaselines(ToyModality):
        def baselines(self, train, settings, n, seed, progress):
            return found(train, n)

    monkeypatch.setattr("gankit_toy.modality.ToyModality", WithBaselines)


def test_a_baseline_is_scored_like_the_generator(run, monkeypatch, tmp_path):
    memory = lambda train, n: {"memory": [train[i % len(train)] for i in range(n)]}  # noqa: E731
    bring_baselines(monkeypatch, memory)
    found = evaluate_path(run.path, n=40, overrides=["count=200"])
    scores = {score.name: score for score in found.scores}
    copied = next(name for name in scores if name.startswith("copies/"))
    assert scores[copied].baselines == {"memory": 1.0}
    assert scores[copied].value < 1
    assert found.baselines == ["memory"]
    assert found.record["settings"] == {"count": 200}
    write_report(found, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "For comparison, from the same training items: memory." in page
    assert "Settings overridden for this evaluation: count=200." in page
    assert "a Gaussian fitted" not in page


def test_a_baseline_of_another_number_of_items_is_the_plugins_error(run, monkeypatch):
    bring_baselines(monkeypatch, lambda train, n: {"lazy": [train[0]]})
    with pytest.raises(PluginError, match="its baseline 'lazy' has 1 items instead of 40"):
        evaluate_path(run.path, n=40)


def test_a_baseline_may_not_have_the_name_of_a_codecs(run, monkeypatch):
    bring_baselines(monkeypatch, lambda train, n: {"gaussian": train[:n]})
    with pytest.raises(PluginError, match="its baseline 'gaussian' has a taken name"):
        evaluate_path(run.path, n=40)


def test_a_learned_codec_is_scored_without_the_generator(run, monkeypatch, tmp_path):
    load = ToyModality.load_codec

    def learned(self, state, settings):
        codec = load(self, state, settings)
        codec.is_learned = True
        return codec

    monkeypatch.setattr(ToyModality, "load_codec", learned)
    found = evaluate_path(run.path, n=40, only=["frechet"])
    (score,) = found.scores
    assert found.baselines == ["gaussian", "reconstruction"]
    # The toy's codec loses nothing, so what it decodes is the held-out data itself.
    assert score.baselines["reconstruction"] == pytest.approx(score.real_baseline)
    write_report(found, tmp_path / "report.html")
    assert "Gaussian" in (tmp_path / "report.html").read_text()


def test_summary_and_details_are_stored_and_shown(run, monkeypatch, tmp_path):
    class ByLabel(Evaluator):
        name, headline = "by-label", ("worst",)

        def evaluate(self, data, rng):
            return {"worst": 0.5, "worst_real": 0.9}

        def details(self, data, rng):
            return [
                {"label": "<a>", "shape": 0.97, "shape_real": 0.98},
                {"label": "b", "shape": math.nan, "shape_real": 0.98},
            ]

    monkeypatch.setattr(ToyModality, "evaluators", lambda self, codec, settings: [ByLabel()])
    found = evaluate_path(run.path)
    stored = json.loads((run.path / "scores.json").read_text())
    assert stored["details"] == found.record["details"]
    assert stored["details"]["by-label"][1] == {"label": "b", "shape": None, "shape_real": 0.98}
    assert stored["summary"] == ["Overall: worst 0.500 (real 0.900)."]
    write_report(found, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert page.index(stored["summary"][0]) < page.index("By label") < page.index("<td>&lt;a&gt;")
    assert "shape: real baseline" in page


# --- Membership by the model's own likelihood ---------------------------------------------------


@pytest.fixture
def told(run, monkeypatch):
    """Gives the toy a likelihood by the distance to the nearest of what ``known`` gives."""
    build = ToyModality.build_networks

    def knowing(known):
        points = run.codec.encode(known, np.random.default_rng(0)).x

        def nll(x, c):
            return torch.cdist(x, points).amin(1)

        def networks(*given):
            return dataclasses.replace(build(*given), likelihood=nll)

        monkeypatch.setattr(ToyModality, "build_networks", networks)

    return knowing


@pytest.fixture
def split(run):
    of = Run(run.path)
    return read_data(of.plugin, of.config)


def test_a_model_that_knows_its_training_items_is_said_to(run, told, split, tmp_path, gankit_here):
    told(split.train)
    found = evaluate_path(run.path)
    score = next(s for s in found.scores if s.name == WHITE_BOX)
    assert (score.value, score.n_real, score.n_generated) == (1.0, 40, 40)
    assert found.record["summary"][-1].startswith("Anyone who has the model can recognise training")
    write_report(found, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert f">{WHITE_BOX}<span" in page
    assert "Anyone who has the model" in page
    assert f"{WHITE_BOX}:" in gankit_here("runs", "show", run.path).stdout


def test_a_model_that_knows_other_items_tells_none(run, told):
    told(ToyModality().read(None, ToySettings(shape="spiral", count=100), lambda *_: None).items)
    found = evaluate_path(run.path, only=[WHITE_BOX], seed=2)
    (score,) = found.scores
    assert abs(score.value - 0.5) < 3 * score.error
    assert 0.03 < score.error < 0.1
    assert len(found.record["summary"]) == 1
    assert evaluate_path(run.path, only=[WHITE_BOX], seed=2).scores == [score]
    assert evaluate_path(run.path, only=["modes"]).scores != []


def test_a_model_without_a_likelihood_has_no_such_score(run):
    assert WHITE_BOX not in [score.name for score in evaluate_path(run.path, n=40).scores]
    with pytest.raises(GankitError, match=f"unknown metric '{WHITE_BOX}'"):
        evaluate_path(run.path, only=[WHITE_BOX])


# --- The duality gap ----------------------------------------------------------------------------


def test_the_duality_gap_is_measured_on_request_alone(run, tmp_path):
    state = sorted((p, p.stat().st_mtime) for p in run.path.rglob("*"))
    (score,) = evaluate_path(run.path, only=[DUALITY_GAP], seed=2).scores
    assert (score.name, score.n_real) == (DUALITY_GAP, 40)
    assert score.value > -4 * score.error
    assert sorted((p, p.stat().st_mtime) for p in run.path.rglob("*")) == state
    assert DUALITY_GAP not in [s.name for s in evaluate_path(run.path, n=40, seed=2).scores]


@pytest.mark.parametrize("missing", ["model", "checkpoints"])
def test_the_duality_gap_needs_a_discriminator(run, tmp_path, missing):
    copied = shutil.copytree(run.path, tmp_path / "copied")
    shutil.rmtree(copied / "checkpoints")
    subject, data = copied, None
    if missing == "model":
        subject, data = copied / "model", str(copied)
    with pytest.raises(GankitError, match="duality_gap needs the discriminator") as error:
        evaluate_path(subject, only=[DUALITY_GAP], data=data)
    assert "the directory that the run was trained in" in error.value.hint


# --- Scores -------------------------------------------------------------------------------------


def test_scores_that_are_not_finite_are_null_in_json(run, monkeypatch):
    class Odd(Evaluator):
        name = "odd"

        def evaluate(self, data, rng):
            return {"endless": math.inf, "undefined": math.nan, "undefined_real": math.inf}

    monkeypatch.setattr(ToyModality, "evaluators", lambda *_: [Odd()])
    found = evaluate_path(run.path, n=40)
    text = json.dumps(found.record, allow_nan=False)
    values = {s["name"]: (s["value"], s["real_baseline"]) for s in json.loads(text)["scores"]}
    assert values == {"endless": (None, None), "undefined": (None, None)}
    assert Run(run.path).scores() == json.loads(text)["scores"]


def test_an_unknown_metric_is_refused_before_anything_is_generated(run, monkeypatch):
    sample = pytest.fail
    monkeypatch.setattr("gankit.engine.sampling.sampler.Sampler.sample", sample)
    with pytest.raises(GankitError, match="unknown metric 'frechett'. Did you mean"):
        evaluate_path(run.path, only=["frechett"])
    with pytest.raises(GankitError, match="unknown metric 'zzzzzz'. Use a group: .*modes"):
        evaluate_path(run.path, only=["zzzzzz"])


def test_scores_are_stored_only_where_nothing_was_overridden(run, files):
    file = run.path / "scores.json"
    evaluate_path(run.path, n=40)
    before = file.read_bytes()
    for given in ({"only": ["frechet"]}, {"overrides": ["sigma=1"]}, {"data": str(files / "real")}):
        evaluate_path(run.path, n=30, **given)
        assert file.read_bytes() == before


def test_changed_data_is_refused(run, monkeypatch):
    read = ToyModality.read
    monkeypatch.setattr(
        *(ToyModality, "read"), lambda *a: dataclasses.replace(read(*a), fingerprint="other")
    )
    with pytest.raises(GankitError, match="the data has changed since .* was trained"):
        evaluate_path(run.path, n=40)


def test_a_folder_of_files_needs_a_plugin_and_data(files, tmp_path):
    with pytest.raises(GankitError, match="no real data to compare with. Pass it: --data"):
        evaluate_path(files / "made")
    (tmp_path / "points.csv").write_bytes((files / "made" / "points.csv").read_bytes())
    with pytest.raises(GankitError, match="does not state which plugin it belongs to"):
        evaluate_path(tmp_path / "points.csv", data=str(files / "real"))


def test_what_is_scored_as_generated_is_not_doubted_for_it(files, monkeypatch):
    read = ToyModality.read

    def doubting(self, source, settings, progress):
        found = read(self, source, settings, progress)
        return dataclasses.replace(found, warnings=[doubt(source), "look"])

    monkeypatch.setattr(ToyModality, "read", doubting)
    made, real = (str(files / name) for name in ("made", "real"))
    told = evaluate_path(files / "made", data=real, only=["frechet"]).record["warnings"]
    assert told[:3] == [f"{real}: {doubt(real)}", f"{real}: look", f"{made}: look"]


def test_a_generated_file_states_its_plugin(files, run, tmp_path):
    file = tmp_path / "points.csv"
    run.generate(file, 60)
    found = evaluate_path(file, data=str(files / "real"), only=["frechet"])
    assert found.record["n_generated"] == 60


def test_files_that_cannot_be_read_are_counted(files, tmp_path):
    file = tmp_path / "points.csv"
    file.write_text((files / "made" / "points.csv").read_text() + "oh,no,,1,1\n")
    found = evaluate_path(file, plugin="toy", data=str(files / "real"), only=["frechet"])
    assert found.record["skipped"] == 1
    assert "points.csv, line 62" in found.record["skipped_first"]
    assert found.record["n_generated"] == 60
