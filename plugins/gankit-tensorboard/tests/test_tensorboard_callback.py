"""What a run leaves in its event files, read back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from gankit.plugins import installed
from gankit.testing import check_plugin

accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
PLUGIN = "tensorboard"


def written(run: Path) -> Any:
    found = accumulator.EventAccumulator(str(run / "tensorboard"))
    found.Reload()
    return found


def test_it_keeps_the_contract_of_callbacks(enabled: None) -> None:
    record = installed().record("tensorboard")
    assert record is not None
    results = {r.check.name: r.status for r in check_plugin(record, installed())}
    assert results == {"light-hooks": "passed", "callbacks": "passed"}


def test_a_run_is_followed(followed_run) -> None:
    run, metrics = followed_run()
    found = written(run)
    losses = found.Scalars("game/d_loss")
    assert [event.step for event in losses] == [line["samples"] for line in metrics]
    assert losses[-1].value == pytest.approx(metrics[-1]["d_loss"], rel=1e-5)
    assert "pace/samples_per_second" in found.Tags()["scalars"]
    assert {"settings/text_summary", "guard/text_summary", "status/text_summary"} <= set(
        found.Tags()["tensors"]
    )
    assert found.Images("preview")


def test_a_resumed_run_goes_on(followed_run) -> None:
    first, _ = followed_run(samples=320)
    run, metrics = followed_run(samples=640, out=first)
    steps = [event.step for event in written(run).Scalars("game/d_loss")]
    assert steps == [line["samples"] for line in metrics]
    assert steps[-1] == 640


def test_only_pictures_are_shown(tmp_path: Path) -> None:
    from gankit_tensorboard.callback import TensorBoard

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
