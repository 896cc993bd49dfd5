"""Header of the desk: whose money, what state, why each side quotes or not, how old it all is."""

from rich.text import Text

from engine.core.states import Mode, RiskState, SideReason
from engine.view.desk_view import DeskView, SideView
from tui.render.draw import ink
from tui.render.draw.format import age, clock, grid, span
from tui.render.draw.lines import Piece, fit, joined, line, spread
from tui.render.frame import STALE_S, Frame

_MODE_INK = {
    Mode.LIVE: ink.LIVE_BLOCK,
    Mode.DEMO: ink.DEMO_BLOCK,
    Mode.PAPER: ink.PAPER_BLOCK,
    Mode.REPLAY: ink.REPLAY_BLOCK,
}
_RISK_INK = {
    RiskState.ACTIVE: ink.GOOD,
    RiskState.HALTED: ink.ALARM_BLOCK,
}
_MOST_PRICES = 6  # a grid has up to 20 a side; the rest are counted


def header(frame: Frame, width: int) -> list[Text]:
    """Three lines: the desk, the bid side, the ask side."""
    return [
        _desk_line(frame, width),
        side_line(frame, +1, width),
        side_line(frame, -1, width),
    ]


def _desk_line(frame: Frame, width: int) -> Text:
    view = frame.view
    left = line(
        (f" {view.mode} ", _MODE_INK[view.mode]),
        " ",
        (view.symbol, ink.STRONG),
        "  ",
        _risk(frame),
    )
    if view.paused:
        left.append("  ").append(" PAUSED ", ink.WARN_BLOCK)
    if view.stopping:
        left.append("  ").append(" STOPPING ", ink.ALARM_BLOCK)
    if frame.limits:
        left.append("  ").append(frame.limits, ink.WARN)
    return spread(left, _health(frame, width - left.cell_len - 2), width, frame.glyphs.cut)


def _risk(frame: Frame) -> Piece:
    risk = frame.view.risk
    word = risk.replace("_", " ")
    if frame.stale:
        return f"{frame.glyphs.unknown} LAST SEEN {word}", ink.WARN
    return word if risk is RiskState.ACTIVE else f" {word} ", _RISK_INK[risk]


def _health(frame: Frame, room: int) -> Text:
    """Ages and links; what matters least is left out first."""
    view = frame.view
    feed_s = None if view.book.age_ms is None else view.book.age_ms / 1000 + frame.silent_s
    old = feed_s is None or feed_s > STALE_S
    chips = [
        line(("feed ", ink.LABEL), (age(feed_s), ink.ALARM if old else "")),
        line(("links ", ink.LABEL), _links(frame)),
        line(("rt ", ink.LABEL), _ms(view.round_trip_ms)),
        line(clock(view.recv_ns)),
        line((view.config, ink.DIM)),
        line(("up ", ink.LABEL), span(view.uptime_s)),
        line(("lag ", ink.LABEL), _ms(view.feed_latency_ms)),
    ]
    return joined(chips, room)


def _links(frame: Frame) -> Piece:
    links = frame.view.links
    up = f"{sum(link.up for link in links)}/{len(links)}"
    if frame.stale:
        return f"were {up} up", ink.WARN
    down = " ".join(link.name for link in links if not link.up)
    return (f"{up} DOWN {down}", ink.ALARM) if down else (f"{up} up", ink.GOOD)


def _ms(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.1f} ms"


def side_line(frame: Frame, side: int, width: int) -> Text:
    """One side: its reason as a text, then its prices, or what would clear the reason."""
    view, glyphs = frame.view, frame.glyphs
    state = view.bid if side > 0 else view.ask
    quoting = state.reason is SideReason.QUOTING
    name = "BID" if side > 0 else "ASK"
    if frame.stale:
        said = (f"{glyphs.unknown} LAST SEEN {state.reason.upper()}", ink.WARN)
    else:
        sign = glyphs.quoting if quoting else glyphs.stopped
        said = (f"{sign} {state.reason.upper()}", _reason_ink(state, side))
    text = line((f" {name} ", ink.side_ink(side)), said)
    if quoting:
        text.append_text(_prices(view, side))
    if state.detail:
        text.append(f"  {state.detail}")
    if state.clears:
        text.append(f"  {glyphs.arrow} clears: ", ink.LABEL).append(state.clears, ink.STRONG)
    elif side < 0 and view.risk_detail:
        text.append(f"  {view.risk_detail}", ink.WARN)
    return fit(text, width, glyphs.cut)


def _reason_ink(state: SideView, side: int) -> str:
    if state.reason is SideReason.QUOTING:
        return ink.side_ink(side)
    calm = (SideReason.PAUSED, SideReason.SIDE_OFF, SideReason.NOT_CALIBRATED, SideReason.AT_LIMIT)
    return ink.WARN if state.reason in calm else ink.ALARM


def _prices(view: DeskView, side: int) -> Text:
    prices = view.quote.bid_ticks if side > 0 else view.quote.ask_ticks
    step = grid(view.tick_size)
    text = Text()
    for i, ticks in enumerate(prices[:_MOST_PRICES]):
        text.append("  " if i else "  at ", ink.LABEL if not i else "")
        text.append(step.text(ticks), ink.STRONG if not i else "")
    if len(prices) > _MOST_PRICES:
        text.append(f"  +{len(prices) - _MOST_PRICES}", ink.DIM)
    if prices:
        text.append("  each ", ink.LABEL).append(
            grid(view.lot_size).text(view.quote.order_qty_lots)
        )
    return text
