"""Synthetic market: its randomness, its path, and the laws that it promises to obey."""

import hashlib
import math
from itertools import pairwise

import pytest

from exchange.paper.background.source import LONGEST_LEAP_NS
from exchange.paper.background.synthetic_flow import STEP_NS, Arrivals, SyntheticFlow
from exchange.paper.matching.events import Traded
from exchange.paper.matching.price_time import Matching
from exchange.paper.rng import SplitMix64
from exchange.paper.settings import SyntheticMarket
from exchange.types import Side

S_NS = 1_000_000_000


def market(seed: int = 7, **changes: float) -> SyntheticMarket:
    settings: dict[str, float] = {
        "start_price_ticks": 600_000,
        "sigma_ticks": 6.0,
        "A_per_s": 1.5,
        "k_per_tick": 0.12,
        "half_spread_ticks": 4,
        "depth_levels": 60,
        "level_lots": 800,
    }
    return SyntheticMarket(seed=seed, **(settings | changes))  # type: ignore[arg-type] # ints among floats


def opened(settings: SyntheticMarket) -> tuple[SyntheticFlow, Matching]:
    matching = Matching()
    flow = SyntheticFlow(settings, matching)
    live_until(flow, 0)
    return flow, matching


def live_until(flow: SyntheticFlow, now_ns: int) -> list[Traded]:
    events = [event for batch in flow.advance(now_ns) for event in batch]
    return [event for event in events if isinstance(event, Traded)]


def test_the_generator_starts_as_published() -> None:
    """Check values of the model reference, section 11.1."""
    generator = SplitMix64(42)

    assert [generator.uniform() for _ in range(3)] == [
        0.7415648787718234,
        0.15991039287692016,
        0.2786011302551387,
    ]


def test_the_book_opens_around_the_fair_value() -> None:
    _, matching = opened(market())

    assert (matching.best_bid_ticks, matching.best_ask_ticks) == (599_996, 600_004)
    assert len(matching.levels(Side.BUY)) == len(matching.levels(Side.SELL)) == 60


def test_one_seed_gives_one_path_however_often_it_is_asked() -> None:
    seldom, seldom_book = opened(market())
    often, often_book = opened(market())

    trades = live_until(seldom, 10 * S_NS)
    pieces = [live_until(often, ms * 1_000_000) for ms in range(0, 10_001, 7)]
    pieces.append(live_until(often, 10 * S_NS))

    assert [trade for piece in pieces for trade in piece] == trades
    assert often.fair_ticks == seldom.fair_ticks
    assert often_book.levels(Side.BUY) == seldom_book.levels(Side.BUY)


def test_after_a_long_sleep_the_market_has_slept_too() -> None:
    """A process that was stopped for a day must not trade a day at once."""
    slept, _ = opened(market())
    awake, _ = opened(market())

    live_until(slept, 86_400 * S_NS)
    live_until(awake, LONGEST_LEAP_NS)

    assert slept.fair_ticks == awake.fair_ticks


def test_the_accounts_orders_do_not_bend_the_fair_value() -> None:
    alone, _ = opened(market())
    watched, book = opened(market())
    book.submit(1, Side.BUY, 50, 599_998)

    live_until(alone, 5 * S_NS)
    live_until(watched, 5 * S_NS)

    assert watched.fair_ticks == alone.fair_ticks


def test_the_fair_value_has_the_volatility_that_was_asked_for() -> None:
    """|sigma_hat - sigma| <= 4 sigma / sqrt(2n)."""
    flow, _ = opened(market(A_per_s=1e-9))
    steps = 4000
    path = [flow.fair_ticks]
    for i in range(1, steps + 1):
        live_until(flow, i * STEP_NS)
        path.append(flow.fair_ticks)

    squares = sum((b - a) ** 2 for a, b in pairwise(path))
    sigma = math.sqrt(squares / steps / (STEP_NS / S_NS))

    assert sigma == pytest.approx(6.0, abs=4 * 6.0 / math.sqrt(2 * steps))


@pytest.mark.parametrize("depth_ticks", [0, 4, 10, 20])
def test_arrivals_thin_out_with_depth_as_the_models_say(depth_ticks: int) -> None:
    """Counts beyond a depth are Poisson with rate A exp(-k depth)."""
    horizon_s = 20_000
    arrivals = Arrivals(Side.SELL, market(), SplitMix64(3))

    reached = [d for _, _, d in arrivals.arrivals(horizon_s * S_NS) if d >= depth_ticks]
    expected = 1.5 * math.exp(-0.12 * depth_ticks) * horizon_s

    assert len(reached) == pytest.approx(expected, abs=4 * math.sqrt(expected))


@pytest.mark.parametrize("depth_ticks", [1, 3])
def test_a_quote_inside_the_spread_is_met_at_the_models_rate(depth_ticks: int) -> None:
    """A lone tiny bid in front of the background fills at A exp(-k depth), within 4 errors.

    The fair value stands still here, so that only arrivals fill it. A sweep that ends at the
    bid's own level still takes its first lot.
    """
    flow, matching = opened(market(sigma_ticks=0.0))
    seconds, fills = 1200, 0
    for step in range(1, seconds * 50 + 1):
        if not matching.lots_at(Side.BUY, 600_000 - depth_ticks):
            matching.submit(1, Side.BUY, 1, 600_000 - depth_ticks)
        trades = live_until(flow, step * STEP_NS)
        fills += sum(trade.maker_owner == 1 for trade in trades)

    expected = 1.5 * math.exp(-0.12 * depth_ticks) * seconds

    assert fills == pytest.approx(expected, abs=4 * math.sqrt(expected) + 0.02 * expected)


def test_a_stale_quote_is_picked_off_when_the_fair_value_passes() -> None:
    """No arrivals at all: only the background's own requoting can meet the account."""
    flow, matching = opened(market(A_per_s=1e-9, sigma_ticks=30.0))
    matching.submit(1, Side.SELL, 5, 600_003)
    matching.submit(1, Side.BUY, 5, 599_997)

    trades = live_until(flow, 5 * S_NS)

    assert any(trade.maker_owner == 1 for trade in trades)


def test_an_eaten_level_comes_back() -> None:
    flow, matching = opened(market(sigma_ticks=0.0, A_per_s=1e-9))
    matching.submit(1, Side.BUY, 10_000, 600_008)
    assert len(matching.levels(Side.SELL)) < 60

    live_until(flow, 5 * S_NS)

    assert len(matching.levels(Side.SELL)) == 60
    assert matching.best_ask_ticks == 600_004


@pytest.mark.parametrize(
    ("seed", "told"),
    [
        (3, (263, 600_022_863_139, "13aa7129a15cf9da")),
        (7, (323, 599_984_736_881, "b55d21ee69937449")),
    ],
)
def test_the_calm_market_of_a_seed_is_what_it_always_was(
    seed: int, told: tuple[int, int, str]
) -> None:
    """Desks are compared over one seed: twenty seconds of it, to the last lot."""
    flow, matching = opened(market(seed))
    digest = hashlib.sha256()
    for ms in range(0, 20_001, 10):
        for events in flow.advance(ms * 1_000_000):
            digest.update(repr(events).encode())
    for side in Side:
        digest.update(repr(matching.levels(side)).encode())

    assert (matching.next_trade_id, round(flow.fair_ticks * 1e6), digest.hexdigest()[:16]) == told
