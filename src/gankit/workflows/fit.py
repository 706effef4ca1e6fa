"""``gankit.fit``: training from Python."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gankit import config as configuration
from gankit.contract import Callback
from gankit.plugins.registry import (
    installed,
)
from gankit.runs.directory import Run, next_run
from gankit.workflows.data import IN_MEMORY
from gankit.workflows.train import train


def fit(
    plugin: str,
    data: object = None,
    *,
    recipe: str | None = None,
    out: str | Path | None = None,
    device: str = "auto",
    callbacks: Sequence[Callback] = (),
    **settings: Any,
) -> Run:
    """Trains and returns the run; the Python face of ``gankit train``.

    Args:
        plugin: ``"image"``, or ``"image/dcgan"`` with a recipe.
        data: a path, an object the plugin reads, or None for its built-in data.
        out: the run directory; an existing one is resumed.
        settings: any setting; dots become double underscores (``train__samples=1000``).

    Raises:
        GankitError: for whatever the caller can put right.
        KeyboardInterrupt: after Ctrl-C, once everything is saved; the same call resumes.
    """
    name, _, named = plugin.partition("/")
    loaded = installed().modality(name)
    layer = configuration.parse_overrides([])
    for key, value in settings.items():
        *path, last = key.split("__")
        inner = layer
        for part in path:
            inner = inner.setdefault(part, {})
        inner[last] = value
    config = configuration.resolve(
        loaded.info,
        loaded.modality.Settings,
        recipe=recipe or named or None,
        files=[layer],
        data=None if data is None else str(data) if isinstance(data, str | Path) else IN_MEMORY,
    )
    folder = Path(out) if out else next_run(Path("runs"), f"{name}-{config.recipe}")
    status = train(loaded, config, folder, source=data, device=device, callbacks=callbacks)
    if status == "interrupted":
        raise KeyboardInterrupt(f"saved in {folder}")
    return Run(folder)
