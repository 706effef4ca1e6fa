"""From what checks measure to a state: one bad check is noise, several in a row are a failure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gankit.engine.guard.history import History, Values
from gankit.engine.guard.rules import FAILURES, IN_WARM_UP, STEEP, converged
from gankit.engine.guard.states import CONVERGED, DIVERGED, FAILED, HEALTHY, Event


@dataclass
class Judge(History):
    """Judges one check after another."""

    calm: int = 0
    """Checks in a row without a sign of failure."""
    state: str = HEALTHY
    playing: bool = True
    """Whether there is a game, which has other remedies than the warm-up."""

    def judge(
        self, values: Values, samples: int, playing: bool = True, settled: bool = True
    ) -> Event:
        """The state after a check, with its evidence.

        Args:
            values: as :meth:`gankit.engine.guard.probe.Probe.measure` gives them.
            samples: seen so far.
            playing: whether there is a game, which has other remedies than the warm-up.
            settled: whether the averaged generator has left its initial weights behind.
        """
        self.settled, self.playing = settled, playing
        if values.get("finite") == 0:
            return self._now(Event("state", "generated samples are not finite", DIVERGED, STEEP))
        self.add(values, samples)
        if self.checks < self.patience:
            kept = HEALTHY if self.state in FAILED else self.state
            return self._now(Event("state", "training began", kept))
        for rule in FAILURES:
            if found := rule(self):
                self.calm = 0
                return self._now(found)
        self.calm += 1
        if self.state not in (HEALTHY, CONVERGED) and self.calm < self.patience:
            return self._now(Event("state", "not yet over", self.state))
        healthy = Event("state", "no sign of failure any more", HEALTHY)
        return self._now(converged(self, samples, self.state == CONVERGED) or healthy)

    def begin_again(self) -> None:
        """After an intervention: what was seen before is no evidence any more."""
        self.forget()
        self.calm, self.state = 0, HEALTHY

    def _now(self, event: Event) -> Event:
        self.state = event.state
        if event.remedy and not self.playing:
            event = replace(event, remedy=IN_WARM_UP[event.remedy])
        return event
