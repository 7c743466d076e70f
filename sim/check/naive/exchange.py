"""All of one partition: what is due first, then repeats, then the command's own rules."""

from typing import Final

from msgspec.structs import replace

from libs.events import commands
from libs.events.commands import AnyCommand
from libs.events.events import (
    AmendRejected,
    CancelRejected,
    CommandRejected,
    DuplicateIgnored,
    OrderRejected,
    ProductDelisted,
    ProductListed,
    ProductUpdated,
    TimeAdvanced,
    TradingStatusChanged,
)
from libs.events.ids import NUMBER_LIMIT, PARTITION_LIMIT, key_digest, partition_of
from libs.events.values import NO_ID, DoneReason, Product, RejectReason, TradingStatus
from sim.check.naive import acting, ending, listing
from sim.check.naive.book import Moment, NaiveBook
from sim.check.naive.fact import Fact
from sim.check.naive.order import REJECTED, NaiveOrder
from sim.check.naive.reasons import amend_reason, place_reason
from sim.check.naive.taking import Facts
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
        self._partition = partition
        self._counter = 0
        self._window = Window()

    def decide(self, command: AnyCommand, appended: int) -> Facts:
        """Everything that the command causes, one after the other. `appended` is when it came into the log, ns."""
        moment, window = self.moment, self._window
        moment.time = max(moment.time, appended)
        window.forget(moment.time)
        book = self._book(command)
        if isinstance(command, commands.AdvanceTime):
            yield from ending.due([self.books[number] for number in self.products])
        elif book is not None:
            yield from ending.due([book])
        comes_back = command.attempt != 0 and command.sent <= window.watermark
        if command.command_id in window.ids or comes_back or self._is_open(command):
            yield Fact(DuplicateIgnored, command.number, False, (command.order_id,), True)
            return
        refused = self._refused(command, appended)
        if refused is not None:
            yield refused
            return
        yield from self._carry_out(command)
        window.remember(moment.time, command.command_id, command.key, command.sent)

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
        book = self._book(command)
        name = (command.client_oid if isinstance(command, commands.PlaceOrder) else "") or command.key
        if book is None or not name:
            return None
        order = book.owned.get(command.account, {}).get(name)
        return None if order is None else order.order_id

    def _carry_out(self, command: AnyCommand) -> Facts:
        book = self._book(command)
        if command.replay_of is not None or isinstance(command, commands.DiscardDeadLetter):
            yield self._rejected(command, RejectReason.NO_DEAD_LETTER)
        elif isinstance(command, commands.ListProduct):
            yield from self._list(command)
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
                yield from ending.cancel_all(book, command)
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
        if order is None:
            yield self._rejected(command, self._missing(command))
        elif order.account != command.account:
            yield self._rejected(command, RejectReason.NOT_OWNER)
        elif isinstance(command, commands.CancelOrder):
            yield book.end(order, DoneReason.CANCELED, own=True)
        else:
            reason = amend_reason(book, order, command)
            yield from acting.amend(book, order, command) if reason is None else [self._rejected(command, reason)]

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
        elif self._counter >= MAX_COUNTER:
            yield self._rejected(command, RejectReason.TOO_MANY_PRODUCTS)
        else:
            self._counter += 1
            self.products[number] = product
            self.books[number] = NaiveBook(product, self.moment, self.trade_ids.get(product.product_id, 0))
            yield Fact(ProductListed, number, True, (product,), True)

    def _change(self, command: commands.UpdateProduct | commands.SetTradingStatus, book: NaiveBook) -> Fact:
        if isinstance(command, commands.SetTradingStatus):
            changed, fits = replace(book.product, status=command.status), command.status != TradingStatus.DELISTED
        else:
            changed = listing.updated(book.product, command)
            fits = listing.makes_sense(changed)
        if not fits:
            return self._rejected(command, RejectReason.INVALID_PRODUCT)
        self.products[book.number] = book.product = changed
        kind = TradingStatusChanged if isinstance(command, commands.SetTradingStatus) else ProductUpdated
        return Fact(kind, book.number, True, (changed,), True)

    def _delist(self, book: NaiveBook) -> Facts:
        empty = not book.owned
        yield from ending.delist(book)
        book.product = replace(book.product, status=TradingStatus.DELISTED)
        self.trade_ids[book.product.product_id] = book.trade_id
        del self.products[book.number]
        yield Fact(ProductDelisted, book.number, True, (book.product,), empty)

    def _rejected(
        self, command: AnyCommand, reason: RejectReason, kind: type | None = None, first: bytes = NO_ID
    ) -> Fact:
        """The rejection of the command's own kind. A place has a row in Postgres, whatever the reason."""
        if isinstance(command, commands.PlaceOrder) and kind is None:
            return self._order_rejected(command, reason, first)
        own = {commands.AmendOrder: AmendRejected, commands.CancelOrder: CancelRejected}
        kind = kind or own.get(type(command), CommandRejected)
        return Fact(kind, command.number, False, (command.order_id, command.client_oid, reason, first, NO_ID), True)

    def _order_rejected(self, command: commands.PlaceOrder, reason: RejectReason, first: bytes) -> Fact:
        order = NaiveOrder(command)
        order.status, order.reject_reason = REJECTED, reason
        book = self.books.get(command.number)
        if book is not None or partition_of(command.number) == self._partition:
            (self.strays if book is None else book.orders).setdefault(command.order_id, order)
        values = (
            order.order_id, order.client_oid, order.side, order.type, order.price, order.size, order.funds,
            order.time_in_force, order.post_only, reason, first, order.stp, order.stop_price, order.max_floor,
            order.expire_time, NO_ID,
        )  # fmt: skip
        return Fact(OrderRejected, command.number, False, values, True)
