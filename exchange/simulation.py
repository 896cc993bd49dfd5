"""Fill simulation: what would have become of our orders in a market recorded without them.

Our orders are never in the recorded book. Each has a ``front``: the quantity estimated to stand
before it at its price, a float because the estimates are. Prints at the price use the front
up; depth changes there say that some of it was cancelled, and a queue model says how much.
An order is filled by what trades beyond its front, by a print through its price, or by an
opposite quote that arrives at or through it.

Two fill rules. With ``whole_fills`` every fill is of all that is left and each order meets
each print alone: the rules of hftbacktest's exchange without partial fills, kept to compare
with it. There queues are counted in contracts, as floats, which its models can tell from the
exact sum: 0.3 less 0.1 less 0.2 is below zero. Without, queues are counted in lots, a print at
our price fills at most what it brings beyond the queue, and what one of our orders took is not
there for the next.

Sides are signs, +1 to buy and -1 to sell. All orders of one table live in flat arrays in
order of acceptance, which is time priority:

- ``ints[4 * capacity]``: rows of key, side, price in ticks, lots left (``I_`` indices).
- ``floats[2 * capacity]``: rows of front, and what was printed at the price since the last
  depth change there (``F_`` indices).
- ``count[1]``: how many orders rest.
- ``out[3 * capacity]``: one event's fills, rows of key, lots filled, lots left (``O_``).
"""

from typing import TypeAlias

import numpy as np

from exchange.errors import InvariantBroken, SettingsError
from exchange.jit import FloatArray, IntArray, inlined, njit, piece
from exchange.market_layout import NO_ASK, NO_BID
from exchange.queue_models import QueueModel
from exchange.types import Side

_RISK_AVERSE, _LOG, _LOG2, _POWER, _, _POWER3 = (int(model) for model in QueueModel)

I_KEY, I_SIDE, I_PRICE, I_LEAVES = range(4)
I_WIDTH = 4
F_FRONT, F_PRINTED = range(2)
F_WIDTH = 2
O_KEY, O_LOTS, O_LEAVES = range(3)
O_WIDTH = 3


# ---------------------------------------------------------------- the queue


@piece
def queue_qty(whole_fills: bool, lot_size: float, lots: int) -> float:
    """Lots in the unit of the queues.

    Contracts are what their decimals would be read as: the lot itself is no binary fraction,
    but how many of them make a contract is a whole number.
    """
    if not whole_fills:
        return float(lots)
    return lots * lot_size if lot_size >= 1.0 else lots / np.rint(1.0 / lot_size)


@piece
def _log1p(x: float) -> float:
    return -np.inf if x == -1.0 else np.nan if x < -1.0 else np.log1p(x)


@piece
def _power(x: float, exponent: float) -> float:
    return np.nan if x < 0.0 and exponent != np.floor(exponent) else x**exponent


@njit
def share_behind(model: int, power: float, front: float, back: float) -> float:
    """Share of a cancellation that happened behind us.

    Args:
        model: A ``QueueModel`` other than ``RISK_AVERSE``.
        power: Exponent of the power models.
        front: Quantity ahead of us. The log models depend on its unit: contracts, not lots.
        back: Quantity behind us, in the same unit.

    Returns:
        1.0 where the formula is infinite, nan where it is nothing: 0/0, or a quantity below what
        the model is defined for.

    Source:
        hftbacktest 2.4.4, its probability queue models.
    """
    if model == _POWER3:
        share = 1.0 - _power(front / (front + back), power) if front + back != 0.0 else np.nan
    else:
        above = _log1p(back) if model in (_LOG, _LOG2) else _power(back, power)
        if model == _LOG:
            below = above + _log1p(front)
        elif model == _LOG2:
            below = _log1p(front + back)
        elif model == _POWER:
            below = above + _power(front, power)
        else:
            below = _power(front + back, power)
        nothing = np.nan if above == 0.0 else np.inf
        share = above / below if below != 0.0 else nothing
    return 1.0 if np.isinf(share) else share


