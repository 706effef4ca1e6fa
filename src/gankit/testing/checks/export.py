"""The check of exporting."""

from __future__ import annotations

import torch

from gankit.engine.sampling.graph import Exportable
from gankit.testing.checks.base import expect
from gankit.testing.subject import CheckFailed, NotApplicable, Subject


def export(s: Subject) -> None:
    """The generator and the codec's decoding graph can be exported, for any number of samples."""
    if s.networks().ragged:
        raise NotApplicable("the shapes within the networks depend on the samples")
    graph = Exportable.of(s.run.sampler("cpu"))
    try:
        program = graph.program(range(3))
    except Exception as error:  # torch.export raises anything that a network can cause
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        fix = (
            "Let forward not branch on values, and the graph's outputs match DecodingGraph.outputs"
        )
        raise CheckFailed(f"torch.export cannot trace them: {reason}", fix) from error
    for n in (1, 5):
        arguments = graph.arguments(range(n))
        wanted, found = graph(*arguments), program.module()(*arguments)
        expect(
            len(found) == len(wanted) and all(len(each) == n for each in found),
            f"the graph gives {[tuple(each.shape) for each in found]} for {n} samples",
            "Give a tensor for each of DecodingGraph.outputs, with one row a sample",
        )
        for (name, own), each in zip(wanted.items(), found, strict=True):
            close = torch.allclose(own.double(), each.double(), rtol=1e-3, atol=1e-4)
            fix = "Use no value of the example in forward that is not a tensor"
            expect(close, f"{name} of the traced graph differs", fix)
