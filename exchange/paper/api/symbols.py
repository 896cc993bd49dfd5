"""Symbol parameter: which markets, or which symbol accounts of a client, a call is about."""

from collections.abc import Callable

from exchange.paper.api.params import Params
from exchange.paper.pubsub.pubsub import Payload
from exchange.paper.venue.client import Client
from exchange.paper.venue.market import Market
from exchange.paper.venue.symbol_account import SymbolAccount
from exchange.paper.venue.venue import PaperVenue


def one(venue: PaperVenue, params: Params) -> Market:
    """The market of the symbol, which must be sent.

    Raises:
        Refused: With -1102 without a symbol, with -1121 for one that is not listed.
    """
    return venue.market(params.need("symbol"))


def asked(venue: PaperVenue, params: Params) -> list[Market]:
    """The market of the symbol that was sent, or else every one; raises like ``one``."""
    symbol = params.text("symbol")
    return list(venue.markets.values()) if symbol is None else [venue.market(symbol)]


def one_or_all(
    venue: PaperVenue, params: Params, row: Callable[[Market], Payload]
) -> Payload | list[Payload]:
    """A row of the symbol that was sent, or else every symbol's in a list; raises like ``one``."""
    rows = [row(market) for market in asked(venue, params)]
    return rows if params.text("symbol") is None else rows[0]


def account(venue: PaperVenue, client: Client, params: Params) -> SymbolAccount:
    """The client's account in the symbol, which must be sent; raises like ``one``."""
    return venue.symbol_account(client, params.need("symbol"))


def accounts(venue: PaperVenue, client: Client, params: Params) -> list[SymbolAccount]:
    """That of the symbol which was sent, or else of every one; raises like ``one``."""
    symbol = params.text("symbol")
    return [venue.symbol_account(client, symbol)] if symbol else venue.symbol_accounts(client)
