"""Desk states: whose money it is, what is quoted, what forbids it, how far a flatten has come."""

from enum import StrEnum


class Mode(StrEnum):
    """Whose money is at stake."""

    LIVE = "LIVE"
    DEMO = "DEMO"
    PAPER = "PAPER"
    REPLAY = "REPLAY"


class RiskState(StrEnum):
    """How much the desk may do."""

    ACTIVE = "ACTIVE"
    HALTED = "HALTED"


class FitKind(StrEnum):
    """What the quoted A and k are."""

    NONE = "none"
    PRIOR = "prior"
    """The operator's, until the first good fit."""
    FIT = "fit"
    WIDENED = "widened"
    """The last good fit at its cautious end: the newest was refused."""


class SideReason(StrEnum):
    """Why a side quotes or does not. The first one that applies is shown."""

    QUOTING = "quoting"
    STOPPING = "stopping"
    HALTED = "halted"
    PAUSED = "paused"
    SIDE_OFF = "side off"
    LINK_DOWN = "link down"
    RECONCILING = "reconciling"
    NO_BOOK = "no book"
    STALE = "stale data"
    NOT_CALIBRATED = "not calibrated"
    BREAKER = "breaker open"
    AT_LIMIT = "at limit"
    NO_PRICE = "no price"


class FlattenState(StrEnum):
    """How far closing the position at market has come."""

    IDLE = "idle"
    CLOSING = "closing"
    FLAT = "flat"
    NOT_FLAT = "NOT FLAT"
