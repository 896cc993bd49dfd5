"""What a bad network does to a desk, as faults of the embedded exchange."""

from exchange.paper.faults import plan

ORDERS = ("* /fapi/v1/order",)
CHANGES = ("POST /fapi/v1/order", "DELETE /fapi/v1/order")
TRADES = ("GET /fapi/v1/userTrades",)
ANSWERS = (*ORDERS, "GET /fapi/v3/positionRisk", *TRADES)
PRIVATE = ("private/*",)
MARKET = ("public/*", "market/*")


def replies_lost(rate: float) -> plan.DropReply:
    """An order is placed, cancelled or looked up, but its answer never comes."""
    return plan.DropReply(rate=rate, calls=ORDERS)


def requests_lost(rate: float) -> plan.DropRequest:
    """It never arrives, which the desk cannot know."""
    return plan.DropRequest(rate=rate, calls=ORDERS)


def requests_late(rate: float) -> plan.DropRequest:
    """Given up by the desk, it arrives up to 4.5 s after it was sent."""
    return plan.DropRequest(rate=rate, calls=CHANGES, wait=plan.Uniform(low_ms=0, high_ms=4500))


def replies_late(rate: float) -> plan.Delay:
    """By 2 to 4.5 s: of orders, of the account and of its trades."""
    wait = plan.Uniform(low_ms=2000, high_ms=4500)
    return plan.Delay(on="reply", rate=rate, wait=wait, calls=ANSWERS)


def trades_late(ms: float) -> plan.Delay:
    """The list of our trades always comes so much later than other answers."""
    return plan.Delay(on="reply", rate=1.0, wait=plan.Constant(ms=ms), calls=TRADES)


def private_repeated(rate: float) -> plan.Duplicate:
    return plan.Duplicate(rate=rate, streams=PRIVATE)


def private_late(rate: float) -> plan.Delay:
    """By 200 ms, behind younger messages."""
    wait = plan.Constant(ms=200)
    return plan.Delay(on="frame", rate=rate, wait=wait, streams=PRIVATE, in_order=False)


def private_stalled(every_s: float) -> plan.Delay:
    """Half a second to 4 s of the private stream come at once."""
    wait = plan.Uniform(low_ms=500, high_ms=4000)
    return plan.Delay(on="frame", every_s=every_s, wait=wait, streams=PRIVATE)


def private_cut(mean_s: float) -> plan.Cut:
    return plan.Cut(mean_s=mean_s, streams=PRIVATE)


def market_lost(rate: float) -> plan.DropFrame:
    return plan.DropFrame(rate=rate, streams=MARKET)


def rest_lags(lag_s: float, from_s: float = 0.0) -> plan.StaleAccount:
    """Every read of the account is so old."""
    return plan.StaleAccount(at_s=from_s, rate=1.0, age_s=lag_s)


def rest_lags_up_to(lag_s: float) -> plan.StaleAccount:
    """Every read is old, by another amount every second."""
    return plan.StaleAccount(rate=1.0, age_s=lag_s, youngest_s=0.0, redrawn_s=1.0)
