"""All of one partition: what is due first, then repeats, then the command's own rules."""

from typing import Final

from msgspec.structs import replace

from libs.events import commands
from libs.events.commands import AnyCommand, Envelope
from libs.events.events import (
    AmendRejected,
    CancelAllAfterDisarmed,
    CancelRejected,
    ClusterSizeChanged,
    CommandRejected,
    DeadLetterClosed,
    DuplicateIgnored,
    OrderDone,
    OrderRejected,
    ProductDelisted,
    ProductListed,
    ProductUpdated,
    TimeAdvanced,
    TradingStatusChanged,
)
from libs.events.ids import NUMBER_LIMIT, PARTITION_LIMIT, key_digest, partition_of
from libs.events.partitioning import home
from libs.events.values import NO_ID, ClosedReason, DoneReason, FailureCause, Product, RejectReason, TradingStatus
from sim.check.difference import Difference
from sim.check.naive import acting, ending, listing
from sim.check.naive.book import Moment, NaiveBook
from sim.check.naive.fact import Fact
from sim.check.naive.failing import Failing
from sim.check.naive.order import REJECTED, NaiveOrder
from sim.check.naive.reasons import amend_reason, place_reason
from sim.check.naive.taking import Facts
from sim.check.naive.waiting import Waiter, Waiting
from sim.check.naive.window import CLOCK_LEAD, Window

RULES: Final = 2
"""The version of the rules that stands here."""
MAX_TIMEOUT: Final = 86_400_000_000_000
"""ns; a day."""
MAX_COUNTER: Final = NUMBER_LIMIT // PARTITION_LIMIT - 1


