"""Explanations: why a side quotes or does not, in words, and what is proven of orders not wanted.

The rule, its value and its limit were decided by a kernel of ``engine.core.quoting_rules``; here
they become what a screen shows, with what would clear them.
"""

from dataclasses import dataclass

import msgspec

from engine.core import quoting_rules as rules
from engine.core.account import AccountReconciler
from engine.core.budgets import orders_left
from engine.core.calibration import Calibrator
from engine.core.desk_layout import (
    MONO_NS,
    STATUS_LIMIT,
    STATUS_RULE,
    STATUS_VALUE,
    THROTTLED_UNTIL_NS,
    TRADES_MISSING,
    side_status,
)
from engine.core.links import LINKS, LinkStates
from engine.core.orders import UNKNOWN, count_orders
from engine.core.request_tracker import FETCH_TRADES
from engine.core.risk import RiskGate
from engine.core.states import SideReason
from exchange.instrument import Instrument
from exchange.jit import IntArray, in_python
from exchange.types import Side

_S = 1_000_000_000
REASONS = {
    rules.QUOTING: SideReason.QUOTING,
    rules.IS_STOPPING: SideReason.STOPPING,
    rules.IS_HALTED: SideReason.HALTED,
    rules.IS_PAUSED: SideReason.PAUSED,
    rules.SIDE_IS_OFF: SideReason.SIDE_OFF,
    rules.LINK_IS_DOWN: SideReason.LINK_DOWN,
    rules.STREAM_IS_MUTE: SideReason.RECONCILING,
    rules.NEVER_COMPARED: SideReason.RECONCILING,
    rules.COMPARED_LONG_AGO: SideReason.RECONCILING,
    rules.PAST_UNSETTLED: SideReason.RECONCILING,
    rules.POSITION_DISPUTED: SideReason.RECONCILING,
    rules.SWITCH_NOT_ARMED: SideReason.RECONCILING,
    rules.NO_BOOK: SideReason.NO_BOOK,
    rules.BOOK_IS_OLD: SideReason.STALE,
    rules.BOOK_IS_LATE: SideReason.STALE,
    rules.NO_FIT: SideReason.NOT_CALIBRATED,
    rules.NO_FINITE_QUOTE: SideReason.NOT_CALIBRATED,
    rules.BREAKER_IS_OPEN: SideReason.BREAKER,
    rules.AT_LIMIT: SideReason.AT_LIMIT,
    rules.NO_PRICE: SideReason.NO_PRICE,
}
"""What each rule is called."""
_PLAIN = {
    rules.IS_STOPPING: ("", "nothing; the engine ends"),
    rules.IS_PAUSED: ("by the operator", "r"),
    rules.SWITCH_NOT_ARMED: ("dead man's switch not armed", "the venue's answer"),
    rules.NO_BOOK: ("not in step with the venue", "a snapshot"),
    rules.NO_FINITE_QUOTE: ("the fit gives no finite quote", "a good fit"),
}


@dataclass(frozen=True, slots=True)
class SideStatus:
    """One side's ruling rule."""

    reason: SideReason
    detail: str = ""
    clears: str = ""

    @property
    def quotes(self) -> bool:
        return self.reason is SideReason.QUOTING


