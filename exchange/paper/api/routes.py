"""Routes: what every endpoint is made of: who may call it, what it costs, and who answers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from exchange.paper.api.params import Params
from exchange.paper.faults.faults import Faults
from exchange.paper.venue.client import Client

_Answer = TypeVar("_Answer")

Weight = int | Callable[[Params], int]
"""Of one call, against the minute of its address."""


@dataclass(frozen=True, slots=True)
class PublicRoute:
    """Anyone may call it."""

    answer: Callable[[Params], object]
    weight: Weight
    reads: str = ""
    """The parameters that it knows, beside those of every call; any other is refused."""
    needs_key: bool = False
    """Any key that exists."""


@dataclass(frozen=True, slots=True)
class ClientRoute:
    """Only an account may call it, about itself."""

    answer: Callable[[Client, Params], object]
    weight: Weight
    reads: str | None = ""
    """As of ``PublicRoute``; None for a call that refuses whatever it is sent."""
    signed: bool = True
    """Whether the key alone is not enough."""
    orders: bool = False
    """Whether the answer reports how many orders the account has sent."""


Route = PublicRoute | ClientRoute
Routes = dict[str, Route]
"""By method and path, as in ``GET /fapi/v1/time``."""


def through(
    faults: Faults, call: str, client_order_id: str, now_ms: int, carry_out: Callable[[], _Answer]
) -> _Answer:
    """Carry out a call, unless a fault refuses it or loses its answer.

    Raises:
        Refused: By the fault, or by the call itself.
    """
    refused = faults.refusal(call, now_ms, client_order_id)
    if refused is not None:
        raise refused
    answer = carry_out()
    lost = faults.lost_answer(call, now_ms, client_order_id)
    if lost is not None:
        raise lost
    return answer


def by_symbol(one: int, every: int) -> Weight:
    """The weight of a call that asks about one symbol, or else about every one."""
    return lambda params: every if params.text("symbol") is None else one
