"""What happens because engine time has come: orders expire, and the switches of accounts cancel all they have."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush
from typing import Final

from libs.book.deadlines import Deadline
from libs.book.partition import PartitionState
from libs.book.product import ProductBook
from libs.events.commands import AdvanceTime, ArmCancelAllAfter
from libs.events.events import (
    AnyEvent,
    CancelAllAfterArmed,
    CancelAllAfterDisarmed,
    CancelAllAfterFired,
    TimeAdvanced,
)
from libs.events.values import NO_ID, DoneReason, RejectReason
from libs.matching.canceling import orders_of
from libs.matching.crossing import finish
from libs.matching.parking import end_all
from libs.matching.rejections import end, header, only_header, reject

MAX_TIMEOUT: Final = 86_400_000_000_000
"""ns; a day."""


class DeadlineFault(Exception):
    """Something that was due raised an error when it happened; the state is half changed."""

    def __init__(self, number: int, name: str | bytes) -> None:
        super().__init__(f"product {number}: the deadline of {name if isinstance(name, str) else name.hex()}")
        self.number = number
        """The product's."""
        self.name = name
        """The account of a switch, the id of an order."""


def run_deadlines(state: PartitionState, command_id: bytes, books: Iterable[ProductBook]) -> list[AnyEvent]:
    """All that is due by engine time in these products, in the order of the deadlines."""
    events: list[AnyEvent] = []
    time = state.time
    line: list[tuple[Deadline, int]] = []
    by_number = {book.number: book for book in books if book.deadlines.next <= time}
    for book in by_number.values():
        _join(line, book)
    while line and line[0][0][0] <= time:
        deadline, number = heappop(line)
        book = by_number[number]
        try:
            _happen(state, command_id, book, deadline, events)
        except Exception as error:
            raise DeadlineFault(number, deadline[2]) from error
        _join(line, book)
    return events


def _join(line: list[tuple[Deadline, int]], book: ProductBook) -> None:
    earliest = book.deadlines.earliest()
    if earliest is not None:
        heappush(line, (earliest, book.number))


def _happen(
    state: PartitionState, command_id: bytes, book: ProductBook, deadline: Deadline, events: list[AnyEvent]
) -> None:
    time, _, name = deadline
    if isinstance(name, bytes):
        finish(state, command_id, book, book.orders[name], DoneReason.EXPIRED, events)
        return
    orders = orders_of(book, name)
    for order in orders:
        finish(state, command_id, book, order, DoneReason.CANCELED, events)
    count = len(orders)
    if state.parked:
        count += end_all(state, command_id, book, name, None, orders, events)
    del book.deadlines.switches[name]
    state.seq += 1
    events.append(
        CancelAllAfterFired(
            state.seq,
            book.number,
            book.sequence,
            state.time,
            state.command_offset,
            command_id,
            False,
            "",
            0,
            0,
            name,
            time,
            count,
        )
    )


def drop(state: PartitionState, number: int, name: str | bytes) -> list[AnyEvent]:
    """A deadline that cannot happen, called off. Raises KeyError where there is none."""
    book, events = state.products[number], list[AnyEvent]()
    if isinstance(name, bytes):
        finish(state, NO_ID, book, book.orders[name], DoneReason.DEAD_LETTERED, events)
    else:
        del book.deadlines.switches[name]
        events.append(CancelAllAfterDisarmed(*header(state, NO_ID, number, (name, 0, 0))))
    return end(events)


def arm_cancel_all_after(state: PartitionState, command: ArmCancelAllAfter, book: ProductBook) -> list[AnyEvent]:
    if not 0 <= command.timeout <= MAX_TIMEOUT:
        return [reject(state, command, book, RejectReason.INVALID_TIMEOUT)]
    if not command.timeout:
        book.deadlines.switches.pop(command.account, None)
        return [CancelAllAfterDisarmed(*only_header(state, command, book))]
    deadline = state.time + command.timeout
    book.deadlines.switch(command.account, deadline)
    return [CancelAllAfterArmed(*only_header(state, command, book), deadline)]


def advance_time(state: PartitionState, command: AdvanceTime, _book: ProductBook | None) -> list[AnyEvent]:
    """The deadlines have happened by now: this is only the command's outcome, a fact of the whole partition."""
    state.seq = seq = state.seq + 1
    account, key, sent = command.account, command.key, command.sent
    return [TimeAdvanced(seq, 0, 0, state.time, state.command_offset, command.command_id, True, account, key, sent)]
