"""Noise model panel: what quotes would gain around a price that always comes back."""

from rich.text import Text

from engine.view.desk_view import DeskView
from tui.render.draw import ink
from tui.render.draw.depth_chart import Stroke, depth_chart
from tui.render.draw.format import figure
from tui.render.draw.glyphs import Glyphs
from tui.render.draw.lines import flowed, line, widest

_CHART_ROWS = 5
"""Fewer show no shape."""


def noise(view: DeskView, width: int, glyphs: Glyphs, *, brief: bool = False) -> list[Text]:
    """That it is no part of the quote; its best half spread; how far its assumption holds.

    Args:
        brief: One row.
    """
    seen = view.watch.noise
    title = ("noise model", ink.TITLE)
    wordings = [
        line(title, (f", {words}", ink.LABEL)) for words in ("not part of the quote", "not quoted")
    ]
    head = widest(wordings, width, glyphs.cut)
    if seen is None:
        missing = ("not measured yet", ink.DIM)
        return [line(title, ": ", missing)] if brief else [head, line(missing)]
    best = f"{seen.half_spread_ticks:.2f}"
    if brief:
        with_best = [each.copy().append(": half ", ink.LABEL).append(best) for each in wordings]
        return [widest(with_best, width, glyphs.cut)]
    chips = [
        line(("best half ", ink.LABEL), (best, ink.STRONG), (" ticks", ink.LABEL)),
        line(("gain ", ink.LABEL), f"{seen.gain_ticks:.2f}"),
        line((f"mids {glyphs.sigma} ", ink.LABEL), figure(seen.sigma_ticks)),
        line(("shift ", ink.LABEL), f"{seen.shift_ticks:.2f}", (" (wants 0)", ink.LABEL)),
    ]
    return [head, *flowed(chips, width)]


def noise_chart(view: DeskView, width: int, height: int, glyphs: Glyphs) -> list[Text]:
    """Gain over half spread, by the model and by the sample; nothing where it has no room."""
    seen = view.watch.noise
    if seen is None or not seen.curve or height < _CHART_ROWS:
        return []
    by_model = [(half, gain) for half, gain, _ in seen.curve]
    by_sample = [(half, gain) for half, _, gain in seen.curve]
    legend = line(
        ("gain: ", ink.LABEL),
        ("model", ink.ACCENT),
        (" solid, ", ink.LABEL),
        ("sample", ink.GOOD),
        (" dashed", ink.LABEL),
    )
    return [
        legend,
        *depth_chart(
            [(by_model, ink.ACCENT, Stroke.SOLID), (by_sample, ink.GOOD, Stroke.DASHED)],
            width,
            height - 1,
            mark=(seen.half_spread_ticks, "best"),
            unit="",
            glyphs=glyphs,
        ),
    ]
