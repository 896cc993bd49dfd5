"""Order wire format of one symbol: orders, trades and the instrument as JSON-ready values.

Money and sizes are strings, ids and times are integers. The answer to placing or cancelling
carries no average price and no filled notional; only a query does.
"""

from exchange.instrument import E8, Instrument, e8_from_text, e8_text
from exchange.paper.account.account import divide_rounded
from exchange.paper.account.orders import MAX_ORDERS, Amendment, OrderRecord, TradeRecord
from exchange.paper.pubsub.pubsub import Payload
from exchange.types import Side

MAX_QTY_LOTS = 1_000_000  # 1,000 BTC, as seen for BTCUSDT at the venue
MAX_MARKET_QTY_LOTS = 120_000  # 120 BTC, likewise; the venue's is much smaller for market orders
MAX_PRICE_TICKS = 100_000_000
PERCENT_PRICE_UP = "1.0500"
PERCENT_PRICE_DOWN = "0.9500"

QUOTE_ASSET = "USDT"


class Wire:
    """The venue's spelling for one instrument."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.symbol = instrument.symbol
        self.tick_e8 = e8_from_text(instrument.price.step)
        self.price_decimals = instrument.price.decimals + 1  # finer than the tick, as at the venue
        self.qty_decimals = instrument.qty.decimals

    def price(self, price_ticks: int | None) -> str:
        return self.instrument.price.text(price_ticks) if price_ticks else "0"

    def qty(self, lots: int) -> str:
        return self.instrument.qty.text(lots)

    def notional(self, tick_lots: int) -> str:
        return e8_text(tick_lots * self.instrument.tick_lot_e8)

    # ------------------------------------------------------------ orders

    def order_ack(self, order: OrderRecord) -> Payload:
        """The answer to placing or cancelling: the order as it stands."""
        return {
            "orderId": order.venue_order_id,
            "symbol": self.symbol,
            "status": order.status,
            "clientOrderId": order.client_order_id,
            "price": self.price(order.price_ticks),
            "origQty": self.qty(order.qty_lots),
            "executedQty": self.qty(order.filled_lots),
            "cumQty": self.qty(order.filled_lots),
            "timeInForce": order.time_in_force.value,
            "type": order.order_type,
            "reduceOnly": order.reduce_only,
            "closePosition": False,
            "side": order.side.name,
            "positionSide": "BOTH",
            "stopPrice": "0",
            "workingType": "CONTRACT_PRICE",
            "priceProtect": False,
            "origType": order.order_type,
            "priceMatch": "NONE",
            "selfTradePreventionMode": order.self_trade.value,
            "goodTillDate": 0,
            "updateTime": order.updated_ms,
        }

    def new_order_ack(self, order: OrderRecord) -> Payload:
        """The default answer to placing: NEW and unfilled, whatever happened since."""
        zero = self.qty(0)
        return self.order_ack(order) | {"status": "NEW", "executedQty": zero, "cumQty": zero}

    def cancel_ack(self, order: OrderRecord) -> Payload:
        return self.order_ack(order) | {"activatePrice": "0", "priceRate": "0"}

    def modify_ack(self, order: OrderRecord, modify_id: int | None) -> Payload:
        ack = self.order_ack(order) | {"pair": self.symbol}
        return ack if modify_id is None else ack | {"modifyId": modify_id}

    def amendment(self, order: OrderRecord, made: Amendment) -> Payload:
        """One row of an order's history of changes."""
        prices, sizes = map(self.price, made.price_ticks), map(self.qty, made.qty_lots)
        change: Payload = {
            "price": dict(zip(("before", "after"), prices, strict=True)),
            "origQty": dict(zip(("before", "after"), sizes, strict=True)),
            "count": made.count,
        }
        if made.modify_id is not None:
            change["modifyId"] = made.modify_id
        return {
            "amendmentId": made.amendment_id,
            "symbol": self.symbol,
            "pair": self.symbol,
            "orderId": order.venue_order_id,
            "clientOrderId": order.client_order_id,
            "time": made.time_ms,
            "amendment": change,
        }

    def order_record(self, order: OrderRecord) -> Payload:
        record = self.cancel_ack(order)
        del record["cumQty"]
        return record | {
            "avgPrice": self.average_price(order),
            "cumQuote": self.notional(order.filled_tick_lots),
            "time": order.created_ms,
        }

    def order_history(self, order: OrderRecord) -> Payload:
        """A row of the lists that reach back beyond what is open."""
        filled = self.qty(order.filled_lots)
        return self.order_record(order) | {"pair": self.symbol, "cumBase": filled}

    def order_as_tested(self, order: OrderRecord) -> Payload:
        """The answer to an order that was only judged."""
        record = self.order_record(order)
        del record["time"]
        return record | {"cumQty": self.qty(0)}

    def average_price(self, order: OrderRecord) -> str:
        if not order.filled_lots:
            return "0.00"
        return e8_text(divide_rounded(order.filled_tick_lots * self.tick_e8, order.filled_lots))

    def user_trade(self, trade: TradeRecord) -> Payload:
        return {
            "symbol": self.symbol,
            "pair": self.symbol,
            "id": trade.trade_id,
            "orderId": trade.venue_order_id,
            "side": trade.side.name,
            "positionSide": "BOTH",
            "price": self.price(trade.price_ticks),
            "qty": self.qty(trade.qty_lots),
            "quoteQty": self.notional(trade.price_ticks * trade.qty_lots),
            "baseQty": self.qty(trade.qty_lots),
            "realizedPnl": e8_text(trade.realised_e8),
            "commission": e8_text(trade.fee_e8),
            "commissionAsset": QUOTE_ASSET,
            "marginAsset": QUOTE_ASSET,
            "buyer": trade.side is Side.BUY,
            "maker": trade.maker,
            "time": trade.time_ms,
        }

    # ------------------------------------------------------------ user events

    def order_event(
        self,
        order: OrderRecord,
        execution: str,
        open_notional: tuple[str, str],
        now_ms: int,
        trade: TradeRecord | None = None,
        expiry_reason: str = "0",
    ) -> Payload:
        """ORDER_TRADE_UPDATE.

        Args:
            execution: NEW, TRADE, CALCULATED, AMENDMENT, CANCELED or EXPIRED.
            open_notional: Of the account's open bids and asks.
        """
        body: Payload = {
            "s": self.symbol,
            "c": order.client_order_id,
            "S": order.side.name,
            "o": order.order_type,
            "f": order.time_in_force.value,
            "q": self.qty(order.qty_lots),
            "p": self.price(order.price_ticks),
            "ap": self.average_price(order),
            "sp": "0",
            "x": execution,
            "X": order.status,
            "i": order.venue_order_id,
            "l": self.qty(trade.qty_lots if trade else 0),
            "z": self.qty(order.filled_lots),
            "L": self.price(trade.price_ticks if trade else 0),
            "n": e8_text(trade.fee_e8 if trade else 0),
            "N": QUOTE_ASSET,
            "T": now_ms,
            "t": trade.trade_id if trade else 0,
            "b": open_notional[0],
            "a": open_notional[1],
            "m": trade.maker if trade else False,
            "R": order.reduce_only,
            "wt": "CONTRACT_PRICE",
            "ot": order.order_type,
            "ps": "BOTH",
            "cp": False,
            "rp": e8_text(trade.realised_e8 if trade else 0),
            "pP": False,
            "si": 0,
            "ss": 0,
            "V": order.self_trade.value,
            "pm": "NONE",
            "gtd": 0,
            "er": expiry_reason,
        }
        if execution == "AMENDMENT" and order.amendments[-1].modify_id is not None:
            body["M"] = str(order.amendments[-1].modify_id)
        return {"e": "ORDER_TRADE_UPDATE", "E": now_ms, "T": now_ms, "o": body}

    def trade_lite(self, order: OrderRecord, trade: TradeRecord, now_ms: int) -> Payload:
        return {
            "e": "TRADE_LITE",
            "E": now_ms,
            "T": now_ms,
            "s": self.symbol,
            "q": self.qty(order.qty_lots),
            "p": self.price(order.price_ticks),
            "m": trade.maker,
            "c": order.client_order_id,
            "S": order.side.name,
            "L": self.price(trade.price_ticks),
            "l": self.qty(trade.qty_lots),
            "t": trade.trade_id,
            "i": order.venue_order_id,
        }

    # ------------------------------------------------------------ the instrument

    def symbol_info(self, status: str) -> Payload:
        """The instrument's row of exchangeInfo."""
        base = self.symbol.removesuffix(QUOTE_ASSET)
        return {
            "symbol": self.symbol,
            "pair": self.symbol,
            "contractType": "PERPETUAL",
            "deliveryDate": 4133404800000,
            "onboardDate": 1569398400000,
            "status": status,
            "maintMarginPercent": "2.5000",
            "requiredMarginPercent": "5.0000",
            "baseAsset": base,
            "quoteAsset": QUOTE_ASSET,
            "marginAsset": QUOTE_ASSET,
            "pricePrecision": self.price_decimals,
            "quantityPrecision": self.qty_decimals,
            "baseAssetPrecision": 8,
            "quotePrecision": 8,
            "underlyingType": "COIN",
            "underlyingSubType": [],
            "settlePlan": 0,
            "triggerProtect": "0.0500",
            "liquidationFee": "0.012500",
            "marketTakeBound": "0.05",
            "maxMoveOrderLimit": 10000,
            "filters": self._filters(),
            "orderTypes": ["LIMIT", "MARKET"],
            "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
            "permissionSets": ["GRID", "COPY"],
        }

    def _filters(self) -> list[Payload]:
        lot = self.instrument.qty.step
        return [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": self.price(1),
                "maxPrice": self.price(MAX_PRICE_TICKS),
                "tickSize": self.instrument.price.step,
            },
            {
                "filterType": "LOT_SIZE",
                "minQty": lot,
                "maxQty": self.qty(MAX_QTY_LOTS),
                "stepSize": lot,
            },
            {
                "filterType": "MARKET_LOT_SIZE",
                "minQty": lot,
                "maxQty": self.qty(MAX_MARKET_QTY_LOTS),
                "stepSize": lot,
            },
            {"filterType": "MAX_NUM_ORDERS", "limit": MAX_ORDERS},
            {"filterType": "MIN_NOTIONAL", "notional": self.min_notional()},
            {
                "filterType": "PERCENT_PRICE",
                "multiplierUp": PERCENT_PRICE_UP,
                "multiplierDown": PERCENT_PRICE_DOWN,
                "multiplierDecimal": "4",
            },
        ]

    def min_notional(self) -> str:
        """Without needless zeros: the venue says ``100``, not ``100.00000000``."""
        whole, fraction = divmod(self.instrument.min_notional_e8, E8)
        return str(whole) if not fraction else e8_text(self.instrument.min_notional_e8)
