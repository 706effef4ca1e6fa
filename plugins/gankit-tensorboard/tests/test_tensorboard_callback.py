"""Event files of a run, read back."""

from __future__ import annotations

import signal
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import gankit
from gankit.contract import Callback
from gankit.plugins.registry import installed
from gankit.testing import check_plugin

accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
from gankit_tensorboard.callback import TensorBoard, tag  # noqa: E402

PLUGIN = "tensorboard"
SMALL = {"hidden": 8, "count": 400, "train__batch": 32, "train__threads": 1, "log__every": 64}


@pytest.fixture(autouse=True)
def faults_show(enabled: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Raises this plugin's exceptions; other plugins are loaded before."""
    installed()
    monkeypatch.setenv("GANKIT_STRICT_PLUGINS", "1")


class EndsAtHalfTime(Callback):
    def __init__(self, end: Callable[[], None]) -> None:
        self.end = end

    def tick(self, values: dict[str, Any]) -> None:
        if values["samples"] == 320:
            self.end()


def ctrl_c() -> None:
    signal.raise_signal(signal.SIGINT)


def power_cut() -> None:
    raise RuntimeError("power cut")


def written(run: Path) -> Any:
    everything = dict.fromkeys(("scalars", "images", "tensors"), 0)
    found = accumulator.EventAccumulator(str(run / "tensorboard"), everything)
    found.Reload()
    return found


def texts(run: Path, name: str) -> list[tuple[int, str]]:
    events = written(run).Tensors(f"{name}/text_summary")
    return [(event.step, event.tensor_proto.string_val[0].decode()) for event in events]


def test_it_passes_the_checks_of_callbacks() -> None:
    record = installed().record("tensorboard")
    assert record is not None
    results = {r.check.name: r.status for r in check_plugin(record, installed())}
    assert results == {"light-hooks": "passed", "callbacks": "passed"}


def test_a_run_is_logged(followed_run) -> None:
    run, metrics = followed_run()
    found = written(run)
    assert len(metrics) == 11  # the first is that of a check
    numbers = {name for line in metrics for name in line} - {"samples", "guard", "events"}
    assert sorted(found.Tags()["scalars"]) == sorted(map(tag, numbers))
    for name in numbers:
        events = found.Scalars(tag(name))
        lines = [line for line in metrics if name in line]
        assert [event.step for event in events] == [line["samples"] for line in lines]
        assert [event.value for event in events] == pytest.approx(
            [line[name] for line in lines], rel=1e-5
        )
    assert texts(run, "guard") == [(32, "healthy")]
    assert texts(run, "status") == [(640, "done")]


def test_previews_are_logged_unchanged_at_their_samples(followed_run) -> None:
    run, _ = followed_run()
    shown = {image.step: image.encoded_image_string for image in written(run).Images("preview")}
    files = {int(file.stem): file.read_bytes() for file in (run / "previews").glob("0*.png")}
    assert len(files) > 2
    assert shown == files


def test_settings_are_toml(followed_run) -> None:
    run, _ = followed_run()
    ((step, text),) = texts(run, "settings")
    settings = tomllib.loads(text.removeprefix("```toml\n").removesuffix("```"))
    assert step == 0
    assert settings["run"]["plugin"] == "toy"
    assert settings["train"]["batch"] == 32


@pytest.mark.parametrize(
    ("end", "raised", "status"),
    [(ctrl_c, KeyboardInterrupt, "interrupted"), (power_cut, RuntimeError, "failed")],
)
def test_a_resumed_run_has_every_point_once(
    end, raised, status, followed_run, tmp_path: Path
) -> None:
    # After a power cut training resumes from the checkpoint at 0, and logs 64 to 256 again.
    run, callbacks = tmp_path / "run", [EndsAtHalfTime(end)]
    with pytest.raises(raised):
        gankit.fit("toy", out=run, callbacks=callbacks, train__samples=640, **SMALL)
    assert texts(run, "status")[-1][1] == status
    followed_run(out=run)
    found = written(run)
    assert [e.step for e in found.Scalars("loss/d_loss")] == [32, *range(64, 641, 64)]
    images = [image.step for image in found.Images("preview")]
    assert images == sorted(set(images))
    assert {0, 640} <= set(images)


def test_only_pictures_are_logged(tmp_path: Path) -> None:
    callback = TensorBoard()
    callback.started(tmp_path, {})
    (tmp_path / "a.svg").write_text("<svg/>")
    callback.preview(tmp_path / "a.svg")
    Image.new("L", (3, 2), 200).save(tmp_path / "a.png")
    callback.preview(tmp_path / "a.png")
    callback.warning("look out")
    callback.finished("done")
    (image,) = written(tmp_path).Images("preview")
    assert (image.width, image.height) == (3, 2)
    assert texts(tmp_path, "warning") == [(0, "look out")]


def test_the_guard_is_logged_when_it_changes(tmp_path: Path) -> None:
    callback = TensorBoard()
    callback.started(tmp_path, {})
    for i, guard in enumerate(["healthy", "healthy", "collapsing", "healthy"]):
        callback.tick({"samples": i, "guard": guard})
    callback.finished("done")
    assert texts(tmp_path, "guard") == [(0, "healthy"), (2, "collapsing"), (3, "healthy")]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("g_loss", "loss/g_loss"),
        ("a_term_of_a_plugin", "loss/a_term_of_a_plugin"),
        ("d_real", "logits/d_real"),
        ("fake_std", "variety/fake_std"),
        ("lr", "schedule/lr"),
        ("seconds", "time/seconds"),
        ("own/heading", "own/heading"),
    ],
)
def test_values_have_headings(name, shown) -> None:
    assert tag(name) == shown
