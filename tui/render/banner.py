"""The bars across the screen that cannot be overlooked, and the big box when the engine is gone."""

from rich.text import Text

from engine.core.explain import evidence
from engine.core.view import DeskView, FlattenState, RiskState, SideReason
from tui.render import ink
from tui.render.frame import Frame, Line
from tui.render.lines import flowed, line, wrapped
from tui.render.words import age, grid

STATUS_COMMAND = "./run engine status"
STOP_COMMAND = "./run engine stop"


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
    """The bar's words, most telling first, and its ink."""
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
