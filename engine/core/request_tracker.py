"""Request tracker: commands on their way out, and the requests that still wait for an answer.

Kernels write what they ask for into the desk block, a row a command; ``RequestTracker`` words the
rows as commands and knows what each answer belongs to.
"""

from engine.core.desk_layout import (
    COMMAND_EPOCH,
    COMMAND_KIND,
    COMMAND_NUMBER,
    COMMAND_PRICE_TICKS,
    COMMAND_QTY_LOTS,
    COMMAND_REQUEST,
    COMMAND_SIDE,
    COMMAND_VALUE,
    COMMAND_WIDTH,
    COMMANDS,
    COMMANDS_KEPT,
    ORDER_EPOCH,
    ORDER_NUMBER,
    ORDER_PRICE_TICKS,
    ORDER_QTY_LOTS,
    ORDER_SIDE,
    REQUESTS_MADE,
    command_row,
    command_rows,
    order_column,
)
from engine.core.order_names import OrderName, client_order_id
from exchange.errors import InvariantBroken
from exchange.jit import IntArray, borrowed, in_python, njit
from exchange.types import (
    Cancel,
    Command,
    FetchAccount,
    FetchTrades,
    Place,
    QueryOrder,
    RefreshCountdown,
    Reply,
    Request,
    Side,
    TimeInForce,
)

(
    PLACE,
    CLOSE_AT_MARKET,
    CLOSE_AT_PRICE,
    CANCEL,
    QUERY_ORDER,
    FETCH_ACCOUNT,
    FETCH_TRADES,
    REFRESH_COUNTDOWN,
) = range(8)


@njit
def ask(desk: IntArray, kind: int, value: int) -> None:
    """Put a request of this kind, under the next number.

    Args:
        value: Of ``FETCH_TRADES`` since when, in ms of the venue's clock; of
            ``REFRESH_COUNTDOWN`` for how long, in ms.
    """
    desk = borrowed(desk)
    desk[REQUESTS_MADE] += 1
    row = command_row(desk, min(desk[COMMANDS], COMMANDS_KEPT - 1))
    row[:] = 0
    row[COMMAND_KIND], row[COMMAND_REQUEST] = kind, desk[REQUESTS_MADE]
    row[COMMAND_VALUE] = value
    desk[COMMANDS] += 1


@njit
def ask_about(desk: IntArray, kind: int, slot: int) -> None:
    """Put a request about the order in a slot."""
    desk = borrowed(desk)
    ask(desk, kind, 0)
    row = command_row(desk, min(desk[COMMANDS], COMMANDS_KEPT) - 1)
    row[COMMAND_EPOCH] = order_column(desk, ORDER_EPOCH)[slot]
    row[COMMAND_NUMBER] = order_column(desk, ORDER_NUMBER)[slot]
    row[COMMAND_SIDE] = order_column(desk, ORDER_SIDE)[slot]
    row[COMMAND_PRICE_TICKS] = order_column(desk, ORDER_PRICE_TICKS)[slot]
    row[COMMAND_QTY_LOTS] = order_column(desk, ORDER_QTY_LOTS)[slot]


def _request(numbers: list[int]) -> Request:
    """The request that a row puts."""
    kind, request_id, epoch, number, side, price_ticks, qty_lots, value = numbers
    if kind == FETCH_ACCOUNT:
        return FetchAccount(request_id=request_id)
    if kind == FETCH_TRADES:
        return FetchTrades(request_id=request_id, since_ms=value)
    if kind == REFRESH_COUNTDOWN:
        return RefreshCountdown(request_id=request_id, countdown_ms=value)
    name = client_order_id(OrderName(epoch, number))
    if kind == CANCEL:
        return Cancel(request_id=request_id, client_order_id=name)
    if kind == QUERY_ORDER:
        return QueryOrder(request_id=request_id, client_order_id=name)
    closing = kind != PLACE
    return Place(
        request_id=request_id,
        client_order_id=name,
        side=Side.BUY if side > 0 else Side.SELL,
        price_ticks=price_ticks,
        qty_lots=qty_lots,
        time_in_force=TimeInForce.IOC if closing else TimeInForce.GTX,
        reduce_only=closing,
        market=kind == CLOSE_AT_MARKET,
    )


class RequestTracker:
    """Collects what one decision asks for, and knows what each answer belongs to.

    Args:
        desk: int64[DESK_SIZE].
    """

    def __init__(self, desk: IntArray) -> None:
        self._desk, self._rows = desk, in_python(command_rows)(desk).reshape(-1, COMMAND_WIDTH)
        self._commands: list[Command] = []
        self._open: dict[int, Request] = {}

    def put(self, *commands: Command) -> None:
        """Put commands that nobody answers."""
        self.collect()
        self._commands += commands

    def collect(self) -> None:
        """Word what the kernels have asked for since the last time.

        Raises:
            InvariantBroken: When that was more than there is room for.
        """
        count = self._desk[COMMANDS]
        if count > COMMANDS_KEPT:
            raise InvariantBroken(f"{count} commands at once, room for {COMMANDS_KEPT}")
        if count:
            for numbers in self._rows[:count].tolist():
                request = _request(numbers)
                self._open[request.request_id] = request
                self._commands.append(request)
            self._desk[COMMANDS] = 0

    def answered(self, reply: Reply) -> Request | None:
        """The request that this reply ends; None when it was ended before."""
        return self._open.pop(reply.request_id, None)

    def take(self) -> list[Command]:
        """Everything asked for, in order."""
        self.collect()
        commands, self._commands = self._commands, []
        return commands
