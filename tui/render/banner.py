"""Banners: the bars that cannot be overlooked, and the big box when the engine is gone."""

import math

from rich.text import Text

from engine.core.explain import evidence
from engine.core.states import FlattenState, RiskState, SideReason
from engine.view.desk_view import DeskView
from tui.render.draw import ink
from tui.render.draw.format import age, clock, grid
from tui.render.draw.lines import flowed, line, wrapped
from tui.render.frame import EngineLink, Frame

_NS_PER_S = 1_000_000_000
_GOES_ON = " \\"
"""A shell reads on in the next line."""


def banner(frame: Frame, width: int) -> list[Text]:
    """What matters most of stopping, halted, paused, frozen, on as many lines as it takes."""
    said = _most_important(frame)
    if said is None:
        return []
    chips, name = said
    lines = [row for chip in chips for row in wrapped(line(chip), width)]
    rows = flowed(lines, width, "   ")
    for row in rows:
        row.align("center", width)
        row.stylize(name)
    return rows


def _most_important(frame: Frame) -> tuple[list[str], str] | None:
    """The bar's text, what matters most first, and its ink."""
    view = frame.view
    frozen = ["[display FROZEN: space]"] if frame.frozen else []
    worried = bool(view.left and view.left.unknown) or _flattens(view)
    if view.stopping:
        return ["STOPPING", *_proof(view), *_held(view), *frozen], ink.ALARM_BLOCK
    if view.risk is RiskState.HALTED:
        cure = [f"{view.risk_cure} ends it"] if view.risk_cure else []
        chips = [f"HALTED: {view.risk_detail}", *_proof(view), *_held(view), *cure]
        return [*chips, *frozen], ink.ALARM_BLOCK
    if view.paused:
        chips = [f"{frame.glyphs.paused} PAUSED", *_proof(view), *_held(view), "r resumes"]
        return [*chips, *frozen], ink.ALARM_BLOCK if worried else ink.WARN_BLOCK
    if frame.frozen:
        quoting = SideReason.QUOTING in (view.bid.reason, view.ask.reason)
        goes_on = "STILL QUOTING" if quoting else "the desk goes on, quoting nothing now"
        rule = frame.glyphs.rule
        return [f"FROZEN {rule} {goes_on} {rule} space thaws"], ink.ICE_BLOCK
    return None


def _proof(view: DeskView) -> list[str]:
    return [evidence(view.left)] if view.left else []


def _flattens(view: DeskView) -> bool:
    return view.flatten is not None and view.flatten.state is not FlattenState.FLAT


def _held(view: DeskView) -> list[str]:
    """What is held, and how it is being closed or could be."""
    lots = view.inventory.position_lots
    size = grid(view.lot_size).text(abs(lots))
    amount = f"{'long' if lots > 0 else 'short'} {size}" if lots else "nothing held"
    flatten = view.flatten
    if flatten is None:
        return [f"{amount}: F closes it" if lots and not view.stopping else amount]
    refusal = f", last refusal {flatten.refusal}" if flatten.refusal else ""
    match flatten.state:
        case FlattenState.CLOSING:
            tries = f"try {flatten.tries}, {flatten.left_s:.0f} s left{refusal}"
            return [f"FLATTENING {amount}", tries]
        case FlattenState.NOT_FLAT:
            again = "" if view.stopping else "; F tries again"
            return [f"NOT FLAT: {amount} after {flatten.tries} tries{refusal}{again}"]
    return ["FLAT, confirmed by the venue" if not lots else amount]


def gone(frame: Frame, width: int) -> list[Text]:
    """Large text for a lost engine; empty while the line stands."""
    if frame.line is EngineLink.ENDED:
        return _ended(frame, width)
    if frame.line is not EngineLink.LOST:
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
