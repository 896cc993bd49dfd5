"""A node of the venue that answers REST: it knows the account as it stood some time ago."""

from collections import deque
from typing import NamedTuple

import orjson

from exchange.binance import user_events
from exchange.errors import Refused
from exchange.instrument import Instrument
from exchange.paper.pubsub.pubsub import Payload, Prefix, PubSub, SubscriberQueue
from exchange.paper.venue.symbol_account import SymbolAccount
from exchange.paper.wire import account_wire
from exchange.types import Fill, OrderUpdate


class _Known(NamedTuple):
    """The account after one of its changes, in the venue's own words."""

    since_ns: int
    position: Payload
    listed: bool
    """Does the venue list the position? It leaves out a flat account without orders."""
    balance: Payload
    trades: int
    orders: dict[str, Payload]
    """By client id, ended ones too."""


class RestNode:
    """What the account's REST answers say, ``lag_ms`` behind the matching engine."""

    def __init__(
        self, pubsub: PubSub, symbol_account: SymbolAccount, instrument: Instrument, listen_key: str
    ) -> None:
        self.lag_ms = 0.0
        self._symbol_account = symbol_account
        self._instrument = instrument
        self._heard = SubscriberQueue(Prefix.PRIVATE, lambda: None, lambda: None, combined=False)
        pubsub.subscribe(self._heard, [listen_key])
        self._known: deque[_Known] = deque([self._now(0, {})])

    def note(self, now_ns: int) -> None:
        """Take down what has changed by now."""
        messages = [orjson.loads(raw) for raw in self._heard.take()]
        if not messages:
            return
        names = {message["o"]["c"] for message in messages if "o" in message}
        find, row = self._symbol_account.orders.find, self._symbol_account.market.wire.order_record
        found = {name: find(None, name) for name in names}
        changed = {name: row(order) for name, order in found.items() if order is not None}
        self._known.append(self._now(now_ns, self._known[-1].orders | changed))

    def position(self, now_ns: int) -> user_events.Position:
        known = self._as_of(now_ns)
        if not known.listed:
            return user_events.FLAT
        return user_events.position_from_rest(known.position, self._instrument)

    def wallet(self, now_ns: int) -> user_events.Wallet:
        return user_events.wallet_from_rest(self._as_of(now_ns).balance)

    def open_orders(self, now_ns: int) -> tuple[OrderUpdate, ...]:
        updates = (self._update(row, now_ns) for row in self._as_of(now_ns).orders.values())
        return tuple(update for update in updates if not update.status.final)

    def order(self, now_ns: int, client_order_id: str) -> OrderUpdate:
        """Raises ``Refused`` with -2013 for one that it has not heard of."""
        row = self._as_of(now_ns).orders.get(client_order_id)
        if row is None:
            raise Refused(-2013, "Order does not exist.")
        return self._update(row, now_ns)

    def trades(self, now_ns: int, since_ms: int) -> tuple[Fill, ...]:
        names = {
            order.venue_order_id: order.client_order_id for order in self._symbol_account.orders
        }
        rows = [
            self._symbol_account.market.wire.user_trade(trade)
            for trade in list(self._symbol_account.trades)[: self._as_of(now_ns).trades]
            if trade.time_ms >= since_ms
        ]
        return tuple(
            user_events.fill_from_rest(
                row, names[int(str(row["orderId"]))], self._instrument, now_ns, now_ns
            )
            for row in rows
        )

    def _as_of(self, now_ns: int) -> _Known:
        self.note(now_ns)
        then_ns = now_ns - round(self.lag_ms * 1e6)
        while len(self._known) > 1 and self._known[1].since_ns <= then_ns:
            self._known.popleft()
        return self._known[0]

    def _now(self, now_ns: int, orders: dict[str, Payload]) -> _Known:
        symbol_account = self._symbol_account
        return _Known(
            since_ns=now_ns,
            position=account_wire.position_risk(symbol_account.ledger.stand),
            listed=symbol_account.ledger.stand.engaged,
            balance=account_wire.balance(symbol_account.client.account, symbol_account.client.name),
            trades=len(symbol_account.trades),
            orders=orders,
        )

    def _update(self, row: Payload, now_ns: int) -> OrderUpdate:
        return user_events.order_update_from_rest(row, self._instrument, now_ns, now_ns)
