"""One client of the venue: its key, its money, what moved it, and its private stream."""

from collections import deque

from exchange.paper.account.account import Account
from exchange.paper.account.orders import Income
from exchange.paper.limits import OrderLimits
from exchange.paper.pubsub.pubsub import Payload, PubSub
from exchange.paper.settings import AccountSettings
from exchange.paper.streams.user_stream import UserStream

KEPT_INCOMES = 20_000


class Client:
    """One account.

    Args:
        number: Its owner number in every market; from 1.
    """

    def __init__(self, settings: AccountSettings, number: int, pubsub: PubSub) -> None:
        self.name = settings.name
        self.api_key = settings.api_key
        self.number = number
        self.account = Account(
            settings.capital_e8, settings.maker_fee_rate, settings.taker_fee_rate
        )
        self.limits = OrderLimits()
        self.burns_fees = False
        """Whether fees are to be paid in BNB; without effect, since nobody here holds any."""
        self.user_stream = UserStream(pubsub, f"{settings.api_key}:{settings.api_secret}")
        self.incomes: deque[Income] = deque(maxlen=KEPT_INCOMES)
        """Oldest first."""
        self.income_number = 0
        """Of the newest."""

    def note_income(
        self, symbol: str, kind: str, income_e8: int, now_ms: int, trade_id: int | None = None
    ) -> None:
        """Remember a movement of the wallet; one of nothing is none."""
        if income_e8:
            self.income_number += 1
            self.incomes.append(
                Income(symbol, kind, income_e8, now_ms, self.income_number, trade_id)
            )

    def pay(self, symbol: str, kind: str, income_e8: int, now_ms: int) -> None:
        """Move the wallet for another reason than a trade; negative takes from it."""
        self.account.wallet_e8 += income_e8
        self.account.updated_ms = now_ms
        self.note_income(symbol, kind, income_e8, now_ms)

    def publish(self, payload: Payload) -> None:
        self.user_stream.publish(payload)
