"""Fault plan: what may go wrong on command, and when: the tables of a fault file, checked.

A file has ``seed`` and any number of ``[[fault]]`` tables, each with a ``kind`` and that kind's
keys. When a fault strikes is said by ``at_s`` (once, counted from its arming), ``every_s``
(again and again), ``mean_s`` (again and again at random, as a Poisson process) or ``rate`` (the
chance of each frame or request that it aims at). With ``for_s`` a moment opens a time in which it
strikes whatever it aims at, or lasts so long.

Streams are aimed at by patterns on ``public/btcusdt@trade``, ``market/btcusdt@aggTrade`` or
``private/ORDER_TRADE_UPDATE``, with or without what stands before the slash; requests by
patterns on ``POST /fapi/v1/order``. A ``*`` matches anything. A frame that nobody receives is never
made, and so is no chance.
"""

import difflib
import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias, get_args

import msgspec

from exchange.errors import SettingsError
from exchange.paper.rng import SplitMix64

_A_DAY_S = 86_400.0

Moment = Annotated[float, msgspec.Meta(ge=0, le=365 * _A_DAY_S)]
Span = Annotated[float, msgspec.Meta(ge=0.001, le=365 * _A_DAY_S)]
Rate = Annotated[float, msgspec.Meta(gt=0, le=1)]
Name = Annotated[str, msgspec.Meta(pattern=r"^[\w.-]{1,60}$")]
Streams = tuple[str, ...]
Calls = tuple[Annotated[str, msgspec.Meta(pattern=r"^(\*|[A-Z*]+ \S+)$")], ...]
Milliseconds = Annotated[float, msgspec.Meta(ge=0, le=60_000)]

RENAMED = {"told": "announced"}
"""Keys of older files, and what each is called now."""

