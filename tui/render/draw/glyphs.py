"""Glyph sets of the screen: one for UTF-8 terminals and one of plain ASCII."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Glyphs:
    """One set of signs, each one cell wide."""

    up: str
    down: str
    quoting: str
    stopped: str
    resting: str
    placed: str
    cancelling: str
    unknown: str
    wanted: str
    foreign: str
    paused: str
    bar: str
    half_bar: str
    """Right half of a cell."""
    rail: str
    zero: str
    worst_short: str
    worst_long: str
    rule: str
    dot: str
    product: str
    """Between the factors of a product."""
    reach: str
    """Between the ends of an interval."""
    beyond: str
    """Ends a bar that is longer than its room."""
    ours: str
    """Stands before a price of ours."""
    cut: str
    """Ends a text that was cut."""
    times: str
    minus: str
    sigma: str
    gamma: str
    delta: str
    root_s: str
    arrow: str
    braille: bool

    def state(self, name: str) -> str:
        """Sign of an order's state."""
        return {
            "resting": self.resting,
            "placed": self.placed,
            "acked": self.placed,
            "cancelling": self.cancelling,
            "modifying": self.cancelling,
            "foreign": self.foreign,
            "wanted": self.wanted,
        }.get(name, self.unknown)

    def side(self, side: int) -> str:
        """Sign of a buy (+1) or a sell (-1)."""
        return self.up if side > 0 else self.down


UNICODE = Glyphs(
    up="▲",
    down="▼",
    quoting="●",
    stopped="■",
    resting="●",
    placed="‥",
    cancelling="×",
    unknown="?",
    wanted="○",
    foreign="◌",
    paused="‖",
    bar="█",
    half_bar="▐",
    rail="─",
    zero="┼",
    worst_short="◁",
    worst_long="▷",
    rule="─",
    dot="·",
    product="·",
    reach="–",
    beyond="▷",
    ours="▸",
    cut="…",
    times="×",
    minus="−",
    sigma="σ",
    gamma="γ",
    delta="δ",
    root_s="√s",
    arrow="→",
    braille=True,
)

ASCII = Glyphs(
    up="^",
    down="v",
    quoting="*",
    stopped="#",
    resting="*",
    placed=":",
    cancelling="x",
    unknown="?",
    wanted="o",
    foreign="~",
    paused="=",
    bar="#",
    half_bar=" ",
    rail="-",
    zero="+",
    worst_short="<",
    worst_long=">",
    rule="-",
    dot="-",
    product="*",
    reach="-",
    beyond=">",
    ours=">",
    cut="~",
    times="x",
    minus="-",
    sigma="sigma",
    gamma="gamma",
    delta="delta",
    root_s="sqrt(s)",
    arrow="->",
    braille=False,
)


def glyphs_for(environ: Mapping[str, str]) -> Glyphs:
    """The set for a terminal with this environment: ASCII where the locale names another charset.

    No locale at all means UTF-8: containers rarely set one, and their terminals can.
    """
    locale = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or "UTF-8"
    return UNICODE if "utf8" in locale.lower().replace("-", "") else ASCII
