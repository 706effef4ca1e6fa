"""The report of a run, the page that compares runs, and the model card."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from small_runs import toy_run

import gankit
from gankit.errors import GankitError
from gankit.report.card import escaped, write_card
from gankit.report.comparison import write_comparison
from gankit.report.html import render
from gankit.report.training import curves, guard_states, guarded, overlaid, previews
from gankit.runs.comparison import compare
from gankit.runs.directory import Run


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    """A run, its evaluation, and the text of its report."""
    run = toy_run(tmp_path_factory.mktemp("page") / "one")
    found = run.evaluate(n=60)
    return run.path, found, found.report(run.path / "report.html").read_text()


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    run = toy_run(tmp_path_factory.mktemp("page") / "two", **{"train.batch": 32})
    run.evaluate(n=60)
    return run.path


def test_a_report_shows_training(evaluated):
    page = evaluated[2]
    assert page.count('role="img" aria-label="Losses over the samples seen.') == 1
    assert page.count('data-caption="') == 4  # previews: at 0, 32, 64 and 96 samples
    assert page.count(" hidden>") == 3
    assert re.search(r"healthy from 0 to \d+ samples", page)


def test_a_report_states_how_the_run_was_made_and_what_numbers_mean(evaluated):
    path, found, page = evaluated
    record = json.loads((path / "provenance.json").read_text())
    for stated in (record["data"]["fingerprint"], record["created"], "160 to train on"):
        assert stated in page, stated
    assert "share of real items near generated samples" in page
    assert "delete-a-group jackknife" in page
    assert "Scores without one: kernel/coordinates, " in " ".join(page.split())
    assert found.record["meanings"]["coverage/coordinates"].startswith("variety")


def test_the_health_of_a_codec_is_reported(evaluated, tmp_path, gankit_):
    path, found, page = evaluated
    assert 'id="codec"' not in page
    file = path / "provenance.json"
    before = file.read_text()
    signs = [
        {"name": "kept", "value": 0.925, "text": "92 % of <b> are kept", "baseline": 1.0},
        {"name": "used", "value": 3, "text": "3 of 64 are used", "remedy": "Train it for longer"},
    ]
    try:
        file.write_text(json.dumps({**json.loads(before), "codec": signs}))
        page = found.report(tmp_path / "codec.html").read_text()
        shown = gankit_("runs", "show", path).stdout
    finally:
        file.write_text(before)
    assert 'id="codec"' in page
    assert "92 % of &lt;b&gt; are kept" in page
    assert '<td class="number">0.925</td><td class="number">1</td>' in page
    assert "3 of 64 are used. <strong>Warning:</strong> Train it for longer" in page
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert "codec: 92 % of <b> are kept" in lines
    assert "warning: codec: 3 of 64 are used. Train it for longer" in lines


def test_a_page_loads_nothing_from_elsewhere(evaluated):
    page = evaluated[2]
    assert not re.findall(r"(?:src|href)=[\"'](?!data:|#)", page)
    assert "@import" not in page
    assert "url(" not in page
    assert "http" not in re.sub(r'xmlns(:\w+)?="[^"]*"', "", page.partition("<pre")[0])


def test_everything_that_is_inserted_is_escaped():
    made = [("<b>", "</dd><script>")]
    page = render("comparison.html.j2", **_comparison(notes=["<i>"], made=made))
    assert "<b>" not in page
    assert "<i>" not in page
    assert page.count("<script>") == 0


def _comparison(notes, made):
    class Empty:
        names, rows, settings = ("<b>",), (), {}

    Empty.notes = notes
    ticks = [{"samples": 1, "guard": "<b>", "events": [{"kind": "<b>", "text": "<b>"}]}]
    column = {"name": "<b>", "made": made, "preview": None, "guard": guarded(ticks)}
    return {"software": "", "comparison": Empty, "columns": [column], "curves": []}


def test_curves_group_what_belongs_together_and_leave_out_what_is_always_0():
    ticks = [
        {"samples": s, "d_loss": 1.0 / s, "g_loss": float("nan"), "r1": s, "augment_p": 0.0}
        for s in range(1, 1000, 7)
    ]
    found = {one.title: one for one in curves(ticks)}
    assert list(found) == ["Losses", "Gradient penalties"]
    assert "d_loss: 1 at 1 samples, 0.001" in found["Losses"].svg
    assert "Generated with" not in found["Losses"].svg
    both = {one.title: one for one in overlaid({"a": ticks, "b": ticks})}
    assert len(set(both["d_loss"].lines.values())) == 2
    assert not curves([])


def test_values_over_many_magnitudes_have_a_scale_of_powers_of_ten():
    ticks = [{"samples": s, "r1": 10.0 ** (s - 6)} for s in range(10)]
    assert ">1e-06<" in curves(ticks)[0].svg
    ticks.append({**with_events()[2], "r1": -1e308})  # cannot be drawn
    assert "inf" not in curves(ticks)[0].svg


def test_states_of_the_guard_are_spans():
    states = ["healthy", "healthy", "collapsing", "healthy"]
    ticks = [{"samples": 1000 * (i + 1), "guard": state} for i, state in enumerate(states)]
    assert [(s.state, s.first, s.last, s.percent) for s in guard_states(ticks)] == [
        ("healthy", "0", "2k", 50),
        ("collapsing", "2k", "3k", 25),
        ("healthy", "3k", "4k", 25),
    ]


def test_many_changes_of_state_are_summed_up():
    states = ("healthy", "warning")
    ticks = [
        {"samples": 1000 * i, "guard": states[i % 2], "d_loss": i, "events": [SEEN]}
        for i in range(1, 41)
    ]
    ticks[7] |= {"events": [DONE]}
    found = guarded(ticks)
    assert found.in_words == "warning for 50 %, healthy for 50 % of 40k samples; 39 changes"
    assert [one.label for one in found.on_curves] == ["8"]
    assert curves(ticks)[0].svg.count('class="mark ') == 1


SEEN = {
    "kind": "state",
    "state": "collapsing",
    "text": "9 modes <of> 40",
    "remedy": "raise loss.gamma",
}
DONE = {"kind": "heal", "text": "healing: the weights of 1,000 samples (1 of 5)"}


def with_events(until=10):
    """Ticks of a run that collapsed and was healed."""
    ticks = [
        {"samples": 1000 * i, "guard": "healthy", "diversity": 30.0 + i, "diversity_real": 40.0}
        for i in range(1, until + 1)
    ]
    ticks[2] |= {"guard": "collapsing", "events": [SEEN, DONE], "diversity": 9.0}
    ticks[3] |= {"events": [{"kind": "state", "state": "healthy", "text": "no sign of failure"}]}
    ticks[-1] |= {"events": [{"kind": "early stop", "text": "no improvement"}]}
    return ticks


def test_events_are_marks_on_each_curve():
    ticks = with_events()
    assert [(one.label, one.kind, one.event.samples) for one in guarded(ticks).events] == [
        ("1", "bad", 3000),
        ("2", "heal", 3000),
        ("3", "good", 4000),
        ("4", "other", 10000),
    ]
    (chart,) = curves([{**tick, "d_loss": 0.0} for tick in ticks])
    found = re.findall(
        r'<g class="mark (\w+)"><title>([^<]*)</title><path d="M([\d.]+) 0v', chart.svg
    )
    assert [kind for kind, _, _ in found] == ["bad", "heal", "good", "other"]
    assert found[0][1] == "1: collapsing: 9 modes &lt;of&gt; 40. raise loss.gamma"
    assert found[1][1].startswith("2: healing: the")
    first, second, third, last = (float(x) for _, _, x in found)
    assert first == second < third < last
    ends = re.findall(
        r'<path d="M([\d.]+) [\d.]+ L?.* ([\d.]+) [\d.]+" class="line reac', chart.svg
    )
    assert float(ends[0][1]) == pytest.approx(last, abs=0.2)  # of the curve, at 10,000 samples
    assert not re.search('class="mark', curves([{"samples": 1, "d_loss": 1.0}])[0].svg)


def test_a_chart_has_its_baseline_as_a_dashed_line():
    (chart,) = curves(with_events())
    assert chart.title == "Diversity: effective number of modes (1, as of real data, is best)"
    assert (list(chart.lines), chart.dashed) == (
        ["diversity", "diversity_real"],
        {"diversity_real"},
    )
    assert "stroke-dasharray:6,4" in chart.svg
    (other,) = curves([{"samples": s, "own": 1.0 * s, "own_real": 2.0} for s in (1, 2)])
    assert (other.title, other.dashed) == ("own", {"own_real"})
    (both,) = overlaid({"a": with_events(), "b": with_events(6)})
    assert list(both.lines) == ["a", "a (real data)", "b", "b (real data)"]
    assert both.lines["a"] == both.lines["a (real data)"] != both.lines["b"]


def test_marks_on_a_scale_of_powers_of_ten():
    ticks = [{**tick, "d_loss": 10.0**-i} for i, tick in enumerate(with_events())]
    assert all(chart.svg.count('class="mark ') == 4 for chart in curves(ticks))


@pytest.mark.parametrize("state", ["healthy", "a state of an earlier version"])
def test_pages_show_states_and_events(evaluated, other, tmp_path, state):
    copies = [Path(shutil.copytree(one, tmp_path / one.name)) for one in (evaluated[0], other)]
    ticks = with_events()
    ticks[5] |= {"guard": state}
    for copy in copies:
        (copy / "metrics.jsonl").write_text("".join(json.dumps(t) + "\n" for t in ticks))
    gankit.load(copies[0]).evaluate(n=60).report(tmp_path / "report.html")
    write_comparison(compare(copies), tmp_path / "compare.html")
    report, page = ((tmp_path / name).read_text() for name in ("report.html", "compare.html"))
    assert "collapsing from 2k to 3k samples" in report
    assert "collapsing from 2k to 3k samples" in page
    assert f"{state} from" in report
    rows = re.findall(r"<tr><td><span class=\"mark (\w+)\">(\d)</span></td>", report)
    assert rows == [("bad", "1"), ("heal", "2"), ("good", "3"), ("other", "4")]
    assert "collapsing: 9 modes &lt;of&gt; 40" in report
    assert "4 events" in page


def test_of_many_previews_some_are_shown(tmp_path):
    assert previews(tmp_path) is None
    for i in range(60):
        (tmp_path / f"{i:012}.png").write_bytes(b"x" * 400_000)
    (tmp_path / "progress.gif").write_bytes(b"x")
    found = previews(tmp_path)
    assert found.of == 60
    assert len(found.shown) == 15  # 6 MB
    assert [found.shown[0].caption, found.shown[-1].caption] == ["0 samples", "59 samples"]


# --- Comparing ------------------------------------------------------------------------------------


def test_runs_side_by_side(evaluated, other, tmp_path):
    found = compare([evaluated[0], other])
    assert found.settings == {"train.batch": [16, 32]}
    rows = {row.name: row for row in found.rows}
    assert all(row.reason == "" for row in found.rows)
    assert None not in rows["coverage/coordinates"].scores
    write_comparison(found, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert page.count("<img") == 2
    assert "d_loss over the samples seen. one:" in page
    assert json.loads(json.dumps(found.as_dict()))["scores"][0]["values"][1] is not None


def test_numbers_of_different_conditions_are_in_different_rows(evaluated, other, tmp_path):
    copy = shutil.copytree(other, tmp_path / "copy")
    record = json.loads((copy / "scores.json").read_text())
    for score in record["scores"]:
        score["n_generated"] = 30
        if score["name"] == "modes":
            score["extractor_fingerprint"] = "other"
    (copy / "scores.json").write_text(json.dumps(record))
    found = compare([evaluated[0], copy])
    assert all(sum(score is not None for score in row.scores) == 1 for row in found.rows)
    assert "different generated samples (one / copy): frechet/coordinates" in found.notes[0]
    assert found.notes[1] == (
        "not comparable, different extractor and generated samples (one / copy): modes"
    )


def test_runs_that_cannot_be_compared(evaluated, other, tmp_path):
    copy = shutil.copytree(other, tmp_path / "copy")
    (copy / "scores.json").unlink()
    record = json.loads((copy / "provenance.json").read_text()) | {"status": "training"}
    (copy / "provenance.json").write_text(json.dumps(record))
    assert compare([evaluated[0], copy]).notes == [
        "copy: training; its numbers may change",
        f"copy: not evaluated yet: gankit evaluate {copy}",
    ]
    text = (copy / "run.toml").read_text().replace('plugin = "toy"', 'plugin = "other"')
    (copy / "run.toml").write_text(text)
    for paths, said in (
        ([other], "1 run to compare"),
        ([other, other], "is given twice"),
        ([other, copy], "of plugin other: their scores measure different things"),
        ([other, other / "model"], "is a model without its run"),
        ([other, tmp_path / "none"], "no run at"),
    ):
        with pytest.raises(GankitError, match=said):
            compare(paths)
    (copy / "run.toml").write_text("[run")
    with pytest.raises(GankitError, match="run.toml"):
        compare([other, copy])
    shutil.copy(other / "run.toml", copy)
    (copy / "model" / "model.json").write_text("{")
    with pytest.raises(GankitError, match=r"model\.json cannot be read"):
        compare([other, copy])


def test_the_command_says_what_is_not_evaluated_and_replaces_only_its_own_page(
    gankit_here, evaluated, tmp_path
):
    for name in ("a", "b"):
        shutil.copytree(evaluated[0], tmp_path / name)
        (tmp_path / name / "scores.json").unlink()
    page, words = tmp_path / "page.html", ("runs", "compare", "a", "b", "--out", "page.html")
    shown = gankit_here(*words)
    assert "scores: not evaluated yet: gankit evaluate RUN\n" in shown.stdout
    assert re.search(r"^samples +(\S+) +\1 *\ntraining +\w", shown.stdout, re.MULTILINE)
    assert "Not evaluated yet: <code>gankit evaluate RUN</code>" in page.read_text()
    again = gankit_here(*words)
    assert (again.returncode, "add --overwrite" in again.stderr) == (2, True)
    assert gankit_here(*words, "--overwrite").returncode == 0
    page.write_text("<p>mine")
    for command in ((*words, "--overwrite"), ("evaluate", "a", "--report", "page.html")):
        refused = gankit_here(*command)
        assert refused.returncode == 2
        assert "page.html exists already, and was not generated by gankit" in refused.stderr
        assert "gankit replaces no file but its own" in refused.stderr
    assert page.read_text() == "<p>mine"


def test_a_report_replaces_the_runs_own_and_other_reports(evaluated, tmp_path):
    path, found, page = evaluated
    (path / "report.html").write_text("of a version without the mark")
    assert found.report(path / "report.html").read_text() == page
    (tmp_path / "mine.html").write_text("mine")
    with pytest.raises(GankitError, match="mine.html exists already, and was not generated by"):
        found.report(tmp_path / "mine.html")
    shutil.copy(path / "report.html", tmp_path / "old.html")
    assert found.report(tmp_path / "old.html").read_text() == page


# --- The card -------------------------------------------------------------------------------------


def test_the_hub_reads_the_card(evaluated):
    hub = pytest.importorskip("huggingface_hub", reason="needs huggingface_hub")
    path, found, _ = evaluated
    card = hub.ModelCard.load(path / "model" / "README.md", ignore_metadata_errors=False)
    data = card.data
    assert (data.library_name, data.license) == ("gankit", "unknown")
    assert data.tags == ["gankit", "gan", "synthetic-data", "toy"]
    results = {result.metric_type: result for result in data.eval_results}
    assert results["coverage/coordinates"].metric_value == found["coverage/coordinates"]
    assert results["coverage/coordinates"].metric_name == "coverage/coordinates, 40 samples"
    assert "## Intended use and limits" in card.text
    assert "Trained without differential privacy" in card.text


def test_a_card_is_there_before_scores_and_stays_with_a_copied_model(tmp_path):
    run = toy_run(tmp_path / "run")
    card = run.path / "model" / "README.md"
    assert "Not evaluated yet" in card.read_text()
    copied = shutil.copytree(run.path / "model", tmp_path / "copy")
    assert (copied / "README.md").read_text() == card.read_text()
    assert len(gankit.load(copied).sample(2)) == 2


def test_a_card_has_text_of_others_as_text(evaluated, tmp_path):
    hub = pytest.importorskip("huggingface_hub", reason="needs huggingface_hub")
    copy = shutil.copytree(evaluated[0], tmp_path / 'a "quoted": name')
    record = json.loads((copy / "provenance.json").read_text())
    record["data"]["description"] = 'it\'s "x": <b>*1*</b>\n---\n| # \U0001f600 \ud800'
    record["consent"] = "[signed](forms)"
    (copy / "provenance.json").write_text(json.dumps(record))
    text = write_card(Run(copy)).read_text()
    card = hub.ModelCard(text, ignore_metadata_errors=False)
    assert card.data.model_name == copy.name
    assert card.data.eval_results[0].dataset_name.startswith('it\'s "x": <b>*1*</b> ---')
    assert "\U0001f600" in card.data.eval_results[0].dataset_name
    assert "<b>" not in card.text
    assert r"\[signed\](forms)" in card.text
    assert escaped("a|b\n# c") == r"a\|b \# c"
    assert escaped("its <b>'own'</b>") == "its &lt;b&gt;'own'&lt;/b&gt;"


def test_a_private_card_has_nothing_that_the_guarantee_does_not_cover(evaluated, tmp_path):
    copy = shutil.copytree(evaluated[0], tmp_path / "private")
    privacy = {
        **dict.fromkeys(("epsilon", "delta", "clip", "noise_multiplier", "sampling_rate"), 1.0),
        "steps": 1,
        "accountant": "an accountant",
        "does_not_cover": ["the codec"],
    }
    model = json.loads((copy / "model" / "model.json").read_text()) | {"privacy": privacy}
    model["data"] = {"licence": None, "fingerprint": ""}
    (copy / "model" / "model.json").write_text(json.dumps(model))
    text = write_card(Run(copy)).read_text()
    record = json.loads((copy / "provenance.json").read_text())
    assert "epsilon 1" in text
    for hidden in (record["data"]["fingerprint"], record["data"]["description"], "160", "Seed"):
        assert hidden not in text, hidden
    assert "coverage" not in text
