"""Naive order book, slow and obvious: one dict a side."""

from exchange.types import Side


class NaiveBook:
    """Order book that does what ``exchange.book.Book`` promises, without a window."""

    def __init__(self) -> None:
        self._levels: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}

    def set(self, side: Side, price_ticks: int, lots: int) -> None:
        if lots:
            self._levels[side][price_ticks] = lots
        else:
            self._levels[side].pop(price_ticks, None)

    def set_touch(self, bid_ticks: int, bid_lots: int, ask_ticks: int, ask_lots: int) -> None:
        for ticks in [ticks for ticks in self._levels[Side.BUY] if ticks > bid_ticks]:
            self.set(Side.BUY, ticks, 0)
        for ticks in [ticks for ticks in self._levels[Side.SELL] if ticks < ask_ticks]:
            self.set(Side.SELL, ticks, 0)
        self.set(Side.BUY, bid_ticks, bid_lots)
        self.set(Side.SELL, ask_ticks, ask_lots)

    def best(self, side: Side) -> int | None:
        ladder = self.ladder(side)
        return ladder[0][0] if ladder else None

    def ladder(self, side: Side) -> list[tuple[int, int]]:
        """Every level of a side, best first."""
        return sorted(self._levels[side].items(), reverse=side is Side.BUY)

    def best_without(self, side: Side, own: list[tuple[Side, int, int]]) -> tuple[int | None, int]:
        """Best level of others, where ``own`` lists our ``(side, ticks, lots)``."""
        for ticks, lots in self.ladder(side):
            ours = sum(size for mine, price, size in own if mine is side and price == ticks)
            if lots > ours:
                return ticks, lots - ours
        return None, 0
