"""The kit's checks of hooks: a correct plugin passes, each planted fault is found."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from gankit.errors import GankitError
from gankit.plugins.compatibility import Origin
from gankit.plugins.registry import Plugins
from gankit.testing import HOOK_CHECKS, check_plugin, check_reasons

CORRECT = {
    "gankit_objectives": """
        from torch.nn.functional import softplus as s
        yield Objective("log", lambda r, f: s(-r) + s(f), lambda r, f: s(-f))
        yield Objective("pairs", lambda r, f: s(f - r), lambda r, f: s(r - f), True)
    """,
    "gankit_penalties": """
        yield Penalty("drift", lambda D, real, fake, c: D(real, c).square())
    """,
    "gankit_metrics": """
        yield Metric("gap", lambda real, fake, rng: {"gap": float(abs(real - fake[:1]).max())})
    """,
    "gankit_callbacks": """
        yield Callback()
    """,
    "gankit_outputs": """
        (folder / "NOTICE").write_text(record["software"])
    """,
    "gankit_commands": """
        @app.command()
        def hello() -> None:
            "Says hello."
    """,
}
ARGUMENTS = {"gankit_outputs": "folder, record", "gankit_commands": "app"}

Make = Callable[..., Plugins]


@pytest.fixture(autouse=True)
def every_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GANKIT_PLUGINS")


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """A plugin of the given hooks."""

    def plugins(hooks: dict[str, str], head: str = "") -> Plugins:
        parts = [
            head,
            "from gankit.contract import *",
        ]
        for hook, body in hooks.items():
            signature = f"@hookimpl\ndef {hook}({ARGUMENTS.get(hook, '')}):"
            parts.append(f"{signature}\n{textwrap.indent(textwrap.dedent(body), '    ')}")
        (tmp_path / "hooked.py").write_text("\n".join(parts))
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(sys.modules, "hooked", raising=False)
        return Plugins([EntryPoint("hooked", "hooked", "gankit")], Origin("gankit-hooked", "1"))

    return plugins


def found(plugins: Plugins) -> dict[str, tuple[str, str]]:
    return {r.check.name: (r.status, r.message) for r in check_plugin(plugins.records[0], plugins)}


def test_a_correct_plugin_passes(make: Make) -> None:
    results = found(make(CORRECT))
    assert {status for status, _ in results.values()} == {"passed"}, results
    assert set(results) == {check.name for check in HOOK_CHECKS}


def test_hooks_that_are_not_there_are_not_checked(make: Make) -> None:
    assert set(found(make({"gankit_callbacks": "yield Callback()"}))) == {
        "light-hooks",
        "callbacks",
    }


FAULTS = [
    ("light-hooks", "imports numpy torch", "gankit_callbacks", "yield Callback()", "import torch"),
    ("objectives", "which is not of the type", "gankit_objectives", "yield 'log'", ""),
    ("objectives", "gave nothing", "gankit_objectives", "return []", ""),
    ("objectives", "is built in", "gankit_objectives",
     "yield Objective('hinge', lambda r, f: f - r, lambda r, f: -f)", ""),
    ("objectives", "has shape ()", "gankit_objectives",
     "yield Objective('mean', lambda r, f: (f - r).mean(), lambda r, f: -f)", ""),
    ("objectives", "of logits (N, 3) the discriminator's loss is of shape ([16])",
     "gankit_objectives",
     "yield Objective('one', lambda r, f: (f - r).reshape(len(r), -1)[:, 0], lambda r, f: -f)", ""),
    ("objectives", "is not finite", "gankit_objectives",
     "yield Objective('log', lambda r, f: f - r.log(), lambda r, f: -f)", ""),
    ("objectives", "does not move with its logits", "gankit_objectives",
     "yield Objective('still', lambda r, f: f + 0 * r, lambda r, f: -f)", ""),
    ("objectives", "Set generator_sees_reals=True", "gankit_objectives",
     "yield Objective('pairs', lambda r, f: f - r, lambda r, f: r - f)", ""),
    ("penalties", "has shape ()", "gankit_penalties",
     "yield Penalty('p', lambda D, real, fake, c: D(real, c).square().mean())", ""),
    ("penalties", "moves no parameter", "gankit_penalties",
     "yield Penalty('p', lambda D, real, fake, c: 0 * D(real, c))", ""),
    ("penalties", "no gradient", "gankit_penalties",
     "yield Penalty('p', lambda D, real, fake, c: D(real, c).detach())", ""),
    ("penalties", "not finite", "gankit_penalties",
     "yield Penalty('p', lambda D, real, fake, c: D(real, c) / 0)", ""),
    ("metrics", "is built in", "gankit_metrics",
     "yield Metric('frechet', lambda real, fake, rng: {'x': 0.0})", ""),
    ("metrics", "no score", "gankit_metrics", "yield Metric('m', lambda *given: {})", ""),
    ("metrics", "x is not a finite number", "gankit_metrics",
     "yield Metric('m', lambda *given: {'x': float('nan')})", ""),
    ("metrics", "two calls differ", "gankit_metrics",
     "import random\nyield Metric('m', lambda *given: {'x': random.random()})", ""),
    ("metrics", "changes its input", "gankit_metrics",
     "def f(real, *rest):\n    real[:] = 0\n    return {'x': 0.0}\nyield Metric('m', f)", ""),
    ("callbacks", "C.tick raises KeyError: 'fid'", "gankit_callbacks",
     "class C(Callback):\n    def tick(self, values):\n        values['fid']\nyield C()", ""),
    ("outputs", "removes what was generated", "gankit_outputs",
     "(folder / 'item.txt').unlink()", ""),
    ("commands", "adds nothing", "gankit_commands", "pass", ""),
    ("commands", "hello has no help", "gankit_commands",
     "@app.command()\ndef hello() -> None: ...", ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("check", "words", "hook", "body", "head"), FAULTS, ids=[f"{c}: {w}" for c, w, *_ in FAULTS]
)
def test_a_planted_fault_is_found(
    make: Make, check: str, words: str, hook: str, body: str, head: str
) -> None:
    status, message = found(make({hook: body}, head))[check]
    assert status == "failed"
    assert words in message


def test_every_check_has_found_a_fault() -> None:
    assert {check for check, *_ in FAULTS} == {check.name for check in HOOK_CHECKS}


def test_expected_failures_hold_for_hooks_too(make: Make) -> None:
    plugins = make({"gankit_commands": "pass"})
    results = list(check_plugin(plugins.records[0], plugins, None, None, {"commands": "later"}))
    assert {r.check.name: r.status for r in results}["commands"] == "xfailed"
    with pytest.raises(GankitError, match="Did you mean commands"):
        check_reasons({"command": "later"})
