"""Typed requests to commands: every rule that needs the product but not the book. Raises Problem, names the field.

Whatever passes here is well formed; what the book says of it is the engine's to decide.
"""

import re
from typing import Final, TypeAlias

from libs.events import ids
from libs.events.codec import encode
from libs.events.commands import (
    AmendOrder,
    AnyCommand,
    ArmCancelAllAfter,
    CancelAllOrders,
    CancelOrder,
    DelistProduct,
    DiscardDeadLetter,
    ListProduct,
    PlaceOrder,
    SetTradingStatus,
    UpdateProduct,
)
from libs.events.values import NO_ID, DeadLetterName, Product, Side, TradingStatus
from libs.service import problems
from libs.service.problems import Problem
from services.order_api import terms
from services.order_api.intents import Intent, Target
from services.order_api.minting import Mint
from services.order_api.product_rules import Changes, Listing
from services.order_api.requests import Amend, Place

Envelope: TypeAlias = tuple[bytes, str, int, bytes, str, int, int, int, None]
"""The frozen part of a command, in the order of its fields."""

SIDES: Final = {"buy": Side.BUY, "sell": Side.SELL}
# Printable, without space, quote and backslash: it stands in JSON and in paths as it is.
_NAME: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,64}")


def check_client_oid(text: str) -> str:
    if _NAME.fullmatch(text) is None:
        raise Problem(problems.INVALID_CLIENT_OID, field="client_oid")
    return text


def check_key(text: str) -> str:
    """An `Idempotency-Key`."""
    if _NAME.fullmatch(text) is None:
        raise Problem(problems.INVALID_KEY, field="Idempotency-Key")
    return text


def order_id(text: str, field: str = "order_id") -> bytes:
    try:
        return ids.parse(text)
    except ValueError:
        raise Problem(problems.INVALID_ID, field=field) from None


class Builder:
    """Makes intents. `key` is always the `Idempotency-Key` of the request or item, empty without one."""

    def __init__(self, mint: Mint, cluster: str) -> None:
        self._mint = mint
        self._prefix = f"{cluster}:k:"

    def place(self, request: Place, product: Product, account: str, key: str) -> Intent:
        client_oid = request.client_oid
        if client_oid is None:
            client_oid = ""
        else:
            key = check_client_oid(client_oid)
        now, number = self._mint.now(), product.number
        wanted = terms.placed(request, product, now)
        identity = self._mint.id(now, number)
        digest = ids.key_digest(account, number, key) if key else 0
        command = PlaceOrder(
            identity,
            account,
            number,
            identity,
            client_oid,
            digest,
            now,
            0,
            None,
            SIDES[request.side],
            *wanted,
        )
        return self._intent(command, product, key, owned=False)

    def amend(self, target: Target, request: Amend, account: str, key: str) -> Intent:
        envelope = self._envelope(target, account, key)
        command = AmendOrder(*envelope, *terms.amended(request, target.product, self._mint.now()))
        return self._intent(command, target.product, key, owned=target.order_id != NO_ID)

    def cancel(self, target: Target, account: str, key: str) -> Intent:
        command = CancelOrder(*self._envelope(target, account, key))
        return self._intent(command, target.product, key, owned=target.order_id != NO_ID)

    def cancel_all(self, product: Product, side: Side | None, account: str, key: str) -> Intent:
        command = CancelAllOrders(*self._envelope(Target(product, NO_ID, ""), account, key), side)
        return self._intent(command, product, key, owned=False)

    def cancel_all_after(self, product: Product, seconds: int, account: str, key: str) -> Intent:
        envelope = self._envelope(Target(product, NO_ID, ""), account, key)
        return self._intent(ArmCancelAllAfter(*envelope, terms.timeout(seconds)), product, key, owned=False)

    def list_product(self, wanted: Listing, partition: int, account: str, key: str) -> Intent:
        header = self._header(0, account, key)
        names, numbers = wanted[:3], wanted[3:]
        command = ListProduct(*header, *names, *numbers)
        return self._addressed(command, partition, wanted.product_id, key)

    def update_product(self, product: Product, changes: Changes, account: str, key: str) -> Intent:
        command = UpdateProduct(*self._header(product.number, account, key), *changes)
        return self._addressed(command, product.partition, product.product_id, key)

    def set_status(self, product: Product, status: TradingStatus, account: str, key: str) -> Intent:
        command = SetTradingStatus(*self._header(product.number, account, key), status)
        return self._addressed(command, product.partition, product.product_id, key)

    def delist(self, product: Product, account: str, key: str) -> Intent:
        command = DelistProduct(*self._header(product.number, account, key))
        return self._addressed(command, product.partition, product.product_id, key)

    def discard(self, name: DeadLetterName, number: int, product_id: str, note: str, account: str, key: str) -> Intent:
        """To the partition that the dead letter lies in, whatever product it is of."""
        command = DiscardDeadLetter(*self._header(number, account, key), name, note)
        return self._addressed(command, name.partition, product_id, key)

    def _header(self, number: int, account: str, key: str) -> Envelope:
        return self._named(number, account, NO_ID, "", key)

    def _envelope(self, target: Target, account: str, key: str) -> Envelope:
        return self._named(target.product.number, account, target.order_id, target.client_oid, key)

    def _named(self, number: int, account: str, order_id: bytes, client_oid: str, key: str) -> Envelope:
        now = self._mint.now()
        digest = ids.key_digest(account, number, key) if key else 0
        return self._mint.id(now, number), account, number, order_id, client_oid, digest, now, 0, None

    def _intent(self, command: AnyCommand, product: Product, key: str, *, owned: bool) -> Intent:
        repeat_key = f"{self._prefix}{command.account}:{product.number}:{key}".encode() if key else b""
        log_key = product.product_id.encode()
        return Intent(command, encode(command), product.partition, log_key, repeat_key, owned, product.product_id)

    def _addressed(self, command: AnyCommand, partition: int, product_id: str, key: str) -> Intent:
        """An operator's command. Its repeat key has the product id: a product to be listed has no number yet."""
        repeat_key = f"{self._prefix}{command.account}:{product_id}:{key}".encode() if key else b""
        return Intent(command, encode(command), partition, product_id.encode(), repeat_key, False, product_id)
