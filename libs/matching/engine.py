"""One partition's engine: what is due first, then repeats, then the rules.

The header of every event is written out where the event is made: events by position are most of what the engine does,
and a call for each would cost more than the matching.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, cast

from libs.book.orders import NOBODY
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
    DiscardDeadLetter,
    Envelope,
    ListProduct,
    PlaceOrder,
    SetClusterSize,
    SetTradingStatus,
    UpdateProduct,
)
from libs.events.events import AnyEvent, CommandRejected, DuplicateIgnored, RulesChanged
from libs.events.values import NO_ID, FailureCause, RejectReason
from libs.matching import amending, canceling, failing, listing, replaying, returning, timing
from libs.matching.placing import place
from libs.matching.rejections import only_header, reject, rejection, repeated

RULES: Final = 2
"""The version of the rules in this code."""


class Engine:
    """Owns the state of a partition. A fault inside `handle` leaves it half changed: rebuild it from the log then."""

    __slots__ = ("state",)

    rules = RULES
    """The version of the rules that decide here."""

    def __init__(self, partition: int = 0, state: PartitionState | None = None) -> None:
        self.state = PartitionState(partition) if state is None else state

    def adopt_rules(self) -> list[AnyEvent]:
        """The fact that these rules decide from here on; nothing if they already did."""
        state = self.state
        if state.rules == self.rules:
            return []
        state.rules = self.rules
        state.seq += 1
        return [RulesChanged(state.seq, 0, 0, state.time, state.command_offset, NO_ID, True, "", 0, 0, self.rules)]

    def fail(
        self, command: AnyCommand | Envelope | None, offset: int, time: int, cause: FailureCause
    ) -> list[AnyEvent]:
        """What becomes of a command that could not be decided: it waits, or is dead. Its events, the last of them marked.

        The envelope of one that this version cannot read (`VERSION`), None of bytes without one (`UNREADABLE`).
        After a fault, on a state that was rebuilt: the one that `handle` left is half changed. Raises ValueError where
        cause and command do not go together.
        """
        state = self.state
        state.command_offset = offset
        state.time = max(state.time, time)
        if state.time >= state.window.turn_at or offset >= state.window.full_at:
            state.window.turn(state.time, offset)
        return failing.fail(state, command, time, cause)

    def drop_deadline(self, fault: timing.DeadlineFault) -> list[AnyEvent]:
        """What was due, and raised an error when it happened, and again: its order ends, or its switch is disarmed.

        On a state that was rebuilt. The facts of no command: what brought the time is decided next.
        """
        return timing.drop(self.state, fault.number, fault.name)

    def handle(self, command: AnyCommand, offset: int, time: int) -> list[AnyEvent]:
        """Decide one command. `offset` is its place in `orders`, `time` its append time in ns.

        Returns its events, at least one, the last of them marked. Raises Broken when an invariant does not hold.
        """
        state = self.state
        state.command_offset = offset
        now = state.time
        if time > now:
            state.time = now = time
        window = state.window
        if now >= window.turn_at or offset >= window.full_at:
            window.turn(now, offset)
        if state.parked or command.replay_of is not None:
            return returning.handle(state, command, time, _decide)
        book = state.products.get(command.number)
        if book is None or type(command) is AdvanceTime:
            return _anywhere(state, command, book, time)
        if now >= book.deadlines.next:
            due = timing.run_deadlines(state, command.command_id, (book,))
            return [*due, *self.handle(command, offset, time)]
        command_id, sent, key = command.command_id, command.sent, command.key
        if command_id in window.recent or (command_id <= window.archived and window.archive.has(command_id)):
            return _ignored(state, command, book)
        if (
            sent <= window.watermark
            or sent > time + CLOCK_LEAD
            or (key and (key in window.first or window.archive.user_of(key)))
        ):
            return _refused(state, command, book, time)
        if type(command) is PlaceOrder:
            return place(state, command, book)
        if key and (found := book.accounts.get(command.account, NOBODY).get(key)) is not None:
            return repeated(state, command, book, found.order_id)
        events = _DECIDE[type(command)](state, command, book)
        window.recent[command_id] = key
        if key:
            window.first[key] = command_id
        if sent > window.latest:
            window.latest = sent
        return events


def _anywhere(state: PartitionState, command: AnyCommand, book: ProductBook | None, time: int) -> list[AnyEvent]:
    """A command about the whole partition, or one that names no product that is there."""
    due: list[AnyEvent] = []
    if isinstance(command, AdvanceTime):
        due = timing.run_deadlines(state, command.command_id, state.products.values())
    window, command_id, sent, key = state.window, command.command_id, command.sent, command.key
    if window.has(command_id):
        events = _ignored(state, command, book)
    elif sent <= window.watermark or sent > time + CLOCK_LEAD or (key and window.user_of(key)):
        events = _refused(state, command, book, time)
    elif key and book is not None and (found := book.accounts.get(command.account, NOBODY).get(key)) is not None:
        events = repeated(state, command, book, found.order_id)
    else:
        events = _decide(state, command, book)
    return [*due, *events]


def _ignored(state: PartitionState, command: AnyCommand, book: ProductBook | None) -> list[AnyEvent]:
    return [DuplicateIgnored(*only_header(state, command, book), command.order_id)]


def _refused(state: PartitionState, command: AnyCommand, book: ProductBook | None, time: int) -> list[AnyEvent]:
    """A command that comes too late, from the future, or for the second time under a remembered key."""
    window = state.window
    if book is not None and type(command) is PlaceOrder and command.command_id in book.orders:
        return _ignored(state, command, book)
    if command.sent <= window.watermark:
        if command.attempt:
            return _ignored(state, command, book)
        return [rejection(CommandRejected, state, command, book, RejectReason.STALE)]
    if command.sent > time + CLOCK_LEAD:
        window.add(command.command_id, command.key, 0)
        return [reject(state, command, book, RejectReason.CLOCK)]
    return repeated(state, command, book, window.user_of(command.key))


def _decide(state: PartitionState, command: AnyCommand, book: ProductBook | None) -> list[AnyEvent]:
    """A command that is no repeat, by the rules."""
    if book is not None and isinstance(command, PlaceOrder):
        return place(state, command, book)
    if book is None and not isinstance(command, _OF_NO_PRODUCT):
        events = [reject(state, command, None, RejectReason.UNKNOWN_PRODUCT)]
    else:
        events = _DECIDE[type(command)](state, command, book)
    state.window.add(command.command_id, command.key, command.sent)
    return events


_OF_NO_PRODUCT: Final = (AdvanceTime, ListProduct, SetClusterSize, DiscardDeadLetter)
_Decide = Callable[[PartitionState, AnyCommand, ProductBook | None], list[AnyEvent]]

_DECIDE = cast(
    dict[type[Command], _Decide],
    {
        AmendOrder: amending.amend,
        CancelOrder: canceling.cancel,
        CancelAllOrders: canceling.cancel_all,
        ListProduct: listing.list_product,
        UpdateProduct: listing.update_product,
        SetTradingStatus: listing.set_status,
        DelistProduct: listing.delist_product,
        ArmCancelAllAfter: timing.arm_cancel_all_after,
        AdvanceTime: timing.advance_time,
        SetClusterSize: listing.set_cluster_size,
        DiscardDeadLetter: replaying.discard,
    },
)
