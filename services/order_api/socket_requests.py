"""What clients may send to `/ws/orders`: the items of a batch, each with an id for its answer and, if it likes, a key."""

from typing import Final, NamedTuple, TypeAlias

import msgspec

from libs.service import problems
from libs.service.http import new_request_id
from libs.service.problems import Problem
from libs.service.refusals import REFUSALS, refusal
from services.order_api.building import check_key
from services.order_api.requests import AmendItem, CancelItem, Item, PlaceItem

_ID_LIMIT: Final = 64


class PlaceMessage(PlaceItem, tag_field="op", tag="place", forbid_unknown_fields=True, gc=False, kw_only=True):
    """As `POST /orders`. `idempotency_key` is what the header `Idempotency-Key` is there."""

    request_id: str
    idempotency_key: str = ""


class AmendMessage(AmendItem, tag_field="op", tag="amend", forbid_unknown_fields=True, gc=False, kw_only=True):
    """As `PATCH /orders/{id}`; the order is named by `order_id`, or by `client_oid` and `product_id`."""

    request_id: str
    idempotency_key: str = ""


class CancelMessage(CancelItem, tag_field="op", tag="cancel", forbid_unknown_fields=True, gc=False, kw_only=True):
    """As `DELETE /orders/{id}`; the order is named by `order_id`, or by `client_oid` and `product_id`."""

    request_id: str
    idempotency_key: str = ""


OrderRequest: TypeAlias = PlaceMessage | AmendMessage | CancelMessage


class _Named(msgspec.Struct):
    """What is wanted of a message that is refused."""

    request_id: str


class Asked(NamedTuple):
    """A message, or the problem it is."""

    request_id: str
    item: Item | Problem
    key: str


_decoder: Final[msgspec.json.Decoder[OrderRequest]] = msgspec.json.Decoder(OrderRequest)
_named: Final = msgspec.json.Decoder(_Named)


def parse(text: str) -> Asked:
    try:
        request = _decoder.decode(text)
        if not 1 <= len(request.request_id) <= _ID_LIMIT:
            raise Problem(problems.INVALID_VALUE, f"1 to {_ID_LIMIT} characters", "request_id")
        return Asked(request.request_id, request, check_key(request.idempotency_key) if request.idempotency_key else "")
    except REFUSALS as error:
        return Asked(_name(text), refusal(error), "")
    except Problem as problem:
        return Asked(_name(text), problem, "")


def _name(text: str) -> str:
    """The client's id, where it can be made out; else a new one, as of a request without."""
    try:
        return _named.decode(text).request_id[:_ID_LIMIT] or new_request_id()
    except REFUSALS:
        return new_request_id()
