"""What becomes of commands that could not be decided. That one failed, and why, is for its worker to say: it is believed."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from libs.events.commands import AmendOrder, AnyCommand, CancelOrder, Envelope, PlaceOrder, tag_of
from libs.events.events import (
    AmendRejected,
    CancelRejected,
    CommandDeadLettered,
    CommandDeferred,
    CommandRejected,
    CommandResumed,
    DeadLetterClosed,
    DuplicateIgnored,
    TradingStatusChanged,
)
from libs.events.values import NO_ID, ClosedReason, FailureCause, RejectReason, TradingStatus
from sim.check.naive.fact import Fact
from sim.check.naive.order import NaiveOrder
from sim.check.naive.taking import Facts
from sim.check.naive.waiting import Waiter, kind, terms

if TYPE_CHECKING:
    from sim.check.naive.exchange import NaiveExchange

SECOND: Final = 1_000_000_000
WAITS: Final = (1 * SECOND, 10 * SECOND, 60 * SECOND)
FAULTS_TO_HALT: Final = 3
MOST_REPLAYS: Final = 3
_BY_KIND: Final = {tag_of(AmendOrder): AmendRejected, tag_of(CancelOrder): CancelRejected}


class Failing:
    """Of one partition."""

    def __init__(self, exchange: "NaiveExchange", partition: int) -> None:
        self._exchange = exchange
        self._waiting = exchange.waiting
        self._partition = partition

    def fail(self, command: AnyCommand | Envelope, cause: FailureCause, offset: int) -> Facts:
        """A command that its worker could not decide."""
        waiting, number = self._waiting, command.number
        if cause is FailureCause.UNREADABLE:
            yield from self._die(Waiter(command, NO_ID, 0, 1, cause), offset)
            return
        waiter = waiting.awaited(command)
        if waiter is None:
            if command.command_id in waiting.waiters or self._exchange.remembers(command.command_id):
                yield Fact(DuplicateIgnored, number, False, (command.order_id,), True)
                return
            waiter = Waiter(command, self.line_of(command), command.attempt)
            dies = cause is FailureCause.CRASH or waiting.is_full(waiter.line)
        elif not waiting.is_first(waiter):
            yield self.defer(waiter, FailureCause.FOLLOWER)
            return
        else:
            again = cause is FailureCause.FAULT and waiter.cause is FailureCause.FAULT
            dies = cause is FailureCause.CRASH or again or waiter.failures == len(WAITS)
        waiter.failures += 1
        waiter.cause = cause
        if dies:
            yield from self._die(waiter, offset)
        else:
            yield self.defer(waiter, cause)
        if cause is FailureCause.FAULT:
            yield from self._halt(command)

    def defer(self, waiter: Waiter, cause: FailureCause) -> Fact:
        """It waits, for the first time or once more."""
        command, waiting, now = waiter.command, self._waiting, self._exchange.moment.time
        if command.command_id not in waiting.waiters:
            waiter.since = now
            waiting.waiters[command.command_id] = waiter
        waiter.cause, waiter.attempt = cause, waiter.attempt + 1
        first = waiting.line(waiter.line)[0] if cause is FailureCause.FOLLOWER else waiter
        tier = max(1, min(first.failures, len(WAITS)))
        self._exchange.remember(command)
        values = (
            command.order_id, command.client_oid, kind(command), cause, waiter.attempt, waiter.failures, tier,
            now + WAITS[tier - 1], waiter.line, command.replay_of, terms(command),
        )  # fmt: skip
        return Fact(CommandDeferred, command.number, False, values, True)

    def resume(self, waiter: Waiter) -> Fact:
        command = waiter.command
        del self._waiting.waiters[command.command_id]
        values = command.order_id, command.client_oid, kind(command), waiter.attempt, waiter.failures
        return Fact(CommandResumed, command.number, False, values)

    def take(self, number: int, account: str, side: int | None, orders: Iterable[NaiveOrder]) -> list[Waiter]:
        """What an account has waiting, and what waits for these orders of it; they wait no more."""
        return self._waiting.take(self._waiting.of(account, number, side) | {order.order_id for order in orders})

    def end(self, waiters: list[Waiter], *, own: bool = False) -> Facts:
        """They need not wait any more: their order, or its product, is gone."""
        for at, waiter in enumerate(waiters):
            yield self._outcome(waiter.command, RejectReason.CANCELED, waiter.command.command_id, own=own and at == 0)
            yield from self.close(waiter.command, ClosedReason.REPLAYED)

    def refused(self, command: AnyCommand) -> RejectReason | None:
        """Why a replay is not taken; None of one that is, and of what is none."""
        name = command.replay_of
        if name is None:
            return None
        if name.partition != self._partition or name.offset not in self._waiting.letters:
            return RejectReason.NO_DEAD_LETTER
        return RejectReason.TOO_MANY_REPLAYS if self._waiting.letters[name.offset] >= MOST_REPLAYS else None

    def close(self, command: AnyCommand | Envelope, reason: ClosedReason) -> Facts:
        """The dead letter that this is the replay of, if it is still open."""
        name = command.replay_of
        if name is not None and self._waiting.letters.pop(name.offset, None) is not None:
            yield Fact(DeadLetterClosed, command.number, False, (name, reason, ""))

    def line_of(self, command: AnyCommand | Envelope) -> bytes:
        """The open or waiting order of its account that it is about; else it is alone."""
        own, account, number = command.command_id, command.account, command.number
        order_id = command.order_id
        if order_id == own:
            return own
        order = self._exchange.open_order(number, account, order_id, command.client_oid)
        if order is not None:
            return order.order_id if order.account == account else own
        order_id = order_id or self._waiting.place(account, number, command.client_oid) or NO_ID
        line = self._waiting.line(order_id) if order_id else []
        if line and (line[0].command.account, line[0].command.number) == (account, number):
            return order_id
        return own

    def _die(self, waiter: Waiter, offset: int) -> Facts:
        command, waiting = waiter.command, self._waiting
        replays = 0 if command.replay_of is None else waiting.letters[command.replay_of.offset] + 1
        if waiting.waiters.pop(command.command_id, None) is None:
            waiter.since = self._exchange.moment.time
        if command.command_id:
            self._exchange.remember(command)
        values = (
            command.order_id, command.client_oid, kind(command), waiter.cause, waiter.failures, waiter.since, replays,
            command.replay_of,
        )  # fmt: skip
        yield Fact(CommandDeadLettered, command.number, False, values, True)
        yield from self.close(command, ClosedReason.DIED_AGAIN)
        waiting.letters[offset] = replays
        if command.command_id:
            yield self._outcome(command, RejectReason.DEAD_LETTERED, NO_ID)

    def _halt(self, command: AnyCommand | Envelope) -> Facts:
        """Too many faults of one product."""
        exchange, number = self._exchange, command.number
        if number not in exchange.products:
            return
        faults = self._waiting.fault(number, command.command_id, exchange.moment.time)
        if faults < FAULTS_TO_HALT or exchange.products[number].status == TradingStatus.HALTED:
            return
        self._waiting.forget_faults(number)
        halted = replace(exchange.products[number], status=TradingStatus.HALTED)
        exchange.products[number] = exchange.books[number].product = halted
        yield Fact(TradingStatusChanged, number, True, (halted,))

    def _outcome(
        self, command: AnyCommand | Envelope, reason: RejectReason, ended: bytes, *, own: bool = False
    ) -> Fact:
        if isinstance(command, PlaceOrder):
            return self._exchange.order_rejected(command, reason, NO_ID, ended)._replace(own=own)
        rejection = _BY_KIND.get(kind(command), CommandRejected)
        return Fact(rejection, command.number, False, (command.order_id, command.client_oid, reason, NO_ID, ended), own)
