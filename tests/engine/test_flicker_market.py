"""Flicker watch of the desk on the market that flickers to order."""

from collections import Counter
from dataclasses import replace

from engine.core.log import DeskLog
from engine.core.market_monitor import FlickerWatch
from exchange.paper.background.flicker import EPISODE_S, PAUSE_S
from exchange.paper.background.synthetic_flow import STEP_NS, SyntheticFlow
from exchange.paper.matching.events import Traded
from exchange.paper.matching.price_time import Matching
from exchange.paper.settings import FlickerCase
from tests.engine.virtual_desk import MARKET, START_NS


class Seen:
    """What the watch says, second by second, of three minutes: a pause and an episode."""

    def __init__(self, flicker: FlickerCase) -> None:
        matching = Matching()
        flow = SyntheticFlow(replace(MARKET, flicker=flicker), matching)
        log = DeskLog()
        watch = FlickerWatch(log)
        self.levels: Counter[str] = Counter()
        self.highest = self.highest_star = 0.0
        for step in range(round((PAUSE_S + EPISODE_S) * 1e9) // STEP_NS):
            now_ns = START_NS + step * STEP_NS
            for events in flow.advance(now_ns):
                for event in events:
                    if isinstance(event, Traded):
                        watch.receive_print(
                            now_ns, event.taker_side, event.price_ticks, event.qty_lots
                        )
            watch.receive_touch(now_ns, matching.touch())
            if step % 50 == 0:
                watch.hear_tape(now_ns)  # the mark price; during an episode nobody trades
                watch.step()
                self._note(watch)
        self.told = [line.text for line in log.since(0)]

    def _note(self, watch: FlickerWatch) -> None:
        view = watch.view
        if view is not None:
            self.levels[view.level] += 1
            self.highest = max(self.highest, view.bid, 1 / view.bid)
            self.highest_star = max(self.highest_star, view.star_bid, view.star_ask)


def test_the_calm_market_is_quiet() -> None:
    seen = Seen("none")

    assert set(seen.levels) == {"quiet"}
    assert seen.highest < 3.1


def test_quotes_that_are_eaten_shake_the_touch_and_alarm_nobody() -> None:
    """Case 1: the plain measure does not see it, the improved one does."""
    seen = Seen("case1")

    assert seen.highest > 100
    assert seen.highest_star < 20
    assert not {"warning", "alarm"} & set(seen.levels)


def test_quotes_that_are_cancelled_sound_the_alarm() -> None:
    """Case 2."""
    seen = Seen("case2")

    assert seen.highest > 100
    assert seen.highest_star > 100
    assert seen.levels["alarm"] > 55
    assert any(text.startswith("flicker alarm") for text in seen.told)