class SideExplainer:
    """Words the rule of a side, with the texts that the rooms keep.

    Args:
        desk: int64[DESK_SIZE].
    """

    def __init__(
        self,
        desk: IntArray,
        instrument: Instrument,
        gate: RiskGate,
        links: LinkStates,
        account: AccountReconciler,
        calibrator: Calibrator,
    ) -> None:
        self._desk, self._qty = desk, instrument.qty.text
        self._gate, self._links, self._account = gate, links, account
        self._calibrator = calibrator

    def reason(self, side: Side) -> SideReason:
        """The rule that a side stands under."""
        return REASONS[self._row(side)[STATUS_RULE]]

    def status(self, side: Side) -> SideStatus:
        """The rule, the value against the limit, and what would clear it."""
        row = self._row(side)
        rule = row[STATUS_RULE]
        words = _PLAIN.get(rule) or self._words(side, rule, row[STATUS_VALUE], row[STATUS_LIMIT])
        return SideStatus(REASONS[rule], *words)

    def _row(self, side: Side) -> list[int]:
        row: list[int] = in_python(side_status)(self._desk, int(side)).tolist()
        return row

    def _words(self, side: Side, rule: int, value: int, limit: int) -> tuple[str, str]:
        """Detail, and what would clear it."""
        match rule:
            case rules.IS_HALTED:
                return self._gate.detail, self._gate.cure
            case rules.SIDE_IS_OFF:
                return "by the operator", "b" if side is Side.BUY else "a"
            case rules.LINK_IS_DOWN:
                link = LINKS[value]
                return f"{link} stream: {self._links[link].detail}", "reconnecting"
            case rules.STREAM_IS_MUTE:
                return "private stream told of no order, on two connections", f"in {_s(value)} s"
            case rules.BOOK_IS_OLD:
                return f"book {value} of {limit} ms old", "fresh data"
            case rules.BOOK_IS_LATE:
                return f"book arrives {value} ms late", "fresh data, or a clock that is right"
            case rules.NO_FIT:
                return self._calibrator.note, "a good fit"
            case rules.BREAKER_IS_OPEN:
                return f"{limit} three times", f"in {_s(value)} s"
            case rules.AT_LIMIT:
                other = "a sell" if side is Side.BUY else "a buy"
                return f"{self._qty(value)} of {self._qty(limit)}", other
            case rules.NO_PRICE:
                return f"{value} ticks is no price", "smaller adj1, gamma or q"
            case rules.QUOTING:
                return self._blocked_by(side), ""
        failing = "".join(f": {trouble}" for trouble in self._troubles())
        return self._account_words(rule, value, limit) + failing, "the venue's answer"

    def _blocked_by(self, side: Side) -> str:
        """What keeps a quoting side from standing where it wants, or nothing."""
        unknown = count_orders(self._desk, 1 << UNKNOWN, int(side))
        if unknown:
            return f"{unknown} with unknown outcome, asking"
        held_ns = self._desk[THROTTLED_UNTIL_NS] - self._desk[MONO_NS]
        if held_ns > 0:
            return f"placing held {held_ns / _S:.0f} s more"
        if orders_left(self._desk) < 1:
            return "the venue's order limit is used up"
        return ""

    def _troubles(self) -> list[str]:
        """Why questions failed whose answer is still wanted."""
        missing = self._desk[TRADES_MISSING]
        return [
            trouble
            for kind, trouble in self._account.troubles.items()
            if kind != FETCH_TRADES or missing
        ]

    def _account_words(self, rule: int, value: int, limit: int) -> str:
        match rule:
            case rules.COMPARED_LONG_AGO:
                return f"account not compared for {value // _S} of {limit // _S} s"
            case rules.PAST_UNSETTLED:
                return f"fills before this start may be told {limit // _S} s late"
            case rules.POSITION_DISPUTED:
                return f"the venue holds {self._qty(value)}, we count {self._qty(limit)}"
        return "account not compared yet"


def _s(ns: int) -> str:
    return f"{ns / _S:.0f}"


class LeftView(msgspec.Struct, frozen=True):
    """What may be left of our orders while none is wanted, by the evidence there is."""

    live: int
    """That may rest at the venue, as far as was reported; those unknown among them."""
    unknown: int
    proven: bool
    """Did the venue's own list, asked for since, show none of ours?"""


def evidence(left: LeftView) -> str:
    """What is proven of our orders at the venue while none is wanted, and what is not."""
    if left.proven:
        return "no order of ours left, verified"
    if left.unknown:
        others = left.live - left.unknown
        rest = f", {others} being cancelled" if others else ""
        return f"gate closed; {_orders(left.unknown)} unknown, asking{rest}"
    if left.live:
        return f"gate closed; {_orders(left.live)} being cancelled"
    return "gate closed; asking whether any order of ours is left"


def _orders(count: int) -> str:
    return f"{count} order{'' if count == 1 else 's'} of ours"
