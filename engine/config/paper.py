"""Config section ``paper``: the markets and the accounts of the embedded exchange."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import msgspec

from engine.config.fault_file import load_faults
from engine.config.fields import Count, DecimalText, FeeRate, Port, Positive, Section, Symbol
from engine.config.shipped_files import meant_file
from engine.errors import ConfigError
from exchange.errors import ExchangeError
from exchange.instrument import E8, Instrument, e8_from_text
from exchange.paper.settings import (
    AccountSettings,
    FlickerCase,
    Listing,
    PaperSettings,
    RecordedMarket,
    Regime,
    SyntheticMarket,
)
from exchange.queue_models import QueueModelName

PAPER_API_KEY = "paper-desk"
PAPER_API_SECRET = "paper-desk-secret"  # opens only the exchange on this machine's loopback


SYNTHETIC = "synthetic"

UsdtSymbol = Annotated[
    str, msgspec.Meta(pattern=r"^\w{1,36}USDT$", description="a symbol that ends in USDT")
]
"""Money is counted in USDT alone."""

_PATHS = ("market", "faults")

NoneOrMore = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]

MarketName = Annotated[str, msgspec.Meta(min_length=1)]
"""``SYNTHETIC``, or the path of a recording."""


class PaperSymbol(Section, frozen=True, kw_only=True):
    """A further symbol; what it does not say is as in ``paper``."""

    symbol: UsdtSymbol
    tick_size: DecimalText
    lot_size: DecimalText
    market: MarketName | None = None
    start_price: DecimalText | None = None
    min_notional: DecimalText | None = None
    sigma_ticks: Positive | None = None
    A_per_s: Positive | None = None
    k_per_tick: Positive | None = None
    half_spread_ticks: Count | None = None
    depth_levels: Count | None = None
    level_lots: Count | None = None
    funding_rate: FeeRate | None = None
    regime: Regime | None = None
    undercutter_lots: NoneOrMore | None = None
    flicker: FlickerCase | None = None


class PaperAccount(Section, frozen=True, kw_only=True):
    """A further account, beside the desk's own; fees are those of ``paper`` unless it says."""

    name: Symbol
    api_key: Annotated[
        str,
        msgspec.Meta(
            pattern=r"^[!-~]{1,128}$", description="1 to 128 printable letters without a space"
        ),
    ]
    """As a header can carry it."""
    api_secret: Annotated[str, msgspec.Meta(min_length=1)]
    capital_usdt: Positive
    maker_fee_rate: FeeRate | None = None
    taker_fee_rate: FeeRate | None = None


class PaperSection(Section, frozen=True, kw_only=True):
    port: Port
    seed: int
    maker_fee_rate: FeeRate
    taker_fee_rate: FeeRate
    market: MarketName = SYNTHETIC
    speed: Positive = 1.0
    start_price: DecimalText
    sigma_ticks: Positive
    A_per_s: Positive
    k_per_tick: Positive
    half_spread_ticks: Count
    depth_levels: Count
    level_lots: Count
    min_notional: DecimalText = "5"
    regime: Regime = "calm"
    undercutter_lots: NoneOrMore = 0
    flicker: FlickerCase = "none"
    funding_rate: FeeRate = 0.0
    strict: bool = False
    faults: str | None = None
    """A file of them."""
    admin_port: Port | None = None
    symbols: tuple[PaperSymbol, ...] = ()
    accounts: tuple[PaperAccount, ...] = ()


def paper_settings(
    paper: PaperSection,
    queue: QueueModelName,
    desk_grid: Instrument,
    capital_usdt: float,
    source: str,
) -> PaperSettings:
    """What the embedded exchange needs.

    Args:
        queue: By which a recorded market fills orders.
        desk_grid: The first symbol, which is the desk's.
        capital_usdt: Of the first account, which is the desk's.
        source: The config file, for messages.

    Raises:
        ConfigError: When a price is off its grid, or a symbol, name or key stands twice.
        SettingsError: When something is wrong in the file of faults.
    """
    if paper.speed != 1.0 and {paper.market, *(s.market for s in paper.symbols)} <= {
        SYNTHETIC,
        None,
    }:
        raise ConfigError(
            source, "paper.speed", "is of a recording; name one as paper.market, or leave it out"
        )
    listings = [_listing(paper, queue, desk_grid, "paper", source)]
    for number, further in enumerate(paper.symbols):
        where = f"paper.symbols[{number}]"
        grid = grid_of(further.symbol, further.tick_size, further.lot_size, where, source)
        given = {
            name: value
            for name in PaperSymbol.__struct_fields__
            if name in PaperSection.__struct_fields__
            and (value := getattr(further, name)) is not None
        }
        # Its own seed, or all symbols would move as one; and a recording is of one symbol.
        other = {"seed": paper.seed + number + 1, "market": SYNTHETIC}
        own = msgspec.structs.replace(paper, **(other | given))
        listings.append(_listing(own, queue, grid, where, source))
    accounts = [
        AccountSettings(
            name="desk",
            api_key=PAPER_API_KEY,
            api_secret=PAPER_API_SECRET,
            capital_e8=round(capital_usdt * E8),
            maker_fee_rate=paper.maker_fee_rate,
            taker_fee_rate=paper.taker_fee_rate,
        ),
        *(_account(account, paper) for account in paper.accounts),
    ]
    _refuse_twice(source, "paper.symbols", "symbol", [one.instrument.symbol for one in listings])
    _refuse_twice(source, "paper.accounts", "name", [account.name for account in accounts])
    _refuse_twice(source, "paper.accounts", "api_key", [account.api_key for account in accounts])
    return PaperSettings(
        port=paper.port,
        listings=tuple(listings),
        accounts=tuple(accounts),
        seed=paper.seed,
        strict=paper.strict,
        faults=None if paper.faults is None else load_faults(Path(paper.faults)),
        admin_port=paper.admin_port,
    )


