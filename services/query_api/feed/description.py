"""`/asyncapi.json`: the feed described by its own messages."""

from functools import cache
from typing import Final, get_args

from libs.service.asyncapi import Described, description
from services.query_api.feed.messages import Message
from services.query_api.feed.requests import Subscribe, Unsubscribe

FEED: Final = Described(
    "feed",
    "/ws",
    "Market data, and one's own orders, as they happen.",
    (Subscribe, Unsubscribe),
    get_args(Message),
)


@cache
def asyncapi() -> bytes:
    return description("Outcry feeds", (FEED,))