_FIXES = {
    "calls": 'list them as "POST /fapi/v1/order"; * stands for anything',
    "how": "known here: bit, truncate",
    "name": "use letters, digits, _ . and -, at most 60",
    "on": "known here: request, reply, frame",
    "streams": 'list patterns such as "public/*"',
    "wait.distribution": "known here: constant, uniform, exponential, lognormal",
}


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A TOML table whose unknown keys are refused."""

    def problem(self) -> tuple[str, str] | None:
        """A key and what is wrong with it beyond its own type and range."""
        return None


# ---------------------------------------------------------------- how long


class Constant(Table, frozen=True, tag_field="distribution", tag="constant"):
    ms: Milliseconds

    def draw_ms(self, _random: SplitMix64) -> float:
        return self.ms


class Uniform(Table, frozen=True, tag_field="distribution", tag="uniform"):
    low_ms: Milliseconds
    high_ms: Milliseconds

    def draw_ms(self, random: SplitMix64) -> float:
        return self.low_ms + (self.high_ms - self.low_ms) * random.uniform()


class Exponential(Table, frozen=True, tag_field="distribution", tag="exponential"):
    mean_ms: Annotated[float, msgspec.Meta(gt=0, le=60_000)]

    def draw_ms(self, random: SplitMix64) -> float:
        return random.exponential(1.0 / self.mean_ms)


class Lognormal(Table, frozen=True, tag_field="distribution", tag="lognormal"):
    median_ms: Annotated[float, msgspec.Meta(gt=0, le=60_000)]
    sigma: Annotated[float, msgspec.Meta(gt=0, le=4)]
    """Of the logarithm."""

    def draw_ms(self, random: SplitMix64) -> float:
        return self.median_ms * math.exp(self.sigma * random.normal())


Wait: TypeAlias = Constant | Uniform | Exponential | Lognormal


# ---------------------------------------------------------------- when


class Fault(Table, frozen=True, kw_only=True):
    """Strikes at moments."""

    name: Name | None = None
    """By default the kind."""
    at_s: Moment | None = None
    every_s: Span | None = None
    mean_s: Span | None = None
    """Mean of the exponential times between its moments; the first is ``at_s`` where given."""
    count: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """How often at most."""

    def problem(self) -> tuple[str, str] | None:
        for key in ("streams", "calls"):
            if getattr(self, key, None) == ():
                return key, "is empty, so it can never strike; name what it aims at"
        if self.mean_s is not None and self.every_s is not None:
            return "mean_s", "does not go with every_s; remove one of them"
        if self.at_s is None and not self.recurs and not getattr(self, "rate", None):
            keys = ("at_s", "every_s", "mean_s", "rate")
            ways = [key for key in keys if key in self.__struct_fields__]
            return "at_s", f"is missing; say when with {' or '.join(ways)}"
        return None

    @property
    def recurs(self) -> bool:
        """Whether its moments come again and again."""
        return self.every_s is not None or self.mean_s is not None

    @property
    def recurring_key(self) -> str:
        """The key that says so."""
        return "every_s" if self.mean_s is None else "mean_s"


class Chance(Fault, frozen=True, kw_only=True):
    """Strikes one frame or request at a time.

    A moment alone takes the next one; with ``for_s`` all of that time, with ``rate`` as many.
    """

    rate: Rate | None = None
    for_s: Span | None = None

    def problem(self) -> tuple[str, str] | None:
        if self.recurs and self.rate is not None and self.for_s is None:
            key = self.recurring_key
            return "for_s", f"is missing; with {key} and rate it says how long the chances last"
        if self.for_s is not None and self.at_s is None and not self.recurs:
            return "for_s", "has no beginning; add at_s or every_s or mean_s"
        return super().problem()


class Episode(Fault, frozen=True, kw_only=True):
    """Begins at a moment, or with a rate by chance from then on, and lasts."""

    for_s: Span

    def problem(self) -> tuple[str, str] | None:
        if self.recurs and getattr(self, "rate", None):
            return self.recurring_key, "does not go with rate; remove one of them"
        return super().problem()


# ---------------------------------------------------------------- sockets


class Cut(Chance, frozen=True, tag_field="kind", tag="cut"):
    """Sockets that carry a stream end without a close frame."""

    streams: Streams = ("*",)


class Stall(Episode, frozen=True, tag_field="kind", tag="stall"):
    """Sockets that carry a stream stay open and say nothing; what they would say is lost."""

    streams: Streams = ("*",)
    rate: Rate | None = None
    """Chance of each frame to be the first that is not sent."""
    pongs: bool = True
    """Whether pings are answered all the same."""


class Restart(Episode, frozen=True, tag_field="kind", tag="restart"):
    """Everyone is cut off and the port closed; orders, positions and money are kept."""


class ListenKeyLoss(Fault, frozen=True, tag_field="kind", tag="listen_key_loss"):
    """The listen key in force is forgotten."""

    announced: bool = True
    """Whether listenKeyExpired says so."""


# ---------------------------------------------------------------- frames


class Duplicate(Chance, frozen=True, tag_field="kind", tag="duplicate"):
    """A frame comes twice."""

    streams: Streams = ("*",)


class Reorder(Chance, frozen=True, tag_field="kind", tag="reorder"):
    """A frame changes places with the next of another event type, of its key or its symbol."""

    streams: Streams = ("*",)


class Corrupt(Chance, frozen=True, tag_field="kind", tag="corrupt"):
    """A frame's text has one bit flipped, so that it is not UTF-8, or is cut short."""

    streams: Streams = ("*",)
    how: Literal["bit", "truncate"] = "bit"


class DropFrame(Chance, frozen=True, tag_field="kind", tag="drop_frame"):
    """A frame of any stream is lost."""

    streams: Streams = ("*",)


class DepthGap(Chance, frozen=True, tag_field="kind", tag="depth_gap"):
    """A depth diff is lost, so that the next one's ``pu`` does not fit."""

    streams: Streams = ("*",)


class Delay(Chance, frozen=True, tag_field="kind", tag="delay"):
    """Requests on their way in, answers on their way out, or frames take longer.

    Each stream keeps its own order, and so do the messages of each connection: a stream whose
    frame waits is silent, and then sends at once all that came meanwhile.
    """

    on: Literal["request", "reply", "frame"]
    wait: Wait
    in_order: bool = True
    """Of frames: whether the later ones of the same stream wait behind it."""
    calls: Calls = ("*",)
    streams: Streams = ("*",)

    def problem(self) -> tuple[str, str] | None:
        key = "calls" if self.on == "frame" else "streams"
        if getattr(self, key) != ("*",):
            return key, f'says nothing about on = "{self.on}"; remove it'
        if self.on != "frame" and not self.in_order:
            return "in_order", f'says nothing about on = "{self.on}"; remove it'
        if isinstance(self.wait, Uniform) and self.wait.high_ms < self.wait.low_ms:
            return "wait.high_ms", "is smaller than wait.low_ms"
        return super().problem()


# ---------------------------------------------------------------- requests


class DropRequest(Chance, frozen=True, tag_field="kind", tag="drop_request"):
    """A request's connection is cut off at once, and what becomes of it nobody is told."""

    calls: Calls = ("*",)
    wait: Wait | None = None
    """It arrives so much later all the same, and is judged as of then; without: it never does."""


