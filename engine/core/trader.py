"""Trader: the desk's decision core, fed with events, questioned for commands, and never waiting.

Live, paper and replay differ only in who feeds it. Time arrives inside events. Every
input is applied whole before anything is decided, and what is decided leaves as values.
"""

import math

import numpy as np

from engine.core import orders
from engine.core.account import AccountReconciler
from engine.core.apply import apply_input
from engine.core.breakers import ticks_away
from engine.core.calibration import Calibrator
from engine.core.checkpoint import Checkpoint
from engine.core.decide import decide
from engine.core.desk_layout import (
    ASKED_VALUE,
    BOUND_FILLS,
    EPOCH,
    EXPECTED_VALUE,
    FAIR_TICKS,
    FRESHNESS_MS,
    GRID_NUM,
    MAX_POSITION_LOTS,
    MONO_NS,
    NEVER_NS,
    ORDER_LOTS,
    RECV_NS,
    ROUND_TRIPS,
    ROUND_TRIPS_ADDED,
    STARTED_NS,
    STATUS_WANTED,
    SWITCH_ARMED_NS,
    SWITCH_ASKED_NS,
    TABLE_FILLS,
    TABLE_IS_SPECTRAL,
    VERIFY_EMPTY,
    YOUNGER_RUN,
    new_desk,
    new_reals,
    round_trips,
    side_status,
    wanted_ticks,
)
from engine.core.error_counts import ErrorCounts
from engine.core.explain import LeftView, SideExplainer, SideStatus
from engine.core.fair_price import FairPrice
from engine.core.flatten import Flatten
from engine.core.hear import MOVED, PRINTED, SEEN_FULL
from engine.core.inputs import InputTyper
from engine.core.ledger import Ledger
from engine.core.links import LinkStates
from engine.core.log import DeskLog
from engine.core.market import MarketState
from engine.core.market_monitor import MarketMonitor
from engine.core.moment import stamp
from engine.core.obey import resume_refusal
from engine.core.operator import OperatorCommand, OperatorState
from engine.core.order_names import is_epoch, order_name
from engine.core.orders import OrderTable
from engine.core.own_intensity import OwnIntensity
from engine.core.quoter import (
    Offsets,
    Tuning,
    branch_name,
    offsets,
    offsets_in_use,
    refit_table,
    requote,
)
from engine.core.quoting_rules import SWITCH_NS
from engine.core.request_tracker import RequestTracker
from engine.core.risk import RiskGate
from engine.core.settings import DeskSettings
from engine.core.states import Mode, RiskState, SideReason
from engine.core.wording import Wording
from exchange.errors import InvariantBroken
from exchange.instrument import Instrument
from exchange.jit import in_python
from exchange.types import (
    Command,
    DepthSnapshot,
    Event,
    Link,
    LinkDown,
    MarketFrame,
    OrderUpdate,
    Reply,
    Side,
    Tick,
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
        self._set_up(settings, epoch)
        self.market = MarketState(
            instrument,
            self.desk,
            self.reals,
            own_in_book=own_in_book,
            recorded=recorded,
        )
        self.fair = FairPrice(self.desk, self.reals, settings, self.log)
        self.market_monitor = MarketMonitor(settings.maker_fee_rate, self.log)
        self._epoch = epoch
        self._typer = InputTyper(instrument)
        self._requests = RequestTracker(self.desk)
        # Readers of the block.
        self.links = LinkStates(self.desk)
        self.calibrator = Calibrator(self.desk, self.reals, settings)
        self.ledger = Ledger(self.desk, instrument.tick_lot_e8)
        self.account = AccountReconciler(self.desk, recent_run=recent_run)
        self.errors = ErrorCounts(self.desk)
        self.gate = RiskGate(self.desk, self.reals, settings.max_loss_usdt, instrument, self.errors)
        self.own_intensity = OwnIntensity(self.desk, self.reals)
        tuning = Tuning(settings.gamma, settings.delta, settings.adj1, settings.adj2)
        self.operator = OperatorState(self.desk, self.reals, tuning)
        self.table = OrderTable(self.desk)
        self.flatten = Flatten(self.desk, self.errors)
        self._explain = SideExplainer(
            self.desk, instrument, self.gate, self.links, self.account, self.calibrator
        )
        self.wording = Wording(
            self.desk,
            self.reals,
            instrument,
            self.log,
            self._requests,
            self.links,
            self.gate,
            self.account,
            self.flatten,
            self.ledger,
            self.operator,
            self.calibrator,
            self.market,
            self.errors,
        )
        refit_table(self.desk, self.reals)

    def _set_up(self, settings: DeskSettings, epoch: int) -> None:
        self.desk[EPOCH] = epoch
        self.desk[ORDER_LOTS] = settings.order_lots
        self.desk[MAX_POSITION_LOTS] = settings.max_position_lots
        self.desk[BOUND_FILLS] = settings.bound(settings.delta)
        self.desk[GRID_NUM] = settings.grid_num
        self.desk[FRESHNESS_MS] = settings.freshness_ms

    # ------------------------------------------------------------ the ways in

    def receive(self, *events: Event) -> list[Command]:
        """Take in what arrived together and give the commands that follow, in order.

        Nothing is decided between events of one call: a sweep that fills four of our orders
        reports them together, and after the first of them the other three are no
        longer there to be cancelled.
        """
        if len(events) == 1 and type(events[0]) is MarketFrame:
            return self._receive_frame(events[0])
        due = moved = False
        for event in events:
            self.log.recv_ns = event.recv_ns
            if isinstance(event, MarketFrame):
                moved = self._hear_with_others(event, moved)
            else:
                self._apply(event)
                due = True
            self._requests.collect()
        if due or moved:
            self._decide(events[-1])
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
        return self.wording.resume_refused(resume_refusal(self.desk))

    @property
    def _wants_no_orders(self) -> bool:
        halted = self.gate.state is RiskState.HALTED
        return halted or self.operator.paused or self.operator.stopping

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

    @property
    def countdown_asked_mono_ns(self) -> int | None:
        """When the newest arming of the dead man's switch was asked for; None while not armed."""
        armed = self.desk[SWITCH_ARMED_NS] != NEVER_NS
        return int(self.desk[SWITCH_ASKED_NS]) if armed else None

    @property
    def round_trips_ns(self) -> list[int]:
        """How long the last placings and cancels took that were done."""
        kept = min(int(self.desk[ROUND_TRIPS_ADDED]), ROUND_TRIPS)
        newest: list[int] = in_python(round_trips)(self.desk)[:kept].tolist()
        return newest

    @property
    def memory(self) -> Checkpoint:
        """All that it decides from: as it stands, to be copied, or to be restored into."""
        return Checkpoint(self.desk, self.reals, self.market.region)

    # ------------------------------------------------------------ taking in

    def _take_commands(self) -> list[Command]:
        return self._requests.take() + self.log.take_alerts()

    def _hear_with_others(self, event: MarketFrame, moved: bool) -> bool:
        """A market message that came with other events, all applied before anything is decided.

        Returns:
            Is others' touch another than was decided upon? As before after a print.
        """
        heard = self.market.hear(event.raw, event.recv_ns, event.mono_ns, alone=False)
        self._take_heard(event, heard)
        return moved if heard & PRINTED else bool(heard & MOVED)

    def _take_heard(self, event: MarketFrame, heard: int) -> None:
        if heard & SEEN_FULL:
            self._watch_market()
        self.wording.say(event)

    def _apply(self, event: Event) -> None:
        """Anything but a market message."""
        match event:
            case DepthSnapshot():
                stamp(self.desk, event.recv_ns, event.mono_ns)
                self.market.receive_snapshot(event.raw)
                self.wording.say(event)
                return
            case Tick():
                self._watch_market()
            case OperatorCommand():
                self.reals[ASKED_VALUE] = event.value
                self.reals[EXPECTED_VALUE] = math.nan if event.expected is None else event.expected
        row, parts = self._typer.row(event), self._typer.parts(event)
        apply_input(self.desk, self.reals, self.market.region, row, parts)
        match event:
            case Reply() if event.code:
                self.errors.keep_message(event.code, event.message)
            case OrderUpdate():
                self.account.note_stranger(event)
            case LinkDown(link=Link.MARKET):
                self._watch_market()
                self.market_monitor.flicker.lose_tape()
        self.wording.say(event)
        if isinstance(event, Tick):
            touch = self.market.touch
            self.market_monitor.step(sum(touch) / 2 if touch else math.nan, event.mono_ns)
            self.fair.step(event.mono_ns)

    def _watch_market(self) -> None:
        """Hand on what was seen of the market to what moves no quote."""
        self.market_monitor.take_seen(self.desk)

    # ------------------------------------------------------------ deciding

    @property
    def offsets(self) -> Offsets | None:
        """What the quotes are made by now."""
        return offsets_in_use(self.desk, self.reals, self.calibrator.fit, self.operator.tuning)

    @property
    def branch(self) -> str:
        """Which branch of the model that is, or none."""
        if not self.desk[TABLE_FILLS]:
            return "none"
        return branch_name(spectral=bool(self.desk[TABLE_IS_SPECTRAL]))

    def offsets_for(self, tuning: Tuning) -> Offsets | None:
        """What the present fit makes of these parameters; None without a fit or an answer."""
        fit = self.calibrator.fit
        return offsets(fit, tuning, self.bound(tuning)) if fit is not None else None

    def bound(self, tuning: Tuning) -> int:
        """Largest inventory that the limit leaves room for, in fills of the model."""
        return self.settings.bound(tuning.delta)

    def _decide(self, newest: Event) -> None:
        """Bring both sides of our market to where they should stand now."""
        decide(self.desk, self.reals, self.market.region, self.recv_ns, self.mono_ns)
        self.wording.say(newest)

    @property
    def held_words(self) -> str:
        """What is held, or that it is not known."""
        held = self.wording.held
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

    @property
    def not_flat(self) -> str:
        """What a flatten left; empty when it left nothing, or none was asked for."""
        return self.wording.not_flat
