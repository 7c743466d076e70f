"""JSON bodies to typed requests, or to a problem that names the field. Nothing here knows a product.

The hot bodies are decoded in one go. Only when a batch is refused is it taken apart, so that one bad item costs
the others nothing.
"""

from typing import Final, Literal, TypeAlias, TypeVar

import msgspec

from libs.service import problems
from libs.service.problems import Problem
from libs.service.refusals import REFUSALS, decoded, refusal

SideName: TypeAlias = Literal["buy", "sell"]
Decimal: TypeAlias = str | None
"""Decimals are strings: a JSON number is refused, since its digits may have been through a float."""


class Place(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """`POST /orders`. A limit order needs price and size, a market order exactly one of size and funds.

    With a `stop_price` it waits until the last trade is at or beyond it. `stop` and `stop_limit` are such a market and
    such a limit order. GTT is another name of GTD, which ends at `expire_time` or so long after now.
    """

    product_id: str
    side: SideName
    type: Literal["limit", "market", "stop", "stop_limit"] = "limit"
    price: Decimal = None
    size: Decimal = None
    funds: Decimal = None
    time_in_force: Literal["GTC", "GTD", "GTT", "IOC", "FOK"] | None = None
    post_only: bool = False
    client_oid: str | None = None
    stop: Literal["loss", "entry"] | None = None
    stop_price: Decimal = None
    stp: Literal["dc", "co", "cn", "cb"] | None = None
    max_floor: Decimal = None
    expire_time: str | None = None
    cancel_after: Literal["min", "hour", "day"] | None = None


class Amend(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """`PATCH /orders/{id}`. `size` is the new total, what is filled or was taken off included; max_floor `"0"` shows all."""

    price: Decimal = None
    size: Decimal = None
    stop_price: Decimal = None
    max_floor: Decimal = None
    expire_time: str | None = None


class PlaceItem(Place, tag_field="op", tag="place", forbid_unknown_fields=True, gc=False):
    """An item of a batch. `account` is for operators, who may act for others."""

    account: str | None = None


class AmendItem(Amend, tag_field="op", tag="amend", forbid_unknown_fields=True, gc=False):
    """Names its order by `order_id`, or by `client_oid` and `product_id`."""

    order_id: str | None = None
    client_oid: str | None = None
    product_id: str | None = None
    account: str | None = None


class CancelItem(msgspec.Struct, tag_field="op", tag="cancel", forbid_unknown_fields=True, gc=False):
    """Names its order by `order_id`, or by `client_oid` and `product_id`."""

    order_id: str | None = None
    client_oid: str | None = None
    product_id: str | None = None
    account: str | None = None


Item: TypeAlias = PlaceItem | AmendItem | CancelItem


class Batch(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /orders/batch`."""

    orders: list[Item]


class _RawBatch(msgspec.Struct, forbid_unknown_fields=True):
    orders: list[msgspec.Raw]


class CancelAllAfter(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """`POST /cancel-all-after`. Seconds from now on, until they are asked for again; 0 takes the switch away."""

    product_id: str
    timeout: int


class ListProductRequest(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /products`. Scales are the decimal places of the increments unless given; limits are optional.

    `price_collar` is in basis points, `max_open_orders` of one account.
    """

    id: str
    base_currency: str
    quote_currency: str
    quote_increment: str
    base_increment: str
    price_scale: int | None = None
    size_scale: int | None = None
    min_size: Decimal = None
    max_size: Decimal = None
    min_notional: Decimal = None
    price_collar: int | None = None
    reference_price: Decimal = None
    max_open_orders: int | None = None


class UpdateProductRequest(msgspec.Struct, forbid_unknown_fields=True):
    """`PATCH /products/{id}`. What is absent stays; a limit of `"0"` is taken away."""

    quote_increment: Decimal = None
    base_increment: Decimal = None
    min_size: Decimal = None
    max_size: Decimal = None
    min_notional: Decimal = None
    price_collar: int | None = None
    reference_price: Decimal = None
    max_open_orders: int | None = None


class StatusRequest(msgspec.Struct, forbid_unknown_fields=True):
    """`POST /products/{id}/status`."""

    status: Literal["online", "post_only", "limit_only", "cancel_only", "halted"]


_T = TypeVar("_T")
_place: Final = msgspec.json.Decoder(Place)
_amend: Final = msgspec.json.Decoder(Amend)
_cancel_all_after: Final = msgspec.json.Decoder(CancelAllAfter)
_batch: Final = msgspec.json.Decoder(Batch)
_raw_batch: Final = msgspec.json.Decoder(_RawBatch)
_item: Final = msgspec.json.Decoder(Item)
_list_product: Final = msgspec.json.Decoder(ListProductRequest)
_update_product: Final = msgspec.json.Decoder(UpdateProductRequest)
_status: Final = msgspec.json.Decoder(StatusRequest)
_parameters: Final = msgspec.json.Decoder(dict[str, str])


def place(body: bytes) -> Place:
    return decoded(_place, body)


def amend(body: bytes) -> Amend:
    return decoded(_amend, body)


def cancel_all_after(body: bytes) -> CancelAllAfter:
    return decoded(_cancel_all_after, body)


def list_product(body: bytes) -> ListProductRequest:
    return decoded(_list_product, body)


def update_product(body: bytes) -> UpdateProductRequest:
    return decoded(_update_product, body)


def status(body: bytes) -> StatusRequest:
    return decoded(_status, body)


def parameters(body: bytes) -> dict[str, str]:
    """What a DELETE says in its body; nothing in an empty one."""
    return decoded(_parameters, body) if body else {}


def batch(body: bytes, most: int) -> list[Item | Problem]:
    """The items in order, each decoded or the problem it is. Raises Problem when there is no batch at all."""
    try:
        orders: list[Item | Problem] = [*_batch.decode(body).orders]
    except REFUSALS:
        raw = decoded(_raw_batch, body).orders
        _check_count(len(raw), most)
        return [_item_or_problem(item) for item in raw]
    _check_count(len(orders), most)
    return orders


def _check_count(count: int, most: int) -> None:
    if count == 0:
        raise Problem(problems.EMPTY_BATCH, field="orders")
    if count > most:
        raise Problem(problems.BATCH_TOO_LARGE, f"{count} items are more than {most}", "orders")


def _item_or_problem(raw: msgspec.Raw) -> Item | Problem:
    try:
        item: Item = _item.decode(raw)
    except REFUSALS as error:
        return refusal(error)
    return item
