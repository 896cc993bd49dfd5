"""Account history: every read of a lagging replica shows what was so, as it was answered then."""

import random
from dataclasses import replace
from typing import Any

import orjson
import pytest

from exchange.paper.api.dispatcher import READS_OF_ACCOUNT, Dispatcher
from exchange.paper.api.rest import RestApi
from exchange.paper.api.ws import WsSession
from exchange.paper.faults import plan
from exchange.paper.faults.faults import Faults
from exchange.paper.faults.plan import FaultPlan
from exchange.paper.limits import WeightLimit
from exchange.types import Side
from tests.exchange.paper.bench import LIVELY, START_NS, Desk, paper_settings, signed
from tests.exchange.paper.live import fragile_exchange

AGE_MS = 300
TICK_MS = 5


def lagging(*faults: plan.StaleAccount, desk: Desk | None = None) -> tuple[Desk, Faults]:
    """A desk whose exchange has the faults, and those."""
    desk = desk or Desk(paper_settings(LIVELY))
    trigger = Faults(FaultPlan(faults), START_NS // 10**6)
    desk.dispatcher = Dispatcher(desk.settings, desk.venue, trigger)
    desk.api = RestApi(desk.dispatcher, desk.venue)
    return desk, trigger


def let_pass(desk: Desk, faults: Faults, ms: int) -> None:
    """Let time pass as the shell does."""
    for _ in range(ms // TICK_MS):
        desk.pass_ms(TICK_MS)
        faults.advance(desk.venue.now_ms)
        desk.dispatcher.remember()


def reads(desk: Desk) -> dict[str, Any]:
    """Every read of the account, answered now."""
    return {
        name: desk.call("GET", name.removeprefix("GET "), origClientOrderId="o3", recvWindow=60_000)
        if name in ("GET /fapi/v1/order", "GET /fapi/v1/openOrder")
        else desk.call("GET", name.removeprefix("GET "))
        for name in sorted(READS_OF_ACCOUNT)
    }


@pytest.mark.parametrize("seed", range(12))
def test_each_read_is_what_it_was_then_to_the_last_field(seed: int) -> None:
    """Through any order of placing, changing, cancelling, filling and paying; REST and ws-fapi."""
    rng = random.Random(seed)
    desk, faults = lagging(plan.StaleAccount(rate=1.0, age_s=AGE_MS / 1000))
    stale = desk.api
    told: dict[int, dict[str, Any]] = {}
    for step in range(60):
        match rng.randrange(6):
            case 0 | 1:
                price = 59_990 + rng.randrange(20)
                desk.place(rng.choice(["BUY", "SELL"]), f"{price}.0", newClientOrderId=f"o{step}")
            case 2:
                desk.call("DELETE", "/fapi/v1/allOpenOrders")
            case 3:
                for order in list(desk.symbol_account.orders.open.values())[:1]:
                    lower = str(59_980 + rng.randrange(10))
                    name, side = order.client_order_id, order.side.name
                    desk.call(
                        "PUT",
                        "/fapi/v1/order",
                        origClientOrderId=name,
                        side=side,
                        price=lower,
                        quantity="0.020",
                    )
            case 4:
                desk.client.pay("BTCUSDT", "FUNDING_FEE", -rng.randrange(10**6), desk.venue.now_ms)
            case _:
                pass
        let_pass(desk, faults, 50)
        now_ms = desk.venue.now_ms
        desk.api = RestApi(
            Dispatcher(desk.settings, desk.venue), desk.venue
        )  # with a budget of its own
        told[now_ms] = reads(desk)
        desk.api = stale
        then_ms = now_ms - AGE_MS
        if then_ms in told:
            desk.pass_ms(0)
            assert reads(desk) == told[then_ms], f"step {step}"
            session = WsSession(desk.dispatcher, desk.venue, {})
            params: dict[str, object] = {"apiKey": desk.account.api_key, "timestamp": now_ms}
            text = signed({"apiKey": desk.account.api_key}, now_ms)
            params["signature"] = text.rpartition("=")[2]
            asked = {"id": 1, "method": "v2/account.position", "params": params}
            frame = session.answer(orjson.dumps(asked).decode(), now_ms).frame
            assert frame is not None
            expected = told[then_ms]["GET /fapi/v3/positionRisk"]
            assert orjson.loads(frame)["result"] == expected
        desk.dispatcher.weight = WeightLimit()


def test_an_answer_is_stamped_with_the_last_change_that_it_knows() -> None:
    desk, faults = lagging(plan.StaleAccount(rate=1.0, age_s=1.0, calls=("GET */positionRisk",)))
    desk.place("BUY", "60100.0")
    filled_ms = desk.venue.now_ms
    let_pass(desk, faults, 1500)
    desk.place("BUY", "60100.0")
    (late,) = desk.call("GET", "/fapi/v3/positionRisk")
    account = desk.call("GET", "/fapi/v3/account")["positions"][0]

    assert (late["positionAmt"], late["updateTime"]) == ("0.010", filled_ms)
    assert (account["positionAmt"], account["updateTime"]) == ("0.020", desk.venue.now_ms)


def test_the_private_stream_is_not_late() -> None:
    desk, faults = lagging(plan.StaleAccount(rate=1.0, age_s=1.0))
    let_pass(desk, faults, 2000)
    desk.heard()
    desk.place("BUY", "60100.0")

    assert desk.story() == ["NEW/NEW", "TRADE_LITE", "TRADE/FILLED", "ACCOUNT_UPDATE"]
    assert desk.call("GET", "/fapi/v3/positionRisk") == []


def test_reading_the_past_changes_nothing_of_the_present() -> None:
    desk, faults = lagging(plan.StaleAccount(rate=1.0, age_s=0.2))
    untouched = Desk(paper_settings(LIVELY))
    for one in (desk, untouched):
        one.place("BUY", "59990.0")
        one.place("BUY", "60100.0")
    for _ in range(100):
        let_pass(desk, faults, 10)
        untouched.pass_ms(5)
        untouched.pass_ms(5)
        reads(desk)
        desk.dispatcher.weight = WeightLimit()
    told = [
        [symbol_account.holding.lots, len(symbol_account.orders.open)]
        for symbol_account in (desk.symbol_account, untouched.symbol_account)
    ]

    assert told[0] == told[1]
    assert desk.client.account.wallet_e8 == untouched.client.account.wallet_e8
    assert {side: desk.matching.levels(side) for side in Side} == {
        side: untouched.matching.levels(side) for side in Side
    }


def test_the_same_seed_lets_the_same_reads_lag() -> None:
    def lagged(seed: int) -> list[bool]:
        fault = plan.StaleAccount(rate=0.4)
        faults = Faults(FaultPlan((fault,), seed), 0)
        return [faults.account_lag_ms("GET /fapi/v3/balance", 0) is not None for _ in range(64)]

    assert lagged(1) == lagged(1) != lagged(2)
    assert 10 < sum(lagged(1)) < 40


def test_nothing_is_remembered_for_nobody() -> None:
    desk, faults = lagging(plan.StaleAccount(at_s=0, for_s=60, age_s=1.0))
    let_pass(desk, faults, 3000)
    kept = len(desk.dispatcher._memory._seen)
    faults.disarm_all()
    let_pass(desk, faults, 5)

    assert 190 <= kept <= 210
    assert len(desk.dispatcher._memory._seen) == 0


async def test_a_lagging_replica_over_real_sockets() -> None:
    """The order is there, its event arrived, and a second look at the replica proves nothing."""
    async with fragile_exchange(replace(LIVELY, A_per_s=1e-9)) as client:
        key = await client.listen_key()
        await client.arm("stale_account", rate=1, age_s=30.0, calls=["GET */positionRisk"])
        before = await client.call("GET", "/fapi/v3/positionRisk")  # the memory begins here
        async with client.listen(f"/private/ws/{key}") as events:
            await client.place("60100.0")
            while orjson.loads(await events.recv())["e"] != "ACCOUNT_UPDATE":
                pass
            looks = [await client.call("GET", "/fapi/v3/positionRisk") for _ in range(3)]
            now = await client.call("GET", "/fapi/v3/account")

    assert [before, *looks] == [[], [], [], []]
    assert now["positions"][0]["positionAmt"] == "0.010"
