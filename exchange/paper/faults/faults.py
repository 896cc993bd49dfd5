"""Fault injection: decides at each point whether something goes wrong; the shell then does it.

Every fault draws from a generator of its own, made of the plan's seed and the fault's name, so
that one more fault shifts nobody else's draws: the same seed with the same traffic gives the
same failures. Whatever strikes is noted with the venue's millisecond, and reported.
"""

import re
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal, TypeAlias, TypeVar, get_args

import msgspec

from exchange.errors import Refused, SettingsError
from exchange.paper.faults import plan
from exchange.paper.faults.plan import AnyFault, FaultPlan
from exchange.paper.faults.trigger import ChanceTrigger, EpisodeTrigger, Trigger
from exchange.paper.limits import WEIGHT_PER_MINUTE, banned, too_many_requests

KEPT_HITS = 1000  # memory is bounded; the oldest go
NOTHING = FaultPlan()

ServerFault: TypeAlias = plan.Cut | plan.ListenKeyLoss | plan.Restart
"""What the shell has to do to its sockets and its venue."""

_Kind = TypeVar("_Kind", bound=AnyFault)
_ON_FRAMES = tuple(kind for kind in get_args(AnyFault) if "streams" in kind.__struct_fields__)
_EPISODES = (plan.Episode, plan.ClockSkew)
_DIFF_STREAM = re.compile(r".*@depth(@\d+ms)?")


class FaultHit(msgspec.Struct, frozen=True):
    """One time that a fault struck."""

    time_ms: int
    number: int
    """Of the fault, in the order of arming, from 1."""
    name: str
    kind: str
    struck: str
    """A request, a stream or what happened; with the client's order id where there is one."""

    def as_row(self) -> dict[str, object]:
        """For JSON."""
        return msgspec.structs.asdict(self)


@dataclass(slots=True)
class FrameVerdict:
    """What becomes of one frame."""

    raw: bytes
    lost: bool = False
    copies: int = 1
    swapped: bool = False
    delay_ms: float = 0.0
    """Its stream waits behind it."""
    overtaken_ms: float = 0.0
    """Further delay, in which later frames of its stream pass it."""


@dataclass(frozen=True, slots=True)
class LostRequest:
    """What becomes of a request whose connection is cut off."""

    arrives_ms: float | None
    """So much later it arrives all the same; None: never."""


