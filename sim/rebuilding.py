"""Books as a client of the feed builds them, out of messages alone, that trust nothing: every sequence and checksum is checked.

`LevelsBook` is built from `level2` or `level2_batch`, `OrdersBook` from `full` on top of a REST book of level 3. Both know
nothing of how the exchange makes them: what they end with is compared with REST.
"""

from typing import Any, Final, TypeAlias
from zlib import crc32

Json: TypeAlias = dict[str, Any]
"""A message as it was parsed."""
_CHECKED: Final = 10
_LEVELS: Final = ("level2", "level2_batch")
_SIDES: Final = {"buy": "bids", "sell": "asks"}


class Gap(Exception):
    """The messages do not fit together. The text says which, and what was expected."""


class LevelsBook:
    """Sizes by price, as text."""

    def __init__(self, product_id: str) -> None:
        self.product_id = product_id
        self.sequence: int | None = None
        """None before the first snapshot."""
        self.updates = 0
        self.checksums = 0
        self.resyncs = 0
        self._sides: dict[str, dict[str, str]] = {"bids": {}, "asks": {}}

    def take(self, message: Json) -> None:
        """Any message of the socket; what is not of this book is passed over. Raises Gap."""
        if message.get("product_id") != self.product_id:
            return
        kind = message["type"]
        if kind == "snapshot":
            self._sides = {name: dict(message[name]) for name in self._sides}
            self._at(message)
        elif kind == "l2update":
            if self.sequence is None or message["prev_sequence"] != self.sequence:
                raise Gap(f"{self.product_id}: a change on {message['prev_sequence']} follows {self.sequence}")
            for side, price, size in message["changes"]:
                self._change(self._sides[_SIDES[side]], price, size)
            self.updates += 1
            self._at(message)
        elif kind == "resync" and message["channel"] in _LEVELS:
            self.resyncs += 1
            self.sequence = None

    def levels(self, name: str) -> list[list[str]]:
        """Prices and sizes of `bids` or `asks`, the best first."""
        side = self._sides[name]
        return [[price, side[price]] for price in sorted(side, key=_number, reverse=name == "bids")]

    def checksum(self) -> int:
        bids, asks = (
            ",".join(f"{price}:{size}" for price, size in self.levels(name)[:_CHECKED]) for name in ("bids", "asks")
        )
        return crc32(f"{bids}|{asks}".encode())

    def _at(self, message: Json) -> None:
        self.sequence = message["sequence"]
        if self.checksum() != message["checksum"]:
            raise Gap(f"{self.product_id}: the checksum at {self.sequence} is another one")
        self.checksums += 1

    def _change(self, side: dict[str, str], price: str, size: str) -> None:
        if _number(size) == 0:
            side.pop(price, None)
        else:
            side[price] = size


class OrdersBook:
    """Every order, in the order of its queue. It holds each trade to the book: none passes a better price that is shown."""

    def __init__(self, product_id: str) -> None:
        self.product_id = product_id
        self.sequence: int | None = None
        """None before the REST book, and after a resync until the next one; messages that come meanwhile are kept."""
        self.facts = 0
        self.trades = 0
        self.resyncs = 0
        self._early: list[Json] = []
        self._orders: dict[str, list[str]] = {}
        """Side, price and size by id; later ones stand behind earlier ones."""
        self.trade_id: int | None = None

    def begin(self, book: Json) -> None:
        """Take a REST book of level 3, and what was kept. Raises Gap when the messages begin too late for it."""
        self._orders = {
            order_id: [side, price, size]
            for side, name in _SIDES.items()
            for price, size, order_id in book[name]
        }  # fmt: skip
        self.sequence = book["sequence"]
        early, self._early = self._early, []
        for message in early:
            self.take(message)

    @property
    def first_kept(self) -> int | None:
        """The sequence of the first message that waits for a REST book, which must not be older than that."""
        return self._early[0]["sequence"] if self._early else None

    def take(self, message: Json) -> None:
        if message.get("product_id") != self.product_id:
            return
        if message["type"] == "resync" and message["channel"] == "full":
            self.resyncs += 1
            self.sequence, self.trade_id, self._early = None, None, []
        elif message["type"] in _FACTS and self.sequence is None:
            self._early.append(message)
        elif message["type"] in _FACTS:
            self._follow(message)

    def _follow(self, message: Json) -> None:
        assert self.sequence is not None, "begun"
        if message["sequence"] <= self.sequence:
            return
        if message["sequence"] != self.sequence + 1:
            raise Gap(f"{self.product_id}: fact {message['sequence']} follows {self.sequence}")
        self.sequence += 1
        self.facts += 1
        _FACTS[message["type"]](self, message)

    def orders(self, name: str) -> list[list[str]]:
        """Price, size and id of `bids` or `asks`: the best first, and in each level as they wait."""
        side = "buy" if name == "bids" else "sell"
        found = [[price, size, order_id] for order_id, (of, price, size) in self._orders.items() if of == side]
        return sorted(found, key=lambda each: _number(each[0]), reverse=name == "bids")

    def _open(self, message: Json) -> None:
        self._orders.pop(message["order_id"], None)
        self._orders[message["order_id"]] = [message["side"], message["price"], message["remaining_size"]]

    def _done(self, message: Json) -> None:
        self._orders.pop(message["order_id"], None)

    def _match(self, message: Json) -> None:
        if self.trade_id is not None and message["trade_id"] != self.trade_id + 1:
            raise Gap(f"{self.product_id}: trade {message['trade_id']} follows {self.trade_id}")
        self.trade_id = message["trade_id"]
        order = self._orders.get(message["maker_order_id"])
        if order is None:
            raise Gap(f"{self.product_id}: a trade with {message['maker_order_id']}, which is not in the book")
        self._protected(order, message)
        self.trades += 1
        left = _number(order[2]) - _number(message["size"])
        if left < 0:
            raise Gap(f"{self.product_id}: a trade of more than {message['maker_order_id']} shows")
        if left:
            order[2] = _text(left, message["size"])
        else:
            del self._orders[message["maker_order_id"]]

    def _protected(self, maker: list[str], message: Json) -> None:
        """At the maker's price, and no order of its side is shown at a better one. Raises Gap."""
        side, price, _ = maker
        if price != message["price"]:
            raise Gap(f"{self.product_id}: trade {message['trade_id']} at {message['price']} with an order at {price}")
        prices = (_number(shown) for of, shown, _ in self._orders.values() if of == side)
        if _number(price) != (max(prices) if side == "buy" else min(prices)):
            raise Gap(f"{self.product_id}: trade {message['trade_id']} at {price} passes a better price that is shown")

    def _change(self, message: Json) -> None:
        if not message["kept_place"]:
            self._orders.pop(message["order_id"], None)
        elif message["order_id"] in self._orders:
            self._orders[message["order_id"]][2] = message["new_size"]

    def _other(self, message: Json) -> None:
        pass


_FACTS: Final = {
    "received": OrdersBook._other,
    "open": OrdersBook._open,
    "match": OrdersBook._match,
    "done": OrdersBook._done,
    "change": OrdersBook._change,
    "product": OrdersBook._other,
}


def _number(text: str) -> int:
    """A decimal as an integer: all texts of one kind have the same number of places."""
    return int(text.replace(".", ""))


def _text(number: int, like: str) -> str:
    places = len(like.partition(".")[2])
    digits = str(number).rjust(places + 1, "0")
    return f"{digits[:-places]}.{digits[-places:]}" if places else digits
