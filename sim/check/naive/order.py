"""An order as its command made it, and what became of it."""

from typing import Final

from libs.events.commands import PlaceOrder

OPEN: Final = 2
ACTIVE: Final = 3
DONE: Final = 4
REJECTED: Final = 5


class NaiveOrder:
    """`status` has the numbers of the table `orders`."""

    __slots__ = (
        "account", "client_oid", "displayed", "done_reason", "expire_time", "filled", "funds", "key", "left",
        "max_floor", "order_id", "place", "post_only", "price", "reject_reason", "remaining", "side", "size", "status",
        "stop_price", "stp", "taken_off", "time_in_force", "type", "value",
    )  # fmt: skip

    def __init__(self, command: PlaceOrder) -> None:
        self.order_id = command.order_id
        self.account = command.account
        self.client_oid = command.client_oid
        self.key = command.key
        self.side = command.side
        self.type = command.type
        self.price = command.price
        self.size = command.size
        """The total: filled + remaining + taken off. 0 of an order by funds."""
        self.funds = command.funds
        self.time_in_force = command.time_in_force
        self.post_only = command.post_only
        self.stp = command.stp
        self.stop_price = command.stop_price
        self.max_floor = command.max_floor
        self.expire_time = command.expire_time
        self.remaining = command.size
        self.displayed = 0
        """What of it is shown in the queue; 0 in none."""
        self.left = command.funds
        """Of the funds."""
        self.filled = 0
        self.taken_off = 0
        """By self-trade prevention."""
        self.value = 0
        self.status = OPEN
        self.done_reason: int | None = None
        self.reject_reason: int | None = None
        self.place: int | None = None
        """The seq of the event that put it last into a queue, or into the arming order, or took it out of its queue to go on
        as a taker; None when it never was in one."""

    @property
    def name(self) -> str | int | bytes:
        """By which its account finds it, and has no second open order."""
        return self.client_oid or self.key or self.order_id

    @property
    def shown(self) -> int:
        """What it shows, or would show, when it takes a new place."""
        return min(self.max_floor, self.remaining) if self.max_floor else self.remaining

    def reduce(self, size: int, price: int) -> None:
        """Take a size off what it has left; of an order by funds, what the size costs."""
        if self.size:
            self.remaining -= size
        else:
            self.left -= size * price
        if self.displayed:
            self.displayed -= size

    def order_in_cancel(self) -> tuple[bool, int, int, int]:
        """Resting buys from the best, resting sells from the best, each level as it stands, then stops as armed."""
        armed = self.status == ACTIVE
        price = 0 if armed else -self.price if self.side == 1 else self.price
        return armed, 0 if armed else self.side, price, self.place or 0
