"""Market message decoder: what each message of the venue becomes, and what is refused."""

from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.binance.frames import decode
from exchange.errors import Garbled
from exchange.instrument import Instrument
from exchange.market_events import DepthDiff, Ignored, MarkPrice, Snapshot, TouchUpdate, TradePrint
from exchange.recording.reader import Recording
from exchange.types import Side
from tests.places import COINM, SPOT, USDM

BTCUSDT = Instrument.from_steps("BTCUSDT", "0.1", "0.001")
# Spot's lot is 0.00001, but orders from before that was set still rest with eight decimals.
SPOT_BTCUSDT = Instrument.from_steps("BTCUSDT", "0.01", "0.00000001")
BTCUSD_PERP = Instrument.from_steps("BTCUSD_PERP", "0.1", "1")

DEPTH = {
    "e": "depthUpdate",
    "E": 1723161256299,
    "T": 1723161256298,
    "s": "BTCUSDT",
    "U": 10,
    "u": 19,
    "pu": 8,
    "b": [["58710.20", "0.014"], ["61496.50", "0.000"]],
    "a": [["61803.30", "1"]],
}
TRADE = {
    "e": "trade",
    "E": 1723161256322,
    "T": 1723161256321,
    "s": "BTCUSDT",
    "t": 5266583935,
    "p": "61800.30",
    "q": "0.006",
    "X": "MARKET",
    "m": False,
}
TICKER = {
    "e": "bookTicker",
    "u": 77,
    "s": "BTCUSDT",
    "b": "61800.20",
    "B": "2.507",
    "a": "61800.30",
    "A": "2.510",
    "T": 1723161256313,
    "E": 1723161256314,
}
MARK = {
    "e": "markPriceUpdate",
    "E": 1723161257000,
    "s": "BTCUSDT",
    "p": "61799.98765432",
    "r": "0.00010000",
    "T": 1723190400000,
}


def read(message: dict[str, Any], instrument: Instrument = BTCUSDT, **changes: Any) -> Any:
    """Decode a message with some fields changed; a field set to None is left out."""
    body = {key: value for key, value in (message | changes).items() if value is not None}
    return decode(orjson.dumps(body), instrument)


def test_depth_diff_becomes_ticks_and_lots() -> None:
    """61,803.30 on a grid of 0.1 is 618,033 ticks; trailing zeros are the venue's habit."""
    diff = read(DEPTH)

    assert isinstance(diff, DepthDiff)
    assert (diff.first_id, diff.last_id, diff.prev_last_id) == (10, 19, 8)
    assert diff.exch_ns == 1723161256298_000_000
    assert [a.tolist() for a in (diff.bid_ticks, diff.bid_lots)] == [[587102, 614965], [14, 0]]
    assert [a.tolist() for a in (diff.ask_ticks, diff.ask_lots)] == [[618033], [1000]]


def test_combined_framing_and_bare_event_say_the_same() -> None:
    """A recording holds the combined form, a raw socket the bare one."""
    wrapped = orjson.dumps({"stream": "btcusdt@trade", "data": TRADE})

    assert decode(wrapped, BTCUSDT) == read(TRADE)


def test_diff_without_predecessor_continues_the_id_before_it() -> None:
    """Spot names none; its ids are dense, so U - 1 is the predecessor."""
    assert read(DEPTH, pu=None).prev_last_id == 9


def test_event_time_stands_in_for_a_missing_engine_time() -> None:
    """Spot depth has no T."""
    assert read(DEPTH, T=None).exch_ns == DEPTH["E"] * 1_000_000  # type: ignore[operator]  # mixed dict


@pytest.mark.parametrize(("buyer_was_maker", "aggressor"), [(True, Side.SELL), (False, Side.BUY)])
def test_aggressor_is_whoever_was_not_the_maker(buyer_was_maker: bool, aggressor: Side) -> None:
    """The most misread flag of the venue: m true means that a seller took."""
    assert read(TRADE, m=buyer_was_maker).aggressor is aggressor


