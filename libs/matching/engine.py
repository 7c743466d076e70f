"""One partition's engine: duplicates first, then the rules, then the facts.

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
    AmendOrder,
    AnyCommand,
    CancelAllOrders,
    CancelOrder,
    Command,
    DelistProduct,
    ListProduct,
    PlaceOrder,
    SetTradingStatus,
    UpdateProduct,
)
from libs.events.events import (
    AnyEvent,
    CommandRejected,
    DuplicateIgnored,
    RulesChanged,
)
from libs.events.values import NO_ID, RejectReason
from libs.matching import amending, canceling, listing, placing
from libs.matching.rejections import only_header, reject, rejection

RULES: Final = 1
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
        state = self.state
        state.time = max(state.time, time)
        state.command_offset = offset
        window = state.window
        window.expire(state.time)
        book = state.products.get(command.number)
        if window.seen(command.command_id) or (book is not None and command.command_id in book.orders):
            return [self._duplicate(command, book)]
        events: list[AnyEvent] = []
        reason, first = self._repeat_reason(command, book, time)
        if reason is None:
            _DECIDE[type(command)](state, command, book, events)
            force_setattr(events[-1], "last", True)
        else:
            events.append(self._rejected(command, book, reason, first))
        window.add(command.command_id, command.key, state.time, command.sent)
        if book is not None and crossed(book):
            raise Broken(f"{book.product.product_id}: crossed book after command {offset}")
        return events

    def _repeat_reason(
        self, command: Command, book: ProductBook | None, time: int
    ) -> tuple[RejectReason | None, bytes]:
        """Why a command comes too late, from the future, or for the second time under its key."""
        window = self.state.window
        if command.sent <= window.watermark:
            return RejectReason.STALE, NO_ID
        if command.sent > time + CLOCK_LEAD:
            return RejectReason.CLOCK, NO_ID
        if command.key:
            first = window.first(command.key)
            if first is not None:
                return RejectReason.DUPLICATE, first
        if book is not None and command.client_oid and type(command) is PlaceOrder:
            owner = book.accounts.get(command.account)
            if owner is not None and command.client_oid in owner.orders:
                return RejectReason.DUPLICATE, owner.orders[command.client_oid].order_id
        return None, NO_ID

    def _duplicate(self, command: Command, book: ProductBook | None) -> DuplicateIgnored:
        return DuplicateIgnored(*only_header(self.state, command, book), command.order_id)

    def _rejected(self, command: AnyCommand, book: ProductBook | None, reason: RejectReason, first: bytes) -> AnyEvent:
        if reason is RejectReason.STALE:
            return rejection(CommandRejected, self.state, command, book, reason, first)
        return reject(self.state, command, book, reason, first)


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
    },
)
