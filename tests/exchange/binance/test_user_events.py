"""User data decoder: the account's events, from the venue's spelling to our types."""

from typing import Any

import orjson
import pytest

from exchange.binance.user_events import decode, fill_from_rest, order_update_from_rest
from exchange.errors import Garbled
from exchange.types import (
    AccountUpdate,
    Event,
    Fill,
    ListenKeyExpired,
    OrderStatus,
    OrderUpdate,
    Side,
)
from tests.exchange.binance.fake_venue import BTCUSDT

TRADE_ROW = {
    "id": 77, "orderId": 88, "side": "BUY", "price": "100.1", "qty": "0.003", "maker": True,
    "commission": "0.00006006", "commissionAsset": "USDT", "time": 1001,
}  # fmt: skip


def order_trade_update(**changes: Any) -> dict[str, Any]:
    """A fill of half of a resting bid."""
    order = {
        "s": "BTCUSDT", "c": "mm-1", "S": "BUY", "o": "LIMIT", "f": "GTX", "q": "0.006",
        "p": "100.1", "ap": "100.1", "sp": "0", "x": "TRADE", "X": "PARTIALLY_FILLED", "i": 88,
        "l": "0.003", "z": "0.003", "L": "100.1", "N": "USDT", "n": "0.00006006", "T": 1001,
        "t": 77, "m": True, "R": False, "ps": "BOTH", "rp": "0", "er": "0",
    }  # fmt: skip
    return {"e": "ORDER_TRADE_UPDATE", "E": 1003, "T": 1002, "o": {**order, **changes}}


def account_update(**changes: Any) -> dict[str, Any]:
    account = {
        "m": "ORDER",
        "B": [{"a": "BNB", "wb": "1", "cw": "1"}, {"a": "USDT", "wb": "99.5", "cw": "99.5"}],
        "P": [{"s": "BTCUSDT", "pa": "-0.003", "ep": "100.1", "ps": "BOTH"}],
    }
    return {"e": "ACCOUNT_UPDATE", "E": 1003, "T": 1002, "a": {**account, **changes}}


def heard(message: Any) -> list[Event]:
    return decode(orjson.dumps(message), BTCUSDT, recv_ns=1, mono_ns=2)


def test_a_fill_is_told_before_the_order_that_it_changes() -> None:
    """Inventory is right before anyone looks at what the order has left."""
    fill, update = heard(order_trade_update())

    assert fill == Fill(
        recv_ns=1,
        mono_ns=2,
        trade_id=77,
        client_order_id="mm-1",
        side=Side.BUY,
        price_ticks=1001,
        qty_lots=3,
        maker=True,
        fee_e8=6006,
        exch_ns=1001 * 10**6,
    )
    assert update == OrderUpdate(
        recv_ns=1,
        mono_ns=2,
        client_order_id="mm-1",
        venue_order_id=88,
        side=Side.BUY,
        status=OrderStatus.PARTIALLY_FILLED,
        price_ticks=1001,
        qty_lots=6,
        filled_lots=3,
        exch_ns=1002 * 10**6,
    )


def test_an_order_that_only_rests_brings_no_fill() -> None:
    (update,) = heard(order_trade_update(x="NEW", X="NEW", t=0, l="0", z="0"))

    assert isinstance(update, OrderUpdate)
    assert update.status is OrderStatus.NEW


def test_a_liquidation_is_a_fill_even_though_the_order_is_not_ours() -> None:
    """It changes the position, whoever sent it."""
    fill, update = heard(order_trade_update(x="CALCULATED", c="autoclose-9", S="SELL", X="FILLED"))

    assert isinstance(fill, Fill)
    assert fill.side is Side.SELL
    assert fill.forced == "liquidated"
    assert isinstance(update, OrderUpdate)
    assert update.client_order_id == "autoclose-9"


def test_a_liquidation_off_the_tick_is_booked_to_the_last_unit() -> None:
    """A real one: 26142.12 where the tick is 0.1. It was refused, and the stream dropped."""
    event = order_trade_update(
        x="CALCULATED", c="autoclose-9", S="SELL", X="FILLED", p="26142.12", L="26142.12", l="0.003"
    )

    fill, update = heard(event)

    assert isinstance(fill, Fill)
    assert (fill.price_ticks, fill.qty_lots, fill.off_tick_e8) == (261_421, 3, 6000)
    assert isinstance(update, OrderUpdate)
    assert update.price_ticks == 261_421


@pytest.mark.parametrize(
    ("client_order_id", "forced"),
    [
        ("autoclose-1700000000000000001", "liquidated"),
        ("adl_autoclose", "deleveraged"),
        ("settlement_autoclose-77", "settled"),
        ("mm-autoclose-1", ""),
    ],
)
def test_the_venue_s_own_orders_are_known_by_their_names(client_order_id: str, forced: str) -> None:
    """The stream and the list of trades say the same."""
    fill, _ = heard(order_trade_update(c=client_order_id))

    assert isinstance(fill, Fill)
    assert fill.forced == forced
    assert fill_from_rest(TRADE_ROW, client_order_id, BTCUSDT, 1, 2).forced == forced