class Faults:
    """Armed faults, asked at each point. With nothing armed every answer is that all is well.

    Args:
        faults: What to arm at once.
        now_ms: The venue's time, from which the seconds of those count.
        tell: Called with every strike.
    """

    def __init__(
        self,
        faults: FaultPlan = NOTHING,
        now_ms: int = 0,
        tell: Callable[[FaultHit], None] = lambda _strike: None,
    ) -> None:
        self.log: deque[FaultHit] = deque(maxlen=KEPT_HITS)
        """The newest strikes, oldest first."""
        self.triggers: list[ChanceTrigger[Any] | EpisodeTrigger[Any]] = []
        self.on_frames = False
        """Whether anything armed could touch a frame."""
        self._by_kind: dict[type, list[Any]] = {}
        self._by_label: dict[str, list[ChanceTrigger[Any] | EpisodeTrigger[Any]]] = {}
        self._seed = faults.seed
        self._tell = tell
        self._now_ms = now_ms
        self._last_number = 0
        self._server_faults: list[ServerFault] = []
        for fault in faults.faults:
            self.arm(fault)

    # ------------------------------------------------------------ arming

    def arm(self, fault: AnyFault) -> ChanceTrigger[Any] | EpisodeTrigger[Any]:
        """Add a fault whose seconds count from now.

        Raises:
            SettingsError: When its name is taken.
        """
        taken = {trigger.name for trigger in self.triggers}
        if fault.name in taken:
            raise SettingsError(f"name: {fault.name} is taken; choose another")
        self._last_number += 1
        name = fault.name or _free_name(str(fault.__struct_config__.tag), taken)
        kind = EpisodeTrigger if isinstance(fault, _EPISODES) else ChanceTrigger
        trigger = kind(self._last_number, name, fault, self._seed, self._now_ms)
        self.triggers.append(trigger)
        self._sort()
        return trigger

    def disarm(self, name: str) -> bool:
        """End a fault and whatever it has begun; False when there is none of that name."""
        before = len(self.triggers)
        self.triggers = [trigger for trigger in self.triggers if trigger.name != name]
        self._sort()
        return len(self.triggers) < before

    def disarm_all(self) -> None:
        self.triggers.clear()
        self._sort()

    def _sort(self) -> None:
        self._by_kind.clear()
        self._by_label.clear()
        for trigger in self.triggers:
            self._by_kind.setdefault(type(trigger.fault), []).append(trigger)
        self.on_frames = any(kind in self._by_kind for kind in _ON_FRAMES)

    def _chances(self, kind: type[_Kind]) -> list[ChanceTrigger[_Kind]]:
        return self._by_kind.get(kind, [])

    def _episodes(self, kind: type[_Kind]) -> list[EpisodeTrigger[_Kind]]:
        return self._by_kind.get(kind, [])

    # ------------------------------------------------------------ time

    def advance(self, now_ms: int) -> list[ServerFault]:
        """Advance to now; what is to be done to sockets and venue, in order."""
        self._now_ms = now_ms
        for trigger in self.triggers:
            if not trigger.pass_time(self._now_ms):
                continue
            if isinstance(trigger, EpisodeTrigger):
                self._note_beginning(trigger)
            elif isinstance(trigger.fault, plan.Cut | plan.ListenKeyLoss):
                self._note_moment(trigger)
        server_faults, self._server_faults = self._server_faults, []
        return server_faults

    def _note_beginning(self, trigger: EpisodeTrigger[Any]) -> None:
        if not trigger.lasts(self._now_ms):
            return
        lasts = f" for {trigger.fault.for_s:g} s" if trigger.fault.for_s else ""
        self._note(trigger, f"begins{lasts}")
        if isinstance(trigger.fault, plan.Restart):
            self._server_faults.append(trigger.fault)

    def _note_moment(self, trigger: ChanceTrigger[Any]) -> None:
        if trigger.owed and trigger.strikes(self._now_ms):
            self._server_faults.append(trigger.fault)
            self._note(trigger, ", ".join(getattr(trigger.fault, "streams", ("the listen key",))))

    def skew_ms(self, now_ms: int) -> int:
        """By how much the clock that the venue shows and judges by is ahead of its own."""
        skews = self._episodes(plan.ClockSkew)
        return sum(trigger.fault.skew_ms for trigger in skews if trigger.lasts(now_ms))

    # ------------------------------------------------------------ requests

    def refusal(self, call: str, now_ms: int, order: str = "") -> Refused | None:
        """The error that a request is answered with instead of being carried out.

        Args:
            call: Such as ``POST /fapi/v1/order``, also where it came another way.
            order: The client's id of the order that it is about, for the log.
        """
        for trigger in self.triggers:
            refused = self._refused_by(trigger, call, now_ms)
            if refused is not None:
                self._note(trigger, f"{call} {order}".rstrip())
                return refused
        return None

    def lost_answer(self, call: str, now_ms: int, order: str = "") -> Refused | None:
        """The error that stands in for the answer to a request that was carried out."""
        for trigger in self._chances(plan.Refuse):
            fault = trigger.fault
            if fault.executed and _calls(fault.calls, call) and trigger.strikes(now_ms):
                self._note(trigger, f"{call} {order}".rstrip())
                return _refused(fault)
        return None

    def lost_request(self, call: str, order: str = "") -> LostRequest | None:
        """What becomes of a request that is cut off on its way in; None when it is not."""
        for trigger in self._chances(plan.DropRequest):
            fault = trigger.fault
            if _calls(fault.calls, call) and trigger.strikes(self._now_ms):
                arrives_ms = None if fault.wait is None else trigger.delay_ms(fault.wait)
                late = "" if arrives_ms is None else f", arrives after {arrives_ms:.1f} ms"
                self._note(trigger, f"{call} {order}".rstrip() + late)
                return LostRequest(arrives_ms)
        return None

    def drops_reply(self, call: str, order: str = "") -> bool:
        """Whether the connection is cut off instead of the answer."""
        for trigger in self._chances(plan.DropReply):
            if _calls(trigger.fault.calls, call) and trigger.strikes(self._now_ms):
                self._note(trigger, f"{call} {order}".rstrip())
                return True
        return False

    def delay_ms(self, on: Literal["request", "reply"], call: str, order: str = "") -> float:
        """How much longer a request takes to arrive, or its answer to leave."""
        total_ms = 0.0
        for trigger in self._chances(plan.Delay):
            fault = trigger.fault
            if fault.on == on and _calls(fault.calls, call) and trigger.strikes(self._now_ms):
                total_ms += self._delayed(trigger, f"{on} of {call} {order}".rstrip())
        return total_ms

    @property
    def remembers_depth(self) -> bool:
        """Whether an old book may be asked for."""
        return plan.StaleSnapshot in self._by_kind

    def stale_depth_ms(self, call: str) -> float | None:
        """How old a book the snapshot is to show; None for the present one."""
        for trigger in self._chances(plan.StaleSnapshot):
            if trigger.strikes(self._now_ms):
                self._note(trigger, call)
                return 1000.0 * trigger.fault.age_s
        return None

    @property
    def longest_lag_ms(self) -> float:
        """How far back a read of an account may have to look; 0 for not at all."""
        return 1000.0 * max((a.fault.age_s for a in self._chances(plan.StaleAccount)), default=0.0)

    def account_lag_ms(self, call: str, now_ms: int, order: str = "") -> float | None:
        """How old the state is that a read of an account returns; None for the present one."""
        for trigger in self._chances(plan.StaleAccount):
            if _calls(trigger.fault.calls, call) and trigger.strikes(now_ms):
                self._note(trigger, f"{call} {order}".rstrip())
                return _age_ms(trigger, now_ms)
        return None

    def _refused_by(
        self, trigger: ChanceTrigger[Any] | EpisodeTrigger[Any], call: str, now_ms: int
    ) -> Refused | None:
        fault = trigger.fault
        if isinstance(trigger, ChanceTrigger):
            aimed = isinstance(fault, plan.Refuse) and _calls(fault.calls, call)
            strikes = aimed and not fault.executed and trigger.strikes(now_ms)
            return _refused(fault) if strikes else None
        if not isinstance(fault, plan.RateLimit | plan.Ban):
            return None
        if not trigger.lasts(now_ms) and not trigger.begins(now_ms):
            return None
        left_ms = trigger.left_ms(now_ms)
        return banned(left_ms, now_ms) if isinstance(fault, plan.Ban) else _limited(left_ms)

    # ------------------------------------------------------------ sockets

    def silences(self, labels: Iterable[str], *, pongs: bool = False) -> bool:
        """Whether a socket says nothing now.

        Args:
            labels: What it carries, as in ``label``.
            pongs: Ask whether it does not even answer pings.
        """
        stalls = [a for a in self._episodes(plan.Stall) if a.lasts(self._now_ms)]
        if not stalls:
            return False
        carried = list(labels)
        return any(
            any(aims(trigger.fault.streams, label) for label in carried)
            for trigger in stalls
            if not (pongs and trigger.fault.pongs)
        )

    # ------------------------------------------------------------ frames

    def verdict(self, label: str, raw: bytes, order: str = "") -> FrameVerdict:
        """What becomes of a frame, the same for everyone who receives it.

        Args:
            label: Prefix and name of its stream; of a user event its type for the name.
            raw: The payload as encoded.
        """
        verdict = FrameVerdict(raw)
        for trigger in self._aimed_at(label):
            if isinstance(trigger, EpisodeTrigger):
                if trigger.begins(self._now_ms):
                    self._note(trigger, f"{label} {order}".rstrip())
            elif trigger.strikes(self._now_ms):
                self._hit_frame(trigger, verdict, f"{label} {order}".rstrip())
        return verdict

    def _aimed_at(self, label: str) -> list[ChanceTrigger[Any] | EpisodeTrigger[Any]]:
        """In the order of arming. Matched once: there are few labels, and many frames."""
        found = self._by_label.get(label)
        if found is None:
            found = self._by_label[label] = [
                trigger
                for trigger in self.triggers
                if isinstance(trigger.fault, _ON_FRAMES)
                and aims(trigger.fault.streams, label)
                and _can_strike(trigger.fault, label)
            ]
        return found

    def _hit_frame(self, trigger: ChanceTrigger[Any], verdict: FrameVerdict, what: str) -> None:
        match trigger.fault:
            case plan.Delay():
                delay_ms = self._delayed(trigger, what)
                if trigger.fault.in_order:
                    verdict.delay_ms += delay_ms
                else:
                    verdict.overtaken_ms += delay_ms
                return
            case plan.Cut() as cut:
                self._server_faults.append(cut)
            case plan.Duplicate():
                verdict.copies += 1
            case plan.Reorder():
                verdict.swapped = True
            case plan.DropFrame() | plan.DepthGap():
                verdict.lost = True
            case plan.Corrupt(how="bit"):
                at = trigger.place_in(len(verdict.raw))
                verdict.raw = (
                    verdict.raw[:at] + bytes((verdict.raw[at] ^ 0x80,)) + verdict.raw[at + 1 :]
                )
            case plan.Corrupt():
                verdict.raw = verdict.raw[: trigger.place_in(len(verdict.raw))]
        self._note(trigger, what)

    # ------------------------------------------------------------ telling

    def _delayed(self, trigger: ChanceTrigger[plan.Delay], what: str) -> float:
        delay_ms = trigger.delay_ms(trigger.fault.wait)
        if trigger.worth_noting():
            self._note(trigger, f"{what} by {delay_ms:.1f} ms")
        return delay_ms

    def _note(self, trigger: Trigger[Any], what: str) -> None:
        hit = FaultHit(self._now_ms, trigger.number, trigger.name, trigger.kind, what)
        self.log.append(hit)
        self._tell(hit)


