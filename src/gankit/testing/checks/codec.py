"""Checks of the codec."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import safetensors.torch
import torch

from gankit.contract import (
    Batch,
    Categorical,
    Codec,
    CodecState,
    Fitting,
    ReportsHealth,
)
from gankit.contract.codec import comparable, density_ratio_input
from gankit.testing.checks.base import expect, expect_float
from gankit.testing.checks.shared import distance_in_deviations
from gankit.testing.subject import BATCH, CheckFailed, NotApplicable, Subject, is_extractor


def encode(s: Subject) -> None:
    """Encoded and prepared samples have the layout's shape, in finite float32."""
    items = s.items(BATCH)
    stored = s.encode(items)
    before = stored.x.clone()
    x, shape = s.codec.prepare(stored).x, (len(items), *s.codec.layout.shape)
    expect_float("prepare's x", x, shape, "Let encode, prepare and codec.layout.shape agree")
    for what, seeds in (("real", None), ("generated", range(len(items)))):
        given = Batch(x, stored.c) if seeds else stored
        found = density_ratio_input(s.codec, given, seeds).x
        what = f"density_ratio_input's x of {what} samples"
        expect_float(what, found, shape, "Keep the layout's shape")
    features = comparable(s.codec, Batch(x, stored.c))
    width = features.shape[1] if features.ndim == 2 else 1
    fix = "Return a row of features for each sample"
    expect_float("comparable's features", features, (len(items), width), fix)
    kept = torch.equal(before, stored.x)
    expect(kept, "prepare modifies its input, which is cached", "Work on a copy")
    again = s.codec.encode(items, np.random.default_rng(1)).x
    fixed = torch.equal(again, stored.x) or not s.codec.deterministic
    fix = "Set deterministic=False, or draw in prepare"
    expect(fixed, "encode is random though the codec is deterministic", fix)


def encode_condition(s: Subject) -> None:
    """Encoded samples carry the layout's condition: one-hot classes and numbers, in float32."""
    condition, batch = s.codec.layout.condition, s.real()
    fix = "Return c exactly when codec.layout.condition is set"
    expect((batch.c is None) == (condition is None), "the layout and encode's c disagree", fix)
    if condition is None or batch.c is None:
        raise NotApplicable("the layout has no condition")
    expect_float("c", batch.c, (len(batch), condition.width), "Match codec.layout.condition.width")
    for field, block in condition.blocks():
        c, fix = batch.c[:, block], "Use Categorical.encode"
        full = c.sum(1) == 1
        if isinstance(field, Categorical) and field.optional:
            full |= c.sum(1) == 0
        one_hot = bool((c == c.bool()).all() and full.all())
        expect(one_hot or not isinstance(field, Categorical), f"{field.name} is not one-hot", fix)


def round_trip(s: Subject) -> None:
    """Decoding encoded items gives the items back: encoded again, they are the same."""
    batch = s.real()
    n, items = len(batch), s.codec.decode(batch, range(len(batch)))
    expect(
        len(items) == n, f"{n} samples decode to {len(items)} items", "Return one item per sample"
    )
    again = s.codec.prepare(s.encode(items))
    moved = distance_in_deviations(again.x, batch.x)
    fix = "Make decode invert prepare(encode(...)), or widen Codec.tolerance and say why"
    expect(moved <= s.allowed, f"a round trip moves items by {moved:.3g} standard deviations", fix)
    if batch.c is not None and again.c is not None:
        condition = s.codec.layout.condition
        fields = condition.fields if condition else ()
        drawn = any(isinstance(f, Categorical) and f.optional for f in fields)
        # A trained decoder follows conditions only roughly: how well is a score.
        kept = drawn or s.codec.is_learned or torch.allclose(batch.c, again.c, atol=1e-4)
        expect(kept, "a round trip changes conditions", "Make decode write c into the items")


def codec_state(s: Subject) -> None:
    """A codec can be restored from JSON and tensors, without the data."""
    state = s.codec.state()
    fix = "Use JSON values in config and plain, contiguous tensors in tensors"
    try:
        config = json.loads(json.dumps(state.config))
        tensors = safetensors.torch.load(safetensors.torch.save(state.tensors))
    except (TypeError, ValueError, RuntimeError) as error:
        raise CheckFailed(f"the codec's state cannot be stored: {error}", fix) from None
    codec = type(s.modality)().load_codec(CodecState(config, tensors), s.settings)
    fix = "Put all that load_codec needs into state()"
    expect(codec.layout == s.codec.layout, "the loaded codec's layout differs", fix)
    x = codec.encode(s.items(BATCH), np.random.default_rng(0)).x
    expect(torch.equal(x, s.encode(s.items(BATCH)).x), "the loaded codec encodes differently", fix)
    batch = s.real()
    ours, theirs = (s.encode(c.decode(batch, range(len(batch)))).x for c in (s.codec, codec))
    expect(torch.equal(ours, theirs), "the loaded codec decodes differently", fix)


