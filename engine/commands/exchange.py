"""``engine exchange``: what it does before and around the loop of the embedded exchange."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from engine.config.desk import load_config
from engine.desks.record import config_arguments
from engine.process.hints import pasteable
from engine.process.lock import ProcessLock
from engine.process.paths import made_private, paths_of
from exchange.errors import RecordingGarbled
from exchange.instrument import E8
from exchange.paper.settings import PaperSettings, RecordedMarket
from exchange.paper.venue.market import OpenRecorded, no_recordings


def run_exchange(config_path: Path, overrides: list[str]) -> None:
    """Run the paper exchange of this config until it is told to stop.

    Raises:
        EngineError: When it cannot start.
        SettingsError: When its port is taken.
    """
    config = load_config(config_path, overrides)
    paths = made_private(paths_of(config.desk_name))
    lock = paths.exchange_lock(config.paper.port)
    stop = pasteable("engine", "stop", *config_arguments(config_path, overrides))
    remedy = f"it serves already; end it: {stop}"
    with ProcessLock(lock, "a paper exchange", remedy):
        import uvloop

        from exchange.paper.server.server import serve, settle_heap

        settings = config.paper_settings()
        open_recorded = _recordings_opener() if settings.plays_recordings else no_recordings

        settle_heap()

        def ready() -> None:
            with suppress(OSError):  # whoever read the first lines may have enough
                for line in _what_is_served(settings):
                    print(f"exchange: {line}", flush=True)

        async def until_told() -> None:
            loop = asyncio.get_running_loop()
            serving = asyncio.ensure_future(serve(settings, ready, open_recorded))
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                loop.add_signal_handler(number, serving.cancel)
            try:
                await serving
            except asyncio.CancelledError:
                print("exchange: stopped")

        uvloop.run(until_told())


def _recordings_opener() -> OpenRecorded:
    """What plays a recording; its kernels are compiled first, with a bar where somebody waits."""
    from engine.process.warm_up import warm_up
    from exchange.paper.background.recorded import open_recording

    warm_up("exchange")
    return lambda market, instrument, first_id: open_recording(
        market, instrument, _UpToTheTear(market.path), first_id
    )


class _UpToTheTear:
    """The lines of a recording; one that was torn off ends with an error that says so."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __iter__(self) -> Iterator[tuple[int, int, bytes]]:
        from exchange.recording.reader import Recording

        recording = Recording(self._path)
        yield from recording
        if recording.tear is not None:
            tear = recording.tear
            raise RecordingGarbled(str(self._path), tear.line_number, tear.text)


def _what_is_served(settings: PaperSettings) -> Iterator[str]:
    """Where clients are to be pointed, and what they find there."""
    where = f"127.0.0.1:{settings.port}"
    yield "Binance USD-M on this machine, with pretended money; docs/exchange.md tells the rest"
    yield f"REST      http://{where}"
    yield f"streams   ws://{where}" + (" (strict: by path, as mainnet)" if settings.strict else "")
    yield f"ws-fapi   ws://{where}/ws-fapi/v1"
    if settings.admin_port is not None:
        yield f"admin     http://127.0.0.1:{settings.admin_port}/faults"
    for listing in settings.listings:
        market = listing.market
        description = (
            f"{market.path}, {market.speed:g} times as fast as recorded"
            if isinstance(market, RecordedMarket)
            else f"synthetic, {market.regime}, seed {market.seed}"
        )
        yield f"symbol    {listing.instrument.symbol}: {description}"
    for account in settings.accounts:
        money = account.capital_e8 / E8
        yield f"account   {account.name}: key {account.api_key}, {money:,.2f} USDT"