def settle_paths(tables: dict[str, Any], folder: Path) -> None:
    """Make the paths of a file's tables absolute.

    Args:
        tables: As ``tomllib`` reads them, unchecked; changed in place.
        folder: From which they count.
    """
    paper = tables.get("paper")
    further = paper.get("symbols") if isinstance(paper, dict) else None
    for table in (paper, *(further if isinstance(further, list) else ())):
        for key in _PATHS:
            if isinstance(table, dict) and isinstance(table.get(key), str):
                table[key] = _absolute(table[key], folder)


def settled(override: str) -> str:
    """A ``section.key=value`` whose path, if it is one, counts from the current folder."""
    section_key, equals, value = override.partition("=")
    if section_key.removeprefix("paper.") not in _PATHS or not section_key.startswith("paper."):
        return override
    return section_key + equals + _absolute(str(meant_file(Path(value.strip("\"'")))), Path.cwd())


def _absolute(text: str, folder: Path) -> str:
    return text if text == SYNTHETIC else str(folder / Path(text).expanduser())


def _listing(
    paper: PaperSection, queue: QueueModelName, grid: Instrument, where: str, source: str
) -> Listing:
    instrument = replace(grid, min_notional_e8=e8_from_text(paper.min_notional))
    try:
        _ = instrument.tick_lot_e8
    except ExchangeError as error:
        raise ConfigError(source, f"{where}.lot_size", str(error)) from error
    market = (
        _synthetic(paper, grid, where, source)
        if paper.market == SYNTHETIC
        else _recorded(paper, queue, where, source)
    )
    return Listing(instrument, market, funding_rate=paper.funding_rate)


def _recorded(
    paper: PaperSection, queue: QueueModelName, where: str, source: str
) -> RecordedMarket:
    path = Path(paper.market)
    if not path.is_file():
        raise ConfigError(
            source,
            f"{where}.market",
            f"{path} is no file; name a recording, or say {SYNTHETIC!r}",
        )
    return RecordedMarket(path, paper.speed, queue)


def _synthetic(paper: PaperSection, grid: Instrument, where: str, source: str) -> SyntheticMarket:
    try:
        start_price_ticks = grid.price.count(paper.start_price)
    except ExchangeError as error:
        raise ConfigError(source, f"{where}.start_price", str(error)) from error
    lowest_ticks = paper.depth_levels + paper.half_spread_ticks
    if start_price_ticks <= lowest_ticks:
        raise ConfigError(
            source,
            f"{where}.start_price",
            f"must lie more than depth_levels and half_spread_ticks, {lowest_ticks} ticks, above 0",
        )
    return SyntheticMarket(
        seed=paper.seed,
        start_price_ticks=start_price_ticks,
        sigma_ticks=paper.sigma_ticks,
        A_per_s=paper.A_per_s,
        k_per_tick=paper.k_per_tick,
        half_spread_ticks=paper.half_spread_ticks,
        depth_levels=paper.depth_levels,
        level_lots=paper.level_lots,
        regime=paper.regime,
        undercutter_lots=paper.undercutter_lots,
        flicker=paper.flicker,
    )


def grid_of(symbol: str, tick_size: str, lot_size: str, where: str, source: str) -> Instrument:
    """Raises ``ConfigError`` for a step of nothing."""
    for key, step in (("tick_size", tick_size), ("lot_size", lot_size)):
        if not step.strip("0."):
            raise ConfigError(source, f"{where}.{key}", "must be positive")
    return Instrument.from_steps(symbol, tick_size, lot_size)


def _account(account: PaperAccount, paper: PaperSection) -> AccountSettings:
    def fee(own: float | None, common: float) -> float:
        return common if own is None else own

    return AccountSettings(
        name=account.name,
        api_key=account.api_key,
        api_secret=account.api_secret,
        capital_e8=round(account.capital_usdt * E8),
        maker_fee_rate=fee(account.maker_fee_rate, paper.maker_fee_rate),
        taker_fee_rate=fee(account.taker_fee_rate, paper.taker_fee_rate),
    )


def _refuse_twice(source: str, where: str, key: str, values: list[str]) -> None:
    for value in values:
        if values.count(value) > 1:
            raise ConfigError(source, f"{where}.{key}", f"{value} stands twice; rename one")
