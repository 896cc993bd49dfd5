"""Profit ledger in exact integers: what each fill and each move of the mid was worth.

The unit inside is half a tick times a lot, so that a mid between two ticks stays whole.
At every moment

    total = spread + inventory - fees - funding

where *spread* is what fills earned against the mid of their moment, and *inventory* what
the position then earned as the mid moved. The identity holds to the last unit because the
mid of every fill is also a point of the path: the mid moves first, then the fill is booked.
"""

from engine.core.position import PositionBook
from engine.models.roundtrip import (
    break_even_ask_ticks,
    break_even_bid_ticks,
    unit_cost,
    unit_proceeds,
)
from exchange.instrument import E8
from exchange.types import Fill

_REMEMBERED_ORDERS = 20_000  # memory is bounded; the oldest is forgotten


class Ledger:
    """Position and profit since the engine started.

    Args:
        tick_lot_e8: Money of one tick times one lot, in 1e-8 of the quote asset.
    """

    def __init__(self, tick_lot_e8: int) -> None:
        self._tick_lot_e8 = tick_lot_e8
        self._position = PositionBook()
        self._lots_of: dict[str, int] = {}
        self._mid2: int | None = None  # twice the mid, in ticks
        self._adoptions: list[tuple[int, int]] = []  # stamp and mid2 of each adopted position
        self._spread2 = 0
        self._off_tick_e8 = 0  # paid beyond whole ticks
        self._inventory2 = 0
        self.fees_e8 = 0
        self.funding_e8 = 0
        self.fills = 0
        self.filled_mono_ns = 0
        """Monotonic: when the newest fill reached us."""
        self.maker_fills = 0
        self.volume_e8 = 0
        self.peak_e8 = 0

    @property
    def position_lots(self) -> int:
        return self._position.lots

    @property
    def cost_e8(self) -> int:
        """What the open position was bought for; negative for a short's proceeds."""
        return self._position.cost_e8

    @property
    def realised_e8(self) -> int:
        """Closed profit by average entry price, before fees: what moves the wallet."""
        return self._position.realised_e8

    @property
    def earned_e8(self) -> int:
        """What trading has done to the wallet."""
        return self.realised_e8 - self.fees_e8

    @property
    def newest_trade(self) -> tuple[int, int] | None:
        """The venue's stamp on the newest trade booked, and its id; None before the first."""
        return self._position.newest_trade

    @property
    def newest_exch_ns(self) -> int:
        """The venue's stamp on the newest thing that the position is made of."""
        return self._position.newest_exch_ns

    def position_at(self, exch_ns: int) -> set[int] | None:
        """What the position may have been at a stamp of the venue's; None: too long ago."""
        return self._position.lots_at(exch_ns)

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
            False when this trade was booked before, or is part of what we started from.
        """
        if self._position.knows(fill.trade_id, fill.exch_ns):
            return False
        self._remember_order(fill)
        if self._mid2 is None:
            self._mid2 = 2 * fill.price_ticks
        # One that an adopted position holds already has moved with the mid since then.
        mid2 = next((mid2 for ns, mid2 in self._adoptions if fill.exch_ns <= ns), self._mid2)
        signed_lots = fill.side * fill.qty_lots
        self._spread2 += signed_lots * (mid2 - 2 * fill.price_ticks)
        self._off_tick_e8 += fill.side * fill.off_tick_e8
        money_e8 = signed_lots * fill.price_ticks * self._tick_lot_e8 + fill.side * fill.off_tick_e8
        self._position.book(fill.trade_id, fill.exch_ns, signed_lots, money_e8)
        self.fees_e8 += fill.fee_e8
        self.fills += 1
        self.filled_mono_ns = max(self.filled_mono_ns, fill.mono_ns)
        self.maker_fills += fill.maker
        self.volume_e8 += abs(money_e8)
        self.peak_e8 = max(self.peak_e8, self.total_e8)
        return True

    def note_history(self, fill: Fill) -> bool:
        """Note a trade that is part of what we started from; True the first time."""
        return self._position.note_history(fill.trade_id, fill.exch_ns)

    def _remember_order(self, fill: Fill) -> None:
        self._lots_of[fill.client_order_id] = self.lots_of(fill.client_order_id) + fill.qty_lots
        if len(self._lots_of) > _REMEMBERED_ORDERS:
            del self._lots_of[next(iter(self._lots_of))]

    def lots_of(self, client_order_id: str) -> int:
        """Lots booked for one order, as far as it is remembered."""
        return self._lots_of.get(client_order_id, 0)

    def open_position(self, position_lots: int, cost_e8: int, exch_ns: int) -> None:
        """Start from what the venue holds for us, at its entry price and at no profit.

        Args:
            cost_e8: What it cost by the venue's entry price, signed as the position.
            exch_ns: The venue's stamp on it; trades up to then are history.
        """
        self._position.open(position_lots, cost_e8, exch_ns)

    def adopt_position(self, position_lots: int, cost_e8: int, exch_ns: int) -> None:
        """Adopt the venue's position as of a stamp, at no profit."""
        self._position.adopt(position_lots, cost_e8, exch_ns)
        if self._mid2 is not None:
            self._adoptions.append((exch_ns, self._mid2))

    def _e8(self, half_tick_lots: int) -> int:
        return half_tick_lots * self._tick_lot_e8 // 2

    @property
    def spread_e8(self) -> int:
        return self._e8(self._spread2) - self._off_tick_e8

    @property
    def inventory_e8(self) -> int:
        return self.total_e8 - self.spread_e8 + self.fees_e8 + self.funding_e8

    @property
    def total_e8(self) -> int:
        """Profit since the start, at the present mid."""
        earned_e8 = self._e8(self._spread2 + self._inventory2) - self._off_tick_e8
        return earned_e8 - self.fees_e8 - self.funding_e8

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
        entry_ticks = self._position.cost_e8 / self.position_lots / self._tick_lot_e8
        if self.position_lots > 0:
            return break_even_ask_ticks(unit_cost(entry_ticks, -maker_fee_rate), -maker_fee_rate, 1)
        return break_even_bid_ticks(unit_proceeds(entry_ticks, -maker_fee_rate), -maker_fee_rate, 1)

    @property
    def drawdown_e8(self) -> int:
        return self.peak_e8 - self.total_e8


def usdt(amount_e8: int) -> float:
    """For display only."""
    return amount_e8 / E8
