"""Constraints on decoding: the brackets and rings of SMILES, and a scaffold."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from gankit.kit.autoencoders import PAD
from gankit_molecule.codec.tokens import END, SPECIAL, Alphabet
from gankit_molecule.data.standardise import TOKEN


class Rules(ABC):
    """Follows N texts while they are written, token by token."""

    @abstractmethod
    def allowed(self) -> Tensor:
        """Which tokens may come next, bool (N, tokens); at least one."""

    @abstractmethod
    def advance(self, tokens: Tensor) -> None:
        """The next tokens, int64 (N,); padding after a text's end."""


class Grammar(Rules):
    """Only open brackets are closed, and a text ends when all brackets and rings are closed.

    Args:
        effects: of each token, see :meth:`Alphabet.grammar`.
        n: number of texts.
        device: where they are written.
    """

    def __init__(
        self, effects: tuple[Tensor, Tensor, Tensor], n: int, device: torch.device | str = "cpu"
    ) -> None:
        self._more, self._lowest, self._closes = (effect.to(device) for effect in effects)
        self._depth, self._rings = torch.zeros(2, n, dtype=torch.int64, device=device)

    def allowed(self) -> Tensor:
        allowed: Tensor = self._depth[:, None] + self._lowest >= 0
        allowed[:, END] = (self._depth == 0) & (self._rings == 0)
        return allowed

    def advance(self, tokens: Tensor) -> None:
        self._depth = self._depth + self._more[tokens]
        self._rings = self._rings ^ self._closes[tokens]


# --- A scaffold ---------------------------------------------------------------------------------

MAX_CACHED = 10_000_000
"""Entries of the automaton's table that are kept from one batch of texts to the next."""
_LABELS = 62
"""Ring labels are counted modulo this, in bits of a number."""
_ORDER = {"-": 1, "/": 1, "\\": 1, "=": 2, "#": 3}
"""Hydrogens that a bond replaces."""


class Kind(IntEnum):
    """The kind of a part of SMILES."""

    ATOM = 0
    BOND = 1
    RING = 2
    OPEN = 3
    CLOSE = 4
    DOT = 5


def kind_of(part: str) -> Kind:
    """The kind of an atom-level part, as :data:`TOKEN` splits a text."""
    if part in "-=#$:~/\\":
        return Kind.BOND
    if part.isdigit() or part[0] == "%":
        return Kind.RING
    return {"(": Kind.OPEN, ")": Kind.CLOSE, ".": Kind.DOT}.get(part, Kind.ATOM)


def _label(part: str) -> int:
    return 1 << int(part.lstrip("%")) % _LABELS


class Way:
    """One way to write a core, and where it can be substituted.

    There is at least one substituent. An atom's substituents come after its ring labels and after
    the core's own branches, where a bracket can only belong to them: before the chain continues,
    or where a branch or the text ends, and then also without brackets.

    Args:
        text: SMILES of the core.
        room: of each atom, in the text's order: hydrogens that may be replaced.
        replaced: of each atom: how it is written with one hydrogen less, where that differs from
            the text (``n`` for ``[nH]``); otherwise empty.
    """

    def __init__(self, text: str, room: Sequence[int], replaced: Sequence[str]) -> None:
        self.parts = TOKEN.findall(text)
        kinds = [kind_of(part) for part in self.parts]
        n = len(kinds)
        self.room = [0] * (n + 1)
        """At each position between parts: hydrogens that may be replaced there."""
        self.other = [""] * n
        """Of each part: the alternative way to write it."""
        self.atom = [-1] * (n + 1)
        """At each position with room: the atom's part, if it is then written as ``other``."""
        self.ends = [i == n or kinds[i] is Kind.CLOSE for i in range(n + 1)]
        """At each position: whether the core's branch or text ends there."""
        self.rings = [0] * (n + 1)
        """At each position: the core's open ring labels, as bits."""
        atom, place, waiting = -1, -1, list[tuple[int, int]]()
        for i, (part, kind) in enumerate(zip(self.parts, kinds, strict=True)):
            self.rings[i + 1] = self.rings[i] ^ (_label(part) if kind is Kind.RING else 0)
            if kind is Kind.ATOM:
                atom, place = atom + 1, i
                current = atom
                if room[atom]:
                    self.other[i] = replaced[atom]
            elif kind is Kind.OPEN:
                waiting.append((current, place))
            elif kind is Kind.CLOSE:
                current, place = waiting.pop()
            if kind in (Kind.BOND, Kind.OPEN, Kind.DOT) or not _over(kinds[i + 1 : i + 3]):
                continue
            self.room[i + 1] = room[current]
            self.atom[i + 1] = place if self.other[place] else -1
        plain = (i for i in range(n, 0, -1) if self.room[i] and self.atom[i] < 0)
        self.final = next(plain, -1)
        """The last position with room that does not depend on earlier choices; -1 for none."""

    def lacks(self, known: Collection[str]) -> str:
        """A part that is not known in either way of writing it; empty where all are."""
        pairs = zip(self.parts, self.other, strict=True)
        return next((part for part, other in pairs if not {part, other} & {*known}), "")


