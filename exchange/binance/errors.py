"""Error classification: what an answer means: was it done, refused, or is its end unknown?

Unknown is the cautious answer. A request that is wrongly called unknown costs one query;
an order wrongly called refused is forgotten while it lives.
"""

from enum import StrEnum
from typing import NamedTuple

from exchange.errors import Unreachable
from exchange.types import Outcome


class NotSent(Unreachable):
    """No connection could be opened, so nothing was sent and nothing was done."""


class Unproven(Unreachable):
    """The venue answered, but with an error that leaves the request's end open."""

    def __init__(self, code: int, message: str, http_status: int) -> None:
        super().__init__(f"HTTP {http_status}, {code}: {message}")
        self.code = code
        self.message = message
        self.http_status = http_status


class Kind(StrEnum):
    """Who has to act on an answer, and how."""

    DONE = "done"
    ALREADY = "already"
    """It was so before; as good as done."""
    LOST = "lost"
    """Query by client order id until proven."""
    LIMIT = "limit"
    """A request or order limit is used up; stop calling until its window turns."""
    OVERLOAD = "overload"
    """The venue is too busy or down; nothing was done, back off."""
    CLOCK = "clock"
    """Our stamp was outside the window; resync once, retry once."""
    LATE = "late"
    """The matching engine was reached too late; the quote is stale anyway."""
    ACCESS = "access"
    """Key, permission or address; stop trading."""
    MISSING = "missing"
    """No such order; says nothing of why."""
    CROSSES = "crosses"
    """The order would have taken, or could not fill whole; daily life near the touch."""
    DUPLICATE = "duplicate"
    """An order with this client id is open; query it."""
    MEANS = "means"
    """Margin, balance or position limit."""
    FILTER = "filter"
    """Off the grid or outside the symbol's bounds; read the filters again."""
    CLOSED = "closed"
    """Symbol or account may not trade now, or only reduce."""
    BUG = "bug"
    """The request itself is wrong; never retried."""


class RequestVerdict(NamedTuple):
    outcome: Outcome
    kind: Kind


_CODES = {
    Kind.ALREADY: (-4046, -4059, -4171, -5027),
    # -1001 is documented as failed, with the advice to check before sending again.
    Kind.LOST: (-1000, -1001, -1006, -1007),
    Kind.LIMIT: (-1003, -1015),
    Kind.OVERLOAD: (-1008, -1016),
    Kind.CLOCK: (-1021,),
    Kind.LATE: (-5028,),
    Kind.ACCESS: (-1002, -1004, -1005, -1011, -1022, -1099, -2014, -2015, -2017),
    Kind.MISSING: (-1125, -2011, -2013),
    Kind.CROSSES: (-2020, -2021, -5021, -5022),
    Kind.DUPLICATE: (-4116,),
    Kind.MEANS: (
        *(-2018, -2019, -2022, -2024, -2025, -2027, -2028),
        *(-4050, -4051, -4109, -4118),
    ),
    Kind.FILTER: (
        *(-1111, -4001, -4002, -4003, -4004, -4005, -4013, -4014, -4016, -4023, -4024),
        *(-4131, -4164, -5029),
    ),
    Kind.CLOSED: (
        *(-1121, -1122, -2023, -4087, -4088, -4105, -4106, -4107, -4140, -4141, -4144),
        *(-4189, -4192, -4400, -4401, -4402, -4403, -5024),
    ),
}
_KIND_OF_CODE = {code: kind for kind, codes in _CODES.items() for code in codes}
_OUTCOME_OF_KIND = {
    Kind.DONE: Outcome.DONE,
    Kind.ALREADY: Outcome.DONE,
    Kind.LOST: Outcome.UNKNOWN,
}
_KIND_OF_STATUS = {401: Kind.ACCESS, 403: Kind.LIMIT, 418: Kind.LIMIT, 429: Kind.LIMIT}


def classify(http_status: int, code: int, message: str) -> RequestVerdict:
    """What became of a request that was answered.

    Args:
        http_status: As received; 400 for one element of a batch.
        code: The venue's error code, 0 when the body held none.
        message: The body's text, which alone tells two kinds of 503 apart.
    """
    kind = _kind(http_status, code, message)
    return RequestVerdict(_OUTCOME_OF_KIND.get(kind, Outcome.REFUSED), kind)


def _kind(http_status: int, code: int, message: str) -> Kind:
    known = _KIND_OF_CODE.get(code)
    if known is not None:
        return known
    if 200 <= http_status < 300 and code >= 0:
        return Kind.DONE
    if http_status == 503 and message.startswith("Service Unavailable"):
        return Kind.OVERLOAD
    if http_status == 408 or http_status >= 500 or 300 <= http_status < 400:
        return Kind.LOST  # a gateway answered, and it does not know what lies behind it
    return _KIND_OF_STATUS.get(http_status, Kind.BUG)
