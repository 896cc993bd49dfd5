"""Test bench of the embedded exchange: a market, a signer, a subscriber to every stream."""

import hmac
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

import orjson

from exchange.instrument import E8, DecimalGrid, Instrument
from exchange.paper.api.dispatcher import Dispatcher
from exchange.paper.api.rest import HttpAnswer, HttpRequest, RestApi
from exchange.paper.background.synthetic_flow import SyntheticFlow
from exchange.paper.matching.events import BACKGROUND
from exchange.paper.matching.price_time import Matching
from exchange.paper.pubsub.pubsub import Prefix, PubSub, SubscriberQueue
from exchange.paper.settings import AccountSettings, Listing, PaperSettings, SyntheticMarket
from exchange.paper.venue.venue import PaperVenue
from exchange.types import Side

START_NS = 1_700_000_000_000_000_000
MS_NS = 1_000_000
KEY, SECRET = "paper-key", "paper-secret"

LIVELY = SyntheticMarket(
    seed=7,
    start_price_ticks=600_000,
    sigma_ticks=6.0,
    A_per_s=1.5,
    k_per_tick=0.12,
    half_spread_ticks=4,
    depth_levels=60,
    level_lots=800,
)
QUIET = replace(LIVELY, sigma_ticks=0.0, A_per_s=1e-9)
"""Nothing moves and nobody comes: 599,996 to 600,004 until the account does something."""


BITCOIN = Instrument("BTCUSDT", DecimalGrid("0.1"), DecimalGrid("0.001"), min_notional_e8=5 * E8)
ACCOUNT = AccountSettings(
    name="one",
    api_key=KEY,
    api_secret=SECRET,
    capital_e8=10_000 * E8,
    maker_fee_rate=0.0002,
    taker_fee_rate=0.0005,
)


OTHER_ACCOUNT = replace(ACCOUNT, name="two", api_key="other-key", api_secret="other-secret")

ETHER = Instrument("ETHUSDT", DecimalGrid("0.01"), DecimalGrid("0.001"), min_notional_e8=5 * E8)
QUIET_ETHER = replace(QUIET, start_price_ticks=300_000)
"""3,000 USDT."""


def paper_settings(market: SyntheticMarket = QUIET, port: int = 0) -> PaperSettings:
    return PaperSettings(port=port, listings=(Listing(BITCOIN, market),), accounts=(ACCOUNT,))


def two_of_everything() -> PaperSettings:
    """Two symbols that do not move, and two accounts."""
    return replace(
        paper_settings(),
        listings=(Listing(BITCOIN, QUIET), Listing(ETHER, QUIET_ETHER)),
        accounts=(ACCOUNT, OTHER_ACCOUNT),
    )


def signed(params: dict[str, object], now_ms: int, secret: str = SECRET) -> str:
    """The parameters with time and signature, as they go into a query or a body."""
    payload = urlencode(params | {"timestamp": now_ms})
    return (
        f"{payload}&signature={hmac.new(secret.encode(), payload.encode(), 'sha256').hexdigest()}"
    )


def frames(queue: SubscriberQueue) -> list[Any]:
    """What was received since the last call."""
    return [orjson.loads(frame) for frame in queue.take()]


@dataclass
class Desk:
    """A venue on a virtual clock, with its REST side and a subscriber to every stream."""

    settings: PaperSettings = field(default_factory=paper_settings)

    def __post_init__(self) -> None:
        self.pubsub = PubSub()
        self.venue = PaperVenue(self.settings, self.pubsub, START_NS)
        self.dispatcher = Dispatcher(self.settings, self.venue)
        self.api = RestApi(self.dispatcher, self.venue)
        self.market = next(iter(self.venue.markets.values()))
        matching, flow = self.market.matching, self.market.background
        assert isinstance(matching, Matching)
        assert isinstance(flow, SyntheticFlow)
        self.matching, self.flow = matching, flow
        self._sit_down(0)

    def _sit_down(self, account: int) -> None:
        self.account = self.settings.accounts[account]
        self.client = self.venue.clients[account]
        self.symbol_account = self.venue.symbol_account(self.client, self.market.symbol)
        self.queue = self.listen(self.client.user_stream.start(self.venue.now_ms))

    def beside(self, account: int) -> "Desk":
        """The same venue as another of its accounts sees it."""
        other = copy(self)
        other._sit_down(account)
        return other

    def listen(self, *names: str) -> SubscriberQueue:
        queue = SubscriberQueue(Prefix.ANY, lambda: None, lambda: None, combined=False)
        self.pubsub.subscribe(queue, names)
        return queue

    def pass_ms(self, ms: int) -> None:
        self.venue.advance(self.venue.now_ns + ms * MS_NS)

    def withdraw_background(self) -> None:
        """Nobody is left in the book but the accounts, until the background thinks again."""
        for side in Side:
            for price_ticks, _ in self.matching.levels(side):
                for number, _ in self.matching.queue(side, price_ticks):
                    order = self.matching.resting(number)
                    if order is not None and order.owner == BACKGROUND:
                        self.matching.cancel(number)

    def ask(
        self, method: str, path: str, body: str = "", query: str = "", key: str | None = ""
    ) -> HttpAnswer:
        """One request, already signed if it needs to be; by the account's key by default."""
        if key == "":
            key = self.account.api_key
        return self.api.answer(HttpRequest(method, path, query, body, key))

    def get(self, path: str, **params: object) -> Any:
        """The body of an unsigned request with the account's key."""
        return orjson.loads(self.ask("GET", path, query=urlencode(params)).body)

    def call(self, method: str, path: str, **params: object) -> Any:
        """The body of a signed request about the symbol."""
        params = {"symbol": self.market.symbol} | params
        text = signed(params, self.venue.now_ms, self.account.api_secret)
        return orjson.loads(self.ask(method, path, query=text).body)

    def place(self, side: str = "BUY", price: str = "59999.0", **params: object) -> Any:
        """Place a limit order of 0.010, GTC by default."""
        order: dict[str, object] = {
            "side": side,
            "type": "LIMIT",
            "timeInForce": "GTC",
            "quantity": "0.010",
            "price": price,
        }
        return self.call("POST", "/fapi/v1/order", **(order | params))

    def heard(self) -> list[dict[str, Any]]:
        """User events since the last call."""
        return frames(self.queue)

    def story(self) -> list[str]:
        """The same, each as a short text: ``NEW/NEW``, ``TRADE/FILLED``, ``ACCOUNT_UPDATE``."""
        return [
            f"{event['o']['x']}/{event['o']['X']}" if "o" in event else event["e"]
            for event in self.heard()
        ]
