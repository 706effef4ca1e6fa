"""Layers of settings, checking their values, and reading back what was written."""

from __future__ import annotations

import dataclasses
import json
import math
import tomllib
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_type_hints

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from gankit import config
from gankit.contract import Bounds, PluginInfo
from gankit.engine.schedules import Ramp
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
    share: Annotated[float, Bounds(0, 1, exclusive=True)] = 0.5
    """A part."""
    sizes: Annotated[tuple[int, ...], Bounds(2)] = (4,)
    """All of them."""


def resolve(*words, **given):
    return config.resolve(INFO, ThingSettings, overrides=words, **given)


def test_later_layers_override_earlier_ones():
    files = [{"size": 5, "optim": {"lr": 1e-3}}]
    resolved = resolve("optim.lr=[1e-4, 1e-5]", "train.burn_in=100", files=files)
    assert resolved.settings.size == 5
    assert resolved.engine.optim.lr == (1e-4, 1e-5)
    assert resolved.engine.train.batch == EngineSettings().train.batch


def test_values_are_toml_and_bare_words_are_text():
    resolved = resolve(
        "fit=pad", "widths=[4, 5, 6]", "strict=true", "train.batch=1_000", "loss.extra.drift=0.1"
    )
    assert resolved.settings == ThingSettings(3, "pad", (4, 5, 6), strict=True)
    assert resolved.engine.train.batch == 1000
    assert resolved.engine.loss.extra == {"drift": 0.1}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["optim.lrr=1"], "unknown setting 'optim.lrr'. Did you mean optim.lr"),
        (["sise=1"], "unknown setting 'sise'. Did you mean size"),
        (["train=5"], "unknown setting 'train'"),
        (["widths=4"], r"widths=4: is not a list. Expected list of integer: 'widths=\[4\]'"),
        (["widths=2026-01-01"], "is not a list. Expected list of integer"),
        (["size=big"], "size='big': is not an integer. Expected integer"),
        (["size=true"], "size=true: is not an integer. Expected integer"),
        (["size=1.5"], "size=1.5: is not an integer. Expected integer"),
        (["ema.half_life=false"], "ema.half_life=false: is not a number. Expected number"),
        (["guard.every=nan"], "guard.every=nan: is not finite"),
        (["train.compile=3"], "train.compile=3: is neither true nor false"),
        (["fit=strech"], r"fit='strech': is not one of the choices. Expected crop \| pad"),
        (["train.batch=0"], "train.batch=0: out of range. Use at least 1"),
        (["train.batch=10", "train.accumulate=3"], "train.accumulate=3"),
        (["augment.p=2"], "augment.p=2.0: out of range. Use between 0 and 1"),
        (["data.holdout=1.5"], "data.holdout=1.5: out of range. Use between 0 and 0.9"),
        (["optim.lr=fast"], "optim.lr='fast': is not a number. Expected number, "),
        (["optim.lr=[1, 2, 3]"], "optim.lr="),
        (["nothing"], "'nothing' is not a setting"),
        (["train.precision=fp16"], r"Expected fp32 \| bf16"),
        (["share=0"], "share=0.0: out of range. Use above 0 and at most 1"),
        (["share=nan"], "share=NaN: out of range"),
        (["sizes=[3, 1]"], r"sizes=\[3, 1\]: out of range. Use at least 2"),
    ],
)
def test_bad_values_are_named(words, message):
    with pytest.raises(GankitError, match=message):
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
    a, b = resolve(), resolve("size=4", "train.samples=900", "log.every=7", "optim.eps=1e-7")
    assert a.differences(b) == ["optim.eps", "size"]


def test_settings_are_described_by_their_docstrings():
    own = {s.key: s for s in config.describe(ThingSettings)}
    assert own["fit"].meaning == "How it fits."
    assert own["fit"].type == "crop | pad"
    assert own["widths"].default == (8, 16)
    assert own["share"].type == "number, above 0 and at most 1"
    assert own["sizes"].type == "list of integer, at least 2"
    engine = config.describe(EngineSettings)
    assert all(s.meaning for s in engine), [s.key for s in engine if not s.meaning]
    assert "optim.lr" in {s.key for s in engine}