class DropReply(Chance, frozen=True, tag_field="kind", tag="drop_reply"):
    """A request is carried out and its connection cut off instead of the answer."""

    calls: Calls = ("*",)


class StaleSnapshot(Chance, frozen=True, tag_field="kind", tag="stale_snapshot"):
    """``GET /fapi/v1/depth`` answers with the book as it was."""

    age_s: Annotated[float, msgspec.Meta(gt=0, le=60)] = 5.0
    """At least so long ago, where the exchange remembers that far."""


class StaleAccount(Chance, frozen=True, tag_field="kind", tag="stale_account"):
    """A read of the account is answered by a replica that lags: as it was, stamps included."""

    age_s: Annotated[float, msgspec.Meta(ge=0.001, le=60)] = 1.0
    """At least so long ago, where the exchange remembers that far."""
    youngest_s: Annotated[float, msgspec.Meta(ge=0, le=60)] | None = None
    """Then the age is drawn, evenly between this and ``age_s``."""
    redrawn_s: Span | None = None
    """How long a drawn age stands; without it each read draws its own."""
    calls: Calls = ("*",)

    def problem(self) -> tuple[str, str] | None:
        if self.youngest_s is not None and self.youngest_s > self.age_s:
            return "youngest_s", "is larger than age_s"
        if self.youngest_s is None and self.redrawn_s is not None:
            return "redrawn_s", "says nothing without youngest_s; remove it"
        return super().problem()


class Refuse(Chance, frozen=True, tag_field="kind", tag="refuse"):
    """A request is answered with an error."""

    code: Annotated[int, msgspec.Meta(le=0, ge=-99_999)]
    status: Annotated[int, msgspec.Meta(ge=400, le=599)] | None = None
    text: str | None = None
    executed: bool = False
    """Whether the request is carried out all the same, and only its answer replaced."""
    calls: Calls = ("*",)

    def problem(self) -> tuple[str, str] | None:
        if self.text is None and self.code not in KNOWN_REFUSALS:
            return "text", f"is missing; the exchange has no words of its own for {self.code}"
        return super().problem()

    @property
    def status_and_text(self) -> tuple[int, str]:
        """HTTP status and text."""
        status, text = KNOWN_REFUSALS.get(self.code, (400, ""))
        return self.status or status, self.text if self.text is not None else text


class RateLimit(Episode, frozen=True, tag_field="kind", tag="rate_limit"):
    """Every request is answered with 429."""

    rate: Rate | None = None


class Ban(Episode, frozen=True, tag_field="kind", tag="ban"):
    """Every request is answered with 418, which states the ban's end."""

    rate: Rate | None = None


class ClockSkew(Fault, frozen=True, tag_field="kind", tag="clock_skew"):
    """The venue's clock is ahead by so much; behind where negative. For good without ``for_s``."""

    skew_ms: Annotated[int, msgspec.Meta(ge=-86_400_000, le=86_400_000)]
    for_s: Span | None = None


KNOWN_REFUSALS = {
    -1000: (503, "Unknown error, please check your request or try again later."),
    -1001: (503, "Internal error; unable to process your request. Please try again."),
    -1003: (429, "Too many requests; please use the websocket for live updates."),
    -1006: (
        503,
        "An unexpected response was received from the message bus. Execution status unknown.",
    ),
    -1007: (
        408,
        "Timeout waiting for response from backend server. "
        "Send status unknown; execution status unknown.",
    ),
    -1008: (
        503,
        "Request throttled by system-level protection. "
        "Reduce-only/close-position orders are exempt. Please try again.",
    ),
    -1015: (429, "Too many new orders; current limit is 300 orders per TEN_SECONDS."),
    -1016: (503, "This service is no longer available."),
    -1021: (400, "Timestamp for this request is outside of the recvWindow."),
    -2011: (400, "Unknown order sent."),
    -2013: (400, "Order does not exist."),
    -2019: (400, "Margin is insufficient."),
    -2022: (400, "ReduceOnly Order is rejected."),
    -4116: (400, "ClientOrderId is duplicated."),
    -5021: (
        400,
        "Due to the order could not be filled immediately, the FOK order has been rejected. "
        "The order will not be recorded in the order history",
    ),
    -5022: (
        400,
        "Due to the order could not be executed as maker, the Post Only order will be rejected. "
        "The order will not be recorded in the order history",
    ),
    -5027: (400, "No need to modify the order."),
    -5028: (400, "Timestamp for this request is outside of the ME recvWindow."),
}
"""HTTP status and text of the codes that need neither said."""

