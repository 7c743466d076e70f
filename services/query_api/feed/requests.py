"""What clients may send to `/ws`, as Coinbase Exchange has it. Raises Problem, and names what does not fit."""

from collections.abc import Iterator
from typing import Final, NamedTuple, TypeAlias

import msgspec

from libs.access.signatures import Signed
from libs.service.problems import INCOMPLETE_CREDENTIALS, MISSING_FIELD, UNKNOWN_CHANNEL, Problem
from libs.service.refusals import REFUSALS, refusal
from services.query_api.feed.channels import Channel


class ChannelRequest(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A channel with products of its own, besides those of the whole message."""

    name: str
    product_ids: list[str] = []


class Subscribe(msgspec.Struct, tag_field="type", tag="subscribe", forbid_unknown_fields=True, frozen=True):
    """Begin to listen. For `user` the last four prove whose orders: a signature of `GET /users/self/verify`, no body."""

    channels: list[str | ChannelRequest]
    product_ids: list[str] = []
    key: str | None = None
    signature: str | None = None
    timestamp: str | int | float | None = None
    passphrase: str | None = None


class Unsubscribe(msgspec.Struct, tag_field="type", tag="unsubscribe", forbid_unknown_fields=True, frozen=True):
    """Stop listening: to channels of some products or, where none is named, of all. What is not subscribed stays so."""

    channels: list[str | ChannelRequest]
    product_ids: list[str] = []


Request: TypeAlias = Subscribe | Unsubscribe
_decoder: Final[msgspec.json.Decoder[Request]] = msgspec.json.Decoder(Request)
_CREDENTIALS: Final = ("key", "signature", "timestamp", "passphrase")


class Pair(NamedTuple):
    """A channel of a product. Of `status`, which is about all products, there is no product."""

    channel: Channel
    product_id: str


def parse(text: str) -> Request:
    try:
        return _decoder.decode(text)
    except REFUSALS as error:
        raise refusal(error) from None


def credentials(request: Subscribe) -> Signed | None:
    """None where it carries none of the four."""
    values = [getattr(request, name) for name in _CREDENTIALS]
    if all(value is None for value in values):
        return None
    for name, value in zip(_CREDENTIALS, values, strict=True):
        if value in {None, ""}:
            raise Problem(INCOMPLETE_CREDENTIALS, f"{name} is not there", name)
    return Signed(*(str(value).encode() for value in values))


def subscribed(request: Subscribe) -> Iterator[Pair]:
    for channel, product_ids in _channels(request):
        if channel is Channel.STATUS:
            yield Pair(channel, "")
        elif not product_ids:
            raise Problem(MISSING_FIELD, f"{channel} needs product_ids", "product_ids")
        else:
            yield from (Pair(channel, product_id) for product_id in product_ids)


def unsubscribed(request: Unsubscribe) -> Iterator[tuple[Channel, frozenset[str] | None]]:
    """Channels with products; None for all of them."""
    for channel, product_ids in _channels(request):
        yield channel, frozenset(product_ids) if product_ids else None
    if not request.channels:
        for channel in Channel:
            yield channel, frozenset(request.product_ids) if request.product_ids else None


def _channels(request: Request) -> Iterator[tuple[Channel, list[str]]]:
    for given in request.channels:
        name, own = (given, []) if isinstance(given, str) else (given.name, given.product_ids)
        if name not in _CHANNELS:
            known = ", ".join(_CHANNELS)
            raise Problem(UNKNOWN_CHANNEL, f"{name[:64]!r} is none of {known}", "channels")
        yield _CHANNELS[name], [*request.product_ids, *own]


_CHANNELS: Final = {channel.value: channel for channel in Channel}
