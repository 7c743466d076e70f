"""One partition's engine: what is due first, then repeats, then the rules.

The header of every event is written out where the event is made: events by position are most of what the engine does,
and a call for each would cost more than the matching.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, cast

from msgspec.structs import force_setattr

from libs.book.fold import Broken
from libs.book.invariants import crossed
from libs.book.partition import PartitionState
from libs.book.product import ProductBook
from libs.book.window import CLOCK_LEAD
from libs.events.commands import (
    AdvanceTime,
    AmendOrder,
    AnyCommand,
    ArmCancelAllAfter,
    CancelAllOrders,
    CancelOrder,
    Command,
    DelistProduct,
    ListProduct,
    PlaceOrder,
    SetTradingStatus,
    UpdateProduct,
)
from libs.events.events import AnyEvent, CommandRejected, DuplicateIgnored, RulesChanged
from libs.events.values import NO_ID, RejectReason
from libs.matching import amending, canceling, listing, placing, timing
from libs.matching.rejections import only_header, reject, rejection

RULES: Final = 2
"""The version of the rules in this code."""


class Engine:
    """Owns the state of a partition. A fault inside `handle` leaves it half changed: rebuild it from the log then."""

    __slots__ = ("state",)

    def __init__(self, partition: int = 0, state: PartitionState | None = None) -> None:
        self.state = PartitionState(partition) if state is None else state

    def adopt_rules(self) -> list[AnyEvent]:
        """The fact that this code's rules decide from here on; nothing if they already did."""
        state = self.state
        if state.rules == RULES:
            return []
        state.rules = RULES
        state.seq += 1
        return [RulesChanged(state.seq, 0, 0, state.time, state.command_offset, NO_ID, True, "", 0, 0, RULES)]

    def handle(self, command: AnyCommand, offset: int, time: int) -> list[AnyEvent]:
        """Decide one command. `offset` is its place in `orders`, `time` its append time in ns.

        Returns its events, at least one, the last of them marked. Raises Broken when an invariant does not hold.
        """
        state, window, kind = self.state, self.state.window, type(command)
        now = state.time = time if time > state.time else state.time
        state.command_offset = offset
        if now >= window.turn_at or not window.room:
            window.turn(now)
        events: list[AnyEvent] = []
        book = state.products.get(command.number)
        if kind is AdvanceTime:
            timing.run_deadlines(state, command.command_id, state.products.values(), events)
        elif book is not None and now >= book.deadlines.next:
            timing.run_deadlines(state, command.command_id, (book,), events)
        command_id, key, sent = command.command_id, command.key, command.sent
        if command_id in window.seen or (book is not None and command_id in book.orders):
            events.append(DuplicateIgnored(*only_header(state, command, book), command.order_id))
            return events
        if sent <= window.watermark or sent > time + CLOCK_LEAD or (key and key in window.first):
            self._refuse(command, book, time, events)
            return events
        if book is not None and (key or command.client_oid):
            owner = book.accounts.get(command.account)
            name = (command.client_oid if kind is PlaceOrder else "") or key
            if owner is not None and name in owner:
                self._refuse(command, book, time, events)
                return events
        _DECIDE[kind](state, command, book, events)
        window.add(command_id, key, sent)
        if not events[-1].last:
            force_setattr(events[-1], "last", True)
        if book is not None and crossed(book):
            raise Broken(f"{book.product.product_id}: crossed book after command {offset}")
        return events

    def _refuse(self, command: AnyCommand, book: ProductBook | None, time: int, events: list[AnyEvent]) -> None:
        """A command that comes too late, from the future, or for the second time under its key or client_oid."""
        state, window = self.state, self.state.window
        if command.sent <= window.watermark:
            events.append(rejection(CommandRejected, state, command, book, RejectReason.STALE))
        elif command.sent > time + CLOCK_LEAD:
            events.append(reject(state, command, book, RejectReason.CLOCK))
            window.add(command.command_id, command.key, 0)
        else:
            events.append(reject(state, command, book, RejectReason.DUPLICATE, _first(state, command, book)))
            window.add(command.command_id, 0, command.sent)


def _first(state: PartitionState, command: AnyCommand, book: ProductBook | None) -> bytes:
    """The command that used the key, or the open order that has the name."""
    first = state.window.first.get(command.key) if command.key else None
    if first is not None or book is None:
        return first or NO_ID
    name = (command.client_oid if type(command) is PlaceOrder else "") or command.key
    return book.accounts[command.account][name].order_id


_Decide = Callable[[PartitionState, AnyCommand, ProductBook | None, list[AnyEvent]], None]

_DECIDE = cast(
    dict[type[Command], _Decide],
    {
        PlaceOrder: placing.place,
        AmendOrder: amending.amend,
        CancelOrder: canceling.cancel,
        CancelAllOrders: canceling.cancel_all,
        ListProduct: listing.list_product,
        UpdateProduct: listing.update_product,
        SetTradingStatus: listing.set_status,
        DelistProduct: listing.delist_product,
        ArmCancelAllAfter: timing.arm_cancel_all_after,
        AdvanceTime: timing.advance_time,
    },
)
