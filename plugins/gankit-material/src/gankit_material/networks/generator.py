"""The generator: elements one after another, then their counts, each given those before.

Each draw is a Gumbel-max of logits (Maddison et al. 2017, section 2), whose noise is the latent; in
training, gradients pass through the softmax (straight-through Gumbel, Jang et al. 2017). The
likelihood of a real composition is that of its draws, all computed at once.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch
from torch import Tensor, nn

from gankit_material.codec.hashes import hashes_of
from gankit_material.networks.features import charges, element_features, similarity

EMBEDDING = 32
"""Numbers that later draws see of an element, and 16 of its count."""
COUNT_EMBEDDING = 16
CHARGES = 3
UNSEEN = -20.0
"""What is added to the logit of an element that does not occur in the training data: it is not
drawn, and held-out compositions with it still have a likelihood."""
IMPOSSIBLE = -1e6
"""The logit of what cannot be drawn."""
TRIES = 8
"""Draws of a composition that is not to be a known one."""
EDGE = 1e-6
"""Uniform numbers are kept so far from 0 and 1."""


class SlotGenerator(nn.Module):
    """``(z (N, latent_dim), c (N, cond_dim) | None) -> x (N, slots, elements + most)``.

    Elements are drawn by descending electronegativity, then a stop; counts from the last slot to
    the first, so that the count of the most electronegative element, usually an anion, is drawn
    when all others are known.

    Args:
        elements: symbols, by descending electronegativity.
        most: the largest count.
        slots: elements of a composition, at most.
        units: hidden units of each draw.
        seen: elements that can be drawn; all by default.
        relaxation: temperature of the softmax through which gradients pass.
        temperatures: by which logits of elements, and of counts, are divided when drawing.
        known: hashes of compositions that are drawn anew, up to ``TRIES`` times.
        smoothing: share of an element's probability that training gives to elements like it.
    """

    features: Tensor
    charges: Tensor
    order: Tensor
    alike: Tensor
    rarity: Tensor

    def __init__(
        self,
        elements: Sequence[str],
        most: int,
        slots: int,
        cond_dim: int,
        units: int,
        seen: Collection[str] | None = None,
        relaxation: float = 0.7,
        temperatures: tuple[float, float] = (1.0, 1.0),
        smoothing: float = 0.0,
        known: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.size, self.most, self.slots = len(elements), most, slots
        self.relaxation, self.draws = relaxation, 2 * slots
        self.temperatures, self.smoothing = temperatures, smoothing
        self.width = max(self.size + 1, most)
        self.latent_dim = slots * (self.size + 1 + most)
        table = element_features(elements)
        self.known = known
        self.register_buffer("features", table, persistent=False)
        self.register_buffer("charges", charges(elements, CHARGES), persistent=False)
        self.register_buffer("alike", similarity(elements, seen), persistent=False)
        rare = [0.0 if seen is None or symbol in seen else UNSEEN for symbol in elements]
        self.register_buffer("rarity", torch.tensor([*rare, 0.0]), persistent=False)
        self.register_buffer("order", torch.arange(self.size + 1), persistent=False)
        self.embedding = nn.Parameter(torch.randn(self.size, EMBEDDING) / 2)
        self.of_features = nn.Parameter(torch.randn(table.shape[1], EMBEDDING) / table.shape[1])
        self.of_counts = nn.Parameter(torch.randn(most, COUNT_EMBEDDING) / 2)
        slot = EMBEDDING + COUNT_EMBEDDING + CHARGES + 1
        width = slots * slot + 2 * CHARGES + cond_dim
        self.first = nn.Parameter(torch.randn(self.draws, width, units) * (2 / width) ** 0.5)
        self.first_bias = nn.Parameter(torch.zeros(self.draws, 1, units))
        self.hidden = nn.Parameter(torch.randn(2, self.draws, units, units) / units**0.5)
        self.hidden_bias = nn.Parameter(torch.zeros(2, self.draws, 1, units))
        self.last = nn.Parameter(torch.randn(self.draws, units, self.width) / 50)
        self.last_bias = nn.Parameter(torch.zeros(self.draws, 1, self.width))

    # --- What a draw sees -----------------------------------------------------------------------

    def _elements(self, hot: Tensor) -> Tensor:
        """(…, elements) one-hot to what is seen of an element."""
        return hot @ (self.embedding + self.features @ self.of_features).to(hot.dtype)

    def _context(self, seen_e: Tensor, hot_e: Tensor, hot_n: Tensor, c: Tensor | None) -> Tensor:
        """What a draw sees, (N, seen): of each slot that is known its element, its count, and the
        charges that its element commonly has, times its count; and their sums.

        Args:
            seen_e: (N, slots, EMBEDDING), zeros where it is not drawn yet.
            hot_e: (N, slots, elements), likewise.
            hot_n: (N, slots, most), likewise.
        """
        number = torch.arange(1, self.most + 1, device=hot_n.device, dtype=hot_n.dtype) / 4
        n = hot_n @ number
        charge = hot_e @ self.charges.to(hot_e.dtype)
        times = charge * n[..., None]
        parts = [seen_e, hot_n @ self.of_counts.to(hot_n.dtype), times, n[..., None]]
        flat = torch.cat(parts, -1).flatten(1)
        sums = [times.sum(1), (charge * (n[..., None] == 0)).sum(1)]
        return torch.cat([flat, *sums, *([] if c is None else [c.to(flat.dtype)])], 1)

    def _logits(self, seen: Tensor, draws: slice) -> Tensor:
        """(draws, N, width) of what each draw sees, (draws, N, seen)."""
        w, b = self.first[draws], self.first_bias[draws]
        h = nn.functional.leaky_relu(torch.baddbmm(b.to(seen.dtype), seen, w.to(seen.dtype)), 0.2)
        for weight, bias in zip(self.hidden, self.hidden_bias, strict=True):
            new = torch.baddbmm(bias[draws].to(h.dtype), h, weight[draws].to(h.dtype))
            h = h + nn.functional.leaky_relu(new, 0.2)
        last, bias = self.last[draws], self.last_bias[draws]
        return torch.baddbmm(bias.to(h.dtype), h, last.to(h.dtype)).float()

    def _possible(self, logits: Tensor, before: Tensor | None) -> Tensor:
        """Logits of an element (N, elements + 1), the last being none, without those that are more
        electronegative than the element before (N,), and all but none after none.
        """
        logits = logits + self.rarity
        if before is None:
            bad = self.order == self.size
            return logits.masked_fill(bad, IMPOSSIBLE)
        bad = (self.order <= before[:, None]) & (self.order < self.size)
        return logits.masked_fill(bad, IMPOSSIBLE)

    # --- Likelihood -----------------------------------------------------------------------------

    def nll(self, x: Tensor, c: Tensor | None) -> Tensor:
        """The negative log-likelihood of compositions, (N,), in nats."""
        hot_e, hot_n = torch.split(x, [self.size, self.most], -1)
        there = hot_e.sum(-1)
        element = torch.where(there > 0.5, hot_e.argmax(-1), self.size)
        count = hot_n.argmax(-1)
        seen_e = self._elements(hot_e)
        before = torch.tril(x.new_ones(self.slots, self.slots), -1)
        after = torch.triu(x.new_ones(self.slots, self.slots), 1)
        nothing = torch.zeros_like(hot_n)
        contexts = [
            self._context(seen_e * m[:, None], hot_e * m[:, None], nothing, c) for m in before
        ]
        contexts += [self._context(seen_e, hot_e, hot_n * m[:, None], c) for m in after]
        logits = self._logits(torch.stack(contexts), slice(None))
        total = x.new_zeros(len(x))
        for i in range(self.slots):
            free = self._possible(logits[i, :, : self.size + 1], element[:, i - 1] if i else None)
            total = total + self._of_element(free, element[:, i])
            of_count = nn.functional.cross_entropy(
                logits[self.slots + i, :, : self.most], count[:, i], reduction="none"
            )
            total = total + of_count * there[:, i]
        return total

    def _of_element(self, logits: Tensor, element: Tensor) -> Tensor:
        """Cross-entropy of an element, (N,); while training, with a target that also has elements
        like it: label smoothing (Szegedy et al. 2016, section 7) along the periodic table.
        """
        if not (self.training and self.smoothing):
            return nn.functional.cross_entropy(logits, element, reduction="none")
        logp = logits.log_softmax(1)
        target = self.alike[element] * (logits > IMPOSSIBLE / 2)
        target = target / target.sum(1, keepdim=True).clamp(min=1e-6)
        exact = logp.gather(1, element[:, None]).squeeze(1)
        # Where no element like it is possible, the target is the element alone.
        share = self.smoothing * (target.sum(1) > 0.5)
        return -(1 - share) * exact - share * (target * logp.clamp(min=IMPOSSIBLE)).sum(1)

    # --- Drawing --------------------------------------------------------------------------------

    def forward(self, z: Tensor, c: Tensor | None) -> Tensor:
        x = self._drawn(z, c)
        if self.known is None or self.training:
            return x
        for i in range(1, TRIES):
            again = torch.isin(self._hashes(x), self.known.to(x.device))
            if not torch.compiler.is_exporting() and not again.any():
                break
            # The same noise for other draws is as good as new, and a function of the latent.
            x = torch.where(again[:, None, None], self._drawn(z.roll(7 * i, 1), c), x)
        return x

    def _hashes(self, x: Tensor) -> Tensor:
        """Of compositions (N, slots, elements + most)."""
        hot_e, hot_n = torch.split(x, [self.size, self.most], -1)
        parts = [(hot.argmax(-1) + 1) * (hot.sum(-1) > 0.5) for hot in (hot_e, hot_n)]
        return hashes_of(torch.stack(parts, -1))

    def _drawn(self, z: Tensor, c: Tensor | None) -> Tensor:
        u = torch.special.ndtr(z.float()).clamp(EDGE, 1 - EDGE)
        noise = -torch.log(-torch.log(u))
        widths = [self.slots * (self.size + 1), self.slots * self.most]
        noise_e, noise_n = torch.split(noise, widths, 1)
        noise_e = noise_e.view(-1, self.slots, self.size + 1)
        noise_n = noise_n.view(-1, self.slots, self.most)
        n = len(z)
        zero_e = [z.new_zeros(n, self.size)] * self.slots
        seen = [z.new_zeros(n, EMBEDDING)] * self.slots
        hot_e, hot_n = list(zero_e), [z.new_zeros(n, self.most)] * self.slots
        nothing, before = torch.stack(hot_n, 1), None
        for i in range(self.slots):
            context = self._context(torch.stack(seen, 1), torch.stack(hot_e, 1), nothing, c)
            logits = self._logits(context[None], slice(i, i + 1))[0, :, : self.size + 1]
            logits = self._possible(logits / self.temperatures[0], before)
            drawn = self._draw(logits, noise_e[:, i])
            before = drawn.argmax(1)
            hot_e[i] = drawn[:, : self.size]
            seen[i] = self._elements(hot_e[i])
        all_seen, all_e = torch.stack(seen, 1), torch.stack(hot_e, 1)
        there = all_e.sum(-1)
        for i in reversed(range(self.slots)):
            context = self._context(all_seen, all_e, torch.stack(hot_n, 1), c)
            draw = self.slots + i
            logits = self._logits(context[None], slice(draw, draw + 1))[0, :, : self.most]
            hot_n[i] = self._draw(logits / self.temperatures[1], noise_n[:, i]) * there[:, i, None]
        return torch.cat([all_e, torch.stack(hot_n, 1)], -1)

    def _draw(self, logits: Tensor, noise: Tensor) -> Tensor:
        """One-hot (N, K)."""
        score = logits + noise
        hot = nn.functional.one_hot(score.argmax(1), score.shape[1]).to(score.dtype)
        if self.training and torch.is_grad_enabled():
            soft = (score / self.relaxation).softmax(1)
            hot = hot + soft - soft.detach()
        return hot
