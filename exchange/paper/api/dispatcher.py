"""Request dispatcher: limits, key, clock and signature, in the venue's order, then the route.

REST and ws-fapi are two ways into the same checks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from exchange.errors import Refused
from exchange.paper.api.account_memory import AccountMemory
from exchange.paper.api.account_routes import AccountRoutes
from exchange.paper.api.history_routes import HistoryRoutes
from exchange.paper.api.keys import Verifier, verifier
from exchange.paper.api.market_routes import MarketRoutes
from exchange.paper.api.order_routes import OrderRoutes
from exchange.paper.api.params import Params
from exchange.paper.api.routes import ClientRoute, PublicRoute, Route, through
from exchange.paper.faults.faults import Faults
from exchange.paper.limits import Banishment, OverLimit, WeightLimit
from exchange.paper.settings import PaperSettings
from exchange.paper.venue.client import Client
from exchange.paper.venue.venue import PaperVenue

READS_OF_ACCOUNT = frozenset(
    f"GET /fapi/{name}"
    for name in (
        *("v2/account", "v3/account", "v2/balance", "v3/balance"),
        *("v2/positionRisk", "v3/positionRisk", "v1/income", "v1/userTrades"),
        *("v1/order", "v1/openOrder", "v1/openOrders", "v1/allOrders"),
    )
)
"""What a replica that lags may answer."""

AHEAD_MS = 1000  # the venue refuses stamps a second ahead of its clock, whatever the window
DEFAULT_WINDOW_MS = 5000  # ``recvWindow`` where a call names none, as at the venue

_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Call:
    """One request, whether by REST or by ws-fapi."""

    name: str
    """Method and path of the REST endpoint that it means."""
    params: Params
    api_key: str | None
    signed_texts: tuple[str, ...]
    """What the signature may have been made over."""
    logged_on: Client | None = None
    """Who opened the session by a signature, so that this call needs none."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What an admitted call was answered, and for whom."""

    body: object
    client: Client | None
    orders: bool
    """Whether it counted as placing or changing orders."""


class Dispatcher:
    """Every endpoint behind every check."""

    def __init__(
        self, settings: PaperSettings, venue: PaperVenue, faults: Faults | None = None
    ) -> None:
        self._venue = venue
        self._faults = faults or Faults()
        self.weight = WeightLimit()
        self._banishment = Banishment()
        self._clients: dict[str, tuple[Client, Verifier]] = {
            client.api_key: (client, verifier(account.name, account.api_secret))
            for client, account in zip(venue.clients, settings.accounts, strict=True)
        }
        self._routes: dict[str, Route] = {
            "GET /fapi/v1/time": PublicRoute(lambda _: {"serverTime": self.now_ms}, 1),
            **MarketRoutes(venue).routes(),
            **HistoryRoutes(venue).routes(),
            **OrderRoutes(venue, self._faults).routes(),
            **AccountRoutes(venue).routes(),
        }
        self._memory = AccountMemory(venue)

    @property
    def names(self) -> list[str]:
        """Method and path of every endpoint."""
        return list(self._routes)

    @property
    def now_ms(self) -> int:
        """What the venue says the time is."""
        return self._venue.now_ms + self._faults.skew_ms(self._venue.now_ms)

    def admit(self, call: Call) -> Answered:
        """Answer one call.

        Raises:
            Refused: By the venue's code.
        """
        route = self._routes.get(call.name)
        if route is None:
            method, _, path = call.name.partition(" ")
            raise Refused(-5000, f"Path {path}, Method {method} is invalid", 404)
        return through(
            self._faults,
            call.name,
            call.params.client_order_id,
            self._venue.now_ms,
            lambda: self._within_limits(lambda: self._carry_out(call, route)),
        )

    def spend(self, weight: int) -> None:
        """Count what is no call of an endpoint, or raise ``Refused`` with 429 or 418."""
        self._within_limits(lambda: self.weight.spend(weight, self._venue.now_ms))

    def _within_limits(self, carry_out: Callable[[], _Answer]) -> _Answer:
        """Do nothing for an address that is banned, and ban one that goes on after a 429."""
        self._banishment.check(self._venue.now_ms)
        try:
            return carry_out()
        except OverLimit:
            self._banishment.note_refusal(self._venue.now_ms)
            raise

    def _carry_out(self, call: Call, route: Route) -> Answered:
        weight = route.weight if isinstance(route.weight, int) else route.weight(call.params)
        self.weight.spend(weight, self._venue.now_ms)
        if not isinstance(route, ClientRoute):
            if route.needs_key:
                self._identify(call.api_key)
            call.params.refuse_unread(route.reads)
            return Answered(route.answer(call.params), None, orders=False)
        client = self._admit_member(call, signed=route.signed)
        if route.reads is not None:
            call.params.refuse_unread(route.reads)
        past = self._as_a_replica_has_it(call, client)
        if past is not None:
            return Answered(past, client, route.orders)
        return Answered(route.answer(client, call.params), client, route.orders)

    def remember(self) -> None:
        """Keep the accounts as they stand, as long as a fault may ask for them."""
        self._memory.keep(self._faults.longest_lag_ms)

    def _as_a_replica_has_it(self, call: Call, client: Client) -> object | None:
        if not self._faults.longest_lag_ms or call.name not in READS_OF_ACCOUNT:
            return None
        now_ms = self._venue.now_ms
        lag_ms = self._faults.account_lag_ms(call.name, now_ms, call.params.client_order_id)
        if lag_ms is None:
            return None
        venue, client = self._memory.recall(lag_ms, client)
        routes = AccountRoutes(venue).routes() | OrderRoutes(venue, self._faults).routes()
        route = routes[call.name]
        assert isinstance(route, ClientRoute)  # each of them is
        return route.answer(client, call.params)

    def log_on(self, call: Call) -> Client:
        """Whose session it shall be.

        Raises:
            Refused: When the key or its signature is wrong, or of a kind that opens none.
        """
        client, proof = self._identify(call.api_key)
        if not proof.logs_on:
            raise Refused(-1099, "Only Ed25519 keys can log on to a session.", 401)
        self._check_signature(call, proof)
        return client

    # ------------------------------------------------------------ checks

    def _admit_member(self, call: Call, *, signed: bool) -> Client:
        if call.logged_on is not None and call.api_key is None:
            if signed:
                self._check_time(call.params)
            return call.logged_on
        client, proof = self._identify(call.api_key)
        if signed:
            self._check_signature(call, proof)
        return client

    def _identify(self, api_key: str | None) -> tuple[Client, Verifier]:
        if not api_key:
            raise Refused(-2014, "API-key format invalid.", 401)
        known = self._clients.get(api_key)
        if known is None:
            raise Refused(-2015, "Invalid API-key, IP, or permissions for action.", 401)
        return known

    def _check_signature(self, call: Call, proof: Verifier) -> None:
        call.params.need_number("timestamp")
        signature = call.params.need("signature")
        self._check_time(call.params)
        if not any(proof.verifies(text, signature) for text in call.signed_texts):
            raise Refused(-1022, "Signature for this request is not valid.")

    def _check_time(self, params: Params) -> None:
        timestamp_ms, window_ms = params.need_number("timestamp"), params.number("recvWindow")
        if timestamp_ms >= self.now_ms + AHEAD_MS:
            raise Refused(
                -1021,
                "Timestamp for this request was 1000ms ahead of the server's time.",
            )
        if self.now_ms - timestamp_ms > (DEFAULT_WINDOW_MS if window_ms is None else window_ms):
            raise Refused(-1021, "Timestamp for this request is outside of the recvWindow.")
