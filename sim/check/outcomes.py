"""Commands and events of one partition side by side: every command has its outcome, once, in order, without a hole."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from libs.events import commands, ids
from libs.events import events as facts
from libs.events.codec import Unreadable, decode_command, decode_event
from libs.events.events import AnyEvent
from libs.events.values import Product, RejectReason, TradingStatus
from libs.kafka.ports import Record
from sim.check.difference import Difference, same
from sim.check.naive import NaiveBook
from sim.plan import is_recorded

Rejection = facts.OrderRejected | facts.AmendRejected | facts.CancelRejected | facts.CommandRejected
_REJECTIONS: Final = (facts.OrderRejected, facts.AmendRejected, facts.CancelRejected, facts.CommandRejected)
_SWITCHES: Final = (facts.CancelAllAfterArmed, facts.CancelAllAfterDisarmed, facts.CancelAllAfterFired)
_PRIVATE: Final = frozenset(
    (*_REJECTIONS, *_SWITCHES, facts.DuplicateIgnored, facts.CancelAllDone, facts.RulesChanged, facts.StopArmed)
)
"""Events that are no public facts: they carry the sequence the product has, and do not count it on. Others are none
where they are about a stop that waits."""
_DUE: Final[frozenset[type[facts.Event]]] = frozenset((facts.OrderDone, facts.CancelAllAfterFired))
"""What a deadline causes that comes due with a command, before the command's own outcome."""
_ANY: Final[frozenset[type[facts.Event]]] = frozenset((facts.CommandRejected, facts.DuplicateIgnored))
_BEGINNINGS: Final[Mapping[type[commands.Command], frozenset[type[facts.Event]]]] = {
    commands.PlaceOrder: _ANY | {facts.OrderAccepted, facts.OrderRejected},
    commands.AmendOrder: _ANY | {facts.OrderAmended, facts.AmendRejected},
    commands.CancelOrder: _ANY | {facts.OrderDone, facts.CancelRejected},
    commands.CancelAllOrders: _ANY | {facts.OrderDone, facts.CancelAllDone},
    commands.ListProduct: _ANY | {facts.ProductListed},
    commands.UpdateProduct: _ANY | {facts.ProductUpdated},
    commands.SetTradingStatus: _ANY | {facts.TradingStatusChanged},
    commands.DelistProduct: _ANY | {facts.OrderDone, facts.ProductDelisted},
    commands.ArmCancelAllAfter: _ANY | {facts.CancelAllAfterArmed, facts.CancelAllAfterDisarmed},
    commands.AdvanceTime: _ANY | {facts.TimeAdvanced},
}
"""By which event a command's outcome may begin."""
_KINDS: Final = tuple(_BEGINNINGS)
_KIND_NUMBERS: Final = {kind: number for number, kind in enumerate(_KINDS)}
EXPECTED: Final = frozenset((RejectReason.UNKNOWN_ORDER, RejectReason.ORDER_DONE))
"""Why the exchange may reject what the recording asks: orders that never came, or ended otherwise than at Bitstamp."""


class Commands:
    """`orders` of one partition: what was asked, in the least memory. Nothing transactional is written there, so the
    offsets have no hole."""

    def __init__(self, partition: int) -> None:
        self._partition = partition
        self._ids = bytearray()
        self._kinds = bytearray()

    def __len__(self) -> int:
        return len(self._kinds)

    def add(self, records: Sequence[Record]) -> None:
        for record in records:
            same(f"orders/{self._partition}: offset of the next command", len(self), record.offset)
            try:
                command = decode_command(record.value or b"")
            except Unreadable as error:
                raise Difference(f"orders/{self._partition}:{record.offset} is unreadable: {error}") from error
            self._ids += command.command_id
            self._kinds.append(_KIND_NUMBERS[type(command)])

    def identity(self, offset: int) -> bytes:
        return bytes(self._ids[offset * 16 : offset * 16 + 16])

    def kind(self, offset: int) -> type[commands.Command]:
        return _KINDS[self._kinds[offset]]


