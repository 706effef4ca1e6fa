"""``gankit.Trainer``: the engine on plain tensors, for those who bring data and networks."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gankit import config as configuration
from gankit.api.callbacks import as_callback
from gankit.api.frames import Metrics
from gankit.api.objectives import as_objective
from gankit.api.plot import Plot, plot
from gankit.api.settings import as_table
from gankit.api.tensor_rows import FEWEST, TensorRows
from gankit.config.budgets import UNLIMITED, count, seconds
from gankit.contract import Callback, NoSettings, Objective
from gankit.errors import GankitError, did_you_mean
from gankit.screen.console import wanted
from gankit.screen.training import Display
from gankit.system_errors import translated
from gankit.workflows.interrupts import StopRequest
from gankit.workflows.watching import probe_of

if TYPE_CHECKING:
    from torch import Tensor, nn


class Trainer:
    """Trains a generator against a discriminator on tensors.

    >>> trainer = gankit.Trainer(G, D, x, c)                # doctest: +SKIP
    >>> trainer.train(samples="200k").sample(64).shape      # doctest: +SKIP

    Nothing is rescaled: the networks see ``x`` as it is. They are copied; ``trainer.generator`` is
    the moving average of the trained one. Seeds torch's default generator.

    Args:
        generator: ``G(z)`` or ``G(z, c)``, of latents ``(N, latent_dim)``.
        discriminator: ``D(x)`` or ``D(x, c)``, logits ``(N,)`` or ``(N, M)``.
        x: ``(N, *shape)``, tensor or array.
        c: conditions ``(N, width)``, or labels as integers ``(N,)``, which become one-hot rows.
        objective: as for :func:`gankit.fit`.
        latent_dim: 0 takes it from the generator.
        callbacks: objects, or functions of the values of a tick.
        out: a folder for checkpoints, which are continued from; None keeps none.
        settings: of the engine, by dotted name.
        keywords: the same with double underscores for the dots.

    Raises:
        GankitError: the networks do not fit the data; says the shapes.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        x: Any,
        c: Any = None,
        *,
        objective: str | Objective | Callable[..., Any] | Sequence[Any] = "rpgan",
        latent_dim: int = 0,
        callbacks: Sequence[Callback | Callable[[dict[str, Any]], None]] = (),
        device: str = "auto",
        seed: int = 0,
        out: str | Path | None = None,
        settings: Mapping[str, Any] | None = None,
        **keywords: Any,
    ) -> None:
        import torch

        from gankit.engine.devices import choose_device
        from gankit.engine.own_networks import check_shapes, own_networks
        from gankit.engine.plan import TrainingPlan
        from gankit.engine.policy import TrainingPolicy
        from gankit.engine.sampling.conditions import ConditionTable
        from gankit.engine.settings import EngineSettings
        from gankit.engine.trainer import Trainer as EngineTrainer

        table = as_table(settings or {}, keywords, {"train.seed": seed})
        configuration.check_keys(table, NoSettings)
        engine = configuration.validate(EngineSettings, table)
        codec = TensorRows(x, c)
        torch.manual_seed(seed)
        networks = own_networks((generator, discriminator), codec, latent_dim)
        check_shapes(networks, codec, range(min(FEWEST, len(codec))))
        policy = TrainingPolicy()
        reals = policy.real_samples(
            range(len(codec)),
            codec,
            batch=engine.train.batch // engine.train.accumulate,
            seed=seed,
            device=choose_device(device),
        )
        torch.manual_seed(policy.seed(seed, "start", 0))
        if out is not None:
            with translated(out):
                Path(out).mkdir(parents=True, exist_ok=True)
        plan = TrainingPlan(
            *(networks, codec, reals, engine, _objective(objective)),
            None if out is None else Path(out),
            conditions=None if codec.c is None else ConditionTable.from_training(codec.c, seed),
            policy=policy,
            probe=probe_of(range(len(codec)), (), codec, reals, engine.guard, seed)[0],
        )
        self._stop = StopRequest(exits=False)
        self._engine = EngineTrainer(plan, stop=self._stop)
        self._metrics = Metrics()
        self._callbacks = [as_callback(self._metrics.append), *map(as_callback, callbacks)]
        self._engine.resume()

    # --- Training -------------------------------------------------------------------------------

    def train(
        self,
        samples: str | int | None = None,
        *,
        time: str | float | None = None,
        progress: bool | None = None,
    ) -> Trainer:
        """Trains on so many more samples, or for so long; returns itself.

        Args:
            samples: ``"200k"`` or a number.
            time: ``"10m"``, or seconds.
            progress: whether to show a bar; by default on a terminal and in a notebook.

        Raises:
            GankitError: training diverged, or neither limit is given.
            KeyboardInterrupt: after Ctrl-C; ``train`` continues.
        """
        from gankit.engine.budget import Budget

        if samples is None and time is None:
            raise GankitError("it is unclear how long to train", "Give samples or time")
        engine = self._engine
        more = UNLIMITED if samples is None else count(samples, "samples")
        limit = 0.0
        if time is not None:
            limit = seconds(f"{time}s" if isinstance(time, int | float) else time, "time")
        length = dataclasses.replace(engine.settings.train, samples=engine.clock.samples + more)
        engine.settings = dataclasses.replace(engine.settings, train=length)
        engine.plan.budget = Budget(limit)
        shown = Display(dataclasses.replace(length, time=limit)) if wanted(progress) else None
        engine.callbacks = [*self._callbacks, *([shown] if shown else [])]
        self._stop.made, status = False, "failed"
        try:
            with self._stop.listening():
                status = engine.train()
        finally:
            for callback in engine.callbacks:
                callback.finished(status)
        if status == "interrupted":
            raise KeyboardInterrupt(f"after {self.samples:,} samples; train() continues from there")
        return self

    def step(self) -> dict[str, float]:
        """One step of both networks, for a loop of your own; the step's losses."""
        self._engine.step()
        return self._engine.updates.means.take()

    # --- Results --------------------------------------------------------------------------------

    def sample(self, n: int, c: Any = None, *, seed: int = 0) -> Tensor:
        """``(n, *shape)`` from the averaged generator, float32 on the CPU.

        Args:
            c: conditions ``(n, width)``, labels ``(n,)``, or one of either for all; by default,
                drawn from those of the data.
            seed: of the first sample; sample i has ``seed + i``.

        Raises:
            GankitError: conditions of another width, or labels that the data lack.
        """
        import torch

        sampler = self._engine.sampler()
        if c is None:
            return torch.stack([found.item for found in sampler.sample(n, seed)])
        rows = self._codec.rows(c, n)
        return sampler.generate(sampler.latents(range(seed, seed + n)), rows).x

    @property
    def generator(self) -> nn.Module:
        """The averaged generator, ``(z, c) -> x``."""
        return self._engine.ema

    @property
    def discriminator(self) -> nn.Module:
        """The trained discriminator, ``(x, c) -> logits``."""
        return self._engine.networks.discriminator

    @property
    def samples(self) -> int:
        """Real samples seen so far."""
        return self._engine.clock.samples

    @property
    def metrics(self) -> Metrics:
        """The values of each tick; ``.to_dataframe()`` converts them."""
        return self._metrics

    def plot(self, *names: str) -> Plot:
        """Curves of training, as :meth:`gankit.Run.plot`."""
        return plot(self._metrics, names, "training")

    def __repr__(self) -> str:
        shape = ", ".join(map(str, self._codec.layout.shape))
        return f"Trainer of ({shape}) on {len(self._codec):,} items: {self.samples:,} samples seen"

    @property
    def _codec(self) -> TensorRows:
        codec = self._engine.codec
        assert isinstance(codec, TensorRows)
        return codec


def _objective(given: Any) -> Objective:
    """An objective by its name, or the caller's own.

    Raises:
        GankitError: an unknown name.
    """
    from gankit.engine.objectives import OBJECTIVES

    found = as_objective(given)
    if isinstance(found, Objective):
        return found
    if found.name not in OBJECTIVES:
        known = sorted(OBJECTIVES)
        raise GankitError(f"no objective {found.name!r}", did_you_mean(found.name, known))
    return OBJECTIVES[found.name]
