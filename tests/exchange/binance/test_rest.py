"""REST client: calls that no command asks for by itself."""

import pytest

from exchange.binance.rest import Rest
from exchange.errors import Refused
from tests.exchange.binance.fake_venue import CREDENTIALS, FakeVenue


async def test_the_grid_is_read_from_the_filters() -> None:
    """Precision fields say something else, and filters of later years are passed over."""
    async with FakeVenue() as venue, Rest.opened(venue.settings, CREDENTIALS) as rest:
        instrument = await rest.instrument("BTCUSDT")

    assert (instrument.price.step, instrument.qty.step) == ("0.1", "0.001")
    assert instrument.min_notional_e8 == 10_000_000_000


async def test_a_symbol_that_is_not_listed_is_refused() -> None:
    async with FakeVenue() as venue, Rest.opened(venue.settings, CREDENTIALS) as rest:
        with pytest.raises(Refused, match="-1121"):
            await rest.instrument("NOPE")


async def test_a_batch_tells_the_end_of_each_order() -> None:
    async with FakeVenue() as venue, Rest.opened(venue.settings, CREDENTIALS) as rest:
        venue.rest_order("mm-1")

        codes = await rest.batch_cancel("BTCUSDT", ["mm-1", "mm-2"])

    assert codes == [0, -2011]
