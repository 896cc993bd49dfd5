"""Watchdog of the private stream: it must report what the venue reported by another channel.

A socket that is open proves nothing; the venue can serve one that carries nothing. But an order
that an answer reports as taken, filled or ended is reported by the stream too, and a fill comes
with the account that it made. What does not come within the longest stall will not come: the
connection is given up. Only the connection that was up when an order was placed owes its events,
since what is sent while the line is down is not sent again.
"""

from typing import NamedTuple

from engine.core.account import STAMP_JITTER_NS

_S = 1_000_000_000
PATIENCE_NS = 5 * _S
"""Longer than a living stream stalls."""
PAUSE_NS = 30 * _S
"""How long quotes wait when one connection after another has reported no order at all."""
_ACCOUNT_AGAIN_NS = 600 * _S
"""Fills come without their account only on a venue that is odd: we count on, and look again."""


def progress(filled_lots: int, *, final: bool) -> int:
    """How far an order's life has come, as one number that each of its events raises; from 1."""
    return 1 + filled_lots + final


class _Owed(NamedTuple):
    progress: int
    since_ns: int


class StreamWatchdog:
    """Feed it both channels' reports, and ask it whether the private stream has failed."""

    def __init__(self) -> None:
        self.paused_until_ns = 0
        """Monotonic: no quotes before, since their fills would not be reported."""
        self._orders: dict[str, _Owed] = {}
        self._account_since_ns: int | None = None
        self._account_owed_exch_ns = self._account_told_exch_ns = 0
        self._account_spared_until_ns = 0
        self._mute = False  # was the last connection given up, and no order reported since?

    def start_over(self) -> None:
        """The connection is another one: what the last one owed was lost with it."""
        self._orders.clear()
        self._account_since_ns = None

    def expect_order(self, client_order_id: str, progress: int, mono_ns: int) -> None:
        """Another channel reported that an order of this connection's time has come so far."""
        owed = self._orders.get(client_order_id, _Owed(progress, mono_ns))
        self._orders[client_order_id] = _Owed(max(owed.progress, progress), owed.since_ns)

    def hear_order(self, client_order_id: str, progress: int, mono_ns: int) -> None:
        """The stream reported an order."""
        self._mute = False
        owed = self._orders.pop(client_order_id, None)
        if owed is not None and owed.progress > progress:
            self._orders[client_order_id] = _Owed(owed.progress, mono_ns)

    def expect_account(self, exch_ns: int, mono_ns: int) -> None:
        """The stream reported a fill: the account as of this stamp follows, if it is not here."""
        if mono_ns < self._account_spared_until_ns or self._has_account(exch_ns):
            return
        self._account_owed_exch_ns = max(self._account_owed_exch_ns, exch_ns)
        if self._account_since_ns is None:
            self._account_since_ns = mono_ns

    def hear_account(self, exch_ns: int, mono_ns: int) -> None:
        """The stream reported the account."""
        self._account_told_exch_ns = max(self._account_told_exch_ns, exch_ns)
        if self._account_since_ns is not None:
            arrived = self._has_account(self._account_owed_exch_ns)
            self._account_since_ns = None if arrived else mono_ns

    def overdue(self, mono_ns: int) -> str:
        """What the stream failed to report, or nothing; then the connection is to be given up."""
        late_ns = mono_ns - PATIENCE_NS
        for name, owed in self._orders.items():
            if owed.since_ns < late_ns:
                if self._mute:
                    self.paused_until_ns = mono_ns + PAUSE_NS
                self._mute = True
                return f"silent about {name}"
        if self._account_since_ns is not None and self._account_since_ns < late_ns:
            self._account_spared_until_ns = mono_ns + _ACCOUNT_AGAIN_NS
            return "silent about the account after a fill"
        return ""

    def _has_account(self, exch_ns: int) -> bool:
        return self._account_told_exch_ns >= exch_ns - STAMP_JITTER_NS
