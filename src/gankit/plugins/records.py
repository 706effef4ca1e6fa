"""The result of loading an entry point, and a modality ready for use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gankit.contract import (
    Modality,
    PluginInfo,
)


@dataclass(frozen=True)
class PluginRecord:
    """The result of loading one entry point."""

    name: str
    distribution: str
    version: str
    package: str = ""
    """The top-level package of its hook module."""
    bundled: bool = False
    """Whether it is part of this project."""
    modalities: tuple[PluginInfo, ...] = ()
    hooks: tuple[str, ...] = ()
    """The hooks that it implements."""
    status: str = "ok"
    """``ok``, ``failed``, ``refused`` (another API, a name that is taken) or ``disabled``."""
    why: str = ""
    what_to_do: str = ""
    fault: str = ""
    """Its error when it was last used, though it loads."""

    @property
    def summary(self) -> str:
        return "; ".join(info.summary for info in self.modalities) or ", ".join(
            hook.removeprefix("gankit_") for hook in self.hooks
        )

    @property
    def names(self) -> tuple[str, ...]:
        """All names that it goes by."""
        return (self.name, self.distribution, *(info.name for info in self.modalities))


@dataclass(frozen=True)
class LoadedModality:
    """A modality ready for use, and where it comes from."""

    info: PluginInfo
    modality: Modality[Any]
    distribution: str
    version: str
