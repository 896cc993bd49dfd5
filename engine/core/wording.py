"""Wording: what happened to the desk, in the words of its log.

Kernels note what happened as numbers; the words of the venue, of a console or of a lost connection
come with the event itself.
"""

from collections.abc import Callable

from engine.core import notes, obey
from engine.core.account import AccountReconciler
from engine.core.actions import Action
from engine.core.calibration import Calibrator
from engine.core.desk_layout import (
    EXPECTED_VALUE,
    NOTE_WIDTH,
    NOTES,
    NOTES_KEPT,
    note_rows,
)
from engine.core.error_counts import ErrorCounts
from engine.core.flatten import FLAT, Flatten
from engine.core.hear import IS_CROSSED, IS_NONSENSE, NO_SNAPSHOT
from engine.core.ledger import Ledger
from engine.core.links import LINKS, LinkStates
from engine.core.log import DeskLog
from engine.core.market import MarketState
from engine.core.operator import (
    OperatorCommand,
    OperatorRefusal,
    OperatorState,
    retuned,
)
from engine.core.order_names import OrderName, client_order_id
from engine.core.request_tracker import RequestTracker
from engine.core.risk import RiskGate
from engine.core.stream_watchdog import NOTHING, loss_in_words
from exchange.depth_sync import growth_in_words
from exchange.errors import InvariantBroken
from exchange.instrument import Instrument
from exchange.jit import FloatArray, IntArray, in_python
from exchange.types import AccountSnapshot, Event, LinkDown, Reply, Severity, Side

_S = 1_000_000_000
_INFO, _WARNING, _ALARM = Severity.INFO, Severity.WARNING, Severity.ALARM


