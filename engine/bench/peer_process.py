"""hftbacktest's side of the replay bench: a program of its own, run where that is installed.

    python peer_process.py convert IN.gz OUT.npz BASE_LATENCY_NS
    python peer_process.py replay IN.npz BOOK ROUNDS    # parameters as JSON on standard input
    python peer_process.py fills IN.npz OUT.npy         # as well

It imports nothing of this project, since the interpreter may be another. The strategy is its
public GLFT grid, written from the replay rules, section 11. Prints one line of JSON.
"""

import json
import sys
import time

import numpy as np
from hftbacktest import (
    BUY_EVENT,
    FILLED,
    GTX,
    LIMIT,
    BacktestAsset,
    HashMapMarketDepthBacktest,
    ROIVectorMarketDepthBacktest,
)
from hftbacktest.data.utils import binancefutures
from numba import njit, uint64
from numba.typed import Dict

_BUCKETS = 500
_TRADES = 10_000  # of one step, which are kept; by default none
_MOST_FILLS = 1 << 22
_NO_FILLS = np.zeros((0, 3), dtype=np.int64)


@njit
def fit(depths, buckets, levels, exposure_s):
    """A and k of a window of arrival depths; nan where there are too few buckets."""
    buckets[:] = 0.0
    reached = 0
    for depth in depths:
        if np.isfinite(depth):
            bucket = int(np.rint(depth / 0.5)) - 1
            if 0 <= bucket < buckets.size:
                buckets[:bucket] += 1.0
                reached = max(reached, bucket)
    if reached <= 2:
        return np.nan, np.nan
    used = min(reached, levels)
    x = np.arange(used) + 0.5
    y = np.log(buckets[:used] / exposure_s)
    slope = (used * np.sum(x * y) - np.sum(x) * np.sum(y)) / (used * np.sum(x * x) - np.sum(x) ** 2)
    return np.exp((np.sum(y) - slope * np.sum(x)) / used), -slope


@njit(error_model="numpy")  # a flat fit has k = 0: then nothing is finite
def quotes(mid, position, A, k, sigma, touch, tick, gamma, delta, adj1, adj2):
    """First bid and ask of the grids, and the distance between orders, in money."""
    growth = 1.0 + gamma * delta / k
    c1 = np.log(growth) / (gamma * delta)
    c2 = np.sqrt(gamma / (2.0 * A * delta * k) * growth ** (k / (gamma * delta) + 1.0))
    half = (c1 + delta / 2.0 * c2 * sigma) * adj1
    reservation = mid - c2 * sigma * adj2 * position
    interval = max(np.round(half) * tick, tick)
    bid = min(np.round(reservation - half), touch[0]) * tick
    ask = max(np.round(reservation + half), touch[1]) * tick
    return np.floor(bid / interval) * interval, np.ceil(ask / interval) * interval, interval


@njit
def wanted(first, step, tick, levels):
    """Prices of one side's grid, by the ids that their orders have."""
    prices = Dict.empty(np.uint64, np.float64)
    if np.isfinite(first):
        for _ in range(levels):
            prices[uint64(round(first / tick))] = first
            first += step
    return prices


@njit
def requote(hbt, bids, asks, qty):
    """Cancel what is not wanted any more, then place what is not there; how many of each."""
    submits = cancels = 0
    orders = hbt.orders(0)
    values = orders.values()
    while values.has_next():
        order = values.get()
        if order.cancellable and order.order_id not in (bids if order.side == 1 else asks):
            hbt.cancel(0, order.order_id, False)
            cancels += 1
    for number, price in bids.items():
        if number not in orders:
            hbt.submit_buy_order(0, number, price, qty, GTX, LIMIT, False)
            submits += 1
    for number, price in asks.items():
        if number not in orders:
            hbt.submit_sell_order(0, number, price, qty, GTX, LIMIT, False)
            submits += 1
    return submits, cancels


@njit
def deepest_arrival(hbt, mid, tick):
    """How far from the last mid the deepest print since went; -inf without any."""
    deepest = -np.inf
    for trade in hbt.last_trades(0):
        beyond = trade.px / tick - mid
        deepest = max(beyond if trade.ev & BUY_EVENT == BUY_EVENT else -beyond, deepest)
    return deepest


@njit
def note_fills(hbt, fills, count):
    """Write venue's time, side and price in ticks of each order that was filled; how many."""
    values = hbt.orders(0).values()
    while values.has_next():
        order = values.get()
        if order.status == FILLED:
            fills[count, 0] = order.exch_timestamp
            fills[count, 1] = order.side
            fills[count, 2] = order.price_tick
            count += 1
    return count


