"""Events as messages about orders: one for everybody where the event is a public fact, and one for each account it concerns.

An event is looked at before it is folded, so that the book still holds what it is about to change. Whether it is public
its `sequence` says, which then is the book's plus one; so whoever reads the public messages sees every number once.
What an iceberg hides, and whose an order is, stands in the messages of its own account alone.
"""

from collections.abc import Callable, Container, Mapping
from typing import Final, NamedTuple, TypeAlias, cast

from msgspec import UNSET
from msgspec.structs import replace

from libs.book.orders import Order
from libs.book.product import ProductBook
from libs.events.decimals import to_text
from libs.events.events import (
    AmendRejected,
    AnyEvent,
    CancelRejected,
    CommandRejected,
    Event,
    OrderAccepted,
    OrderAmended,
    OrderDone,
    OrderRejected,
    OrderReplenished,
    OrderRested,
    ProductDelisted,
    ProductListed,
    ProductUpdated,
    SelfTradePrevented,
    StopArmed,
    StopTriggered,
    TradeExecuted,
    TradingStatusChanged,
)
from libs.events.ids import text
from libs.events.values import OrderType, Product, Side
from services.query_api import views
from services.query_api.feed.messages import (
    Activate,
    ChangeMessage,
    Done,
    Match,
    Open,
    OrderMessage,
    Private,
    ProductMessage,
    Received,
    Rejected,
    SideName,
)
from services.query_api.texts import word

SIDES: Final[tuple[SideName, ...]] = ("buy", "buy", "sell")
"""By `Side`."""
FEE_RATE: Final = "0"


_Private: TypeAlias = tuple[tuple[str, Private], ...]
"""Accounts and messages."""


class Telling(NamedTuple):
    """What is said of one event."""

    public: OrderMessage | None
    private: _Private


class Seen(NamedTuple):
    """The product's book before the event, how the product writes numbers, and which accounts listen."""

    book: ProductBook
    time: str
    accounts: Container[str]

    @property
    def product(self) -> Product:
        return self.book.product

    def price(self, value: int) -> str:
        return to_text(value, self.book.product.price_scale)

    def size(self, value: int) -> str:
        return to_text(value, self.book.product.size_scale)

    def funds(self, value: int) -> str:
        return to_text(value, self.book.product.price_scale + self.book.product.size_scale)

    def head(self, event: Event) -> tuple[str, int, str]:
        """What every message begins with."""
        return self.book.product.product_id, event.sequence, self.time


NOTHING: Final = Telling(None, ())


def tell(book: ProductBook, event: AnyEvent, time: str, accounts: Container[str]) -> Telling:
    """`time` is the event's, as text. Only these accounts are told what is theirs."""
    teller = TELLERS.get(type(event))
    if teller is None:
        assert event.sequence == book.sequence, f"{type(event).__name__} is public, and nobody would hear of it"
        return NOTHING
    return teller(Seen(book, time, accounts), event)


def listed(event: ProductListed, time: str) -> ProductMessage:
    """The first fact of a life, before which there is no book."""
    product = event.product
    return ProductMessage(product.product_id, event.sequence, time, product=views.product(product))


def _public(seen: Seen, event: Event) -> bool:
    return event.sequence != seen.book.sequence


def _accepted(seen: Seen, event: OrderAccepted) -> Telling:
    product_id, sequence, time = seen.head(event)
    own = Received(
        product_id, sequence, time,
        order_id=text(event.order_id),
        side=SIDES[event.side],
        order_type="limit" if event.type is OrderType.LIMIT else "market",
        size=seen.size(event.size) if event.size else UNSET,
        price=seen.price(event.price) if event.price else UNSET,
        funds=seen.funds(event.funds) if event.funds else UNSET,
        time_in_force=event.time_in_force.name,
        stop_price=seen.price(event.stop_price) if event.stop_price else UNSET,
    )  # fmt: skip
    shown = None
    if _public(seen, event):
        shown = own if not event.stop_price else replace(own, stop_price=UNSET)
        if event.max_floor:
            shown = replace(shown, size=seen.size(min(event.max_floor, event.size)))
    return Telling(shown, _to(seen, event.account, event.client_oid, own))


def _triggered(seen: Seen, event: StopTriggered) -> Telling:
    order = seen.book.orders[event.order_id]
    own = Received(
        *seen.head(event),
        order_id=text(event.order_id),
        side=SIDES[order.side],
        order_type="limit" if order.type is OrderType.LIMIT else "market",
        size=seen.size(order.remaining) if order.size else UNSET,
        price=seen.price(order.price) if order.price else UNSET,
        funds=seen.funds(order.funds) if order.funds else UNSET,
        time_in_force=order.time_in_force.name,
    )
    shown = own
    if order.max_floor:
        shown = replace(own, size=seen.size(min(order.max_floor, order.remaining)))
    return _told(seen, event, order, shown, own)


def _armed(seen: Seen, event: StopArmed) -> Telling:
    order = seen.book.orders[event.order_id]
    message = Activate(
        *seen.head(event),
        order_id=text(event.order_id),
        side=SIDES[order.side],
        stop_type="entry" if order.side is Side.BUY else "loss",
        stop_price=seen.price(event.stop_price),
        size=seen.size(order.remaining) if order.size else UNSET,
        funds=seen.funds(order.funds) if order.funds else UNSET,
    )
    return Telling(None, _to(seen, order.account, order.client_oid, message))


