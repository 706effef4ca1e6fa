"""Checks of training and sampling."""

from __future__ import annotations

import shutil

import torch

from gankit.contract.codec import condition_inputs
from gankit.engine.checkpoint import load_checkpoint
from gankit.errors import GankitError
from gankit.testing.checks.base import expect
from gankit.testing.subject import BATCH, STEPS, CheckFailed, NotApplicable, Subject


def resume(s: Subject) -> None:
    """Training in two parts gives, bit for bit, the same result as in one."""
    s.train("parts", STEPS * BATCH // 2, judged=False)
    parts, whole = (
        load_checkpoint(run.path / "checkpoints")
        for run in (s.train("parts", STEPS * BATCH, judged=False), s.run)
    )
    assert parts is not None and whole is not None  # noqa: PT018 - no test, but mypy's hint
    other = [k for k, v in whole[0].items() if not torch.equal(parts[0][k], v)]
    fix = (
        "Draw from torch's default generator, or from the rng and seeds that are passed; keep what "
        "changes in training in parameters and buffers"
    )
    expect(not other, f"{len(other)} tensors differ after resuming, such as {other[:3]}", fix)


def sampling(s: Subject) -> None:
    """An item depends on its seed only, also in a copy of the model folder."""
    copy = s.folder / "copied-model"  # opened by a fresh instance of the modality
    shutil.copytree(s.run.model_folder, copy, dirs_exist_ok=True)
    first = s.encode(s.run.sample(6)).x
    fix = "Make decode draw from each sample's own seed, and put all that it needs into state()"
    expect(torch.equal(first, s.encode(s.run.sample(6)).x), "two calls of sample differ", fix)
    some = s.encode(s.run.sample(3, seed=2)).x
    expect(torch.equal(first[2:5], some), "items change with the number requested", fix)
    away = s.encode(s.open(copy).sample(6)).x
    expect(torch.equal(first, away), "a copied model folder generates different items", fix)


def requests(s: Subject) -> None:
    """What a form offers as conditions can be requested."""
    offered = condition_inputs(s.run.codec)
    if not offered:
        raise NotApplicable("the run has no conditions")
    fix = "Let condition_inputs list what sample_conditions takes"
    for one in offered:
        words = [*one.values[:2], *one.values[-1:]]
        if one.low is not None and one.high is not None:
            expect(one.low <= one.high, f"{one.name}: low is above high", fix)
            middle = (one.low + one.high) / 2
            words += [f"{middle:g}", *([f"{one.low:g}..{one.high:g}"] if one.ranges else [])]
        for word in dict.fromkeys(words):
            try:
                list(s.run.sample(1, where={one.name: word}))
            except GankitError as error:
                raise CheckFailed(
                    f"{one.name}={word} is offered and refused: {error}", fix
                ) from None