@njit
def tutorial(
    hbt,
    fills,
    steps,
    step_ns,
    gamma,
    delta,
    adj1,
    adj2,
    qty,
    most,
    grids,
    window,
    recalibrate,
    levels,
):
    """The GLFT grid, a decision each step.

    Returns the position that it ends with, and how many fills, submits and cancels. Fills are only
    noted where there are rows for them.
    """
    tick = hbt.depth(0).tick_size
    depths, changes = np.full(steps, np.nan), np.full(steps, np.nan)
    buckets = np.zeros(_BUCKETS)
    step_s = step_ns / 1e9
    mid = A = k = sigma = np.nan
    t = noted = submits = cancels = 0
    while t < steps and hbt.elapse(step_ns) == 0:
        if not np.isnan(mid):
            depths[t] = deepest_arrival(hbt, mid, tick)
        hbt.clear_last_trades(0)
        if fills.shape[0] > 0:
            noted = note_fills(hbt, fills, noted)
        hbt.clear_inactive_orders(0)
        depth, position = hbt.depth(0), hbt.position(0)
        touch = (depth.best_bid_tick, depth.best_ask_tick)
        previous, mid = mid, (touch[0] + touch[1]) / 2.0
        changes[t] = mid - previous
        if t % recalibrate == 0 and t >= window - 1:
            recent = slice(t + 1 - window, t + 1)
            new_A, new_k = fit(depths[recent], buckets, levels, window * step_s)
            if not np.isnan(new_A):
                A, k = new_A, new_k
            sigma = np.nanstd(changes[recent]) * np.sqrt(1.0 / step_s)
        if not np.isnan(A):
            bid, ask, interval = quotes(
                mid, position, A, k, sigma, touch, tick, gamma, delta, adj1, adj2
            )
            bids = wanted(bid, -interval, tick, grids if position < most else 0)
            asks = wanted(ask, interval, tick, grids if position > -most else 0)
            submitted, cancelled = requote(hbt, bids, asks, qty)
            submits += submitted
            cancels += cancelled
        t += 1
    if fills.shape[0] > 0:
        noted = note_fills(hbt, fills, noted)
    return hbt.position(0), noted, submits, cancels


def asset(data, book, settings):
    """The recording as an asset, with the replay's latencies, fees and queue model."""
    queues = {
        "risk_averse": lambda made: made.risk_adverse_queue_model(),
        "log": lambda made: made.log_prob_queue_model(),
        "log2": lambda made: made.log_prob_queue_model2(),
        "power": lambda made: made.power_prob_queue_model(settings["queue_power"]),
        "power2": lambda made: made.power_prob_queue_model2(settings["queue_power"]),
        "power3": lambda made: made.power_prob_queue_model3(settings["queue_power"]),
    }
    made = (
        BacktestAsset()
        .data([data])
        .linear_asset(1.0)
        .constant_order_latency(settings["entry_ns"], settings["response_ns"])
        .no_partial_fill_exchange()
        .trading_value_fee_model(settings["maker_fee_rate"], settings["taker_fee_rate"])
        .tick_size(settings["tick_size"])
        .lot_size(settings["lot_size"])
        .last_trades_capacity(_TRADES)
    )
    made = queues[settings["queue"]](made)
    if book == "roi":
        prices = data["px"][(data["px"] > 0) & ((data["ev"] & 0xFF) == 2)]
        made = made.roi_lb(float(prices.min()) * 0.9).roi_ub(float(prices.max()) * 1.1)
    return made


def most_steps(data, settings):
    """Until both clocks have ended, and the tail that ours takes where orders never end."""
    clocks = np.array([data["exch_ts"], data["local_ts"]])
    way_ns = settings["entry_ns"] + settings["response_ns"]
    return int((clocks.max() - clocks.min() + 2 * way_ns) // settings["step_ns"]) + 1000


def replay(path, book, rounds):
    """Best times without and with the strategy, and the position at the end."""
    settings = json.load(sys.stdin)
    data = np.load(path)["data"]
    make = ROIVectorMarketDepthBacktest if book == "roi" else HashMapMarketDepthBacktest
    step_ns = settings["step_ns"]
    steps = most_steps(data, settings)
    walks, runs, position = [], [], 0.0
    for _ in range(rounds + 1):  # the first compiles
        market = make([asset(data, book, settings)])
        began = time.perf_counter()
        market.elapse(steps * step_ns)  # all of it: without a strategy nobody stops it
        walks.append(time.perf_counter() - began)
        market.close()
        market = make([asset(data, book, settings)])
        began = time.perf_counter()
        position, *_ = tutorial(market, _NO_FILLS, steps, step_ns, *settings["strategy"])
        runs.append(time.perf_counter() - began)
        market.close()
    return {
        "events": len(data),
        "walk_s": min(walks[1:]),
        "tutorial_s": min(runs[1:]),
        "position": position,
    }


def fills(path, target):
    """Every fill, saved as int64[fills, 3]: venue's time in ns, side, price in ticks."""
    settings = json.load(sys.stdin)
    data = np.load(path)["data"]
    steps = most_steps(data, settings)
    noted = np.zeros((_MOST_FILLS, 3), dtype=np.int64)
    market = HashMapMarketDepthBacktest([asset(data, "hash", settings)])
    strategy = settings["strategy"]
    position, count, submits, cancels = tutorial(
        market, noted, steps, settings["step_ns"], *strategy
    )
    market.close()
    np.save(target, noted[:count])
    return {"fills": count, "position": position, "submits": submits, "cancels": cancels}


def convert(source, target, base_latency_ns):
    """How long the recording takes to become what it replays."""
    began = time.perf_counter()
    binancefutures.convert(source, output_filename=target, base_latency=base_latency_ns)
    return {"convert_s": time.perf_counter() - began}


if __name__ == "__main__":
    if sys.argv[1] == "convert":
        told = convert(*sys.argv[2:4], int(sys.argv[4]))
    elif sys.argv[1] == "fills":
        told = fills(*sys.argv[2:4])
    else:
        told = replay(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    print(json.dumps(told))
