"""What handlers share, and the first steps of all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from starlette.requests import Request

from gankit.errors import GankitError, did_you_mean
from gankit.serve.limits import Limits, Rates
from gankit.serve.query import Query
from gankit.serve.served import Drawn, Served
from gankit.serve.worker import Worker

if TYPE_CHECKING:
    from gankit.serve.neighbours import Neighbourhoods

Value = TypeVar("Value")

N = 16
"""Samples of a page."""
N_ROWS = 20
"""The same of rows."""


class NotHereError(GankitError):
    """There is no such page."""


class TooFastError(Exception):
    """A client wants more than its share.

    Args:
        wait: seconds after which there will be enough.
    """

    def __init__(self, wait: float) -> None:
        super().__init__(wait)
        self.wait = wait


@dataclass
class State:
    """A server's state."""

    runs: Mapping[str, Served]
    worker: Worker
    limits: Limits
    rates: Rates
    neighbourhoods: Neighbourhoods
    single: bool
    guarded: bool

    def run(self, name: str) -> Served:
        """The run of that name.

        Raises:
            NotHereError: there is none.
        """
        if name not in self.runs:
            raise NotHereError(f"no run {name!r} here", did_you_mean(name, [*self.runs]))
        return self.runs[name]

    def query(
        self, request: Request, served: Served, others: Iterable[str] = (), n: int = 0
    ) -> Query:
        """The query of a request, with its number of samples settled and within the limits.

        Args:
            others: parameters that the handler reads itself.
            n: samples by default.
        """
        pairs = request.query_params.multi_items()
        query = Query.parse(pairs, [*others, "v"])
        query = query.without_defaults({one.key: one.value for one in served.options})
        if query.settings and not self.guarded:
            raise GankitError(
                "sampling-time options are not open to everybody: they can be expensive",
                "Start gankit serve with --token",
            )
        return query.sized(n or (N_ROWS if served.rows else N), self.limits.n)

    async def draw(self, request: Request, served: Served, query: Query) -> Drawn:
        """The samples of a query; fresh ones where it has no seed.

        Raises:
            GankitError: as :meth:`Served.draw`.
            TooFastError: the client has had its share.
            BusyError: too many requests wait.
        """
        self.count(request, query.n)
        if query.seed is None and query.between is None:
            query = replace(query, seed=served.fresh(query.n))
        return await asyncio.wrap_future(self.worker.draw(served, query))

    async def call(self, request: Request, cost: int, function: Callable[[], Value]) -> Value:
        """What a function returns, called where runs may be used.

        Args:
            cost: samples that it draws.
        """
        self.count(request, cost)
        found: Value = await asyncio.wrap_future(self.worker.call(function))
        return found

    def count(self, request: Request, cost: int) -> None:
        """Counts samples for a client.

        Raises:
            TooFastError: it has had its share.
        """
        client = request.client.host if request.client else ""
        if wait := self.rates.wait(client, cost):
            raise TooFastError(wait)


def state_of(request: Request) -> State:
    found: State = request.app.state.it
    return found