def test_self_trade_prevention_is_an_expiry() -> None:
    (update,) = heard(order_trade_update(x="EXPIRED", X="EXPIRED_IN_MATCH", t=0))

    assert isinstance(update, OrderUpdate)
    assert update.status is OrderStatus.EXPIRED


@pytest.mark.parametrize(
    ("changes", "fee_e8"),
    [
        ({"n": "-0.00000500"}, -500),
        ({"N": "BNB", "n": "0.01"}, 0),
        ({"N": None, "n": None}, 0),
    ],
)
def test_the_fee_is_what_left_the_quote_wallet(changes: dict[str, Any], fee_e8: int) -> None:
    """A rebate came in; a fee in BNB left that wallet alone; sometimes there is none."""
    fill, _ = heard(order_trade_update(**changes))

    assert isinstance(fill, Fill)
    assert fill.fee_e8 == fee_e8


def test_the_account_is_our_position_and_the_quote_balance() -> None:
    (update,) = heard(account_update())

    assert update == AccountUpdate(
        recv_ns=1,
        mono_ns=2,
        position_lots=-3,
        wallet_e8=9_950_000_000,
        reason="ORDER",
        exch_ns=1002 * 10**6,
        entry_price_e8=10_010_000_000,
    )


def test_funding_on_a_cross_position_tells_the_wallet_alone() -> None:
    (update,) = heard(account_update(m="FUNDING_FEE", P=[]))

    assert isinstance(update, AccountUpdate)
    assert update.position_lots is None
    assert update.wallet_e8 == 9_950_000_000


@pytest.mark.parametrize(
    "message",
    [
        order_trade_update(s="ETHUSDT"),
        account_update(B=[], P=[{"s": "ETHUSDT", "pa": "1", "ps": "BOTH"}]),
        account_update(B=[], P=[{"s": "BTCUSDT", "pa": "1", "ps": "LONG"}]),
        {"e": "TRADE_LITE", "E": 1, "T": 1, "s": "BTCUSDT", "t": 77, "l": "0.003", "L": "100.1"},
        {"e": "STRATEGY_UPDATE", "E": 1},
        {"result": None, "id": 1},
    ],
)
def test_what_is_not_ours_is_passed_over(message: dict[str, Any]) -> None:
    """Other symbols, hedge legs, partial fill reports and events of later years."""
    assert heard(message) == []


def test_an_expired_listen_key_is_told_without_the_key() -> None:
    """A listen key opens the stream to whoever reads a recording."""
    (event,) = heard({"e": "listenKeyExpired", "E": 1, "listenKey": "open-sesame"})

    assert isinstance(event, ListenKeyExpired)
    assert "open-sesame" not in repr(event)


def test_the_envelope_of_a_combined_stream_is_opened() -> None:
    assert len(heard({"stream": "k", "data": order_trade_update()})) == 2


@pytest.mark.parametrize(
    "message",
    [
        order_trade_update(q="1e-3"),
        order_trade_update(p="a hundred"),
        order_trade_update(L="NaN"),
        order_trade_update(X="SUPERPOSED"),
        order_trade_update(i=None, t="many"),
        {"e": "ORDER_TRADE_UPDATE", "E": 1, "T": 1},
        account_update(B=None),
        account_update(P=[{"s": "BTCUSDT", "ps": "BOTH"}]),
        [1, 2],
        "text",
    ],
)
def test_nonsense_is_called_so(message: Any) -> None:
    """Never a wrong number, and never an error of another name."""
    with pytest.raises(Garbled):
        heard(message)


def test_bytes_that_are_no_json_are_garbled() -> None:
    with pytest.raises(Garbled):
        decode(b"{", BTCUSDT, recv_ns=1, mono_ns=2)


def test_rest_tells_an_order_in_the_same_words() -> None:
    row = {
        "orderId": 88, "clientOrderId": "mm-1", "status": "CANCELED", "price": "100.10",
        "origQty": "0.006", "executedQty": "0.001", "side": "SELL", "updateTime": 1002,
    }  # fmt: skip

    update = order_update_from_rest(row, BTCUSDT, recv_ns=1, mono_ns=2)

    assert (update.status, update.side) == (OrderStatus.CANCELED, Side.SELL)
    assert (update.price_ticks, update.qty_lots, update.filled_lots) == (1001, 6, 1)


def test_rest_tells_a_fill_in_the_same_words() -> None:
    fill = fill_from_rest(TRADE_ROW, "mm-1", BTCUSDT, recv_ns=1, mono_ns=2)

    assert fill == heard(order_trade_update())[0]
