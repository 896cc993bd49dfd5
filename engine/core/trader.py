"""Trader: the desk's decision core, fed with events, questioned for commands, and never waiting.

Live, paper and replay differ only in who feeds it. Time arrives inside events. Every
input is applied whole before anything is decided, and what is decided leaves as values.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from engine.core import orders
from engine.core.account import AccountReconciler, Evidence, PositionVerdict
from engine.core.actions import Action
from engine.core.breakers import ticks_away
from engine.core.calibration import Calibrator
from engine.core.decide import DECIDED, FLATTEN_ENDED, HALTS, decide
from engine.core.desk_layout import (
    CLEARED_NS,
    FAIR_TICKS,
    FITTED,
    FRESHNESS_MS,
    GRID_INTERVAL,
    GRID_NUM,
    MONO_NS,
    NEVER_NS,
    PRIVATE_UP_NS,
    RECV_NS,
    STARTED_NS,
    STATUS_WANTED,
    SWITCH_ARMED_NS,
    SWITCH_ASKED_NS,
    TABLE_FILLS,
    VERIFY_EMPTY,
    YOUNGER_RUN,
    model_table,
    new_desk,
    new_reals,
    side_status,
    wanted_ticks,
)
from engine.core.entry import OrderEntry
from engine.core.explain import LeftView, SideExplainer, SideStatus
from engine.core.fair_price import FairPrice
from engine.core.flatten import Flatten
from engine.core.hear import MOVED, PRINTED, SEEN_FULL
from engine.core.ledger import Ledger
from engine.core.links import LinkStates
from engine.core.log import DeskLog
from engine.core.market import MarketState
from engine.core.market_monitor import MarketMonitor
from engine.core.moment import stamp
from engine.core.operator import (
    OperatorCommand,
    OperatorRefusal,
    OperatorState,
    retuned,
    side_named,
)
from engine.core.order_names import OrderName, is_epoch, is_ours, order_name
from engine.core.own_intensity import OwnIntensity
from engine.core.polling import ask_account, begin_polling, note_agreement, note_list, poll
from engine.core.quoter import Offsets, Tuning, offsets, requote
from engine.core.quoting_rules import SWITCH_NS
from engine.core.request_tracker import RequestTracker
from engine.core.risk import RiskGate, clear_book
from engine.core.settings import STEP_NS, DeskSettings
from engine.core.states import FlattenState, Mode, RiskState, SideReason
from engine.core.stream_watchdog import StreamWatchdog, progress
from exchange.errors import InvariantBroken
from exchange.instrument import Instrument
from exchange.jit import in_python
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

COUNTDOWN_MS = SWITCH_NS // 1_000_000


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
        self.desk, self.reals = new_desk(), new_reals()
        self.links = LinkStates(self.desk)
        self._requests = RequestTracker(self.desk)
        self.market = MarketState(
            instrument,
            self.desk,
            self.reals,
            self.links,
            self._requests,
            self.log,
            own_in_book=own_in_book,
            recorded=recorded,
        )
        self.ledger = Ledger(self.desk, instrument.tick_lot_e8)
        self.account = AccountReconciler(self.desk, recent_run=recent_run)
        self.gate = RiskGate(self.desk, self.reals, settings.max_loss_usdt)
        self.calibrator = Calibrator(settings, self.log)
        self.fair = FairPrice(self.desk, self.reals, settings, self.log)
        self.market_monitor = MarketMonitor(settings.maker_fee_rate, self.log)
        self.own_intensity = OwnIntensity()
        tuning = Tuning(settings.gamma, settings.delta, settings.adj1, settings.adj2)
        self.operator = OperatorState(self.desk, self.reals, tuning)
        self.offsets: Offsets | None = None
        self._epoch = epoch
        self._touch_moved = False  # since the last decision
        self._fatal = ""  # a refusal that only a person can mend, until the desk halts on it
        self.entry = OrderEntry(settings, epoch, self.desk, self._requests, self.log)
        self.table = self.entry.table
        self._explain = SideExplainer(
            self.desk,
            instrument,
            self.gate,
            self.links,
            self.account,
            self.calibrator,
            self.entry,
        )
        self._watchdog = StreamWatchdog(self.desk)
        self.flatten = Flatten(self.desk)
        self.desk[GRID_NUM] = settings.grid_num
        self.desk[FRESHNESS_MS] = settings.freshness_ms
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
        if len(events) == 1 and type(events[0]) is MarketFrame:
            return self._receive_frame(events[0])
        dirty = False
        for event in events:
            self._stamp(event)
            if isinstance(event, MarketFrame):
                self._on_market_frame(event)
            else:
                self._hear[type(event)](event)
                dirty = True
            self._requests.collect()
        if dirty or self._touch_moved:
            self._decide()
        return self._take_commands()

    def _receive_frame(self, event: MarketFrame) -> list[Command]:
        """A market message by itself is decided upon at once, and mostly leads to nothing."""
        heard = self.market.hear(event.raw, event.recv_ns, event.mono_ns, alone=True)
        if not heard:
            return []
        self.log.recv_ns = event.recv_ns
        self._take_heard(event, heard)
        return self._take_commands()

    @property
    def recv_ns(self) -> int:
        """Of the newest event, by our wall clock."""
        return int(self.desk[RECV_NS])

    @property
    def mono_ns(self) -> int:
        """Of the newest event."""
        return int(self.desk[MONO_NS])

    @property
    def met_younger_run(self) -> bool:
        """Did an order of a run that began after ours show up? Then the symbol is that run's."""
        return bool(self.desk[YOUNGER_RUN])

    @property
    def started_mono_ns(self) -> int:
        """Of the first event; 0 before it."""
        return int(self.desk[STARTED_NS])

    @property
    def fair_ticks(self) -> float | None:
        """What the quotes are laid around; None without a touch."""
        fair = float(self.reals[FAIR_TICKS])
        return None if math.isnan(fair) else fair

    @property
    def side_status(self) -> dict[Side, SideStatus]:
        """Why each side quotes or does not."""
        return {side: self._explain.status(side) for side in Side}

    def side_reason(self, side: Side) -> SideReason:
        """The rule that a side stands under."""
        return self._explain.reason(side)

    @property
    def wanted(self) -> dict[Side, list[int]]:
        """Prices at which orders are wanted, best first."""
        return {side: self._wanted(side) for side in Side}

    def _wanted(self, side: Side) -> list[int]:
        count = in_python(side_status)(self.desk, int(side))[STATUS_WANTED]
        prices: list[int] = in_python(wanted_ticks)(self.desk, int(side))[:count].tolist()
        return prices

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
        proven = not self.desk[VERIFY_EMPTY] and not live
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
        touch, fair_ticks = self.market.touch, self.fair_ticks
        if at is None or fair_ticks is None or touch is None:
            return None
        bids, asks = np.zeros((2, levels), dtype=np.int64)
        requote(
            at.table,
            at.fills(self.q),
            at.tuning.adj1,
            at.tuning.adj2,
            fair_ticks,
            touch[0] - ticks_away(self.desk, 1),
            touch[1] + ticks_away(self.desk, -1),
            at.interval,
            levels,
            levels,
            bids,
            asks,
        )
        return bids.tolist(), asks.tolist()

    # ------------------------------------------------------------ plumbing

    def _stamp(self, event: Event) -> None:
        self.log.recv_ns = event.recv_ns
        stamp(self.desk, event.recv_ns, event.mono_ns)

    def _take_commands(self) -> list[Command]:
        return self._requests.take() + self.log.take_alerts()

    # ------------------------------------------------------------ the market

    def _on_market_frame(self, event: MarketFrame) -> None:
        """One that came with other events, which are all applied before anything is decided."""
        heard = self.market.hear(event.raw, event.recv_ns, event.mono_ns, alone=False)
        if not heard & PRINTED:
            self._touch_moved = bool(heard & MOVED)
        self._take_heard(event, heard)

    def _take_heard(self, event: MarketFrame, heard: int) -> None:
        if heard & PRINTED:
            seen = self.market.newest_print
            self.calibrator.receive_print(
                seen.aggressor,
                seen.price_ticks,
                seen.exch_ns,
                self.market.touch_before,
                event.mono_ns,
            )
        if heard & SEEN_FULL:
            self._watch_market()
        if heard & DECIDED:
            self._tell_decision(heard)

    def _on_snapshot(self, event: DepthSnapshot) -> None:
        self.market.receive_snapshot(event.raw, event.mono_ns)

    def _see_touch(self) -> None:
        self._touch_moved = self.market.see_touch()

    def _watch_market(self) -> None:
        """Hand on what was seen of the market to what moves no quote."""
        self.market_monitor.take_seen(self.desk, self.fair.note)

    # ------------------------------------------------------------ our orders

    def _on_order_update(self, update: OrderUpdate) -> None:
        self.links[Link.PRIVATE].hear(self.mono_ns)
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
        if name is None or slot is None or self.table.placed_ns[slot] <= self.desk[PRIVATE_UP_NS]:
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
            self.desk[YOUNGER_RUN] = 1
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
        self._see_touch()
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
        if snapshot.asked_mono_ns < self.desk[PRIVATE_UP_NS]:
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
        asked_since = snapshot.asked_mono_ns >= self.desk[CLEARED_NS]
        if self.desk[VERIFY_EMPTY] and asked_since and not ours_listed and not self.table.live:
            self.desk[VERIFY_EMPTY] = 0
            self.log.note(Severity.INFO, "verified: no order of ours is left at the venue")

    def _judge_position(self, evidence: Evidence) -> PositionVerdict:
        verdict = self.account.judge(evidence)
        match verdict:
            case PositionVerdict.AGREES:
                note_agreement(self.desk, evidence.exch_ns, evidence.pushed)
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
        self._see_touch()
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
        note_list(self.desk, snapshot.asked_mono_ns)

    # ------------------------------------------------------------ replies

    def _on_reply(self, reply: Reply) -> None:
        if reply.code:
            self.entry.count_error(reply)
        request = self._requests.answered(reply)
        match request:
            case Place() as place:
                self._fatal = self.entry.receive_place_reply(place, reply) or self._fatal
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
        ask_account(self.desk)

    def _on_countdown_reply(self, reply: Reply) -> None:
        asked_ns = self.mono_ns - reply.round_trip_ns
        if reply.outcome is not Outcome.DONE:
            self.log.note(Severity.WARNING, f"dead man's switch not armed: {reply.message}")
        elif asked_ns >= self.desk[PRIVATE_UP_NS]:
            self.desk[SWITCH_ARMED_NS] = asked_ns

    @property
    def countdown_asked_mono_ns(self) -> int | None:
        """When the newest arming of the dead man's switch was asked for; None while not armed."""
        armed = self.desk[SWITCH_ARMED_NS] != NEVER_NS
        return int(self.desk[SWITCH_ASKED_NS]) if armed else None

    # ------------------------------------------------------------ links

    def _on_link_up(self, event: LinkUp) -> None:
        link = self.links[event.link]
        link.connect()
        if link.reconnects:
            self.log.note(Severity.INFO, f"{event.link} stream is back")
        if event.link is Link.PRIVATE:
            self._watchdog.start_over()
            begin_polling(self.desk)

    def _on_link_down(self, event: LinkDown) -> None:
        self._lose_link(event.link, event.reason)

    def _lose_link(self, name: Link, reason: str) -> None:
        link = self.links[name]
        if link.up:
            self.log.note(Severity.WARNING, f"{name} stream lost: {reason}")
        link.lose(reason)
        if name is Link.PUBLIC:
            self.market.lose()
            self._see_touch()
        elif name is Link.MARKET:
            self._watch_market()
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
        self.market.measure_clock(event.venue_minus_mono_ns)

    # ------------------------------------------------------------ the step

    def _on_tick(self, _event: Tick) -> None:
        self._watch_market()
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
            if not poll(self.desk):
                self.account.troubles.pop(FetchTrades, None)  # it explains nothing any more
            if overdue := self._watchdog.overdue(self.mono_ns):
                self._give_up_private(overdue)

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
                clear_book(self.desk, self.mono_ns)
                self.log.note(Severity.INFO, "paused by the operator")
            case Action.RESUME:
                return self._resume(command)
            case Action.PANIC:
                self.flatten.drop()
                self._halt("panic by the operator", "r")
            case Action.STOP:
                clear_book(self.desk, self.mono_ns)
                if command.name == "flatten":
                    self.flatten.ask(self.mono_ns)
                elif operator.stopping or self.flatten.closing:
                    self.flatten.drop()
                else:
                    self.flatten.forget()  # one that failed before: now it is to be kept
                operator.stop()
                self.log.note(Severity.WARNING, f"stopping, position: {command.name or 'keep'}")
            case Action.FLATTEN:
                return self._begin_flatten(command.name)
            case Action.SIDE_OFF | Action.SIDE_ON if side is None:
                return f"{command.name!r} is no side; bid or ask"
            case Action.SIDE_OFF if side is not None:
                operator.turn_side(side, off=True)
                self.log.note(Severity.INFO, f"{_side_word(side)} off by the operator")
            case Action.SIDE_ON if side is not None:
                operator.turn_side(side, off=False)
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
        self.operator.paused = False
        self.desk[VERIFY_EMPTY] = 0
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
        clear_book(self.desk, self.mono_ns)
        self.flatten.ask(self.mono_ns)
        self.log.note(Severity.WARNING, f"flattening {self._held_text} by the operator")
        return None

    def _halt(self, detail: str, cure: str, *, final: bool = False) -> None:
        self.gate.halt(detail, cure, self.mono_ns, final=final)
        self._tell_halt()

    def _tell_halt(self) -> None:
        self.log.note(Severity.ALARM, f"halted: {self.gate.detail}; ends it: {self.gate.cure}")

    # ------------------------------------------------------------ deciding

    def _refit(self) -> None:
        at = self.offsets = self.offsets_for(self.operator.tuning)
        self.desk[FITTED] = self.calibrator.fit is not None
        self.desk[TABLE_FILLS] = at.bound if at else 0
        if at is not None:
            self.desk[GRID_INTERVAL] = at.interval
            in_python(model_table)(self.reals, at.bound)[:] = at.table

    def offsets_for(self, tuning: Tuning) -> Offsets | None:
        """What the present fit makes of these parameters; None without a fit or an answer."""
        fit = self.calibrator.fit
        return offsets(fit, tuning, self.bound(tuning)) if fit is not None else None

    def bound(self, tuning: Tuning) -> int:
        """Largest inventory that the limit leaves room for, in fills of the model."""
        return self.settings.bound(tuning.delta)

    def _decide(self) -> None:
        """Bring both sides of our market to where they should stand now."""
        self._touch_moved = False
        if self._fatal:
            fatal, self._fatal = self._fatal, ""
            self._halt(fatal, "mend it, then r")
        said = decide(self.desk, self.reals, self.market.region, self.recv_ns, self.mono_ns)
        self._tell_decision(said)

    def _tell_decision(self, said: int) -> None:
        if said & HALTS:
            self._tell_halt()
        if said & FLATTEN_ENDED:
            self._tell_flatten()

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
        return f"the venue says {self.instrument.qty.text(self.account.disputed_lots)}"

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