@njit
def queue_after_depth(
    whole_fills: bool,
    model: int,
    power: float,
    lot_size: float,
    front: float,
    printed: float,
    old_lots: int,
    new_lots: int,
) -> float:
    """The front after the level we rest at changed size.

    Args:
        whole_fills: Where the model says nothing, does the level lie ahead of us, as with
            hftbacktest, or has all that was cancelled stood behind us?
        model: A ``QueueModel``.
        power: Exponent of the power models.
        lot_size: Contracts a lot; in contracts the log models are stated.
        front: Quantity ahead of us before, in the unit of ``queue_qty``.
        printed: Printed at the price since the last change: what the prints explain is no
            cancellation.
        old_lots: Size of the level before.
        new_lots: Size of the level now.

    Returns:
        Quantity ahead, never more than the level now holds.

    Source:
        hftbacktest 2.4.4, ``depth`` of its queue models.
    """
    old = queue_qty(whole_fills, lot_size, old_lots)
    new = queue_qty(whole_fills, lot_size, new_lots)
    if model == _RISK_AVERSE:
        return min(front, new)
    cancelled = old - new - printed
    if cancelled < 0.0:
        return min(front, new)
    back = old - front
    contracts = 1.0 if whole_fills else lot_size
    behind = share_behind(model, power, front * contracts, back * contracts)
    if np.isnan(behind):
        if whole_fills:
            return new  # of two estimates the one that is none loses
        behind = 1.0
    # What cannot have been behind us, because too little stood there, was ahead.
    estimated = front - (1.0 - behind) * cancelled + min(back - behind * cancelled, 0.0)
    return min(estimated, new)


@njit
def lots_beyond(front: float) -> int:
    """Whole lots that traded beyond a queue of lots; half a lot counts as one, away from zero."""
    return int(np.floor(-front + 0.5)) if front < 0.0 else 0


# ---------------------------------------------------------------- resting orders


@njit
def meets_touch(side: int, price_ticks: int, opposite_best_ticks: int) -> bool:
    """Would an order at this price trade at once against the opposite best?

    Args:
        opposite_best_ticks: ``exchange.book.NO_ASK`` or ``NO_BID`` for an empty side, which
            nothing meets.
    """
    return side * price_ticks >= side * opposite_best_ticks


@njit
def find_order(ints: IntArray, count: IntArray, key: int) -> int:
    """Row of an order, or -1."""
    for row in range(count[0]):
        if ints[row * I_WIDTH + I_KEY] == key:
            return row
    return -1


@inlined
def price_range(ints: IntArray, count: IntArray, side: int) -> tuple[int, int]:
    """Lowest and highest price at which orders of a side rest; an empty range without any."""
    low, high = NO_ASK, NO_BID
    for row in range(count[0]):
        if ints[row * I_WIDTH + I_SIDE] == side:
            low = min(low, ints[row * I_WIDTH + I_PRICE])
            high = max(high, ints[row * I_WIDTH + I_PRICE])
    return low, high


@njit
def accept_order(
    whole_fills: bool,
    lot_size: float,
    ints: IntArray,
    floats: FloatArray,
    count: IntArray,
    key: int,
    side: int,
    price_ticks: int,
    qty_lots: int,
    level_lots: int,
) -> bool:
    """Rest an order behind all that its level holds; False when the table is full."""
    row = count[0]
    if (row + 1) * I_WIDTH > ints.size:
        return False
    ints[row * I_WIDTH + I_KEY] = key
    ints[row * I_WIDTH + I_SIDE] = side
    ints[row * I_WIDTH + I_PRICE] = price_ticks
    ints[row * I_WIDTH + I_LEAVES] = qty_lots
    floats[row * F_WIDTH + F_FRONT] = queue_qty(whole_fills, lot_size, level_lots)
    floats[row * F_WIDTH + F_PRINTED] = 0.0
    count[0] = row + 1
    return True


