"""Desk log: numbered lines that every console gets, none skipped."""

from collections import deque
from enum import StrEnum
from itertools import islice

import msgspec

from exchange.types import Alert, Command, Severity

_KEPT = 5_000  # for consoles that attach later; memory is bounded


class RecordKind(StrEnum):
    FILL = "fill"
    ALERT = "alert"
    LOG = "log"


class Record(msgspec.Struct, frozen=True):
    """One line of the desk's log. Numbered from 1 without gaps; never skipped."""

    number: int
    recv_ns: int
    kind: RecordKind
    severity: str
    """``info``, ``warning`` or ``alarm``."""
    text: str
    side: int = 0
    """+1 buy, -1 sell on fills."""


class DeskLog:
    """Keeps the last lines; what matters beyond the screen also becomes an ``Alert`` command."""

    def __init__(self) -> None:
        self.recv_ns = 0
        """Wall clock of the event being handled."""
        self._records: deque[Record] = deque(maxlen=_KEPT)
        self._made = 0
        self._alerts: list[Command] = []

    def note(self, severity: Severity, text: str) -> None:
        kind = RecordKind.LOG if severity is Severity.INFO else RecordKind.ALERT
        self._add(kind, severity, text)
        self._alerts.append(Alert(severity=severity, text=text))

    def fill(self, text: str, side: int) -> None:
        self._add(RecordKind.FILL, Severity.INFO, text, side)
        self._alerts.append(Alert(severity=Severity.INFO, text=f"fill {text}"))

    def take_alerts(self) -> list[Command]:
        alerts, self._alerts = self._alerts, []
        return alerts

    def since(self, number: int) -> list[Record]:
        """Every kept line after a number, oldest first."""
        fresh = min(self._made - number, len(self._records))
        return list(islice(self._records, len(self._records) - max(fresh, 0), None))

    def _add(self, kind: RecordKind, severity: Severity, text: str, side: int = 0) -> None:
        self._made += 1
        self._records.append(Record(self._made, self.recv_ns, kind, severity.value, text, side))
