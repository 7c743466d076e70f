"""Every message that `/ws` sends. `docs/reference/asyncapi.json` is made of these Structs.

Decimals are strings at the scales of the product, times are ISO 8601. What does not apply is left out. A market message
carries the product and its `sequence`: the number of the public fact it tells, or up to which it tells.
"""

from typing import Any, Literal, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from libs.service.sockets import Closing

Text: TypeAlias = str | UnsetType
SideName: TypeAlias = Literal["buy", "sell"]
Reason: TypeAlias = Literal["slow_reader", "partition_stopped"]
BookLevel: TypeAlias = tuple[str, str]
"""Price and size."""
Change: TypeAlias = tuple[SideName, str, str]
"""Side, price, and the size there is now; a size of 0 takes the level away."""


class Subscription(msgspec.Struct, frozen=True):
    name: str
    product_ids: list[str]


class Subscriptions(msgspec.Struct, tag_field="type", tag="subscriptions", frozen=True):
    """What the socket is subscribed to now: the answer to each `subscribe` and `unsubscribe`."""

    channels: list[Subscription]


class Error(msgspec.Struct, tag_field="type", tag="error", frozen=True):
    """A message of the client was refused; nothing of it was done. `code` is one of `docs/reference/errors.md`."""

    message: str
    reason: str
    code: str
    field: str | None
    retryable: bool


class Resync(msgspec.Struct, tag_field="type", tag="resync", frozen=True):
    """Messages of a channel were left out. What was built from it is worth nothing: it begins anew with what follows.

    After `slow_reader` a snapshot follows on `level2` and `level2_batch`; on `full` the book is fetched again, on `user`
    the orders. After `partition_stopped` nothing follows: the socket is not subscribed any more.
    """

    channel: str
    product_id: str
    sequence: int
    """Of the product now."""
    reason: Reason
    time: str


class Heartbeat(msgspec.Struct, tag_field="type", tag="heartbeat", frozen=True):
    """Once a second: how far the product is, so that whoever hears nothing else knows that nothing was missed."""

    product_id: str
    sequence: int
    last_trade_id: int
    time: str


class StatusMessage(msgspec.Struct, tag_field="type", tag="status", frozen=True):
    """All products, after a subscription and whenever one of them changed."""

    products: list[dict[str, Any]]
    currencies: list[dict[str, Any]]


class TickerMessage(msgspec.Struct, tag_field="type", tag="ticker", frozen=True):
    """After every trade, and after every change of the best bid or offer. A `trade_id` seen before says it was the latter."""

    product_id: str
    sequence: int
    time: str
    best_bid: Text
    best_bid_size: Text
    best_ask: Text
    best_ask_size: Text
    volume_24h: str
    price: Text = UNSET
    """Of the last trade, like `last_size`."""
    last_size: Text = UNSET
    trade_id: int | UnsetType = UNSET
    side: SideName | UnsetType = UNSET
    """The taker's, where this process has seen the trade."""


class Snapshot(msgspec.Struct, tag_field="type", tag="snapshot", frozen=True):
    """Every level, the best first. The first `l2update` after it has its `sequence` as `prev_sequence`."""

    product_id: str
    sequence: int
    checksum: int
    bids: list[BookLevel]
    asks: list[BookLevel]
    time: str


class L2Update(msgspec.Struct, tag_field="type", tag="l2update", frozen=True):
    """What one command, or on `level2_batch` 50 ms, made of the levels it touched; perhaps nothing."""

    product_id: str
    sequence: int
    prev_sequence: int
    """Of the message before: one that differs says that messages are missing."""
    checksum: int
    """CRC32 of the ten best levels after the changes."""
    changes: list[Change]
    time: str


class Fact(msgspec.Struct, frozen=True):
    """What messages about orders have in common."""

    product_id: str
    sequence: int
    time: str


