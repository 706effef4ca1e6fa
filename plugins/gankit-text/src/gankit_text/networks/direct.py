"""A generator that writes token after token, and a discriminator of whole rows of tokens.

The generator has a likelihood, by which it is trained first, as a language model is; in the game,
gradients pass through the probabilities of the tokens that it drew (straight-through, Bengio et al.
2013, arXiv 1308.3432, section 4).
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import conv1d, dropout, leaky_relu, one_hot

from gankit.contract import Codec, Networks
from gankit.kit.layers import SLOPE, embedding
from gankit_text.codec.direct import ENDED, DirectCodec
from gankit_text.data.items import Text
from gankit_text.settings import TextSettings

DROPOUT = 0.2
"""Of inputs and outputs while the likelihood is trained; none when texts are drawn."""
SEEN = 64
"""Dimensions of a token for the discriminator."""
KERNEL, LAYERS = 5, 3
IMPOSSIBLE = -1e4
"""The logit of a code that cannot be drawn."""


class Writer(nn.Module):
    """``(z (N, length), c (N, cond_dim) | None) -> x (N, length, codes)``, each row one-hot.

    A token is the code at which the cumulative distribution passes Φ(z), so that a latent is a
    text. After the end, all codes are ENDED. A gated recurrent network (Cho et al. 2014) whose
    output weights are its input embedding.

    Args:
        codes: of the codec.
        length: tokens of a text, at most.
        condition: the width of c; None for none.
    """

    def __init__(self, codes: int, length: int, codec: DirectCodec, width: int) -> None:
        super().__init__()
        self.codes, self.length, self.width = codes, length, width
        self.embedding = nn.Parameter(torch.randn(codes + 1, width) * width**-0.5)
        """The last one stands before the first token."""
        self.bias = nn.Parameter(codec.log_frequency.clone())
        self.of_input = nn.Linear(width, 3 * width)
        self.of_state = nn.Linear(width, 3 * width)
        condition = codec.layout.condition
        self.condition = embedding(condition, width) if condition else None
        self.start = nn.Parameter(torch.zeros(width))

    def nll(self, x: Tensor, c: Tensor | None) -> Tensor:
        """The negative log-likelihood of rows x, their ends included, (N,), in nats."""
        codes, n = x.argmax(2), x.shape[0]
        before = torch.cat([codes.new_full((n, 1), self.codes), codes[:, :-1]], 1)
        counted = before != ENDED  # the end itself counts, what stands after it does not
        # Most texts are much shorter than the longest. In torch.func no shape may depend on them.
        sparse = not torch._C._functorch.is_functorch_wrapped_tensor(x)
        steps = int(counted.any(0).sum()) if sparse else self.length
        seen = dropout(self.embedding[before[:, :steps]], DROPOUT, self.training)
        states = self._states(seen + self._asked(n, c)[:, None], fused=sparse)
        h = dropout(states, DROPOUT, self.training)
        if not sparse:
            first = (torch.arange(self.length, device=x.device) == 0).expand(n, -1)
            return (self._losses(h, codes, first) * counted.to(h.dtype)).sum(1)
        rows, places = counted.nonzero(as_tuple=True)
        losses = self._losses(h[rows, places], codes[rows, places], places == 0)
        return losses.new_zeros(n).index_add(0, rows, losses)

    def _losses(self, h: Tensor, codes: Tensor, first: Tensor) -> Tensor:
        """The negative log-probability of codes (…), in states h (…, width); ``first`` (…) is
        where texts begin."""
        logits = self._logits(h).float()
        logs = (logits + self._no_end(logits) * first[..., None]).log_softmax(-1)
        return -logs.gather(-1, codes[..., None]).squeeze(-1)

    def forward(self, z: Tensor, c: Tensor | None) -> Tensor:
        n, u = z.shape[0], torch.special.ndtr(z.float())
        state, asked = self.start.expand(n, -1), self._asked(n, c)
        token = self.embedding[-1].expand(n, -1)
        through = self.training and torch.is_grad_enabled()
        ended = torch.zeros(n, dtype=torch.bool, device=z.device)
        end = one_hot(torch.tensor(ENDED, device=z.device), self.codes).to(z.dtype)
        rows = []
        for i in range(self.length):
            if not torch.compiler.is_exporting() and ended.all():
                rows += [end.expand(n, -1)] * (self.length - i)
                break
            state = self._next(self.of_input(token + asked), state)
            logits = self._logits(state).float()
            p = (logits if i else logits + self._no_end(logits)).softmax(1)
            below = p.detach().cumsum(1)
            code = (below <= u[:, i, None] * below[:, -1:]).sum(1).clamp(max=self.codes - 1)
            hot = one_hot(code, self.codes).to(p.dtype)
            if through:
                hot = hot + p - p.detach()
            hot = torch.where(ended[:, None], end, hot)
            ended = ended | (code == ENDED)
            rows.append(hot)
            token = hot @ self.embedding[:-1]
        return torch.stack(rows, 1)

    def _states(self, inputs: Tensor, fused: bool) -> Tensor:
        """The state after each input (N, T, width); a GRU of torch, which computes the same, is
        faster."""
        first = self.start.expand(len(inputs), -1)
        if fused:
            layers = (self.of_input, self.of_state)
            weights = [*(m.weight for m in layers), *(m.bias for m in layers)]
            found: Tensor = torch.gru(
                *(inputs, first[None].contiguous(), weights, True),
                num_layers=1, dropout=0.0, train=False, bidirectional=False, batch_first=True,
            )[0]  # fmt: skip
            return found
        given, state, states = self.of_input(inputs), first, []
        for i in range(inputs.shape[1]):
            state = self._next(given[:, i], state)
            states.append(state)
        return torch.stack(states, 1)

    def _asked(self, n: int, c: Tensor | None) -> Tensor:
        """What each input has of the condition, (N, width)."""
        if c is None or self.condition is None:
            return self.start.new_zeros(n, self.width)
        asked: Tensor = self.condition(c) * self.width**-0.5
        return asked

    def _next(self, given: Tensor, state: Tensor) -> Tensor:
        """The next state from the input's part of the gates (N, 3 · width), and the state."""
        reset, update, new = given.chunk(3, 1)
        reset_h, update_h, new_h = self.of_state(state).chunk(3, 1)
        keep = torch.sigmoid(update + update_h)
        return keep * state + (1 - keep) * torch.tanh(new + torch.sigmoid(reset + reset_h) * new_h)

    def _no_end(self, logits: Tensor) -> Tensor:
        """Added to logits where no text may end: there are no empty ones."""
        end = torch.arange(self.codes, device=logits.device) == ENDED
        return end.to(logits.dtype) * IMPOSSIBLE

    def _logits(self, h: Tensor) -> Tensor:
        return h @ self.embedding[:-1].T + self.bias