def test_aggregate_trade_is_a_print_that_says_so() -> None:
    """Its id is another field, and counts apart."""
    aggregate = read(TRADE, e="aggTrade", a=42, t=None, X=None)

    assert aggregate == TradePrint(42, 1723161256321_000_000, 618003, 6, Side.BUY, aggregate=True)


@pytest.mark.parametrize("changes", [{"q": "0.000"}, {"X": "INSURANCE_FUND"}, {"X": "NA"}])
def test_print_that_nobody_traded_is_ignored(changes: dict[str, Any]) -> None:
    """Zero sizes and insurance fund rows would teach the calibration nonsense."""
    assert isinstance(read(TRADE, **changes), Ignored)


def test_ticker_becomes_a_touch() -> None:
    """Its id is of the depth stream's own sequence."""
    expected = TouchUpdate(77, 1723161256313_000_000, 618002, 2507, 618003, 2510)

    assert read(TICKER) == expected


def test_spot_ticker_has_neither_name_nor_time() -> None:
    """It is known by its fields, and its time is 0."""
    assert read(TICKER, e=None, T=None, E=None).exch_ns == 0


@pytest.mark.parametrize("stamp", [1723161256, 1723161256000, 1723161256000000, 1723161256 * 10**9])
def test_digits_of_a_stamp_tell_its_unit(stamp: int) -> None:
    """Some recorders convert the venue's milliseconds before they write."""
    assert read(TRADE, T=stamp).exch_ns == 1723161256 * 10**9


def test_a_stamp_of_no_known_unit_is_refused() -> None:
    """14 digits are neither milliseconds nor microseconds of any year of ours."""
    with pytest.raises(Garbled, match="is no time"):
        read(TRADE, T=17231612560000)


def test_mark_price_is_finer_than_ticks_and_tells_the_funding_time() -> None:
    """T is the next funding here, and a mark lies on no grid."""
    word = read(MARK)

    assert word == MarkPrice(1723161257000_000_000, 6179998765432, 10_000, 1723190400000_000_000)


@pytest.mark.parametrize(
    "message",
    [
        TRADE | {"s": "ETHUSDT"},
        {"result": None, "id": 1},
        {"e": "kline", "s": "BTCUSDT", "k": {}},
        {"stream": "!markPrice@arr", "data": [MARK]},
        {"stream": "btcusdt@depth20@100ms", "data": DEPTH},
        {"stream": "btcusdt@rpiDepth@500ms", "data": DEPTH},
    ],
)
def test_what_is_not_ours_is_ignored(message: dict[str, Any]) -> None:
    """A partial book calls itself depthUpdate too; applied as a diff it would ruin the book."""
    assert isinstance(decode(orjson.dumps(message), BTCUSDT), Ignored)


@pytest.mark.parametrize(
    "changes",
    [
        {"U": "10"},
        {"u": None},
        {"T": 1.5},
        {"T": True},
        {"b": [["61800.20"]]},
        {"b": [["61800.20", "1", "2"]]},
        {"b": [["61800.20", 1]]},
        {"b": [["61800.20 1,3", "1"]]},
        {"b": [["-1.0", "1"]]},
        {"b": [["0.0", "1"]]},
        {"b": [["1e3", "1"]]},
        {"b": [["", "1"]]},
        {"b": [["1.2.3", "1"]]},
        {"b": [["99999999999999999999", "1"]]},
        {"b": [["500000000000000000.0", "1"]]},
        {"b": ["12"]},
        {"b": [{"1": 0, "2": 0}]},
        {"b": [["1 2"]]},
        {"b": {"61800.20": "1"}},
        {"s": None},
    ],
)
def test_nonsense_in_a_diff_is_garbled(changes: dict[str, Any]) -> None:
    """Bad market data is worse than none: the book is distrusted, nothing is guessed."""
    with pytest.raises(Garbled):
        read(DEPTH, **changes)


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"7", b'{"hello":1}', b'{"data":{}}'])
def test_bytes_that_are_no_message_are_garbled(raw: bytes) -> None:
    """Half a frame must not look like a quiet market."""
    with pytest.raises(Garbled):
        decode(raw, BTCUSDT)