def test_a_plugin_may_not_take_a_section_name():
    @dataclass(frozen=True)
    class Clash:
        train: int = 1

    with pytest.raises(GankitError, match="plugin thing: its setting train"):
        config.resolve(INFO, Clash)


# --- The weight of R1 and R2 ---------------------------------------------------------------------


def gammas(*words, **given):
    return resolve(*words, **given).engine.gammas


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], ("auto", "auto")),
        (["loss.gradient_penalty=10"], (0, 0)),
        (["loss.extra.other=1"], (0, 0)),
        (["privacy.epsilon=3"], (0, 0)),
        (["loss.gradient_penalty=10", "penalty.gamma=auto"], ("auto", "auto")),
        (["penalty.gamma=0"], (0, 0)),
        (["penalty.gamma=3"], (3, 3)),
        (["penalty.gamma=auto"], ("auto", "auto")),
        (["penalty.gamma=[3.0, 0.3]", "train.burn_in=100"], ((3, 0.3), (3, 0.3))),
        (["penalty.gamma={start=3, stop=0, over=9}"], (Ramp(3, 0, 9), Ramp(3, 0, 9))),
        (["penalty.gamma=3", "loss.r1=1"], (1, 3)),
        (["penalty.gamma=auto", "loss.r2=0"], ("auto", 0)),
        (["loss.r1=1", "loss.r2=2"], (1, 2)),
    ],
)
def test_gamma_is_the_weight_of_r1_and_r2_where_they_have_none_of_their_own(words, expected):
    resolved = resolve(*words)
    assert resolved.engine.gammas == expected
    assert resolved.engine.adapts_gamma is ("auto" in expected)
    assert resolved.engine.zero_centred is (expected != (0, 0))
    table = tomllib.loads(tomli_w.dumps(resolved.as_table()))
    assert config.from_run(table, ThingSettings) == resolved
    assert config.resolve(INFO, ThingSettings, files=[table]) == resolved


def test_a_later_layer_replaces_the_weights_however_they_were_given():
    older, newer = {"loss": {"r1": 1, "r2": 2}}, {"penalty": {"gamma": 3}}
    assert gammas("penalty.gamma=auto", files=[older]) == ("auto", "auto")
    assert gammas("loss.r1=5", "loss.r2=6", files=[newer]) == (5, 6)
    assert gammas("loss.r2=6", files=[newer]) == (3, 6)
    assert gammas("loss.r2=6", files=[older]) == (1, 6)
    assert gammas(files=[newer, older]) == (1, 2)
    with pytest.raises(GankitError, match=r"penalty.gamma, loss.r1 and loss.r2 set the same. Use"):
        gammas("penalty.gamma=1", "loss.r1=1", "loss.r2=1")


@pytest.mark.parametrize(
    ("word", "message"),
    [
        (
            "penalty.gamma=atuo",
            r"penalty.gamma='atuo': .*Expected auto, number, \[from, to\] or table",
        ),
        ("penalty.gamma=-1", "penalty.gamma=-1.0: out of range. Use at least 0"),
        ("penalty.gamma=[1, 2, 3]", "penalty.gamma=.*Expected auto, number"),
        ("penalty.gama=1", "unknown setting 'penalty.gama'. Did you mean penalty.gamma"),
        ("penalty.gamma=[1, 0]", "penalty.gamma: it changes over train.burn_in samples"),
    ],
)
def test_bad_gammas_are_named(word, message):
    with pytest.raises(GankitError, match=message):
        resolve(word)


