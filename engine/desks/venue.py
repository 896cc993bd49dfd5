"""Venue settings of a desk: where its venue answers, and with which key."""

from engine.config.desk import Config
from engine.config.paper import PAPER_API_KEY, PAPER_API_SECRET
from exchange.binance.settings import VenueSettings
from exchange.binance.signing import Credentials

_RECV_WINDOW_MS = 1000
"""Short: it is also what keeps a quote that was held up from being executed late."""


def desk_venue(config: Config) -> tuple[VenueSettings, Credentials]:
    """The venue of this config and the key to its account there."""
    from engine.core.account import REST_LAG_NS  # not before it is needed: it compiles

    settings = VenueSettings(
        rest_url=f"http://127.0.0.1:{config.paper.port}",
        stream_url=f"ws://127.0.0.1:{config.paper.port}",
        symbol=config.desk.symbol,
        recv_window_ms=_RECV_WINDOW_MS,
        freshness_ms=config.risk.freshness_ms,
        rest_lag_ms=REST_LAG_NS // 1_000_000,
    )
    return settings, Credentials(PAPER_API_KEY, PAPER_API_SECRET)
