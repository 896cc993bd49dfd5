"""Account memory: past states of the accounts, for answers from a replica that lags behind.

A past state is the venue with other symbol accounts and clients in it, so the same endpoints answer
from it. Finished orders, trades and incomes only ever grow, so of those it is kept how many there
were; what is open, held and owned is copied.
"""

from collections import deque
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, replace
from itertools import islice
from typing import TypeVar

from exchange.paper.account.account import Account, Holding, Mark
from exchange.paper.account.orders import OrderLog, OrderRecord
from exchange.paper.venue.client import Client
from exchange.paper.venue.symbol_account import SymbolAccount
from exchange.paper.venue.symbol_ledger import SymbolLedger
from exchange.paper.venue.venue import PaperVenue

EVERY_MS = 5  # as often as the server advances the venue's time
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class _LedgerThen:
    """One account's ledger of one symbol at an instant."""

    open_orders: tuple[OrderRecord, ...]
    finished: int
    trades: int
    holding: Holding


@dataclass(frozen=True, slots=True)
class _Then:
    """Every account at an instant."""

    time_ns: int
    ledgers: dict[tuple[int, str], _LedgerThen]
    """By the client's number and the symbol."""
    accounts: dict[int, Account]
    """By the client's number, as copies."""
    incomes: dict[int, int]
    """How many there were, likewise."""


class AccountMemory:
    """The states of the last while, as far back as was asked for when they were kept."""

    def __init__(self, venue: PaperVenue) -> None:
        self._venue = venue
        self._seen: deque[_Then] = deque()

    def keep(self, longest_ms: float) -> None:
        """Remember the present, and forget what is older than anybody will ask for.

        Args:
            longest_ms: How far back an answer may look; 0 forgets everything.
        """
        now_ns = self._venue.now_ns
        if longest_ms <= 0:
            self._seen.clear()
            return
        if self._seen and now_ns - self._seen[-1].time_ns < EVERY_MS * 1_000_000:
            return
        self._seen.append(self._now())
        while len(self._seen) > 1 and now_ns - self._seen[1].time_ns >= longest_ms * 1e6:
            self._seen.popleft()

    def recall(self, age_ms: float, client: Client) -> tuple[PaperVenue, Client]:
        """The venue at least so long ago, else as far back as is known, and the client in it.

        It may only be read. The first to look back begins the memory, where nothing was kept.
        """
        if not self._seen:
            self._seen.append(self._now())
        due_ns = self._venue.now_ns - age_ms * 1e6
        found = self._seen[0]
        for then in self._seen:
            if then.time_ns > due_ns:
                break
            found = then
        return self._venue_of(found, client)

    def _now(self) -> _Then:
        before = self._seen[-1] if self._seen else None
        return _Then(
            self._venue.now_ns,
            {
                key: _ledger_now(ledger, before.ledgers[key] if before else None)
                for client in self._venue.clients
                for key, ledger in self._ledgers(client)
            },
            {client.number: copy(client.account) for client in self._venue.clients},
            {client.number: client.income_number for client in self._venue.clients},
        )

    def _ledgers(self, client: Client) -> Iterator[tuple[tuple[int, str], SymbolLedger]]:
        for symbol_account in self._venue.symbol_accounts(client):
            yield (client.number, symbol_account.market.symbol), symbol_account.ledger

    def _venue_of(self, then: _Then, client: Client) -> tuple[PaperVenue, Client]:
        past = copy(client)
        past.account = copy(then.accounts[client.number])
        more = client.income_number - then.incomes[client.number]
        past.incomes = deque(_first(client.incomes, more))
        symbol_accounts = {}
        past.account.holdings = {}
        for symbol_account in self._venue.symbol_accounts(client):
            market = symbol_account.market
            key = client.number, market.symbol
            ledger = _past_ledger(symbol_account.ledger, then.ledgers[key], past)
            symbol_accounts[key] = SymbolAccount(ledger, market)
            past.account.holdings[market.symbol] = ledger.holding
        return self._venue.with_symbol_accounts(symbol_accounts, then.time_ns), past


def _ledger_now(ledger: SymbolLedger, before: _LedgerThen | None) -> _LedgerThen:
    held = {order.venue_order_id: order for order in before.open_orders} if before else {}
    orders = []
    for order in ledger.orders.open.values():
        same = held.get(order.venue_order_id)
        # Most have not changed since, and are shared.
        orders.append(same if same == order else replace(order, amendments=list(order.amendments)))
    holding = copy(ledger.holding)
    holding.mark = Mark(holding.mark.price_e8)
    return _LedgerThen(tuple(orders), ledger.orders.finished, ledger.traded, holding)


def _past_ledger(ledger: SymbolLedger, then: _LedgerThen, client: Client) -> SymbolLedger:
    past = copy(ledger)
    past.client = client
    past.orders = OrderLog.of(
        _first(ledger.orders.ended, ledger.orders.finished - then.finished), then.open_orders
    )
    past.trades = deque(_first(ledger.trades, ledger.traded - then.trades))
    past.holding = then.holding
    return past


def _first(rows: deque[Row], but: int) -> Iterator[Row]:
    """All but the newest few."""
    return islice(rows, max(0, len(rows) - but))