def aims(patterns: tuple[str, ...], label: str) -> bool:
    """Whether any pattern matches ``public/btcusdt@trade``, with or without its prefix."""
    bare = label.partition("/")[2]
    return any(fnmatchcase(label, p) or fnmatchcase(bare, p) for p in patterns)


def _calls(patterns: tuple[str, ...], call: str) -> bool:
    return any(fnmatchcase(call, pattern) for pattern in patterns)


def _can_strike(fault: AnyFault, label: str) -> bool:
    match fault:
        case plan.Delay():
            return fault.on == "frame"
        case plan.DepthGap():
            return _DIFF_STREAM.fullmatch(label) is not None
        case _:
            return True


def _age_ms(trigger: ChanceTrigger[plan.StaleAccount], now_ms: int) -> float:
    fault = trigger.fault
    oldest_ms = 1000.0 * fault.age_s
    if fault.youngest_s is None:
        return oldest_ms
    held_for_ms = 1000.0 * (fault.redrawn_s or 0.0)
    return trigger.held_ms(1000.0 * fault.youngest_s, oldest_ms, held_for_ms, now_ms)


def _refused(fault: plan.Refuse) -> Refused:
    status, text = fault.status_and_text
    return Refused(fault.code, text, status)


def _limited(left_ms: int) -> Refused:
    refused = too_many_requests(left_ms)
    refused.headers["X-MBX-USED-WEIGHT-1M"] = str(WEIGHT_PER_MINUTE + 1)
    return refused


def _free_name(kind: str, taken: set[str]) -> str:
    number, name = 1, kind
    while name in taken:
        number += 1
        name = f"{kind}-{number}"
    return name
