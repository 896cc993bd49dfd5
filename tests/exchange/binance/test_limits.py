"""Request budget: what we may still ask of the venue."""

from hypothesis import given
from hypothesis import strategies as st

from exchange.binance.limits import Lane, Limits, RequestBudget, RequestCost

MINUTE = 60_000
POLL = RequestCost(weight=20)
PLACE = RequestCost(orders_10s=1, orders_1m=1)
CANCEL = RequestCost(weight=1)
LIMITS = Limits(weight_1m=100, orders_10s=5, orders_1m=12, cancel_weight_1m=30)


def spend_while_allowed(budget: RequestBudget, now_ms: int, cost: RequestCost, lane: Lane) -> int:
    """How many requests the budget lets pass at one moment."""
    passed = 0
    while budget.wait_ms(now_ms, cost, lane) == 0:
        budget.spend(now_ms, cost)
        passed += 1
    return passed


def test_polling_stops_where_the_part_of_the_cancels_begins() -> None:
    budget = RequestBudget(LIMITS)

    assert spend_while_allowed(budget, 0, POLL, Lane.POLL) == 3  # 60 of the 70 that are not kept


def test_order_counts_turn_with_their_fixed_windows() -> None:
    """The venue's windows begin at whole multiples of their length, not at our first order."""
    budget = RequestBudget(LIMITS)
    assert spend_while_allowed(budget, 9_000, PLACE, Lane.PLACE) == 5

    assert budget.wait_ms(9_000, PLACE, Lane.PLACE) == 1_000
    assert spend_while_allowed(budget, 10_000, PLACE, Lane.PLACE) == 5
    assert spend_while_allowed(budget, 20_000, PLACE, Lane.PLACE) == 2
    assert budget.wait_ms(20_000, PLACE, Lane.PLACE) == 40_000


@given(
    st.lists(
        st.tuples(st.integers(0, 3_000), st.sampled_from([(POLL, Lane.POLL), (PLACE, Lane.PLACE)]))
    ),
    st.integers(1, 30),
)
def test_nothing_else_can_use_up_the_cancels(
    history: list[tuple[int, tuple[RequestCost, Lane]]], cancels: int
) -> None:
    """Whatever was placed and polled, as many cancels as are kept back may leave at once."""
    budget = RequestBudget(LIMITS)
    now_ms = 0
    for pause_ms, (cost, lane) in history:
        now_ms += pause_ms
        if budget.wait_ms(now_ms, cost, lane) == 0:
            budget.spend(now_ms, cost)

    for _ in range(cancels):
        assert budget.wait_ms(now_ms, CANCEL, Lane.CANCEL) == 0
        budget.spend(now_ms, CANCEL)


@given(st.lists(st.tuples(st.integers(0, 3_000), st.integers(0, 200)), max_size=30))
def test_headers_may_raise_a_count_but_never_lower_it(told: list[tuple[int, int]]) -> None:
    """A header does not know of the requests that are still on their way."""
    budget = RequestBudget(LIMITS)
    budget.spend(0, RequestCost(weight=50))

    now_ms = 0
    for pause_ms, used in told:
        now_ms = min(now_ms + pause_ms, MINUTE - 1)
        before = budget.counts(now_ms).weight_1m
        budget.correct(now_ms, now_ms, {"x-mbx-used-weight-1m": str(used)})
        assert budget.counts(now_ms).weight_1m == max(before, used)


def test_headers_are_read_in_any_case_and_minus_one_means_nothing() -> None:
    budget = RequestBudget(LIMITS)

    budget.correct(0, 0, {"X-MBX-Used-Weight-1m": "-1", "X-MBX-ORDER-COUNT-10S": "4"})

    assert budget.counts(0).weight_1m == 0
    assert budget.counts(0).orders_10s == 4


def test_a_header_from_before_the_window_turned_is_not_of_this_window() -> None:
    budget = RequestBudget(LIMITS)

    budget.correct(MINUTE - 1, MINUTE + 1, {"X-MBX-USED-WEIGHT-1M": "99"})

    assert budget.counts(MINUTE + 1).weight_1m == 0


def test_a_weight_refusal_silences_everything_until_the_minute_turns() -> None:
    """Going on after a 429 brings a ban, so cancels wait too."""
    budget = RequestBudget(LIMITS)

    budget.refused(15_000, 429, -1003, "Too many requests.", None)

    assert budget.wait_ms(15_000, CANCEL, Lane.CANCEL) == 45_000
    assert budget.wait_ms(MINUTE, CANCEL, Lane.CANCEL) == 0


def test_an_order_count_refusal_leaves_cancels_alone() -> None:
    budget = RequestBudget(LIMITS)

    budget.refused(1_000, 429, -1015, "Too many new orders.", None)

    assert budget.wait_ms(1_000, PLACE, Lane.PLACE) == 9_000
    assert budget.wait_ms(1_000, CANCEL, Lane.CANCEL) == 0


def test_a_ban_lasts_until_the_moment_that_its_text_names() -> None:
    budget = RequestBudget(LIMITS)
    now_ms = 1_795_317_000_000

    message = "Way too many requests; IP banned until 1795317166071. Please use the websocket."
    budget.refused(now_ms, 418, -1003, message, None)

    assert budget.counts(now_ms).blocked_ms == 166_071


def test_bans_without_an_end_are_guessed_and_the_guesses_grow() -> None:
    """Two minutes is the shortest ban known."""
    budget = RequestBudget(LIMITS)

    budget.refused(0, 418, -1003, "banned", None)
    assert budget.counts(0).blocked_ms == 120_000

    budget.refused(120_000, 418, -1003, "banned", None)
    assert budget.counts(120_000).blocked_ms == 240_000


def test_retry_after_is_obeyed() -> None:
    budget = RequestBudget(LIMITS)

    budget.refused(0, 429, -1003, "Too many requests.", 7.0)

    assert budget.counts(0).blocked_ms == 7_000
