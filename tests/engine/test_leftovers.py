"""Orders that a start or a stop finds at the venue: ours to cancel, and others' to leave alone."""

import pytest

from engine.commands.run import _cancel_leftovers
from engine.core.order_names import is_ours
from engine.errors import StartError
from exchange.binance.trading import StopSession
from tests.exchange.binance.fake_venue import COUNTDOWN, CREDENTIALS, FakeVenue

THIS_RUN = int("tests", 36)
FOREIGN = ["web_foreign", "mdesk-my_bot-7", "mdesk-old-07"]
"""Two of them begin as ours do."""


async def test_a_start_cancels_what_earlier_runs_left_and_nothing_else() -> None:
    async with FakeVenue() as venue:
        for name in ("mdesk-old-1", *FOREIGN, "mdesk-tests-1"):
            venue.rest_order(name)

        await _cancel_leftovers(venue.settings, CREDENTIALS, THIS_RUN)

        assert list(venue.orders) == FOREIGN


async def test_a_start_beside_a_younger_run_is_refused() -> None:
    async with FakeVenue() as venue:
        for name in ("mdesk-old-1", "mdesk-zzzzzz-1"):
            venue.rest_order(name)

        with pytest.raises(StartError, match=r"began after this one .*mdesk-zzzzzz-1"):
            await _cancel_leftovers(venue.settings, CREDENTIALS, THIS_RUN)

        assert list(venue.orders) == ["mdesk-zzzzzz-1"]


async def test_foreign_orders_do_not_keep_the_dead_mans_switch_armed() -> None:
    """It would cancel them 30 s after a stop that was clean."""
    async with FakeVenue() as venue:
        for name in ("mdesk-tests-1", *FOREIGN):
            venue.rest_order(name)

        async with StopSession(venue.settings, CREDENTIALS, look_again_s=0.01) as last_word:
            left = await last_word.cancel_ours_and_verify(is_ours, 5.0, unnamed_until_ns=0)

        assert (left, last_word.others) == ([], [])
        assert list(venue.orders) == FOREIGN
        assert venue.times_asked(COUNTDOWN) == 1
