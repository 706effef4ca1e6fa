"""Checks of the other hooks: objectives, penalties, metrics, callbacks, outputs, commands."""

from __future__ import annotations

import copy
import inspect
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gankit.contract import Callback, Metric, Objective, Penalty
from gankit.engine.objectives import OBJECTIVES
from gankit.metrics.evaluate import GROUPS
from gankit.plugins.records import PluginRecord
from gankit.plugins.registry import Plugins, raise_if_strict
from gankit.testing.checks.base import Check, expect
from gankit.testing.checks.plugin import HEAVY, IMPORTED
from gankit.testing.subject import CheckFailed, NotApplicable

N, WIDTH = 16, 4


@dataclass(frozen=True)
class HookSubject:
    """A plugin, for the hooks that it implements."""

    record: PluginRecord
    plugins: Plugins

    def yielded(self, hook: str, wanted: type) -> list[Any]:
        """What its implementation of a hook yields.

        Raises:
            NotApplicable: it does not implement it.
        """
        given = list(self.call(hook) or ())
        for record in given:
            name = wanted.__name__
            what = f"{hook} gave {record!r}, which is not of the type {name}"
            expect(isinstance(record, wanted), what, f"Yield {name}")
        expect(given, f"{hook} gave nothing", "Yield a record, or take the hook out")
        return given

    def call(self, hook: str, **arguments: Any) -> Any:
        """Calls its implementation of a hook.

        Raises:
            NotApplicable: it does not implement it.
        """
        for impl in getattr(self.plugins.manager.hook, hook).get_hookimpls():
            if impl.plugin_name == self.record.name:
                return impl.function(*(arguments[name] for name in impl.argnames))
        raise NotApplicable(f"the plugin has no {hook}")


def light_hooks(s: HookSubject) -> None:
    """The module with the hooks imports nothing heavy."""
    words = [IMPORTED, "\n".join(sys.path), "\n".join(HEAVY), s.record.package]
    done = subprocess.run([sys.executable, "-c", *words], capture_output=True, text=True)
    last = done.stderr.strip().rpartition("\n")[2]
    fix = "Import heavy modules inside the functions that use them"
    expect(not done.returncode, f"the hook module cannot be imported: {last}", fix)
    expect(not done.stdout.split(), f"the hook module imports {done.stdout.strip()}", fix)


def objectives(s: HookSubject) -> None:
    """Objectives give a finite loss per pair, with gradients for both players."""
    for info in s.yielded("gankit_objectives", Objective):
        name = info.name
        expect(name not in OBJECTIVES, f"objective {name} is built in", "Choose another name")
        real, fake = torch.randn(2, N).requires_grad_().unbind()
        for player, function, given in (
            ("discriminator", info.discriminator, (real, fake)),
            ("generator", info.generator, (fake,)),
        ):
            loss = function(real, fake)
            what = f"objective {name}: the {player}'s loss has shape {tuple(loss.shape)}"
            expect(loss.shape == (N,), what, "Give a loss for each pair, of shape (N,); no mean")
            several = function(*(x[:, None].expand(N, 3) for x in (real, fake)))
            what = f"objective {name}: of logits (N, 3) the {player}'s loss is {several.shape}"
            fix = "Use elementwise operations: a discriminator may give several logits per sample"
            expect(several.shape == (N, 3), what.replace("torch.Size", "of shape "), fix)
            large = function(20 * real, 20 * fake)
            finite = bool(torch.cat([loss, large]).isfinite().all())
            what = f"objective {name}: the {player}'s loss is not finite"
            expect(finite, what, "Use softplus and logsigmoid in place of log and exp")
            found = torch.autograd.grad(
                loss.sum(), given, allow_unused=True, materialize_grads=True, retain_graph=True
            )
            moves = all(bool(g.any()) for g in found)
            what = f"objective {name}: the {player}'s loss does not move with its logits"
            expect(moves, what, "Let it depend on them by differentiable operations")
        reads_reals = torch.autograd.grad(
            info.generator(real, fake).sum(), real, allow_unused=True, materialize_grads=True
        )[0].any()
        what = f"objective {name}: the generator's loss uses real logits"
        expect(info.generator_sees_reals or not reads_reals, what, "Set generator_sees_reals=True")


def penalties(s: HookSubject) -> None:
    """Penalties give a finite value per sample, which moves the discriminator's parameters."""
    for info in s.yielded("gankit_penalties", Penalty):
        net = nn.Sequential(nn.Linear(WIDTH, 16), nn.Softplus(), nn.Linear(16, 1))

        def discriminate(x: Tensor, c: Tensor | None, net: nn.Module = net) -> Tensor:
            logits: Tensor = net(x.flatten(1)).squeeze(1)
            return logits

        value = info.function(discriminate, torch.randn(N, WIDTH), torch.randn(N, WIDTH), None)
        what = f"penalty {info.name}: it has shape {tuple(value.shape)}"
        expect(value.shape == (N,), what, "Give a value for each sample, of shape (N,); no mean")
        finite = bool(value.isfinite().all())
        expect(finite, f"penalty {info.name}: not finite", "Guard divisions, roots and logs")
        fix = "Let it depend on discriminate by differentiable operations; no no_grad, no detach"
        try:
            found = torch.autograd.grad(
                value.sum(), list(net.parameters()), allow_unused=True, materialize_grads=True
            )
        except RuntimeError as error:
            raise CheckFailed(f"penalty {info.name}: no gradient: {error}", fix) from None
        moves = any(bool(g.any()) for g in found)
        expect(moves, f"penalty {info.name}: it moves no parameter of D", fix)


