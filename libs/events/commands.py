"""What clients, operators and the system ask for. They stand in `orders`, keyed by product id.

Every command begins with the same frozen envelope, which every version can read. Fields are only ever appended, with
defaults; a change of meaning is a new tag. Prices and sizes are integers at the product's scales, times are integer
nanoseconds since the epoch, ids are the 16 bytes of `libs.events.ids`.
"""

from typing import Annotated

import msgspec

from libs.events.values import DeadLetterName, OrderType, SelfTradePrevention, Side, TimeInForce, TradingStatus

CommandId = Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]
Count = Annotated[int, msgspec.Meta(ge=0)]
Name = Annotated[str, msgspec.Meta(max_length=128)]


class Command(msgspec.Struct, frozen=True, array_like=True, gc=False, tag_field="tag"):
    """The envelope."""

    command_id: CommandId
    """Of a `PlaceOrder`: its order_id."""
    account: Name
    number: Count
    """The product's number; 0 where the product has none yet."""
    order_id: bytes
    """The order to place, amend or cancel; `NO_ID` where it is named by `client_oid`, or none is meant."""
    client_oid: Name
    key: Count
    """`key_digest` of the idempotency key the command came with; 0 without one. Of a place with a client_oid: of that."""
    sent: Count
    """order_api's own time, ns. A command published again keeps its first."""
    attempt: Count
    """0 of what a client sent. Of a command that comes back, what `CommandDeferred` said it comes back with."""
    replay_of: DeadLetterName | None
    """The dead letter that this command is to be taken for, once."""


class Envelope(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The same of a command of any version: what is known of one that this version cannot read."""

    kind: int
    """The tag."""
    command_id: CommandId
    account: Name
    number: Count
    order_id: bytes
    client_oid: Name
    key: Count
    sent: Count
    attempt: Count
    replay_of: DeadLetterName | None


def tag_of(command: type[Command]) -> int:
    """The number that stands for a kind of command."""
    tag = command.__struct_config__.tag
    assert isinstance(tag, int), "every command has a number"
    return tag


class PlaceOrder(Command, frozen=True, array_like=True, gc=False, tag=1):
    side: Side
    type: OrderType
    price: int
    """0 of a market order."""
    size: int
    """0 of a market order by funds."""
    funds: int = 0
    """Quote to spend or to raise, at price_scale + size_scale; 0 unless a market order by funds."""
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = False
    stp: SelfTradePrevention = SelfTradePrevention.DC
    stop_price: int = 0
    """Of a stop, which waits until the last trade is through it; 0 of an order that acts at once."""
    max_floor: int = 0
    """What an iceberg shows at a time; 0 shows all."""
    expire_time: int = 0
    """When a GTD order ends, engine time in ns; else 0."""


class AmendOrder(Command, frozen=True, array_like=True, gc=False, tag=2):
    price: int | None
    """None leaves it."""
    size: int | None
    """The new total, what is filled or was taken off included. None leaves it."""
    stop_price: int | None = None
    max_floor: int | None = None
    """0 shows all."""
    expire_time: int | None = None


class CancelOrder(Command, frozen=True, array_like=True, gc=False, tag=3):
    """By order_id, or by client_oid where order_id is `NO_ID`."""


class CancelAllOrders(Command, frozen=True, array_like=True, gc=False, tag=4):
    side: Side | None = None


class ListProduct(Command, frozen=True, array_like=True, gc=False, tag=5):
    product_id: str
    base_currency: str
    quote_currency: str
    price_scale: int
    size_scale: int
    quote_increment: int
    base_increment: int
    min_size: int = 0
    max_size: int = 0
    min_notional: int = 0
    price_collar: int = 0
    reference_price: int = 0
    max_open_orders: int = 0


class UpdateProduct(Command, frozen=True, array_like=True, gc=False, tag=6):
    """None leaves a value; 0 takes a limit away."""

    quote_increment: int | None = None
    base_increment: int | None = None
    min_size: int | None = None
    max_size: int | None = None
    min_notional: int | None = None
    price_collar: int | None = None
    reference_price: int | None = None
    max_open_orders: int | None = None


class SetTradingStatus(Command, frozen=True, array_like=True, gc=False, tag=7):
    status: TradingStatus


class DelistProduct(Command, frozen=True, array_like=True, gc=False, tag=8):
    pass


class ArmCancelAllAfter(Command, frozen=True, array_like=True, gc=False, tag=9):
    """The dead-man switch of an account in a product: unless it is armed again in time, its orders there are cancelled."""

    timeout: int
    """ns of engine time from now on; 0 disarms."""


class AdvanceTime(Command, frozen=True, array_like=True, gc=False, tag=10):
    """Brings its append time to every product of a partition; number 0."""


class SetClusterSize(Command, frozen=True, array_like=True, gc=False, tag=11):
    """From here on a partition lists only what belongs to it among so many; number 0. One for each partition."""

    partitions: int


class DiscardDeadLetter(Command, frozen=True, array_like=True, gc=False, tag=12):
    """Close an open dead letter without a replay. Sent to its partition, with the number it has, or 0."""

    dead_letter: DeadLetterName
    note: Annotated[str, msgspec.Meta(max_length=1024)] = ""
    """Why, in the operator's words."""


AnyCommand = (
    PlaceOrder
    | AmendOrder
    | CancelOrder
    | CancelAllOrders
    | ListProduct
    | UpdateProduct
    | SetTradingStatus
    | DelistProduct
    | ArmCancelAllAfter
    | AdvanceTime
    | SetClusterSize
    | DiscardDeadLetter
)