@njit
def cancel_order(ints: IntArray, floats: FloatArray, count: IntArray, key: int) -> int:
    """Take an order out; returns the lots that were left of it, 0 when it is not there."""
    row = find_order(ints, count, key)
    if row < 0:
        return 0
    leaves = int(ints[row * I_WIDTH + I_LEAVES])
    ints[row * I_WIDTH + I_LEAVES] = 0
    _drop_finished(ints, floats, count)
    return leaves


@njit
def _drop_finished(ints: IntArray, floats: FloatArray, count: IntArray) -> None:
    """Close the rows without lots left; the others keep their order."""
    kept = 0
    for row in range(count[0]):
        if ints[row * I_WIDTH + I_LEAVES] > 0:
            if kept != row:
                for i in range(I_WIDTH):
                    ints[kept * I_WIDTH + i] = ints[row * I_WIDTH + i]
                for i in range(F_WIDTH):
                    floats[kept * F_WIDTH + i] = floats[row * F_WIDTH + i]
            kept += 1
    count[0] = kept


@njit
def _book_fill(ints: IntArray, row: int, lots: int, out: IntArray, fills: int) -> int:
    """Take lots from an order and write the fill; returns the number of fills so far."""
    ints[row * I_WIDTH + I_LEAVES] -= lots
    out[fills * O_WIDTH + O_KEY] = ints[row * I_WIDTH + I_KEY]
    out[fills * O_WIDTH + O_LOTS] = lots
    out[fills * O_WIDTH + O_LEAVES] = ints[row * I_WIDTH + I_LEAVES]
    return fills + 1


@njit
def fill_from_trade(
    whole_fills: bool,
    lot_size: float,
    ints: IntArray,
    floats: FloatArray,
    count: IntArray,
    aggressor: int,
    price_ticks: int,
    qty_lots: int,
    out: IntArray,
    fills: int,
) -> int:
    """Let one print work on every order that it reaches.

    An order strictly better than the print fills in full: the aggressor came past it. At the
    print's price an order fills by what the print brings beyond its front. Unless
    ``whole_fills``, the print is spent once: first on the orders that it came past, then at
    its price, in order of time.

    Args:
        lot_size: Contracts a lot.
        aggressor: Sign of the taker; a seller, -1, meets our buys.
        qty_lots: At least 1.
        out: Written as the module says.
        fills: How many stand there already.

    Returns:
        How many stand there now: one more for each order filled, in part or in full.
    """
    side = -aggressor
    before = fills
    spent = 0
    for row in range(count[0]):
        price = ints[row * I_WIDTH + I_PRICE]
        if ints[row * I_WIDTH + I_SIDE] == side and side * price > side * price_ticks:
            leaves = ints[row * I_WIDTH + I_LEAVES]
            spent += leaves
            fills = _book_fill(ints, row, leaves, out, fills)
    for row in range(count[0]):
        if ints[row * I_WIDTH + I_SIDE] != side or ints[row * I_WIDTH + I_PRICE] != price_ticks:
            continue
        leaves = ints[row * I_WIDTH + I_LEAVES]
        printed = queue_qty(whole_fills, lot_size, qty_lots)
        floats[row * F_WIDTH + F_PRINTED] += printed
        front = floats[row * F_WIDTH + F_FRONT] - printed
        if whole_fills:
            lots = leaves if lots_beyond(front / lot_size) > 0 else 0
        else:
            # No order can get more than the print had left, nor more than came past its
            # own queue once our earlier orders, which stand before it too, have taken theirs.
            lots = max(0, min(leaves, lots_beyond(front + spent), qty_lots - spent))
            if front < 0.0 and (lots > 0 or spent > 0):
                front = 0.0
        floats[row * F_WIDTH + F_FRONT] = front
        if lots > 0:
            spent += lots
            fills = _book_fill(ints, row, lots, out, fills)
    if fills > before:
        _drop_finished(ints, floats, count)
    return fills


