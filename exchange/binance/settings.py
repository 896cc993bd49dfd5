"""Venue settings: where one venue is, and how patient to be with it."""

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
    rest_lag_ms: int
    """How far a node that answers REST may be behind the matching engine."""
    request_timeout_s: float = 5.0
    """The longest a request may take, connecting included."""
    listen_key_refresh_s: float = 1800.0
    """Half the hour that a key lives, so that a failed refresh can be repeated."""

    @property
    def listed_within_s(self) -> float:
        """How long after it was sent an order that rests is in every list of open orders."""
        return (self.recv_window_ms + self.rest_lag_ms) / 1000
