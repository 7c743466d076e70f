"""What a batch makes of each row, before any of it is written."""

import msgspec

from libs.events.values import DeadLetterName, Product
from libs.read_model.status import Status


class NewOrder(msgspec.Struct, gc=False):
    """An order whose first event is in the batch: the whole row as it is at the end of the batch."""

    order_id: bytes
    account: str
    client_oid: str
    number: int
    side: int | None
    type: int | None
    price: int
    size: int
    funds: int
    time_in_force: int | None
    post_only: bool
    created: int
    first_seq: int
    status: Status
    remaining: int
    displayed: int
    seq: int
    updated: int
    replay_of: DeadLetterName | None = None
    stp: int | None = None
    stop_price: int = 0
    max_floor: int = 0
    expire_time: int = 0
    taken_off: int = 0
    first_order_id: bytes = b""
    reject_reason: int | None = None
    done_reason: int | None = None
    done_at: int | None = None
    priority: int | None = None
    filled: int = 0
    value: int = 0


class OrderChange(msgspec.Struct, gc=False):
    """What a batch changes of an order from before it. None leaves a column; `filled`, `value` and `taken_off` are added."""

    order_id: bytes
    seq: int = 0
    updated: int = 0
    price: int | None = None
    size: int | None = None
    remaining: int | None = None
    displayed: int | None = None
    priority: int | None = None
    status: Status | None = None
    done_reason: int | None = None
    done_at: int | None = None
    stop_price: int | None = None
    max_floor: int | None = None
    expire_time: int | None = None
    filled: int = 0
    value: int = 0
    taken_off: int = 0


class ProductChange(msgspec.Struct, gc=False):
    """What a batch changes of a product: the product as a whole where an event said so, and where its feed stands."""

    number: int
    sequence: int = 0
    seq: int = 0
    product: Product | None = None
    listed: int | None = None
    trade_id: int | None = None
    last_price: int | None = None
    last_size: int | None = None
    last_time: int | None = None


class SelfTrade(msgspec.Struct, frozen=True, gc=False):
    maker_order_id: bytes
    seq: int
    time: int
    partition: int


class Trade(msgspec.Struct, frozen=True, gc=False):
    number: int
    taker_side: int
    partition: int
    trade_id: int
    seq: int
    time: int
    price: int
    size: int
    maker_order_id: bytes
    taker_order_id: bytes
    maker_account: str
    taker_account: str
