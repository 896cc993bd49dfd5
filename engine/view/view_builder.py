"""View builder: the trader's state as the view that every screen draws."""

import math
from statistics import median

import numpy as np

from engine.core import orders
from engine.core.budgets import ORDERS_1M, ORDERS_10S
from engine.core.desk_layout import PLACED_1M, PLACED_10S
from engine.core.ledger import usdt
from engine.core.market_monitor import number
from engine.core.operator import TUNABLE, retuned
from engine.core.states import FitKind, FlattenState
from engine.core.trader import COUNTDOWN_MS, Trader
from engine.models.intensity import SideFit
from engine.view.desk_view import (
    BookView,
    CalibrationView,
    DeskView,
    ErrorView,
    FlattenView,
    InventoryView,
    LinkView,
    MoneyView,
    OrderView,
    Preview,
    QuoteView,
    SideFitView,
    SideView,
    SwitchView,
)
from exchange.types import Link, Side

_BOOK_LEVELS = 100
_ALWAYS_SHOWN = (-2011, -1021, -5022)
_QUOTE_ASSET = "USDT"


class ViewBuilder:
    """Builds the view of one trader again and again, reusing its arrays.

    Looking changes nothing: a desk that is watched decides as one that is not.
    """

    def __init__(self, trader: Trader) -> None:
        self._trader = trader
        self._ticks = np.zeros(_BOOK_LEVELS, dtype=np.int64)
        self._lots = np.zeros(_BOOK_LEVELS, dtype=np.int64)

    def build(self, recv_ns: int, mono_ns: int) -> DeskView:
        """The desk as it stands at this moment."""
        trader = self._trader
        instrument = trader.instrument
        latency_ns = trader.market.feed_latency_ns
        trips_ns = trader.round_trips_ns
        return DeskView(
            mode=trader.mode,
            symbol=instrument.symbol,
            config=trader.settings.config,
            tick_size=instrument.price.step,
            lot_size=instrument.qty.step,
            quote_asset=_QUOTE_ASSET,
            recv_ns=recv_ns,
            uptime_s=(mono_ns - trader.started_mono_ns) / 1e9 if trader.started_mono_ns else 0.0,
            risk=trader.gate.state,
            risk_detail=trader.gate.detail,
            paused=trader.operator.paused,
            stopping=trader.operator.stopping,
            bid=self._side(Side.BUY),
            ask=self._side(Side.SELL),
            book=self._book(mono_ns),
            orders=self._orders(mono_ns),
            quote=self._quote(mono_ns),
            calibration=self._calibration(),
            watch=trader.market_monitor.view(mono_ns),
            inventory=self._inventory(),
            money=self._money(),
            links=[self._link(link, mono_ns) for link in Link],
            errors=self._errors(mono_ns),
            round_trip_ms=median(trips_ns) / 1e6 if trips_ns else None,
            feed_latency_ms=latency_ns / 1e6 if latency_ns is not None else None,
            orders_10s=int(trader.desk[PLACED_10S]),
            orders_1m=int(trader.desk[PLACED_1M]),
            orders_10s_limit=ORDERS_10S,
            orders_1m_limit=ORDERS_1M,
            switch=self._switch(mono_ns),
            halts=trader.gate.halts,
            risk_cure=trader.gate.cure,
            resume_refused=trader.resume_refused,
            left=trader.left,
            flatten=self._flatten(mono_ns),
        )

    def _side(self, side: Side) -> SideView:
        status = self._trader.side_status[side]
        return SideView(status.reason, status.detail, status.clears)

    def _flatten(self, mono_ns: int) -> FlattenView | None:
        """How far it is; None while nobody asked."""
        flatten = self._trader.flatten
        if flatten.state is FlattenState.IDLE:
            return None
        return FlattenView(flatten.state, flatten.tries, flatten.refusal, flatten.left_s(mono_ns))

    def _levels(self, side: Side) -> list[tuple[int, int]]:
        found = self._trader.market.book.top(side, _BOOK_LEVELS, self._ticks, self._lots)
        return list(zip(self._ticks[:found].tolist(), self._lots[:found].tolist(), strict=True))

    def _book(self, mono_ns: int) -> BookView:
        market = self._trader.market
        last = market.last_print
        heard_ns = self._trader.links[Link.PUBLIC].heard_ns
        return BookView(
            bids=self._levels(Side.BUY),
            asks=self._levels(Side.SELL),
            last_ticks=last[0] if last else None,
            last_side=int(last[1]) if last else 0,
            trusted=market.trusted,
            age_ms=(mono_ns - heard_ns) // 1_000_000 if heard_ns is not None else None,
        )

    def _orders(self, mono_ns: int) -> list[OrderView]:
        table = self._trader.table
        ours = [
            OrderView(
                client_order_id=table.client_order_id(slot),
                side=int(table.side[slot]),
                price_ticks=int(table.price_ticks[slot]),
                qty_lots=int(table.qty_lots[slot]),
                filled_lots=int(table.booked_lots[slot]),
                state=orders.STATE_NAMES[table.state[slot]],
                age_ms=int(mono_ns - table.placed_ns[slot]) // 1_000_000,
            )
            for slot in table.used
            if table.state[slot] != orders.DONE
        ]
        foreign = [
            OrderView(
                client_order_id=name,
                side=int(order.side),
                price_ticks=order.price_ticks,
                qty_lots=order.qty_lots,
                filled_lots=order.filled_lots,
                state="foreign",
                age_ms=(mono_ns - order.mono_ns) // 1_000_000,
            )
            for name, order in self._trader.account.foreign.items()
        ]
        return ours + foreign

    def _quote(self, mono_ns: int) -> QuoteView:
        trader = self._trader
        tuning, at, fair = trader.operator.tuning, trader.offsets, trader.fair_ticks
        wanted = trader.wanted
        fit = trader.calibrator.fit
        half_spread, inventory_skew = at.at(trader.q) if at else (None, None)
        reservation = None if inventory_skew is None or fair is None else fair - inventory_skew
        return QuoteView(
            fair_ticks=fair,
            fair_kind=trader.fair.kind,
            reservation_ticks=reservation,
            half_spread_ticks=half_spread,
            inventory_skew_ticks=inventory_skew,
            skew_ticks_per_lot=at.skew(trader.q) if at else None,
            branch=at.branch if at else "",
            validity=at.a if at else None,
            bound_fills=trader.bound(tuning),
            c1_ticks=at.c1 if at else None,
            c2=at.c2 if at else None,
            gamma=tuning.gamma,
            delta=tuning.delta,
            adj1=tuning.adj1,
            adj2=tuning.adj2,
            A_per_s=fit.A_per_s if fit else None,
            k_per_tick=fit.k_per_tick if fit else None,
            sigma_ticks=fit.sigma_ticks if fit else None,
            fit=self.fit_kind(),
            fit_note=trader.calibrator.note,
            fit_age_s=(mono_ns - fit.mono_ns) / 1e9 if fit and fit.mono_ns else None,
            grid_interval_ticks=at.interval if at else None,
            order_qty_lots=trader.settings.order_lots,
            grid_num=trader.settings.grid_num,
            bid_ticks=wanted[Side.BUY],
            ask_ticks=wanted[Side.SELL],
            bid_clamped=self._clamped(Side.BUY, reservation, half_spread),
            ask_clamped=self._clamped(Side.SELL, reservation, half_spread),
        )

    def _clamped(self, side: Side, reservation: float | None, half_spread: float | None) -> bool:
        touch = self._trader.market.touch
        if touch is None or reservation is None or half_spread is None:
            return False
        others = touch[0] if side is Side.BUY else touch[1]
        return side * (reservation - side * half_spread - others) > 0

    def fit_kind(self) -> FitKind:
        """What the quoted A and k are at this moment."""
        fit = self._trader.calibrator.fit
        if fit is None:
            return FitKind.NONE
        return FitKind.WIDENED if fit.widened else FitKind(fit.source)

    def _calibration(self) -> CalibrationView:
        calibrator, settings = self._trader.calibrator, self._trader.settings
        reading = calibrator.reading
        low, high = reading.sigma_interval if reading else (math.nan, math.nan)
        return CalibrationView(
            intensity=settings.intensity,
            volatility=settings.volatility,
            bid=_side_fit(reading.bid) if reading else None,
            ask=_side_fit(reading.ask) if reading else None,
            own=_side_fit(self._trader.own_intensity.read()),
            misfit=number(reading.misfit) if reading else None,
            max_misfit=reading.max_misfit if reading else settings.max_misfit,
            sigma_ticks=number(reading.sigma) if reading else None,
            sigma_low=number(low),
            sigma_high=number(high),
            noise_ratio=number(reading.noise_ratio) if reading else None,
            window_s=settings.window_s,
            seen_s=calibrator.seen_s,
        )

    def _inventory(self) -> InventoryView:
        trader = self._trader
        held = trader.ledger.position_lots
        return InventoryView(
            q=trader.q,
            position_lots=held,
            max_position_lots=trader.settings.max_position_lots,
            worst_long_lots=held + trader.table.open_lots(Side.BUY),
            worst_short_lots=held - trader.table.open_lots(Side.SELL),
            doubt=trader.position_doubt,
            break_even_ticks=trader.ledger.break_even_ticks(trader.settings.maker_fee_rate),
        )

    def _money(self) -> MoneyView:
        ledger, account = self._trader.ledger, self._trader.account
        explained_e8 = ledger.realised_e8 - ledger.fees_e8 - ledger.funding_e8
        residual_e8 = account.residual_e8(explained_e8)
        return MoneyView(
            total_usdt=usdt(ledger.total_e8),
            spread_usdt=usdt(ledger.spread_e8),
            inventory_usdt=usdt(ledger.inventory_e8),
            fees_usdt=usdt(-ledger.fees_e8),
            funding_usdt=usdt(-ledger.funding_e8),
            capital_usdt=self._trader.settings.capital_usdt,
            wallet_usdt=usdt(account.wallet_e8) if account.wallet_e8 is not None else None,
            residual_usdt=usdt(residual_e8) if residual_e8 is not None else None,
            drawdown_usdt=usdt(ledger.drawdown_e8),
            fills=ledger.fills,
            volume_usdt=usdt(ledger.volume_e8),
            maker_fills=ledger.maker_fills,
            max_drawdown_usdt=self._trader.gate.max_drawdown_usdt,
        )

    def _link(self, link: Link, mono_ns: int) -> LinkView:
        state = self._trader.links[link]
        heard_ns = state.heard_ns
        return LinkView(
            name=link.value,
            up=state.up,
            age_ms=(mono_ns - heard_ns) // 1_000_000 if heard_ns is not None else None,
            reconnects=max(state.reconnects, 0),
            detail=state.detail,
        )

    def _switch(self, mono_ns: int) -> SwitchView | None:
        asked_ns = self._trader.countdown_asked_mono_ns
        if asked_ns is None:
            return None
        return SwitchView(countdown_s=COUNTDOWN_MS / 1000, age_s=(mono_ns - asked_ns) / 1e9)

    def _errors(self, mono_ns: int) -> list[ErrorView]:
        seen = self._trader.errors.by_code()
        codes = [*_ALWAYS_SHOWN, *sorted(set(seen) - set(_ALWAYS_SHOWN), reverse=True)]
        return [
            ErrorView(
                code=code,
                count=seen[code].count if code in seen else 0,
                last_message=seen[code].last_message if code in seen else "",
                age_s=(mono_ns - seen[code].mono_ns) / 1e9 if code in seen else 0.0,
            )
            for code in codes
        ]


