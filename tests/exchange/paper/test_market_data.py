"""The depth streams keep step with the exchange's own book, by the venue's rule."""

from itertools import pairwise
from typing import Any

import orjson
import pytest

from exchange.instrument import DecimalGrid
from exchange.paper.hub import Mailbox, Prefix
from exchange.types import Side
from tests.exchange.paper.bench import LIVELY, Desk, paper_settings

TICK, LOT = DecimalGrid("0.1"), DecimalGrid("0.001")


class FollowedBook:
    """A book kept as a careful client keeps it."""

    def __init__(self, snapshot: dict[str, Any]) -> None:
        self.bids: dict[int, int] = {}
        self.asks: dict[int, int] = {}
        self.last_id: int = snapshot["lastUpdateId"]
        self._apply(snapshot["bids"], snapshot["asks"])

    def apply(self, diff: dict[str, Any]) -> None:
        self._apply(diff["b"], diff["a"])
        self.last_id = diff["u"]

    def _apply(self, bids: list[list[str]], asks: list[list[str]]) -> None:
        for book, levels in ((self.bids, bids), (self.asks, asks)):
            for price, qty in levels:
                book[TICK.count(price)] = LOT.count(qty)
                if not LOT.count(qty):
                    del book[TICK.count(price)]


def frames(mailbox: Mailbox) -> list[dict[str, Any]]:
    return [orjson.loads(frame) for frame in mailbox.take()]


@pytest.mark.parametrize(("speed", "period_ms"), [("@100ms", 100), ("", 250), ("@500ms", 500)])
def test_snapshot_and_diffs_give_the_exchanges_own_book(speed: str, period_ms: int) -> None:
    desk = Desk(paper_settings(LIVELY))
    stream = desk.listen(f"btcusdt@depth{speed}")
    desk.pass_ms(730)
    book = FollowedBook(
        orjson.loads(desk.ask("GET", "/fapi/v1/depth", query="symbol=BTCUSDT").body)
    )
    desk.pass_ms(period_ms - 730 % period_ms)
    kept = [diff for diff in frames(stream) if diff["u"] >= book.last_id]
    assert kept[0]["U"] <= book.last_id

    book.last_id = kept[0]["pu"]
    for _ in range(40):
        for diff in kept:
            assert diff["pu"] == book.last_id
            book.apply(diff)
        desk.pass_ms(period_ms)
        kept = frames(stream)
    for diff in kept:
        book.apply(diff)

    assert book.bids == dict(desk.matching.levels(Side.BUY))
    assert book.asks == dict(desk.matching.levels(Side.SELL))


def test_update_ids_are_sparse_as_at_the_venue() -> None:
    """A client that tests for consecutive ids is wrong there, and so must fail here."""
    desk = Desk(paper_settings(LIVELY))
    stream = desk.listen("btcusdt@depth@100ms")

    for _ in range(20):
        desk.pass_ms(100)

    assert all(b["U"] > a["u"] + 1 for a, b in pairwise(frames(stream)))


def test_every_change_of_the_touch_is_told() -> None:
    desk = Desk()
    stream = desk.listen("btcusdt@bookTicker")

    desk.place(price="59999.8")
    ticker = frames(stream)[-1]

    assert (ticker["b"], ticker["B"], ticker["a"]) == ("59999.8", "0.010", "60000.4")


def test_the_tape_says_who_was_the_maker() -> None:
    desk = Desk()
    stream = desk.listen("btcusdt@aggTrade")

    desk.place(price="60000.4")
    (trade,) = frames(stream)

    assert (trade["p"], trade["q"], trade["m"]) == ("60000.4", "0.010", False)


def test_a_partial_book_is_the_top_and_nothing_else() -> None:
    desk = Desk()
    stream = desk.listen("btcusdt@depth5@100ms")

    desk.pass_ms(100)
    (top,) = frames(stream)

    assert len(top["b"]) == len(top["a"]) == 5
    assert top["b"][0][0] == "59999.6"


def test_mark_price_comes_once_a_second() -> None:
    desk = Desk()
    stream = desk.listen("btcusdt@markPrice@1s")

    for _ in range(300):
        desk.pass_ms(10)

    assert len(frames(stream)) == 3


def test_a_reader_that_never_reads_is_hung_up_on() -> None:
    """And only that reader: the other one has everything."""
    desk = Desk(paper_settings(LIVELY))
    gone: list[bool] = []
    slow = Mailbox(Prefix.ANY, lambda: None, lambda: gone.append(True), combined=False)
    desk.hub.subscribe(slow, ["btcusdt@trade"])
    quick = desk.listen("btcusdt@trade")
    received = 0

    while not gone:
        desk.pass_ms(1000)
        received += len(quick.take())

    assert received > len(slow.take())