class Wording:
    """Says what the kernels have noted, and keeps the texts that came with it.

    Args:
        desk: int64[DESK_SIZE].
        reals: float64[REALS_SIZE].
    """

    def __init__(
        self,
        desk: IntArray,
        reals: FloatArray,
        instrument: Instrument,
        log: DeskLog,
        requests: RequestTracker,
        links: LinkStates,
        gate: RiskGate,
        account: AccountReconciler,
        flatten: Flatten,
        ledger: Ledger,
        operator: OperatorState,
        calibrator: Calibrator,
        market: MarketState,
        errors: ErrorCounts,
    ) -> None:
        self._desk, self._reals, self._instrument = desk, reals, instrument
        self._log, self._requests, self._links, self._gate = log, requests, links, gate
        self._account, self._flatten = account, flatten
        self._ledger, self._operator, self._calibrator = ledger, operator, calibrator
        self._market, self._errors = market, errors
        self._rows = in_python(note_rows)(desk).reshape(-1, NOTE_WIDTH)
        self.words: dict[int, Callable[[Event, int, int, int, int], None]] = {
            notes.HALTED: self._halted,
            notes.FLATTEN_ENDED: self._flatten_ended,
            notes.CLOSING_REFUSED: self._closing_refused,
            notes.ORDER_FOUND: self._order_found,
            notes.PLACING_UNKNOWN: self._placing_unknown,
            notes.PLACING_HELD: self._placing_held,
            notes.SIDE_CLOSED: self._side_closed,
            notes.SWITCH_NOT_ARMED: self._switch_not_armed,
            notes.FILL_BOOKED: self._fill_booked,
            notes.POSITION_ADOPTED: self._position_adopted,
            notes.SNAPSHOT_TAKEN: self._snapshot_taken,
            notes.VERIFIED_EMPTY: self._verified_empty,
            notes.QUESTION_ENDED: self._question_ended,
            notes.LINK_BACK: self._link_back,
            notes.LINK_LOST: self._link_lost,
            notes.COMMAND_OBEYED: self._command_obeyed,
            notes.COMMAND_REFUSED: self._command_refused,
            notes.TABLE_FULL: self._table_full,
            notes.FIT_JUDGED: self._fit_judged,
            notes.BOOK_GAP: self._book_gap,
            notes.BOOK_GREW: self._book_grew,
            notes.BOOK_DISTRUSTED: self._book_distrusted,
        }
        """By the code of the note, with its event and its four numbers."""

    def say(self, event: Event) -> None:
        """Word what was noted of this event, or of the decision after it."""
        count = int(self._desk[NOTES])
        if not count:
            return
        self._desk[NOTES] = 0
        for code, recv_ns, *numbers in self._rows[: min(count, NOTES_KEPT)].tolist():
            self._log.recv_ns = recv_ns
            self.words[code](event, *numbers)
        if count > NOTES_KEPT:
            lost = count - NOTES_KEPT
            self._log.note(_WARNING, f"{lost} lines more than the log has room for at once")

    # ------------------------------------------------------------ risk

    def _halted(self, _event: Event, cause: int, a: int, b: int, _d: int) -> None:
        detail, cure = self._gate.words(cause, a, b)
        self._log.note(_ALARM, f"halted: {detail}; ends it: {cure}")

    def _flatten_ended(self, _event: Event, state: int, _b: int, _c: int, _d: int) -> None:
        if state == FLAT:
            self._log.note(_INFO, "flat: the venue confirms that nothing is held")
        else:
            self._log.note(_ALARM, self.not_flat)

    def _closing_refused(self, event: Event, code: int, _b: int, _c: int, _d: int) -> None:
        if code == 0:
            self._errors.keep_message(code, _message(event))
        self._log.note(_WARNING, f"flatten: refused with {self._flatten.refusal}")

    @property
    def not_flat(self) -> str:
        """What a flatten left; empty when it left nothing, or none was asked for."""
        flatten = self._flatten
        if not (flatten.failed or flatten.closing):
            return ""
        refusal = f"; last refusal: {flatten.refusal}" if flatten.refusal else ""
        if not self._ledger.position_lots:
            return f"NOT FLAT: 0 by our count, but the venue has not confirmed it{refusal}"
        return f"NOT FLAT: {self.held} held after {flatten.tries} tries{refusal}"

    @property
    def held(self) -> str:
        """The position by our count."""
        return self._instrument.qty.text(self._ledger.position_lots)

    # ------------------------------------------------------------ our orders

    def _order_found(self, _event: Event, epoch: int, number: int, _c: int, _d: int) -> None:
        name = client_order_id(OrderName(epoch, number))
        self._log.note(_WARNING, f"found our order {name}, not in the table: taken in")

    def _table_full(self, _event: Event, epoch: int, number: int, _c: int, _d: int) -> None:
        name = client_order_id(OrderName(epoch, number))
        raise InvariantBroken(f"the order table is full: no slot for our order {name}")

    def _placing_unknown(self, _event: Event, epoch: int, number: int, _c: int, _d: int) -> None:
        name = client_order_id(OrderName(epoch, number))
        self._log.note(_WARNING, f"{name}: outcome unknown, asking")

    def _placing_held(self, _event: Event, held_ns: int, late: int, _c: int, _d: int) -> None:
        why = "our clock or sending is late" if late else "the venue's limit is used up"
        self._log.note(_WARNING, f"placing held for {held_ns / _S:.0f} s: {why}")

    def _side_closed(self, event: Event, side: int, code: int, _c: int, _d: int) -> None:
        refusal = f"{code} {_message(event)}"
        self._log.note(_WARNING, f"{_side_word(side)} closed for a while: {refusal}")

    def _fill_booked(self, _event: Event, side: int, price_ticks: int, lots: int, of: int) -> None:
        maker, ours = of & 1, of & 2
        price = self._instrument.price.text(price_ticks)
        remark = "" if maker else " as taker"
        if not ours:
            remark += ", not our order"
        taken = f"{Side(side).name} {self._instrument.qty.text(lots)} @ {price}{remark}"
        self._log.fill(taken, side)

    # ------------------------------------------------------------ the account

    def _position_adopted(self, _event: Event, theirs: int, ours: int, _c: int, _d: int) -> None:
        text = self._instrument.qty.text
        found = f"the venue holds {text(theirs)}, our trades make {text(ours)}"
        self._log.note(_ALARM, f"{found}: took the venue's word, at its entry price")

    def _snapshot_taken(self, event: Event, _a: int, _b: int, _c: int, _d: int) -> None:
        assert isinstance(event, AccountSnapshot)
        self._account.note_list(event.open_orders)

    def _verified_empty(self, _event: Event, _a: int, _b: int, _c: int, _d: int) -> None:
        self._log.note(_INFO, "verified: no order of ours is left at the venue")

    def _question_ended(self, event: Event, kind: int, number: int, done: int, _d: int) -> None:
        self._account.note_answer(kind, number, "" if done else _message(event))

    def _switch_not_armed(self, event: Event, _a: int, _b: int, _c: int, _d: int) -> None:
        self._log.note(_WARNING, f"dead man's switch not armed: {_message(event)}")

    # ------------------------------------------------------------ the market

    def _fit_judged(self, _event: Event, worse: int, _b: int, _c: int, _d: int) -> None:
        judged = self._calibrator.note or "fitted again"
        remedy = f"; quoting {self._calibrator.quoted}" if worse else ""
        self._log.note(_WARNING if worse else _INFO, f"calibration: {judged}{remedy}")

    def _book_gap(self, _event: Event, _a: int, _b: int, _c: int, _d: int) -> None:
        self._log.note(_WARNING, "a gap in the book: resynchronising")

    def _book_grew(self, _event: Event, grew_ns: int, _b: int, _c: int, _d: int) -> None:
        self._log.note(_INFO, growth_in_words([grew_ns]))

    def _book_distrusted(self, _event: Event, why: int, _b: int, _c: int, _d: int) -> None:
        because = {
            IS_CROSSED: "bid at or above ask",
            IS_NONSENSE: f"nonsense on a market stream: {self._market.nonsense}",
            NO_SNAPSHOT: f"nonsense instead of a depth snapshot: {self._market.nonsense}",
        }
        self._log.note(_WARNING, f"book distrusted: {because[why]}")

    # ------------------------------------------------------------ links

    def _link_back(self, _event: Event, link: int, _b: int, _c: int, _d: int) -> None:
        self._log.note(_INFO, f"{LINKS[link]} stream is back")

    def _link_lost(self, event: Event, link_and_up: int, why: int, epoch: int, number: int) -> None:
        link, was_up = LINKS[link_and_up // 2], link_and_up % 2
        told = event.reason if isinstance(event, LinkDown) else ""
        reason = told if why == NOTHING else loss_in_words(why, epoch, number)
        if was_up:
            self._log.note(_WARNING, f"{link} stream lost: {reason}")
        self._links[link].lose(reason)

    # ------------------------------------------------------------ the operator

    def _command_obeyed(self, event: Event, _a: int, _b: int, _c: int, _d: int) -> None:
        assert isinstance(event, OperatorCommand)
        match event.action:
            case Action.PAUSE:
                self._log.note(_INFO, "paused by the operator")
            case Action.RESUME:
                self._log.note(_INFO, "resumed by the operator")
            case Action.STOP:
                self._log.note(_WARNING, f"stopping, position: {event.name or 'keep'}")
            case Action.FLATTEN:
                self._log.note(_WARNING, f"flattening {self.held} by the operator")
            case Action.SIDE_OFF | Action.SIDE_ON:
                turned = "off" if event.action is Action.SIDE_OFF else "on"
                self._log.note(_INFO, f"{event.name} {turned} by the operator")
            case Action.SET:
                before = float(self._reals[EXPECTED_VALUE])
                self._log.note(_INFO, f"{event.name} {before:g} -> {event.value:g}")

    def _command_refused(self, event: Event, refusal: int, _b: int, _c: int, _d: int) -> None:
        assert isinstance(event, OperatorCommand)
        self._requests.put(OperatorRefusal(text=self._refusal(event, refusal)))

    def _refusal(self, command: OperatorCommand, refusal: int) -> str:
        match refusal:
            case obey.HALTED_SINCE:
                return f"halted since you were asked: {self._gate.detail}; look again"
            case obey.NO_SIDE:
                return f"{command.name!r} is no side; bid or ask"
            case obey.NO_TUNABLE | obey.OUT_OF_RANGE:
                return str(retuned(self._operator.tuning, command.name, command.value))
            case obey.MOVED_SINCE:
                now = getattr(self._operator.tuning, command.name)
                return f"{command.name} is {now:g} by now, not {command.expected:g}; look again"
            case obey.OTHER_SYMBOL:
                symbol = self._instrument.symbol
                return f"to flatten, name the symbol: {symbol}, not {command.name!r}"
        return self.resume_refused(refusal)

    def resume_refused(self, refusal: int) -> str:
        """Why quoting cannot be resumed, by a refusal of ``engine.core.obey``."""
        match refusal:
            case obey.ENGINE_STOPS:
                return "the engine is stopping"
            case obey.HALTED_FOR_GOOD:
                return f"halted for good: {self._gate.detail}; what helps: {self._gate.cure}"
            case obey.IS_FLATTENING:
                return f"flattening: {self.held} left; resume when it has ended"
        return ""


def _message(event: Event) -> str:
    return event.message if isinstance(event, Reply) else ""


def _side_word(side: int) -> str:
    return "bid" if side > 0 else "ask"