class Received(Fact, tag_field="type", tag="received", frozen=True, kw_only=True):
    """An order was accepted, or a stop fired: now it is matched. Of an iceberg, `size` is what it shows."""

    order_id: str
    side: SideName
    order_type: Literal["limit", "market"]
    size: Text = UNSET
    price: Text = UNSET
    funds: Text = UNSET
    time_in_force: Text = UNSET
    client_oid: Text = UNSET
    """On `user` alone, like the account and what `activate` repeats."""
    stop_price: Text = UNSET
    user_id: Text = UNSET
    profile_id: Text = UNSET


class Open(Fact, tag_field="type", tag="open", frozen=True, kw_only=True):
    """An order is in the book, at the back of its level; of an iceberg also each time it shows its next slice."""

    order_id: str
    side: SideName
    price: str
    remaining_size: str
    client_oid: Text = UNSET
    user_id: Text = UNSET
    profile_id: Text = UNSET


class Match(Fact, tag_field="type", tag="match", frozen=True, kw_only=True):
    """A trade. `side` is the maker's. Trade ids have no hole."""

    trade_id: int
    maker_order_id: str
    taker_order_id: str
    side: SideName
    size: str
    price: str
    client_oid: Text = UNSET
    user_id: Text = UNSET
    profile_id: Text = UNSET
    maker_fee_rate: Text = UNSET
    """On `user`: the order that traded was the maker's."""
    taker_fee_rate: Text = UNSET


class LastMatch(Match, tag_field="type", tag="last_match", frozen=True, kw_only=True):
    """The last trade before a subscription to `matches`, where this process has seen it."""


class Done(Fact, tag_field="type", tag="done", frozen=True, kw_only=True):
    """An order has ended, and is not in the book any more. `remaining_size` is what it showed last."""

    order_id: str
    side: SideName
    reason: str
    remaining_size: str
    price: Text = UNSET
    client_oid: Text = UNSET
    user_id: Text = UNSET
    profile_id: Text = UNSET


class ChangeMessage(Fact, tag_field="type", tag="change", frozen=True, kw_only=True):
    """An order shows another size, or another price. Where it did not keep its place it has left the book, and what
    follows says whether it comes back (`open`), and at what place.
    """

    order_id: str
    side: SideName
    reason: Literal["modify_order", "STP"]
    kept_place: bool
    old_size: str
    new_size: str
    price: str
    old_price: Text = UNSET
    new_price: Text = UNSET
    stop_price: Text = UNSET
    client_oid: Text = UNSET
    user_id: Text = UNSET
    profile_id: Text = UNSET


class ProductMessage(Fact, tag_field="type", tag="product", frozen=True, kw_only=True):
    """The product was listed, changed, halted or delisted: it is so from here on."""

    product: dict[str, Any]


class Activate(Fact, tag_field="type", tag="activate", frozen=True, kw_only=True):
    """On `user` alone: a stop waits for its price."""

    order_id: str
    side: SideName
    stop_type: Literal["entry", "loss"]
    stop_price: str
    private: bool = True
    size: Text = UNSET
    funds: Text = UNSET
    client_oid: Text = UNSET
    user_id: Text = UNSET
    profile_id: Text = UNSET


class Rejected(Fact, tag_field="type", tag="rejected", frozen=True, kw_only=True):
    """On `user` alone: a command was acknowledged, and the book refused it. Nothing changed."""

    command: Literal["place", "amend", "cancel", "other"]
    reason: str
    order_id: Text = UNSET
    client_oid: Text = UNSET
    duplicate_of: Text = UNSET
    user_id: Text = UNSET
    profile_id: Text = UNSET


OrderMessage: TypeAlias = Received | Open | Match | Done | ChangeMessage | ProductMessage | Activate | Rejected
Private: TypeAlias = Received | Open | Match | Done | ChangeMessage | Activate | Rejected
Message: TypeAlias = (
    Subscriptions
    | Error
    | Resync
    | Closing
    | Heartbeat
    | StatusMessage
    | TickerMessage
    | Snapshot
    | L2Update
    | LastMatch
    | OrderMessage
)

_encoder = msgspec.json.Encoder()


def encoded(message: Message) -> bytes:
    return _encoder.encode(message)