@pytest.mark.parametrize(
    "changes",
    [{"b": [["61800.25", "1"]]}, {"a": [["61800.20", "0.0005"]]}],
)
def test_off_grid_number_names_the_grid(changes: dict[str, Any]) -> None:
    """The tick size changed overnight, say: the message must lead straight there."""
    with pytest.raises(Garbled, match=r"tick size 0\.1, lot size 0\.001"):
        read(DEPTH, **changes)


def test_off_grid_print_names_the_grid() -> None:
    """The same for the tape."""
    with pytest.raises(Garbled, match=r"tick size 0\.1"):
        read(TRADE, p="61800.25")


@pytest.mark.parametrize(
    "changes", [{"b": "61800.30"}, {"b": "0.0"}, {"b": "0.0", "a": "0.0"}, {"a": "5e17"}]
)
def test_a_ticker_that_is_no_touch_is_garbled(changes: dict[str, Any]) -> None:
    """A bid at the ask; a size that is offered for nothing."""
    with pytest.raises(Garbled):
        read(TICKER, **changes)


def test_snapshot_of_another_symbol_is_ignored() -> None:
    """COIN-M snapshots name their symbol; ours must be it."""
    body = {"lastUpdateId": 1, "symbol": "ETHUSD_PERP", "bids": [], "asks": []}

    assert isinstance(decode(orjson.dumps(body), BTCUSD_PERP), Ignored)


def test_snapshot_without_a_time_is_from_time_zero() -> None:
    """Spot gives none."""
    snapshot = decode(b'{"lastUpdateId":9,"bids":[["1.0","2"]],"asks":[]}', BTCUSDT)

    assert isinstance(snapshot, Snapshot)
    assert (snapshot.last_id, snapshot.exch_ns, snapshot.bid_lots.tolist()) == (9, 0, [2000])


grids = st.sampled_from([("0.1", "0.001"), ("0.01", "0.00001"), ("0.5", "1"), ("10", "100")])
level_lists = st.lists(st.tuples(st.integers(1, 10**9), st.integers(0, 10**9)), max_size=20)


@given(grid=grids, bids=level_lists, zeros=st.integers(0, 4))
def test_levels_survive_their_decimals(
    grid: tuple[str, str], bids: list[tuple[int, int]], zeros: int
) -> None:
    """Ticks to text to ticks, on fine and coarse grids, padded or not."""
    instrument = Instrument.from_steps("BTCUSDT", *grid)

    def padded(text: str) -> str:
        return text + "0" * zeros if "." in text else text

    pairs = [[padded(instrument.price.text(p)), padded(instrument.qty.text(q))] for p, q in bids]
    diff = read(DEPTH, instrument, b=pairs, a=[])

    found = zip(diff.bid_ticks.tolist(), diff.bid_lots.tolist(), strict=True)
    assert list(found) == bids


@pytest.mark.needs_speed
@pytest.mark.parametrize(
    ("path", "instrument"),
    [(USDM, BTCUSDT), (COINM, BTCUSD_PERP), (SPOT, SPOT_BTCUSDT)],
    ids=["usdm", "coinm", "spot"],
)
def test_every_recorded_message_is_read(path: Any, instrument: Instrument) -> None:
    """Real bytes of three markets: nothing garbled, nothing skipped unawares."""
    kinds = {type(decode(line.raw, instrument)) for line in Recording(path)}

    assert kinds == {DepthDiff, Snapshot, TradePrint, TouchUpdate}


def test_compiled_levels_equal_the_grids_own_count() -> None:
    """The compiled pass and ``DecimalGrid`` read the same numbers from real diffs."""
    for line in list(Recording(USDM))[:400]:
        word = decode(line.raw, BTCUSDT)
        if isinstance(word, DepthDiff):
            body = orjson.loads(line.raw)["data"]
            assert word.ask_ticks.tolist() == [BTCUSDT.price.count(p) for p, _ in body["a"]]
            assert word.ask_lots.tolist() == [BTCUSDT.qty.count(q) for _, q in body["a"]]
            assert word.ask_lots.dtype == np.int64
