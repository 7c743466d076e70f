"""Commands that wait: how one joins a line, and what ends those that need not wait any longer.

Order holds for an order: what is about it waits behind what is parked. What ends orders ends what waits for them too.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Final

from msgspec.structs import replace

from libs.book import orders
from libs.book.parked import Parked, parked_by
from libs.book.partition import PartitionState
from libs.book.product import ProductBook
from libs.events.commands import Command, Envelope, PlaceOrder, tag_of
from libs.events.events import AnyEvent, CommandDeferred, CommandResumed, OrderRejected
from libs.events.topics import RETRY_WAITS_NS
from libs.events.values import NO_ID, ClosedReason, FailureCause, OrderTerms, RejectReason
from libs.matching.rejections import NOBODY, Header, Sender, header, rejection_of
from libs.matching.replaying import close

PARKED_LIMIT: Final = 10_000
"""Commands that may wait in a partition."""
LINE_LIMIT: Final = 100
"""Commands that may wait for one order."""
TIERS: Final = len(RETRY_WAITS_NS)


def waiting(command: Command | Envelope, cause: FailureCause, failures: int, line: bytes) -> Parked:
    """A command that never waited, in the form in which it would."""
    return Parked(
        command.command_id,
        command.kind if isinstance(command, Envelope) else tag_of(type(command)),
        command.account,
        command.number,
        command.order_id,
        command.client_oid,
        command.key,
        command.sent,
        command.attempt,
        failures,
        cause,
        0,
        line,
        command.replay_of,
        _terms(command),
    )


def again(command: Command | Envelope, before: Parked, cause: FailureCause) -> Parked:
    """One that waited until now. It may be read now, where it could not be when it came first."""
    failures = before.failures + (cause is not FailureCause.FOLLOWER)
    return replace(before, cause=cause, failures=failures, terms=_terms(command) or before.terms)


def _terms(command: Command | Envelope) -> OrderTerms | None:
    if not isinstance(command, PlaceOrder):
        return None
    return OrderTerms(
        command.side,
        command.type,
        command.price,
        command.size,
        command.funds,
        command.time_in_force,
        command.post_only,
        command.stp,
        command.stop_price,
        command.max_floor,
        command.expire_time,
    )


def line_of(state: PartitionState, command: Command | Envelope, book: ProductBook | None) -> bytes:
    """The order behind whose commands this one waits, if it is its account's; else the command's own id."""
    order_id = command.order_id or _named(state, command, book)
    if order_id == command.command_id or not order_id:
        return command.command_id
    order = None if book is None else book.orders.get(order_id)
    if order is not None:
        return order_id if order.account == command.account else command.command_id
    first = next(state.parked.line(order_id), None)
    if first is None or (first.account, first.number) != (command.account, command.number):
        return command.command_id
    return order_id


def _named(state: PartitionState, command: Command | Envelope, book: ProductBook | None) -> bytes:
    """The open or parked order that has the client_oid."""
    if not command.client_oid:
        return NO_ID
    order = None if book is None else book.accounts.get(command.account, orders.NOBODY).get(command.client_oid)
    if order is not None:
        return order.order_id
    return state.parked.names.get((command.number, command.account, command.client_oid), NO_ID)


def is_full(state: PartitionState, line: bytes) -> bool:
    """Whether no further command may wait in this line, or in any."""
    parked = state.parked
    return len(parked) >= PARKED_LIMIT or len(parked.lines.get(line, ())) >= LINE_LIMIT


def defer(state: PartitionState, waits: Parked) -> list[AnyEvent]:
    """The fact that a command waits, for the first time or again. One that follows waits no less than what is first."""
    command_id, number, sender = waits.command_id, waits.number, (waits.account, waits.key, waits.sent)
    state.window.add(command_id, waits.key, waits.sent)
    first = next(state.parked.line(waits.line), waits) if waits.cause is FailureCause.FOLLOWER else waits
    tier = max(1, min(first.failures, TIERS))
    event = CommandDeferred(
        *header(state, command_id, number, sender),
        waits.order_id,
        waits.client_oid,
        waits.kind,
        waits.cause,
        waits.attempt + 1,
        waits.failures,
        tier,
        state.time + RETRY_WAITS_NS[tier - 1],
        waits.line,
        waits.replay_of,
        waits.terms,
    )
    state.parked.put(parked_by(event, state.parked.get(command_id)))
    return [event]


def resume(state: PartitionState, waits: Parked) -> list[AnyEvent]:
    """The fact that a command waits no more, because it is decided now."""
    state.parked.take(waits.command_id)
    return [
        CommandResumed(
            *header(state, waits.command_id, waits.number),
            waits.order_id,
            waits.client_oid,
            waits.kind,
            waits.attempt,
            waits.failures,
        )
    ]


def outcome(head: Header, failed: Parked, reason: RejectReason, parked_id: bytes = NO_ID) -> AnyEvent:
    """The rejection of a command that was never decided; of an order that could not be read, by its id alone."""
    terms = failed.terms
    if terms is None:
        kind = rejection_of(failed.kind)
        return kind(*head, failed.order_id, failed.client_oid, reason, NO_ID, parked_id)
    return OrderRejected(
        *head,
        failed.order_id,
        failed.client_oid,
        terms.side,
        terms.type,
        terms.price,
        terms.size,
        terms.funds,
        terms.time_in_force,
        terms.post_only,
        reason,
        NO_ID,
        terms.stp,
        terms.stop_price,
        terms.max_floor,
        terms.expire_time,
        parked_id,
    )


def end_lines(
    state: PartitionState,
    command_id: bytes,
    lines: Container[bytes],
    events: list[AnyEvent],
    sender: Sender = NOBODY,
) -> int:
    """End whatever waits in these lines, in log order. Returns how many of them were orders."""
    places = 0
    for waits in [parked for parked in state.parked.values() if parked.line in lines]:
        state.parked.take(waits.command_id)
        head = header(state, command_id, waits.number, sender)
        events.append(outcome(head, waits, RejectReason.CANCELED, waits.command_id))
        events += close(state, command_id, waits.number, waits.replay_of, ClosedReason.REPLAYED)
        places += waits.is_place
        sender = NOBODY
    return places


def end_all(
    state: PartitionState,
    command_id: bytes,
    book: ProductBook,
    account: str,
    side: int | None,
    ended: Iterable[orders.Order],
    events: list[AnyEvent],
    sender: Sender = NOBODY,
) -> int:
    """What a cancel all ends behind the open orders that it `ended`. Returns how many parked orders that were."""
    lines = _lines_of(state, book.number, account, side) | {order.order_id for order in ended}
    return end_lines(state, command_id, lines, events, sender)


def _lines_of(state: PartitionState, number: int, account: str, side: int | None) -> set[bytes]:
    """Of the parked orders of an account in a product, of one side or of both; one that cannot be read is of either."""
    return {
        parked.line
        for parked in state.parked.values()
        if parked.is_place
        and (parked.number, parked.account) == (number, account)
        and (side is None or parked.terms is None or parked.terms.side == side)
    }
