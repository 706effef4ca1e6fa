from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import Literal

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from gankit import config
from gankit.contract import PluginInfo
from gankit.engine.settings import EngineSettings
from gankit.errors import GankitError

INFO = PluginInfo("thing", "things", "x:Y")


@dataclass(frozen=True)
class ThingSettings:
    """Settings of things."""

    size: int = 3
    """How large."""
    fit: Literal["crop", "pad"] = "crop"
    """How it
    fits."""
    widths: tuple[int, ...] = (8, 16)
    """Channels."""
    strict: bool = False
    """Whether to fail."""


def resolve(*words, **given):
    return config.resolve(INFO, ThingSettings, overrides=words, **given)


def test_layers_lie_on_each_other():
    files = [{"size": 5, "optim": {"lr": 1e-3}}]
    resolved = resolve("optim.lr=[1e-4, 1e-5]", "train.burn_in=100", files=files)
    assert resolved.settings.size == 5
    assert resolved.engine.optim.lr == (1e-4, 1e-5)
    assert resolved.engine.train.batch == EngineSettings().train.batch


def test_values_are_toml_and_bare_words_are_text():
    resolved = resolve(
        "fit=pad", "widths=[4, 5, 6]", "strict=true", "train.batch=1_000", "loss.extra.drift=0.1"
    )
    assert resolved.settings == ThingSettings(3, "pad", (4, 5, 6), True)
    assert resolved.engine.train.batch == 1000
    assert resolved.engine.loss.extra == {"drift": 0.1}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["optim.lrr=1"], "unknown setting 'optim.lrr'. Did you mean optim.lr"),
        (["sise=1"], "unknown setting 'sise'. Did you mean size"),
        (["train=5"], "unknown setting 'train'"),
        (["widths=4"], r"widths=4: is no list. It takes list of integer: 'widths=\[4\]'"),
        (["widths=2026-01-01"], "is no list. It takes list of integer"),
        (["size=big"], "size='big': .*It takes integer"),
        (["fit=strech"], "fit='strech': .*It takes crop | pad"),
        (["train.batch=0"], "train.batch=0: must be above 0"),
        (["train.batch=10", "train.accumulate=3"], "train.accumulate=3"),
        (["augment.p=2"], "augment.p=2"),
        (["data.holdout=1.5"], "data.holdout=1.5"),
        (["optim.lr=fast"], "optim.lr='fast': .*It takes number, "),
        (["optim.lr=[1, 2, 3]"], "optim.lr="),
        (["nothing"], "'nothing' is not a setting"),
        (["train.precision=fp16"], "It takes fp32 | bf16"),
    ],
)
def test_bad_values_are_named(words, says):
    with pytest.raises(GankitError, match=says):
        resolve(*words)


def test_unknown_recipe():
    with pytest.raises(GankitError, match="no recipe 'nope'"):
        resolve(recipe="nope")


def test_a_run_reads_back_what_it_wrote():
    resolved = resolve(
        "optim.lr={start=1e-3, stop=0, over=5e4, shape='linear'}",
        "loss.r1=[1, 0.1]",
        "train.burn_in=100",
        "optim.d_lr=1e-5",
    )
    table = tomllib.loads(tomli_w.dumps(resolved.as_table()))
    assert config.from_run(table, ThingSettings) == resolved
    assert config.from_run(table, ThingSettings).differences(resolved) == []


@given(st.floats(1e-8, 1), st.integers(1, 10**6), st.booleans())
def test_any_values_read_back(lr, size, strict):
    resolved = resolve(f"optim.lr={lr!r}", f"size={size}", f"strict={str(strict).lower()}")
    table = tomllib.loads(tomli_w.dumps(resolved.as_table()))
    assert config.from_run(table, ThingSettings) == resolved


def test_differences_name_what_may_not_change():
    a, b = resolve(), resolve("size=4", "train.samples=9", "log.every=7", "optim.eps=1e-7")
    assert a.differences(b) == ["optim.eps", "size"]


def test_settings_are_described_by_their_docstrings():
    own = {s.key: s for s in config.describe(ThingSettings)}
    assert own["fit"].meaning == "How it fits."
    assert own["fit"].type == "crop | pad"
    assert own["widths"].default == (8, 16)
    engine = config.describe(EngineSettings)
    assert all(s.meaning for s in engine), [s.key for s in engine if not s.meaning]
    assert "optim.lr" in {s.key for s in engine}


def test_a_plugin_may_not_take_a_section_name():
    @dataclass(frozen=True)
    class Clash:
        train: int = 1

    with pytest.raises(GankitError, match="plugin thing: its setting train"):
        config.resolve(INFO, Clash)


def test_files_that_are_not_toml(tmp_path):
    with pytest.raises(GankitError, match="cannot read"):
        config.read_toml(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("a = 1\nb = = 2\n")
    with pytest.raises(GankitError, match=r"bad.toml is not valid TOML.*line 2"):
        config.read_toml(tmp_path / "bad.toml")


def test_a_schedule_without_its_length_is_refused():
    """It would stand at its end from the first sample on."""
    with pytest.raises(GankitError, match=r"^optim\.lr: it moves over train\.burn_in"):
        resolve("optim.lr=[1e-3, 1e-5]")
    assert resolve("optim.lr=[1e-3, 1e-5]", "train.burn_in=100").engine.optim.lr == (1e-3, 1e-5)
