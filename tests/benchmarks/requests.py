"""What a load of single requests asks for: orders, orders under an API key, or books. Each ends in the same answer."""

import base64
import time
from collections.abc import Iterator
from itertools import cycle
from typing import ClassVar, Final

import msgspec

from libs.access.signatures import signature
from tests.benchmarks.orders import HEADERS, single_bodies, singles
from tests.benchmarks.wire import request

_PATH: Final = "/orders"


class Orders(msgspec.Struct, tag="orders"):
    """`POST /orders`, of a thousand accounts that nobody checks."""

    status: ClassVar = "202"
    products: list[str]
    tag: str

    def made(self) -> Iterator[bytes]:
        return singles(self.products, self.tag)


class Key(msgspec.Struct):
    """An API key, as its owner is shown it."""

    id: str
    secret: str
    passphrase: str


class SignedOrders(msgspec.Struct, tag="signed"):
    """The same under API keys in turn, each signed when it is sent."""

    status: ClassVar = "202"
    products: list[str]
    tag: str
    keys: list[Key]

    def made(self) -> Iterator[bytes]:
        keys = cycle([(_headers(key), base64.b64decode(key.secret)) for key in self.keys])
        for body, (headers, secret) in zip(single_bodies(self.products, self.tag), keys, strict=False):
            timestamp = b"%.3f" % time.time()
            signed = signature(secret, timestamp, "POST", _PATH.encode(), body).decode()
            last = f"CB-ACCESS-SIGN: {signed}\r\nCB-ACCESS-TIMESTAMP: {timestamp.decode()}\r\n"
            yield request("POST", _PATH, headers + last, body)


def _headers(key: Key) -> str:
    return f"{HEADERS}CB-ACCESS-KEY: {key.id}\r\nCB-ACCESS-PASSPHRASE: {key.passphrase}\r\n"


class Books(msgspec.Struct, tag="books"):
    """`GET /products/{id}/book` of every product in turn."""

    status: ClassVar = "200"
    products: list[str]
    level: int

    def made(self) -> Iterator[bytes]:
        return cycle([request("GET", f"/products/{each}/book?level={self.level}", "", b"") for each in self.products])