def statelessness(s: Subject) -> None:
    """Two codecs can be used in turns: each has its own networks, features and output."""
    modality, items = type(s.modality)(), s.items(4)

    def uses(codec: Codec[Any]) -> dict[str, list[bytes]]:
        torch.manual_seed(0)
        networks = modality.build_networks(codec, s.settings)
        weights = [*networks.generator.parameters(), *networks.discriminator.parameters()]
        features: list[bytes] = []
        for extractor in filter(is_extractor, modality.evaluators(codec, s.settings)):
            extractor.fit(s.dataset.items)
            features += [extractor.fingerprint.encode(), extractor.features(items).tobytes()]
        shown = [modality.preview(items, codec).content for _ in range(2)]
        return {
            "networks": [p.detach().numpy().tobytes() for p in weights],
            "features": features,
            "preview": shown if shown[0] == shown[1] else [],
            "encoding": [codec.encode(items, np.random.default_rng(0)).x.numpy().tobytes()],
        }

    first = modality.load_codec(s.codec.state(), s.settings)
    alone = uses(first)
    torch.manual_seed(0)
    half = s.items(max(len(s.dataset.items) // 2, 2))
    uses(modality.fit_codec(half, s.settings, Fitting()))
    again = uses(first)
    other = [name for name in alone if alone[name] != again[name]]
    fix = "Use the codec that is passed; let no attribute of the modality remember one"
    expect(not other, f"another codec in between changes the first one's {', '.join(other)}", fix)


def budget(s: Subject) -> None:
    """A codec that is trained ends with its time, and stops when the user stops it."""
    if not s.codec.is_learned:
        raise NotApplicable("the codec is not trained")
    calls: dict[str, int] = {"time_left": 0, "stopped": 0}

    def time_left() -> float:
        calls["time_left"] += 1
        return max(3.0 - calls["time_left"], 0.0)

    def stopped() -> bool:
        calls["stopped"] += 1
        return False

    codec = s.fit(fitting=Fitting(time_left=time_left, stopped=stopped))
    for name, times in calls.items():
        fix = f"Call fitting.{name}() between steps, and end when it says so"
        expect(times, f"fit_codec does not use fitting.{name}", fix)
    batch = codec.prepare(codec.encode(s.items(4), np.random.default_rng(0)))
    finite = bool(batch.x.isfinite().all())
    expect(finite, "a codec that ran out of time is not usable", "Return what was learned so far")


def codec_health(s: Subject) -> None:
    """A codec that reports its health gives finite numbers with a sentence each, the same again."""
    reports = s.codec
    if not isinstance(reports, ReportsHealth):
        raise NotApplicable("the codec does not report its health")
    items, before = s.items(BATCH), s.encode(s.items(4)).x

    def measured() -> list[Any]:
        torch.manual_seed(0)
        return list(reports.health(items, True, np.random.default_rng(0)))

    signs = measured()
    expect(signs, "health reports nothing", "Report a sign, or leave out the method")
    for sign in signs:
        numbers = [sign.value] if sign.baseline is None else [sign.value, sign.baseline]
        finite = all(isinstance(n, int | float) and math.isfinite(n) for n in numbers)
        expect(finite, f"health's {sign.name} is {numbers}", "Report finite numbers only")
        for text in (sign.name, sign.text, *([sign.remedy] if sign.remedy else [])):
            is_line = isinstance(text, str) and bool(text.strip()) and "\n" not in text
            expect(is_line, f"health has {text!r}, which is not one line", "Write a sentence each")
        fix = "Leave out the full stop: the core adds it, and the remedy"
        expect(not sign.text.endswith("."), f"health's {sign.name} ends with a full stop", fix)
    names = [sign.name for sign in signs]
    expect(len(set(names)) == len(names), f"health repeats a name: {names}", "Name each sign once")
    fix = "Draw from the given rng, or from torch's default generator"
    expect(measured() == signs, "health differs from one call to the next", fix)
    same = torch.equal(before, s.encode(s.items(4)).x)
    expect(same, "health changes what the codec encodes", "Leave the codec as it is")