class Reader(nn.Module):
    """``(x (N, length, codes), c | None) -> logits (N,)``: strided convolutions over embedded
    tokens, whose features are projected on the condition's embedding."""

    def __init__(self, codes: int, codec: DirectCodec, width: int) -> None:
        super().__init__()
        self.embedding = nn.Linear(codes, SEEN, bias=False)
        nn.init.normal_(self.embedding.weight, std=1.0)
        sizes = [SEEN, *[width] * LAYERS]
        self.weights = nn.ParameterList(
            nn.Parameter(torch.randn(b, a, KERNEL) * (2 / (a * KERNEL)) ** 0.5)
            for a, b in pairwise(sizes)
        )
        self.biases = nn.ParameterList(nn.Parameter(torch.zeros(b)) for b in sizes[1:])
        self.mixed = nn.Linear(width, width)
        self.judge = nn.Linear(width, 1)
        condition = codec.layout.condition
        self.condition = embedding(condition, width) if condition else None

    def forward(self, x: Tensor, c: Tensor | None) -> Tensor:
        h = self.embedding(x).transpose(1, 2)
        for weight, bias in zip(self.weights, self.biases, strict=True):
            h = leaky_relu(conv1d(h, weight, bias, stride=2, padding=KERNEL // 2), SLOPE)
        features = leaky_relu(self.mixed(h.mean(2)), SLOPE)
        logits: Tensor = self.judge(features).squeeze(1)
        if c is not None and self.condition is not None:
            logits = logits + (features * self.condition(c)).sum(1) * features.shape[1] ** -0.5
        return logits


def build_networks(codec: Codec[Text], settings: TextSettings) -> Networks:
    """The networks for rows of the codec's tokens."""
    assert isinstance(codec, DirectCodec)
    length, codes = codec.layout.shape
    generator = Writer(codes, length, codec, settings.width)
    return Networks(
        generator=generator,
        discriminator=Reader(codes, codec, settings.units),
        latent_dim=length,
        likelihood=generator.nll,
    )
