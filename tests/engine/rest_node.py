"""What the account's REST answers say: as it stands, or as a replica that lags still has it."""

from exchange.binance import user_events
from exchange.errors import Refused
from exchange.instrument import Instrument
from exchange.paper.api.account_memory import AccountMemory
from exchange.paper.faults.faults import Faults
from exchange.paper.venue.client import Client
from exchange.paper.venue.symbol_account import SymbolAccount
from exchange.paper.venue.venue import PaperVenue
from exchange.paper.wire import account_wire
from exchange.types import Fill, OrderUpdate

POSITION = "GET /fapi/v3/positionRisk"
BALANCE = "GET /fapi/v3/balance"
OPEN_ORDERS = "GET /fapi/v1/openOrders"
ORDER = "GET /fapi/v1/order"
TRADES = "GET /fapi/v1/userTrades"


class RestNode:
    """One client's reads of one symbol, each as old as the armed faults make it."""

    def __init__(
        self, exchange: PaperVenue, client: Client, instrument: Instrument, faults: Faults
    ) -> None:
        self._exchange = exchange
        self._client = client
        self._instrument = instrument
        self._faults = faults
        self._memory = AccountMemory(exchange)
        self._account = exchange.symbol_account(client, instrument.symbol)
        self._remembered: tuple[int, ...] = ()

    def remember(self) -> None:
        """Keep the present for reads that will lag, where it is not kept already."""
        account = self._account
        orders = account.orders
        present = (
            account.ledger.traded,
            orders.finished,
            len(orders.open),
            self._client.income_number,
        )
        if present != self._remembered:
            self._remembered = present
            self._memory.keep(self._faults.longest_lag_ms)

    def position(self) -> user_events.Position:
        stand = self._read(POSITION).ledger.stand
        if not stand.engaged:
            return user_events.FLAT
        return user_events.position_from_rest(account_wire.position_risk(stand), self._instrument)

    def wallet(self) -> user_events.Wallet:
        client = self._read(BALANCE).client
        return user_events.wallet_from_rest(account_wire.balance(client.account, client.name))

    def open_orders(self, now_ns: int) -> tuple[OrderUpdate, ...]:
        account = self._read(OPEN_ORDERS)
        rows = [account.market.wire.order_record(order) for order in account.orders.open.values()]
        return tuple(
            user_events.order_update_from_rest(row, self._instrument, now_ns, now_ns)
            for row in rows
        )

    def order(self, client_order_id: str, now_ns: int) -> OrderUpdate:
        """Raises ``Refused`` with -2013 for one that it has not heard of."""
        account = self._read(ORDER, client_order_id)
        order = account.orders.find(None, client_order_id)
        if order is None:
            raise Refused(-2013, "Order does not exist.")
        row = account.market.wire.order_record(order)
        return user_events.order_update_from_rest(row, self._instrument, now_ns, now_ns)

    def trades(self, since_ms: int, now_ns: int) -> tuple[Fill, ...]:
        account = self._read(TRADES)
        names = {order.venue_order_id: order.client_order_id for order in account.orders}
        rows = [
            account.market.wire.user_trade(trade)
            for trade in account.trades
            if trade.time_ms >= since_ms
        ]
        return tuple(
            user_events.fill_from_rest(
                row, names[int(str(row["orderId"]))], self._instrument, now_ns, now_ns
            )
            for row in rows
        )

    def _read(self, call: str, order: str = "") -> SymbolAccount:
        lag_ms = self._faults.account_lag_ms(call, self._exchange.now_ms, order)
        exchange, client = self._exchange, self._client
        if lag_ms is not None:
            exchange, client = self._memory.recall(lag_ms, client)
        return exchange.symbol_account(client, self._instrument.symbol)
