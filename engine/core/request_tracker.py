"""Request tracker: commands on their way out, and the requests that still wait for an answer.

Kernels write what they ask for into the desk block, a row a command, and remember what each answer
will belong to; ``RequestTracker`` words the rows as commands.
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
    REQUEST_EPOCH,
    REQUEST_KIND,
    REQUEST_NUMBER,
    REQUEST_ORDER,
    REQUEST_SIDE,
    REQUESTS_MADE,
    command_row,
    command_rows,
    order_column,
    request_row,
)
from engine.core.order_names import OrderName, client_order_id
from engine.core.stream_watchdog import loss_in_words
from exchange.errors import InvariantBroken
from exchange.jit import IntArray, borrowed, in_python, njit
from exchange.types import (
    Cancel,
    Command,
    FetchAccount,
    FetchSnapshot,
    FetchTrades,
    Link,
    Place,
    QueryOrder,
    Reconnect,
    RefreshCountdown,
    Side,
    SyncClock,
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
    FETCH_SNAPSHOT,  # from here on, nobody answers
    SYNC_CLOCK,
    RECONNECT,
) = range(11)


@njit
def tell(desk: IntArray, kind: int, value: int, epoch: int, number: int) -> None:
    """Put a command that nobody answers.

    Args:
        value: Of ``FETCH_SNAPSHOT`` how long to wait, in ms; of ``RECONNECT``, which is of the
            private stream, why: a number of ``engine.core.stream_watchdog``.
        epoch: Of the order that a ``RECONNECT`` is about, as its number.
    """
    desk = borrowed(desk)
    row = command_row(desk, min(desk[COMMANDS], COMMANDS_KEPT - 1))
    row[:] = 0
    row[COMMAND_KIND], row[COMMAND_VALUE] = kind, value
    row[COMMAND_EPOCH], row[COMMAND_NUMBER] = epoch, number
    desk[COMMANDS] += 1


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
    request = request_row(desk, desk[REQUESTS_MADE])
    request[:] = 0
    request[REQUEST_NUMBER], request[REQUEST_KIND] = desk[REQUESTS_MADE], kind


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
    request = request_row(desk, desk[REQUESTS_MADE])
    request[REQUEST_EPOCH], request[REQUEST_ORDER] = row[COMMAND_EPOCH], row[COMMAND_NUMBER]
    request[REQUEST_SIDE] = row[COMMAND_SIDE]


@njit
def ended(desk: IntArray, number: int) -> bool:
    """A request has ended; False of one that had before, or that has long been given up."""
    request = request_row(desk, number)
    if number <= 0 or request[REQUEST_NUMBER] != number:
        return False
    request[REQUEST_NUMBER] = 0
    return True


def _command(numbers: list[int]) -> Command:
    """The command that a row puts."""
    kind, request_id, epoch, number, side, price_ticks, qty_lots, value = numbers
    if kind == FETCH_ACCOUNT:
        return FetchAccount(request_id=request_id)
    if kind == FETCH_TRADES:
        return FetchTrades(request_id=request_id, since_ms=value)
    if kind == REFRESH_COUNTDOWN:
        return RefreshCountdown(request_id=request_id, countdown_ms=value)
    if kind == FETCH_SNAPSHOT:
        return FetchSnapshot(wait_ms=value)
    if kind == SYNC_CLOCK:
        return SyncClock()
    if kind == RECONNECT:
        return Reconnect(link=Link.PRIVATE, reason=loss_in_words(value, epoch, number))
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
    """Words what the kernels have asked for.

    Args:
        desk: int64[DESK_SIZE].
    """

    def __init__(self, desk: IntArray) -> None:
        self._desk, self._rows = desk, in_python(command_rows)(desk).reshape(-1, COMMAND_WIDTH)
        self._commands: list[Command] = []

    def put(self, command: Command) -> None:
        """Put a command that no kernel knows."""
        self.collect()
        self._commands.append(command)

    def collect(self) -> None:
        """Word what the kernels have asked for since the last time.

        Raises:
            InvariantBroken: When that was more than there is room for.
        """
        count = self._desk[COMMANDS]
        if count > COMMANDS_KEPT:
            raise InvariantBroken(f"{count} commands at once, room for {COMMANDS_KEPT}")
        if count:
            self._commands += map(_command, self._rows[:count].tolist())
            self._desk[COMMANDS] = 0

    def take(self) -> list[Command]:
        """Everything asked for, in order."""
        self.collect()
        commands, self._commands = self._commands, []
        return commands
