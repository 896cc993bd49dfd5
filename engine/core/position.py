"""Position keeping: position, cost and realised profit, in the venue's order of executions.

Fills reach us late, twice and out of order, and what a sell realises depends on what was
bought before it. So executions are kept sorted by the venue's stamp and trade id, and one
that arrives late is slipped into its place and those after it are counted again.

A position that the venue states is a *base*: it holds every execution up to its stamp, known
to us or not. One that arrives later but is stamped before it is in it already.
"""

from bisect import bisect_right
from dataclasses import dataclass
from typing import TypeAlias

_KEPT = 20_000  # executions that a late one may still be slipped between; memory is bounded
_AFTER_ALL_TRADES = 1 << 62  # in the place of a trade id: a base holds every execution of its stamp

_Key: TypeAlias = tuple[int, int]


@dataclass(slots=True)
class _Entry:
    """An execution or a base, with the state that it found."""

    signed_lots: int
    """Bought or sold; of a base, the whole position."""
    money_e8: int
    """Signed notional; of a base, the cost of the whole position."""
    is_base: bool
    lots_before: int = 0
    cost_before_e8: int = 0
    realised_before_e8: int = 0


class PositionBook:
    """Signed position with its cost, idempotent by trade id and indifferent to arrival order."""

    def __init__(self) -> None:
        self.lots = 0
        self.cost_e8 = 0
        """What the open position was bought for; negative for a short's proceeds."""
        self.realised_e8 = 0
        """Closed profit by average entry price, before fees: what moves the wallet."""
        self._keys: list[_Key] = []
        self._entries: list[_Entry] = []
        self._trade_ids: set[int] = set()
        self._history: set[int] = set()
        self._floor: _Key = (-1, 0)
        """Nothing is booked at or before this: it is in the opening, or too old to know."""

    def open(self, lots: int, cost_e8: int, exch_ns: int) -> None:
        """Start from a position of the venue's: everything up to its stamp is history."""
        self.lots, self.cost_e8 = lots, cost_e8
        self._floor = (exch_ns, _AFTER_ALL_TRADES)

    def knows(self, trade_id: int, exch_ns: int) -> bool:
        """Is this execution booked already, or part of what we started from?"""
        return trade_id in self._trade_ids or (exch_ns, trade_id) <= self._floor

    def note_history(self, trade_id: int, exch_ns: int) -> bool:
        """Note a trade at or before the opening; True the first time."""
        if trade_id in self._trade_ids or trade_id in self._history:
            return False
        self._history.add(trade_id)
        return (exch_ns, trade_id) <= self._floor

    def book(self, trade_id: int, exch_ns: int, signed_lots: int, money_e8: int) -> None:
        """Take an execution that is not known yet into its place.

        Args:
            signed_lots: Positive when bought.
            money_e8: Its notional, with the sign of the lots.
        """
        self._trade_ids.add(trade_id)
        self._insert((exch_ns, trade_id), _Entry(signed_lots, money_e8, is_base=False))

    def adopt(self, lots: int, cost_e8: int, exch_ns: int) -> None:
        """From this stamp on the position was what the venue says."""
        self._insert((exch_ns, _AFTER_ALL_TRADES), _Entry(lots, cost_e8, is_base=True))

    def lots_at(self, exch_ns: int) -> set[int] | None:
        """What the position may have been when the venue stamped it with this time.

        Several executions share a millisecond, and a stamp does not say after which of them.

        Returns:
            The positions after each execution of that very stamp, or the one that stood
            then; None when that is too long ago to know.
        """
        if exch_ns < self._floor[0]:
            return None
        after = bisect_right(self._keys, (exch_ns, _AFTER_ALL_TRADES))
        found = {self._lots_before(after)}
        for i in range(after - 1, -1, -1):
            if self._keys[i][0] != exch_ns:
                break
            found.add(self._lots_before(i + 1))
        return found

    @property
    def newest_trade(self) -> _Key | None:
        """Stamp and id of the newest execution booked; None before the first."""
        trades = (key for key in reversed(self._keys) if key[1] != _AFTER_ALL_TRADES)
        return next(trades, None)

    @property
    def newest_exch_ns(self) -> int:
        """The venue's stamp on the newest execution or base, or on the opening."""
        return self._keys[-1][0] if self._keys else self._floor[0]

    # ------------------------------------------------------------ how it is counted

    def _lots_before(self, i: int) -> int:
        return self._entries[i].lots_before if i < len(self._entries) else self.lots

    def _insert(self, key: _Key, entry: _Entry) -> None:
        place = bisect_right(self._keys, key)
        later = self._entries[place:]
        if later:
            first = later[0]
            self.lots, self.cost_e8 = first.lots_before, first.cost_before_e8
            self.realised_e8 = first.realised_before_e8
        self._keys.insert(place, key)
        self._entries.insert(place, entry)
        for each in (entry, *later):
            self._count(each)
        if len(self._entries) > _KEPT:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        self._floor = self._keys.pop(0)
        self._trade_ids.discard(self._floor[1])
        self._entries.pop(0)

    def _count(self, entry: _Entry) -> None:
        entry.lots_before, entry.cost_before_e8 = self.lots, self.cost_e8
        entry.realised_before_e8 = self.realised_e8
        if entry.is_base:
            self.lots, self.cost_e8 = entry.signed_lots, entry.money_e8
            return
        held, signed = self.lots, entry.signed_lots
        closing = 0
        if held and (held > 0) != (signed > 0):
            closing = min(abs(held), abs(signed)) * (1 if signed > 0 else -1)
            proceeds_e8 = entry.money_e8 * closing // signed
            closed_cost_e8 = self.cost_e8 * closing // held  # minus the cost that leaves
            self.realised_e8 += closed_cost_e8 - proceeds_e8
            self.cost_e8 += closed_cost_e8
            self.cost_e8 += entry.money_e8 - proceeds_e8
        else:
            self.cost_e8 += entry.money_e8
        self.lots += signed
