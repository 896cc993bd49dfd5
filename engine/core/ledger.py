"""The money, in exact integers: what each fill and each move of the mid was worth.

The unit inside is half a tick times a lot, so that a mid between two ticks stays whole.
At every moment

    total = spread + inventory - fees - funding

where *spread* is what fills earned against the mid of their moment, and *inventory* what
the position then earned as the mid moved. The identity holds to the last unit because the
mid of every fill is also a point of the path: the mid moves first, then the fill is booked.
"""

from engine.models.roundtrip import (
    break_even_ask_ticks,
    break_even_bid_ticks,
    unit_cost,
    unit_proceeds,
)
from exchange.instrument import E8
from exchange.types import Fill

_REMEMBERED_TRADES = 20_000


class Ledger:
    """Position and profit since the engine started.

    Args:
        tick_lot_e8: Money of one tick times one lot, in 1e-8 of the quote asset.
    """

    def __init__(self, tick_lot_e8: int) -> None:
        self._tick_lot_e8 = tick_lot_e8
        self._seen_trades: dict[int, None] = {}  # a set that keeps its order
        self._lots_of: dict[str, int] = {}
        self._mid2: int | None = None  # twice the mid, in ticks
        self._spread2 = 0
        self._inventory2 = 0
        self._cost_e8 = 0  # what the open position cost, signed
        self.position_lots = 0
        self.fees_e8 = 0
        self.funding_e8 = 0
        self.realised_e8 = 0
        """Closed profit by average entry price, before fees: what moves the wallet."""
        self.fills = 0
        self.maker_fills = 0
        self.volume_e8 = 0
        self.peak_e8 = 0

    def move_mid(self, bid_ticks: int, ask_ticks: int) -> None:
        """The mid is now halfway between these."""
        mid2 = bid_ticks + ask_ticks
        if self._mid2 is not None:
            self._inventory2 += self.position_lots * (mid2 - self._mid2)
        self._mid2 = mid2
        self.peak_e8 = max(self.peak_e8, self.total_e8)

    def book_fill(self, fill: Fill) -> bool:
        """Book one execution, once.

        Returns:
            False when this trade was booked before.
        """
        if fill.trade_id in self._seen_trades:
            return False
        self._seen_trades[fill.trade_id] = None
        self._lots_of[fill.client_order_id] = self.lots_of(fill.client_order_id) + fill.qty_lots
        if len(self._seen_trades) > _REMEMBERED_TRADES:
            del self._seen_trades[next(iter(self._seen_trades))]
        if len(self._lots_of) > _REMEMBERED_TRADES:
            del self._lots_of[next(iter(self._lots_of))]
        signed_lots = fill.side * fill.qty_lots
        if self._mid2 is None:
            self._mid2 = 2 * fill.price_ticks
        self._spread2 += signed_lots * (self._mid2 - 2 * fill.price_ticks)
        self._move_cost(signed_lots, fill.price_ticks * self._tick_lot_e8)
        self.position_lots += signed_lots
        self.fees_e8 += fill.fee_e8
        self.fills += 1
        self.maker_fills += fill.maker
        self.volume_e8 += fill.price_ticks * fill.qty_lots * self._tick_lot_e8
        self.peak_e8 = max(self.peak_e8, self.total_e8)
        return True

    def lots_of(self, client_order_id: str) -> int:
        """Lots booked for one order, as far as it is remembered."""
        return self._lots_of.get(client_order_id, 0)

    def ignore_trade(self, trade_id: int) -> None:
        """Never book this trade: it is inside the position that we started from."""
        self._seen_trades[trade_id] = None

    def adopt_position(self, position_lots: int) -> None:
        """Take the venue's word for the position, at the present mid and at no profit."""
        price_e8 = (self._mid2 or 0) * self._tick_lot_e8 // 2
        self._cost_e8 = position_lots * price_e8
        self.position_lots = position_lots

    def _move_cost(self, signed_lots: int, price_e8: int) -> None:
        held = self.position_lots
        closing = 0
        if held and (held > 0) != (signed_lots > 0):
            closing = min(abs(held), abs(signed_lots)) * (1 if signed_lots > 0 else -1)
            closed_cost = self._cost_e8 * closing // held  # minus the cost that leaves
            self.realised_e8 += -closing * price_e8 + closed_cost
            self._cost_e8 += closed_cost
        self._cost_e8 += (signed_lots - closing) * price_e8

    def _e8(self, half_tick_lots: int) -> int:
        return half_tick_lots * self._tick_lot_e8 // 2

    @property
    def spread_e8(self) -> int:
        return self._e8(self._spread2)

    @property
    def inventory_e8(self) -> int:
        return self.total_e8 - self.spread_e8 + self.fees_e8 + self.funding_e8

    @property
    def total_e8(self) -> int:
        """Profit since the start, at the present mid."""
        return self._e8(self._spread2 + self._inventory2) - self.fees_e8 - self.funding_e8

    def break_even_ticks(self, maker_fee_rate: float) -> int | None:
        """Nearest price at which closing all that is held, as maker, loses nothing.

        The entry is taken at the present fee too: what was paid for it is in ``fees_e8``,
        with everything else.

        Args:
            maker_fee_rate: Of the notional, a rebate negative.

        Returns:
            None without a position.
        """
        if self.position_lots == 0:
            return None
        entry_ticks = self._cost_e8 / self.position_lots / self._tick_lot_e8
        if self.position_lots > 0:
            return break_even_ask_ticks(unit_cost(entry_ticks, -maker_fee_rate), -maker_fee_rate, 1)
        return break_even_bid_ticks(unit_proceeds(entry_ticks, -maker_fee_rate), -maker_fee_rate, 1)

    @property
    def drawdown_e8(self) -> int:
        return self.peak_e8 - self.total_e8


def usdt(amount_e8: int) -> float:
    """For display only."""
    return amount_e8 / E8
