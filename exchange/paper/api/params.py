"""Request parameters, asked for by name and type; what is malformed is refused as at the venue."""

import re
from typing import NoReturn, TypeVar
from urllib.parse import parse_qsl

import orjson

from exchange.errors import OffGrid, Refused
from exchange.instrument import DecimalGrid
from exchange.types import Side, TimeInForce

_DECIMAL = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?")

OF_EVERY_CALL = ("apiKey", "recvWindow", "returnRateLimits", "signature", "symbol", "timestamp")
"""What is no reason to refuse a call; clients send a symbol with many that are of every one."""

WEEK_MS = 7 * 86_400_000  # the longest stretch of history that the venue gives at once

_Row = TypeVar("_Row")


class Params:
    """What a client sent, every value as text."""

    def __init__(self, values: dict[str, str]) -> None:
        self._values = values

    def refuse(self, *names: str) -> None:
        """Raises ``Refused`` with -1106 when one was sent for which the call has no use."""
        for name in names:
            if self.text(name) is not None:
                raise Refused(-1106, f"Parameter '{name}' sent when not required.")

    def refuse_unread(self, reads: str) -> None:
        """Raises ``Refused`` with -1104 for anything beyond these and ``OF_EVERY_CALL``."""
        sent = self._values.keys()
        read = sent & {*reads.split(), *OF_EVERY_CALL}
        if len(read) < len(sent):
            raise Refused(
                -1104,
                f"Not all sent parameters were read; read '{len(read)}' parameter(s) but was sent "
                f"'{len(sent)}'.",
            )

    @classmethod
    def from_form(cls, query: str, body: str) -> "Params":
        """Query and body together; on a clash the query wins."""
        sent = dict(parse_qsl(body, keep_blank_values=True))
        return cls(sent | dict(parse_qsl(query, keep_blank_values=True)))

    @classmethod
    def from_json(cls, values: dict[str, object]) -> "Params":
        """JSON values as they would stand in a form."""
        return cls({name: plain(value) for name, value in values.items()})

    @property
    def client_order_id(self) -> str:
        """Of the order that the call is about; empty where none was sent."""
        named = ("newClientOrderId", "origClientOrderId")
        return next((self._values[name] for name in named if name in self._values), "")

    def text(self, name: str) -> str | None:
        """An optional parameter.

        Raises:
            Refused: With -1105 when it was sent empty.
        """
        value = self._values.get(name)
        if value == "":
            raise Refused(-1105, f"Parameter '{name}' was empty.")
        return value

    def need(self, name: str) -> str:
        """A mandatory parameter.

        Raises:
            Refused: With -1102 when it is missing or empty.
        """
        return self._values.get(name) or malformed(name)

    def number(self, name: str) -> int | None:
        value = self.text(name)
        if value is None:
            return None
        return int(value) if re.fullmatch(r"-?[0-9]{1,18}", value) else malformed(name)

    def need_number(self, name: str) -> int:
        self.need(name)
        number = self.number(name)
        return malformed(name) if number is None else number

    def flag(self, name: str) -> bool:
        value = (self.text(name) or "false").lower()
        return value == "true" if value in ("true", "false") else malformed(name)

    def need_flag(self, name: str) -> bool:
        self.need(name)
        return self.flag(name)

    def json_list(self, name: str) -> list[object] | None:
        value = self.text(name)
        if value is None:
            return None
        try:
            parsed = orjson.loads(value)
        except orjson.JSONDecodeError:
            malformed(name)
        return parsed if isinstance(parsed, list) else malformed(name)

    def limit(self, default: int, most: int) -> int:
        """How many rows are wanted.

        Raises:
            Refused: With -1130 for none, or more than the most.
        """
        limit = self.number("limit")
        if limit is None:
            return default
        if not 1 <= limit <= most:
            raise Refused(-1130, "Data sent for parameter 'limit' is not valid.")
        return limit

    def between(self, rows: list[_Row], times_ms: list[int]) -> list[_Row]:
        """The rows within ``startTime`` and ``endTime``, both inclusive, where they were sent.

        Args:
            times_ms: Of each row.

        Raises:
            Refused: With -1023 when the start lies after the end.
        """
        start_ms, end_ms = self.number("startTime"), self.number("endTime")
        if start_ms is not None and end_ms is not None and start_ms > end_ms:
            raise Refused(-1023, "Start time is greater than end time.")
        return [
            row
            for row, time_ms in zip(rows, times_ms, strict=True)
            if (start_ms is None or time_ms >= start_ms) and (end_ms is None or time_ms <= end_ms)
        ]

    def within_week(
        self, rows: list[_Row], times_ms: list[int], now_ms: int, *, longest_ms: int = WEEK_MS
    ) -> list[_Row]:
        """As ``between``, over a week at most: by default the last one, else that of the time sent.

        Args:
            longest_ms: The most that may lie between both times when both are sent.

        Raises:
            Refused: Also with -1127 when more lies between them.
        """
        start_ms, end_ms = self.number("startTime"), self.number("endTime")
        if start_ms is not None and end_ms is not None:
            if end_ms - start_ms > longest_ms:
                raise Refused(-1127, "Lookup interval is too big: at most 7 days.")
            return self.between(rows, times_ms)
        first_ms = (
            (now_ms if end_ms is None else end_ms) - WEEK_MS if start_ms is None else start_ms
        )
        return [
            row
            for row, time_ms in zip(rows, times_ms, strict=True)
            if first_ms <= time_ms <= (first_ms + WEEK_MS if end_ms is None else end_ms)
        ]

    def page(
        self, rows: list[_Row], *, from_start: bool, default: int = 500, most: int = 1000
    ) -> list[_Row]:
        """The oldest rows from a given start, or else the newest; oldest first either way."""
        limit = self.limit(default, most)
        return rows[:limit] if from_start else rows[-limit:]

    def side(self) -> Side:
        name = self.need("side")
        if name not in Side.__members__:
            raise Refused(-1117, "Invalid side.")
        return Side[name]

    def time_in_force(self) -> TimeInForce:
        text = self.need("timeInForce")
        if text in ("GTD", "RPI"):
            raise Refused(-1115, f"Invalid timeInForce: {text} is not offered here.")
        try:
            return TimeInForce(text)
        except ValueError:
            raise Refused(-1115, "Invalid timeInForce.") from None

    def on_grid(
        self, name: str, grid: DecimalGrid, decimals: int, off_grid: tuple[int, str]
    ) -> int:
        """A decimal parameter in whole steps.

        Args:
            decimals: The most that may be sent.
            off_grid: Code and text for a number between two steps.

        Raises:
            Refused: With -1100 for text that is no plain decimal, -1111 for too many decimals,
                else as ``off_grid`` says.
        """
        text = self.need(name)
        if not _DECIMAL.fullmatch(text):
            legal = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
            raise Refused(
                -1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'."
            )
        if len(text.partition(".")[2].rstrip("0")) > decimals:
            raise Refused(-1111, "Precision is over the maximum defined for this asset.")
        try:
            return grid.count(text)
        except OffGrid:
            raise Refused(*off_grid) from None


def malformed(name: str) -> NoReturn:
    raise Refused(
        -1102,
        f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.",
    )


def neither_sent(one: str, other: str) -> Refused:
    return Refused(-1102, f"Param '{one}' or '{other}' must be sent, but both were empty/null!")


def plain(value: object) -> str:
    """A JSON value as it would stand in a form.

    Raises:
        Refused: When it is nested too deep for one.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, list | dict):
        return str(value)
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:  # nested deeper than it writes, though not than it reads
        raise Refused(-1130, "Data sent for a parameter is nested too deep.") from None


def error(refused: Refused) -> dict[str, object]:
    """A refusal as the venue writes it."""
    return {"code": refused.code, "msg": refused.message}
