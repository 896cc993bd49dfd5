"""The bars across the screen that cannot be overlooked, and the big box when the engine is gone."""

from rich.text import Text

from engine.core.view import RiskState, SideReason
from tui.render import ink
from tui.render.frame import Frame, Line
from tui.render.lines import fit, line
from tui.render.words import age

STATUS_COMMAND = "./run engine status"
STOP_COMMAND = "./run engine stop"


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


def gone(frame: Frame) -> list[Text]:
    """Big words for a lost engine; empty while the line stands."""
    if frame.line is Line.ENDED:
        return _ended(frame)
    if frame.line is not Line.LOST:
        return []
    return [
        Text(),
        line((" E N G I N E   G O N E ", ink.ALARM_BLOCK)),
        Text(),
        line(("Our quotes may still rest at the venue.", ink.STRONG)),
        line(frame.line_text),
        line((f"last view {age(frame.silent_s)} ago; trying again every second", ink.LABEL)),
        Text(),
        _command(STATUS_COMMAND, "is it alive, or does it hang?"),
        _command(STOP_COMMAND, "cancel ours, verify, end it"),
        Text(),
    ]


def _ended(frame: Frame) -> list[Text]:
    if frame.verified:
        head, name = " ENGINE STOPPED ", ink.GOOD_BLOCK
        proof = line(("The venue confirmed that no order of ours is left.", ink.STRONG))
    else:
        head, name = " ENGINE ENDED, NOT VERIFIED ", ink.ALARM_BLOCK
        proof = line(("Orders of ours may still rest: look at the venue.", ink.ALARM))
    return [
        Text(),
        line((head, name)),
        Text(),
        proof,
        line(frame.line_text),
        Text(),
        line(("q", ink.KEY), (" leave    trying to attach again every second", ink.LABEL)),
        Text(),
    ]


def _command(command: str, does: str) -> Text:
    return line((f"{command:<21}", ink.KEY), (f"{does:<30}", ink.LABEL))