@njit
def fill_from_cross(
    ints: IntArray,
    floats: FloatArray,
    count: IntArray,
    side: int,
    opposite_best_ticks: int,
    out: IntArray,
    fills: int,
) -> int:
    """Fill in full every order of a side that the opposite best has just reached.

    Call it only when the opposite best moved strictly towards us, after the queue has seen
    the depth change: an opposite quote that rests at our price would have traded with us.

    Returns:
        As ``fill_from_trade``.
    """
    before = fills
    for row in range(count[0]):
        if ints[row * I_WIDTH + I_SIDE] == side and meets_touch(
            side, ints[row * I_WIDTH + I_PRICE], opposite_best_ticks
        ):
            fills = _book_fill(ints, row, ints[row * I_WIDTH + I_LEAVES], out, fills)
    if fills > before:
        _drop_finished(ints, floats, count)
    return fills


@njit
def age_queues(
    whole_fills: bool,
    model: int,
    power: float,
    lot_size: float,
    ints: IntArray,
    floats: FloatArray,
    count: IntArray,
    side: int,
    price_ticks: int,
    old_lots: int,
    new_lots: int,
) -> None:
    """Show one depth change to every order that rests at that price."""
    for row in range(count[0]):
        if ints[row * I_WIDTH + I_SIDE] == side and ints[row * I_WIDTH + I_PRICE] == price_ticks:
            floats[row * F_WIDTH + F_FRONT] = queue_after_depth(
                whole_fills,
                model,
                power,
                lot_size,
                floats[row * F_WIDTH + F_FRONT],
                floats[row * F_WIDTH + F_PRINTED],
                old_lots,
                new_lots,
            )
            floats[row * F_WIDTH + F_PRINTED] = 0.0


Filled: TypeAlias = tuple[int, int, int]
"""Key of an order of ours, lots filled, lots left."""


