"""Where progress is drawn: a bar on a terminal or in a notebook, elsewhere plain lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Protocol

from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from gankit.screen.pace import rough
from gankit.screen.streams import visible

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

NARROWEST, WIDEST = 8, 40
"""Columns of a bar."""


@dataclass(frozen=True)
class State:
    """How far work is."""

    what: str
    part: float | None
    """Of the whole, in 0..1; None where that is unknown."""
    counted: str
    """So many of so many; empty where nothing is counted."""
    left: float | None
    """Seconds; None where that is unknown."""
    below: Sequence[Text] = ()
    """What stands under a bar."""
    line: str = ""
    """In place of a plain line made of the others."""


class Bar(Protocol):
    """Draws one state after another."""

    drawn: bool
    """Whether it is redrawn in its place, and can be drawn often."""

    def show(self, state: State) -> None: ...

    def close(self) -> None:
        """Removes what can be removed."""


def bar_on(console: Console) -> Bar:
    """The kind of bar for a console."""
    if console.is_jupyter:
        return NotebookBar()
    return TerminalBar(console) if console.is_terminal else PlainLines(console)


class PlainLines:
    """A line for each state."""

    drawn = False

    def __init__(self, console: Console) -> None:
        self.console = console

    def show(self, state: State) -> None:
        facts = [state.counted, f"{rough(state.left)} left" if state.left else ""]
        said = ", ".join(fact for fact in facts if fact)
        what = f"{state.what}: {said}" if said else state.what
        self.console.print(state.line or visible(what))

    def close(self) -> None:
        pass


class TerminalBar:
    """Lines that are redrawn, and removed at the end."""

    drawn = True

    def __init__(self, console: Console) -> None:
        self.console = console
        self._live: Live | None = None

    def show(self, state: State) -> None:
        if self._live is None:
            # Nothing else is redirected through the bar: generated rows go to standard output.
            self._live = Live(
                console=self.console,
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
        lines = bar_lines(state, self.console.width)
        self._live.update(Group(*lines, *state.below), refresh=True)

    def close(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None


class NotebookBar:
    """An element of the cell's output that is updated, which needs no widgets."""

    drawn = True

    def __init__(self) -> None:
        self.handle: Any = None

    def show(self, state: State) -> None:
        from IPython.display import HTML, display

        place = "" if state.part is None else f' value="{state.part:.3f}"'
        facts = [f"<progress{place}></progress>", *filter(None, numbers(state))]
        first = f"{escape(visible(state.what))}  {'  '.join(facts)}"
        lines = [first, *(escape(text.plain) for text in state.below)]
        shown = HTML("<pre>" + "\n".join(lines) + "</pre>")
        if self.handle is None:
            self.handle = display(shown, display_id=True)
        else:
            self.handle.update(shown)

    def close(self) -> None:
        from IPython.display import HTML

        if self.handle is not None:
            self.handle.update(HTML(""))
            self.handle = None


def numbers(state: State) -> list[str]:
    """What is counted, the per cent that is done, and the time left; empty where unknown."""
    share = "" if state.part is None else f"{int(100 * state.part):3} %"
    return [state.counted, share, "" if state.left is None else f"{rough(state.left)} left"]


def bar_lines(state: State, width: int) -> list[RenderableType]:
    """A label, a bar and numbers in one line of less than ``width`` columns; the label has a line
    of its own where it is long. Numbers are never cut."""
    found = numbers(state)
    found[-1] = found[-1].ljust(16)  # as wide as it may become, so that the bar's end stands still
    while len(found) > 1 and len("  ".join(found)) >= width:
        found.pop()
    right = Text("  ".join(text for text in found if text), no_wrap=True)
    label = Text(visible(state.what), no_wrap=True)
    free = width - 1 - right.cell_len - 2
    bar = 0 if state.part is None else NARROWEST + 2
    above = label.cell_len + 2 + bar > free
    label.truncate(width - 1, overflow="ellipsis")
    cells: list[RenderableType] = [right] if above else [label, right]
    free -= 2 if above else label.cell_len + 4
    if state.part is not None and free >= NARROWEST:
        cells.insert(-1, ProgressBar(100.0, 100 * state.part, width=min(free, WIDEST)))
    line = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    line.add_row(*cells)
    return [label, line] if above else [line]
