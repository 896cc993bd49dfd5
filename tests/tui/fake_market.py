"""Fake market readings, plausible: a calibration, and what is watched apart from any quote."""

import math
from typing import Any

from engine.core.market_readings import FlickerView, NoiseView, RegimeView, WatchView
from engine.view.desk_view import CalibrationView, SideFitView


def calibration(**changes: Any) -> CalibrationView:
    """A full window, taken; bids are filled a little more often than asks."""
    fields: dict[str, Any] = {
        "intensity": "mle",
        "volatility": "two_scale",
        "bid": SideFitView(0.961, 0.868, 1.061, 0.312, 0.286, 0.338, 412),
        "ask": SideFitView(0.881, 0.793, 0.976, 0.308, 0.281, 0.335, 378),
        "own": SideFitView(0.43, 0.31, 0.58, 0.27, 0.17, 0.37, 37),
        "misfit": 0.031,
        "max_misfit": 0.07,
        "sigma_ticks": 4.8,
        "sigma_low": 4.51,
        "sigma_high": 5.13,
        "noise_ratio": 1.08,
        "window_s": 600.0,
        "seen_s": 600.0,
    }
    return CalibrationView(**fields | changes)


def flicker(**changes: Any) -> FlickerView:
    """A quiet minute."""
    fields: dict[str, Any] = {
        "bid": 1.42,
        "star_bid": 1.18,
        "star_ask": 0.85,
        "update_bid": 1.31,
        "update_star_bid": 1.09,
        "update_star_ask": 0.92,
        "moves_bid": 17,
        "moves_ask": 11,
        "chance": 0.172,
        "level": "quiet",
        "words": "",
        "usual": 3.6,
        "share_inside": 0.971,
        "minutes": 754,
        "unjudged": 0,
    }
    return FlickerView(**fields | changes)


def noise(sigma_ticks: float = 4.8) -> NoiseView:
    """The model's curve 2 x tail(x), and a sample that gains a little less far out."""
    curve = []
    for i in range(41):
        x = 3 * i / 40
        gain = sigma_ticks * x * math.erfc(x / math.sqrt(2))
        curve.append((x * sigma_ticks, gain, gain * (1.08 - 0.12 * x) + 0.1 * math.sin(9 * x)))
    best, most = 0.7518 * sigma_ticks, 0.33994 * sigma_ticks
    return NoiseView(sigma_ticks, 0.6, best, most, 60, curve)


def regime(**changes: Any) -> RegimeView:
    """Two days seen: unknown, so the most cautious cell."""
    fields: dict[str, Any] = {
        "daily_high": True,
        "intraday_high": True,
        "known": False,
        "advice": "wide spread, smaller size",
        "history_days": 2.1,
        "wanted_days": 7.0,
        "efficiency": 0.41,
    }
    return RegimeView(**fields | changes)


def watch(**changes: Any) -> WatchView:
    """Twelve minutes after the start."""
    fields: dict[str, Any] = {
        "volatility": [
            (10.0, 6.12, 10.0),
            (60.0, 4.92, 60.0),
            (600.0, 4.77, 600.0),
            (3600.0, 4.41, 754.0),
            (21600.0, 4.41, 754.0),
            (86400.0, 4.41, 754.0),
        ],
        "flicker": flicker(),
        "noise": noise(),
        "regime": regime(),
    }
    return WatchView(**fields | changes)


EMPTY_WATCH = watch(volatility=[], flicker=None, noise=None, regime=regime(efficiency=None))
