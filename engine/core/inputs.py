"""Inputs: what reaches the desk, as rows of numbers that kernels apply.

Every row begins with its kind and its two times; what follows depends on the kind. An input that is
made of many (the orders of an account, the fills of a list) has them as further rows, its *parts*.
Our orders go by epoch and number, both 0 of an order that is not ours. Texts stay outside.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from engine.core.actions import Action
from engine.core.desk_layout import INPUT_WIDTH, MARKET, PRIVATE, PUBLIC
from engine.core.operator import TUNABLE, OperatorCommand
from engine.core.order_names import NOT_OURS, order_name
from exchange.instrument import Instrument
from exchange.jit import IntArray
from exchange.types import (
    AccountSnapshot,
    AccountUpdate,
    ClockMeasured,
    Event,
    Fill,
    Link,
    LinkDown,
    LinkUp,
    ListenKeyExpired,
    OrderUpdate,
    Outcome,
    Reply,
    Tick,
    TradesSnapshot,
)

INPUT_KIND, INPUT_RECV_NS, INPUT_MONO_NS = range(3)

(
    ORDER_UPDATE,
    FILL,
    ACCOUNT_UPDATE,
    ACCOUNT_SNAPSHOT,
    TRADES_SNAPSHOT,
    REPLY,
    CLOCK_MEASURED,
    TICK,
    LINK_UP,
    LINK_DOWN,
    LISTEN_KEY_EXPIRED,
    OPERATOR_COMMAND,
) = range(12)

OF_EPOCH, OF_NUMBER, OF_SIDE, OF_PRICE_TICKS, OF_QTY_LOTS = range(3, 8)
"""Of an order, and of a fill."""
UPDATE_FILLED_LOTS, UPDATE_IS_FINAL, UPDATE_EXCH_NS = range(8, 11)
FILL_TRADE_ID, FILL_IS_MAKER, FILL_FEE_E8, FILL_EXCH_NS, FILL_OFF_TICK_E8, FILL_FORCED = range(
    8, 14
)
"""``FILL_FORCED``: a number of ``FORCED_BY``."""

(
    ACCOUNT_LOTS,
    ACCOUNT_COST_E8,  # of the position, by the venue's entry price, signed as the lots
    ACCOUNT_EXCH_NS,
    ACCOUNT_WALLET_E8,
) = range(3, 7)
UPDATE_HAS_POSITION, UPDATE_HAS_WALLET, UPDATE_MOVED_E8, UPDATE_IS_FUNDING = range(7, 11)
SNAPSHOT_WALLET_EXCH_NS, SNAPSHOT_ASKED_NS = range(7, 9)

LIST_SINCE_MS, LIST_ASKED_NS = range(3, 5)
REPLY_REQUEST, REPLY_OUTCOME, REPLY_CODE, REPLY_ROUND_TRIP_NS = range(3, 7)
DONE, REFUSED, UNKNOWN = range(3)
CLOCK_MINUS_MONO_NS = 3
OF_LINK = 3
ASKED_ACTION, ASKED_NAME, ASKED_IS_BOUND = range(3, 6)
"""``ASKED_IS_BOUND``: does it hold only while things are as the operator saw them?"""

FORCED_BY = ("", "liquidated", "deleveraged", "settled")
"""What made the venue close our position by itself."""
ACTIONS = tuple(Action)
NO_NAME, BID, ASK, FLATTEN, SYMBOL, FIRST_TUNABLE = range(6)
"""What a command is about; of a tunable its number in ``TUNABLE`` is added."""

_OUTCOMES = (Outcome.DONE, Outcome.REFUSED, Outcome.UNKNOWN)
_LINKS = {Link.PRIVATE: PRIVATE, Link.PUBLIC: PUBLIC, Link.MARKET: MARKET}

NO_PARTS: IntArray = np.zeros(0, dtype=np.int64)


class InputTyper:
    """Types events as rows.

    Args:
        instrument: The venue's grid, to know what a position cost.
    """

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        self._typed: dict[type, Callable[[Any], Sequence[int]]] = {
            OrderUpdate: _order_numbers,
            Fill: _fill_numbers,
            AccountUpdate: self._account_update_numbers,
            AccountSnapshot: self._account_numbers,
            TradesSnapshot: lambda event: (TRADES_SNAPSHOT, event.since_ms, event.asked_mono_ns),
            Reply: _reply_numbers,
            ClockMeasured: lambda event: (CLOCK_MEASURED, event.venue_minus_mono_ns),
            Tick: lambda _event: (TICK,),
            LinkUp: lambda event: (LINK_UP, _LINKS[event.link]),
            LinkDown: lambda event: (LINK_DOWN, _LINKS[event.link]),
            ListenKeyExpired: lambda _event: (LISTEN_KEY_EXPIRED,),
            OperatorCommand: self._command_numbers,
        }

    def row(self, event: Event) -> IntArray:
        """The event's own numbers: int64[INPUT_WIDTH]."""
        kind, *numbers = self._typed[type(event)](event)
        row = np.zeros(INPUT_WIDTH, dtype=np.int64)
        row[: 3 + len(numbers)] = (kind, event.recv_ns, event.mono_ns, *numbers)
        return row

    def parts(self, event: Event) -> IntArray:
        """The rows of what the event is made of, one after another: int64[n * INPUT_WIDTH]."""
        match event:
            case AccountSnapshot():
                parts: Sequence[Event] = event.open_orders
            case TradesSnapshot():
                parts = event.fills
            case Reply(order=OrderUpdate() as order):
                parts = (order,)
            case _:
                return NO_PARTS
        return np.concatenate([self.row(part) for part in parts]) if parts else NO_PARTS

    def _cost_e8(self, lots: int, entry_price_e8: int) -> int:
        return self._instrument.value_e8(lots, entry_price_e8)

    def _account_update_numbers(self, event: AccountUpdate) -> Sequence[int]:
        lots = event.position_lots or 0
        return (
            ACCOUNT_UPDATE,
            lots,
            self._cost_e8(lots, event.entry_price_e8),
            event.exch_ns,
            event.wallet_e8 or 0,
            event.position_lots is not None,
            event.wallet_e8 is not None,
            event.moved_e8,
            event.reason == "FUNDING_FEE",
        )

    def _account_numbers(self, event: AccountSnapshot) -> Sequence[int]:
        return (
            ACCOUNT_SNAPSHOT,
            event.position_lots,
            self._cost_e8(event.position_lots, event.entry_price_e8),
            event.position_exch_ns,
            event.wallet_e8,
            event.wallet_exch_ns,
            event.asked_mono_ns,
        )

    def _command_numbers(self, event: OperatorCommand) -> Sequence[int]:
        names = {"bid": BID, "ask": ASK, "flatten": FLATTEN, self._instrument.symbol: SYMBOL}
        names |= {name: FIRST_TUNABLE + number for number, name in enumerate(TUNABLE)}
        named, bound = names.get(event.name, NO_NAME), event.expected is not None
        return OPERATOR_COMMAND, ACTIONS.index(event.action), named, bound


def _order_numbers(event: OrderUpdate) -> Sequence[int]:
    return (
        ORDER_UPDATE,
        *(order_name(event.client_order_id) or NOT_OURS),
        int(event.side),
        event.price_ticks,
        event.qty_lots,
        event.filled_lots,
        event.status.final,
        event.exch_ns,
    )


def _fill_numbers(event: Fill) -> Sequence[int]:
    return (
        FILL,
        *(order_name(event.client_order_id) or NOT_OURS),
        int(event.side),
        event.price_ticks,
        event.qty_lots,
        event.trade_id,
        event.maker,
        event.fee_e8,
        event.exch_ns,
        event.off_tick_e8,
        FORCED_BY.index(event.forced),
    )


def _reply_numbers(event: Reply) -> Sequence[int]:
    outcome = _OUTCOMES.index(event.outcome)
    return REPLY, event.request_id, outcome, event.code, event.round_trip_ns
