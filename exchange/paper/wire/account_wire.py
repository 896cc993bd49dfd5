"""Account wire format: balances, positions, margin, and their changes, as the venue writes them.

Version 3 lists only symbols with a position or an open order; version 2 of every one.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from exchange.instrument import e8_text
from exchange.paper.account.account import Account, Holding
from exchange.paper.account.margin import most_notional_e8
from exchange.paper.pubsub.pubsub import Payload
from exchange.paper.wire.order_wire import QUOTE_ASSET, Wire


@dataclass(frozen=True, slots=True)
class Stand:
    """Where an account stands in one symbol."""

    wire: Wire
    holding: Holding
    liquidation_price_e8: int
    open_notional: tuple[str, str]
    """Of its open bids and asks."""

    @property
    def engaged(self) -> bool:
        holding = self.holding
        return bool(holding.lots or holding.bids_lots or holding.asks_lots)

    @property
    def amount(self) -> str:
        return self.wire.qty(self.holding.lots)


# ---------------------------------------------------------------- answers


def account(account: Account, stands: Iterable[Stand]) -> Payload:
    """The v3 account."""
    positions = [_v3_position(stand) for stand in stands if stand.engaged]
    return _totals(account) | {"assets": [_asset(account)], "positions": positions}


def account_v2(account: Account, stands: Iterable[Stand]) -> Payload:
    return (
        configuration()
        | _totals(account)
        | {
            "assets": [_asset(account)],
            "positions": [_v2_position(stand) for stand in stands],
        }
    )


def configuration() -> Payload:
    """What the account may do."""
    return {
        "feeTier": 0,
        "canTrade": True,
        "canDeposit": False,
        "canWithdraw": False,
        "multiAssetsMargin": False,
        "tradeGroupId": -1,
        "updateTime": 0,
    }


def balance(account: Account, name: str) -> Payload:
    margin = _margin(account)
    return {
        "accountAlias": name,
        "asset": QUOTE_ASSET,
        "balance": margin["wallet"],
    } | _cross(account)


def position_risk(stand: Stand) -> Payload:
    """One row of the v3 position risk."""
    holding = stand.holding
    return (
        _risk(stand)
        | _margins(holding)
        | {
            "marginAsset": QUOTE_ASSET,
            "adl": 0,
            "bidNotional": stand.open_notional[0],
            "askNotional": stand.open_notional[1],
        }
    )


def position_risk_v2(stand: Stand) -> Payload:
    holding = stand.holding
    return _risk(stand) | {
        "leverage": str(holding.leverage),
        "marginType": "cross",
        "isAutoAddMargin": "false",
        "maxNotionalValue": max_notional(holding.leverage),
    }


def max_notional(leverage: int) -> str:
    return e8_text(most_notional_e8(leverage)).partition(".")[0]


# ---------------------------------------------------------------- events


def traded(account: Account, wire: Wire, holding: Holding, now_ms: int) -> Payload:
    """ACCOUNT_UPDATE after an execution; balance and position are absolute."""
    position = {
        "s": wire.symbol,
        "pa": wire.qty(holding.lots),
        "ep": e8_text(holding.entry_price_e8),
        "bep": e8_text(holding.break_even_price_e8),
        "cr": e8_text(holding.realised_e8),
        "up": e8_text(holding.unrealised_e8),
        "mt": "cross",
        "iw": "0",
        "ps": "BOTH",
    }
    return _update("ORDER", now_ms, {"B": [_wallet(account, 0)], "P": [position]})


def funded(account: Account, symbol: str, received_e8: int, now_ms: int) -> Payload:
    """ACCOUNT_UPDATE after a funding settlement: the wallet alone, since margin is crossed."""
    body: Payload = {"B": [_wallet(account, received_e8)], "P": [], "S": symbol}
    return _update("FUNDING_FEE", now_ms, body)


def moved(account: Account, reason: str, received_e8: int, now_ms: int) -> Payload:
    """ACCOUNT_UPDATE after money came or went for another reason."""
    return _update(reason, now_ms, {"B": [_wallet(account, received_e8)], "P": []})


def margin_call(account: Account, stands: Iterable[Stand], now_ms: int) -> Payload:
    return {
        "e": "MARGIN_CALL",
        "E": now_ms,
        "cw": e8_text(account.wallet_e8),
        "p": [
            {
                "s": stand.wire.symbol,
                "ps": "BOTH",
                "pa": stand.amount,
                "mt": "CROSSED",
                "iw": "0",
                "mp": e8_text(stand.holding.mark.price_e8),
                "up": e8_text(stand.holding.unrealised_e8),
                "mm": e8_text(stand.holding.maintenance_e8),
            }
            for stand in stands
            if stand.holding.lots
        ],
    }


def leverage_changed(symbol: str, leverage: int, now_ms: int) -> Payload:
    return {
        "e": "ACCOUNT_CONFIG_UPDATE",
        "E": now_ms,
        "T": now_ms,
        "ac": {"s": symbol, "l": leverage},
    }


# ---------------------------------------------------------------- parts


def _update(reason: str, now_ms: int, body: Payload) -> Payload:
    return {"e": "ACCOUNT_UPDATE", "E": now_ms, "T": now_ms, "a": {"m": reason} | body}


def _wallet(account: Account, changed_e8: int) -> Payload:
    wallet = e8_text(account.wallet_e8)
    return {"a": QUOTE_ASSET, "wb": wallet, "cw": wallet, "bc": e8_text(changed_e8)}


def _margin(account: Account) -> dict[str, str]:
    position, initial = account.position_margin_e8, account.initial_margin_e8
    amounts = {
        "wallet": account.wallet_e8,
        "unrealised": account.unrealised_e8,
        "margin": account.margin_balance_e8,
        "maintenance": account.maintenance_e8,
        "initial": initial,
        "position": position,
        "orders": initial - position,
        "available": account.available_e8,
    }
    return {name: e8_text(amount) for name, amount in amounts.items()}


def _totals(account: Account) -> Payload:
    margin = _margin(account)
    return {
        "totalInitialMargin": margin["initial"],
        "totalMaintMargin": margin["maintenance"],
        "totalWalletBalance": margin["wallet"],
        "totalUnrealizedProfit": margin["unrealised"],
        "totalMarginBalance": margin["margin"],
        "totalPositionInitialMargin": margin["position"],
        "totalOpenOrderInitialMargin": margin["orders"],
        "totalCrossWalletBalance": margin["wallet"],
        "totalCrossUnPnl": margin["unrealised"],
        "availableBalance": margin["available"],
        "maxWithdrawAmount": margin["available"],
    }


def _asset(account: Account) -> Payload:
    margin = _margin(account)
    return {
        "asset": QUOTE_ASSET,
        "walletBalance": margin["wallet"],
        "unrealizedProfit": margin["unrealised"],
        "marginBalance": margin["margin"],
        "maintMargin": margin["maintenance"],
        "initialMargin": margin["initial"],
        "positionInitialMargin": margin["position"],
        "openOrderInitialMargin": margin["orders"],
    } | _cross(account)


def _cross(account: Account) -> Payload:
    """How every row of the asset ends: all of the wallet answers for every position."""
    margin = _margin(account)
    return {
        "crossWalletBalance": margin["wallet"],
        "crossUnPnl": margin["unrealised"],
        "availableBalance": margin["available"],
        "maxWithdrawAmount": margin["available"],
        "marginAvailable": True,
        "updateTime": account.updated_ms,
    }


def _margins(holding: Holding) -> Payload:
    position = holding.initial_margin_e8(holding.lots)
    initial = holding.initial_margin_e8(holding.worst_lots)
    return {
        "initialMargin": e8_text(initial),
        "maintMargin": e8_text(holding.maintenance_e8),
        "positionInitialMargin": e8_text(position),
        "openOrderInitialMargin": e8_text(initial - position),
    }


def _v3_position(stand: Stand) -> Payload:
    holding = stand.holding
    margins = _margins(holding)
    return {
        "symbol": stand.wire.symbol,
        "positionSide": "BOTH",
        "positionAmt": stand.amount,
        "unrealizedProfit": e8_text(holding.unrealised_e8),
        "isolatedMargin": "0",
        "notional": e8_text(holding.notional_e8),
        "isolatedWallet": "0",
        "initialMargin": margins["initialMargin"],
        "maintMargin": margins["maintMargin"],
        "updateTime": holding.updated_ms,
    }


def _entered(stand: Stand) -> Payload:
    """How every row begins that tells an entry price."""
    holding = stand.holding
    return {
        "symbol": stand.wire.symbol,
        "positionSide": "BOTH",
        "positionAmt": stand.amount,
        "entryPrice": e8_text(holding.entry_price_e8),
        "breakEvenPrice": e8_text(holding.break_even_price_e8),
    }


def _v2_position(stand: Stand) -> Payload:
    holding = stand.holding
    return (
        _entered(stand)
        | {
            "unrealizedProfit": e8_text(holding.unrealised_e8),
            "leverage": str(holding.leverage),
            "isolated": False,
            "notional": e8_text(holding.notional_e8),
            "isolatedWallet": "0",
            "maxNotional": max_notional(holding.leverage),
            "bidNotional": stand.open_notional[0],
            "askNotional": stand.open_notional[1],
            "updateTime": holding.updated_ms,
        }
        | _margins(holding)
    )


def _risk(stand: Stand) -> Payload:
    """What both versions of the position risk hold."""
    holding = stand.holding
    return _entered(stand) | {
        "markPrice": e8_text(holding.mark.price_e8),
        "unRealizedProfit": e8_text(holding.unrealised_e8),
        "liquidationPrice": e8_text(stand.liquidation_price_e8),
        "isolatedMargin": "0",
        "notional": e8_text(holding.notional_e8),
        "isolatedWallet": "0",
        "updateTime": holding.updated_ms,
    }