def test_a_run_of_before_is_resumed_with_the_same_weights_under_their_new_name():
    then = resolve("penalty.gamma=0.3").as_table()
    then["loss"] |= {"r1": 0.3, "r2": 0.3}
    del then["penalty"]
    run = config.from_run(then, ThingSettings)
    assert run.differences(resolve("penalty.gamma=0.3")) == []
    assert run.differences(resolve("penalty.gamma=0.4")) == ["penalty.gamma"]
    assert run.differences(resolve("penalty.gamma=0.3", "loss.r1=0")) == [
        *("loss.r1", "loss.r2", "penalty.gamma")
    ]


def test_files_that_are_not_toml(tmp_path):
    with pytest.raises(GankitError, match="cannot read"):
        config.read_toml(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("a = 1\nb = = 2\n")
    with pytest.raises(GankitError, match=r"bad.toml is not valid TOML.*line 2"):
        config.read_toml(tmp_path / "bad.toml")


def test_a_schedule_without_its_length_is_refused():
    """It would have its last value from the first sample on."""
    with pytest.raises(GankitError, match=r"^optim\.lr: it changes over train\.burn_in"):
        resolve("optim.lr=[1e-3, 1e-5]")
    assert resolve("optim.lr=[1e-3, 1e-5]", "train.burn_in=100").engine.optim.lr == (1e-3, 1e-5)


# --- Bounds -------------------------------------------------------------------------------------


@given(st.floats(-10, 10), st.floats(-10, 10), st.floats(allow_nan=True), st.booleans())
def test_bounds_hold_their_range_and_only_finite_numbers(a, b, value, exclusive):
    least, most = sorted((a, b))
    bounds = Bounds(least, most, exclusive)
    inside = least < value <= most if exclusive else least <= value <= most
    assert (value in bounds) is inside
    assert math.nan not in Bounds()
    assert math.inf not in Bounds(0)


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        (Bounds(1), "at least 1"),
        (Bounds(0, exclusive=True), "above 0"),
        (Bounds(most=5), "at most 5"),
        (Bounds(0, 0.9), "between 0 and 0.9"),
        (Bounds(0, 1e6, exclusive=True), "above 0 and at most 1e+06"),
    ],
)
def test_bounds_in_words(bounds, words):
    assert str(bounds) == words


def bounded(cls: type, prefix: str = "") -> dict[str, tuple[Bounds, bool]]:
    """The bounds of every numeric setting by key, and whether it is an integer."""
    found: dict[str, tuple[Bounds, bool]] = {}
    for name, hint in get_type_hints(cls, include_extras=True).items():
        if dataclasses.is_dataclass(hint):
            found |= bounded(hint, f"{prefix}{name}.")  # type: ignore[arg-type]
            continue
        for part in (hint, *getattr(hint, "__args__", ())):
            for bounds in getattr(part, "__metadata__", ()):
                found[prefix + name] = bounds, part.__origin__ is int
    return found


BOUNDED = bounded(EngineSettings)
UNBOUNDED = {
    *(
        "loss.objective",
        "loss.penalty_form",
        "loss.extra",
        "train.precision",
        "train.compile",
        "train.shard",
    ),
    *("train.channels_last", "data.cache", "data.remote", "warm_up.early_stop"),
    *("data.people", "data.consent"),
    *("transfer.run", "transfer.codec", "transfer.public", "guard.action"),
}
"""The engine's settings that are no numbers."""


def test_every_number_among_the_engines_settings_has_bounds():
    assert {s.key for s in config.describe(EngineSettings)} - set(BOUNDED) == UNBOUNDED


def outside(bounds: Bounds, integer: bool) -> st.SearchStrategy[Any]:
    """Values below and above a range, and those that are no number at all."""
    ways = []
    if math.isfinite(bounds.least):
        below = st.integers(max_value=int(bounds.least) - 1)
        ways.append(below if integer else st.floats(max_value=bounds.least, exclude_max=True))
        if bounds.exclusive:
            ways.append(st.just(bounds.least))
    if math.isfinite(bounds.most):
        above = st.integers(min_value=int(bounds.most) + 1)
        ways.append(above if integer else st.floats(min_value=bounds.most, exclude_min=True))
    if not integer:
        ways.append(st.just(math.nan))
    return st.one_of(ways)