def _opened(seen: Seen, event: OrderRested | OrderReplenished) -> Telling:
    order = seen.book.orders[event.order_id]
    message = Open(
        *seen.head(event),
        order_id=text(event.order_id),
        side=SIDES[event.side],
        price=seen.price(event.price),
        remaining_size=seen.size(event.displayed),
    )
    return _told(seen, event, order, message, replace(message, remaining_size=seen.size(event.remaining)))


def _traded(seen: Seen, event: TradeExecuted) -> Telling:
    message = Match(
        *seen.head(event),
        trade_id=event.trade_id,
        maker_order_id=text(event.maker_order_id),
        taker_order_id=text(event.taker_order_id),
        side=SIDES[3 - event.taker_side],
        size=seen.size(event.size),
        price=seen.price(event.price),
    )
    maker, taker = (seen.book.orders[name] for name in (event.maker_order_id, event.taker_order_id))
    to_maker, to_taker = replace(message, maker_fee_rate=FEE_RATE), replace(message, taker_fee_rate=FEE_RATE)
    private = (
        *_to(seen, maker.account, maker.client_oid, to_maker),
        *_to(seen, taker.account, taker.client_oid, to_taker),
    )
    return Telling(message, private)


def _amended(seen: Seen, event: OrderAmended) -> Telling:
    order = seen.book.orders[event.order_id]
    old, new = order.price, event.price
    repriced = old != new
    own = ChangeMessage(
        *seen.head(event),
        order_id=text(event.order_id),
        side=SIDES[event.side],
        reason="modify_order",
        kept_place=event.kept_place,
        old_size=seen.size(order.remaining),
        new_size=seen.size(event.remaining),
        price=seen.price(new),
        old_price=seen.price(old) if repriced else UNSET,
        new_price=seen.price(new) if repriced else UNSET,
    )
    shown = replace(own, old_size=seen.size(order.displayed), new_size=seen.size(event.displayed))
    if event.stop_price:
        own = replace(own, stop_price=seen.price(event.stop_price))
    return _told(seen, event, order, shown, own)


def _prevented(seen: Seen, event: SelfTradePrevented) -> Telling:
    maker = seen.book.orders[event.maker_order_id]
    own = ChangeMessage(
        *seen.head(event),
        order_id=text(event.maker_order_id),
        side=SIDES[maker.side],
        reason="STP",
        kept_place=event.maker_displayed > 0,
        old_size=seen.size(maker.remaining),
        new_size=seen.size(event.maker_remaining),
        price=seen.price(event.price),
    )
    shown = replace(own, old_size=seen.size(maker.displayed), new_size=seen.size(event.maker_displayed))
    return _told(seen, event, maker, shown, own)


def _done(seen: Seen, event: OrderDone) -> Telling:
    order = seen.book.orders[event.order_id]
    own = Done(
        *seen.head(event),
        order_id=text(event.order_id),
        side=SIDES[event.side],
        reason=word(event.reason),
        remaining_size=seen.size(event.remaining),
        price=seen.price(event.price) if event.price else UNSET,
    )
    shown = replace(own, remaining_size=seen.size(order.displayed)) if order.max_floor else own
    return _told(seen, event, order, shown, own)


def _product(seen: Seen, event: ProductListed | ProductUpdated | TradingStatusChanged | ProductDelisted) -> Telling:
    return Telling(ProductMessage(*seen.head(event), product=views.product(event.product)), ())


_Refusal: TypeAlias = OrderRejected | AmendRejected | CancelRejected | CommandRejected
_COMMANDS: Final = {OrderRejected: "place", AmendRejected: "amend", CancelRejected: "cancel", CommandRejected: "other"}


def _rejected(seen: Seen, event: _Refusal) -> Telling:
    if event.account not in seen.accounts:
        return NOTHING
    message = Rejected(
        *seen.head(event),
        command=_COMMANDS[type(event)],  # type: ignore[arg-type]  # the words that its type lists
        reason=word(event.reason),
        order_id=text(event.order_id) or UNSET,
        duplicate_of=text(event.first_order_id) or UNSET,
    )
    return Telling(None, _to(seen, event.account, event.client_oid, message))


def _told(seen: Seen, event: Event, order: Order, shown: Private, own: Private) -> Telling:
    """To everybody where it is a public fact, and to the order's own account in full."""
    private = _to(seen, order.account, order.client_oid, own)
    return Telling(shown if _public(seen, event) else None, private)


def _to(seen: Seen, account: str, client_oid: str, message: Private) -> _Private:
    """The account's own copy, where it listens."""
    if account not in seen.accounts:
        return ()
    return ((account, replace(message, user_id=account, profile_id=account, client_oid=client_oid or UNSET)),)


TELLERS: Final = cast(
    "Mapping[type[Event], Callable[[Seen, AnyEvent], Telling]]",
    {
        OrderAccepted: _accepted,
        StopTriggered: _triggered,
        StopArmed: _armed,
        OrderRested: _opened,
        OrderReplenished: _opened,
        TradeExecuted: _traded,
        OrderAmended: _amended,
        SelfTradePrevented: _prevented,
        OrderDone: _done,
        ProductUpdated: _product,
        TradingStatusChanged: _product,
        ProductDelisted: _product,
        OrderRejected: _rejected,
        AmendRejected: _rejected,
        CancelRejected: _rejected,
        CommandRejected: _rejected,
    },
)
"""Of every other event nobody is told: it is about the partition, or about what no feed carries."""
