"""A request that was found valid: the command it becomes, where it goes, and what tells it from a repeat."""

from typing import NamedTuple

from libs.events.commands import AnyCommand
from libs.events.values import Product


class Target(NamedTuple):
    """Whom an amend or cancel means: an order by id, or (with `NO_ID`) by client_oid; neither for a whole product."""

    product: Product
    order_id: bytes
    client_oid: str


class Intent(NamedTuple):
    """One command on its way."""

    command: AnyCommand
    payload: bytes
    """The command as it goes to the log."""
    partition: int
    log_key: bytes
    """The product id: the key of the record in `orders`."""
    repeat_key: bytes
    """What a repeat of the request has too; empty when nothing tells a repeat."""
    owned: bool
    """Whether it names an order by id, which must belong to the account."""
    product_id: str


class Taken(NamedTuple):
    """In the log, acknowledged: now, or the first time it was asked."""

    command: AnyCommand
    partition: int
    offset: int
    product_id: str
    replayed: bool

    @property
    def position(self) -> str:
        return f"{self.partition}:{self.offset}"
