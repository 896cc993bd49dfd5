"""Flattening: one reduce-only order at a time, until nothing is held or time is up.

    idle ──ask──► closing ──► flat
                   └─────────► not flat ──► flat (a late fill closed it after all)

A refusal is not the end: it is tried again after a pause that grows, smaller where the size
was refused, as a limit order where the price was. No order is asked for while another of ours
may live, so an unknown one is proven first; reduce-only keeps one that was wrongly taken for
absent from closing twice.
"""

from dataclasses import dataclass

from engine.core.states import FlattenState
from exchange.types import Side

PATIENCE_NS = 20_000_000_000
"""How long a position is tried to be closed."""
_FIRST_PAUSE_NS = 250_000_000
_LONGEST_PAUSE_NS = 2_000_000_000
_TOO_LARGE = -4005  # the quantity is above the maximum of one order
_PRICE_REFUSED = (-4131, -4016, -4024)
"""A market order whose counterparty is too far from mark, and a limit order that is."""


@dataclass(frozen=True, slots=True)
class ClosingOrder:
    """What to send now: reduce-only, and done or gone at once."""

    side: Side
    qty_lots: int
    price_ticks: int | None
    """None at market."""


class Flatten:
    """Feed it the operator's wish, answers and time; it says when to send what.

    It places nothing itself and believes only a position that the venue has confirmed.
    """

    def __init__(self) -> None:
        self._void()

    def _void(self) -> None:
        self.state = FlattenState.IDLE
        self.refusal = ""
        """Code and message of the last one."""
        self.tries = 0
        self.asked_ns = 0
        """Monotonic: when the operator asked for it."""
        self._until_ns = self._not_before_ns = 0
        self._pause_ns = _FIRST_PAUSE_NS
        self._piece_lots: int | None = None
        self._by_limit = False

    @property
    def closing(self) -> bool:
        return self.state is FlattenState.CLOSING

    @property
    def failed(self) -> bool:
        return self.state is FlattenState.NOT_FLAT

    def ask(self, mono_ns: int) -> None:
        """The operator wants out; asking again starts anew."""
        self._void()
        self.state = FlattenState.CLOSING
        self.asked_ns, self._until_ns = mono_ns, mono_ns + PATIENCE_NS

    def drop(self) -> None:
        """The operator wants something else; what is held stays. One that failed stays so."""
        if self.closing:
            self.state, self.refusal = FlattenState.NOT_FLAT, "dropped by the operator"

    def forget(self) -> None:
        """The desk goes on, so the last end is no news any more."""
        self.state = FlattenState.IDLE

    def receive_refusal(self, code: int, message: str, mono_ns: int) -> None:
        """The venue, or our own way to it, said no to a closing order."""
        self.refusal = f"{code} {message}" if code else message
        self._not_before_ns = mono_ns + self._pause_ns
        self._pause_ns = min(2 * self._pause_ns, _LONGEST_PAUSE_NS)
        if code in _PRICE_REFUSED:
            self._by_limit = not self._by_limit
        if code == _TOO_LARGE and self._piece_lots is not None:
            self._piece_lots = max(self._piece_lots // 2, 1)

    def step(
        self,
        held_lots: int,
        *,
        settled: bool,
        confirmed: bool,
        touch: tuple[int, int] | None,
        mono_ns: int,
    ) -> ClosingOrder | None:
        """The next order to send, if one is due; and whether this is the end.

        Args:
            held_lots: The position, signed.
            settled: Is no order of ours alive, unknown, or filled but not yet booked?
            confirmed: Does the venue's own account agree with that position?
            touch: Best bid and ask in ticks.
        """
        if self.state is FlattenState.IDLE or self.state is FlattenState.FLAT:
            return None
        if settled and confirmed and held_lots == 0:
            self.state = FlattenState.FLAT
            return None
        if self.closing and mono_ns >= self._until_ns:
            self.state = FlattenState.NOT_FLAT
        if not self.closing or not settled or not held_lots or mono_ns < self._not_before_ns:
            return None
        self.tries += 1
        # Were it to fill nothing, the next is not sent at once.
        self._not_before_ns = mono_ns + _FIRST_PAUSE_NS
        lots = abs(held_lots)
        self._piece_lots = min(self._piece_lots or lots, lots)
        side = Side.SELL if held_lots > 0 else Side.BUY
        # What takes at once stands at the other side's best price.
        price_ticks = touch[0 if side is Side.SELL else 1] if touch and self._by_limit else None
        return ClosingOrder(side, self._piece_lots, price_ticks)

    def left_s(self, mono_ns: int) -> float:
        """Until it gives up; 0 when it has ended."""
        return max(self._until_ns - mono_ns, 0) / 1e9 if self.closing else 0.0
