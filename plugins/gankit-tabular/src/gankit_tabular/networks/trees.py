"""The generator of trees: rows one after another, each by a cascade that sees those before.

What the next row is of, or that none follows, is drawn first; then its digits. So lengths of
sequences and numbers of children are learned as everything else is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from gankit_tabular.codec.blocks import Block
from gankit_tabular.codec.columns import Column
from gankit_tabular.networks.cascade import IMPOSSIBLE, SLOT, Cascade
from gankit_tabular.networks.levels import Level, Levels
from gankit_tabular.networks.steps import Steps, possible

CONTEXT = 128
"""Numbers that a row's cascade sees of what was before."""
MEMORY = 128
"""Units of the recurrent network over earlier rows."""
ROW = 64
"""Numbers that it sees of a row."""
HIDDEN = 192
"""Hidden units between what was before and the context."""
PLACES, EXACT = 128, 64
"""Places among siblings that are told apart, and those that each are."""


@dataclass(frozen=True)
class PartShape:
    """What the generator has to know of a part."""

    columns: Sequence[Column]
    blocks: Sequence[Block]
    parent: int = -1
    """The index of the parent's part."""
    condition_blocks: Sequence[Block] = ()
    """Of c, for the root."""
    after: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Columns, by name, that are drawn after others."""


class Before(nn.Module):
    """A context of what was before: numbers of several sources, each projected, and two layers.

    Args:
        inputs: the widths of the sources.
        outputs: numbers in the context.
        parts: whose places are seen.
    """

    def __init__(self, inputs: Sequence[int], outputs: int, parts: int) -> None:
        super().__init__()
        self.first = nn.ModuleList(nn.Linear(n, HIDDEN, bias=False) for n in inputs)
        self.bias = nn.Parameter(torch.zeros(HIDDEN))
        self.places = nn.Parameter(torch.zeros(parts, PLACES, HIDDEN))
        self.sizes = nn.Linear(parts + 2, HIDDEN, bias=False)
        self.second = nn.Linear(HIDDEN, HIDDEN)
        self.last = nn.Linear(HIDDEN, outputs)

    def forward(self, sources: Sequence[Tensor], places: Tensor, step: Tensor) -> Tensor:
        """The context, (N, outputs).

        Args:
            sources: (N, inputs) each.
            places: rows so far, below the same parent, of each part that is seen, (N, parts).
            step: as a number of 0 to 1 and as a logarithm, (N, 2).
        """
        h: Tensor = self.bias
        for layer, source in zip(self.first, sources, strict=True):
            h = h + layer(source)
        for p in range(len(self.places)):
            h = h + self.places[p][_bucket(places[:, p])]
        h = h + self.sizes(torch.cat([places.float().log1p(), step], 1))
        h = nn.functional.leaky_relu(h, 0.2)
        h = h + nn.functional.leaky_relu(self.second(h), 0.2)
        found: Tensor = self.last(h)
        return found


class TreeGenerator(nn.Module):
    """``(z (N, steps · (1 + digits)), c (N, cond_dim)) -> x (N, steps, 1 + digits)``, codes.

    Args:
        parts: of the tree, each after its parent.
        steps: rows at most, and one for the end.
        units: hidden units for each digit of a row.
        alone: whether a root may have no children; an entity has a row at least.
        levels: numbers that the second part's rows change.
        follows: how often a row of each part, or the end, follows one of each part.
    """

    allowed: Tensor

    def __init__(
        self,
        parts: Sequence[PartShape],
        steps: int,
        units: int = 64,
        alone: bool = True,
        levels: Sequence[Level] = (),
        follows: Sequence[Sequence[int]] = (),
    ) -> None:
        super().__init__()
        self.parents = [part.parent for part in parts]
        self.steps, self.end = steps, len(parts)
        self.widths = [len(part.blocks) for part in parts]
        self.digits = max(self.widths)
        allowed = possible(self.parents)
        allowed[0, self.end] = alone
        self.register_buffer("allowed", allowed, persistent=False)
        counts = (
            torch.tensor(follows, dtype=torch.float32) if follows else torch.ones(allowed.shape)
        )
        self.follow = nn.Parameter(torch.log((counts + 0.5) / (counts + 0.5).sum(1, keepdim=True)))
        self.cascades = nn.ModuleList(
            self._cascade(part, units) if part.blocks else nn.Module() for part in parts
        )
        self.rows = nn.ModuleList(
            nn.Linear(n * SLOT, ROW, bias=False) if n else nn.Module() for n in self.widths
        )
        self.kinds = nn.Parameter(torch.randn(len(parts), ROW) / 2)
        self.memory = nn.GRU(ROW, MEMORY, batch_first=True)
        self.levels = None
        if levels:
            whose = [(part.columns, part.blocks) for part in parts]
            self.levels = Levels(levels, whose[0], whose[1])
        more = () if self.levels is None else (self.levels.width,)
        self.next = Before((MEMORY, ROW, ROW, *more), len(parts) + 1, len(parts))
        self.contexts = nn.ModuleList(
            Before((MEMORY, ROW, ROW, len(part.blocks) * SLOT, *more), CONTEXT, 1)
            if part.blocks and part.parent >= 0
            else nn.Module()
            for part in parts
        )

    @staticmethod
    def _cascade(part: PartShape, units: int) -> Cascade:
        context = CONTEXT if part.parent >= 0 else 0  # nothing is before a root
        told = part.condition_blocks
        return Cascade(part.columns, part.blocks, told, units, part.after, context)

    @property
    def latent_dim(self) -> int:
        return self.steps * (1 + self.digits)

    # --- Likelihood -----------------------------------------------------------------------------

    def nll(self, x: Tensor, c: Tensor | None) -> Tensor:
        """The negative log-likelihood of all that c does not request, (N,), in nats."""
        seen = Steps(x, self.parents)
        n, t = seen.types.shape
        rows, slots = self._rows(seen)
        h, _ = self.memory(rows.view(n, t, ROW))
        h = torch.cat([h.new_zeros(n, 1, MEMORY), h[:, :-1]], 1).reshape(n * t, MEMORY)
        rows = torch.cat([rows, rows.new_zeros(1, ROW)])  # what index -1 finds
        levels = self._levels(seen)
        lost = self._lost_by_type(seen, h, rows, levels)
        for p, width in enumerate(self.widths):
            if not width or not len(seen.of[p]):
                continue
            at, context = seen.of[p], None
            if self.parents[p] >= 0:
                mine = torch.cat([slots[p], slots[p].new_zeros(1, width * SLOT)])
                before = h[at], rows[seen.root(at)], rows[seen.parent(p)], mine[seen.sibling(p)]
                sources = *before, *(level[at] for level in levels)
                context = self.contexts[p](sources, seen.place(p)[:, None], self._step(at % t))
            told = self._told(p, c, at // t)
            losses = self.cascades[p].losses(seen.codes(p, width), told, context)  # type: ignore[operator]
            lost = lost.index_add(0, at // t, losses.sum(1))
        return lost

    def _rows(self, seen: Steps) -> tuple[Tensor, list[Tensor]]:
        """What later rows see of each, (N · steps, ROW), and all that siblings see, by part."""
        n, t = seen.types.shape
        rows = self.kinds.new_zeros(n * t, ROW)
        slots = []
        for p, width in enumerate(self.widths):
            mine = self._slots(p, seen.codes(p, width))
            slots.append(mine)
            rows = rows.index_copy(0, seen.of[p], self._row(p, mine).to(rows.dtype))
        return rows, slots

    def _levels(self, seen: Steps) -> tuple[Tensor, ...]:
        """What is seen of levels before each step, (N · steps, width); nothing without levels."""
        if self.levels is None:
            return ()
        n, t = seen.types.shape
        first, change = (
            of(seen.codes(p, self.widths[p]))
            for p, of in enumerate((self.levels.first, self.levels.change))
        )
        changes = change.new_zeros(n * t, change.shape[1]).index_copy(0, seen.of[1], change)
        before = self.levels.before_each(first, changes.view(n, t, -1))
        before[:, 0] = 0  # before the root
        return (self.levels.features(before).flatten(0, 1),)

    def _slots(self, p: int, codes: Tensor) -> Tensor:
        if not self.widths[p]:
            return self.kinds.new_zeros(len(codes), 0)
        found: Tensor = self.cascades[p].summary_of(codes)  # type: ignore[operator]
        return found

    def _row(self, p: int, slots: Tensor) -> Tensor:
        seen = self.kinds[p].expand(len(slots), -1)
        if self.widths[p]:
            seen = seen + self.rows[p](slots)
        return nn.functional.leaky_relu(seen, 0.2)

    def _lost_by_type(
        self, seen: Steps, h: Tensor, rows: Tensor, levels: Sequence[Tensor]
    ) -> Tensor:
        """The negative log-likelihood of which part each row is of, and of the end, (N,)."""
        n, t = seen.types.shape
        at = seen.decided
        logits = self._type_logits(
            (h[at], rows[seen.root(at)], rows[at - 1], *(level[at] for level in levels)),
            *(seen.places(at), seen.types.flatten()[at - 1], at % t),
        )
        lost = nn.functional.cross_entropy(logits, seen.types.flatten()[at], reduction="none")
        return lost.new_zeros(n).index_add(0, at // t, lost)

    def _type_logits(
        self, sources: Sequence[Tensor], places: Tensor, before: Tensor, step: Tensor
    ) -> Tensor:
        seen: Tensor = self.next(sources, places, self._step(step))
        logits = seen.float() + self.follow[before]
        out = ~self.allowed[before]
        full = torch.ones_like(out)
        full[:, self.end] = False
        out = torch.where((step == self.steps - 1)[:, None], full, out)
        return logits.masked_fill(out, IMPOSSIBLE)

    def _step(self, step: Tensor) -> Tensor:
        found = step.float()
        return torch.stack([found / self.steps, found.log1p()], 1)

    def _told(self, p: int, c: Tensor | None, items: Tensor) -> Tensor:
        cascade = self.cascades[p]
        assert isinstance(cascade, Cascade)
        if cascade.told_codes is None:
            return self.kinds.new_zeros(len(items), 0)
        if c is None:
            return self.kinds.new_zeros(len(items), len(cascade.told) - 1)
        return c[items]

    # --- Drawing --------------------------------------------------------------------------------

    def forward(self, z: Tensor, c: Tensor | None) -> Tensor:
        n, device, parts = len(z), z.device, len(self.widths)
        z = z.view(n, self.steps, 1 + self.digits)
        x = torch.zeros(n, self.steps, 1 + self.digits, device=device)
        x[:, :, 0] = self.end
        live = torch.arange(n, device=device)
        h = self.kinds.new_zeros(n, MEMORY)
        seen = self.kinds.new_zeros(parts, n, ROW)  # the last row of each part
        slots = [self.kinds.new_zeros(n, width * SLOT) for width in self.widths]
        places = torch.zeros(n, parts, dtype=torch.long, device=device)
        types = torch.zeros(n, dtype=torch.long, device=device)
        last = self.kinds.new_zeros(n, ROW)
        level = None if self.levels is None else x.new_zeros(n, len(self.levels.low))
        for t in range(self.steps):
            step = torch.full_like(live, t)
            if t:
                before = h[live], seen[0][live], last[live], *self._stand(level, live)
                logits = self._type_logits(before, places[live], types[live], step)
                below = logits.softmax(1).cumsum(1)
                u = torch.special.ndtr(z[live, t, 0].float())
                drawn = (below < u[:, None] * below[:, -1:]).sum(1)
                types[live] = drawn
                live = live[drawn < self.end]
                if not len(live):
                    break
                step = step[: len(live)]
            x[live, t, 0] = types[live].to(x.dtype)
            for p, width in enumerate(self.widths):
                at = live[types[live] == p]
                if not len(at):
                    continue
                codes = types.new_zeros(len(at), 0)
                if width:
                    up, context = self.parents[p], None
                    if up >= 0:
                        place = places[at, p]
                        mine = slots[p][at] * (place > 0)[:, None]
                        sources = h[at], seen[0][at], seen[up][at], mine, *self._stand(level, at)
                        now = self._step(step[: len(at)])
                        context = self.contexts[p](sources, place[:, None], now)
                    told = self._told(p, c, at)
                    _, codes = self.cascades[p].draw(z[at, t, 1 : 1 + width], told, context)  # type: ignore[operator]
                    x[at, t, 1 : 1 + width] = codes.to(x.dtype)
                if self.levels is not None and level is not None:
                    level[at] = (
                        self.levels.after(level[at], self.levels.change(codes))
                        if p
                        else self.levels.first(codes)
                    )
                mine = self._slots(p, codes)
                slots[p] = slots[p].index_copy(0, at, mine.to(slots[p].dtype))
                row = self._row(p, mine).to(last.dtype)
                seen = seen.index_put((torch.tensor(p, device=device), at), row)
                last = last.index_copy(0, at, row)
                places[at, p] += 1
                for q, up in enumerate(self.parents):
                    if up == p:
                        places[at, q] = 0
            out, _ = self.memory(last[live][:, None], h[live][None])
            h = h.index_copy(0, live, out[:, 0].to(h.dtype))
        return x

    def _stand(self, level: Tensor | None, at: Tensor) -> tuple[Tensor, ...]:
        """What is seen of the levels of these samples."""
        return () if self.levels is None or level is None else (self.levels.features(level[at]),)


class Judge(nn.Module):
    """``(x, c) -> logits (N,)``: a place holder where no game is played, of means over rows."""

    def __init__(self, digits: int) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(1 + digits, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))

    def forward(self, x: Tensor, c: Tensor | None) -> Tensor:
        found: Tensor = self.net(x.mean(1)).squeeze(1)
        return found


def _bucket(places: Tensor) -> Tensor:
    """Small places as they are; greater ones eight to a doubling."""
    far = EXACT + 8 * (places.clamp(min=EXACT) / EXACT).log2()
    return torch.where(places < EXACT, places, far.long()).clamp(max=PLACES - 1)
