"""Ink names that a drawing may use; what each looks like is in ``theme.tcss``, as ``.ink--<name>``.

Renders stylize ``Text`` with these names only, so that they know no colour.
"""

from typing import Final

DIM: Final = "dim"
LABEL: Final = "label"
TITLE: Final = "title"
STRONG: Final = "strong"
BID: Final = "bid"
ASK: Final = "ask"
BID_BAR: Final = "bid-bar"
ASK_BAR: Final = "ask-bar"
OURS: Final = "ours"
FOREIGN: Final = "foreign"
GAIN: Final = "gain"
LOSS: Final = "loss"
ACCENT: Final = "accent"
GOOD: Final = "good"
WARN: Final = "warn"
ALARM: Final = "alarm"
KEY: Final = "key"
WARN_BLOCK: Final = "warn-block"
ALARM_BLOCK: Final = "alarm-block"
GOOD_BLOCK: Final = "good-block"
ICE_BLOCK: Final = "ice-block"
LIVE_BLOCK: Final = "live-block"
DEMO_BLOCK: Final = "demo-block"
PAPER_BLOCK: Final = "paper-block"
REPLAY_BLOCK: Final = "replay-block"

ALL: Final = (
    DIM,
    LABEL,
    TITLE,
    STRONG,
    BID,
    ASK,
    BID_BAR,
    ASK_BAR,
    OURS,
    FOREIGN,
    GAIN,
    LOSS,
    ACCENT,
    GOOD,
    WARN,
    ALARM,
    KEY,
    WARN_BLOCK,
    ALARM_BLOCK,
    GOOD_BLOCK,
    ICE_BLOCK,
    LIVE_BLOCK,
    DEMO_BLOCK,
    PAPER_BLOCK,
    REPLAY_BLOCK,
)


def side_ink(side: int) -> str:
    """Ink of a bid (+1) or an ask (-1)."""
    return BID if side > 0 else ASK


def sign_ink(amount: float) -> str:
    """Ink of money made or lost; nothing is neither."""
    if amount > 0:
        return GAIN
    return LOSS if amount < 0 else DIM
