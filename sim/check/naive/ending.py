"""Orders end: their owner says so, their time has come, or their product goes. What waits for them ends behind them."""

from collections.abc import Iterable, Sequence

from libs.events.commands import ArmCancelAllAfter, CancelAllOrders
from libs.events.events import (
    CancelAllAfterArmed,
    CancelAllAfterDisarmed,
    CancelAllAfterFired,
    CancelAllDone,
)
from libs.events.values import DoneReason
from sim.check.naive.book import NaiveBook
from sim.check.naive.deadlines import Due
from sim.check.naive.failing import Failing
from sim.check.naive.order import NaiveOrder
from sim.check.naive.taking import Facts
from sim.check.naive.waiting import places


def due(books: Sequence[NaiveBook], failing: Failing) -> Facts:
    """All that is due in these products by engine time, in the order of the deadlines."""
    while True:
        first = min(_first(books), key=lambda each: (each[0], each[1].number), default=None)
        if first is None or first[0][0] > first[1].moment.time:
            return
        (time, _, name), book = first
        if isinstance(name, bytes):
            yield book.end(book.orders[name], DoneReason.EXPIRED)
            continue
        orders = _in_cancel_order(_of(book, name))
        for order in orders:
            yield book.end(order, DoneReason.CANCELED)
        waiters = failing.take(book.number, name, None, orders)
        yield from failing.end(waiters)
        del book.deadlines.switches[name]
        yield book.fact(CancelAllAfterFired, False, name, time, len(orders) + places(waiters))


def _first(books: Iterable[NaiveBook]) -> Iterable[tuple[Due, NaiveBook]]:
    return ((first, book) for book in books if (first := book.deadlines.first()) is not None)


def cancel_all(book: NaiveBook, command: CancelAllOrders, failing: Failing) -> Facts:
    orders = _in_cancel_order(
        order for order in _of(book, command.account) if command.side is None or order.side == command.side
    )
    for at, order in enumerate(orders):
        yield book.end(order, DoneReason.CANCELED, own=at == 0)
    waiters = failing.take(book.number, command.account, command.side, orders)
    yield from failing.end(waiters, own=not orders)
    yield book.fact(CancelAllDone, False, len(orders) + places(waiters), own=not orders and not waiters)


def delist(book: NaiveBook) -> Facts:
    """Every order of the product."""
    for at, order in enumerate(_in_cancel_order(book.standing())):
        yield book.end(order, DoneReason.DELISTED, own=at == 0)


def switch(book: NaiveBook, command: ArmCancelAllAfter) -> Facts:
    if command.timeout:
        deadline = book.moment.time + command.timeout
        book.deadlines.switch(command.account, deadline)
        yield book.fact(CancelAllAfterArmed, False, deadline, own=True)
    else:
        book.deadlines.switches.pop(command.account, None)
        yield book.fact(CancelAllAfterDisarmed, False, own=True)


def _of(book: NaiveBook, account: str) -> Iterable[NaiveOrder]:
    return book.owned.get(account, {}).values()


def _in_cancel_order(orders: Iterable[NaiveOrder]) -> list[NaiveOrder]:
    return sorted(orders, key=NaiveOrder.order_in_cancel)
