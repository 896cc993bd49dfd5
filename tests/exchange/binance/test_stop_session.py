"""The last word: ours are gone and proven gone, and nobody else's order was touched."""

import asyncio

import orjson
import pytest

from exchange.binance.trading import StopSession
from exchange.errors import InvariantBroken, Unreachable
from tests.exchange.binance.fake_venue import (
    BATCH_CANCEL,
    COUNTDOWN,
    CREDENTIALS,
    OPEN_ORDERS,
    OURS,
    FakeVenue,
    Fault,
)


async def stop(venue: FakeVenue, deadline_s: float = 5.0) -> list[str]:
    async with StopSession(venue.settings, CREDENTIALS, look_again_s=0.01) as last_word:
        return await last_word.cancel_ours_and_verify(OURS, deadline_s)


async def test_ours_are_cancelled_in_tens_and_others_are_left_alone() -> None:
    async with FakeVenue() as venue:
        for number in range(23):
            venue.rest_order(f"mm-{number}")
        venue.rest_order("web_foreign")

        left = await stop(venue)

        batches = [
            orjson.loads(parameters["origClientOrderIdList"])
            for endpoint, parameters in venue.asked
            if endpoint == BATCH_CANCEL
        ]
    assert left == []
    assert [len(batch) for batch in batches] == [10, 10, 3]
    assert list(venue.orders) == ["web_foreign"]


async def test_the_countdown_is_disarmed_after_two_clean_looks() -> None:
    """Disarmed sooner, it would not protect what the first look missed."""
    async with FakeVenue() as venue:
        assert await stop(venue) == []

        assert [endpoint for endpoint, _ in venue.asked] == [OPEN_ORDERS, OPEN_ORDERS, COUNTDOWN]
        assert venue.asked[-1][1]["countdownTime"] == "0"


async def test_lost_answers_do_not_end_the_stop() -> None:
    async with FakeVenue() as venue:
        venue.rest_order("mm-1")
        venue.fail(OPEN_ORDERS, Fault(), Fault(502, message="bad gateway"))
        venue.fail(BATCH_CANCEL, Fault(503, message="Unknown error"))

        assert await stop(venue) == []
        assert venue.orders == {}


async def test_orders_that_will_not_go_are_named_and_the_countdown_stays_armed() -> None:
    """The venue's own switch is then the only thing left that can cancel them."""
    async with FakeVenue() as venue:
        venue.rest_order("mm-stubborn")
        venue.fail(BATCH_CANCEL, *[Fault(503, message="Unknown error")] * 1000)

        assert await stop(venue, deadline_s=0.3) == ["mm-stubborn"]
        assert venue.times_asked(COUNTDOWN) == 0


async def test_a_venue_that_cannot_be_reached_is_not_called_clean() -> None:
    async with FakeVenue() as venue:
        venue.fail(OPEN_ORDERS, *[Fault()] * 1000)

        with pytest.raises(Unreachable):
            await stop(venue, deadline_s=0.3)


async def test_a_hanging_venue_does_not_hold_the_stop_beyond_its_deadline() -> None:
    async with FakeVenue() as venue:
        venue.answers_held = asyncio.Event()

        with pytest.raises(Unreachable):
            await stop(venue, deadline_s=0.1)
        venue.answers_held.set()


async def test_a_wrong_clock_does_not_stop_the_stop() -> None:
    async with FakeVenue() as venue:
        venue.clock_ahead_ms = -90_000
        venue.rest_order("mm-1")

        assert await stop(venue) == []


async def test_an_empty_prefix_is_refused() -> None:
    """Every client id begins with it."""
    async with FakeVenue() as venue:
        async with StopSession(venue.settings, CREDENTIALS) as last_word:
            with pytest.raises(InvariantBroken):
                await last_word.cancel_ours_and_verify("", 1.0)

        assert venue.asked == []


async def test_orders_of_another_run_are_left_alone_and_told() -> None:
    """A halted engine's last word once cancelled the quotes of the one that took over."""
    async with FakeVenue() as venue:
        for name in ("mm-old-1", "mm-new-1", "mm-new-2", "web_foreign"):
            venue.rest_order(name)

        async with StopSession(venue.settings, CREDENTIALS, look_again_s=0.01) as last_word:
            left = await last_word.cancel_ours_and_verify(
                OURS, 5.0, lambda name: name.startswith("mm-old")
            )

        assert left == []
        assert last_word.others == ["mm-new-1", "mm-new-2"]
        assert list(venue.orders) == ["mm-new-1", "mm-new-2", "web_foreign"]


async def test_the_countdown_that_another_run_relies_on_is_never_disarmed() -> None:
    """It is the symbol's; the other run's orders would rest for ever were it to die."""
    async with FakeVenue() as venue:
        venue.rest_order("mm-new-1")
        async with StopSession(venue.settings, CREDENTIALS, look_again_s=0.01) as last_word:
            await last_word.cancel_ours_and_verify(OURS, 5.0, lambda name: "old" in name)
        venue.orders.clear()
        async with StopSession(venue.settings, CREDENTIALS, look_again_s=0.01) as last_word:
            await last_word.cancel_ours_and_verify(OURS, 5.0, keep_armed=True)

        assert venue.times_asked(COUNTDOWN) == 0


async def test_owning_an_order_without_our_prefix_is_no_licence() -> None:
    async with FakeVenue() as venue:
        venue.rest_order("web_foreign")
        async with StopSession(venue.settings, CREDENTIALS, look_again_s=0.01) as last_word:
            await last_word.cancel_ours_and_verify(OURS, 5.0, lambda _name: True)

        assert list(venue.orders) == ["web_foreign"]
