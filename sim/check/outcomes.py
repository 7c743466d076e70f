"""Commands and events of one partition side by side: every command has its outcome, once, in order, without a hole."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from libs.events import events as facts
from libs.events import ids
from libs.events.codec import Unreadable, decode_event
from libs.events.commands import AnyCommand, Envelope
from libs.events.events import REJECTIONS, AnyEvent
from libs.events.values import FailureCause, RejectReason, TradingStatus
from libs.kafka.ports import Record
from sim.check.commands import NOBODY, Commands
from sim.check.difference import Difference, same
from sim.check.naive.exchange import RULES, NaiveExchange
from sim.check.naive.fact import Fact
from sim.plan import is_recorded

Rejection = facts.OrderRejected | facts.AmendRejected | facts.CancelRejected | facts.CommandRejected
CALLED_OFF: Final = (facts.OrderDone, facts.CancelAllAfterDisarmed)
EXPECTED: Final = frozenset((RejectReason.UNKNOWN_ORDER, RejectReason.ORDER_DONE))
"""Why the exchange may reject what the recording asks: orders that never came, or ended otherwise than at Bitstamp."""


class Outcomes:
    """`order-events` of one partition, held against what its commands must cause, event by event."""

    def __init__(self, asked: Commands, partition: int) -> None:
        self.seq = 0
        self.command = -1
        """The offset of the last command that was decided."""
        self.exchange = NaiveExchange(partition)
        self.products = self.exchange.products
        self.books = self.exchange.books
        self.sequences: dict[str, int] = {}
        """By product id: a product that is listed anew counts on."""
        self.rejections: Counter[RejectReason] = Counter()
        """Of the recording's accounts."""
        self.other_rejections: Counter[RejectReason] = Counter()
        self.duplicates = 0
        self.between = True
        """Whether the last event was the last of its command."""
        self._asked = asked
        self._partition = partition
        self._course: Iterator[Fact] = iter(())
        """What the command that is being read causes,"""
        self._next: Fact | None = None
        """and of that what comes next."""
        self._command: AnyCommand | Envelope | None = None

    def read(self, record: Record) -> AnyEvent:
        """Check and apply one record. Raises Difference."""
        try:
            event: AnyEvent = decode_event(record.value or b"")
        except Unreadable as error:
            raise Difference(f"order-events/{self._partition} offset {record.offset} is unreadable: {error}") from error
        try:
            self.apply(event)
        except Difference as difference:
            raise Difference(f"partition {self._partition}, event {event.seq}: {difference}") from difference
        return event

    def apply(self, event: AnyEvent) -> None:
        """Every check of one event."""
        if event.seq != self.seq + 1:
            raise Difference(f"seq follows {self.seq}: lost or there twice")
        if type(event) is facts.RulesChanged:
            self._adopt(event)
            return
        if self.between and not event.command_id and isinstance(event, CALLED_OFF):
            self._call_off(event)
            return
        if self.between:
            self._begin(event)
        command, fact = self._command, self._next
        if command is None or fact is None:
            raise Difference(f"command {self.command} causes nothing more, found {type(event).__name__}")
        same("command the event belongs to", self.command, event.command_offset)
        same(f"id of command {self.command}", command.command_id.hex(), event.command_id.hex())
        fact.compare(event)
        self._compare_header(event, command, fact)
        if fact.own:
            self._count(event, command)
        self._go_on(event)

    def _adopt(self, event: facts.RulesChanged) -> None:
        """The rules that decide from here on. They are those of this check, or nothing could be worked out."""
        same("RulesChanged stands alone, behind the command before it", (True, self.command, True),
             (self.between, event.command_offset, event.last))  # fmt: skip
        same("version of the rules", RULES, event.rules)
        self.seq = self.exchange.moment.seq = event.seq

    def _begin(self, event: AnyEvent) -> None:
        """The next command's first event."""
        offset = event.command_offset
        same("the next command with an outcome", self.command + 1, offset)
        if offset >= len(self._asked):
            raise Difference(f"outcome of command {offset}, which is not in orders")
        self.command = offset
        command, appended = self._asked.command(offset), self._asked.appended(offset)
        cause = _failure(event, command)
        if cause is None:
            assert not isinstance(command, Envelope), "what cannot be read has failed"
            self._course = self.exchange.decide(command, appended)
        else:
            if cause in {FailureCause.VERSION, FailureCause.UNREADABLE}:
                command = self._asked.envelope(offset) if cause is FailureCause.VERSION else NOBODY
            self._course = self.exchange.fail(command, cause, appended, offset)
        self._command = command
        self._next = next(self._course, None)

    def _call_off(self, event: facts.OrderDone | facts.CancelAllAfterDisarmed) -> None:
        """A deadline that could not happen: no command's doing."""
        fact = self.exchange.call_off(event)
        fact.compare(event)
        self._compare_header(event, NOBODY if isinstance(event, facts.OrderDone) else None, fact)
        same("it stands alone, behind the command before it", (True, self.command), (event.last, event.command_offset))
        self.seq = self.exchange.moment.seq = event.seq

    def _compare_header(self, event: AnyEvent, command: AnyCommand | Envelope | None, fact: Fact) -> None:
        """Without a command, whose switch it was stands where the sender does."""
        same("engine time", self.exchange.moment.time, event.time)
        same("number of the product", fact.number, event.number)
        if command is not None:
            sender = (command.account, command.key, command.sent) if fact.own else ("", 0, 0)
            same("account, key and sent", sender, (event.account, event.key, event.sent))
        book = self.books.get(fact.number)
        if book is None or (fact.number not in self.products and type(event) is not facts.ProductDelisted):
            same("sequence outside all products", 0, event.sequence)
            return
        product = book.product.product_id
        sequence = self.sequences.get(product, 0) + fact.public
        same(f"sequence of {product}", sequence, event.sequence)
        self.sequences[product] = sequence

    def _go_on(self, event: AnyEvent) -> None:
        """Work out what comes next: it tells whether this was the command's last event."""
        self.seq = self.exchange.moment.seq = event.seq
        self._next = next(self._course, None)
        self.between = self._next is None
        same("last event of its command", self.between, event.last)

    def _count(self, event: AnyEvent, command: AnyCommand | Envelope) -> None:
        if type(event) is facts.DuplicateIgnored:
            self.duplicates += 1
        elif isinstance(event, REJECTIONS):
            self._count_rejection(event, command)

    def _count_rejection(self, event: Rejection, command: AnyCommand | Envelope) -> None:
        if not is_recorded(command.account):
            self.other_rejections[event.reason] += 1
        elif event.reason is RejectReason.DUPLICATE:
            self.duplicates += 1
        else:
            self.rejections[event.reason] += 1
            halted = event.reason is RejectReason.TRADING_STATUS and self._is_restricted(event.number)
            if event.reason not in EXPECTED and not halted:
                what = f"{type(event).__name__} of {event.client_oid or ids.text(event.order_id)}"
                raise Difference(f"{what} for {event.reason.name}, which this recording cannot give")

    def _is_restricted(self, number: int) -> bool:
        """A recorded halt has been replayed: what came meanwhile is refused."""
        return number in self.products and self.products[number].status is not TradingStatus.ONLINE


def _failure(event: AnyEvent, command: AnyCommand | Envelope) -> FailureCause | None:
    """Why the command was not decided, as its first event says; None of one that was."""
    if isinstance(event, facts.CommandDeferred | facts.CommandDeadLettered):
        return None if event.cause is FailureCause.FOLLOWER and not isinstance(command, Envelope) else event.cause
    return FailureCause.VERSION if isinstance(command, Envelope) else None