def metrics(s: HookSubject) -> None:
    """Metrics give finite numbers, the same ones each time, and leave the features as they are."""
    for info in s.yielded("gankit_metrics", Metric):
        name = info.name
        expect(name not in GROUPS, f"metric {name} is built in", "Choose another name")
        rng = np.random.default_rng(0)
        real, fake = rng.normal(size=(2 * N, WIDTH)), rng.normal(1, size=(N, WIDTH))
        before = copy.deepcopy((real, fake))
        first, again = (dict(info.function(real, fake, np.random.default_rng(1))) for _ in range(2))
        expect(first, f"metric {name}: no score", "Return {name: value}")
        odd = [k for k, v in first.items() if not isinstance(v, float) or not np.isfinite(v)]
        fix = "Return floats; leave a score out where it does not apply"
        expect(not odd, f"metric {name}: {', '.join(odd)} is not a finite number", fix)
        fix = "Draw from the rng that is handed in"
        expect(first == again, f"metric {name}: two calls differ", fix)
        kept = all(np.array_equal(a, b) for a, b in zip(before, (real, fake), strict=True))
        expect(kept, f"metric {name}: it changes its input", "Work on a copy")


def callbacks(s: HookSubject) -> None:
    """Callbacks live through a run: its start, ticks, a preview, a warning and each of its ends."""
    for callback in s.yielded("gankit_callbacks", Callback):
        name = type(callback).__name__
        with TemporaryDirectory() as folder:
            run = Path(folder) / "run"
            (run / "previews").mkdir(parents=True)
            picture = run / "previews" / "000000000000.svg"
            picture.write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
            values: dict[str, Any] = {"samples": 64, "steps": 2, "seconds": 0.5, "guard": "ok"}
            values |= {"samples_per_second": 128.0, "lr": 1e-3, "d_loss": 0.7, "g_loss": 0.7}
            table = {"run": {"plugin": "none", "recipe": "none"}, "train": {"seed": 0}}
            for status in ("interrupted", "done"):
                for method, arguments in (
                    ("started", (run, table)),
                    ("tick", (values,)),
                    ("preview", (picture,)),
                    ("warning", ("the learning rate is high",)),
                    ("finished", (status,)),
                ):
                    try:
                        getattr(callback, method)(*arguments)
                    except Exception as error:
                        raise_if_strict(error)
                        what = f"{name}.{method} raises {type(error).__name__}: {error}"
                        fix = "Expect values you do not know, and runs that resume"
                        raise CheckFailed(what, fix) from error


def outputs(s: HookSubject) -> None:
    """The output hook accepts a folder of generated files, and does not change them."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "item.txt").write_text("generated")
        record = {
            "generated": True,
            "software": "gankit",
            "run": "none",
            "count": 1,
            "format": "txt",
        }
        given = dict(record)
        s.call("gankit_outputs", folder=folder, record=given)
        fix = "Only read it: it marks the files as generated"
        expect(given == record, "gankit_outputs changes the record", fix)
        kept = (folder / "item.txt").is_file() and (folder / "item.txt").read_bytes()
        expect(kept, "gankit_outputs removes what was generated", "Add to it, or mark it")


def commands(s: HookSubject) -> None:
    """Commands have unique names and a help text."""
    import typer

    app = typer.Typer()
    s.call("gankit_commands", app=app)
    found = [*app.registered_commands, *app.registered_groups]
    expect(found, "gankit_commands adds nothing", "Use @app.command(), or take the hook out")
    for command in app.registered_commands:
        about = command.help or inspect.getdoc(command.callback) or ""
        name = command.name or getattr(command.callback, "__name__", "?")
        expect(about.strip(), f"command {name} has no help", "Give its function a docstring")
    typer.main.get_command(app)  # Typer looks at the parameters here


HOOK_CHECKS = tuple(
    Check.of(function)
    for function in (light_hooks, objectives, penalties, metrics, callbacks, outputs, commands)
)
"""Every check of a plugin's hooks other than modalities."""


def applicable(record: PluginRecord) -> Iterator[Check]:
    """The hook checks that have something to look at in a plugin."""
    implemented = {hook.removeprefix("gankit_") for hook in record.hooks}
    for check in HOOK_CHECKS:
        if check.name in implemented or (check.name == "light-hooks" and not record.modalities):
            yield check
