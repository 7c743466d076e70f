"""A reader of `order-events` in a few lines: bytes of a record in, an event out, and the event as plain JSON values.

    follower = Follower()
    for record in consumer:                  # any Kafka client, isolation level read_committed
        event = follower.read(record.value)
        print(json.dumps(follower.describe(event)))

A follower learns the scales of each product from the events themselves, so prices and sizes come out as decimal text.
Who starts in the middle of the log tells it the products of the registry with `know`; without them, prices and sizes
stay integers, as they are in the log.
"""

from enum import IntEnum
from typing import Final, TypeAlias

import msgspec

from libs.events import ids
from libs.events.codec import decode_event
from libs.events.decimals import to_text
from libs.events.events import PRODUCT_EVENTS, AnyEvent
from libs.events.values import DeadLetterName, OrderTerms, Product

Plain: TypeAlias = "str | int | bool | dict[str, Plain] | None"

PRICES: Final = frozenset(("price", "quote_increment", "reference_price", "stop_price"))
SIZES: Final = frozenset(
    (
        "base_increment", "displayed", "maker_displayed", "maker_remaining", "max_floor", "max_size", "min_size",
        "remaining", "size", "taker_remaining",
    )
)  # fmt: skip
FUNDS: Final = frozenset(("funds", "min_notional", "taker_funds"))
"""Quote amounts, at price_scale + size_scale."""


class Follower:
    """Follows partitions from any place on. Sees no other state than the products."""

    def __init__(self) -> None:
        self._products: dict[int, Product] = {}

    def know(self, product: Product) -> None:
        """Of a record of the topic `products`, decoded by `libs.events.codec.decode_product`."""
        self._products[product.number] = product

    def read(self, value: bytes) -> AnyEvent:
        """Raises `libs.events.codec.Unreadable` for bytes that hold no event of this version."""
        event: AnyEvent = decode_event(value)
        if isinstance(event, PRODUCT_EVENTS):
            self.know(event.product)
        return event

    def describe(self, event: AnyEvent) -> dict[str, Plain]:
        """`{"event": "TradeExecuted", "product_id": "BTC-USD", …}`: ids and decimals as text, enums as lower-case words."""
        product = self._products.get(event.number)
        found: dict[str, Plain] = {"event": type(event).__name__}
        if product is not None:
            found["product_id"] = product.product_id
        return found | describe(event, product)


def describe(message: msgspec.Struct, product: Product | None = None) -> dict[str, Plain]:
    """The fields of an event, in order. Without its product, prices and sizes stay integers."""
    return {name: _plain(name, getattr(message, name), product) for name in message.__struct_fields__}


def _plain(name: str, value: object, product: Product | None) -> Plain:
    match value:
        case bytes():
            return ids.text(value)
        case IntEnum():
            return value.name.lower() if name != "time_in_force" else value.name
        case Product():
            return describe(value, value)
        case OrderTerms():
            return describe(value, product)
        case DeadLetterName():
            return f"{value.partition}:{value.offset}"
        case bool() | str() | None:
            return value
        case int():
            return _number(name, value, product)
        case _:
            raise TypeError(f"{name} is of no type that events have: {type(value).__name__}")


def _number(name: str, value: int, product: Product | None) -> str | int:
    if product is None:
        return value
    if name in PRICES:
        return to_text(value, product.price_scale)
    if name in SIZES:
        return to_text(value, product.size_scale)
    if name in FUNDS:
        return to_text(value, product.price_scale + product.size_scale)
    return value