def _side_fit(fit: SideFit | None) -> SideFitView | None:
    """None for a side that was hardly reached: what is no number does not travel."""
    if fit is None:
        return None
    numbers = (fit.A_per_s, *fit.A_interval, fit.k_per_tick, *fit.k_interval)
    return SideFitView(*numbers, fit.n) if all(map(math.isfinite, numbers)) else None


def preview(trader: Trader, name: str, value: float) -> Preview | str:
    """What the quotes would be with one parameter moved, or why it cannot be.

    Args:
        name: A tunable parameter; anything else (``resume``, ``bid``) previews what the
            present parameters would quote were the side free to.
    """
    tuning = trader.operator.tuning
    proposed = retuned(tuning, name, value) if name in TUNABLE else tuning
    if isinstance(proposed, str):
        return proposed
    if trader.calibrator.fit is None:
        return f"no quotes to compare yet: {trader.calibrator.note}"
    after = trader.offsets_for(proposed)
    if after is None:
        return f"{name} at {value:g} gives no finite quote"
    before, q = trader.offsets, trader.q
    levels = trader.settings.grid_num
    old, new = trader.quotes(before, levels), trader.quotes(after, levels)
    old_half, new_half = before.at(q)[0] if before else None, after.at(q)[0]
    return Preview(
        name=name,
        old_value=getattr(tuning, name) if name in TUNABLE else 0.0,
        new_value=value,
        old_bid_ticks=old[0][0] if old else None,
        old_ask_ticks=old[1][0] if old else None,
        new_bid_ticks=new[0][0] if new else None,
        new_ask_ticks=new[1][0] if new else None,
        old_half_spread_ticks=old_half,
        new_half_spread_ticks=new_half,
        old_skew_ticks_per_lot=before.skew(q) if before else None,
        new_skew_ticks_per_lot=after.skew(q),
        nearer=old is not None
        and new is not None
        and any(
            side * (now - then) > 0
            for side, nows, thens in zip((1, -1), new, old, strict=True)
            for now, then in zip(nows, thens, strict=True)
        ),
    )
