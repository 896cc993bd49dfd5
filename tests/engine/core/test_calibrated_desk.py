"""Desk with calibration, between a good market and a bad one: what it quotes, and what it shows."""

from dataclasses import replace

import pytest

from engine.core.settings import IntensityName
from engine.core.states import FitKind, SideReason
from engine.view.desk_view import DeskView, Preview
from engine.view.view_builder import ViewBuilder, preview
from exchange.types import Side
from tests.engine.virtual_desk import MARKET, SETTINGS, VirtualDesk

BRISK = replace(SETTINGS, window_s=30.0, hold_s=20.0)


def view_of(desk: VirtualDesk) -> DeskView:
    return ViewBuilder(desk.trader).build(desk.now_ns, desk.now_ns)


def dry_up(desk: VirtualDesk) -> None:
    """Nobody sends market orders any more; the arrivals already drawn pass."""
    for arrivals in desk.flow._arrivals:
        arrivals._rate_hz = 1e-6


def test_the_view_names_the_branch_and_its_numbers_sum() -> None:
    """bid = fair - inventory_skew - half spread, whichever branch quotes."""
    desk = VirtualDesk(settings=BRISK)
    desk.run(32.0)
    quote = view_of(desk).quote

    assert quote.branch == "spectral table"
    assert quote.bound_fills == 10
    assert quote.fair_kind == "mid"
    assert quote.fair_ticks is not None
    assert quote.inventory_skew_ticks is not None
    assert quote.reservation_ticks == quote.fair_ticks - quote.inventory_skew_ticks
    assert quote.half_spread_ticks is not None
    assert quote.bid_ticks[0] <= quote.reservation_ticks - quote.half_spread_ticks


def test_the_view_shows_both_sides_with_their_intervals() -> None:
    """What the newest window says, apart from what is quoted."""
    desk = VirtualDesk(settings=BRISK)
    desk.run(32.0)
    calibration = view_of(desk).calibration

    assert calibration.bid is not None
    assert calibration.ask is not None
    for side in (calibration.bid, calibration.ask):
        assert side.A_low < side.A_per_s < side.A_high
        assert side.k_low < side.k_per_tick < side.k_high
    assert calibration.sigma_ticks is not None
    assert calibration.sigma_low is not None


def test_a_market_that_dries_up_is_quoted_wider_and_then_not_at_all() -> None:
    """First the last good fit at its cautious end, and after hold_s nothing, with the reason."""
    desk = VirtualDesk(settings=BRISK)
    desk.run(32.0)
    good = view_of(desk).quote
    dry_up(desk)
    desk.run_until(lambda: view_of(desk).quote.fit is FitKind.WIDENED)
    held = view_of(desk).quote
    desk.run(30.0)

    assert good.A_per_s is not None
    assert held.A_per_s is not None
    assert held.A_per_s < good.A_per_s
    assert held.fit_note.startswith("too few market orders")
    why = view_of(desk).bid
    assert why.reason is SideReason.NOT_CALIBRATED
    assert "hold_s 20; too few market orders" in why.detail
    assert any("quoting nothing" in record.text for record in desk.trader.log.since(0))
    assert why.clears == "a good fit"
    assert not desk.our_open_orders


def test_a_desk_far_from_its_limits_in_a_calm_market_takes_the_closed_form() -> None:
    """a of a few thousandths and room for two hundred fills: both branches would agree."""
    settings = replace(
        SETTINGS, gamma=1e-6, max_position_lots=600, prior=(4.0, 0.12, 6.0), window_s=600.0
    )
    desk = VirtualDesk(settings=settings, market=MARKET)
    desk.run(2.0)
    quote = view_of(desk).quote

    assert quote.branch == "closed form"
    assert quote.validity is not None
    assert quote.validity < 0.0025
    assert quote.c1_ticks is not None
    assert quote.c2 is not None
    assert quote.half_spread_ticks == quote.c1_ticks + 0.5 * quote.c2 * 6.0


def test_a_side_without_a_price_says_so() -> None:
    """Its state was quoting, with no quote behind it."""
    desk = VirtualDesk(settings=replace(SETTINGS, adj1=200_000.0))
    desk.run(2.0)
    why = view_of(desk).bid

    assert why.reason is SideReason.NO_PRICE
    assert why.detail.endswith("ticks is no price")
    assert not desk.our_open_orders


def test_a_prior_has_its_term_too() -> None:
    """A market that never gives a good fit is not quoted by yesterday's guess for ever."""
    desk = VirtualDesk(settings=replace(BRISK, prior=(1.5, 0.12, 6.0)))
    dry_up(desk)
    desk.run(40.0)
    early = view_of(desk).quote.fit
    desk.run(20.0)

    assert early is FitKind.PRIOR
    assert view_of(desk).bid.reason is SideReason.NOT_CALIBRATED
    assert view_of(desk).bid.detail.startswith("prior ")


def test_a_preview_judges_every_level_of_the_grid() -> None:
    """A narrower interval can bring the fourth quote nearer while the best steps away."""
    desk = VirtualDesk(settings=replace(SETTINGS, window_s=600.0))
    desk.run(2.0)
    narrower = preview(desk.trader, "adj1", 0.5)
    wider = preview(desk.trader, "adj1", 2.0)

    assert isinstance(narrower, Preview)
    assert isinstance(wider, Preview)
    assert narrower.nearer
    assert not wider.nearer


def test_a_quote_that_the_touch_holds_back_is_marked() -> None:
    """Far too long, the model wants an ask below others' bids; the post-only price is quoted."""
    desk = VirtualDesk(settings=replace(SETTINGS, adj2=30.0), opening_lots=12)
    desk.run_until(lambda: bool(desk.trader.side_status[Side.SELL].quotes))
    quote = view_of(desk).quote

    assert quote.ask_clamped
    assert not quote.bid_clamped
    assert desk.trader.market.touch is not None
    assert quote.ask_ticks[0] >= desk.trader.market.touch[1]


@pytest.mark.parametrize("intensity", ["mle", "ols"])
def test_a_lost_book_widens_the_quotes_and_poisons_no_fit(intensity: IntensityName) -> None:
    """Prints that came meanwhile once tripled A, and a whole window of them ended the engine."""
    settings = replace(BRISK, window_s=40.0, hold_s=120.0, intensity=intensity, max_misfit=1.0)
    desk = VirtualDesk(settings=settings)
    desk.run(42.0)
    good = view_of(desk).quote
    desk.cut_public(42.0)
    desk.run(44.0)
    back = view_of(desk).quote

    assert good.fit is FitKind.FIT
    assert back.fit is FitKind.WIDENED
    assert back.fit_note == "the book was not seen long enough"
    assert good.A_per_s is not None
    assert back.A_per_s is not None
    assert back.A_per_s < good.A_per_s
    assert view_of(desk).bid.reason is SideReason.QUOTING
