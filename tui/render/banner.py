"""The bars across the screen that cannot be overlooked, and the big box when the engine is gone."""

import math

from rich.text import Text

from engine.core.view import RiskState, SideReason
from tui.render import ink
from tui.render.frame import Frame, Line
from tui.render.lines import fit, line, wrapped
from tui.render.words import age, clock

_NS_PER_S = 1_000_000_000
_GOES_ON = " \\"
"""A shell reads on in the next line."""


def banner(frame: Frame, width: int) -> list[Text]:
    """One bar, or none: what matters most of stopping, halted, paused, frozen."""
    said = _most_important(frame)
    if said is None:
        return []
    text, name = said
    bar = Text(no_wrap=True, end="")
    bar.append_text(fit(Text(text), width, frame.glyphs.cut))
    bar.align("center", width)
    bar.stylize(name)
    return [bar]


def _most_important(frame: Frame) -> tuple[str, str] | None:
    view = frame.view
    frozen = "   [display FROZEN: space]" if frame.frozen else ""
    if view.stopping:
        return (
            f"STOPPING: cancelling our orders and verifying none is left{frozen}",
            ink.ALARM_BLOCK,
        )
    if view.risk is RiskState.HALTED:
        return f"HALTED   {view.risk_detail}{frozen}", ink.ALARM_BLOCK
    if view.paused:
        return f"{frame.glyphs.paused} PAUSED: no quotes of ours, r resumes{frozen}", ink.WARN_BLOCK
    if frame.frozen:
        quoting = SideReason.QUOTING in (view.bid.reason, view.ask.reason)
        goes_on = "STILL QUOTING" if quoting else "the desk goes on, quoting nothing now"
        return (
            f"FROZEN {frame.glyphs.rule} {goes_on} {frame.glyphs.rule} space thaws",
            ink.ICE_BLOCK,
        )
    return None


def gone(frame: Frame, width: int) -> list[Text]:
    """Big words for a lost engine; empty while the line stands."""
    if frame.line is Line.ENDED:
        return _ended(frame, width)
    if frame.line is not Line.LOST:
        return []
    last = age(frame.silent_s)
    return [
        Text(),
        line((" E N G I N E   G O N E ", ink.ALARM_BLOCK)),
        Text(),
        line(("Our quotes may still rest at the venue.", ink.STRONG)),
        *wrapped(_switch(frame), width),
        *wrapped(line(frame.line_text), width),
        *wrapped(line((f"last view {last} ago; trying again every second", ink.LABEL)), width),
        Text(),
        *_command(frame.commands.status, "is it alive, or does it hang?", width),
        *_command(frame.commands.stop, "cancel ours, verify, end it; also a dead one", width),
        Text(),
    ]


def _switch(frame: Frame) -> Text:
    """What the venue does by itself, counted down since the last view."""
    switch = frame.view.switch
    if switch is None:
        said = "No switch of the venue was armed: nothing cancels them by itself."
        return line((said, ink.ALARM))
    left_s = switch.countdown_s - switch.age_s - frame.silent_s
    refreshed = clock(frame.view.recv_ns - int(switch.age_s * _NS_PER_S))
    name = f"The venue's own switch ({switch.countdown_s:.0f} s, refreshed {refreshed})"
    if left_s > 0:
        return line(f"{name} cancels them in ", (f"{math.ceil(left_s)} s", ink.STRONG), ".")
    due = f" was due {age(-left_s)} ago; only a stop proves that none is left."
    return line(name, (due, ink.WARN))


def _ended(frame: Frame, width: int) -> list[Text]:
    if frame.verified:
        head, name = " ENGINE STOPPED ", ink.GOOD_BLOCK
        proof = line(("The venue confirmed that no order of ours is left.", ink.STRONG))
        cure = []
    else:
        head, name = " ENGINE ENDED, NOT VERIFIED ", ink.ALARM_BLOCK
        proof = line(("Orders of ours may still rest at the venue.", ink.ALARM))
        cure = [*_command(frame.commands.stop, "cancel ours and verify", width), Text()]
    return [
        Text(),
        line((head, name)),
        Text(),
        proof,
        *wrapped(line(frame.line_text), width),
        Text(),
        *cure,
        line(("q", ink.KEY), (" leave    trying to attach again every second", ink.LABEL)),
        Text(),
    ]


def _command(command: str, does: str, width: int) -> list[Text]:
    """A command whole, so that it can be pasted, and what it is for."""
    if len(command) + 2 + len(does) <= width:
        return [line((command, ink.KEY), (f"  {does}", ink.LABEL))]
    folded = wrapped(line(command), width - len(_GOES_ON)) if len(command) > width else []
    *firsts, last = [part.plain.rstrip() for part in folded] or [command]
    return [
        *wrapped(line((does, ink.LABEL)), width),
        *(line((first + _GOES_ON, ink.KEY)) for first in firsts),
        line((last, ink.KEY)),
    ]
