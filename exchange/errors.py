"""Errors of the exchange floor, as one tree.

ExchangeError
├── OffGrid          a price or size that is not a whole number of ticks or lots
├── SettingsError    the operator: a value that the exchange side cannot work with
├── RecordingGarbled a line of a recording that is no recorded message
├── VenueError       the shell that talks to a venue
│   ├── Refused      the venue answered with an error code; nothing was done
│   ├── Throttled    a limit was broken; stop calling until it says so
│   ├── Unreachable  nothing answered; what became of a request is unknown
│   └── Garbled      an answer that makes no sense; treat as unknown too
└── InvariantBroken  us: stop quoting, cancel, say why
"""


class ExchangeError(Exception):
    """Root of every error raised by ``exchange``."""


class OffGrid(ExchangeError):
    """A decimal text that is not a whole multiple of the grid's step."""

    def __init__(self, text: str, step: str) -> None:
        super().__init__(f"{text} is not a multiple of {step}")
        self.text = text
        self.step = step


class SettingsError(ExchangeError):
    """A setting that the exchange side cannot work with; the message names it and the fix."""


class RecordingGarbled(ExchangeError):
    """A line inside a recording that is not ``<receive time> <json object>``."""

    def __init__(self, path: str, line_number: int, what: str) -> None:
        super().__init__(f"{path}, line {line_number}: {what}")
        self.path = path
        self.line_number = line_number
        self.what = what


class VenueError(ExchangeError):
    """Something between us and the venue, or the venue itself."""


class Refused(VenueError):
    """The venue said no, by code; nothing was executed."""

    def __init__(self, code: int, message: str, http_status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.http_status = http_status


class Throttled(Refused):
    """Refused because a request or order limit is used up."""


class Unreachable(VenueError):
    """No usable answer came; whether the request was executed is unknown."""


class Garbled(VenueError):
    """Malformed answer: bytes that are not what the protocol promises."""

    def __init__(self, what: str, raw: bytes | str) -> None:
        text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
        super().__init__(f"{what}: {text[:120]}")
        self.what = what


class InvariantBroken(ExchangeError):
    """A state that our own code promised could not happen."""
