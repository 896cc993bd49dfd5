"""Profit panel: the total and its parts, which sum exactly on the screen too."""

from rich.text import Text

from engine.view.desk_view import MoneyView
from tui.render.draw import ink
from tui.render.draw.format import compact, parts_that_sum, signed
from tui.render.draw.glyphs import Glyphs
from tui.render.draw.lines import Piece, fit, joined, line, spread
from tui.render.frame import Frame

_DECIMALS = 4
_TIGHT_ROWS = 5
_PART_NAMES = ("spread", "inventory", "fees", "funding")
_SHORT_NAMES = ("spr", "inv", "fee", "fnd")


def money(frame: Frame, width: int, height: int) -> list[Text]:
    """Total and parts always; wallet, fills and the rest where there are rows."""
    glyphs = frame.glyphs
    sums = frame.view.money
    if height < _TIGHT_ROWS:
        rows = _tight(sums, width, frame.view.quote_asset, glyphs)
    else:
        total, parts = _rounded(sums, _DECIMALS)
        rows = [
            _head(total, _DECIMALS, sums, frame.view.quote_asset, width, glyphs),
            *_parts_in_rows(parts, width, glyphs),
            *_rest(sums, width),
        ]
    return [fit(row, width, glyphs.cut) for row in rows[:height]]


def _rounded(sums: MoneyView, decimals: int) -> tuple[float, list[float]]:
    parts = [sums.spread_usdt, sums.inventory_usdt, sums.fees_usdt, sums.funding_usdt]
    return parts_that_sum(sums.total_usdt, parts, decimals)


def _head(
    total: float, decimals: int, sums: MoneyView, unit: str, width: int, glyphs: Glyphs
) -> Text:
    number = signed(total, decimals, glyphs.minus).strip()
    left = line(("PnL ", ink.LABEL), (number, ink.sign_ink(total)), (f" {unit}", ink.LABEL))
    for name in ("max drawdown ", "max dd "):
        right = line((name, ink.LABEL), f"{sums.max_drawdown_usdt:.2f}")
        if left.cell_len + 2 + right.cell_len <= width:
            return spread(left, right, width, glyphs.cut)
    return left


def _tight(sums: MoneyView, width: int, unit: str, glyphs: Glyphs) -> list[Text]:
    """Two lines, with as many digits as the parts leave room for."""
    for names, decimals in ((_PART_NAMES, _DECIMALS), (_SHORT_NAMES, _DECIMALS), (_SHORT_NAMES, 2)):
        total, parts = _rounded(sums, decimals)
        text = Text(no_wrap=True, end="")
        for name, part in zip(names, parts, strict=True):
            text.append(f"{' ' if text else ''}{name} ", ink.LABEL)
            text.append(signed(part, decimals, glyphs.minus).strip(), ink.sign_ink(part))
        if text.cell_len <= width:
            break
    return [_head(total, decimals, sums, unit, width, glyphs), text]


def _parts_in_rows(parts: list[float], width: int, glyphs: Glyphs) -> list[Text]:
    """One row a part: sign, number, and a bar against the largest."""
    largest = max(abs(part) for part in parts) or 1.0
    rows = []
    for name, part in zip(_PART_NAMES, parts, strict=True):
        number = signed(part, _DECIMALS, glyphs.minus)
        room = max(0, width - 12 - max(11, len(number)))
        bar = glyphs.bar * round(abs(part) / largest * room)
        rows.append(
            line(
                (f"{name:<10}", ink.LABEL),
                (f"{number:>11}", ink.sign_ink(part)),
                "  ",
                (bar, ink.BID_BAR if part > 0 else ink.ASK_BAR),
            )
        )
    return rows


def _rest(sums: MoneyView, width: int) -> list[Text]:
    wallet = "n/a" if sums.wallet_usdt is None else f"{sums.wallet_usdt:.2f}"
    residual: Piece = ("n/a", ink.WARN)
    if sums.residual_usdt is not None:
        text = f"{sums.residual_usdt:.{_DECIMALS}f}"
        residual = (text, ink.ALARM) if text.strip("-0.") else text
    share = f"{sums.maker_fills / sums.fills:.0%}" if sums.fills else "n/a"
    return [
        joined(
            [
                line(("wallet ", ink.LABEL), wallet),
                line(("residual ", ink.LABEL), residual),
            ],
            width,
        ),
        joined(
            [
                line(("fills ", ink.LABEL), f"{sums.fills}"),
                line(("maker ", ink.LABEL), share),
            ],
            width,
        ),
        joined(
            [
                line(("volume ", ink.LABEL), compact(sums.volume_usdt)),
                line(("capital ", ink.LABEL), f"{sums.capital_usdt:.0f}"),
            ],
            width,
        ),
    ]