def _over(following: Sequence[Kind]) -> bool:
    """Whether an atom's ring labels and branches have ended, by the kinds that follow."""
    rings = following[:1] == [Kind.RING] or following == [Kind.BOND, Kind.RING]
    return not rings and following[:1] != [Kind.OPEN]


class Last(IntEnum):
    """The end of a substituent so far."""

    NOTHING = 0
    """It begins: the next bond decides how many hydrogens it replaces."""
    OPEN = 1
    """A bracket, or a bond after one: an atom must follow."""
    BOND = 2
    """A bond of an atom: an atom or a ring label must follow."""
    ATOM = 3
    """An atom or a ring label."""
    CLOSE = 4


class _State(NamedTuple):
    """The state of a text."""

    way: int
    """The number of the way to write the core."""
    at: int = 0
    """Parts of the core that have been written."""
    varied: bool = False
    """Whether there has been a substituent."""
    chosen: int = 0
    """Bits of the parts that are written as ``other`` and still lack their substituent."""
    least: int = 0
    """Hydrogens here that still must be replaced."""
    most: int = 0
    """Hydrogens here that may be replaced."""
    depth: int = -1
    """Open brackets of a substituent; 0 in one without brackets around it, -1 in the core."""
    rings: int = 0
    """Its open rings, as bits."""
    last: Last = Last.NOTHING


