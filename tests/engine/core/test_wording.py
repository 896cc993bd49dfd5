"""Wording: everything that kernels note has words, and what cannot be kept is said."""

import pytest

from engine.core import notes, quoting_rules
from engine.core.desk_layout import (
    ERROR_CODES,
    ERROR_TEXT_BYTES,
    FLATTEN_REFUSED,
    FLATTEN_REFUSED_CODE,
    NOTES,
    NOTES_KEPT,
    ORDER_SLOTS,
    STATUS_RULE,
    new_desk,
    side_status,
)
from engine.core.error_counts import ErrorCounts, count_error
from engine.core.flatten import BY_VENUE
from engine.core.order_names import OrderName
from engine.core.orders import DONE
from exchange.errors import InvariantBroken
from exchange.jit import in_python
from exchange.types import OrderStatus, OrderUpdate, Outcome, Reply, Side, Tick
from tests.engine.core.blocks import WrittenTable
from tests.engine.core.heard import Heard


def test_every_note_has_words() -> None:
    """One without would end the session with the first that is made."""
    assert set(notes.CODES) == set(Heard().trader.wording.words)


def test_every_rule_says_what_it_is_in_words_of_its_own() -> None:
    """A rule that was not known read as "account not compared yet"."""
    trader = Heard().trader
    said = []
    for rule in quoting_rules.RULES:
        in_python(side_status)(trader.desk, 1)[STATUS_RULE] = rule
        status = trader.side_status[Side.BUY]
        said.append((status.reason, status.detail, status.clears))

    assert len(set(said)) == len(quoting_rules.RULES)


def test_notes_that_find_no_room_are_counted_and_said() -> None:
    """The ledger has those fills all the same."""
    trader = Heard().trader
    trader.wording.say(Tick(recv_ns=1, mono_ns=1))
    for _ in range(NOTES_KEPT + 3):
        notes.note(trader.desk, notes.VERIFIED_EMPTY, 0, 0, 0, 0)

    trader.wording.say(Tick(recv_ns=1, mono_ns=1))

    assert trader.log.since(0)[-1].text == "3 lines more than the log has room for at once"
    assert trader.desk[NOTES] == 0


def test_an_order_of_ours_that_finds_no_slot_ends_the_session() -> None:
    """Better no desk than an order that nobody follows."""
    heard = Heard()
    table = WrittenTable(heard.trader.desk)
    for number in range(1, ORDER_SLOTS + 1):
        table.add(OrderName(1, number), Side.BUY, 1, 3, heard.now_ns, DONE)

    with pytest.raises(InvariantBroken, match="no slot for our order mdesk-one-999"):
        heard.tell(
            OrderUpdate,
            client_order_id="mdesk-one-999",
            venue_order_id=1,
            side=Side.BUY,
            status=OrderStatus.NEW,
            price_ticks=1,
            qty_lots=3,
            filled_lots=0,
            exch_ns=1,
        )


def test_why_a_closing_never_left_outlives_every_later_answer() -> None:
    """What our own way said has no code; the next answer without one once wiped it away."""
    trader = Heard().trader
    refused = Reply(
        recv_ns=1, mono_ns=1, request_id=7, outcome=Outcome.REFUSED, message="not sent: no route"
    )
    trader.desk[FLATTEN_REFUSED], trader.desk[FLATTEN_REFUSED_CODE] = BY_VENUE, 0
    count_error(trader.desk, 0)
    notes.note(trader.desk, notes.CLOSING_REFUSED, 0, 0, 0, 0)
    trader.wording.say(refused)

    trader.receive(Reply(recv_ns=2, mono_ns=2, request_id=9, outcome=Outcome.DONE))
    trader.receive(
        Reply(recv_ns=3, mono_ns=3, request_id=10, outcome=Outcome.REFUSED, message="other")
    )

    assert trader.flatten.refusal == "not sent: no route"
    assert trader.errors.by_code() == {}


# ---------------------------------------------------------------- the venue's codes


def test_a_message_longer_than_its_room_is_cut_at_a_letter() -> None:
    desk = new_desk()
    errors = ErrorCounts(desk)
    count_error(desk, -1)

    errors.keep_message(-1, "é" * ERROR_TEXT_BYTES)

    assert errors.words(-1) == "-1 " + "é" * (ERROR_TEXT_BYTES // 2)


def test_more_codes_than_there_are_rows_share_the_last() -> None:
    """A venue that invents codes costs no memory and hides none of those seen first."""
    desk = new_desk()
    for code in range(1, ERROR_CODES + 11):
        count_error(desk, -code)

    counts = ErrorCounts(desk).by_code()

    assert len(counts) == ERROR_CODES
    assert counts[-1].count == 1
    assert counts[-(ERROR_CODES + 10)].count == 11