class RestingOrders:
    """Our orders at a recorded exchange.

    Args:
        capacity: Orders that can rest at once. Overflow means that ``accept`` answers False:
            the caller refuses the order, as a venue at its own limit would, or makes room first.
        model: The queue model.
        power: Exponent of the power models; positive.
        lot_size: Contracts a lot; matters to the log models and to ``whole_fills`` only.
        whole_fills: Fill as hftbacktest's exchange without partial fills does.

    Raises:
        SettingsError: When a number is out of range.
    """

    def __init__(
        self,
        capacity: int = 256,
        model: QueueModel = QueueModel.POWER,
        power: float = 3.0,
        lot_size: float = 1.0,
        *,
        whole_fills: bool = False,
    ) -> None:
        if capacity < 1 or not power > 0.0 or not lot_size > 0.0:
            raise SettingsError("capacity, power and lot_size must be positive")
        self.model = model
        self.power = power
        self.lot_size = lot_size
        self.whole_fills = whole_fills
        self.ints: IntArray = np.zeros(capacity * I_WIDTH, dtype=np.int64)
        self.floats: FloatArray = np.zeros(capacity * F_WIDTH, dtype=np.float64)
        self.count: IntArray = np.zeros(1, dtype=np.int64)
        self.out: IntArray = np.zeros(capacity * O_WIDTH, dtype=np.int64)

    def __len__(self) -> int:
        return int(self.count[0])

    def accept(
        self, key: int, side: Side, price_ticks: int, qty_lots: int, level_lots: int
    ) -> bool:
        """Rest an order that the exchange has taken; False when the table is full.

        Args:
            key: The caller's own number for it, unused by any order that rests.
            qty_lots: At least 1.
            level_lots: What the recorded book holds at that price on that side now.

        Raises:
            InvariantBroken: When the key is in use, or there is no size.
        """
        if qty_lots < 1 or find_order(self.ints, self.count, key) >= 0:
            raise InvariantBroken(f"order {key} of {qty_lots} lots cannot rest")
        return bool(
            accept_order(
                self.whole_fills,
                self.lot_size,
                self.ints,
                self.floats,
                self.count,
                key,
                int(side),
                price_ticks,
                qty_lots,
                level_lots,
            )
        )

    def cancel(self, key: int) -> int:
        """Take an order out; the lots that were left of it, 0 when it does not rest."""
        return int(cancel_order(self.ints, self.floats, self.count, key))

    def shrink(self, key: int, leaves: int) -> None:
        """Lower what is left of an order that rests; its front stays.

        Args:
            leaves: At least 1, and no more than is left now.

        Raises:
            InvariantBroken: Otherwise, or when it does not rest.
        """
        row = find_order(self.ints, self.count, key)
        if row < 0 or not 1 <= leaves <= self.ints[row * I_WIDTH + I_LEAVES]:
            raise InvariantBroken(f"order {key} cannot shrink to {leaves} lots")
        self.ints[row * I_WIDTH + I_LEAVES] = leaves

    def make_room(self) -> None:
        """Double the table where it is full, so that the next order fits."""
        if len(self) * I_WIDTH == self.ints.size:
            self.ints = np.concatenate((self.ints, np.zeros_like(self.ints)))
            self.floats = np.concatenate((self.floats, np.zeros_like(self.floats)))
            self.out = np.zeros(2 * self.out.size, dtype=np.int64)

    def prices(self, side: Side) -> set[int]:
        """Where orders of a side rest."""
        rows = self.ints[: len(self) * I_WIDTH].reshape(-1, I_WIDTH)
        return set(rows[rows[:, I_SIDE] == int(side), I_PRICE].tolist())

    def leaves(self, key: int) -> int:
        """Lots left of an order, 0 when it does not rest."""
        row = find_order(self.ints, self.count, key)
        return int(self.ints[row * I_WIDTH + I_LEAVES]) if row >= 0 else 0

    def front(self, key: int) -> float:
        """Lots estimated ahead of an order; nan when it does not rest."""
        row = find_order(self.ints, self.count, key)
        return float(self.floats[row * F_WIDTH + F_FRONT]) if row >= 0 else float("nan")

    def fills(self, number: int) -> list[Filled]:
        """The fills of the last event.

        Args:
            number: What the event's method returned.
        """
        rows = self.out[: number * O_WIDTH].reshape(-1, O_WIDTH).tolist()
        return [(key, lots, leaves) for key, lots, leaves in rows]

    def on_trade(self, aggressor: Side, price_ticks: int, qty_lots: int) -> int:
        """Let a print work; the number of fills written to ``out``."""
        return int(
            fill_from_trade(
                self.whole_fills,
                self.lot_size,
                self.ints,
                self.floats,
                self.count,
                int(aggressor),
                price_ticks,
                qty_lots,
                self.out,
                0,
            )
        )

    def on_level(self, side: Side, price_ticks: int, old_lots: int, new_lots: int) -> None:
        """Show the queues a change of one level, before any crossing it causes."""
        age_queues(
            self.whole_fills,
            int(self.model),
            self.power,
            self.lot_size,
            self.ints,
            self.floats,
            self.count,
            int(side),
            price_ticks,
            old_lots,
            new_lots,
        )

    def on_best_ask_lowered(self, best_ask_ticks: int) -> int:
        """The best ask fell to this price: buys at or above it fill. Returns how many."""
        return int(
            fill_from_cross(self.ints, self.floats, self.count, 1, best_ask_ticks, self.out, 0)
        )

    def on_best_bid_raised(self, best_bid_ticks: int) -> int:
        """The best bid rose to this price: sells at or below it fill. Returns how many."""
        return int(
            fill_from_cross(self.ints, self.floats, self.count, -1, best_bid_ticks, self.out, 0)
        )
