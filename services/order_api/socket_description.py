"""`/ws/orders` described by its own messages."""

from typing import Final

import msgspec

from libs.service.asyncapi import Described
from libs.service.problems import Document
from libs.service.sockets import Closing
from services.order_api.socket_requests import AmendMessage, CancelMessage, PlaceMessage


class Acknowledged(msgspec.Struct, frozen=True, kw_only=True):
    """In the log. What the book says of it is on the read side, and on `user` of the feed."""

    request_id: str
    status: int
    command_id: str
    product_id: str
    position: str
    id: str = ""
    order_id: str = ""
    client_oid: str = ""
    replayed: bool = False


ORDERS: Final = Described(
    "orders",
    "/ws/orders",
    "Orders placed, amended and canceled; each message is answered once, by its request_id.",
    (PlaceMessage, AmendMessage, CancelMessage),
    (Acknowledged, Document, Closing),
)
