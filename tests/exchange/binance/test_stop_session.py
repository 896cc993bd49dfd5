"""Stop session: ours are gone and proven gone, and nobody else's order was touched."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace

import orjson
import pytest

from exchange.binance.trading import StopSession
from exchange.errors import InvariantBroken, Unreachable
from tests.exchange.binance.fake_venue import (
    BATCH_CANCEL,
    COUNTDOWN,
    CREDENTIALS,
    OPEN_ORDERS,
    FakeVenue,
    Fault,
)

LONG_AGO_NS = 0


def is_ours(client_order_id: str) -> bool:
    return client_order_id.startswith("mm-")


async def stop(venue: FakeVenue, deadline_s: float = 5.0) -> list[str]:
    """The stop session of an engine that has run for long, and whose orders all ended."""
    async with StopSession(venue.settings, CREDENTIALS, look_again_s=0.01) as last_word:
        return await last_word.cancel_ours_and_verify(
            is_ours, deadline_s, unnamed_until_ns=LONG_AGO_NS
        )


async def stop_behind_a_lag(
    venue: FakeVenue,
    lag_s: float,
    may_rest: Iterable[str] = (),
    deadline_s: float = 5.0,
    unnamed_until_ns: int | None = None,
) -> list[str]:
    """The same where lists and queries show the past, on a venue that is known to do so."""
    venue.reads_lag_s = lag_s
    settings = replace(venue.settings, recv_window_ms=0, rest_lag_ms=round(lag_s * 1000))
    async with StopSession(settings, CREDENTIALS, look_again_s=0.01) as last_word:
        return await last_word.cancel_ours_and_verify(
            is_ours, deadline_s, may_rest=may_rest, unnamed_until_ns=unnamed_until_ns
        )


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


async def test_a_rule_that_makes_every_order_ours_is_refused() -> None:
    async with FakeVenue() as venue:
        async with StopSession(venue.settings, CREDENTIALS) as last_word:
            with pytest.raises(InvariantBroken):
                await last_word.cancel_ours_and_verify(lambda _: True, 1.0)

        assert venue.asked == []


async def test_orders_of_another_run_are_left_alone_and_told() -> None:
    """A halted engine's stop once cancelled the quotes of the one that took over."""
    async with FakeVenue() as venue:
        for name in ("mm-old-1", "mm-new-1", "mm-new-2", "web_foreign"):
            venue.rest_order(name)

        async with StopSession(venue.settings, CREDENTIALS, look_again_s=0.01) as last_word:
            left = await last_word.cancel_ours_and_verify(
                is_ours,
                5.0,
                lambda name: name.startswith("mm-old"),
                unnamed_until_ns=LONG_AGO_NS,
            )

        assert left == []
        assert last_word.others == ["mm-new-1", "mm-new-2"]
        assert list(venue.orders) == ["mm-new-1", "mm-new-2", "web_foreign"]


async def test_the_countdown_that_another_run_relies_on_is_never_disarmed() -> None:
    """It is the symbol's; the other run's orders would rest for ever were it to die."""
    async with FakeVenue() as venue:
        venue.rest_order("mm-new-1")
        async with StopSession(venue.settings, CREDENTIALS, look_again_s=0.01) as last_word:
            await last_word.cancel_ours_and_verify(
                is_ours, 5.0, lambda name: "old" in name, unnamed_until_ns=LONG_AGO_NS
            )
        venue.orders.clear()
        async with StopSession(venue.settings, CREDENTIALS, look_again_s=0.01) as last_word:
            await last_word.cancel_ours_and_verify(
                is_ours, 5.0, keep_armed=True, unnamed_until_ns=LONG_AGO_NS
            )

        assert venue.times_asked(COUNTDOWN) == 0


async def test_owning_an_order_that_is_not_the_desks_is_no_licence() -> None:
    async with FakeVenue() as venue:
        venue.rest_order("web_foreign")
        async with StopSession(venue.settings, CREDENTIALS, look_again_s=0.01) as last_word:
            await last_word.cancel_ours_and_verify(
                is_ours, 5.0, lambda _: True, may_rest=["web_foreign"], unnamed_until_ns=LONG_AGO_NS
            )

        assert list(venue.orders) == ["web_foreign"]


# ---------------------------------------------------------------- nodes that lag


async def test_orders_that_no_list_shows_yet_are_cancelled_by_name() -> None:
    """Two looks at a node 2 s behind once said "verified" and disarmed; the orders rested."""
    async with FakeVenue() as venue:
        names = [f"mm-{number}" for number in range(13)]
        for name in names:
            venue.rest_order(name)

        left = await stop_behind_a_lag(venue, 60.0, names, unnamed_until_ns=LONG_AGO_NS)

        assert left == []
        assert venue.orders == {}
        assert venue.times_asked(COUNTDOWN) == 1


async def test_an_end_that_only_a_query_tells_needs_no_list() -> None:
    """Cancelled before we asked for it: a refused cancel does not say what became of an order."""
    async with FakeVenue() as venue:
        venue.rest_order("mm-1")
        await stop(venue)
        settings = replace(venue.settings, rest_lag_ms=60_000)

        async with StopSession(settings, CREDENTIALS, look_again_s=0.01) as last_word:
            left = await last_word.cancel_ours_and_verify(
                is_ours, 5.0, may_rest=["mm-1"], unnamed_until_ns=LONG_AGO_NS
            )

        assert left == []


async def test_a_list_that_still_shows_what_we_cancelled_holds_no_stop_up() -> None:
    async with FakeVenue() as venue:
        venue.rest_order("mm-1", age_s=120.0)

        left = await stop_behind_a_lag(venue, 60.0, ["mm-1"], unnamed_until_ns=LONG_AGO_NS)

        assert left == []
        assert venue.times_asked(OPEN_ORDERS) == 2


async def test_without_names_only_looks_that_no_lag_can_spoil_verify() -> None:
    """A dead engine's orders, acknowledged just before, were left resting without a switch."""
    async with FakeVenue() as venue:
        venue.rest_order("mm-1")

        left = await stop_behind_a_lag(venue, 0.3)

        assert left == []
        assert venue.orders == {}
        assert venue.times_asked(COUNTDOWN) == 1


async def test_a_placing_that_arrives_behind_its_cancel_is_cancelled_again() -> None:
    async with FakeVenue() as venue:
        venue.reads_lag_s = 0.3
        asyncio.get_running_loop().call_later(0.1, venue.rest_order, "mm-late")

        left = await stop_behind_a_lag(venue, 0.3, ["mm-late"], unnamed_until_ns=LONG_AGO_NS)

        assert left == []
        assert list(venue.ended) == ["mm-late"]


async def test_an_order_that_is_only_not_to_be_seen_is_not_called_gone() -> None:
    """The switch then stays armed."""
    async with FakeVenue() as venue:
        with pytest.raises(Unreachable):
            await stop_behind_a_lag(venue, 60.0, ["mm-lost"], 0.3, LONG_AGO_NS)

        assert venue.times_asked(COUNTDOWN) == 0
