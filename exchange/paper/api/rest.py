"""REST API: a request in, the venue's answer out, with headers that report what was used up."""

import re
from dataclasses import dataclass, field

import orjson

from exchange.errors import Refused
from exchange.paper.api.dispatcher import Call, Dispatcher
from exchange.paper.api.params import Params, error
from exchange.paper.limits import OverLimit
from exchange.paper.venue.venue import PaperVenue


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What the shell read; texts exactly as sent, since that is what was signed."""

    method: str
    path: str
    query: str
    body: str
    api_key: str | None


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class RestApi:
    """Answers requests at the venue's present time."""

    def __init__(self, dispatcher: Dispatcher, venue: PaperVenue) -> None:
        self._dispatcher = dispatcher
        self._venue = venue

    def answer(self, request: HttpRequest) -> HttpAnswer:
        """Answer one request; never raises for what a client sent."""
        call = Call(
            name=f"{request.method} {request.path}",
            params=Params.from_form(request.query, request.body),
            api_key=request.api_key,
            signed_texts=(_unsigned(request.query) + _unsigned(request.body),),
        )
        headers: dict[str, str] = {}
        try:
            admitted = self._dispatcher.admit(call)
        except Refused as refused:
            body, status = orjson.dumps(error(refused)), refused.http_status
            headers |= refused.headers if isinstance(refused, OverLimit) else {}
        else:
            body, status = orjson.dumps(admitted.body), 200
            if admitted.orders and admitted.client is not None:
                in_10s, in_minute = admitted.client.limits.used(self._venue.now_ms)
                headers["X-MBX-ORDER-COUNT-10S"] = str(in_10s)
                headers["X-MBX-ORDER-COUNT-1M"] = str(in_minute)
        used = str(self._dispatcher.weight.used(self._venue.now_ms))
        headers.setdefault("X-MBX-USED-WEIGHT-1M", used)
        return HttpAnswer(status, body, headers)


def _unsigned(text: str) -> str:
    """The text as sent, without its signature, which must stand last."""
    return re.sub(r"(^|&)signature=[^&]*$", "", text)
