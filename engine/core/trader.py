"""Trader: the desk's decision core, fed with events, questioned for commands, and never waiting.

Live, paper and replay differ only in who feeds it. Time arrives inside events. Every
input is applied whole before anything is decided, and what is decided leaves as values.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.core import orders
from engine.core.account import REST_LAG_NS, AccountReconciler, Evidence, PositionVerdict
from engine.core.actions import Action
from engine.core.breakers import refusal_code, side_closed_ns, ticks_away
from engine.core.calibration import Calibrator
from engine.core.desk_layout import ORDER_SLOTS, new_desk
from engine.core.entry import OrderEntry
from engine.core.explain import LeftView, SideStatus
from engine.core.fair_price import FairPrice
from engine.core.flatten import Flatten
from engine.core.ledger import Ledger, usdt
from engine.core.log import DeskLog
from engine.core.market import MarketState
from engine.core.market_monitor import MarketMonitor
from engine.core.operator import (
    OperatorCommand,
    OperatorRefusal,
    OperatorState,
    retuned,
    side_named,
)
from engine.core.order_names import OrderName, is_epoch, is_ours, order_name
from engine.core.own_intensity import OwnIntensity
from engine.core.quoter import Offsets, Tuning, offsets, requote
from engine.core.request_tracker import RequestTracker
from engine.core.risk import RiskGate
from engine.core.settings import STEP_NS, DeskSettings
from engine.core.states import FlattenState, Mode, RiskState, SideReason
from engine.core.stream_watchdog import StreamWatchdog, progress
from exchange.errors import InvariantBroken
from exchange.instrument import Instrument
from exchange.types import (
    AccountSnapshot,
    AccountUpdate,
    Cancel,
    ClockMeasured,
    Command,
    DepthSnapshot,
    Event,
    FetchAccount,
    FetchTrades,
    Fill,
    Link,
    LinkDown,
    LinkUp,
    ListenKeyExpired,
    MarketFrame,
    OrderUpdate,
    Outcome,
    Place,
    QueryOrder,
    Reconnect,
    RefreshCountdown,
    Reply,
    Severity,
    Side,
    Tick,
    TradesSnapshot,
)

COUNTDOWN_MS = 30_000  # the longest that orders outlive an engine that died
_S = 1_000_000_000
_COUNTDOWN_EVERY_NS = 10 * _S  # two refreshes may be lost before the venue's switch cancels
_NEVER_NS = -(1 << 62)
_ACCOUNT_EVERY_NS = 10 * _S
_PROOF_EVERY_NS = _S // 5  # a stop or a panic waits for it
_ASK_AGAIN_NS = _S
_LOOK_CLOSELY_NS = 2 * REST_LAG_NS
"""After the private stream came up: what a lagging node did not know shows soon after."""
_LOOK_CLOSELY_EVERY_NS = 2 * _S
_COMPARED_WITHIN_NS = 3 * _ACCOUNT_EVERY_NS
"""An account not compared for so long is not known: quoting ends."""
_TRADES_PATIENCE_NS = 300_000_000
"""How long a fill may be on its way before our trades are listed for it."""
_TRADES_MARGIN_NS = 60 * _S
"""How far before the last moment that was compared a list of trades begins."""
_TRADES_LISTED_NS = 7 * 86_400 * _S - _TRADES_MARGIN_NS
"""Of a list that begins longer ago the venue leaves out the newest part."""


@dataclass(slots=True)
class LinkState:
    """State of one connection, as of the last event about it."""

    up: bool = False
    reconnects: int = -1  # the first connection is none
    detail: str = "never connected"


class Trader:
    """Decision core of one desk on one symbol.

    Args:
        settings: What the operator decided.
        instrument: The venue's grid.
        mode: Whose money it is; shown, never decided upon.
        epoch: Of every client order id, greater than any used before on this account.
        own_in_book: Does the market feed show our own orders? A recording does not.
        recorded: Is the market a recording, which nobody can ask for a depth snapshot?
        recent_run: Did an engine trade this account so lately that a node may not show it all?

    Raises:
        InvariantBroken: When orders of this epoch could not be told for ours.
    """

    def __init__(
        self,
        settings: DeskSettings,
        instrument: Instrument,
        mode: Mode,
        *,
        epoch: int,
        own_in_book: bool,
        recorded: bool = False,
        recent_run: bool = False,
    ) -> None:
        if not is_epoch(epoch):
            raise InvariantBroken(f"{epoch} is no epoch of a run")
        self.settings = settings
        self.instrument = instrument
        self.mode = mode
        self.log = DeskLog()
        self.market = MarketState(instrument, self.log, own_in_book=own_in_book, recorded=recorded)
        self.desk = new_desk()
        self.ledger = Ledger(self.desk, instrument.tick_lot_e8)
        self.account = AccountReconciler(self.desk, recent_run=recent_run)
        self.gate = RiskGate(settings.max_loss_usdt)
        self.calibrator = Calibrator(settings, self.log)
        self.fair = FairPrice(settings, self.log)
        self.fair_ticks: float | None = None
        """What the quotes are laid around; None without a touch."""
        self.market_monitor = MarketMonitor(settings.maker_fee_rate, self.log)
        self.own_intensity = OwnIntensity()
        self.operator = OperatorState(
            Tuning(settings.gamma, settings.delta, settings.adj1, settings.adj2)
        )
        self.side_status = {side: SideStatus(SideReason.LINK_DOWN) for side in Side}
        self.wanted: dict[Side, list[int]] = {side: [] for side in Side}
        self.offsets: Offsets | None = None
        self.links = {link: LinkState() for link in Link}
        self.recv_ns = self.mono_ns = 0
        self.started_recv_ns = self.started_mono_ns = 0
        self._epoch = epoch
        self.met_younger_run = False
        """Did an order of a run that began after ours show up? Then the symbol is that run's."""
        self._requests = RequestTracker()
        self.entry = OrderEntry(settings, epoch, self.desk, self._requests, self.log)
        self.table = self.entry.table
        self._touch_decided: tuple[int, int] | None = None
        self._countdown_asked_ns = self._countdown_armed_ns = _NEVER_NS
        self._private_up_ns = self._cleared_ns = 0
        self._account_asked_ns = self._trades_asked_ns = 0
        self._agreed_exch_ns = self._unlisted_exch_ns = self._unlisted_ns = 0
        self._verify_empty = False
        self._watchdog = StreamWatchdog(self.desk)
        self.flatten = Flatten(self.desk)
        self._closing_order = ""
        self._bids = np.zeros(ORDER_SLOTS, dtype=np.int64)
        self._asks = np.zeros(ORDER_SLOTS, dtype=np.int64)
        self._hear: dict[type, Callable[[Any], None]] = {
            DepthSnapshot: self._on_snapshot,
            OrderUpdate: self._on_order_update,
            Fill: self._on_pushed_fill,
            AccountUpdate: self._on_account_update,
            AccountSnapshot: self._on_account_snapshot,
            TradesSnapshot: self._on_trades_snapshot,
            ClockMeasured: self._on_clock_measured,
            ListenKeyExpired: self._on_listen_key_expired,
            Reply: self._on_reply,
            Tick: self._on_tick,
            LinkUp: self._on_link_up,
            LinkDown: self._on_link_down,
            OperatorCommand: self._on_operator_command,
        }
        self._refit()

    # ------------------------------------------------------------ the ways in

    def receive(self, *events: Event) -> list[Command]:
        """Take in what arrived together and give the commands that follow, in order.

        Nothing is decided between events of one call: a sweep that fills four of our orders
        reports them together, and after the first of them the other three are no
        longer there to be cancelled.
        """
        dirty = False
        for event in events:
            self._stamp(event)
            if isinstance(event, MarketFrame):
                self._on_market_frame(event)
            else:
                self._hear[type(event)](event)
                dirty = True
        if dirty or self.market.touch != self._touch_decided:
            self._decide()
        return self._take_commands()

    def owns(self, client_order_id: str) -> bool:
        """Is this order ours to cancel: of this run, or taken over from an earlier one?"""
        name = order_name(client_order_id)
        return name is not None and (name.epoch == self._epoch or name in self.table)

    @property
    def finished(self) -> bool:
        """Has a stop come as far as the trader can bring it?"""
        return self.operator.stopping and not self.table.live and not self.flatten.closing

    @property
    def left(self) -> LeftView | None:
        """What may be left of our orders; None while quotes are wanted."""
        if not self._wants_no_orders:
            return None
        live = self.table.live
        proven = not self._verify_empty and not live
        return LeftView(live, self.table.count(orders.UNKNOWN), proven)

    @property
    def resume_refused(self) -> str:
        """Why quoting cannot be resumed now; empty when it can."""
        if self.operator.stopping:
            return "the engine is stopping"
        if self.gate.final:
            return f"halted for good: {self.gate.detail}; what helps: {self.gate.cure}"
        if self.flatten.closing:
            return f"flattening: {self._held_text} left; resume when it has ended"
        return ""

    @property
    def _wants_no_orders(self) -> bool:
        halted = self.gate.state is RiskState.HALTED
        return halted or self.operator.paused or self.operator.stopping

    @property
    def _held_text(self) -> str:
        return self.instrument.qty.text(self.ledger.position_lots)

    @property
    def q(self) -> float:
        """Position in order quantities."""
        return self.ledger.position_lots / self.settings.order_lots

    def quotes(self, at: Offsets | None, levels: int) -> tuple[list[int], list[int]] | None:
        """Our bids and asks under these offsets, best first, were nothing in the way."""
        if at is None or self.fair_ticks is None:
            return None
        self._requote(at, levels, levels)
        return self._bids[:levels].tolist(), self._asks[:levels].tolist()

    # ------------------------------------------------------------ plumbing

    def _stamp(self, event: Event) -> None:
        self.recv_ns, self.mono_ns = event.recv_ns, event.mono_ns
        self.log.recv_ns = event.recv_ns
        self.entry.stamp(event)
        if not self.started_mono_ns:
            self.started_recv_ns, self.started_mono_ns = event.recv_ns, event.mono_ns

    def _take_commands(self) -> list[Command]:
        return self._requests.take() + self.log.take_alerts()

    # ------------------------------------------------------------ the market

    def _on_market_frame(self, event: MarketFrame) -> None:
        mark_exch_ns = self.market.mark_exch_ns
        seen, commands = self.market.receive_frame(event.raw, event.recv_ns, event.mono_ns)
        self._requests.put(*commands)
        if self.market.mark_exch_ns != mark_exch_ns:
            self.market_monitor.flicker.hear_tape(self.market.mark_exch_ns)
        if seen is None:
            self._read_touch()
            self._note_touch()
            return
        self.calibrator.receive_print(
            seen.aggressor,
            seen.price_ticks,
            seen.exch_ns,
            self.market.touch_before,
            event.mono_ns,
        )
        self.market_monitor.flicker.receive_print(
            seen.exch_ns, seen.aggressor, seen.price_ticks, seen.qty_lots
        )

    def _on_snapshot(self, event: DepthSnapshot) -> None:
        self._requests.put(*self.market.receive_snapshot(event.raw, event.mono_ns))

    def _read_touch(self) -> None:
        self.market.read_touch(self.table)
        if self.market.touch is not None:
            self.ledger.move_mid(*self.market.touch)

    def _note_touch(self) -> None:
        market = self.market
        if market.touch is None:
            self.market_monitor.flicker.lose()
            return
        (bid, ask), (bid_lots, ask_lots) = market.touch, market.touch_lots
        self.market_monitor.flicker.receive_touch(
            market.touch_exch_ns, (bid, bid_lots, ask, ask_lots)
        )
        self.fair.note((bid, bid_lots, ask, ask_lots))

    # ------------------------------------------------------------ our orders

    def _on_order_update(self, update: OrderUpdate) -> None:
        self.market.heard_ns[Link.PRIVATE] = self.mono_ns
        self._learn(update)
        reached, name = _progress(update), update.client_order_id
        self._watchdog.hear_order(order_name(name), reached, self.mono_ns)
        slot = self.table.slot(name)
        if slot is not None:
            self.table.reported_progress[slot] = max(self.table.reported_progress[slot], reached)

    def _learn_by_rest(self, update: OrderUpdate, alive: int = orders.SEEN_LIVE) -> None:
        """Apply a report that the private stream owes too, if it was up at the placing."""
        self._learn(update, alive)
        known, name = _progress(update), order_name(update.client_order_id)
        slot = self.table.slot(update.client_order_id)
        if name is None or slot is None or self.table.placed_ns[slot] <= self._private_up_ns:
            return
        if self.table.reported_progress[slot] < known:
            self._watchdog.expect_order(name, known, self.mono_ns)

    def _learn(self, update: OrderUpdate, alive: int = orders.SEEN_LIVE) -> None:
        """Apply the venue's report of one order, from whatever channel it came.

        Args:
            alive: What it is to the order that it is not over.
        """
        slot = self.table.slot(update.client_order_id)
        if slot is None:
            self._learn_stranger(update)
            return
        self.table.report_filled(slot, update.filled_lots)
        if update.status.final:
            self.table.end(slot, update.exch_ns, self.mono_ns)
        else:
            self.table.apply(slot, alive, self.mono_ns)

    def _learn_stranger(self, update: OrderUpdate) -> None:
        """An order that is not in the table: foreign, of an earlier run, or given up too early."""
        text, name = update.client_order_id, order_name(update.client_order_id)
        if name is not None and self.table.ended(name):
            return
        younger = name is not None and name.epoch > self._epoch
        if younger:
            self._meet_younger_run(text)
        if update.status.final:
            self.account.foreign.pop(text, None)
        elif younger or name is None:
            self.account.foreign[text] = update
        else:
            self._adopt(name, update)

    def _meet_younger_run(self, client_order_id: str) -> None:
        """Two engines on one account: ours, the older, lets go of it for good."""
        if not self.met_younger_run:
            self.met_younger_run = True
            detail = f"another engine trades here: {client_order_id}"
            self._halt(detail, "a restart, once the other has ended", final=True)

    def _adopt(self, name: OrderName, update: OrderUpdate) -> None:
        """Take an order of ours into the table, where it is cancelled unless it is wanted.

        One of this run was taken for absent and then arrived after all, or a late event
        reports one long done; a cancel and a query find out which.
        """
        text = update.client_order_id
        slot = self.table.add(
            name, update.side, update.price_ticks, update.qty_lots, self.mono_ns, orders.RESTING
        )
        # Whatever was reported of it may have been reported before we knew it.
        self.table.reported_progress[slot] = progress(update.qty_lots, final=True)
        self.table.booked_lots[slot] = self.ledger.lots_of(name)
        self.table.report_filled(slot, update.filled_lots)
        if name.epoch != self._epoch:
            self.table.settle_reported(slot)  # the position that this run started from holds them
        self.log.note(Severity.WARNING, f"found our order {text}, not in the table: taken in")

    def _on_pushed_fill(self, fill: Fill) -> None:
        self._watchdog.expect_account(fill.exch_ns, self.mono_ns)
        self._on_fill(fill)

    def _on_fill(self, fill: Fill) -> None:
        if not self.account.opened:
            self.account.early_fills[fill.trade_id] = fill
            return
        self._read_touch()
        earned_e8 = self.ledger.earned_e8
        if not self.ledger.book_fill(fill):
            self._count_history(fill)
            return
        self.account.note_earned(fill, self.ledger.earned_e8 - earned_e8)
        self.account.recheck()
        slot = self.table.slot(fill.client_order_id)
        if slot is not None:
            self.table.book_fill(slot, fill.qty_lots, fill.exch_ns, self.mono_ns)
        before = self.market.touch_before(fill.exch_ns)
        # Once for each order of ours, however many prints it took.
        met = slot is not None and self.table.booked_lots[slot] == fill.qty_lots
        if fill.maker and met and before is not None:
            self.own_intensity.fill(fill.side * (sum(before) / 2 - fill.price_ticks))
        price = self.instrument.price.text(fill.price_ticks)
        lots = self.instrument.qty.text(fill.qty_lots)
        remark = "" if fill.maker else " as taker"
        if not is_ours(fill.client_order_id):
            remark += ", not our order"
        self.log.fill(f"{fill.side.name} {lots} @ {price}{remark}", fill.side)
        if fill.forced:
            self._halt(
                f"{fill.forced}: the venue closed {lots} of our position",
                "a restart, once you know why",
                final=True,
            )

    def _count_history(self, fill: Fill) -> None:
        """A trade that is part of what we started from still fills the order that it was of."""
        slot = self.table.slot(fill.client_order_id)
        if slot is not None and self.ledger.note_history(fill):
            self.table.book_fill(slot, fill.qty_lots, fill.exch_ns, self.mono_ns)

    # ------------------------------------------------------------ the account

    def _on_account_update(self, update: AccountUpdate) -> None:
        self._watchdog.hear_account(update.exch_ns, self.mono_ns)
        self.ledger.pay_funding(self.account.receive_update(update))
        if update.position_lots is not None:
            self._judge_position(
                Evidence(
                    update.position_lots,
                    update.entry_price_e8,
                    update.exch_ns,
                    update.mono_ns,
                    pushed=True,
                )
            )

    def _on_account_snapshot(self, snapshot: AccountSnapshot) -> None:
        if snapshot.asked_mono_ns < self._private_up_ns:
            return  # asked before the line was lost: it cannot vouch for what came since
        self.account.foreign.clear()
        for order in snapshot.open_orders:
            self._learn_by_rest(order)
        listed = {order.client_order_id for order in snapshot.open_orders}
        self.entry.mark_missing(listed, snapshot.asked_mono_ns)
        self.account.receive_wallet(snapshot)
        verdict = self._judge_position(
            Evidence(
                snapshot.position_lots,
                snapshot.entry_price_e8,
                snapshot.position_exch_ns,
                snapshot.asked_mono_ns,
                wallet_exch_ns=snapshot.wallet_exch_ns,
            )
        )
        if verdict is PositionVerdict.OPENS:
            self.account.open_wallet(snapshot)
            early, self.account.early_fills = self.account.early_fills, {}
            for fill in early.values():
                self._on_fill(fill)
        if verdict not in (PositionVerdict.DIFFERS, PositionVerdict.INCOMPARABLE):
            self.account.note_compared(snapshot.asked_mono_ns)
        ours_listed = any(map(self.owns, listed))
        asked_since = snapshot.asked_mono_ns >= self._cleared_ns
        if self._verify_empty and asked_since and not ours_listed and not self.table.live:
            self._verify_empty = False
            self.log.note(Severity.INFO, "verified: no order of ours is left at the venue")

    def _judge_position(self, evidence: Evidence) -> PositionVerdict:
        verdict = self.account.judge(evidence)
        match verdict:
            case PositionVerdict.AGREES:
                if evidence.pushed or evidence.exch_ns <= self.ledger.newest_exch_ns:
                    if not self._trades_missing:
                        self._agreed_exch_ns = max(self._agreed_exch_ns, evidence.exch_ns)
                elif evidence.exch_ns > max(self._agreed_exch_ns, self._unlisted_exch_ns):
                    # It moved and came back, and neither reached us: the next list shows it.
                    self._unlisted_exch_ns, self._unlisted_ns = evidence.exch_ns, self.mono_ns
            case PositionVerdict.OPENS:
                self._open_position(evidence)
            case PositionVerdict.ADOPT | PositionVerdict.BEGUN_ANEW:
                self._adopt_position(
                    evidence, closed=evidence.lots == 0 and verdict is PositionVerdict.ADOPT
                )
        return verdict

    def _open_position(self, evidence: Evidence) -> None:
        """Start from what the venue holds for us; what traded since then is booked."""
        exch_ns = evidence.exch_ns or evidence.wallet_exch_ns or self.account.history_exch_ns
        self.ledger.open_position(evidence.lots, self._cost_e8(evidence), exch_ns)

    def _adopt_position(self, evidence: Evidence, *, closed: bool) -> None:
        ours = self.ledger.position_lots
        exch_ns = max(evidence.exch_ns, self.ledger.newest_exch_ns)
        self._read_touch()
        self.ledger.adopt_position(evidence.lots, self._cost_e8(evidence), exch_ns)
        for slot in self.table.used:
            self.table.settle_reported(slot)
        text = self.instrument.qty.text
        found = f"the venue holds {text(evidence.lots)}, our trades make {text(ours)}"
        if closed:
            self._halt(
                f"{found}: it was closed without a trade of ours",
                "a restart, once you know why",
                final=True,
            )
        else:
            self.log.note(Severity.ALARM, f"{found}: took the venue's word, at its entry price")

    def _cost_e8(self, evidence: Evidence) -> int:
        return self.instrument.value_e8(evidence.lots, evidence.entry_price_e8)

    def _on_trades_snapshot(self, snapshot: TradesSnapshot) -> None:
        """Book what was missed; what is part of a position that the venue stated is known."""
        if not self.account.opened:
            self.account.note_history(snapshot)
        for fill in snapshot.fills:
            self._on_fill(fill)
        self.account.trades_listed(snapshot)
        if snapshot.asked_mono_ns >= self._unlisted_ns:
            self._agreed_exch_ns = max(self._agreed_exch_ns, self._unlisted_exch_ns)
        if not self.account.reconciled or self.account.doubted:
            self._ask_account()

    def _ask_account(self) -> None:
        self._account_asked_ns = self.mono_ns
        self._requests.ask(FetchAccount)

    def _ask_trades(self) -> None:
        self._trades_asked_ns = self.mono_ns
        started_ns = self.market.venue_ns(self.started_recv_ns, self.started_mono_ns)
        since_ns = self._agreed_exch_ns or started_ns
        newest = self.ledger.newest_trade
        if self.account.doubted and newest is not None:
            since_ns = min(since_ns, newest[0])  # does the venue still know it?
        oldest_ns = self.market.venue_ns(self.recv_ns, self.mono_ns) - _TRADES_LISTED_NS
        since_ns = max(since_ns - _TRADES_MARGIN_NS, oldest_ns)
        self._requests.ask(FetchTrades, since_ms=since_ns // 1_000_000)

    def _keep_reconciled(self) -> None:
        """Time's part in knowing the account: what is due, doubted or failed is asked again."""
        account = self.account
        waited = account.doubted and self.mono_ns - account.doubt_since_ns > _TRADES_PATIENCE_NS
        missing = waited or self._trades_missing or not account.reconciled
        if not missing:
            self.account.troubles.pop(FetchTrades, None)  # it explains nothing any more
        elif self.mono_ns - self._trades_asked_ns >= _ASK_AGAIN_NS:
            self._ask_trades()
        if self.mono_ns - self._account_asked_ns >= self._account_every_ns():
            self._ask_account()

    @property
    def _trades_missing(self) -> bool:
        """Is there a trade of ours that the venue has hinted at, and no list has brought?"""
        return self.entry.misses_fills or self._unlisted_exch_ns > self._agreed_exch_ns

    def _account_every_ns(self) -> int:
        prove_flat = self.flatten.closing and not self.ledger.position_lots
        if self._verify_empty and not self.table.live:
            return _PROOF_EVERY_NS
        if prove_flat:
            return _ASK_AGAIN_NS
        account = self.account
        sure = not account.doubted and account.settled(self.started_mono_ns)
        if not account.reconciled or not sure:
            return _ASK_AGAIN_NS
        fresh = self.mono_ns - self._private_up_ns < _LOOK_CLOSELY_NS
        return _LOOK_CLOSELY_EVERY_NS if fresh else _ACCOUNT_EVERY_NS

    # ------------------------------------------------------------ replies

    def _on_reply(self, reply: Reply) -> None:
        if reply.code:
            self.entry.count_error(reply)
        request = self._requests.answered(reply)
        match request:
            case Place() as place:
                self.entry.receive_place_reply(place, reply)
                if place.reduce_only and reply.outcome is Outcome.REFUSED:
                    self._take_refused_closing(reply)
            case Cancel() as cancel:
                self.entry.receive_cancel_reply(cancel, reply)
            case QueryOrder() as query:
                self.entry.receive_query_reply(query, reply)
            case RefreshCountdown():
                self._on_countdown_reply(reply)
            case FetchAccount() | FetchTrades() as question:
                failed = reply.outcome is not Outcome.DONE
                self.account.note_answer(question, reply.message if failed else "")
        if reply.order is not None:
            alive = orders.PLACE_ACKED if isinstance(request, Place) else orders.SEEN_LIVE
            self._learn_by_rest(reply.order, alive)

    def _take_refused_closing(self, reply: Reply) -> None:
        self.flatten.receive_refusal(reply.code, reply.message, self.mono_ns)
        self.log.note(Severity.WARNING, f"flatten: refused with {self.flatten.refusal}")
        # Perhaps we hold less than we counted (-2022), or an order of ours is in the way (-4118).
        self._ask_account()

    def _on_countdown_reply(self, reply: Reply) -> None:
        asked_ns = self.mono_ns - reply.round_trip_ns
        if reply.outcome is not Outcome.DONE:
            self.log.note(Severity.WARNING, f"dead man's switch not armed: {reply.message}")
        elif asked_ns >= self._private_up_ns:
            self._countdown_armed_ns = asked_ns

    @property
    def countdown_asked_mono_ns(self) -> int | None:
        """When the newest arming of the dead man's switch was asked for; None while not armed."""
        armed = self._countdown_armed_ns != _NEVER_NS
        return self._countdown_asked_ns if armed else None

    # ------------------------------------------------------------ links

    def _on_link_up(self, event: LinkUp) -> None:
        link = self.links[event.link]
        link.up, link.detail = True, ""
        link.reconnects += 1
        if link.reconnects:
            self.log.note(Severity.INFO, f"{event.link} stream is back")
        if event.link is Link.PRIVATE:
            self._private_up_ns = self.mono_ns
            self._watchdog.start_over()
            # The venue may have restarted and forgotten its switch: it is armed anew first.
            self._countdown_asked_ns = self._countdown_armed_ns = _NEVER_NS
            self._ask_trades()  # and the account when they are here

    def _on_link_down(self, event: LinkDown) -> None:
        self._lose_link(event.link, event.reason)

    def _lose_link(self, name: Link, reason: str) -> None:
        link = self.links[name]
        if link.up:
            self.log.note(Severity.WARNING, f"{name} stream lost: {reason}")
        link.up, link.detail = False, reason
        if name is Link.PUBLIC:
            self.market.lose()
            self._read_touch()
        elif name is Link.MARKET:
            self.market_monitor.flicker.lose_tape()
        elif name is Link.PRIVATE:
            self.account.lose()

    def _on_listen_key_expired(self, _event: ListenKeyExpired) -> None:
        self._give_up_private("listen key expired")

    def _give_up_private(self, reason: str) -> None:
        """A private stream that is open but dead is lost; a new one comes and is compared."""
        self._lose_link(Link.PRIVATE, reason)
        self._requests.put(Reconnect(link=Link.PRIVATE, reason=reason))

    def _on_clock_measured(self, event: ClockMeasured) -> None:
        self.market.venue_minus_mono_ns = event.venue_minus_mono_ns

    # ------------------------------------------------------------ the step

    def _on_tick(self, _event: Tick) -> None:
        touch = self.market.touch
        mid = sum(touch) / 2 if touch else np.nan
        tape_up = self.links[Link.MARKET].up
        if self.calibrator.step(touch, self.mono_ns, tape_up=tape_up):
            self._refit()
        self.own_intensity.step(self.table, mid, STEP_NS / 1e9)
        self.market_monitor.step(mid, self.mono_ns)
        self.fair.step(self.mono_ns)
        self.entry.watch()
        if self.links[Link.PRIVATE].up:
            self._keep_reconciled()
            if self.mono_ns - self._countdown_asked_ns >= _COUNTDOWN_EVERY_NS:
                self._refresh_countdown()
            if overdue := self._watchdog.overdue(self.mono_ns):
                self._give_up_private(overdue)

    def _refresh_countdown(self) -> None:
        # The switch is the symbol's: refreshed by us, it would keep a dead younger run's orders.
        if not self.operator.stopping and not self.met_younger_run:
            self._countdown_asked_ns = self.mono_ns
            self._requests.ask(RefreshCountdown, countdown_ms=COUNTDOWN_MS)

    # ------------------------------------------------------------ the operator

    def _on_operator_command(self, command: OperatorCommand) -> None:
        problem = self._obey(command)
        if problem is not None:
            self._requests.put(OperatorRefusal(text=problem))

    def _obey(self, command: OperatorCommand) -> str | None:
        """Do what was asked; why it was not, or None."""
        operator = self.operator
        side = side_named(command.name)
        match command.action:
            case Action.PAUSE:
                operator.paused = True
                self._clear_book()
                self.log.note(Severity.INFO, "paused by the operator")
            case Action.RESUME:
                return self._resume(command)
            case Action.PANIC:
                self.flatten.drop()
                self._halt("panic by the operator", "r")
            case Action.STOP:
                self._clear_book()
                if command.name == "flatten":
                    self.flatten.ask(self.mono_ns)
                elif operator.stopping or self.flatten.closing:
                    self.flatten.drop()
                else:
                    self.flatten.forget()  # one that failed before: now it is to be kept
                operator.stopping = True
                self.log.note(Severity.WARNING, f"stopping, position: {command.name or 'keep'}")
            case Action.FLATTEN:
                return self._begin_flatten(command.name)
            case Action.SIDE_OFF | Action.SIDE_ON if side is None:
                return f"{command.name!r} is no side; bid or ask"
            case Action.SIDE_OFF if side is not None:
                operator.sides_off.add(side)
                self.log.note(Severity.INFO, f"{_side_word(side)} off by the operator")
            case Action.SIDE_ON if side is not None:
                operator.sides_off.discard(side)
                self.log.note(Severity.INFO, f"{_side_word(side)} on by the operator")
            case Action.SET:
                return self._tune(command)
        return None

    def _resume(self, command: OperatorCommand) -> str | None:
        if refused := self.resume_refused:
            return refused
        if command.expected is not None and command.expected != self.gate.halts:
            return f"halted since you were asked: {self.gate.detail}; look again"
        self.gate.resume()
        self.flatten.forget()
        self.operator.paused = self._verify_empty = False
        self.log.note(Severity.INFO, "resumed by the operator")
        return None

    def _tune(self, command: OperatorCommand) -> str | None:
        tuning = retuned(self.operator.tuning, command.name, command.value)
        if isinstance(tuning, str):
            return tuning
        now = getattr(self.operator.tuning, command.name)
        if command.expected is not None and command.expected != now:
            return f"{command.name} is {now:g} by now, not {command.expected:g}; look again"
        self.operator.tuning = tuning
        self._refit()
        self.log.note(Severity.INFO, f"{command.name} {now:g} -> {command.value:g}")
        return None

    def _begin_flatten(self, symbol: str) -> str | None:
        """Quotes go first: what is held must not change under the closing order."""
        if symbol != self.instrument.symbol:
            return f"to flatten, name the symbol: {self.instrument.symbol}, not {symbol!r}"
        if self.operator.stopping:
            return "the engine is stopping"
        self.operator.paused = True
        self._clear_book()
        self.flatten.ask(self.mono_ns)
        self.log.note(Severity.WARNING, f"flattening {self._held_text} by the operator")
        return None

    def _halt(self, detail: str, cure: str, *, final: bool = False) -> None:
        self.gate.halt(detail, cure, final=final)
        self._tell_halt()

    def _tell_halt(self) -> None:
        self._clear_book()
        self.log.note(Severity.ALARM, f"halted: {self.gate.detail}; ends it: {self.gate.cure}")

    def _clear_book(self) -> None:
        """No order is wanted from now on, and only a list asked for from now on proves it."""
        self._verify_empty = True
        self._cleared_ns = self.mono_ns

    # ------------------------------------------------------------ deciding

    def _refit(self) -> None:
        self.offsets = self.offsets_for(self.operator.tuning)

    def offsets_for(self, tuning: Tuning) -> Offsets | None:
        """What the present fit makes of these parameters; None without a fit or an answer."""
        fit = self.calibrator.fit
        return offsets(fit, tuning, self.bound(tuning)) if fit is not None else None

    def bound(self, tuning: Tuning) -> int:
        """Largest inventory that the limit leaves room for, in fills of the model."""
        return self.settings.bound(tuning.delta)

    def _decide(self) -> None:
        """Bring both sides of our market to where they should stand now."""
        self._read_touch()
        if self.market.touch != self._touch_decided:
            self._touch_decided = self.market.touch
            self.entry.touch_changed()
        has_touch = self.market.touch is not None
        self.fair_ticks = self.fair.read(self.market, self.table) if has_touch else None
        if self.gate.check_loss(usdt(self.ledger.total_e8), usdt(self.ledger.drawdown_e8)):
            self._tell_halt()
        if self.entry.fatal:
            fatal, self.entry.fatal = self.entry.fatal, ""
            self._halt(fatal, "mend it, then r")
        self.side_status = {side: self._judge_side(side) for side in Side}
        self._want()
        for side in Side:
            held_lots = self.account.worst_held_lots(side)
            stays = self.wanted[side] or self._closing_prices(side)
            self.entry.reconcile(side, stays, held_lots)
        self._flatten_if_asked()
        self.table.release_finished(self.market.book_exch_ns, self.mono_ns)

    def _judge_side(self, side: Side) -> SideStatus:
        """The first rule that forbids this side, or that it quotes."""
        return (
            self._operator_rule(side)
            or self._data_rule()
            or self._side_rule(side)
            or SideStatus(SideReason.QUOTING, self.entry.blocked_by(side))
        )

    def _operator_rule(self, side: Side) -> SideStatus | None:
        if self.operator.stopping:
            return SideStatus(SideReason.STOPPING, "", "nothing; the engine ends")
        if self.gate.state is RiskState.HALTED:
            return SideStatus(SideReason.HALTED, self.gate.detail, self.gate.cure)
        if self.operator.paused:
            return SideStatus(SideReason.PAUSED, "by the operator", "r")
        if side in self.operator.sides_off:
            return SideStatus(
                SideReason.SIDE_OFF, "by the operator", "b" if side is Side.BUY else "a"
            )
        return None

    def _data_rule(self) -> SideStatus | None:
        for link in (Link.PRIVATE, Link.PUBLIC):
            if not self.links[link].up:
                detail = f"{link} stream: {self.links[link].detail}"
                return SideStatus(SideReason.LINK_DOWN, detail, "reconnecting")
        paused_s = (self._watchdog.paused_until_ns - self.mono_ns) / _S
        if paused_s > 0:
            detail = "private stream told of no order, on two connections"
            return SideStatus(SideReason.RECONCILING, detail, f"in {paused_s:.0f} s")
        unknown = self._account_rule()
        if unknown:
            return SideStatus(SideReason.RECONCILING, unknown, "the venue's answer")
        armed_s = (self.mono_ns - self._countdown_armed_ns) / _S
        if armed_s * 1000 > COUNTDOWN_MS:
            return SideStatus(
                SideReason.RECONCILING, "dead man's switch not armed", "the venue's answer"
            )
        if self.market.touch is None:
            return SideStatus(SideReason.NO_BOOK, "not in step with the venue", "a snapshot")
        age_ms = (self.mono_ns - self.market.heard_ns[Link.PUBLIC]) // 1_000_000
        if age_ms > self.settings.freshness_ms:
            limit = self.settings.freshness_ms
            return SideStatus(SideReason.STALE, f"book {age_ms} of {limit} ms old", "fresh data")
        late_ms = (self.market.feed_latency_ns or 0) // 1_000_000
        if late_ms > self.settings.freshness_ms:
            detail = f"book arrives {late_ms} ms late"
            return SideStatus(SideReason.STALE, detail, "fresh data, or a clock that is right")
        if self.offsets is None:
            absurd = "the fit gives no finite quote"
            detail = absurd if self.calibrator.fit is not None else self.calibrator.note
            return SideStatus(SideReason.NOT_CALIBRATED, detail, "a good fit")
        return None

    def _account_rule(self) -> str:
        """Why what we hold is not known well enough to quote, or nothing."""
        account = self.account
        failing = "".join(f": {trouble}" for trouble in account.troubles.values())
        if not account.reconciled:
            return f"account not compared yet{failing}"
        age_ns = self.mono_ns - account.compared_ns
        if age_ns > _COMPARED_WITHIN_NS:
            limit_s = _COMPARED_WITHIN_NS // _S
            return f"account not compared for {age_ns // _S} of {limit_s} s{failing}"
        if not account.settled(self.started_mono_ns):
            return f"fills before this start may be told {REST_LAG_NS // _S} s late{failing}"
        if not account.doubt_forbids(self.mono_ns):
            return ""
        theirs, ours = map(self.instrument.qty.text, account.disputed_lots)
        return f"the venue holds {theirs}, we count {ours}{failing}"

    def _side_rule(self, side: Side) -> SideStatus | None:
        closed_ns = side_closed_ns(self.desk, int(side), self.mono_ns)
        if closed_ns:
            code = refusal_code(self.desk, int(side))
            return SideStatus(
                SideReason.BREAKER, f"{code} three times", f"in {closed_ns / _S:.0f} s"
            )
        if self._grid_size(side) < 1:
            text = self.instrument.qty.text
            held, limit = abs(self.ledger.position_lots), self.settings.max_position_lots
            other = "a sell" if side is Side.BUY else "a buy"
            return SideStatus(SideReason.AT_LIMIT, f"{text(held)} of {text(limit)}", other)
        return None

    def _grid_size(self, side: Side) -> int:
        """Orders that the inventory limit leaves room for, were all of them filled."""
        room = self.settings.max_position_lots - side * self.ledger.position_lots
        return min(self.settings.grid_num, room // self.settings.order_lots)

    def _want(self) -> None:
        bids, asks = (
            self._grid_size(side) if self.side_status[side].quotes else 0 for side in Side
        )
        self.wanted = {Side.BUY: [], Side.SELL: []}
        if self.offsets is None or bids + asks == 0:
            return
        self._requote(self.offsets, bids, asks)
        # Below zero or beyond twice the mid no venue takes a price, and no model means one.
        twice_mid = sum(self.market.touch or ())
        for side, prices in ((Side.BUY, self._bids[:bids]), (Side.SELL, self._asks[:asks])):
            self.wanted[side] = [price for price in prices.tolist() if 0 < price < twice_mid]
            if prices.size and not self.wanted[side]:
                detail = f"{prices[0]} ticks is no price"
                self.side_status[side] = SideStatus(
                    SideReason.NO_PRICE, detail, "smaller adj1, gamma or q"
                )

    def _requote(self, at: Offsets, n_bids: int, n_asks: int) -> None:
        """Write both sides' grid prices into ``_bids`` and ``_asks``; needs a touch."""
        assert self.market.touch is not None
        assert self.fair_ticks is not None
        bid, ask = self.market.touch
        requote(
            at.table,
            at.fills(self.q),
            at.tuning.adj1,
            at.tuning.adj2,
            self.fair_ticks,
            bid - ticks_away(self.desk, 1),
            ask + ticks_away(self.desk, -1),
            at.interval,
            n_bids,
            n_asks,
            self._bids,
            self._asks,
        )

    def _flatten_if_asked(self) -> None:
        """Once every order of ours is gone and booked: close what is held, and say how it ended."""
        before = self.flatten.state
        settled = not self.table.live and not any(self.table.open_lots(side) for side in Side)
        order = self.flatten.step(
            self.ledger.position_lots,
            settled=settled,
            confirmed=self._flat_is_confirmed,
            touch=self.market.touch,
            mono_ns=self.mono_ns,
        )
        if order is not None:
            self._closing_order = self.entry.close_position(order)
        if self.flatten.state is not before and not self.flatten.closing:
            self._tell_flatten()

    @property
    def _flat_is_confirmed(self) -> bool:
        """Has the venue said since the wish, and since our last fill, that nothing is held?"""
        evidence = self.account.agreed
        if (
            evidence is None
            or evidence.lots
            or self.account.doubted
            or not self.links[Link.PRIVATE].up
        ):
            return False
        if evidence.asked_mono_ns <= max(self.flatten.asked_ns, self._private_up_ns):
            return False
        if evidence.exch_ns:
            return evidence.exch_ns >= self.ledger.newest_exch_ns
        return evidence.asked_mono_ns - self.ledger.filled_mono_ns > REST_LAG_NS

    @property
    def held_words(self) -> str:
        """What is held, or that it is not known."""
        held = self.instrument.qty.text(self.ledger.position_lots)
        if self.position_doubt:
            return f"position not known, {held} by our count: {self.position_doubt}"
        return f"position {held}"

    @property
    def position_doubt(self) -> str:
        """Why our count of the position is not certain, or nothing."""
        if not self.account.opened:
            return "never compared with the venue"
        if not self.account.doubt_forbids(self.mono_ns):
            return ""
        return f"the venue says {self.instrument.qty.text(self.account.disputed_lots[0])}"

    def _closing_prices(self, side: Side) -> list[int]:
        """Where a closing order of ours is under way: it is no quote to be cancelled."""
        slot = self.table.slot(self._closing_order)
        if slot is None or self.table.side[slot] != side:
            return []
        alive = orders.PLACED <= self.table.state[slot] <= orders.UNKNOWN
        return [int(self.table.price_ticks[slot])] if alive else []

    def _tell_flatten(self) -> None:
        if self.flatten.state is FlattenState.FLAT:
            self.log.note(Severity.INFO, "flat: the venue confirms that nothing is held")
        elif self.flatten.failed:
            self.log.note(Severity.ALARM, self.not_flat)

    @property
    def not_flat(self) -> str:
        """What a flatten left; empty when it left nothing, or none was asked for."""
        if not (self.flatten.failed or self.flatten.closing):
            return ""
        refusal = f"; last refusal: {self.flatten.refusal}" if self.flatten.refusal else ""
        if not self.ledger.position_lots:
            return f"NOT FLAT: 0 by our count, but the venue has not confirmed it{refusal}"
        return f"NOT FLAT: {self._held_text} held after {self.flatten.tries} tries{refusal}"


def _progress(update: OrderUpdate) -> int:
    return progress(update.filled_lots, final=update.status.final)


def _side_word(side: Side) -> str:
    return "bid" if side is Side.BUY else "ask"
