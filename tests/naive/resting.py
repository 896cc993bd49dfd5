"""Naive table of resting orders, slow and obvious: one object an order."""

import math
from dataclasses import dataclass

import numpy as np

from exchange.queue_models import QueueModel
from exchange.types import Side


@dataclass
class Order:
    """An order and its place in the queue."""

    key: int
    side: Side
    price_ticks: int
    leaves: int
    front: float
    printed: float = 0.0


class NaiveOrders:
    """What ``exchange.simulation.RestingOrders`` promises, without whole fills."""

    def __init__(self, model: QueueModel, power: float) -> None:
        self.orders: list[Order] = []
        self._model = model
        self._power = power

    def accept(self, key: int, side: Side, price_ticks: int, lots: int, level_lots: int) -> None:
        self.orders.append(Order(key, side, price_ticks, lots, float(level_lots)))

    def cancel(self, key: int) -> None:
        self.orders = [order for order in self.orders if order.key != key]

    def on_level(self, side: Side, price_ticks: int, old: int, new: int) -> None:
        for order in self.orders:
            if (order.side, order.price_ticks) == (side, price_ticks):
                cancelled = old - new - order.printed
                order.printed = 0.0
                if cancelled >= 0 and self._model is not QueueModel.RISK_AVERSE:
                    back = old - order.front
                    p = self._share_behind(order.front, back)
                    order.front -= (1 - p) * cancelled
                    order.front += min(back - p * cancelled, 0.0)
                order.front = min(order.front, new)

    def on_trade(self, aggressor: Side, price_ticks: int, lots: int) -> list[tuple[int, int, int]]:
        ours = [order for order in self.orders if order.side != aggressor]
        fills = []
        spent = 0
        for order in ours:
            if order.side * order.price_ticks > order.side * price_ticks:
                spent += order.leaves
                fills.append((order.key, order.leaves, 0))
                order.leaves = 0
        for order in ours:
            if order.price_ticks == price_ticks:
                order.printed += lots
                order.front -= lots
                reached = math.floor(0.5 - (order.front + spent))
                filled = max(0, min(order.leaves, reached, lots - spent))
                if order.front < 0 and (filled or spent):
                    order.front = 0.0
                order.leaves -= filled
                spent += filled
                if filled:
                    fills.append((order.key, filled, order.leaves))
        self.orders = [order for order in self.orders if order.leaves]
        return fills

    def on_touch(self, side: Side, opposite_ticks: int) -> list[tuple[int, int, int]]:
        met = [
            order
            for order in self.orders
            if order.side is side and side * order.price_ticks >= side * opposite_ticks
        ]
        self.orders = [order for order in self.orders if order not in met]
        return [(order.key, order.leaves, 0) for order in met]

    def _share_behind(self, front: float, back: float) -> float:
        n, f, b = self._power, np.float64(front), np.float64(back)
        with np.errstate(all="ignore"):
            shares = {
                QueueModel.LOG: np.log1p(b) / (np.log1p(b) + np.log1p(f)),
                QueueModel.LOG2: np.log1p(b) / np.log1p(b + f),
                QueueModel.POWER: b**n / (b**n + f**n),
                QueueModel.POWER2: b**n / (b + f) ** n,
                QueueModel.POWER3: 1 - (f / (f + b)) ** n,
            }
        share = float(shares[self._model])
        return share if math.isfinite(share) else 1.0