def nested(key: str, value: Any) -> dict[str, Any]:
    section, _, name = key.partition(".")
    return {section: {name: value}}


@given(st.data(), st.sampled_from(sorted(BOUNDED)))
def test_a_value_out_of_range_is_refused_with_key_and_range(data, key):
    """Also as one end of a schedule, where the setting may be one."""
    bounds, integer = BOUNDED[key]
    value = data.draw(outside(bounds, integer))
    forms: list[Any] = [value]
    if not integer and key in SCHEDULED:
        inside = bounds.most if math.isfinite(bounds.most) else bounds.least
        forms += [(value, inside), (inside, value), {"start": inside, "stop": value}]
    for form in forms:
        with pytest.raises(GankitError) as refused:
            config.resolve(INFO, ThingSettings, files=[nested(key, form)])
        assert refused.value.message.startswith(f"{key}=")
        assert refused.value.message.endswith(": out of range")
        assert refused.value.hint == f"Use {bounds}"


SCHEDULED = {
    *("penalty.gamma", "loss.r1", "loss.r2", "loss.gradient_penalty", "augment.p", "ema.half_life"),
    *("optim.lr", "optim.d_lr", "optim.beta2", "optim.d_beta2"),
}
"""Settings that may change during training."""


ALONE = {"train.accumulate", "train.batch", "train.samples", "transfer.freeze_d"}
"""Settings that depend on each other."""


@given(st.data(), st.sampled_from(sorted(set(BOUNDED) - ALONE)))
def test_a_value_in_range_is_taken(data, key):
    bounds, integer = BOUNDED[key]
    most = bounds.most if math.isfinite(bounds.most) else 1e9
    if integer:
        value: Any = data.draw(st.integers(int(bounds.least), int(most)))
    else:
        value = data.draw(st.floats(bounds.least, most, exclude_min=bounds.exclusive))
    found = config.flatten(
        config.resolve(INFO, ThingSettings, files=[nested(key, value)]).as_table()
    )
    assert found[key] == value


def test_the_message_quotes_a_schedule_as_it_is_written():
    with pytest.raises(GankitError) as refused:
        resolve("optim.lr={start=1e-3, stop=-1, over=10}")
    shown = refused.value.message.removeprefix("optim.lr=").removesuffix(": out of range")
    assert Ramp(**json.loads(shown)) == Ramp(1e-3, -1, over=10)


def test_a_run_with_settings_that_are_out_of_range_is_refused():
    table = resolve().as_table()
    table["ema"]["half_life"] = -1
    with pytest.raises(GankitError, match="ema.half_life=-1.0: out of range. Use at least 0"):
        config.from_run(table, ThingSettings)


# --- Settings at sampling time ------------------------------------------------------------------


def test_only_sampling_settings_can_be_overridden():
    trained = {"size": 5, "share": 0.25}
    found = config.adjust(ThingSettings, trained, {"share": 0.75}, ["share"], "thing")
    assert found == ThingSettings(size=5, share=0.75)
    for changes, message in (
        ({"size": 4}, "size cannot be changed when generating. .*share"),
        ({"train": {"batch": 4}}, "train.batch affects training, which is finished"),
        ({"shar": 1}, "Did you mean share"),
        ({"share": 2}, "share=2.0: out of range"),
    ):
        with pytest.raises(GankitError, match=message):
            config.adjust(ThingSettings, trained, changes, ["share"], "thing")


def test_only_names_of_settings_are_split_at_dots():
    """A column's name may have a dot."""
    table = {"optim.lr": 1, "optim": {"betas": [0, 1]}, "types": {"a.b": "integer"}}
    assert config.values.nest(table) == {
        "optim": {"lr": 1, "betas": [0, 1]},
        "types": {"a.b": "integer"},
    }