class NaiveExchange:
    def __init__(self, partition: int) -> None:
        self.moment = Moment()
        self.products: dict[int, Product] = {}
        """What is listed, by number."""
        self.books: dict[int, NaiveBook] = {}
        """Of every product that ever was listed, by number."""
        self.strays: dict[bytes, NaiveOrder] = {}
        """Orders for products that never were. One whose number is of another partition has its row there."""
        self.trade_ids: dict[str, int] = {}
        """By product id: a product that is listed anew counts on."""
        self.waiting = Waiting()
        self._failing = Failing(self, partition)
        self._partition = partition
        self._counter = 0
        self._cluster_size = 0
        self._window = Window()

    def fail(self, command: AnyCommand | Envelope, cause: FailureCause, appended: int, offset: int) -> Facts:
        """Everything that a command causes which its worker could not decide. Nothing else that is due happens with it."""
        self._come(appended)
        yield from self._failing.fail(command, cause, offset)

    def call_off(self, event: OrderDone | CancelAllAfterDisarmed) -> Fact:
        """A deadline that its worker could not let happen. Raises Difference where there is none."""
        book = self.books.get(event.number) if event.number in self.products else None
        order = book and isinstance(event, OrderDone) and book.find("", event.order_id, "")
        if book is not None and order and order.expire_time:
            return book.end(order, DoneReason.DEAD_LETTERED)
        if book is None or isinstance(event, OrderDone) or event.account not in book.deadlines.switches:
            raise Difference("a deadline is called off that was not there")
        del book.deadlines.switches[event.account]
        return book.fact(CancelAllAfterDisarmed, False)

    def remembers(self, command_id: bytes) -> bool:
        return command_id in self._window.ids

    def remember(self, command: AnyCommand | Envelope) -> None:
        self._window.remember(self.moment.time, command.command_id, command.key, command.sent)

    def open_order(self, number: int, account: str, order_id: bytes, client_oid: str) -> NaiveOrder | None:
        return self.books[number].find(account, order_id, client_oid) if number in self.products else None

    def _come(self, appended: int) -> None:
        self.moment.time = max(self.moment.time, appended)
        self._window.forget(self.moment.time)

    def decide(self, command: AnyCommand, appended: int) -> Facts:
        """Everything that the command causes, one after the other. `appended` is when it came into the log, ns."""
        self._come(appended)
        window, waiting = self._window, self.waiting
        book = self._book(command)
        if isinstance(command, commands.AdvanceTime):
            yield from ending.due([self.books[number] for number in self.products], self._failing)
        elif book is not None:
            yield from ending.due([book], self._failing)
        waiter = waiting.awaited(command)
        if waiter is not None:
            yield from self._come_back(command, waiter)
            return
        comes_back = command.attempt != 0 and command.sent <= window.watermark
        known = command.command_id in window.ids or command.command_id in waiting.waiters
        if known or comes_back or self._is_open(command):
            yield Fact(DuplicateIgnored, command.number, False, (command.order_id,), True)
            return
        refused = self._refused(command, appended)
        if refused is not None:
            yield refused
            return
        line = self._failing.line_of(command)
        if isinstance(command, commands.AmendOrder) and line != command.command_id and waiting.line(line):
            yield self._follow(command, line)
        else:
            yield from self._carry_out(command)
            self.remember(command)

    def _come_back(self, command: AnyCommand, waiter: Waiter) -> Facts:
        """A command that waited, in its turn or before it."""
        if not self.waiting.is_first(waiter):
            yield self._failing.defer(waiter, FailureCause.FOLLOWER)
            return
        yield self._failing.resume(waiter)
        if isinstance(command, commands.AmendOrder | commands.CancelOrder) and waiter.line != command.command_id:
            command = replace(command, order_id=command.order_id or waiter.line)
        yield from self._carry_out(command)
        self.remember(command)

    def _follow(self, command: commands.AmendOrder, line: bytes) -> Fact:
        """What is about an order waits behind what waits for it."""
        if not self.waiting.is_full(line):
            return self._failing.defer(Waiter(command, line), FailureCause.FOLLOWER)
        self.remember(command)
        return self._rejected(command, RejectReason.TOO_MANY_PARKED)

    def _is_open(self, command: AnyCommand) -> bool:
        """Whether a place comes again whose order is open, however long ago it came first."""
        book = self._book(command)
        if book is None or not isinstance(command, commands.PlaceOrder):
            return False
        return book.find("", command.command_id, "") is not None

    def _book(self, command: AnyCommand) -> NaiveBook | None:
        """Of the product that the command names, if it is listed."""
        return self.books[command.number] if command.number in self.products else None

    def _refused(self, command: AnyCommand, appended: int) -> Fact | None:
        """A command that comes late, from the future, or for the second time."""
        window, time = self._window, self.moment.time
        if command.sent <= window.watermark:
            return self._rejected(command, RejectReason.STALE, CommandRejected)
        if command.sent > appended + CLOCK_LEAD:
            window.remember(time, command.command_id, command.key, 0)
            return self._rejected(command, RejectReason.CLOCK)
        first = self._first(command)
        if first is None:
            return None
        window.remember(time, command.command_id, 0, command.sent)
        return self._rejected(command, RejectReason.DUPLICATE, first=first)

    def _first(self, command: AnyCommand) -> bytes | None:
        """The command that used up the key, or the open order that has the name."""
        if command.key in self._window.keys:
            return self._window.keys[command.key]
        used = self.waiting.key_used(command.key)
        if used is not None:
            return used
        book = self._book(command)
        name = (command.client_oid if isinstance(command, commands.PlaceOrder) else "") or command.key
        if not name:
            return None
        order = None if book is None else book.owned.get(command.account, {}).get(name)
        if order is not None:
            return order.order_id
        return self.waiting.place(command.account, command.number, name)

    def _carry_out(self, command: AnyCommand) -> Facts:
        book = self._book(command)
        refused = self._failing.refused(command)
        if refused is not None:
            yield self._rejected(command, refused)
            return
        yield from self._failing.close(command, ClosedReason.REPLAYED)
        if isinstance(command, commands.DiscardDeadLetter):
            yield self._discard(command)
        elif isinstance(command, commands.ListProduct):
            yield from self._list(command)
        elif isinstance(command, commands.SetClusterSize):
            yield self._resize(command)
        elif isinstance(command, commands.AdvanceTime):
            yield Fact(TimeAdvanced, 0, False, (), True)
        elif book is None:
            yield self._rejected(command, RejectReason.UNKNOWN_PRODUCT)
        else:
            yield from self._to_product(command, book)

    def _to_product(self, command: AnyCommand, book: NaiveBook) -> Facts:
        match command:
            case commands.PlaceOrder():
                reason = place_reason(book, command)
                yield from acting.place(book, command) if reason is None else [self._rejected(command, reason)]
            case commands.AmendOrder() | commands.CancelOrder():
                yield from self._to_order(command, book)
            case commands.CancelAllOrders():
                yield from ending.cancel_all(book, command, self._failing)
            case commands.ArmCancelAllAfter():
                if 0 <= command.timeout <= MAX_TIMEOUT:
                    yield from ending.switch(book, command)
                else:
                    yield self._rejected(command, RejectReason.INVALID_TIMEOUT)
            case commands.DelistProduct():
                yield from self._delist(book)
            case commands.UpdateProduct() | commands.SetTradingStatus():
                yield self._change(command, book)

    def _to_order(self, command: commands.AmendOrder | commands.CancelOrder, book: NaiveBook) -> Facts:
        order = book.find(command.account, command.order_id, command.client_oid)
        line = self._failing.line_of(command)
        if order is None and isinstance(command, commands.CancelOrder) and line in self.waiting.waiters:
            yield from self._failing.end(self.waiting.take({line}), own=True)
        elif order is None and self._is_anothers(command):
            yield self._rejected(command, RejectReason.NOT_OWNER)
        elif order is None:
            yield self._rejected(command, self._missing(command))
        elif order.account != command.account:
            yield self._rejected(command, RejectReason.NOT_OWNER)
        elif isinstance(command, commands.CancelOrder):
            yield book.end(order, DoneReason.CANCELED, own=True)
            yield from self._failing.end(self.waiting.take({order.order_id}))
        else:
            reason = amend_reason(book, order, command)
            yield from acting.amend(book, order, command) if reason is None else [self._rejected(command, reason)]

    def _is_anothers(self, command: AnyCommand) -> bool:
        """Whether it names an order that waits, and cannot be its account's."""
        waiter = self.waiting.waiters.get(command.order_id)
        return waiter is not None and waiter.is_place and waiter.command.number == command.number

    def _discard(self, command: commands.DiscardDeadLetter) -> Fact:
        name = command.dead_letter
        if name.partition != self._partition or self.waiting.letters.pop(name.offset, None) is None:
            return self._rejected(command, RejectReason.NO_DEAD_LETTER, CommandRejected)
        return Fact(DeadLetterClosed, command.number, False, (name, ClosedReason.DISCARDED, command.note), True)

    def _missing(self, command: AnyCommand) -> RejectReason:
        """An order that cannot be found is done and remembered, or nothing is known of it."""
        if command.order_id:
            known = command.order_id in self._window.ids
        else:
            known = key_digest(command.account, command.number, command.client_oid) in self._window.keys
        return RejectReason.ORDER_DONE if known else RejectReason.UNKNOWN_ORDER

    def _list(self, command: commands.ListProduct) -> Facts:
        number = (self._counter + 1) * PARTITION_LIMIT + self._partition
        product = listing.listed(command, number, self._partition)
        if any(each.product_id == command.product_id for each in self.products.values()):
            yield self._rejected(command, RejectReason.PRODUCT_EXISTS)
        elif not listing.makes_sense(product):
            yield self._rejected(command, RejectReason.INVALID_PRODUCT)
        elif self._is_foreign(command.product_id):
            yield self._rejected(command, RejectReason.WRONG_PARTITION)
        elif self._counter >= MAX_COUNTER:
            yield self._rejected(command, RejectReason.TOO_MANY_PRODUCTS)
        else:
            self._counter += 1
            self.products[number] = product
            self.books[number] = NaiveBook(product, self.moment, self.trade_ids.get(product.product_id, 0))
            yield Fact(ProductListed, number, True, (product,), True)

    def _is_foreign(self, product_id: str) -> bool:
        """Whether a product that was never here belongs to another partition."""
        size = self._cluster_size
        return size > 0 and product_id not in self.trade_ids and home(product_id, size) != self._partition

    def _resize(self, command: commands.SetClusterSize) -> Fact:
        size = command.partitions
        if size < self._cluster_size or not self._partition < size <= PARTITION_LIMIT:
            return self._rejected(command, RejectReason.INVALID_CLUSTER_SIZE)
        self._cluster_size = size
        return Fact(ClusterSizeChanged, command.number, False, (size,), True)

    def _change(self, command: commands.UpdateProduct | commands.SetTradingStatus, book: NaiveBook) -> Fact:
        if isinstance(command, commands.SetTradingStatus):
            changed, fits = replace(book.product, status=command.status), command.status != TradingStatus.DELISTED
        else:
            changed = listing.updated(book.product, command)
            fits = listing.makes_sense(changed)
        if not fits:
            return self._rejected(command, RejectReason.INVALID_PRODUCT)
        if isinstance(command, commands.SetTradingStatus):
            self.waiting.forget_faults(book.number)
        self.products[book.number] = book.product = changed
        kind = TradingStatusChanged if isinstance(command, commands.SetTradingStatus) else ProductUpdated
        return Fact(kind, book.number, True, (changed,), True)

    def _delist(self, book: NaiveBook) -> Facts:
        empty = not book.owned
        yield from ending.delist(book)
        waiters = self.waiting.take(self.waiting.lines_of_product(book.number))
        yield from self._failing.end(waiters, own=empty)
        self.waiting.forget_faults(book.number)
        book.product = replace(book.product, status=TradingStatus.DELISTED)
        self.trade_ids[book.product.product_id] = book.trade_id
        del self.products[book.number]
        yield Fact(ProductDelisted, book.number, True, (book.product,), empty and not waiters)

    def _rejected(
        self, command: AnyCommand, reason: RejectReason, kind: type | None = None, first: bytes = NO_ID
    ) -> Fact:
        """The rejection of the command's own kind. A place has a row in Postgres, whatever the reason."""
        if isinstance(command, commands.PlaceOrder) and kind is None:
            return self.order_rejected(command, reason, first)
        own = {commands.AmendOrder: AmendRejected, commands.CancelOrder: CancelRejected}
        kind = kind or own.get(type(command), CommandRejected)
        return Fact(kind, command.number, False, (command.order_id, command.client_oid, reason, first, NO_ID), True)

    def order_rejected(
        self, command: commands.PlaceOrder, reason: RejectReason, first: bytes, parked_id: bytes = NO_ID
    ) -> Fact:
        order = NaiveOrder(command)
        order.status, order.reject_reason = REJECTED, reason
        book = self.books.get(command.number)
        if book is not None or partition_of(command.number) == self._partition:
            (self.strays if book is None else book.orders).setdefault(command.order_id, order)
        values = (
            order.order_id, order.client_oid, order.side, order.type, order.price, order.size, order.funds,
            order.time_in_force, order.post_only, reason, first, order.stp, order.stop_price, order.max_floor,
            order.expire_time, parked_id,
        )  # fmt: skip
        return Fact(OrderRejected, command.number, False, values, True)