AnyFault: TypeAlias = (
    Cut
    | Stall
    | Delay
    | Duplicate
    | Reorder
    | DropRequest
    | DropReply
    | Corrupt
    | DropFrame
    | DepthGap
    | StaleSnapshot
    | StaleAccount
    | ClockSkew
    | Refuse
    | RateLimit
    | Ban
    | ListenKeyLoss
    | Restart
)
"""Every kind that there is; messages list them in this order."""

_KINDS: dict[str, type[AnyFault]] = {
    str(kind.__struct_config__.tag): kind for kind in get_args(AnyFault)
}


class FaultPlan(msgspec.Struct, frozen=True):
    """What to arm at the start, and the seed of every draw."""

    faults: tuple[AnyFault, ...] = ()
    seed: int = 0


# ---------------------------------------------------------------- reading


def parse_plan(tables: Mapping[str, object], source: str) -> FaultPlan:
    """Check a whole file.

    Args:
        tables: As ``tomllib`` reads them.
        source: The file, for messages.

    Raises:
        SettingsError: Names the file, the fault, the key and the fix.
    """
    for key in tables:
        if key not in ("seed", "fault"):
            raise SettingsError(f"{source}: {key}: is not a setting; known here: seed, fault")
    seed, listed = tables.get("seed", 0), tables.get("fault", [])
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise SettingsError(f"{source}: seed: must be a whole number")
    if not isinstance(listed, list):
        raise SettingsError(f"{source}: fault: write each fault as a table [[fault]]")
    faults = tuple(parse_fault(table, f"{source}: fault {i}") for i, table in enumerate(listed, 1))
    taken: set[str] = set()
    for i, fault in enumerate(faults, 1):
        if fault.name in taken:
            raise SettingsError(f"{source}: fault {i}: name: {fault.name} is taken; choose another")
        taken.add(fault.name or str(fault.__struct_config__.tag))
    return FaultPlan(faults, seed)


def parse_fault(table: object, source: str) -> AnyFault:
    """Check one fault.

    Args:
        source: Where it stands, for messages.

    Raises:
        SettingsError: Names the source, the key and the fix.
    """
    if not isinstance(table, dict):
        raise SettingsError(f"{source}: must be a table of keys")
    kind = table.get("kind")
    if not isinstance(kind, str) or kind not in _KINDS:
        near = difflib.get_close_matches(str(kind), _KINDS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(_KINDS)}"
        is_what = "is missing" if kind is None else f"{kind!r} is none"
        raise SettingsError(f"{source}: kind: {is_what}; {hint}")
    try:
        fault = msgspec.convert(table, _KINDS[kind])
    except msgspec.ValidationError as error:
        key, problem = _readable(str(error), table, _KINDS[kind])
        raise SettingsError(f"{source} ({kind}): {key}: {problem}") from error
    wrong = fault.problem()
    if wrong is not None:
        raise SettingsError(f"{source} ({kind}): {wrong[0]}: {wrong[1]}")
    return fault


def _readable(message: str, table: dict[str, Any], kind: type[AnyFault]) -> tuple[str, str]:
    """msgspec's ``... - at `$.a.b``` as key and problem."""
    problem, _, where = message.partition(" - at ")
    key = where.strip("`").removeprefix("$").removeprefix(".").partition("[")[0]
    named = re.search(r"(unknown|missing required) field `(\w+)`", problem)
    if named is None:
        fix = f"; {_FIXES[key]}" if key in _FIXES else ""
        return key, problem[:1].lower() + problem[1:] + fix
    full_key = f"{key}.{named[2]}" if key else named[2]
    if named[1] != "unknown":
        return full_key, "is missing"
    known = _keys_at(key, table, kind)
    if RENAMED.get(full_key) in known:
        return full_key, f"is called {RENAMED[full_key]} now"
    near = difflib.get_close_matches(named[2], known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"
    return full_key, f"is not a setting of this; {hint}"


def _keys_at(key: str, table: dict[str, Any], kind: type[AnyFault]) -> list[str]:
    if not key:
        return ["kind", *kind.__struct_fields__]
    shape = table[key]["distribution"]
    shapes = (Constant, Uniform, Exponential, Lognormal)
    (found,) = (s for s in shapes if s.__struct_config__.tag == shape)
    return ["distribution", *found.__struct_fields__]
