"""Books as JSON, encoded once for each change of a book, however often they are asked for.

Written directly: every text in them is digits, or an id, and needs no escaping.
"""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final

from libs.book.ladder import Ladder
from libs.book.product import ProductBook
from libs.events.decimals import to_text
from libs.events.ids import text
from services.query_api.texts import iso

_MOST_TEXTS: Final = 4_096


class BookTexts:
    """The latest encoding of each book and level, valid while the book's sequence stands still."""

    def __init__(self) -> None:
        self._made: dict[tuple[int, int], tuple[int, bytes]] = {}

    def of(self, book: ProductBook, level: int, time: int) -> bytes:
        key = (book.product.number, level)
        made = self._made.get(key)
        if made is None or made[0] != book.sequence:
            if len(self._made) >= _MOST_TEXTS:
                self._made.clear()  # products come and go; what is asked for is soon made again
            made = self._made[key] = (book.sequence, encoded(book, level, time))
        return made[1]


def encoded(book: ProductBook, level: int, time: int) -> bytes:
    """`time` is the engine time of the partition when the book came to be as it is."""
    bids, asks = (_SIDES[level](book, ladder) for ladder in (book.bids, book.asks))
    return (
        f'{{"sequence":{book.sequence},"bids":[{",".join(bids)}],"asks":[{",".join(asks)}],'
        f'"auction_mode":false,"auction":null,"time":"{iso(time)}"}}'
    ).encode()


def _levels(book: ProductBook, ladder: Ladder) -> Iterator[str]:
    prices, sizes = book.product.price_scale, book.product.size_scale
    for level in ladder:
        yield f'["{to_text(level.price, prices)}","{to_text(level.volume, sizes)}",{level.count}]'


def _best(book: ProductBook, ladder: Ladder) -> Iterator[str]:
    return islice(_levels(book, ladder), 1)


def _orders(book: ProductBook, ladder: Ladder) -> Iterator[str]:
    prices, sizes = book.product.price_scale, book.product.size_scale
    for level in ladder:
        price = to_text(level.price, prices)
        for order in level:
            yield f'["{price}","{to_text(order.displayed, sizes)}","{text(order.order_id)}"]'


_SIDES: Final[dict[int, Callable[[ProductBook, Ladder], Iterator[str]]]] = {1: _best, 2: _levels, 3: _orders}