class Outcomes:
    """`order-events` of one partition, held against its commands event by event."""

    def __init__(self, asked: Commands, partition: int) -> None:
        self.seq = 0
        self.command = -1
        """The offset of the last command that was decided."""
        self.products: dict[int, Product] = {}
        self.books: dict[int, NaiveBook] = {}
        """By product number."""
        self.sequences: dict[str, int] = {}
        """By product id: a product that is listed anew counts on."""
        self.trade_ids: dict[str, int] = {}
        self.rejections: Counter[RejectReason] = Counter()
        """Of the recording's accounts."""
        self.other_rejections: Counter[RejectReason] = Counter()
        self.duplicates = 0
        self._outcome = False
        """Whether the command's own outcome has begun."""
        self.between = True
        """Whether the last event was the last of its command."""
        self._asked = asked
        self._partition = partition
        self._decided: set[bytes] = set()

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
        except KeyError as missing:
            raise Difference(f"partition {self._partition}, event {event.seq}: no {missing} there") from missing
        return event

    def apply(self, event: AnyEvent) -> None:
        """Every check of one event."""
        if event.seq != self.seq + 1:
            raise Difference(f"seq follows {self.seq}: lost or there twice")
        self.seq = event.seq
        if type(event) is facts.RulesChanged:
            same("RulesChanged stands alone, behind the command before it", (True, self.command, True),
                 (self.between, event.command_offset, event.last))  # fmt: skip
            return
        self._place_in_log(event)
        is_public = self._apply(event)
        self._count(event, is_public)
        self.between = event.last

    def _place_in_log(self, event: AnyEvent) -> None:
        """The event goes on with its command, or begins the next one's."""
        offset = event.command_offset
        if self.between:
            self._begin(event, offset)
        same("command the event belongs to", self.command, offset)
        if self._outcome:
            return
        kind = self._asked.kind(offset)
        if event.sent:
            if type(event) not in _BEGINNINGS[kind]:
                raise Difference(f"outcome of command {offset}, {kind.__name__}, begins with {type(event).__name__}")
            self._outcome = True
            self._once(event)
        elif type(event) not in _DUE or event.last:
            raise Difference(f"{type(event).__name__} stands before the outcome of command {offset}")

    def _begin(self, event: AnyEvent, offset: int) -> None:
        same("the next command with an outcome", self.command + 1, offset)
        if offset >= len(self._asked):
            raise Difference(f"outcome of command {offset}, which is not in orders")
        same(f"id of command {offset}", self._asked.identity(offset).hex(), event.command_id.hex())
        self.command = offset
        self._outcome = False

    def _once(self, event: AnyEvent) -> None:
        """A command is decided once; what comes again is a duplicate, or too late to be told from one."""
        again = event.command_id in self._decided
        if type(event) is facts.DuplicateIgnored:
            self.duplicates += 1
            same("a duplicate was decided before", True, again)
        elif again and not (type(event) is facts.CommandRejected and event.reason is RejectReason.STALE):
            raise Difference(f"command {event.command_id.hex()} has a second outcome, {type(event).__name__}")
        self._decided.add(event.command_id)

    def _apply(self, event: AnyEvent) -> bool:
        """True unless the event is a private fact for what it is about."""
        match event:
            case facts.OrderAccepted():
                return self.books[event.number].accepted(event)
            case facts.OrderDone():
                self.books[event.number].done(event)
                return not self.books[event.number].orders[event.order_id].armed
            case facts.OrderAmended():
                self.books[event.number].amended(event)
                return not self.books[event.number].orders[event.order_id].armed
            case facts.SelfTradePrevented():
                self.books[event.number].prevented(event)
                return event.size > 0
            case facts.TradeExecuted():
                self._trade(event)
            case _:
                self._apply_other(event)
        return True

    def _apply_other(self, event: AnyEvent) -> None:
        match event:
            case facts.OrderRested() | facts.OrderReplenished():
                self.books[event.number].rested(event)
            case facts.StopArmed():
                self.books[event.number].armed(event)
            case facts.StopTriggered():
                self.books[event.number].triggered(event)
            case facts.OrderRejected() | facts.AmendRejected() | facts.CancelRejected() | facts.CommandRejected():
                self._reject(event)
            case facts.ProductListed():
                self.products[event.number] = event.product
                self.books[event.number] = NaiveBook()
            case facts.ProductUpdated() | facts.TradingStatusChanged() | facts.ProductDelisted():
                self.products[event.number] = event.product

    def _trade(self, event: facts.TradeExecuted) -> None:
        product = self.products[event.number].product_id
        same(f"the next trade of {product}", self.trade_ids.get(product, 0) + 1, event.trade_id)
        self.trade_ids[product] = event.trade_id
        self.books[event.number].traded(event)

    def _reject(self, event: Rejection) -> None:
        if type(event) is facts.OrderRejected and event.number in self.books:
            self.books[event.number].rejected(event)  # a row in Postgres, whatever the reason
        if not is_recorded(event.account):
            self.other_rejections[event.reason] += 1
            return
        what = f"{type(event).__name__} of {event.client_oid or ids.text(event.order_id)}"
        if event.reason is RejectReason.DUPLICATE:
            self._repeated(event, what)
            return
        self.rejections[event.reason] += 1
        if event.reason is RejectReason.TRADING_STATUS and self._is_restricted(event.number):
            return
        if event.reason not in EXPECTED:
            raise Difference(f"{what} for {event.reason.name}, which this recording cannot give")
        if type(event) is not facts.CommandRejected:
            self._deserved(event, what)

    def _is_restricted(self, number: int) -> bool:
        """A recorded halt has been replayed: what came meanwhile is refused."""
        return number in self.products and self.products[number].status is not TradingStatus.ONLINE

    def _repeated(self, event: Rejection, what: str) -> None:
        """Sent again because no answer came, while nothing but the engine could know it: it names what came first."""
        self.duplicates += 1
        if event.first_order_id not in self._decided:
            raise Difference(f"{what} for DUPLICATE, and what it names as the first was never decided")

    def _deserved(self, event: Rejection, what: str) -> None:
        book = self.books[event.number]
        name = (event.account, event.client_oid)
        by_id = book.orders.get(event.order_id)
        if (event.client_oid and name in book.open) or (by_id is not None and by_id.is_standing):
            raise Difference(f"{what} for {event.reason.name}, and the order is open")
        if event.reason is RejectReason.ORDER_DONE and name not in book.names and by_id is None:
            raise Difference(f"{what} for ORDER_DONE, and the order never came")

    def _count(self, event: AnyEvent, is_public: bool) -> None:
        product = self.products.get(event.number)
        if product is None:
            same("sequence outside all products", 0, event.sequence)
            return
        before = self.sequences.get(product.product_id, 0)
        now = before + 1 if is_public and type(event) not in _PRIVATE else before
        same(f"sequence of {product.product_id}", now, event.sequence)
        self.sequences[product.product_id] = now
        if type(event) is facts.ProductDelisted:
            del self.products[event.number]
