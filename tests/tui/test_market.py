"""Market panel: volatility by window, flicker, the noise model, the kind of day."""

import pytest
from rich.text import Text

from engine.core.market_readings import FlickerView, WatchView
from engine.view.desk_view import DeskView
from tests.tui.fake_engine import desk_view
from tests.tui.fake_market import EMPTY_WATCH, flicker, regime, watch
from tui.render.frame import Frame
from tui.render.market import market

NARROW, USUAL, WIDE, ROOMY = (37, 16), (55, 32), (68, 16), (97, 31)
LONGEST_ADVICE = "wide spread, larger size, averaging allowed"
ALL = [NARROW, USUAL, WIDE, ROOMY]
ALARM = flicker(
    bid=31.0,
    star_bid=21.0,
    moves_bid=30,
    moves_ask=0,
    chance=9.3e-10,
    level="alarm",
    words="one side of the touch flickers extremely, or again and again",
)


def watching(**changes: object) -> DeskView:
    return desk_view(watch=watch(**changes))


def drawn(view: DeskView, size: tuple[int, int]) -> list[Text]:
    return market(Frame(view), *size)


def said(view: DeskView, size: tuple[int, int]) -> str:
    return "\n".join(line.plain for line in drawn(view, size))


def inks_at(lines: list[Text], words: str) -> set[str]:
    """Inks of just this text."""
    line = next(line for line in lines if words in line.plain)
    at = line.plain.index(words)
    return {str(span.style) for span in line.spans if span.start <= at < span.end}


@pytest.mark.parametrize("size", ALL)
def test_every_part_is_there_at_every_size(size: tuple[int, int]) -> None:
    """Briefer where rows are few, but no part is lost."""
    text = said(desk_view(), size)

    assert all(each in text for each in ("10s 6.12", " 1m 4.92", " 1d 4.41", "13 min"))
    assert all(each in text for each in ("each second", "1.42", "each update", "1.31", "0.85"))
    assert all(each in text for each in ("chance 0.17", "usual to 3.6", "97%", "0.1–3.1"))
    assert "noise model, not" in text
    assert "3.61" in text
    assert all(each in text for each in ("daily high", "unknown, 2.1 of 7 days seen"))
    assert "…" not in text


def test_a_window_that_was_not_seen_in_full_is_dim_and_says_how_much() -> None:
    lines = drawn(desk_view(), USUAL)

    assert "dim" in inks_at(lines, "4.41")
    assert "strong" in inks_at(lines, "4.77")
    assert next(line.plain for line in lines if "10m" in line.plain).rstrip()[-1] != "n"


def test_bars_are_held_against_the_quoted_sigma() -> None:
    """The mark stands at the same cell in every row; calm bars end before it, wild ones after."""
    windows = [(10.0, 9.0, 10.0), (60.0, 4.8, 60.0), (600.0, 2.0, 600.0)]
    rows = [line.plain for line in drawn(watching(volatility=windows), USUAL)[1:4]]
    mark = rows[0].index("┼")

    assert [row.index("┼") for row in rows] == [mark] * 3
    assert "█" in rows[0][mark + 1 :]
    assert "█" not in rows[2][mark - 2 :]


def test_a_bar_too_long_for_its_room_is_pointed() -> None:
    """Ten seconds with a jump must not shrink all other bars."""
    assert "▷" in said(watching(volatility=[(10.0, 60.0, 10.0), (60.0, 4.8, 60.0)]), USUAL)


@pytest.mark.parametrize(
    ("level", "name", "name_ink"),
    [
        ("notice", "NOTICE", "warn"),
        ("warning", "WARNING", "warn-block"),
        ("alarm", "ALARM", "alarm-block"),
    ],
)
@pytest.mark.parametrize("size", ALL)
def test_a_level_is_a_word_as_well_as_an_ink(
    size: tuple[int, int], level: str, name: str, name_ink: str
) -> None:
    loud = flicker(level=level, words="one side of the touch flickers more than usual")
    lines = drawn(watching(flicker=loud), size)

    assert name_ink in inks_at(lines, name)
    assert "one side of the touch" in "\n".join(line.plain for line in lines)


@pytest.mark.parametrize("size", ALL)
def test_an_alarm_leaves_room_for_its_numbers(size: tuple[int, int]) -> None:
    """The loudest case has the most to say, also beside the longest advice."""
    view = watching(
        flicker=ALARM,
        regime=regime(known=True, daily_high=False, advice=LONGEST_ADVICE),
    )
    text = " ".join(said(view, size).split())

    assert all(each in text for each in ("again and again", "31.00", "21.00", "30", "9.3e-10"))
    assert "allowed" in text


def minute(view: WatchView) -> FlickerView:
    assert view.flicker is not None
    return view.flicker


def test_flicker_speaks_of_the_book_and_of_nobody() -> None:
    text = said(watching(flicker=ALARM), USUAL).lower()

    assert minute(watch(flicker=ALARM)).words.split(",")[0] in text
    assert not any(word in text for word in ("spoof", "manipul", "trader", "somebody", "suspect"))


@pytest.mark.parametrize("size", [USUAL, WIDE, ROOMY])
def test_the_noise_model_is_never_taken_for_the_quote(size: tuple[int, int]) -> None:
    text = said(desk_view(), size)

    assert "noise model, not part of the quote" in text
    assert "gain: model solid, sample dashed" in text
    assert "▲ best" in text


@pytest.mark.parametrize(
    ("daily_high", "intraday_high"), [(False, False), (False, True), (True, False), (True, True)]
)
def test_the_live_cell_of_the_day_is_marked(daily_high: bool, intraday_high: bool) -> None:
    day = regime(daily_high=daily_high, intraday_high=intraday_high, known=True)
    lines = drawn(watching(regime=day), USUAL)
    name = "daily high" if daily_high else "daily low"
    row = next(line.plain for line in lines if line.plain.startswith(name))
    heads = next(line.plain for line in lines if line.plain.startswith("intraday"))
    under = heads.index("high" if intraday_high else "low")

    assert abs(row.index("● now") - under) < 4
    assert "\n".join(line.plain for line in lines).count("now") == 1


def test_an_unknown_day_is_no_more_than_cautious() -> None:
    """The cell is a guess then, and must not look like a finding."""
    text = said(desk_view(), USUAL)

    assert "? cautious" in text
    assert "● now" not in text


@pytest.mark.parametrize("size", ALL)
def test_what_was_not_seen_is_not_made_up(size: tuple[int, int]) -> None:
    text = said(desk_view(watch=EMPTY_WATCH), size)

    assert "nothing seen yet" in text
    assert "not measured yet" in text
    assert "efficiency" not in text