class Automaton:
    """Follows a core's parts, and the grammar of SMILES in the substituents between them.

    A token may consist of several parts, of the core and of substituents. Which tokens are allowed
    in a state, and the states that they lead to, is computed when a state first occurs.
    """

    def __init__(self, alphabet: Alphabet, ways: Sequence[Way]) -> None:
        self.ways, self._tokens = ways, len(alphabet)
        known = alphabet.tokens[len(SPECIAL) :]
        self._kinds = {part: kind_of(part) for t in known for part in TOKEN.findall(t)}
        # Only parts that are tokens by themselves start a substituent, so that no text gets stuck.
        self._single = alphabet.single
        self._branches = {"(", ")"} <= self._single
        self._tree: dict[str, Any] = {}
        """Tokens by their parts: part to a number (or -1) and the tree of the parts that follow."""
        for number, token in enumerate(known, len(SPECIAL)):
            node, entry = self._tree, None
            for part in TOKEN.findall(token):
                entry = node.setdefault(part, [-1, {}])
                node = entry[1]
            if entry is not None:
                entry[0] = number
        self._clear()

    def begin(self, ways: Sequence[int]) -> np.ndarray[Any, Any]:
        """The initial states of texts, (N,), by their ways to write the core. Numbers of earlier
        texts' states become invalid.
        """
        if len(self._rows) * self._tokens > MAX_CACHED:
            self._clear()
        return np.array([self._number(_State(way)) for way in ways], np.int64)

    def following(self, states: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """The states that tokens lead to from states (N,), int32 (N, tokens); -1 if forbidden."""
        different, places = np.unique(states, return_inverse=True)
        return np.stack([self._row(number) for number in different.tolist()])[places]

    def _clear(self) -> None:
        self._numbers: dict[_State, int] = {}
        self._states: list[_State | None] = [None]  # the first is the end
        end = np.full(self._tokens, -1, np.int32)
        end[[PAD, END]] = 0
        self._rows = {0: end}

    def _number(self, state: _State) -> int:
        if state not in self._numbers:
            self._numbers[state] = len(self._states)
            self._states.append(state)
        return self._numbers[state]

    def _row(self, number: int) -> np.ndarray[Any, Any]:
        if number in self._rows:
            return self._rows[number]
        state = self._states[number]
        assert state is not None
        row = np.full(self._tokens, -1, np.int32)
        if self._may_end(state):
            row[END] = 0
        stack = [(self._tree, state)]
        while stack:
            tree, before = stack.pop()
            for part, (token, longer) in tree.items():
                after = self.step(before, part)
                if after is not None:
                    if token >= 0:
                        row[token] = self._number(after)
                    if longer:
                        stack.append((longer, after))
        self._rows[number] = row
        return row

    def _may_end(self, s: _State) -> bool:
        if s.at < len(self.ways[s.way].parts) or s.least:
            return False
        return s.depth < 0 or (s.depth == 0 and self._complete(s))

    @staticmethod
    def _complete(s: _State) -> bool:
        """Whether a substituent could end here."""
        return not s.rings and s.last in (Last.ATOM, Last.CLOSE)

    def step(self, s: _State, part: str) -> _State | None:
        """The state after a part; None where it is not allowed."""
        if s.depth >= 0:
            return self._continue_substituent(s, part)
        if s.most:  # nonzero only where there is room
            if part == "(" and self._branches:
                return s._replace(depth=1, last=Last.NOTHING)
            if self.ways[s.way].ends[s.at] and self._kinds[part] in (Kind.ATOM, Kind.BOND):
                return self._continue_substituent(s._replace(depth=0, last=Last.NOTHING), part)
        return self._continue_core(s, part)

    def _continue_core(self, s: _State, part: str) -> _State | None:
        """The state after a part of the core."""
        way = self.ways[s.way]
        if s.least or s.at == len(way.parts):
            return None
        chosen = s.chosen
        if part != way.parts[s.at]:
            if part != way.other[s.at] or not self._branches:
                return None
            chosen |= 1 << s.at
        at = s.at + 1
        least, most, atom = 0, way.room[at], way.atom[at]
        if atom >= 0:  # written as other, it has to be substituted
            least = most = chosen >> atom & 1
            chosen &= ~(1 << atom)
        elif at == way.final and not s.varied and (way.ends[at] or self._branches):
            least = 1  # the bare core is not enough
        return _State(s.way, at, s.varied, chosen, least, most)

    def _continue_substituent(self, s: _State, part: str) -> _State | None:
        """The state after a part of a substituent."""
        kind = self._kinds[part]
        if kind is Kind.CLOSE:
            if s.depth > 1 and s.last in (Last.ATOM, Last.CLOSE):
                return s._replace(depth=s.depth - 1, last=Last.CLOSE)
            if s.depth > 1 or not self._complete(s):
                return None
            if s.depth == 1:
                return s._replace(depth=-1, last=Last.NOTHING)
            return self._continue_core(s, part)
        if part not in self._single:
            return None
        if s.last is Last.NOTHING:
            order = 1 if kind is Kind.ATOM else _ORDER.get(part, 0)
            if not 0 < order <= s.most:
                return None
            last = Last.ATOM if kind is Kind.ATOM else Last.OPEN
            least, most = max(s.least - order, 0), s.most - order
            return s._replace(varied=True, least=least, most=most, last=last)
        if kind is Kind.ATOM:
            return s._replace(last=Last.ATOM)
        if kind is Kind.BOND and s.last in (Last.ATOM, Last.CLOSE):
            return s._replace(last=Last.BOND if s.last is Last.ATOM else Last.OPEN)
        if kind is Kind.OPEN and s.last in (Last.ATOM, Last.CLOSE) and self._branches:
            return s._replace(depth=s.depth + 1, last=Last.OPEN)
        if kind is Kind.RING and s.last in (Last.ATOM, Last.BOND):
            label = _label(part)
            if label & self.ways[s.way].rings[s.at]:  # would be a bond to the core
                return None
            return s._replace(rings=s.rings ^ label, last=Last.ATOM)
        return None


class Forced(Rules):
    """Texts that contain a core; see :class:`Automaton`.

    Args:
        ways: for each text, the number of its way to write the core, (N,).
    """

    def __init__(self, automaton: Automaton, ways: Sequence[int]) -> None:
        self._automaton = automaton
        self._at = automaton.begin(ways)

    def allowed(self) -> Tensor:
        self._following = self._automaton.following(self._at)
        return torch.from_numpy(self._following >= 0)

    def advance(self, tokens: Tensor) -> None:
        self._at = np.take_along_axis(self._following, tokens.numpy()[:, None], 1)[:, 0]
