"""Market readings: what the market monitor says, for screens to draw.

``nan`` never travels: a number that does not exist is ``None``.
"""

import msgspec


class FlickerView(msgspec.Struct, frozen=True):
    """How much more one side of the touch shakes than the other, over the last minute.

    A flag about the book, not a finding about anybody.
    """

    bid: float
    """D of the bid from snapshots a second apart; the ask's is one over it."""
    star_bid: float
    """The improved D*: only round trips ended by cancellation count."""
    star_ask: float
    update_bid: float
    """The same three at every change of the touch."""
    update_star_bid: float
    update_star_ask: float
    moves_bid: int
    """Moves of each best price among the snapshots."""
    moves_ask: int
    chance: float
    """Of moves so one-sided, were either side as likely."""
    level: str
    """``quiet notice warning alarm``."""
    words: str
    """What the level means; empty when quiet."""
    usual: float | None
    """This market's own 98 % point over the last day."""
    share_inside: float | None
    """Minutes of the last day with D from 0.1 to 3.1; the study saw 0.98."""
    minutes: int
    unjudged: int
    """Ticks withdrawn, by every update, while the tape was not seen: in no D*."""


class NoiseView(msgspec.Struct, frozen=True):
    """The noise model's spread from the last minute. Never part of a quote."""

    sigma_ticks: float
    """Standard deviation of the window's mids about their mean."""
    shift_ticks: float
    """How far the window's later half lies from its earlier: the model wants 0."""
    half_spread_ticks: float
    """Where the expected gain is greatest."""
    gain_ticks: float
    """Expected per period at that half spread."""
    n: int
    curve: list[tuple[float, float, float]]
    """``(half_spread, gain of the model, gain of the sample itself)``, ticks."""


class RegimeView(msgspec.Struct, frozen=True):
    """Which of the four kinds of day it is."""

    daily_high: bool
    intraday_high: bool
    known: bool
    """False: too little history, and the most cautious cell is shown."""
    advice: str
    history_days: float
    wanted_days: float
    efficiency: float | None
    """Net move over path of the last day: 1 for a random walk, less when choppy."""


class WatchView(msgspec.Struct, frozen=True):
    """What the market is like, apart from any quote."""

    volatility: list[tuple[float, float, float]]
    """``(window_s, sigma in ticks per square-root second, seen_s)``, shortest first; windows
    that saw nothing are left out."""
    flicker: FlickerView | None
    noise: NoiseView | None
    regime: RegimeView
