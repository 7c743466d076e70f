"""Price levels as they change: what a command touched, what is there now, and a checksum of the ten best.

The checksum is the CRC32 of the texts of prices and sizes as they stand in the messages: each of the ten best levels as
`price:size`, the best first, joined by commas; bids, a vertical bar, asks. An empty book's is that of `|`.
"""

from itertools import islice
from typing import Final, TypeAlias
from zlib import crc32

from libs.book.ladder import Ladder
from libs.book.product import ProductBook
from libs.events.decimals import to_text
from libs.events.events import (
    AnyEvent,
    OrderAmended,
    OrderDone,
    OrderReplenished,
    OrderRested,
    SelfTradePrevented,
    TradeExecuted,
)
from libs.events.values import Product, Side
from services.query_api.feed.facts import SIDES
from services.query_api.feed.messages import BookLevel, Change

CHECKED: Final = 10
_OPPOSITE: Final = (0, 2, 1)
Place: TypeAlias = tuple[int, int]
"""Side and price."""


def touched(book: ProductBook, event: AnyEvent) -> Place | None:
    """The level that an event changes, told before it is folded."""
    kind = type(event)
    if kind is OrderRested or kind is OrderReplenished:
        return event.side, event.price  # type: ignore[union-attr]  # of one of these kinds
    if kind is TradeExecuted or kind is SelfTradePrevented:
        return _OPPOSITE[event.taker_side], event.price  # type: ignore[union-attr]  # likewise
    if kind is OrderDone or kind is OrderAmended:
        order = book.orders.get(event.order_id)  # type: ignore[union-attr]  # likewise
        if order is not None and order.displayed and not order.armed:
            return order.side, order.price
    return None


class Best:
    """The ten best levels of one side as text, made anew only when one of them, or one before them, was touched."""

    __slots__ = ("_last", "_sign", "text")

    def __init__(self, side: Side) -> None:
        self._sign = 1 if side is Side.BUY else -1
        self._last: int | None = None
        """The price of the tenth; None while there are fewer, and any change counts."""
        self.text = ""

    def concerns(self, price: int) -> bool:
        return self._last is None or self._sign * price >= self._sign * self._last

    def read(self, ladder: Ladder, product: Product) -> None:
        prices, sizes = product.price_scale, product.size_scale
        levels = list(islice(ladder, CHECKED))
        self._last = levels[-1].price if len(levels) == CHECKED else None
        self.text = ",".join(f"{to_text(level.price, prices)}:{to_text(level.volume, sizes)}" for level in levels)


class Checksum:
    """Of one book, kept up."""

    __slots__ = ("_asks", "_bids", "value")

    def __init__(self, book: ProductBook) -> None:
        self._bids, self._asks = Best(Side.BUY), Best(Side.SELL)
        self.value = 0
        self.begin(book)

    def begin(self, book: ProductBook) -> None:
        self._bids.read(book.bids, book.product)
        self._asks.read(book.asks, book.product)
        self._sum()

    def update(self, book: ProductBook, places: dict[Place, None]) -> None:
        bids = any(side == 1 and self._bids.concerns(price) for side, price in places)
        asks = any(side == 2 and self._asks.concerns(price) for side, price in places)
        if bids:
            self._bids.read(book.bids, book.product)
        if asks:
            self._asks.read(book.asks, book.product)
        if bids or asks:
            self._sum()

    def _sum(self) -> None:
        self.value = crc32(f"{self._bids.text}|{self._asks.text}".encode())


def changes(book: ProductBook, places: dict[Place, None]) -> list[Change]:
    """What there is now at the places that were touched."""
    prices, sizes = book.product.price_scale, book.product.size_scale
    found: list[Change] = []
    for side, price in places:
        level = book.ladder(side).levels.get(price)
        volume = level.volume if level is not None else 0
        found.append((SIDES[side], to_text(price, prices), to_text(volume, sizes)))
    return found


def levels(book: ProductBook, ladder: Ladder) -> list[BookLevel]:
    prices, sizes = book.product.price_scale, book.product.size_scale
    return [(to_text(level.price, prices), to_text(level.volume, sizes)) for level in ladder]
