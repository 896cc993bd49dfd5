"""Where one venue is, and how patient to be with it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VenueSettings:
    """One symbol at one venue."""

    rest_url: str
    stream_url: str
    symbol: str
    recv_window_ms: int
    """How late a placing may arrive and still be executed."""
    freshness_ms: int
    """The longest silence of book and touch before their socket counts as dead."""
    request_timeout_s: float = 5.0
    """The longest a request may take, connecting included."""
    listen_key_refresh_s: float = 1800.0
