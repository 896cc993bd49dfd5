"""Official SDK, REST client: it trades on the exchange; its strict models take every answer."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from binance_common.errors import BadRequestError
from binance_common.utils import send_request
from binance_sdk_derivatives_trading_usds_futures.rest_api import models

from tests.exchange.clients.exchange import SYMBOL, Exchange, exchange, until
from tests.exchange.clients.sdk import missing, sdk


@pytest.fixture
def rest(quiet: Exchange) -> Any:
    return sdk(quiet).rest_api


def resting(rest: Any, client_order_id: str, price: float = 60_000.0, **more: object) -> Any:
    """Rest a post-only bid of 0.010."""
    order: dict[str, object] = {
        "symbol": SYMBOL,
        "side": "BUY",
        "type": "LIMIT",
        "time_in_force": "GTX",
        "quantity": 0.01,
        "price": price,
        "new_client_order_id": client_order_id,
    }
    return rest.new_order(**(order | more)).data()


def batch_order(client_order_id: str, price: float) -> Any:
    return models.PlaceMultipleOrdersBatchOrdersParameterInner(
        symbol=SYMBOL,
        side="BUY",
        type="LIMIT",
        time_in_force="GTX",
        quantity=0.01,
        price=price,
        new_client_order_id=client_order_id,
    )


# ------------------------------------------------------------ what an order can meet


def test_a_post_only_order_rests_where_it_was_put(rest: Any, quiet: Exchange) -> None:
    placed = resting(rest, "a:b/c.1")

    assert (placed.status, placed.price, placed.time_in_force) == ("NEW", "60000.0", "GTX")
    assert list(missing(placed)) == []
    assert quiet.depth()["bids"][0] == ["60000.0", "0.010"]


def test_a_post_only_order_that_would_take_is_refused(rest: Any, quiet: Exchange) -> None:
    with pytest.raises(BadRequestError) as refused:
        resting(rest, "a", 60_000.4)

    assert refused.value.status_code == -5022
    assert quiet.open_ids() == []


def test_a_resting_order_is_filled_in_part(rest: Any, quiet: Exchange) -> None:
    resting(rest, "a")
    quiet.other.take("SELL", 60_000.0, 0.004)
    order = rest.query_order(symbol=SYMBOL, orig_client_order_id="a").data()
    (trade,) = rest.account_trade_list(symbol=SYMBOL).data()
    (position,) = rest.position_information_v3(symbol=SYMBOL).data()

    assert (order.status, order.executed_qty, order.cum_quote) == (
        "PARTIALLY_FILLED",
        "0.004",
        "240.00000000",
    )
    assert (trade.qty, trade.maker, trade.commission) == ("0.004", True, "0.04800000")
    assert position.position_amt == "0.004"


def test_a_modified_order_keeps_its_ids(rest: Any, quiet: Exchange) -> None:
    placed = resting(rest, "a")
    changed = rest.modify_order(
        symbol=SYMBOL,
        side="BUY",
        quantity=0.02,
        price=59_999.9,
        orig_client_order_id="a",
        modify_id=7,
    ).data()
    (history,) = rest.get_order_modify_history(symbol=SYMBOL, orig_client_order_id="a").data()

    assert (changed.order_id, changed.client_order_id) == (placed.order_id, "a")
    assert (changed.price, changed.orig_qty, changed.modify_id) == ("59999.9", "0.020", 7)
    assert list(missing(changed)) == []
    assert (history.amendment.price.before, history.amendment.price.after) == ("60000.0", "59999.9")


def test_a_cancelled_order_is_gone_and_unknown_the_second_time(rest: Any, quiet: Exchange) -> None:
    resting(rest, "a")
    cancelled = rest.cancel_order(symbol=SYMBOL, orig_client_order_id="a").data()
    with pytest.raises(BadRequestError) as refused:
        rest.cancel_order(symbol=SYMBOL, orig_client_order_id="a")

    assert cancelled.status == "CANCELED"
    assert list(missing(cancelled)) == []
    assert refused.value.status_code == -2011
    assert quiet.open_ids() == []


@pytest.mark.parametrize(
    ("off_ms", "text"), [(-60_000, "outside of the recvWindow"), (5_000, "1000ms ahead")]
)
def test_a_wrong_clock_is_told_by_its_direction(rest: Any, off_ms: int, text: str) -> None:
    """No method of the SDK lets a caller give the time, but the function below them all does."""
    stamp = {"timestamp": rest.check_server_time().data().server_time + off_ms}
    asked = (rest.configuration, "GET", "/fapi/v3/balance", stamp)
    with requests.Session() as session, pytest.raises(BadRequestError, match=text) as refused:
        send_request(session, *asked, is_signed=True)

    assert refused.value.status_code == -1021


def test_a_batch_is_placed_changed_and_cancelled_element_by_element(
    rest: Any, quiet: Exchange
) -> None:
    """The third would take: that one alone is refused, in its place."""
    prices = [59_999.7, 59_999.8, 60_000.4, 59_999.9, 60_000.0]
    orders = [batch_order(f"b{i}", price) for i, price in enumerate(prices)]
    placed = rest.place_multiple_orders(batch_orders=orders).data()
    changes = [
        models.ModifyMultipleOrdersBatchOrdersParameterInner(
            symbol=SYMBOL, side="BUY", quantity=0.02, price=price, orig_client_order_id=name
        )
        for name, price in (("b0", 59_999.7), ("b9", 59_999.8))
    ]
    changed = rest.modify_multiple_orders(batch_orders=changes).data()
    cancelled = rest.cancel_multiple_orders(
        symbol=SYMBOL, orig_client_order_id_list=["b0", "b9", "b1"]
    ).data()

    assert [order.code or order.client_order_id for order in placed] == [
        *("b0", "b1", -5022, "b3", "b4")
    ]
    assert [order.code or order.orig_qty for order in changed] == ["0.020", -2013]
    assert [order.code or order.status for order in cancelled] == ["CANCELED", -2011, "CANCELED"]
    assert quiet.open_ids() == ["b3", "b4"]


def test_the_countdown_cancels_everything_by_itself(rest: Any, quiet: Exchange) -> None:
    resting(rest, "a")
    armed = rest.auto_cancel_all_open_orders(symbol=SYMBOL, countdown_time=100).data()

    assert (armed.symbol, armed.countdown_time) == (SYMBOL, "100")
    until(lambda: quiet.open_ids() == [])


def test_cancelling_all_leaves_nothing_open(rest: Any, quiet: Exchange) -> None:
    resting(rest, "a")
    resting(rest, "b", 59_999.9)
    answer = rest.cancel_all_open_orders(symbol=SYMBOL).data()

    assert (answer.code, answer.msg) == (200, "The operation of cancel all open order is done.")
    assert quiet.open_ids() == []


def test_a_tried_order_is_answered_and_not_placed(rest: Any, quiet: Exchange) -> None:
    rest.test_order(
        symbol=SYMBOL, side="BUY", type="LIMIT", time_in_force="GTX", quantity=0.01, price=60_000.0
    ).data()
    with pytest.raises(BadRequestError) as refused:
        rest.test_order(
            symbol=SYMBOL,
            side="BUY",
            type="LIMIT",
            time_in_force="GTX",
            quantity=0.01,
            price=60_000.05,
        )

    assert refused.value.status_code == -4014
    assert quiet.open_ids() == []


# ------------------------------------------------------------ settings of the account


def test_leverage_is_changed_and_read_back(rest: Any) -> None:
    changed = rest.change_initial_leverage(symbol=SYMBOL, leverage=7).data()
    (config,) = rest.symbol_configuration(symbol=SYMBOL).data()

    assert (changed.symbol, changed.leverage) == (SYMBOL, 7)
    assert list(missing(changed)) == []
    assert config.leverage == 7


def test_a_margin_type_already_set_is_refused_by_its_code(rest: Any) -> None:
    with pytest.raises(BadRequestError) as refused:
        rest.change_margin_type(symbol=SYMBOL, margin_type="CROSSED")

    assert refused.value.status_code == -4046


def test_a_position_mode_already_set_is_refused_by_its_code(rest: Any) -> None:
    with pytest.raises(BadRequestError) as refused:
        rest.change_position_mode(dual_side_position="false")

    assert refused.value.status_code == -4059
    assert rest.get_current_position_mode().data().dual_side_position is False


def test_an_asset_mode_already_set_is_refused_by_its_code(rest: Any) -> None:
    with pytest.raises(BadRequestError) as refused:
        rest.change_multi_assets_mode(multi_assets_margin="false")

    assert refused.value.status_code == -4171
    assert rest.get_current_multi_assets_mode().data().multi_assets_margin is False


def test_fees_are_not_paid_in_bnb(rest: Any) -> None:
    answer = rest.toggle_bnb_burn_on_futures_trade(fee_burn="false").data()

    assert (answer.code, answer.msg) == (200, "success")
    assert rest.get_bnb_burn_status().data().fee_burn is False


def test_one_listen_key_is_kept_extended_and_ended(rest: Any) -> None:
    first = rest.start_user_data_stream().data().listen_key
    again = rest.start_user_data_stream().data().listen_key
    extended = rest.keepalive_user_data_stream().data().listen_key
    rest.close_user_data_stream()
    with pytest.raises(BadRequestError) as refused:
        rest.keepalive_user_data_stream()

    assert first == again == extended
    assert refused.value.status_code == -1125


# ------------------------------------------------------------ every question and its model


@pytest.fixture(scope="module")
def lived_in() -> Iterator[Any]:
    """An account with a position, a partly filled order that was modified, and a cancelled one."""
    with exchange() as served:
        rest = sdk(served).rest_api
        resting(rest, "filling")
        served.other.take("SELL", 60_000.0, 0.004)
        rest.modify_order(
            symbol=SYMBOL,
            side="BUY",
            quantity=0.02,
            price=59_999.9,
            orig_client_order_id="filling",
            modify_id=3,
        )
        resting(rest, "gone", 59_999.8)
        rest.cancel_order(symbol=SYMBOL, orig_client_order_id="gone")
        until(lambda: rest.compressed_aggregate_trades_list(symbol=SYMBOL).data() != [])
        yield rest


QUESTIONS: dict[str, Callable[[Any], Any]] = {
    "time": lambda rest: rest.check_server_time(),
    "exchangeInfo": lambda rest: rest.exchange_information(),
    "depth": lambda rest: rest.order_book(symbol=SYMBOL, limit=5),
    "rpiDepth": lambda rest: rest.rpi_order_book(symbol=SYMBOL, limit=1000),
    "trades": lambda rest: rest.recent_trades_list(symbol=SYMBOL),
    "historicalTrades": lambda rest: rest.old_trades_lookup(symbol=SYMBOL),
    "aggTrades": lambda rest: rest.compressed_aggregate_trades_list(symbol=SYMBOL),
    "premiumIndex": lambda rest: rest.mark_price(symbol=SYMBOL),
    "premiumIndex of all": lambda rest: rest.mark_price(),
    "bookTicker": lambda rest: rest.symbol_order_book_ticker(symbol=SYMBOL),
    "bookTicker of all": lambda rest: rest.symbol_order_book_ticker(),
    "ticker/price v1": lambda rest: rest.symbol_price_ticker(symbol=SYMBOL),
    "ticker/price v2": lambda rest: rest.symbol_price_ticker_v2(symbol=SYMBOL),
    "ticker/price v2 of all": lambda rest: rest.symbol_price_ticker_v2(),
    "ticker/24hr": lambda rest: rest.ticker24hr_price_change_statistics(symbol=SYMBOL),
    "ticker/24hr of all": lambda rest: rest.ticker24hr_price_change_statistics(),
    "openInterest": lambda rest: rest.open_interest(symbol=SYMBOL),
    "order": lambda rest: rest.query_order(symbol=SYMBOL, orig_client_order_id="filling"),
    "openOrder": lambda rest: rest.query_current_open_order(
        symbol=SYMBOL, orig_client_order_id="filling"
    ),
    "openOrders": lambda rest: rest.current_all_open_orders(symbol=SYMBOL),
    "openOrders of all": lambda rest: rest.current_all_open_orders(),
    "allOrders": lambda rest: rest.all_orders(symbol=SYMBOL),
    "orderAmendment": lambda rest: rest.get_order_modify_history(
        symbol=SYMBOL, orig_client_order_id="filling"
    ),
    "userTrades": lambda rest: rest.account_trade_list(symbol=SYMBOL),
    "rateLimit/order": lambda rest: rest.query_user_rate_limit(),
    "account v2": lambda rest: rest.account_information_v2(),
    "account v3": lambda rest: rest.account_information_v3(),
    "balance v2": lambda rest: rest.futures_account_balance_v2(),
    "balance v3": lambda rest: rest.futures_account_balance_v3(),
    "positionRisk v2": lambda rest: rest.position_information_v2(symbol=SYMBOL),
    "positionRisk v3": lambda rest: rest.position_information_v3(symbol=SYMBOL),
    "accountConfig": lambda rest: rest.futures_account_configuration(),
    "symbolConfig": lambda rest: rest.symbol_configuration(symbol=SYMBOL),
    "commissionRate": lambda rest: rest.user_commission_rate(symbol=SYMBOL),
    "leverageBracket": lambda rest: rest.notional_and_leverage_brackets(symbol=SYMBOL),
    "leverageBracket of all": lambda rest: rest.notional_and_leverage_brackets(),
    "positionSide/dual": lambda rest: rest.get_current_position_mode(),
    "multiAssetsMargin": lambda rest: rest.get_current_multi_assets_mode(),
    "income": lambda rest: rest.get_income_history(symbol=SYMBOL),
    "feeBurn": lambda rest: rest.get_bnb_burn_status(),
    "adlQuantile": lambda rest: rest.position_adl_quantile_estimation(symbol=SYMBOL),
    "order/test": lambda rest: rest.test_order(
        symbol=SYMBOL, side="BUY", type="LIMIT", time_in_force="GTX", quantity=0.01, price=60_000.0
    ),
    "listenKey": lambda rest: rest.start_user_data_stream(),
}

MAY_BE_EMPTY: dict[str, Callable[[Any], Any]] = {
    "fundingRate": lambda rest: rest.get_funding_rate_history(symbol=SYMBOL),
    "fundingInfo": lambda rest: rest.get_funding_rate_info(),
    "forceOrders": lambda rest: rest.users_force_orders(symbol=SYMBOL),
}
"""Nothing was settled or liquidated yet, and no symbol has settings of its own."""


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_model_of_an_answer_finds_every_field(lived_in: Any, question: str) -> None:
    answer = QUESTIONS[question](lived_in).data()

    assert getattr(answer, "actual_instance", answer) != []
    assert list(missing(answer)) == []


@pytest.mark.parametrize("question", MAY_BE_EMPTY)
def test_a_question_about_what_never_happened_is_answered(lived_in: Any, question: str) -> None:
    answer = MAY_BE_EMPTY[question](lived_in).data()

    assert isinstance(answer, list)
    assert list(missing(answer)) == []


def test_the_connection_can_be_tried(lived_in: Any) -> None:
    assert lived_in.test_connectivity().status == 200


def test_a_candle_is_twelve_values_in_the_venues_types(lived_in: Any) -> None:
    """No model of the SDK covers them, so it passes them on as they came."""
    candle = lived_in.kline_candlestick_data(symbol=SYMBOL, interval="1m", limit=1).data()[-1]

    words = [type(value) for value in candle]
    assert words == [int, *[str] * 5, int, str, int, *[str] * 3]
    assert candle[6] - candle[0] == 59_999
    assert candle[4] == "60000.0"


def test_the_weight_spent_is_told_in_the_venues_headers(lived_in: Any) -> None:
    """And orders, where one was placed."""
    first, second = (lived_in.order_book(symbol=SYMBOL, limit=1000) for _ in range(2))
    placed = lived_in.new_order(
        symbol=SYMBOL, side="BUY", type="LIMIT", time_in_force="GTX", quantity=0.01, price=59_999.0
    )

    weights = [limit.count for answer in (first, second) for limit in answer.rate_limits]
    assert weights[1] - weights[0] == 20
    assert {(limit.rateLimitType, limit.interval) for limit in placed.rate_limits} == {
        ("REQUEST_WEIGHT", "MINUTE"),
        ("ORDERS", "MINUTE"),
        ("ORDERS", "SECOND"),
    }
